"""Text that arrives as bytes, given out only once it will not change: never half a syllable.

>>> text = IncrementalTextDecoder()
>>> [text.push(part) for part in (b"\\xea\\xb0", b"\\x80!")]
['', '가!']

Which byte may come next, so that bytes chosen one by one are always UTF-8 (RFC 3629, section 4).

>>> allowed_next_bytes(b"\\xea") == range(0x80, 0xC0), is_complete_character(b"\\xea\\xb0\\x80")
(True, True)
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


_CHARACTER_LENGTHS = {**dict.fromkeys(range(0x80), 1), **dict.fromkeys(range(0xC2, 0xE0), 2)}
_CHARACTER_LENGTHS |= {**dict.fromkeys(range(0xE0, 0xF0), 3), **dict.fromkeys(range(0xF0, 0xF5), 4)}
_SECOND_BYTE_RANGES = {
    0xE0: range(0xA0, 0xC0),
    0xED: range(0x80, 0xA0),
    0xF0: range(0x90, 0xC0),
    0xF4: range(0x80, 0x90),
}
_CONTINUATION_BYTES = range(0x80, 0xC0)


def allowed_next_bytes(prefix: bytes) -> range | list[int]:
    """Return the bytes that may follow the first bytes of a character; with none begun, those that may start one."""
    if not prefix:
        return list(_CHARACTER_LENGTHS)
    return _SECOND_BYTE_RANGES.get(prefix[0], _CONTINUATION_BYTES) if len(prefix) == 1 else _CONTINUATION_BYTES


def is_leading_byte(byte: int) -> bool:
    """Return whether a character may begin with this byte."""
    return byte in _CHARACTER_LENGTHS


def is_complete_character(prefix: bytes) -> bool:
    """Return whether bytes chosen by `allowed_next_bytes` are a whole character."""
    return len(prefix) == _CHARACTER_LENGTHS[prefix[0]]
