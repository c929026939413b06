"""Surprisals of tokens over the characters that they cover, and their color scale.

>>> spans = [(0, 1), (0, 1), (0, 1), (1, 2)]  # three bytes of one character, and a character
>>> segments, segment_of, bits = align_token_bits(spans, [1.0, 2.0, 0.5, 4.0], 0, 2)
>>> [(segment.start, segment.end) for segment in segments], segment_of, bits
([(0, 1), (1, 2)], [0, 0, 0, 1], [3.5, 4.0])
>>> [surprisal_level(bits) for bits in (0.0, 0.99, 1.0, 5.0, 40.0)]
[0, 0, 1, 3, 5]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise

from markupsafe import Markup

from korlm.app.templating import render_template
from korlm.text.spans import Span
from korlm.tokenizers.encoding import Segment

SURPRISAL_EDGES = (1.0, 2.0, 4.0, 6.0, 9.0)  # bits: a probability of 50, 25, 6.3, 1.6, 0.2 percent


def align_token_bits(
    spans: Sequence[Span], bits: Sequence[float], start: int, end: int
) -> tuple[list[Segment], list[int], list[float]]:
    """Group tokens into segments that share no character, so that rows of different tokenizers align.

    Bytes and jamo of one character become one segment. The bits of the segments add up to those of the tokens.

    Args:
        spans: characters of each token, in order.
        bits: surprisal of each token.
        start: first character of the range.
        end: one past the last. Characters without a token join the segment before them, or the first one.

    Returns:
        The segments, which partition the range; the index of each token's segment; the bits of each segment.
    """
    if not spans and end > start:
        return [Segment(start, end)], [], [0.0]
    firsts: list[int] = []  # index of the first token of each segment
    segment_of: list[int] = []
    covered = start
    for index, (token_start, token_end) in enumerate(spans):
        if not firsts or not (token_start < covered or token_end <= token_start or covered <= start):
            firsts.append(index)
        segment_of.append(len(firsts) - 1)
        covered = max(covered, token_end)
    starts = [start, *(spans[first][0] for first in firsts[1:]), end]
    segments = [Segment(*span) for span in pairwise(starts)] if firsts else []
    segment_bits = [math.fsum(bits[first:after]) for first, after in pairwise([*firsts, len(spans)])]
    return segments, segment_of, segment_bits


def round_preserving_sum(bits: Sequence[float]) -> list[float]:
    """Round to one decimal so that the rounded values add up to the rounded sum.

    >>> round_preserving_sum([0.25, 0.25, 0.25])
    [0.2, 0.3, 0.3]
    """
    tenths = [round(10 * total) for total in accumulate(bits, initial=0.0)]
    return [(after - before) / 10 for before, after in pairwise(tenths)]


def surprisal_level(bits: float) -> int:
    """Return the shade, 0 (expected) to 5 (unexpected): the style sheet's ``.kl-s0`` to ``.kl-s5``."""
    return bisect_right(SURPRISAL_EDGES, bits)


def render_surprisal_scale(language: str, unit: str) -> Markup:
    """Render the legend of the shades: of bits of a ``piece``, or of bits per ``character``."""
    edges = ["0", *(f"{edge:g}" for edge in SURPRISAL_EDGES)]
    labels = [f"{low}–{high}" for low, high in pairwise(edges)] + [f"{edges[-1]}+"]
    return render_template("surprisal_scale", language, labels=labels, unit=unit)


def format_probability(probability: float) -> str:
    """Format a probability in percent.

    >>> format_probability(0.314), format_probability(0.0021), format_probability(0.00001)
    ('31%', '0.21%', '<0.01%')
    """
    if probability < 0.0001:
        return "<0.01%"
    return f"{probability:.0%}" if probability >= 0.0995 else f"{100 * probability:.2g}%"
