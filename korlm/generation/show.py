"""Generated texts for a terminal and for programs.

>>> step = Step(270, " 정말", surprisal=1.0, probability=0.75, alternatives=((" 정말", 0.5),), delta=" 정말")
>>> text = GeneratedText.from_steps(" 정말", [step], finish_reason="limit", score=-0.69)
>>> print(format_steps(text))
␣정말    1.0 bit  ␣정말 50%
>>> generated_to_dict(text)["pieces"][0]["alternatives"]
[[' 정말', 0.5]]
"""

from __future__ import annotations

from typing import Any
from unicodedata import east_asian_width

from korlm.generation.results import GeneratedText, Step


def generated_to_dict(text: GeneratedText) -> dict[str, Any]:
    """Return a text as plain values: bits in all and a piece, probabilities, alternatives as [text, probability]."""
    pieces = [
        {
            "id": step.id,
            "piece": step.text,
            "bits": step.surprisal,
            "probability": step.probability,
            "alternatives": [list(pair) for pair in step.alternatives],
        }
        for step in text.steps
    ]
    names = ("text", "bits", "bits_per_character", "score", "reason")
    return {name: getattr(text, name) for name in names} | {"pieces": pieces}


def format_steps(text: GeneratedText) -> str:
    """Return a line a piece: the piece, its surprisal in bits, and the likeliest pieces with their probabilities."""
    width = max((_display_width(step.text) for step in text.steps), default=0)
    return "\n".join(_format_step(step, width) for step in text.steps)


def _format_step(step: Step, width: int) -> str:
    piece = _show_invisible(step.text) + " " * (width - _display_width(step.text))
    others = "  ".join(f"{_show_invisible(text)} {chance:.0%}" for text, chance in step.alternatives)
    return f"{piece}{step.surprisal:>7.1f} bit  {others}".rstrip()


def _show_invisible(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text).replace(
        " ", "␣"
    )


def _display_width(text: str) -> int:
    """Return the width of a piece on a terminal: Hangul takes two columns."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in _show_invisible(text))
