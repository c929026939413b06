"""Encode many texts into one array of ids, as training reads it; much faster than lists for units of one character.

A Python list holds a pointer, and mostly an object, for each id, which take longer to create than the id to look up.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> ids, ends = byte_tokenizer().encode_array(["가", "!"])
>>> ids.tolist(), ends.tolist()
([238, 180, 132, 37], [3, 4])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

_CODE_POINTS = 0x110000


class IdArray(NamedTuple):
    """Concatenated ids of texts."""

    ids: np.ndarray  # ``[N]`` int32
    ends: np.ndarray  # ``[texts]`` int64: the end of each text in ``ids``, after its ``</s>`` if one was requested


def id_array_from_lists(lists: Iterable[Sequence[int]], eos_id: int | None) -> IdArray:
    """Return lists of ids as one array, with ``eos_id`` after each list unless it is None."""
    parts: list[Sequence[int]] = []
    ends: list[int] = []
    position = 0
    eos = () if eos_id is None else (eos_id,)
    for ids in lists:
        position += len(ids) + len(eos)
        ends.append(position)
        parts += (ids, eos)
    return IdArray(np.fromiter(chain.from_iterable(parts), np.int32, position), np.array(ends, np.int64))


def byte_id_array(texts: Sequence[str], first_byte_id: int, eos_id: int | None) -> IdArray:
    """Return the ids of the bytes of texts; byte 0 has the id ``first_byte_id``."""
    encoded = [text.encode() for text in texts]
    has_eos = eos_id is not None
    ends = np.cumsum([len(data) + has_eos for data in encoded], dtype=np.int64)
    ids = np.frombuffer((b"\n" if has_eos else b"").join([*encoded, b""]), np.uint8).astype(np.int32)
    ids += first_byte_id
    if eos_id is not None:
        ids[ends - 1] = eos_id
    return IdArray(ids, ends)


class CharacterIdTable:
    """Table of ids by code point, for units of one character; filled as characters occur.

    Args:
        look_up: returns the ids of one character: several after the fallback to bytes, or for jamo.
    """

    def __init__(self, look_up: Callable[[str], Sequence[int]]) -> None:
        self._look_up = look_up
        self._single_id = np.full(_CODE_POINTS, -1, np.int32)  # of characters with exactly one id
        self._start = np.zeros(_CODE_POINTS, np.int32)  # in `_flat_ids`
        self._length = np.zeros(_CODE_POINTS, np.uint8)  # 0: not yet looked up
        self._flat_ids: np.ndarray = np.zeros(0, np.int32)

    def encode(self, texts: Sequence[str], eos_id: int | None) -> IdArray:
        """Return the ids of ``texts``, with ``eos_id`` after each text unless it is None."""
        has_eos = eos_id is not None
        points = np.frombuffer(("\n" if has_eos else "").join([*texts, ""]).encode("utf-32-le"), np.uint32)
        ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + has_eos)
        ids = self._single_id[points]
        multiple = np.flatnonzero(ids < 0)  # characters with several ids, or not yet looked up
        if len(multiple):
            multiple_points = points[multiple]
            if not self._length[multiple_points].all():
                self._add_characters(np.unique(multiple_points[self._length[multiple_points] == 0]))
                return self.encode(texts, eos_id)
            ids, ends = self._insert_multiple_ids(ids, multiple, multiple_points, ends)
        if eos_id is not None:
            ids[ends - 1] = eos_id  # the line end took one id, a token's or a byte's
        return IdArray(ids, ends)

    def _insert_multiple_ids(
        self, ids: np.ndarray, multiple: np.ndarray, points: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Insert the ids of the characters ``points`` at the positions ``multiple``, and shift the ends."""
        lengths = self._length[points].astype(np.int64)
        counts = np.ones(len(ids), np.int64)
        counts[multiple] = lengths
        expanded = np.repeat(ids, counts)
        num_added = np.concatenate([[0], np.cumsum(lengths - 1)])  # ids added before each character, and in all
        starts = multiple + num_added[:-1]
        offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        flat_positions = np.repeat(self._start[points], lengths) + offsets
        expanded[np.repeat(starts, lengths) + offsets] = self._flat_ids[flat_positions]
        return expanded, ends + num_added[np.searchsorted(multiple, ends)]

    def _add_characters(self, points: np.ndarray) -> None:
        parts: list[np.ndarray] = [self._flat_ids]
        position = len(self._flat_ids)
        for point in points.tolist():
            ids = self._look_up(chr(point))
            self._start[point], self._length[point] = position, len(ids)
            if len(ids) == 1:
                self._single_id[point] = ids[0]
            position += len(ids)
            parts.append(np.array(ids, np.int32))
        self._flat_ids = np.concatenate(parts)
