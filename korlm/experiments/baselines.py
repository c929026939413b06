"""Baselines that a model should beat: xz primed with the training text, and a uniform model over its characters.

>>> uniform_baseline(["가나", "다"], ["가다", "라"])["alphabet"]  # 가 나 다, the line end, the escape
5
"""

from __future__ import annotations

import lzma
import math
from collections.abc import Sequence
from typing import Any

from korlm.experiments.folder import count_characters

_ESCAPE_BITS = 21  # of a code point: U+0000 to U+10FFFF
_MAX_LZMA_DICTIONARY = 3 << 29  # 1.5 GiB, liblzma's limit


def uniform_baseline(train: Sequence[str], lines: Sequence[str]) -> dict[str, Any]:
    """Compute the code length of one line or more when every character is equally likely.

    The alphabet is the distinct characters of the training text, the line end and an escape: ``n`` symbols of ``log2 n``
    bits each. A character that the training text lacks costs an escape and the 21 bits of a code point.

    Returns:
        ``bits_per_character``, ``alphabet`` (``n``), ``unseen`` (characters of ``lines`` that ``train`` lacks).

    >>> round(uniform_baseline(["가나다라마바"], ["가나"])["bits_per_character"], 6)  # 8 symbols
    3.0
    """
    train_characters = {character for line in train for character in line}
    alphabet_size = len(train_characters) + 2
    unseen = sum(character not in train_characters for line in lines for character in line)
    bits = count_characters(lines) * math.log2(alphabet_size) + unseen * _ESCAPE_BITS
    return {"bits_per_character": bits / count_characters(lines), "alphabet": alphabet_size, "unseen": unseen}


def xz_baseline(train: Sequence[str], lines: Sequence[str], *, max_prime_bytes: int) -> dict[str, Any]:
    """Compute the code length of one line or more under xz after at most ``max_prime_bytes`` of training text.

    It is the compressed size of the end of the training text followed by the lines, minus that of the end alone: UTF-8, a
    line feed after each line, LZMA2 at preset 9 extreme with a dictionary that holds it all, no checksum.

    Returns:
        ``bits_per_character``, and ``prime``: the number of bytes that were read first.
    """
    prime = _last_lines(train, max_prime_bytes)
    primed_text = prime + "".join(line + "\n" for line in lines).encode()
    # no larger than needed: preset 9's default of 64 MiB takes 674 MB of memory
    dictionary_size = min(max(4096, 1 << (len(primed_text) - 1).bit_length()), _MAX_LZMA_DICTIONARY)
    bits = 8 * (_xz_size(primed_text, dictionary_size) - _xz_size(prime, dictionary_size))
    return {"bits_per_character": bits / count_characters(lines), "prime": len(prime)}


def _last_lines(lines: Sequence[str], max_bytes: int) -> bytes:
    """Return as many whole lines from the end as fit into ``max_bytes`` bytes."""
    encoded_lines: list[bytes] = []
    for line in reversed(lines):
        encoded = f"{line}\n".encode()
        if len(encoded) > max_bytes:
            break
        max_bytes -= len(encoded)
        encoded_lines.append(encoded)
    return b"".join(reversed(encoded_lines))


def _xz_size(data: bytes, dictionary_size: int) -> int:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": dictionary_size}]
    return len(lzma.compress(data, format=lzma.FORMAT_XZ, check=lzma.CHECK_NONE, filters=filters))
