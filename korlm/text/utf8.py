"""Which byte may come next, so that bytes chosen one by one are always UTF-8 (RFC 3629, section 4).

>>> allowed_next_bytes(b"\\xea") == range(0x80, 0xC0), is_complete_character(b"\\xea\\xb0\\x80")
(True, True)
"""

from __future__ import annotations

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
