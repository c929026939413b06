"""The jamo unit: consonants and vowels, two or three a syllable, exact both ways.

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
from korlm.tokenizers.letters import to_jamo
from korlm.tokenizers.syllable import SyllableSegmenter


class JamoSegmenter(SyllableSegmenter):
    """Cuts between code points, and precomposed syllables into their letters."""

    unit = "jamo"
    conjoining_jamo = CONJOINING_JAMO

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        return map(to_jamo, texts)

    def lookup_strings(self, escaped_text: str, segment: Segment) -> list[str]:
        return to_jamo(escaped_text[segment.start])
