"""The sampling controls of the generate tab: presets, the seed, and a slider for each option.

>>> preset_choices("en")[0]
('stable', 'stable')
>>> SAMPLING_PRESETS["greedy"]["temperature"], preset_values("greedy")[0]
(0.0, 0.0)
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from korlm.app.limits import MAX_BEAMS, MAX_SAMPLES, MAX_TOKENS
from korlm.app.localize import UNQUEUED, LocalizedComponents
from korlm.app.strings.common import translate
from korlm.app.templating import render_template


class SliderRange(NamedTuple):
    """The range of a slider."""

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
CUSTOM_PRESET = "own"  # any other values
PRESET_NAMES = (*SAMPLING_PRESETS, CUSTOM_PRESET)
DEFAULT_PRESET = "balanced"
_MAX_NEW_SEED = 1_000_000  # short enough to be read aloud


@dataclass(frozen=True)
class SamplingControls:
    """The controls."""

    preset: gr.Radio  # name of a preset
    description: gr.HTML  # what the preset does, in a sentence
    seed: gr.Number  # seed of the first text
    draw_button: gr.Button  # draws another seed
    samples: gr.Slider  # number of texts a model
    max_tokens: gr.Slider  # most tokens of a text
    sliders: list[gr.Slider]  # one for each of `SLIDER_RANGES`, in its order

    @property
    def components(self) -> list[Any]:
        """The controls of a request: seed, samples, tokens, then the sliders."""
        return [self.seed, self.samples, self.max_tokens, *self.sliders]

    def bind_events(self, language: gr.Radio) -> None:
        """Let a preset set the sliders, a slider select its preset, and the button draw a seed."""
        self.preset.input(apply_preset, [self.preset, language], [self.description, *self.sliders], **UNQUEUED)
        for slider in self.sliders:
            slider.release(identify_preset, [language, *self.sliders], [self.preset, self.description], **UNQUEUED)
        self.draw_button.click(new_seed, None, self.seed, **UNQUEUED)


def preset_values(name: str) -> list[float]:
    """Return the values of a preset in the order of `SLIDER_RANGES`."""
    return [SAMPLING_PRESETS[name][option] for option in SLIDER_RANGES]


def find_preset(values: Sequence[float]) -> str:
    """Return the name of the preset with these values, or `CUSTOM_PRESET`.

    >>> find_preset(preset_values("beam")), find_preset([0.33] * 8)
    ('beam', 'own')
    """
    return next((name for name in SAMPLING_PRESETS if preset_values(name) == list(values)), CUSTOM_PRESET)


def new_seed() -> int:
    """Draw a random seed."""
    return secrets.randbelow(_MAX_NEW_SEED)


def apply_preset(name: str, language: str) -> list[Any]:
    """Return the preset's description and the values of the sliders, which stay for `CUSTOM_PRESET`."""
    values: list[Any] = preset_values(name) if name in SAMPLING_PRESETS else [gr.skip() for _ in SLIDER_RANGES]
    return [render_preset_description(name, language), *values]


def identify_preset(language: str, *values: float) -> tuple[str, str]:
    """Return the name and the description of the preset that the sliders show."""
    name = find_preset(values)
    return name, render_preset_description(name, language)


def render_preset_description(name: str, language: str) -> str:
    """Return what a preset does, as HTML."""
    return render_template("paragraph", language, key=f"preset_{name}_info")


def preset_choices(language: str) -> list[tuple[str, str]]:
    """Return (label, name) of each preset."""
    return [(translate(f"preset_{name}", language), name) for name in PRESET_NAMES]


def build_sampling_controls(localized: LocalizedComponents) -> SamplingControls:
    """Lay out the controls."""
    with gr.Row(elem_classes="kl-sampling"):
        preset = gr.Radio(
            choices=preset_choices("ko"), value=DEFAULT_PRESET, elem_id="generate-preset", scale=3, min_width=280
        )
        seed = gr.Number(7, precision=0, elem_id="generate-seed", scale=1, min_width=150)
        draw_button = gr.Button(elem_id="generate-draw", size="sm", scale=0, min_width=96)
    localized.add(preset, label="preset", choices=preset_choices)
    localized.add(seed, label="seed")
    localized.add(draw_button, value="draw_seed")
    description = gr.HTML(render_preset_description(DEFAULT_PRESET, "ko"), js_on_load=None, elem_id="generate-told")
    with localized.add(gr.Accordion(open=False, elem_id="generate-options"), label="sampling"):
        with gr.Row():
            samples = gr.Slider(1, MAX_SAMPLES, 1, step=1, elem_id="generate-samples", min_width=250)
            max_tokens = gr.Slider(1, MAX_TOKENS, 60, step=1, min_width=250)
        sliders = _build_sliders(localized)
    localized.add(samples, label="samples", info="samples_info")
    localized.add(max_tokens, label="max_tokens", info="max_tokens_info")
    return SamplingControls(preset, description, seed, draw_button, samples, max_tokens, sliders)


def _build_sliders(localized: LocalizedComponents) -> list[gr.Slider]:
    sliders: list[gr.Slider] = []
    names = list(SLIDER_RANGES)
    for first in range(0, len(names), 2):
        with gr.Row():
            for name in names[first : first + 2]:
                low, high, step = SLIDER_RANGES[name]
                slider = gr.Slider(low, high, SAMPLING_PRESETS[DEFAULT_PRESET][name], step=step, min_width=250)
                sliders.append(localized.add(slider, label=name, info=f"{name}_info"))
    return sliders
