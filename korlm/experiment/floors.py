"""Floors of the table: xz primed with the training text, and the uniform model over its characters.

>>> uniform(["가나", "다"], ["가다", "라"])["alphabet"]  # 가 나 다, the line end, the escape
5
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Sequence
from typing import Any

from korlm.experiment.texts import characters

_ESCAPE_BITS = 21  # a code point: U+0000 to U+10FFFF


def uniform(train: Sequence[str], lines: Sequence[str]) -> dict[str, Any]:
    """Return what lines cost where every character is equally likely.

    The alphabet is the distinct characters of the training text, the line end and an escape: ``n`` symbols of ``log2 n``
    bits each. A character that the training text lacks costs an escape and the 21 bits of a code point.

    Args:
        train: training lines.
        lines: what is measured, not empty.

    Returns:
        ``bits_per_character``, ``alphabet`` (``n``), ``unseen`` (characters of ``lines`` that ``train`` lacks).

    >>> round(uniform(["가나다라마바"], ["가나"])["bits_per_character"], 6)  # 8 symbols
    3.0
    """
    seen = {character for line in train for character in line}
    symbol = math.log2(len(seen) + 2)
    unseen = sum(character not in seen for line in lines for character in line)
    bits = characters(lines) * symbol + unseen * _ESCAPE_BITS
    return {"bits_per_character": bits / characters(lines), "alphabet": len(seen) + 2, "unseen": unseen}


def primed_xz(train: Sequence[str], lines: Sequence[str], *, prime: int) -> dict[str, Any]:
    """Return what lines cost under xz that has just read the training text.

    That is the compressed size of the training text's end with the lines after it, less that of the training text's end
    alone; UTF-8, each line ended by a line feed; LZMA2 at preset 9 extreme, its dictionary holding all of it, no
    checksum.

    Args:
        train: training lines.
        lines: what is measured, not empty.
        prime: how many bytes of the end of ``train`` are read before, at most.

    Returns:
        ``bits_per_character``, and ``prime``: the bytes that were read before.
    """
    before = _tail(train, prime)
    both = before + "".join(line + "\n" for line in lines).encode()
    # of the dictionary: the default at 9, 64 MiB, takes 674 MB; liblzma's limit is 1.5 GiB
    room = min(max(4096, 1 << (len(both) - 1).bit_length()), 3 << 29)
    bits = 8 * (_size(both, room) - _size(before, room))
    return {"bits_per_character": bits / characters(lines), "prime": len(before)}


def _tail(lines: Sequence[str], size: int) -> bytes:
    """Return the whole lines at the end that fit into ``size`` bytes."""
    parts: list[bytes] = []
    for line in reversed(lines):
        part = f"{line}\n".encode()
        if len(part) > size:
            break
        size -= len(part)
        parts.append(part)
    return b"".join(reversed(parts))


def _size(data: bytes, room: int) -> int:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": room}]
    return len(lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=filters))
