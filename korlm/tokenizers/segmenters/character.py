"""The syllable unit: a code point a piece, spaces included.

>>> [segment[:2] for segment in next(SyllableSegmenter().segment(["가 나"]))]
[(0, 1), (1, 2), (2, 3)]

The byte unit: UTF-8 bytes; three for a Hangul syllable. It needs no training.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> byte_tokenizer().encode("가").ids
[238, 180, 132]

The jamo unit: consonants and vowels, two or three a syllable, exact both ways.

A syllable's letters are not the letters that somebody typed alone: 크 gives a lead and a vowel, ㅋㅋ two compatibility
letters, and typed conjoining letters (NFD) fall back to their bytes, so that all three come back as they were.

>>> from korlm.tokenizers.encoding import Segment
>>> JamoSegmenter().lookup_strings("한", Segment(0, 1)) == ["\\u1112", "\\u1161", "\\u11ab"]
True
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from korlm.text.hangul import CONJOINING_JAMO
from korlm.tokenizers.encoding import Segment
from korlm.tokenizers.segmenters.base import Segmenter
from korlm.tokenizers.syllable_splitting import to_jamo


class SyllableSegmenter(Segmenter):
    """Cuts between all code points (a precomposed syllable is one; NFD Hangul is cut by letter)."""

    unit = "syllable"

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        for text in texts:
            yield [Segment(index, index + 1) for index in range(len(text))]

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        return map(list, texts)


class ByteSegmenter(SyllableSegmenter):
    """Cuts between code points; an empty vocabulary then falls back to the bytes of each."""

    unit = "byte"


class JamoSegmenter(SyllableSegmenter):
    """Cuts between code points, and precomposed syllables into their letters."""

    unit = "jamo"
    conjoining_jamo = CONJOINING_JAMO

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        return map(to_jamo, texts)

    def lookup_strings(self, escaped_text: str, segment: Segment) -> list[str]:
        return to_jamo(escaped_text[segment.start])
