"""Floors of the table: xz primed with the training text, and the uniform model over its characters.

>>> uniform_baseline(["가나", "다"], ["가다", "라"])["alphabet"]  # 가 나 다, the line end, the escape
5
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Sequence
from typing import Any

from korlm.experiments.folder import count_characters

_ESCAPE_BITS = 21  # a code point: U+0000 to U+10FFFF


def uniform_baseline(train: Sequence[str], lines: Sequence[str]) -> dict[str, Any]:
    """Return what lines cost where every character is equally likely.

    The alphabet is the distinct characters of the training text, the line end and an escape: ``n`` symbols of ``log2 n``
    bits each. A character that the training text lacks costs an escape and the 21 bits of a code point.

    Args:
        train: training lines.
        lines: what is measured, not empty.

    Returns:
        ``bits_per_character``, ``alphabet`` (``n``), ``unseen`` (characters of ``lines`` that ``train`` lacks).

    >>> round(uniform_baseline(["가나다라마바"], ["가나"])["bits_per_character"], 6)  # 8 symbols
    3.0
    """
    seen = {character for line in train for character in line}
    symbol = math.log2(len(seen) + 2)
    unseen = sum(character not in seen for line in lines for character in line)
    bits = count_characters(lines) * symbol + unseen * _ESCAPE_BITS
    return {"bits_per_character": bits / count_characters(lines), "alphabet": len(seen) + 2, "unseen": unseen}


def xz_baseline(train: Sequence[str], lines: Sequence[str], *, max_prime_bytes: int) -> dict[str, Any]:
    """Return what lines cost under xz that has just read the training text.

    That is the compressed size of the training text's end with the lines after it, less that of the training text's end
    alone; UTF-8, each line ended by a line feed; LZMA2 at preset 9 extreme, its dictionary holding all of it, no
    checksum.

    Args:
        train: training lines.
        lines: what is measured, not empty.
        max_prime_bytes: how many bytes of the end of ``train`` are read before, at most.

    Returns:
        ``bits_per_character``, and ``max_prime_bytes``: the bytes that were read before.
    """
    before = _last_lines(train, max_prime_bytes)
    both = before + "".join(line + "\n" for line in lines).encode()
    # of the dictionary: the default at 9, 64 MiB, takes 674 MB; liblzma's limit is 1.5 GiB
    room = min(max(4096, 1 << (len(both) - 1).bit_length()), 3 << 29)
    bits = 8 * (_xz_size(both, room) - _xz_size(before, room))
    return {"bits_per_character": bits / count_characters(lines), "prime": len(before)}


def _last_lines(lines: Sequence[str], max_bytes: int) -> bytes:
    """Return the whole lines at the end that fit into ``max_bytes`` bytes."""
    parts: list[bytes] = []
    for line in reversed(lines):
        part = f"{line}\n".encode()
        if len(part) > max_bytes:
            break
        max_bytes -= len(part)
        parts.append(part)
    return b"".join(reversed(parts))


def _xz_size(data: bytes, dictionary_size: int) -> int:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": dictionary_size}]
    return len(lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=filters))
