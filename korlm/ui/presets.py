"""Ways to sample that have a name, and the ranges of the sliders that they set.

>>> PRESETS["greedy"]["temperature"], preset_values("greedy")[0]
(0.0, 0.0)
"""

from __future__ import annotations

from typing import NamedTuple

from korlm.ui.limits import MAX_BEAMS


class Range(NamedTuple):
    """What a slider goes through."""

    low: float
    high: float
    step: float


RANGES = {
    "temperature": Range(0, 2, 0.05),
    "top_p": Range(0.05, 1, 0.01),
    "top_k": Range(0, 200, 1),
    "min_p": Range(0, 0.5, 0.01),
    "typical_p": Range(0.05, 1, 0.01),
    "repetition_penalty": Range(1, 2, 0.05),
    "no_repeat_ngram": Range(0, 6, 1),
    "beams": Range(1, MAX_BEAMS, 1),
}
WHOLE = ("top_k", "no_repeat_ngram", "beams")
_OFF: dict[str, float] = {
    "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "typical_p": 1.0, "repetition_penalty": 1.0,
    "no_repeat_ngram": 0, "beams": 1,
}  # fmt: skip
PRESETS: dict[str, dict[str, float]] = {
    "stable": _OFF | {"temperature": 0.6, "top_p": 0.9, "no_repeat_ngram": 4},
    "balanced": _OFF | {"temperature": 0.8, "top_p": 0.95},
    "creative": _OFF | {"temperature": 1.1, "min_p": 0.03},
    "greedy": _OFF | {"temperature": 0.0},
    "beam": _OFF | {"beams": 4, "no_repeat_ngram": 4},
}
OWN = "own"  # the name for anything else
NAMES = (*PRESETS, OWN)
DEFAULT = "balanced"


def preset_values(name: str) -> list[float]:
    """Return the values of a preset in the order of `RANGES`."""
    return [PRESETS[name][option] for option in RANGES]


def preset_of(values: list[float]) -> str:
    """Return the name of the preset with these values, or `OWN`.

    >>> preset_of(preset_values("beam")), preset_of([0.33] * 8)
    ('beam', 'own')
    """
    return next((name for name in PRESETS if preset_values(name) == values), OWN)
