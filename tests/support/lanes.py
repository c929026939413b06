"""Lanes with any segmentation, for the tests of the app's views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from korlm.app.lanes import Lane
from korlm.morph.base import Morpheme
from korlm.text.spans import Span
from korlm.tokenizers.encoding import Encoding, Segment


def lane_of_spans(
    text: str, spans: Sequence[Span], morphemes: tuple[Morpheme, ...] = (), name: str = "pair", unit: str = "morpheme", **fields: Any
) -> Lane:  # fmt: skip
    """Return a lane with a segment of one token for each span, each with the given morphemes."""
    tokens = [text[start:end] for start, end in spans]
    segments = [Segment(start, end, morphemes) for start, end in spans]
    encoding = Encoding(text, [*range(len(spans))], tokens, list(spans), segments, [*range(len(spans))])
    return Lane(name, unit, encoding, tuple(token.encode() for token in tokens), **fields)
