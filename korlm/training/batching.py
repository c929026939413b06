"""Streams and windows: one long array of ids as ``B`` rows read side by side, ``T`` pieces at a time.

>>> batches = WindowBatches(np.arange(13), batch=2, window=3)
>>> batches[0]
(tensor([[0, 1, 2],
        [6, 7, 8]]), tensor([[1, 2, 3],
        [7, 8, 9]]))
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from korlm.errors import CorpusError


class WindowBatches:
    """Windows over ``B`` contiguous streams; window ``i + 1`` goes on where ``i`` stopped.

    Args:
        ids: ``[N]`` array, possibly mapped from disk.
        batch: ``B`` streams.
        window: ``T`` pieces; the last window may be shorter.

    Raises:
        CorpusError: fewer than two pieces a stream.
    """

    def __init__(self, ids: np.ndarray, *, batch: int, window: int) -> None:
        self.length = (len(ids) - 1) // batch
        if self.length < 1:
            raise CorpusError(
                f"말뭉치의 조각 {len(ids)}개로는 batch {batch}를 채우지 못합니다. batch를 줄이거나 글을 늘리세요.",
                f"{len(ids)} pieces are too few for a batch of {batch}. Lower the batch or add text.",
            )
        self.rows = ids[: self.length * batch + 1]
        self.batch = batch
        self.window = window

    def __len__(self) -> int:
        return -(-self.length // self.window)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Return inputs and targets, each ``[B, T]`` int64: targets are the inputs one piece later."""
        first = index * self.window
        last = min(first + self.window, self.length)
        starts = np.arange(self.batch)[:, None] * self.length
        columns = starts + np.arange(first, last + 1)[None]
        block = torch.from_numpy(self.rows[columns].astype(np.int64))
        return block[:, :-1], block[:, 1:]
