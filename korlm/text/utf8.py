"""Which byte may come next, so that bytes chosen one by one are always UTF-8 (RFC 3629, section 4).

>>> allowed_next(b"\\xea") == range(0x80, 0xC0), is_complete(b"\\xea\\xb0\\x80")
(True, True)
"""

from __future__ import annotations

_LENGTHS = {**dict.fromkeys(range(0x80), 1), **dict.fromkeys(range(0xC2, 0xE0), 2)}
_LENGTHS |= {**dict.fromkeys(range(0xE0, 0xF0), 3), **dict.fromkeys(range(0xF0, 0xF5), 4)}
_SECOND = {0xE0: range(0xA0, 0xC0), 0xED: range(0x80, 0xA0), 0xF0: range(0x90, 0xC0), 0xF4: range(0x80, 0x90)}
_ANY = range(0x80, 0xC0)


def allowed_next(begun: bytes) -> range | list[int]:
    """Return the bytes that may follow the first bytes of a character; with none begun, those that may start one."""
    if not begun:
        return list(_LENGTHS)
    return _SECOND.get(begun[0], _ANY) if len(begun) == 1 else _ANY


def is_start(byte: int) -> bool:
    """Return whether a character may begin with this byte."""
    return byte in _LENGTHS


def is_complete(begun: bytes) -> bool:
    """Return whether bytes chosen by `allowed_next` are a whole character."""
    return len(begun) == _LENGTHS[begun[0]]
