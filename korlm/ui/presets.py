"""Ways to sample that have a name, and the ranges of the sliders that they set.

>>> SAMPLING_PRESETS["greedy"]["temperature"], preset_values("greedy")[0]
(0.0, 0.0)
"""

from __future__ import annotations

from typing import NamedTuple

from korlm.ui.limits import MAX_BEAMS


class SliderRange(NamedTuple):
    """What a slider goes through."""

    low: float
    high: float
    step: float


SLIDER_RANGES = {
    "temperature": SliderRange(0, 2, 0.05),
    "top_p": SliderRange(0.05, 1, 0.01),
    "top_k": SliderRange(0, 200, 1),
    "min_p": SliderRange(0, 0.5, 0.01),
    "typical_p": SliderRange(0.05, 1, 0.01),
    "repetition_penalty": SliderRange(1, 2, 0.05),
    "no_repeat_ngram": SliderRange(0, 6, 1),
    "beams": SliderRange(1, MAX_BEAMS, 1),
}
INTEGER_OPTIONS = ("top_k", "no_repeat_ngram", "beams")
_NEUTRAL: dict[str, float] = {
    "temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "typical_p": 1.0, "repetition_penalty": 1.0,
    "no_repeat_ngram": 0, "beams": 1,
}  # fmt: skip
SAMPLING_PRESETS: dict[str, dict[str, float]] = {
    "stable": _NEUTRAL | {"temperature": 0.6, "top_p": 0.9, "no_repeat_ngram": 4},
    "balanced": _NEUTRAL | {"temperature": 0.8, "top_p": 0.95},
    "creative": _NEUTRAL | {"temperature": 1.1, "min_p": 0.03},
    "greedy": _NEUTRAL | {"temperature": 0.0},
    "beam": _NEUTRAL | {"beams": 4, "no_repeat_ngram": 4},
}
CUSTOM_PRESET = "own"  # the name for anything else
PRESET_NAMES = (*SAMPLING_PRESETS, CUSTOM_PRESET)
DEFAULT_PRESET = "balanced"


def preset_values(name: str) -> list[float]:
    """Return the values of a preset in the order of `SLIDER_RANGES`."""
    return [SAMPLING_PRESETS[name][option] for option in SLIDER_RANGES]


def find_preset(values: list[float]) -> str:
    """Return the name of the preset with these values, or `CUSTOM_PRESET`.

    >>> find_preset(preset_values("beam")), find_preset([0.33] * 8)
    ('beam', 'own')
    """
    return next((name for name in SAMPLING_PRESETS if preset_values(name) == values), CUSTOM_PRESET)
