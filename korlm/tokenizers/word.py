"""The word unit: eojeol, the stretches between spaces, each with the space before it.

>>> [segment[:2] for segment in next(WordSegmenter().segment(["나랑 쇼핑하자."]))]
[(0, 2), (2, 8)]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from korlm.text.spans import eojeol_spans, join_spaces
from korlm.tokenizers.base import Segment


class WordSegmenter:
    """Cuts at whitespace; a single space joins the eojeol after it."""

    unit = "word"

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        for text in texts:
            yield [Segment(*span) for span in join_spaces(text, eojeol_spans(text))]

    def versions(self) -> list[str]:
        return []
