"""What cuts a text into the unit's pieces, before any vocabulary: the `Segmenter` protocol and its plain base.

>>> from korlm.tokenizers.segmenters.word import WordSegmenter
>>> next(WordSegmenter().iter_lookup_strings(["나랑 쇼핑하자."]))
['나랑', ' 쇼핑하자.']
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from korlm.tokenizers.encoding import Segment


class Segmenter(ABC):
    """Cuts texts into segments that partition them.

    Attributes:
        unit: what a segment is.
        conjoining_jamo: conjoining letters that its pieces may hold (`korlm.tokenizers.conjoining_jamo`); empty where no cut falls
            inside a syllable.
    """

    unit: str
    conjoining_jamo: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """What must be saved to make the same cuts again, as plain values."""
        return {}

    @abstractmethod
    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield the segments of each text; joined, they are the text."""

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        """Yield the pieces of each text as the vocabulary knows them; quicker than by segments where it can be."""
        for text, segments in zip(texts, self.segment(texts, workers=workers), strict=True):
            yield [text[segment[0] : segment[1]] for segment in segments]

    def lookup_strings(self, escaped_text: str, segment: Segment) -> list[str]:
        """Return the pieces of one segment; ``escaped_text`` is the text, escaped where there are `letters`."""
        return [escaped_text[segment[0] : segment[1]]]

    def dependency_versions(self) -> list[str]:
        """Return ``name:version`` of the libraries and options that decide the cuts."""
        return []
