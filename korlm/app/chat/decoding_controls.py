"""Ways for a bot to choose its words, by name, and the controls that set them.

>>> generation_options("beam", DecodingSettings(beams=3))
{'min_tokens': 1, 'beams': 3, 'n': 3}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.app.limits import MAX_BEAMS, MAX_SEED, validate_number
from korlm.app.localize import LocalizedComponents
from korlm.app.strings.common import translate

DECODINGS = ("greedy", "beam", "sample")
_MAX_MIN_TOKENS = 20  # the longest of the shortest answers, in pieces


@dataclass(frozen=True)
class DecodingSettings:
    """How the words are chosen: fields of `GenerationConfig`, and whether the bot says where it does not know."""

    abstain: bool = True
    temperature: float = 0.8
    top_p: float = 0.9
    beams: int = 5
    min_tokens: int = 1
    seed: int = 7

    @classmethod
    def from_values(cls, *values: Any) -> DecodingSettings:
        """Return the controls' values, each inside its range.

        Raises:
            InputError: no number, or one out of its range.
        """
        careful, temperature, top_p, beams, shortest, seed = values
        percent = validate_number(round(100 * float(temperature or 0)), ("온도 ×100", "Temperature × 100"), 0, 200)
        share = validate_number(round(100 * float(top_p or 0)), ("top-p ×100", "Top-p × 100"), 5, 100)
        return cls(
            bool(careful),
            percent / 100,
            share / 100,
            validate_number(beams, ("빔의 너비", "Beam width"), 2, MAX_BEAMS),
            validate_number(shortest, ("가장 짧은 답", "Shortest answer"), 1, _MAX_MIN_TOKENS),
            validate_number(seed, ("시드", "Seed"), 0, MAX_SEED),
        )


def generation_options(decoding: str, settings: DecodingSettings) -> dict[str, Any]:
    """Return the fields of `GenerationConfig` for a way; an unknown one is greedy."""
    options: dict[str, Any] = {"min_tokens": settings.min_tokens}
    if decoding == "beam":
        return options | {"beams": settings.beams, "n": settings.beams}
    if decoding == "sample":
        return options | {"temperature": settings.temperature, "top_p": settings.top_p, "seed": settings.seed}
    return options | {"temperature": 0}


def decoding_choices(language: str) -> list[tuple[str, str]]:
    """Return the ways as choices: words and names."""
    return [(translate("decoding_" + name, language), name) for name in DECODINGS]


def build_decoding_controls(localized: LocalizedComponents) -> list[Any]:
    """Lay the controls out; return them in the order of `DecodingSettings`."""
    usual = DecodingSettings()
    with localized.add(gr.Accordion(open=False, elem_id="chat-options"), label="chat_options"):
        careful = gr.Checkbox(usual.abstain, elem_id="chat-careful")
        with gr.Row():
            temperature = gr.Slider(0, 2, usual.temperature, step=0.05, min_width=220)
            top_p = gr.Slider(0.05, 1, usual.top_p, step=0.01, min_width=220)
            beams = gr.Slider(2, MAX_BEAMS, usual.beams, step=1, min_width=220)
        with gr.Row():
            shortest = gr.Slider(1, _MAX_MIN_TOKENS, usual.min_tokens, step=1, min_width=220, elem_id="chat-shortest")
            seed = gr.Number(usual.seed, precision=0, elem_id="chat-seed", min_width=220)
    names = ("careful", "temperature", "top_p", "beams", "shortest", "seed")
    knobs = [careful, temperature, top_p, beams, shortest, seed]
    for name, knob in zip(names, knobs, strict=True):
        localized.add(knob, label=f"chat_{name}", info=f"chat_{name}_info")
    return knobs
