"""Surprisals over characters: the ids of a line grouped so that each group stands on characters of its own.

Bytes and letters of one character share its span; their bits are added, so that rows of different tokenizers can be
laid over the same characters and nothing is lost: the bits of the groups add up to those of the ids.

>>> from korlm.app.view_models import DisplayToken
>>> tokens = [DisplayToken(1, "<0xEA>", 0, 1), DisplayToken(2, "<0xB0>", 0, 1), DisplayToken(3, "<0x80>", 0, 1), DisplayToken(4, "!", 1, 2)]
>>> [(piece.start, piece.end, piece.bits) for piece in align_token_bits(tokens, [1.0, 2.0, 0.5, 4.0], 0, 2)]
[(0, 1, 3.5), (1, 2, 4.0)]

The scale of surprisal: bits to one of six shades, and the legend that says in words and numbers what they mean.

>>> [surprisal_level(bits) for bits in (0.0, 0.99, 1.0, 5.0, 40.0)]
[0, 0, 1, 3, 5]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from html import escape
from itertools import pairwise

from korlm.app.strings.common import translate
from korlm.app.view_models import DisplaySegment, DisplayToken


def align_token_bits(
    tokens: Sequence[DisplayToken], bits: Sequence[float], start: int, end: int
) -> list[DisplaySegment]:
    """Return pieces that partition ``start`` to ``end``, each with the bits of its ids.

    Args:
        tokens: ids in order, with the characters that each stands on.
        bits: of each.
        start: first character.
        end: one past the last. Characters that no id stands on join the piece before them, or the first one.
    """
    if not tokens and end > start:
        return [DisplaySegment(start, end, (), bits=0.0)]
    groups: list[list[int]] = []  # indices of tokens
    reach = start
    for index, token in enumerate(tokens):
        if groups and (token.start < reach or token.end <= token.start or reach <= start):
            groups[-1].append(index)
        else:
            groups.append([index])
        reach = max(reach, token.end)
    starts = [start, *(tokens[group[0]].start for group in groups[1:]), end]
    return [
        DisplaySegment(
            starts[number],
            starts[number + 1],
            tuple(tokens[index] for index in group),
            bits=math.fsum(bits[index] for index in group),
        )
        for number, group in enumerate(groups)
    ]


def round_preserving_sum(segments: Sequence[DisplaySegment]) -> list[float]:
    """Return each piece's bits to one decimal, rounded so that they add up to their rounded sum.

    >>> round_preserving_sum([DisplaySegment(0, 1, (), bits=0.25), DisplaySegment(1, 2, (), bits=0.25), DisplaySegment(2, 3, (), bits=0.25)])
    [0.2, 0.3, 0.3]
    """
    total, tenths = 0.0, [0]
    for piece in segments:
        total += piece.bits or 0.0
        tenths.append(round(10 * total))
    return [(after - before) / 10 for before, after in pairwise(tenths)]


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
