"""The scale of surprisal: bits to one of six shades, and the legend that says in words and numbers what they mean.

>>> [surprisal_level(bits) for bits in (0.0, 0.99, 1.0, 5.0, 40.0)]
[0, 0, 1, 3, 5]
"""

from __future__ import annotations

from bisect import bisect_right
from html import escape
from itertools import pairwise

from korlm.ui.strings import translate

SURPRISAL_EDGES = (1.0, 2.0, 4.0, 6.0, 9.0)  # bits: a probability of 50, 25, 6.3, 1.6, 0.2 percent


def surprisal_level(bits: float) -> int:
    """Return the shade, 0 (easily guessed) to 5 (unexpected); the style sheet's ``.kl-s0`` to ``.kl-s5``."""
    return bisect_right(SURPRISAL_EDGES, bits)


def render_surprisal_scale(language: str, unit: str) -> str:
    """Return the legend.

    Args:
        language: ``"ko"`` or ``"en"``.
        unit: ``"piece"`` where a piece's own bits are shaded, ``"character"`` where bits per character are.
    """
    ends = ["0", *(f"{edge:g}" for edge in SURPRISAL_EDGES)]
    labels = [f"{low}–{high}" for low, high in pairwise(ends)] + [f"{ends[-1]}+"]
    swatches = "".join(f'<li class="kl-s{number}">{label}</li>' for number, label in enumerate(labels))
    low, high, name, note = (
        escape(translate(f"scale_{key}", language)) for key in ("low", "high", "name", unit)
    )  # fmt: skip
    return (
        f'<div class="kl-scale"><b>{name}</b><span>{low}</span><ol>{swatches}</ol><span>{high}</span>'
        f"<p>{note} {escape(translate(f'scale_{unit}_tip', language))}</p></div>"
    )


def format_probability(probability: float) -> str:
    """Return a probability for people.

    >>> format_probability(0.314), format_probability(0.0021), format_probability(0.00001)
    ('31%', '0.21%', '<0.01%')
    """
    if probability < 0.0001:
        return "<0.01%"
    return f"{probability:.0%}" if probability >= 0.0995 else f"{100 * probability:.2g}%"
