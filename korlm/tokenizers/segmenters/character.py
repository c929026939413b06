"""Segmenters of one code point a segment: syllable, byte and jamo units.

- syllable: a code point is a token, spaces included.
- byte: UTF-8 bytes, three for a Hangul syllable; it needs no training.
- jamo: consonants and vowels, two or three a syllable. The jamo of a syllable differ from jamo typed alone: 크 gives a
  lead and a vowel, ㅋㅋ two compatibility jamo, and typed conjoining jamo (NFD) fall back to bytes, so that all three are
  restored.

>>> [segment[:2] for segment in next(SyllableSegmenter().segment(["가 나"]))]
[(0, 1), (1, 2), (2, 3)]
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> byte_tokenizer().encode("가").ids
[238, 180, 132]
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
    """Splits at all code points: precomposed syllables, and the single jamo of NFD text."""

    unit = "syllable"
    one_character_per_segment = True
    hf_exportable = True

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield a segment for each character."""
        for text in texts:
            yield [Segment(index, index + 1) for index in range(len(text))]

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        """Yield the characters of each text."""
        return map(list, texts)


class ByteSegmenter(SyllableSegmenter):
    """Splits at all code points; an empty vocabulary then falls back to the bytes of each."""

    unit = "byte"


class JamoSegmenter(SyllableSegmenter):
    """Splits at all code points, and looks precomposed syllables up as jamo."""

    unit = "jamo"
    hf_exportable = False  # a typed jamo could not be told from one of a syllable
    conjoining_jamo = CONJOINING_JAMO

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        """Yield the jamo of each text."""
        return map(to_jamo, texts)

    def lookup_strings(self, escaped_text: str, segment: Segment) -> list[str]:
        """Return the jamo of one character."""
        return to_jamo(escaped_text[segment.start])
