"""The syllable unit: a code point a piece, spaces included.

>>> [segment[:2] for segment in next(SyllableSegmenter().segment(["가 나"]))]
[(0, 1), (1, 2), (2, 3)]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from korlm.tokenizers.encoding import Segment
from korlm.tokenizers.segmenter import Segmenter


class SyllableSegmenter(Segmenter):
    """Cuts between all code points (a precomposed syllable is one; NFD Hangul is cut by letter)."""

    unit = "syllable"

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        for text in texts:
            yield [Segment(index, index + 1) for index in range(len(text))]

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        return map(list, texts)
