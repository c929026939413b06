"""Ways for a bot to choose its words, by name, and the controls that set them.

>>> options_of("beam", Knobs(beams=3))
{'min_tokens': 1, 'beams': 3, 'n': 3}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.ui.limits import MAX_BEAMS, MAX_SEED, checked_number
from korlm.ui.strings import say
from korlm.ui.wording import Wording

DECODINGS = ("greedy", "beam", "sample")
_SHORTEST = 20  # the longest of the shortest answers, in pieces


@dataclass(frozen=True)
class Knobs:
    """How the words are chosen: fields of `SamplingConfig`, and whether the bot says where it does not know."""

    careful: bool = True
    temperature: float = 0.8
    top_p: float = 0.9
    beams: int = 5
    shortest: int = 1
    seed: int = 7

    @classmethod
    def of(cls, *values: Any) -> Knobs:
        """Return the controls' values, each inside its range.

        Raises:
            InputError: no number, or one out of its range.
        """
        careful, temperature, top_p, beams, shortest, seed = values
        percent = checked_number(round(100 * float(temperature or 0)), ("온도 ×100", "Temperature × 100"), 0, 200)
        share = checked_number(round(100 * float(top_p or 0)), ("top-p ×100", "Top-p × 100"), 5, 100)
        return cls(
            bool(careful),
            percent / 100,
            share / 100,
            checked_number(beams, ("빔의 너비", "Beam width"), 2, MAX_BEAMS),
            checked_number(shortest, ("가장 짧은 답", "Shortest answer"), 1, _SHORTEST),
            checked_number(seed, ("시드", "Seed"), 0, MAX_SEED),
        )


def options_of(decoding: str, knobs: Knobs) -> dict[str, Any]:
    """Return the fields of `SamplingConfig` for a way; an unknown one is greedy."""
    options: dict[str, Any] = {"min_tokens": knobs.shortest}
    if decoding == "beam":
        return options | {"beams": knobs.beams, "n": knobs.beams}
    if decoding == "sample":
        return options | {"temperature": knobs.temperature, "top_p": knobs.top_p, "seed": knobs.seed}
    return options | {"temperature": 0}


def choices(language: str) -> list[tuple[str, str]]:
    """Return the ways as choices: words and names."""
    return [(say("decoding_" + name, language), name) for name in DECODINGS]


def build(wording: Wording) -> list[Any]:
    """Lay the controls out; return them in the order of `Knobs`."""
    usual = Knobs()
    with wording.add(gr.Accordion(open=False, elem_id="chat-options"), label="chat_options"):
        careful = gr.Checkbox(usual.careful, elem_id="chat-careful")
        with gr.Row():
            temperature = gr.Slider(0, 2, usual.temperature, step=0.05, min_width=220)
            top_p = gr.Slider(0.05, 1, usual.top_p, step=0.01, min_width=220)
            beams = gr.Slider(2, MAX_BEAMS, usual.beams, step=1, min_width=220)
        with gr.Row():
            shortest = gr.Slider(1, _SHORTEST, usual.shortest, step=1, min_width=220, elem_id="chat-shortest")
            seed = gr.Number(usual.seed, precision=0, elem_id="chat-seed", min_width=220)
    names = ("careful", "temperature", "top_p", "beams", "shortest", "seed")
    knobs = [careful, temperature, top_p, beams, shortest, seed]
    for name, knob in zip(names, knobs, strict=True):
        wording.add(knob, label=f"chat_{name}", info=f"chat_{name}_info")
    return knobs
