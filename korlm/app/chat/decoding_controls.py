"""The decoding methods of the chat tab and the controls that set them.

>>> generation_options("beam", DecodingSettings(beams=3))
{'min_tokens': 1, 'beams': 3, 'n': 3}
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from korlm.app.limits import MAX_BEAMS, MAX_SEED, validate_number
from korlm.app.localize import LocalizedComponents
from korlm.app.strings.common import translate

DECODINGS = ("greedy", "beam", "sample")
_MAX_MIN_TOKENS = 20


@dataclass(frozen=True)
class DecodingSettings:
    """Fields of `GenerationConfig`, and whether the bot may say that it does not know."""

    abstain: bool = True
    temperature: float = 0.8
    top_p: float = 0.9
    beams: int = 5
    min_tokens: int = 1
    seed: int = 7

    @classmethod
    def from_values(cls, *values: Any) -> DecodingSettings:
        """Return the validated values of `DecodingControls`.

        Raises:
            InputError: a value that is not a number, or is out of its range.
        """
        abstain, temperature, top_p, beams, min_tokens, seed = values
        hundredths = validate_number(round(100 * float(temperature or 0)), ("온도 ×100", "Temperature × 100"), 0, 200)
        percent = validate_number(round(100 * float(top_p or 0)), ("top-p ×100", "Top-p × 100"), 5, 100)
        return cls(
            bool(abstain),
            hundredths / 100,
            percent / 100,
            validate_number(beams, ("빔의 너비", "Beam width"), 2, MAX_BEAMS),
            validate_number(min_tokens, ("가장 짧은 답", "Shortest answer"), 1, _MAX_MIN_TOKENS),
            validate_number(seed, ("시드", "Seed"), 0, MAX_SEED),
        )


@dataclass(frozen=True)
class DecodingControls:
    """A control for each field of `DecodingSettings`."""

    abstain: gr.Checkbox
    temperature: gr.Slider
    top_p: gr.Slider
    beams: gr.Slider
    min_tokens: gr.Slider
    seed: gr.Number

    @property
    def components(self) -> list[Any]:
        """The controls in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]


def generation_options(decoding: str, settings: DecodingSettings) -> dict[str, Any]:
    """Return the fields of `GenerationConfig` for a decoding method; an unknown one is greedy."""
    options: dict[str, Any] = {"min_tokens": settings.min_tokens}
    if decoding == "beam":
        return options | {"beams": settings.beams, "n": settings.beams}
    if decoding == "sample":
        return options | {"temperature": settings.temperature, "top_p": settings.top_p, "seed": settings.seed}
    return options | {"temperature": 0}


def decoding_choices(language: str) -> list[tuple[str, str]]:
    """Return (label, name) of each decoding method."""
    return [(translate(f"decoding_{name}", language), name) for name in DECODINGS]


def build_decoding_controls(localized: LocalizedComponents) -> DecodingControls:
    """Lay out the controls."""
    default = DecodingSettings()
    with localized.add(gr.Accordion(open=False, elem_id="chat-options"), label="chat_options"):
        abstain = gr.Checkbox(default.abstain, elem_id="chat-careful")
        with gr.Row():
            temperature = gr.Slider(0, 2, default.temperature, step=0.05, min_width=220)
            top_p = gr.Slider(0.05, 1, default.top_p, step=0.01, min_width=220)
            beams = gr.Slider(2, MAX_BEAMS, default.beams, step=1, min_width=220)
        with gr.Row():
            min_tokens = gr.Slider(
                1, _MAX_MIN_TOKENS, default.min_tokens, step=1, min_width=220, elem_id="chat-shortest"
            )
            seed = gr.Number(default.seed, precision=0, elem_id="chat-seed", min_width=220)
    controls = DecodingControls(abstain, temperature, top_p, beams, min_tokens, seed)
    for field in fields(controls):
        localized.add(getattr(controls, field.name), label=f"chat_{field.name}", info=f"chat_{field.name}_info")
    return controls
