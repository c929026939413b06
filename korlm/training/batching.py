"""What a step reads: windows over parallel streams (truncated BPTT), or whole lines by length.

Both are addressed by a *position*, so that a run can be taken up again anywhere, by another number of processes too: how
far each stream has been read, or how many lines. Positions go on through the epochs.

>>> windows = StreamBatches(np.arange(13), batch=2, bptt=3)
>>> windows.batch_at(0).inputs.tolist(), windows.batch_at(0).targets.tolist()
([[0, 1, 2], [6, 7, 8]], [[1, 2, 3], [7, 8, 9]])
>>> windows.batch_at(3).num_positions, windows.batch_at(6).resets_state  # the second epoch begins at 6
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
class TrainingBatch:
    """What a step learns from.

    Attributes:
        inputs: ``[B, T]`` int64; `targets` are the pieces after them, `PAD_ID` where there is none.
        num_positions: how far the position moves.
        global_rows: ``B`` over all processes.
        global_tokens: targets that count, over all processes.
        resets_state: the state is to be zero before it.
        lr_scale: of the learning rate.
        lengths: ``[B]`` where rows are lines to be packed, else None.
    """

    inputs: Tensor
    targets: Tensor
    num_positions: int
    global_rows: int
    global_tokens: int
    resets_state: bool
    lr_scale: float = 1.0
    lengths: Tensor | None = None

    def to(self, device: torch.device) -> TrainingBatch:
        """Return the batch with its ids on a device."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


class BatchSource(Protocol):
    """Batches by position; ``epoch_length`` positions are an epoch, ``batch_size`` rows are read side by side."""

    epoch_length: int
    batch_size: int

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the batch at a position."""
        ...


class StreamBatches:
    """Windows over ``B`` contiguous streams; each goes on where the one before it stopped.

    Args:
        ids: ``[N]`` array, possibly mapped from disk.
        batch_size: ``B`` streams, over all processes.
        bptt: ``T`` pieces; the last window of an epoch may be shorter.
        jitter: draw the lengths, as AWD-LSTM does.
        seed: of the lengths.
        shard: this process and their number: it gets every row whose turn it is, ``B / number`` neighbours.

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
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        self.epoch_length = (len(ids) - 1) // batch
        if self.epoch_length < 1:
            raise _too_few_error(len(ids), "조각", "pieces", batch)
        self.batch_size = batch
        self._ids = ids[: self.epoch_length * batch + 1]
        self._bptt, self._jitter, self._seed = bptt, jitter, seed
        self._starts = np.arange(batch)[_shard_slice(batch, shard)][:, None] * self.epoch_length

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the window at a position; its state is carried unless an epoch begins."""
        first = position % self.epoch_length
        size, scale = self._window_size(position)
        last = min(first + size, self.epoch_length)
        block = torch.from_numpy(self._ids[self._starts + np.arange(first, last + 1)[None]].astype(np.int64))
        size = last - first
        return TrainingBatch(
            block[:, :-1], block[:, 1:], size, self.batch_size, self.batch_size * size, first == 0, scale
        )

    def _window_size(self, position: int) -> tuple[int, float]:
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
        batch_size: ``B`` lines, over all processes.
        packed: give lengths, so that the net reads no padding.
        seed: of the order.
        shard: this process and their number.

    Raises:
        CorpusError: fewer lines than a batch.
    """

    _SORT_POOL = 50  # batches that are sorted by length together

    def __init__(
        self, ids: np.ndarray, *, batch: int, packed: bool = False, seed: int = 0, shard: tuple[int, int] = (0, 1)
    ) -> None:
        ends = np.flatnonzero(np.asarray(ids) == EOS_ID) + 1
        self._starts, self._lengths = np.concatenate([[0], ends[:-1]]), np.diff(ends, prepend=0)
        self.epoch_length = len(ends) // batch * batch  # the lines over are another epoch's
        if self.epoch_length < batch:
            raise _too_few_error(len(ends), "줄", "lines", batch)
        self.batch_size = batch
        self._ids, self._packed, self._seed, self._shard = ids, packed, seed, shard
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the lines at a position, the longest first."""
        chosen = self._epoch_order(position // self.epoch_length)[position % self.epoch_length :][: self.batch_size]
        lengths = self._lengths[chosen]
        mine = chosen[_shard_slice(self.batch_size, self._shard)]
        steps = np.arange(int(lengths.max()))
        inside = steps < self._lengths[mine, None]
        places = np.where(inside, self._starts[mine, None] + steps, 0)
        targets = np.where(inside, self._ids[places].astype(np.int64), PAD_ID)
        inputs = np.where(inside, np.roll(targets, 1, 1), PAD_ID)
        inputs[:, 0] = EOS_ID
        own = torch.from_numpy(self._lengths[mine]) if self._packed else None
        ids = (torch.from_numpy(inputs), torch.from_numpy(targets))
        return TrainingBatch(*ids, self.batch_size, self.batch_size, int(lengths.sum()), True, lengths=own)

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            draws = np.random.default_rng([self._seed, epoch])
            order = draws.permutation(len(self._lengths))[: self.epoch_length]
            pools = [
                pool[np.argsort(-self._lengths[pool], kind="stable")]
                for pool in np.split(
                    order,
                    range(self.batch_size * self._SORT_POOL, self.epoch_length, self.batch_size * self._SORT_POOL),
                )
            ]
            sorted_lines = np.concatenate(pools).reshape(-1, self.batch_size)
            self._epoch, self._order = epoch, sorted_lines[draws.permutation(len(sorted_lines))].reshape(-1)
        return self._order


def _shard_slice(batch: int, shard: tuple[int, int]) -> slice:
    rank, number = shard
    return slice(batch * rank // number, batch * (rank + 1) // number)


def _too_few_error(count: int, ko: str, en: str, batch: int) -> CorpusError:
    return CorpusError(
        f"말뭉치의 {ko} {count}개로는 batch {batch}를 채우지 못합니다. batch를 줄이거나 글을 늘리세요.",
        f"{count} {en} are too few for a batch of {batch}. Lower the batch or add text.",
    )
