"""The ``korlm`` command: a module for each command.

Each defines ``HELP`` (Korean, English), ``add_arguments(parser)`` and ``run(args)``. Libraries that are slow to load are
imported inside ``run``, so that ``--help`` is quick.
"""
