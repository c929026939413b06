"""The `Segmenter` base class: pre-tokenization, which splits a text into segments before the vocabulary is applied.

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

    Each segment is looked up in the vocabulary as one or more lookup strings. These are usually the segment's text. A
    segmenter that splits inside syllables writes the parts of a syllable as conjoining jamo (U+1100 to U+11FF), so that
    its lookup strings can differ from the text (`korlm.tokenizers.syllable_splitting`).

    Attributes:
        unit: what a segment is, such as ``word`` or ``morpheme``.
        conjoining_jamo: the conjoining jamo that its lookup strings may contain; empty if it never splits a syllable.
        one_character_per_segment: whether every code point is a segment.
        hf_exportable: whether a Hugging Face ``tokenizer.json`` can express its splitting rule.
    """

    unit: str
    conjoining_jamo: tuple[str, ...] = ()
    one_character_per_segment: bool = False
    hf_exportable: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """The options to save in ``config.json``, with which the same segmenter can be created again."""
        return {}

    @abstractmethod
    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield the segments of each text."""

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        """Yield the lookup strings of all segments of each text; may be faster than `segment`."""
        for text, segments in zip(texts, self.segment(texts, workers=workers), strict=True):
            yield [text[segment.start : segment.end] for segment in segments]

    def lookup_strings(self, escaped_text: str, segment: Segment) -> list[str]:
        """Return the lookup strings of one segment.

        Args:
            escaped_text: the text; if there are `conjoining_jamo`, the result of `escape_typed_jamo`, which distinguishes
                conjoining jamo of the text from those that stand for parts of a syllable. The length is the same.
            segment: a segment of the text.
        """
        return [escaped_text[segment.start : segment.end]]

    def dependency_versions(self) -> list[str]:
        """Return ``name:version`` of the libraries that the segments depend on, and options that change them."""
        return []
