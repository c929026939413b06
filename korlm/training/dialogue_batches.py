"""Batches of questions and answers, of like lengths together, and the loss of an encoder-decoder over one.

>>> batches = PairBatches([([1, 5, 6, 2], [7]), ([1, 8, 2], [9, 10])], batch=2)
>>> one = batches.batch_at(0)
>>> one.source.tolist(), one.inputs.tolist(), one.targets.tolist()
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
from korlm.nn.cells import State
from korlm.nn.seq2seq import EncoderMemory, Seq2Seq
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID
from korlm.training.batching import TrainingBatch
from korlm.training.config import TrainConfig
from korlm.training.loss import scheduled_sampling_inputs

TokenIds = Sequence[int]
CollateFunction = Callable[..., TrainingBatch]
_SORT_POOL = 50  # batches that are sorted by length together
_NO_IDS = torch.empty(0, dtype=torch.long)


@dataclass(frozen=True)
class PairBatch(TrainingBatch):
    """A batch of pairs: ``inputs`` and ``targets`` are the answers'.

    Attributes:
        source: ``[B, S]``, the questions from ``<s>`` to ``</s>``.
        source_lengths: ``[B]``.
    """

    source: Tensor = _NO_IDS
    source_lengths: Tensor = _NO_IDS

    def to(self, device: torch.device) -> PairBatch:
        """Return the batch with its ids on a device."""
        moved = {name: getattr(self, name).to(device) for name in ("inputs", "targets", "source")}
        return replace(self, **moved)


class PairBatches:
    """Pairs in an order drawn for each epoch; a `korlm.training.batching.Batches`.

    Args:
        pairs: ids that each answer is given, and its own, without ``<s>`` and ``</s>``.
        batch_size: ``B`` pairs, over all processes.
        collate: puts pairs together: `collate_pairs`, or `collate_prompted_pairs`.
        seed: of the order.
        shard: this process and their number.

    Raises:
        CorpusError: fewer pairs than a batch.
    """

    def __init__(
        self, pairs: Sequence[tuple[TokenIds, TokenIds]], *, batch: int, collate: CollateFunction | None = None, seed: int = 0,
        shard: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        self.epoch_length = len(pairs) // batch * batch  # the pairs over are another epoch's
        if self.epoch_length < batch:
            raise CorpusError(
                f"물음과 답 {len(pairs)}쌍으로는 batch {batch}를 채우지 못합니다. batch를 줄이거나 대화를 늘리세요.",
                f"{len(pairs)} pairs are too few for a batch of {batch}. Lower the batch or add dialogues.",
            )
        self.batch_size = batch
        self._pairs, self._collate, self._seed, self._shard = pairs, collate or collate_pairs, seed, shard
        self._sizes = np.array([(len(answer), len(question)) for question, answer in pairs])
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def batch_at(self, position: int) -> TrainingBatch:
        """Return the pairs at a position, those with the longest answers first."""
        chosen = self._epoch_order(position // self.epoch_length)[position % self.epoch_length :][: self.batch_size]
        rank, number = self._shard
        mine = chosen[self.batch_size * rank // number : self.batch_size * (rank + 1) // number]
        pieces = int(self._sizes[chosen, 0].sum()) + len(chosen)
        return self._collate([self._pairs[index] for index in mine], rows=self.batch_size, pieces=pieces)

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            draws = np.random.default_rng([self._seed, epoch])
            order = draws.permutation(len(self._pairs))[: self.epoch_length]
            pools = np.split(
                order, range(self.batch_size * _SORT_POOL, self.epoch_length, self.batch_size * _SORT_POOL)
            )
            ranked = [pool[np.lexsort((-self._sizes[pool, 1], -self._sizes[pool, 0]))] for pool in pools]
            together = np.concatenate(ranked).reshape(-1, self.batch_size)
            self._epoch, self._order = epoch, together[draws.permutation(len(together))].reshape(-1)
        return self._order


def collate_pairs(pairs: Sequence[tuple[TokenIds, TokenIds]], *, rows: int = 0, pieces: int = 0) -> PairBatch:
    """Return pairs as a batch for an encoder-decoder.

    Args:
        pairs: ids of each question, from ``<s>`` to ``</s>``, and of its answer, without them.
        rows: over all processes; by default these.
        pieces: targets over all processes; by default these.
    """
    source, lengths = pad_token_ids([question for question, _ in pairs])
    inputs, _ = pad_token_ids([[BOS_ID, *answer] for _, answer in pairs])
    targets, sizes = pad_token_ids([[*answer, EOS_ID] for _, answer in pairs])
    return PairBatch(
        inputs, targets, rows or len(pairs), rows or len(pairs), pieces or int(sizes.sum()), True,
        source=source, source_lengths=lengths,
    )  # fmt: skip


def collate_prompted_pairs(
    pairs: Sequence[tuple[TokenIds, TokenIds]], *, rows: int = 0, pieces: int = 0
) -> TrainingBatch:
    """Return pairs as a batch for a language model, which is to go on with what each answer is given. See `collate_pairs`.

    >>> collate_prompted_pairs([([2, 5, 6], [7, 8])]).targets.tolist()  # what is given is no target
    [[0, 0, 7, 8, 2]]
    """
    inputs, _ = pad_token_ids([[*given, *answer] for given, answer in pairs])
    targets, _ = pad_token_ids([[*[PAD_ID] * (len(given) - 1), *answer, EOS_ID] for given, answer in pairs])
    return TrainingBatch(
        inputs, targets, rows or len(pairs), rows or len(pairs), pieces or int((targets != PAD_ID).sum()), True
    )


def pad_token_ids(rows: Sequence[TokenIds]) -> tuple[Tensor, Tensor]:
    """Return rows of ids as ``[B, T]``, filled up with `PAD_ID`, and their lengths ``[B]``.

    >>> pad_token_ids([[5], [6, 7]])
    (tensor([[5, 0],
            [6, 7]]), tensor([1, 2]))
    """
    ids = pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows], batch_first=True, padding_value=PAD_ID)
    return ids, torch.tensor([len(row) for row in rows])


def seq2seq_loss(
    model: Seq2Seq, batch: PairBatch, state: State, config: TrainConfig, *,
    bf16: bool = False, chances: Tensor | None = None, forcing: float = 1.0,
) -> tuple[Tensor, Tensor, State]:  # fmt: skip
    """Return what to follow down, the nats of the targets, and nothing to carry on; see `korlm.training.loss.batch_loss`.

    Args:
        model: the encoder-decoder.
        batch: on its device.
        state: not used: every pair is read by itself.
        config: ``smoothing`` of it: label smoothing (Szegedy et al. 2016), which the nats have in them.
        bf16: run the nets under autocast.
        chances: not used.
        forcing: share of the decoder's inputs that are the true piece; the others are drawn from the net's own
            prediction (scheduled sampling, Bengio et al. 2015). The first, ``<s>``, is always true.

    Example:
        >>> from korlm.nn.seq2seq import Seq2SeqConfig
        >>> net = Seq2Seq(Seq2SeqConfig(300, embedding=8, hidden=8))
        >>> loss, nats, state = seq2seq_loss(net, collate_pairs([([1, 5, 2], [6, 7])]), (), TrainConfig())
        >>> torch.allclose(loss, nats / 3), state
        (True, ())
    """
    with torch.autocast(batch.inputs.device.type, dtype=torch.bfloat16, enabled=bf16):
        memory, first = model.encode(batch.source, batch.source_lengths)
        if forcing < 1:
            hidden = _decode_scheduled_sampling(model, batch, memory, first, forcing)
        else:
            hidden, _, _ = model.decode(memory, batch.inputs, first)
    nats = model.nll(hidden, batch.targets, label_smoothing=config.smoothing, reduction="sum", ignore_index=PAD_ID)
    return nats / batch.global_tokens, nats.detach(), ()


def _decode_scheduled_sampling(
    net: Seq2Seq, batch: PairBatch, memory: EncoderMemory, state: State, forcing: float
) -> Tensor:
    true = torch.rand(batch.inputs.shape, device=batch.inputs.device) < forcing
    parts: list[Tensor] = []
    for time in range(batch.inputs.shape[1]):
        current = batch.inputs[:, time]
        if parts:
            current = scheduled_sampling_inputs(net, current, true[:, time], parts[-1][:, -1])
        hidden, _, state = net.decode(memory, current[:, None], state)
        parts.append(hidden)
    return torch.cat(parts, 1)
