"""Training batches: windows over parallel streams (truncated BPTT), or whole lines of similar length.

Both are addressed by a *position*, so that a run can resume anywhere, also with another number of processes: the number of
tokens read from each stream, or of lines read. Positions count on through the epochs.

>>> windows = StreamBatches(np.arange(13), batch_size=2, bptt=3)
>>> windows.batch_at(0).inputs.tolist(), windows.batch_at(0).targets.tolist()
([[0, 1, 2], [6, 7, 8]], [[1, 2, 3], [7, 8, 9]])
>>> windows.batch_at(3).num_positions, windows.batch_at(6).resets_state  # the second epoch starts at 6
(3, True)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from korlm.errors import CorpusError
from korlm.text.josa import with_josa
from korlm.tokenizers.base import EOS_ID, PAD_ID

_SORT_POOL = 50  # batches that are sorted by length together


@dataclass(frozen=True)
class TrainingBatch:
    """The batch of one training step."""

    inputs: Tensor  # ``[B, T]`` int64
    targets: Tensor  # ``[B, T]`` int64, the tokens after the inputs; `PAD_ID` where there is none
    num_positions: int  # how far the position advances
    global_rows: int  # ``B`` over all processes
    global_tokens: int  # targets that are not padding, over all processes
    resets_state: bool  # the recurrent state starts at zero
    lr_scale: float = 1.0  # factor of the learning rate
    lengths: Tensor | None = None  # ``[B]`` where rows are lines to be packed, else None

    def to(self, device: torch.device) -> TrainingBatch:
        """Return the batch with its ids on a device."""
        return replace(self, inputs=self.inputs.to(device), targets=self.targets.to(device))


class BatchSource(Protocol):
    """Batches by position: ``epoch_length`` positions per epoch, ``batch_size`` rows per batch."""

    epoch_length: int
    batch_size: int

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the batch at a position."""


class StreamBatches:
    """Windows over ``B`` contiguous streams; each window continues the previous one.

    Args:
        ids: ``[N]`` array, possibly memory-mapped.
        batch_size: ``B`` streams, over all processes.
        bptt: ``T`` tokens; the last window of an epoch may be shorter.
        jitter: draw the window lengths, as AWD-LSTM does.
        seed: seed of the window lengths.
        shard: rank and number of processes; each process gets ``B / number`` adjacent rows.

    Raises:
        CorpusError: fewer than two tokens per stream.
    """

    def __init__(
        self, ids: np.ndarray, *, batch_size: int, bptt: int, jitter: bool = False, seed: int = 0,
        shard: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        self.epoch_length = (len(ids) - 1) // batch_size
        if self.epoch_length < 1:
            raise _too_few_error(len(ids), "토큰", "tokens", batch_size)
        self.batch_size = batch_size
        self._ids = ids[: self.epoch_length * batch_size + 1]
        self._bptt, self._jitter, self._seed = bptt, jitter, seed
        self._starts = np.arange(batch_size)[_shard_slice(batch_size, shard)][:, None] * self.epoch_length

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the window at a position; it carries the state over unless it starts an epoch."""
        first = position % self.epoch_length
        size, lr_scale = self._window_size(position)
        last = min(first + size, self.epoch_length)
        block = torch.from_numpy(self._ids[self._starts + np.arange(first, last + 1)[None]].astype(np.int64))
        size = last - first
        return TrainingBatch(
            block[:, :-1], block[:, 1:], size, self.batch_size, self.batch_size * size, first == 0, lr_scale
        )

    def _window_size(self, position: int) -> tuple[int, float]:
        if not self._jitter:
            return self._bptt, 1.0
        rng = np.random.default_rng([self._seed, position])
        mean = self._bptt if rng.random() < 0.95 else self._bptt / 2
        size = max(5, int(rng.normal(mean, 5)))
        return size, size / self._bptt


class ShuffledBatches:
    """The order of examples that are batched by length and shuffled anew in each epoch.

    Args:
        sizes: ``[N, K]`` lengths; the examples of a batch are sorted by them, longest first, the first column first.
        batch_size: ``B`` examples, over all processes. The examples left over in one epoch come in another.
        seed: seed of the order.
        shard: rank and number of processes.
    """

    def __init__(self, sizes: np.ndarray, *, batch_size: int, seed: int, shard: tuple[int, int]) -> None:
        self.epoch_length = len(sizes) // batch_size * batch_size
        self.batch_size = batch_size
        self._sizes, self._seed, self._shard = sizes, seed, shard
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def _indices_at(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of a batch's examples over all processes, and of this process's share of them."""
        order = self._epoch_order(position // self.epoch_length)
        indices = order[position % self.epoch_length :][: self.batch_size]
        return indices, indices[_shard_slice(self.batch_size, self._shard)]

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            rng = np.random.default_rng([self._seed, epoch])
            order = rng.permutation(len(self._sizes))[: self.epoch_length]
            pool_size = self.batch_size * _SORT_POOL
            pools = np.split(order, range(pool_size, self.epoch_length, pool_size))
            by_length = [pool[np.lexsort(-self._sizes[pool].T[::-1])] for pool in pools]
            batches = np.concatenate(by_length).reshape(-1, self.batch_size)
            self._epoch, self._order = epoch, batches[rng.permutation(len(batches))].reshape(-1)
        return self._order


class LineBatches(ShuffledBatches):
    """Whole lines, each from the preceding ``</s>`` to its own, batched by length. See `ShuffledBatches`.

    Args:
        ids: ``[N]`` array of lines, each terminated by ``</s>``.
        packed: provide lengths, so that the model skips padding.

    Raises:
        CorpusError: fewer lines than a batch.
    """

    def __init__(
        self, ids: np.ndarray, *, batch_size: int, packed: bool = False, seed: int = 0,
        shard: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        ends = np.flatnonzero(np.asarray(ids) == EOS_ID) + 1
        self._starts, self._lengths = np.concatenate([[0], ends[:-1]]), np.diff(ends, prepend=0)
        super().__init__(self._lengths[:, None], batch_size=batch_size, seed=seed, shard=shard)
        if not self.epoch_length:
            raise _too_few_error(len(ends), "줄", "lines", batch_size)
        self._ids, self._packed = ids, packed

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the lines at a position, longest first."""
        indices, local = self._indices_at(position)
        lengths = self._lengths[indices]
        steps = np.arange(int(lengths.max()))
        is_token = steps < self._lengths[local, None]
        offsets = np.where(is_token, self._starts[local, None] + steps, 0)
        targets = np.where(is_token, self._ids[offsets].astype(np.int64), PAD_ID)
        inputs = np.where(is_token, np.roll(targets, 1, 1), PAD_ID)
        inputs[:, 0] = EOS_ID
        return TrainingBatch(
            torch.from_numpy(inputs), torch.from_numpy(targets), self.batch_size, self.batch_size, int(lengths.sum()), True,
            lengths=torch.from_numpy(self._lengths[local]) if self._packed else None,
        )  # fmt: skip


def _shard_slice(batch_size: int, shard: tuple[int, int]) -> slice:
    rank, world_size = shard
    return slice(batch_size * rank // world_size, batch_size * (rank + 1) // world_size)


def _too_few_error(count: int, ko: str, en: str, batch: int) -> CorpusError:
    return CorpusError(
        f"말뭉치의 {ko} {count}개로는 {with_josa(f'batch {batch}', '을/를')} 채우지 못합니다. batch를 줄이거나 글을 늘리세요.",
        f"{count} {en} are too few for a batch of {batch}. Lower the batch or add text.",
    )
