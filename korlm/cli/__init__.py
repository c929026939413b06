"""The ``korlm`` command: one module a command, each with ``HELP``, ``add_arguments(parser)`` and ``run(args)``."""
