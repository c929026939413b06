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
from korlm.ui.presets import DEFAULT, NAMES, PRESETS, RANGES, preset_of, preset_values
from korlm.ui.strings import say
from korlm.ui.wording import Wording

_DRAWN = 1_000_000  # seeds that are drawn are short enough to be read aloud


@dataclass(frozen=True)
class Sampling:
    """The controls.

    Attributes:
        preset: the name of a way.
        told: what it does, in a sentence.
        seed: of the first text.
        draw: draws another seed.
        samples: texts a model.
        max_tokens: most pieces of a text.
        sliders: one for each of `RANGES`, in its order.
    """

    preset: gr.Radio
    told: gr.HTML
    seed: gr.Number
    draw: gr.Button
    samples: gr.Slider
    max_tokens: gr.Slider
    sliders: list[gr.Slider]

    @property
    def values(self) -> list[Any]:
        """The controls whose values say how to sample: seed, samples, pieces, then the sliders."""
        return [self.seed, self.samples, self.max_tokens, *self.sliders]

    def bind(self, language: gr.Radio) -> None:
        """Let a preset set the sliders, a slider name its preset, and the button draw a seed."""
        quick: dict[str, Any] = {"show_progress": "hidden", "queue": False}
        self.preset.input(take_preset, [self.preset, language], [self.told, *self.sliders], **quick)
        for slider in self.sliders:
            slider.release(name_preset, [language, *self.sliders], [self.preset, self.told], **quick)
        self.draw.click(new_seed, None, self.seed, **quick)


def new_seed() -> int:
    """Return a seed drawn at random."""
    return secrets.randbelow(_DRAWN)


def take_preset(name: str, language: str) -> list[Any]:
    """Return the preset's sentence and its values for the sliders; what was set stays for `OWN`."""
    values: list[Any] = preset_values(name) if name in PRESETS else [gr.skip() for _ in RANGES]
    return [told(name, language), *values]


def name_preset(language: str, *values: float) -> tuple[str, str]:
    """Return the name of the preset that the sliders stand at, and its sentence."""
    name = preset_of(list(values))
    return name, told(name, language)


def told(name: str, language: str) -> str:
    """Return what a preset does."""
    return f'<p class="kl kl-said">{escape(say("told_" + name, language))}</p>'


def preset_choices(language: str) -> list[tuple[str, str]]:
    """Return the choices of the presets: words and names."""
    return [(say("preset_" + name, language), name) for name in NAMES]


def build(wording: Wording) -> Sampling:
    """Lay the controls out."""
    with gr.Row(elem_classes="kl-sampling"):
        preset = gr.Radio(
            choices=preset_choices("ko"), value=DEFAULT, elem_id="generate-preset", scale=3, min_width=280
        )
        seed = gr.Number(7, precision=0, elem_id="generate-seed", scale=1, min_width=150)
        draw = gr.Button(elem_id="generate-draw", size="sm", scale=0, min_width=96)
    wording.add(preset, label="preset", choices=preset_choices)
    wording.add(seed, label="seed")
    wording.add(draw, value="draw_seed")
    told_now = gr.HTML(told(DEFAULT, "ko"), js_on_load=None, elem_id="generate-told")
    with wording.add(gr.Accordion(open=False, elem_id="generate-options"), label="sampling"):
        with gr.Row():
            samples = gr.Slider(1, MAX_SAMPLES, 1, step=1, elem_id="generate-samples", min_width=250)
            max_tokens = gr.Slider(1, MAX_TOKENS, 60, step=1, min_width=250)
        sliders = _sliders(wording)
    wording.add(samples, label="samples", info="samples_info")
    wording.add(max_tokens, label="max_tokens", info="max_tokens_info")
    return Sampling(preset, told_now, seed, draw, samples, max_tokens, sliders)


def _sliders(wording: Wording) -> list[gr.Slider]:
    found: list[gr.Slider] = []
    names = list(RANGES)
    for first in range(0, len(names), 2):
        with gr.Row():
            for name in names[first : first + 2]:
                span = RANGES[name]
                slider = gr.Slider(span.low, span.high, PRESETS[DEFAULT][name], step=span.step, min_width=250)
                found.append(wording.add(slider, label=name, info=f"{name}_info"))
    return found
