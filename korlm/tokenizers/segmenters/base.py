"""The `Segmenter` base class: splits a text into the segments of a unit, before any vocabulary.

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
    """Splits texts into segments that partition them.

    Attributes:
        unit: of the segments.
        conjoining_jamo: conjoining jamo that its lookup strings may hold (`korlm.tokenizers.syllable_splitting`); empty
            if no boundary is inside a syllable.
        one_character_per_segment: each code point is a segment.
        hf_exportable: a Hugging Face ``tokenizer.json`` can express its rule.
    """

    unit: str
    conjoining_jamo: tuple[str, ...] = ()
    one_character_per_segment: bool = False
    hf_exportable: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """Options to save so that a loaded segmenter finds the same segments, as plain values."""
        return {}

    @abstractmethod
    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield the segments of each text."""

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        """Yield the strings of each text to look up in the vocabulary; may be faster than `segment`."""
        for text, segments in zip(texts, self.segment(texts, workers=workers), strict=True):
            yield [text[segment.start : segment.end] for segment in segments]

    def lookup_strings(self, escaped_text: str, segment: Segment) -> list[str]:
        """Return the strings of one segment; the text is escaped by `escape_typed_jamo` if there are `conjoining_jamo`."""
        return [escaped_text[segment.start : segment.end]]

    def dependency_versions(self) -> list[str]:
        """Return ``name:version`` of the libraries and options that decide the segments."""
        return []
