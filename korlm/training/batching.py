"""What a step reads: windows over parallel streams (truncated BPTT), or whole lines by length.

Both are addressed by a *position*, so that a run can be taken up again anywhere, by another number of processes too: how
far each stream has been read, or how many lines. Positions go on through the epochs.

>>> windows = StreamBatches(np.arange(13), batch=2, bptt=3)
>>> windows.at(0).inputs.tolist(), windows.at(0).targets.tolist()
([[0, 1, 2], [6, 7, 8]], [[1, 2, 3], [7, 8, 9]])
>>> windows.at(3).size, windows.at(6).fresh  # the second epoch begins at 6
(3, True)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from korlm.errors import CorpusError
from korlm.tokenizers.base import EOS_ID, PAD_ID


@dataclass(frozen=True)
class Batch:
    """What a step learns from.

    Attributes:
        inputs: ``[B, T]`` int64; `targets` are the pieces after them, `PAD_ID` where there is none.
        size: how far the position moves.
        rows: ``B`` over all processes.
        pieces: targets that count, over all processes.
        fresh: the state is to be zero before it.
        scale: of the learning rate.
        lengths: ``[B]`` where rows are lines to be packed, else None.
    """

    inputs: Tensor
    targets: Tensor
    size: int
    rows: int
    pieces: int
    fresh: bool
    scale: float = 1.0
    lengths: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """Return the batch with its ids on a device."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


class Batches(Protocol):
    """Batches by position; ``length`` positions are an epoch, ``batch`` rows are read side by side."""

    length: int
    batch: int

    def at(self, position: int) -> Batch:
        """Return the batch at a position."""
        ...


class StreamBatches:
    """Windows over ``B`` contiguous streams; each goes on where the one before it stopped.

    Args:
        ids: ``[N]`` array, possibly mapped from disk.
        batch: ``B`` streams, over all processes.
        bptt: ``T`` pieces; the last window of an epoch may be shorter.
        jitter: draw the lengths, as AWD-LSTM does.
        seed: of the lengths.
        share: this process and their number: it gets every row whose turn it is, ``B / number`` neighbours.

    Raises:
        CorpusError: fewer than two pieces a stream.
    """

    def __init__(
        self,
        ids: np.ndarray,
        *,
        batch: int,
        bptt: int,
        jitter: bool = False,
        seed: int = 0,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.length = (len(ids) - 1) // batch
        if self.length < 1:
            raise _too_few(len(ids), "조각", "pieces", batch)
        self.batch = batch
        self._rows = ids[: self.length * batch + 1]
        self._bptt, self._jitter, self._seed = bptt, jitter, seed
        self._starts = np.arange(batch)[_slice(batch, share)][:, None] * self.length

    def at(self, position: int) -> Batch:
        """Return the window at a position; its state is carried unless an epoch begins."""
        first = position % self.length
        size, scale = self._window(position)
        last = min(first + size, self.length)
        block = torch.from_numpy(self._rows[self._starts + np.arange(first, last + 1)[None]].astype(np.int64))
        size = last - first
        return Batch(block[:, :-1], block[:, 1:], size, self.batch, self.batch * size, first == 0, scale)

    def _window(self, position: int) -> tuple[int, float]:
        if not self._jitter:
            return self._bptt, 1.0
        draws = np.random.default_rng([self._seed, position])
        middle = self._bptt if draws.random() < 0.95 else self._bptt / 2
        size = max(5, int(draws.normal(middle, 5)))
        return size, size / self._bptt


class LineBatches:
    """Whole lines, each from ``</s>`` to its ``</s>``, of like lengths together, in an order drawn for each epoch.

    Args:
        ids: ``[N]`` array of lines, each ended by ``</s>``.
        batch: ``B`` lines, over all processes.
        packed: give lengths, so that the net reads no padding.
        seed: of the order.
        share: this process and their number.

    Raises:
        CorpusError: fewer lines than a batch.
    """

    _POOL = 50  # batches that are sorted by length together

    def __init__(
        self, ids: np.ndarray, *, batch: int, packed: bool = False, seed: int = 0, share: tuple[int, int] = (0, 1)
    ) -> None:
        ends = np.flatnonzero(np.asarray(ids) == EOS_ID) + 1
        self._starts, self._lengths = np.concatenate([[0], ends[:-1]]), np.diff(ends, prepend=0)
        self.length = len(ends) // batch * batch  # the lines over are another epoch's
        if self.length < batch:
            raise _too_few(len(ends), "줄", "lines", batch)
        self.batch = batch
        self._ids, self._packed, self._seed, self._share = ids, packed, seed, share
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def at(self, position: int) -> Batch:
        """Return the lines at a position, the longest first."""
        chosen = self._ordered(position // self.length)[position % self.length :][: self.batch]
        lengths = self._lengths[chosen]
        mine = chosen[_slice(self.batch, self._share)]
        steps = np.arange(int(lengths.max()))
        inside = steps < self._lengths[mine, None]
        places = np.where(inside, self._starts[mine, None] + steps, 0)
        targets = np.where(inside, self._ids[places].astype(np.int64), PAD_ID)
        inputs = np.where(inside, np.roll(targets, 1, 1), PAD_ID)
        inputs[:, 0] = EOS_ID
        own = torch.from_numpy(self._lengths[mine]) if self._packed else None
        ids = (torch.from_numpy(inputs), torch.from_numpy(targets))
        return Batch(*ids, self.batch, self.batch, int(lengths.sum()), True, lengths=own)

    def _ordered(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            draws = np.random.default_rng([self._seed, epoch])
            order = draws.permutation(len(self._lengths))[: self.length]
            pools = [
                pool[np.argsort(-self._lengths[pool], kind="stable")]
                for pool in np.split(order, range(self.batch * self._POOL, self.length, self.batch * self._POOL))
            ]
            sorted_lines = np.concatenate(pools).reshape(-1, self.batch)
            self._epoch, self._order = epoch, sorted_lines[draws.permutation(len(sorted_lines))].reshape(-1)
        return self._order


def _slice(batch: int, share: tuple[int, int]) -> slice:
    rank, number = share
    return slice(batch * rank // number, batch * (rank + 1) // number)


def _too_few(count: int, ko: str, en: str, batch: int) -> CorpusError:
    return CorpusError(
        f"말뭉치의 {ko} {count}개로는 batch {batch}를 채우지 못합니다. batch를 줄이거나 글을 늘리세요.",
        f"{count} {en} are too few for a batch of {batch}. Lower the batch or add text.",
    )
