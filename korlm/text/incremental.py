"""Incremental UTF-8: text from a stream of bytes, never in the middle of a syllable; and which byte may come next.

>>> decoder = IncrementalTextDecoder()
>>> [decoder.push(data) for data in (b"\\xea\\xb0", b"\\x80!")]
['', '가!']
>>> allowed_next_bytes(b"\\xea") == range(0x80, 0xC0), is_complete_character(b"\\xea\\xb0\\x80")
(True, True)

RFC 3629, section 4.
"""

from __future__ import annotations

import codecs
import unicodedata

_ZERO_WIDTH_JOINER = "\u200d"


class IncrementalTextDecoder:
    """Decode UTF-8 in parts and withhold text that later bytes could change.

    Withheld are the bytes of an incomplete character, and a last character that may combine with the next one: a
    conjoining jamo (NFD Hangul), a regional indicator, or a zero-width joiner with the character before it. Invalid
    bytes become U+FFFD.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""

    def push(self, data: bytes) -> str:
        """Add bytes and return the text that is now final, possibly empty."""
        text = self._pending + self._decoder.decode(data)
        length = _stable_length(text)
        self._pending = text[length:]
        return text[:length]

    def finish(self) -> str:
        """Return the withheld text; an incomplete character becomes U+FFFD."""
        text = self._pending + self._decoder.decode(b"", final=True)
        self._pending = ""
        return text


def _stable_length(text: str) -> int:
    length = len(text)
    while length and (_may_join_next(text[length - 1]) or (length < len(text) and _extends_previous(text[length]))):
        length -= 1
    return length


def _may_join_next(character: str) -> bool:
    regional = "\U0001f1e6" <= character <= "\U0001f1ff"
    return character == _ZERO_WIDTH_JOINER or "\u1100" <= character <= "\u11ff" or regional


def _extends_previous(character: str) -> bool:
    return character == _ZERO_WIDTH_JOINER or "\u1160" <= character <= "\u11ff" or unicodedata.combining(character) > 0


_CHARACTER_LENGTHS = {  # in bytes, by the first byte
    byte: length
    for length, first_bytes in enumerate((range(0x80), range(0xC2, 0xE0), range(0xE0, 0xF0), range(0xF0, 0xF5)), 1)
    for byte in first_bytes
}
_CONTINUATION_BYTES = range(0x80, 0xC0)
_SECOND_BYTE_RANGES = {  # by the first byte, if not all continuation bytes
    0xE0: range(0xA0, 0xC0), 0xED: range(0x80, 0xA0), 0xF0: range(0x90, 0xC0), 0xF4: range(0x80, 0x90),
}  # fmt: skip


def allowed_next_bytes(prefix: bytes) -> range | list[int]:
    """Return the bytes that may follow an incomplete character, or may start one if ``prefix`` is empty."""
    if not prefix:
        return list(_CHARACTER_LENGTHS)
    return _SECOND_BYTE_RANGES.get(prefix[0], _CONTINUATION_BYTES) if len(prefix) == 1 else _CONTINUATION_BYTES


def is_leading_byte(byte: int) -> bool:
    """Return whether a character may begin with this byte."""
    return byte in _CHARACTER_LENGTHS


def is_complete_character(prefix: bytes) -> bool:
    """Return whether bytes chosen with `allowed_next_bytes` form a whole character."""
    return len(prefix) == _CHARACTER_LENGTHS[prefix[0]]
