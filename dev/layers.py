"""The order in which the modules and packages of korlm build on each other; see docs/architecture and CONTRIBUTING.

`dev/measure_house.py` and ``tests/test_architecture.py`` both read it, so that the order is written once.

>>> rank("text") < rank("tokenizers") < rank("cli")
True
>>> is_upward("tokenizers", "corpora"), is_upward("corpora", "tokenizers"), is_upward("nn", "nn")
(True, False, False)
"""

from __future__ import annotations

# Lowest first. A module imports from its own layer and from the layers above it in this list, and never from one below.
# Names are top-level: korlm/errors.py is "errors", everything in korlm/text/ is "text".
LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors", "i18n", "config", "_version", "_deprecation"),
    ("text",),
    ("storage",),
    ("morph",),
    ("tokenizers",),
    ("corpora",),
    ("reporting",),
    ("evaluation",),
    ("nn",),
    ("generation",),
    ("models",),
    ("training",),
    ("chat",),
    ("tasks",),
    ("lab",),
    ("experiments",),
    ("hub",),
    ("app",),
    ("cli",),
    ("__init__", "__main__"),
)
# korlm/__init__.py imports the public names on first use; no other module of korlm imports it.
RANKS = {name: index for index, layer in enumerate(LAYERS) for name in layer}


def rank(name: str) -> int | None:
    """Return the layer of a top-level name, counted from 0 at the bottom; None if the order does not name it."""
    return RANKS.get(name)


def is_upward(importer: str, imported: str) -> bool | None:
    """Tell whether an import goes against the order; None if one of the two names is not in it."""
    source, target = rank(importer), rank(imported)
    if source is None or target is None:
        return None
    return target > source
