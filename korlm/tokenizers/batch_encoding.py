"""Ids of many texts as one array: what training reads, and many times quicker than lists where a unit is a character.

A Python list holds a pointer and most often an object for each id, which takes longer to make than the id to find.

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
    """Ids of texts, one after the other.

    Attributes:
        ids: ``[N]`` int32.
        ends: for each text one past its last id (its ``</s>`` included, where one was asked for), int64.
    """

    ids: np.ndarray
    ends: np.ndarray


def id_array_from_lists(lists: Iterable[Sequence[int]], eos_id: int | None) -> IdArray:
    """Return lists of ids as one array, each ended by ``eos_id`` where it is given."""
    ids: list[Sequence[int]] = []
    ends: list[int] = []
    position = 0
    end = () if eos_id is None else (eos_id,)
    for one in lists:
        position += len(one) + len(end)
        ends.append(position)
        ids += (one, end)
    return IdArray(np.fromiter(chain.from_iterable(ids), np.int32, position), np.array(ends, np.int64))


def byte_id_array(texts: Sequence[str], first_byte_id: int, eos_id: int | None) -> IdArray:
    """Return the ids of texts as bytes, the byte 0 being id ``first_byte_id``."""
    data = [text.encode() for text in texts]
    extra = eos_id is not None
    ends = np.cumsum([len(one) + extra for one in data], dtype=np.int64)
    ids = np.frombuffer((b"\n" if extra else b"").join([*data, b""]), np.uint8).astype(np.int32)
    ids += first_byte_id
    if eos_id is not None:
        ids[ends - 1] = eos_id
    return IdArray(ids, ends)


class CharacterIdTable:
    """Ids by code point, for units that look at one character at a time; filled as characters are met.

    Args:
        look_up: returns the ids of one character (one, or several after the fallback or for jamo).
    """

    def __init__(self, look_up: Callable[[str], Sequence[int]]) -> None:
        self._look_up = look_up
        self._single_id = np.full(_CODE_POINTS, -1, np.int32)  # the id of a character that has just one
        self._start = np.zeros(_CODE_POINTS, np.int32)
        self._length = np.zeros(_CODE_POINTS, np.uint8)  # 0: not met yet
        self._flat_ids: np.ndarray = np.zeros(0, np.int32)

    def encode(self, texts: Sequence[str], eos_id: int | None) -> IdArray:
        """Return the ids of ``texts``, each ended by ``eos_id`` where it is given."""
        extra = eos_id is not None
        points = np.frombuffer(("\n" if extra else "").join([*texts, ""]).encode("utf-32-le"), np.uint32)
        ends = np.fromiter(map(len, texts), np.int64, len(texts))
        ends = np.cumsum(ends + extra)
        ids = self._single_id[points]
        several = np.flatnonzero(ids < 0)  # characters that took more than one id, or were not met yet
        if len(several):
            missing = points[several]
            if not self._length[missing].all():
                self._add_characters(np.unique(missing[self._length[missing] == 0]))
                return self.encode(texts, eos_id)
            ids, ends = self._insert_multiple_ids(ids, several, missing, ends)
        if eos_id is not None:
            ids[ends - 1] = eos_id  # the line end took one id, its own or its byte's
        return IdArray(ids, ends)

    def _insert_multiple_ids(
        self, ids: np.ndarray, several: np.ndarray, points: np.ndarray, ends: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Put the ids of the characters at ``several`` in their place, and move the ends along."""
        lengths = self._length[points].astype(np.int64)
        counts = np.ones(len(ids), np.int64)
        counts[several] = lengths
        wide = np.repeat(ids, counts)
        grown = np.concatenate([[0], np.cumsum(lengths - 1)])  # ids added before each of them, and in all
        begin = several + grown[:-1]
        inside = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        wide[np.repeat(begin, lengths) + inside] = self._flat_ids[np.repeat(self._start[points], lengths) + inside]
        return wide, ends + grown[np.searchsorted(several, ends)]

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
