"""The byte unit: UTF-8 bytes; three for a Hangul syllable. It needs no training.

>>> byte_tokenizer().encode("가").ids
[238, 180, 132]
"""

from __future__ import annotations

from collections.abc import Sequence

from korlm.tokenizers.pieces import SegmentedTokenizer
from korlm.tokenizers.syllable import SyllableSegmenter
from korlm.tokenizers.vocabulary import Vocabulary


class ByteSegmenter(SyllableSegmenter):
    """Cuts between code points; an empty vocabulary then falls back to the bytes of each."""

    unit = "byte"


def byte_tokenizer(specials: Sequence[str] = ()) -> SegmentedTokenizer:
    """Return the byte tokenizer: 4 special tokens and 256 bytes, and any further special tokens."""
    return SegmentedTokenizer("byte", ByteSegmenter(), Vocabulary([], specials=specials))
