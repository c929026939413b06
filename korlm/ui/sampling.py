"""The controls of how to sample: presets, the seed, and all settings as sliders, with their words registered.

>>> preset_choices("en")[0]
('stable', 'stable')
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from korlm.ui.limits import MAX_SAMPLES, MAX_TOKENS
from korlm.ui.presets import DEFAULT_PRESET, PRESET_NAMES, SAMPLING_PRESETS, SLIDER_RANGES, find_preset, preset_values
from korlm.ui.strings import translate
from korlm.ui.wording import LocalizedComponents

_MAX_DRAWN_SEED = 1_000_000  # seeds that are drawn are short enough to be read aloud


@dataclass(frozen=True)
class SamplingControls:
    """The controls.

    Attributes:
        preset: the name of a way.
        description: what it does, in a sentence.
        seed: of the first text.
        draw_button: draws another seed.
        samples: texts a model.
        max_tokens: most pieces of a text.
        sliders: one for each of `SLIDER_RANGES`, in its order.
    """

    preset: gr.Radio
    description: gr.HTML
    seed: gr.Number
    draw_button: gr.Button
    samples: gr.Slider
    max_tokens: gr.Slider
    sliders: list[gr.Slider]

    @property
    def values(self) -> list[Any]:
        """The controls whose values say how to sample: seed, samples, pieces, then the sliders."""
        return [self.seed, self.samples, self.max_tokens, *self.sliders]

    def bind_events(self, language: gr.Radio) -> None:
        """Let a preset set the sliders, a slider name its preset, and the button draw a seed."""
        quick: dict[str, Any] = {"show_progress": "hidden", "queue": False}
        self.preset.input(apply_preset, [self.preset, language], [self.description, *self.sliders], **quick)
        for slider in self.sliders:
            slider.release(identify_preset, [language, *self.sliders], [self.preset, self.description], **quick)
        self.draw_button.click(new_seed, None, self.seed, **quick)


def new_seed() -> int:
    """Return a seed drawn at random."""
    return secrets.randbelow(_MAX_DRAWN_SEED)


def apply_preset(name: str, language: str) -> list[Any]:
    """Return the preset's sentence and its values for the sliders; what was set stays for `OWN`."""
    values: list[Any] = preset_values(name) if name in SAMPLING_PRESETS else [gr.skip() for _ in SLIDER_RANGES]
    return [render_preset_description(name, language), *values]


def identify_preset(language: str, *values: float) -> tuple[str, str]:
    """Return the name of the preset that the sliders stand at, and its sentence."""
    name = find_preset(list(values))
    return name, render_preset_description(name, language)


def render_preset_description(name: str, language: str) -> str:
    """Return what a preset does."""
    return f'<p class="kl kl-said">{escape(translate("told_" + name, language))}</p>'


def preset_choices(language: str) -> list[tuple[str, str]]:
    """Return the choices of the presets: words and names."""
    return [(translate("preset_" + name, language), name) for name in PRESET_NAMES]


def build_sampling_controls(localized: LocalizedComponents) -> SamplingControls:
    """Lay the controls out."""
    with gr.Row(elem_classes="kl-sampling"):
        preset = gr.Radio(
            choices=preset_choices("ko"), value=DEFAULT_PRESET, elem_id="generate-preset", scale=3, min_width=280
        )
        seed = gr.Number(7, precision=0, elem_id="generate-seed", scale=1, min_width=150)
        draw = gr.Button(elem_id="generate-draw", size="sm", scale=0, min_width=96)
    localized.add(preset, label="preset", choices=preset_choices)
    localized.add(seed, label="seed")
    localized.add(draw, value="draw_seed")
    told_now = gr.HTML(render_preset_description(DEFAULT_PRESET, "ko"), js_on_load=None, elem_id="generate-told")
    with localized.add(gr.Accordion(open=False, elem_id="generate-options"), label="sampling"):
        with gr.Row():
            samples = gr.Slider(1, MAX_SAMPLES, 1, step=1, elem_id="generate-samples", min_width=250)
            max_tokens = gr.Slider(1, MAX_TOKENS, 60, step=1, min_width=250)
        sliders = _build_sliders(localized)
    localized.add(samples, label="samples", info="samples_info")
    localized.add(max_tokens, label="max_tokens", info="max_tokens_info")
    return SamplingControls(preset, told_now, seed, draw, samples, max_tokens, sliders)


def _build_sliders(localized: LocalizedComponents) -> list[gr.Slider]:
    found: list[gr.Slider] = []
    names = list(SLIDER_RANGES)
    for first in range(0, len(names), 2):
        with gr.Row():
            for name in names[first : first + 2]:
                span = SLIDER_RANGES[name]
                slider = gr.Slider(
                    span.low, span.high, SAMPLING_PRESETS[DEFAULT_PRESET][name], step=span.step, min_width=250
                )
                found.append(localized.add(slider, label=name, info=f"{name}_info"))
    return found
