"""Text that arrives as bytes, given out only once it will not change: never half a syllable.

>>> text = IncrementalTextDecoder()
>>> [text.push(part) for part in (b"\\xea\\xb0", b"\\x80!")]
['', '가!']
"""

from __future__ import annotations

import codecs
import unicodedata

_ZERO_WIDTH_JOINER = "\u200d"


class IncrementalTextDecoder:
    """Decodes UTF-8 bytes piece by piece; holds back what a later byte could still alter.

    Held back are the first bytes of a character, and a last character that the next one may join: a conjoining
    letter (NFD Hangul), or a zero-width joiner with what is before it. Bytes that are no UTF-8 become U+FFFD.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def push(self, data: bytes) -> str:
        """Take more bytes; return the text that is now certain, which may be empty."""
        text = self._pending + self._decoder.decode(data)
        cut = _stable_length(text)
        self._pending = text[cut:]
        return text[:cut]

    def finish(self) -> str:
        """Return what was held back; an unfinished character becomes U+FFFD."""
        text = self._pending + self._decoder.decode(b"", final=True)
        self._pending = ""
        return text


def _stable_length(text: str) -> int:
    length = len(text)
    while length and (_may_join_next(text[length - 1]) or (length < len(text) and _extends_previous(text[length]))):
        length -= 1
    return length


def _may_join_next(character: str) -> bool:
    """Whether the next character could still become one with this one."""
    regional = "\U0001f1e6" <= character <= "\U0001f1ff"
    return character == _ZERO_WIDTH_JOINER or "\u1100" <= character <= "\u11ff" or regional


def _extends_previous(character: str) -> bool:
    """Whether this character is one with the one before it."""
    return character == _ZERO_WIDTH_JOINER or "\u1160" <= character <= "\u11ff" or unicodedata.combining(character) > 0
