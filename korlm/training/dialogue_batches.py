"""Batches of dialogue pairs, grouped by length, for an encoder-decoder or a language model.

>>> batches = PairBatches([([1, 5, 6, 2], [7]), ([1, 8, 2], [9, 10])], batch_size=2)
>>> batch = batches.batch_at(0)
>>> batch.source.tolist(), batch.inputs.tolist(), batch.targets.tolist()
([[1, 8, 2, 0], [1, 5, 6, 2]], [[1, 9, 10], [1, 7, 0]], [[9, 10, 2], [7, 2, 0]])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from korlm.errors import CorpusError
from korlm.text.josa import with_josa
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID
from korlm.training.batching import ShuffledBatches, TrainingBatch

TokenIds = Sequence[int]
CollateFunction = Callable[..., TrainingBatch]
_NO_IDS = torch.empty(0, dtype=torch.long)


@dataclass(frozen=True)
class PairBatch(TrainingBatch):
    """A batch of pairs: ``inputs`` and ``targets`` are the answers'."""

    source: Tensor = _NO_IDS  # ``[B, S]``, the questions from ``<s>`` to ``</s>``
    source_lengths: Tensor = _NO_IDS  # ``[B]``

    def to(self, device: torch.device) -> PairBatch:
        """Return the batch with its ids on a device."""
        moved = {name: getattr(self, name).to(device) for name in ("inputs", "targets", "source")}
        return replace(self, **moved)


class PairBatches(ShuffledBatches):
    """Pairs, batched by length of the answer and then of the question. See `ShuffledBatches`.

    Args:
        pairs: ids of what precedes each answer, and of the answer without ``<s>`` and ``</s>``.
        collate: makes a batch of pairs: `collate_pairs` (the default) or `collate_prompted_pairs`.

    Raises:
        CorpusError: fewer pairs than a batch.
    """

    def __init__(
        self, pairs: Sequence[tuple[TokenIds, TokenIds]], *, batch_size: int, collate: CollateFunction | None = None,
        seed: int = 0, shard: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        sizes = np.array([(len(answer), len(question)) for question, answer in pairs]).reshape(-1, 2)
        super().__init__(sizes, batch_size=batch_size, seed=seed, shard=shard)
        if not self.epoch_length:
            raise CorpusError(
                f"물음과 답 {len(pairs)}쌍으로는 {with_josa(f'batch {batch_size}', '을/를')} 채우지 못합니다. batch를 줄이거나 대화를 늘리세요.",
                f"{len(pairs)} pairs are too few for a batch of {batch_size}. Lower the batch or add dialogues.",
            )
        self._pairs, self._collate = pairs, collate or collate_pairs

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the pairs at a position, those with the longest answers first."""
        indices, local = self._indices_at(position)
        global_tokens = int(self._sizes[indices, 0].sum()) + len(indices)
        return self._collate(
            [self._pairs[index] for index in local], global_rows=self.batch_size, global_tokens=global_tokens
        )


def collate_pairs(
    pairs: Sequence[tuple[TokenIds, TokenIds]], *, global_rows: int = 0, global_tokens: int = 0
) -> PairBatch:
    """Return a batch of pairs for an encoder-decoder.

    Args:
        pairs: ids of each question, from ``<s>`` to ``</s>``, and of its answer, without them.
        global_rows: rows over all processes; by default those of the pairs.
        global_tokens: targets over all processes; by default those of the pairs.
    """
    source, lengths = pad_token_ids([question for question, _ in pairs])
    inputs, _ = pad_token_ids([[BOS_ID, *answer] for _, answer in pairs])
    targets, sizes = pad_token_ids([[*answer, EOS_ID] for _, answer in pairs])
    rows = global_rows or len(pairs)
    return PairBatch(
        inputs, targets, rows, rows, global_tokens or int(sizes.sum()), True, source=source, source_lengths=lengths
    )


def collate_prompted_pairs(
    pairs: Sequence[tuple[TokenIds, TokenIds]], *, global_rows: int = 0, global_tokens: int = 0
) -> TrainingBatch:
    """Return a batch of pairs for a language model, which continues each prompt. See `collate_pairs`.

    >>> collate_prompted_pairs([([2, 5, 6], [7, 8])]).targets.tolist()  # the prompt is not a target
    [[0, 0, 7, 8, 2]]
    """
    inputs, _ = pad_token_ids([[*prompt, *answer] for prompt, answer in pairs])
    targets, _ = pad_token_ids([[*[PAD_ID] * (len(prompt) - 1), *answer, EOS_ID] for prompt, answer in pairs])
    rows = global_rows or len(pairs)
    return TrainingBatch(inputs, targets, rows, rows, global_tokens or int((targets != PAD_ID).sum()), True)


def pad_token_ids(rows: Sequence[TokenIds]) -> tuple[Tensor, Tensor]:
    """Return rows of ids padded with `PAD_ID` to ``[B, T]``, and their lengths ``[B]``.

    >>> pad_token_ids([[5], [6, 7]])
    (tensor([[5, 0],
            [6, 7]]), tensor([1, 2]))
    """
    ids = pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows], batch_first=True, padding_value=PAD_ID)
    return ids, torch.tensor([len(row) for row in rows])
