"""`CopySeq2Seq`: an encoder-decoder with a pointer-generator gate, which copies tokens of its source.

See et al. (2017), "Get to the point: summarization with pointer-generator networks". Each step mixes two distributions over the
vocabulary: the softmax of the decoder, and the attention over the source, summed over the positions that hold a token:

    p(token) = g softmax(token) + (1 - g) (sum of a_s over the positions s with source_s = token),
    g = sigmoid(w . [context, h, input embedding] + b)

As subword vocabularies with byte fallback can write any text, the vocabulary is not extended by the source's words. The attention
also sees the token before each position, so that "copy what followed the last token there" is easy to learn:

    key_s = W k_s + U embedding(source_{s-1})

What `decode` and `step` return as hidden outputs are the log-probabilities of the mixture, and `compute_logits` passes them on; so
decoding, beam search and scoring work as with `korlm.nn.seq2seq.Seq2Seq`.

>>> model = CopySeq2Seq(Seq2SeqConfig(300, embedding=8, hidden=16))
>>> memory, state = model.encode(torch.tensor([[5, 6, 7]]), torch.tensor([3]))
>>> log_probs, weights, state = model.decode(memory, torch.tensor([[2, 5]]), state)
>>> log_probs.exp().sum(-1).allclose(torch.ones(1, 2)), weights.shape
(True, torch.Size([1, 2, 3]))
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.nn.cells import State
from korlm.nn.config import Seq2SeqConfig
from korlm.nn.dropout import apply_dropout
from korlm.nn.losses import IGNORE_INDEX
from korlm.nn.seq2seq import EncoderMemory, Seq2Seq

_MIN_PROBABILITY = 1e-30  # below it the copy distribution has no gradient


class CopyMemory(NamedTuple):
    """The encoder outputs that the decoder attends to, and the tokens that it copies."""

    keys: Tensor  # ``[B, S, H]``, the encoder's outputs
    projected_keys: Tensor  # ``[B, S, H]``
    mask: Tensor  # ``[B, S]``, False at padding
    source_ids: Tensor  # ``[B, S]`` int64

    def select_rows(self, rows: Tensor) -> CopyMemory:
        """Return the given rows, possibly repeated."""
        return CopyMemory(*(part.index_select(0, rows) for part in self))


class CopyStep(NamedTuple):
    """The two distributions of decoder steps and their gate."""

    hidden: Tensor  # ``[B, T, E]``, from which the softmax is computed
    weights: Tensor  # ``[B, T, S]``, the attention
    gate: Tensor  # ``[B, T]``, logit of the softmax's part


class CopySeq2Seq(Seq2Seq):
    """An encoder-decoder whose output distribution is a gated mixture of a softmax and a copy of the source."""

    def __init__(self, config: Seq2SeqConfig, *, generator: torch.Generator | None = None) -> None:
        super().__init__(config, generator=generator)
        self.previous_keys = nn.Linear(config.embedding, config.hidden, bias=False)
        self.gate = nn.Linear(2 * config.hidden + config.embedding, 1)
        for linear in (self.previous_keys, self.gate):
            nn.init.xavier_uniform_(linear.weight, generator=generator)
        nn.init.zeros_(self.gate.bias)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[CopyMemory, State]:  # type: ignore[override]
        """Run the encoder over ids, ``[B, S]`` int64; nothing after a row's length (``[B]``, at least 1) is read.

        Returns:
            The memory, and the decoder's initial state.
        """
        memory, state = super().encode(ids, lengths)
        previous = F.pad(ids[:, :-1], (1, 0))
        previous_keys = self.previous_keys(F.embedding(previous, self.embedding.weight))
        return CopyMemory(memory.keys, memory.projected_keys + previous_keys, memory.mask, ids), state

    def decode(self, memory: EncoderMemory | CopyMemory, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run the decoder over target tokens: all under teacher forcing, or one in generation.

        Args:
            memory: of `encode`.
            ids: ``[B, T]`` int64.
            state: of `encode`, or from the previous call.

        Returns:
            Log-probabilities ``[B, T, V]``; attention weights ``[B, T, S]``; the new state.
        """
        assert isinstance(memory, CopyMemory)
        step, state = self._run_decoder(memory, ids, state)
        return self.mix_distributions(step, memory.source_ids), step.weights, state

    def mix_distributions(self, step: CopyStep, source_ids: Tensor) -> Tensor:
        """Return the log-probabilities of the mixture, ``[B, T, V]``."""
        generated = super().compute_logits(step.hidden).float().log_softmax(-1)
        positions = source_ids.unsqueeze(1).expand_as(step.weights)
        copied = torch.zeros_like(generated).scatter_add_(2, positions, step.weights.to(generated.dtype))
        gate = step.gate.float().unsqueeze(-1)
        return torch.logaddexp(generated + F.logsigmoid(gate), _safe_log(copied) + F.logsigmoid(-gate))

    def answer_nll(self, memory: CopyMemory, state: State, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return ``-ln p`` of targets under teacher forcing, ``[B, T]``, without the mixture over the whole vocabulary.

        Args:
            memory: of `encode`.
            state: of `encode`.
            inputs: ``[B, T]`` int64, from ``<s>`` on.
            targets: ``[B, T]`` int64.
        """
        step, _ = self._run_decoder(memory, inputs, state)
        logits = F.linear(step.hidden, self.output.weight, self.output.bias)
        generated = -F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view(targets.shape)
        holds_target = memory.source_ids.unsqueeze(1) == targets.unsqueeze(2)
        copied = (step.weights * holds_target).sum(-1)
        return -torch.logaddexp(generated + F.logsigmoid(step.gate), _safe_log(copied) + F.logsigmoid(-step.gate))

    def start_decoding(self, ids: Tensor, lengths: Tensor, bos_id: int) -> tuple[Tensor, Tensor, State]:
        """Run the encoder and the first decoder step. See `Seq2Seq.start_decoding`; log-probabilities are ``[B, V]``."""
        memory, state = self.encode(ids, lengths)
        bos = ids.new_full((len(ids),), bos_id)
        return self.step_with_attention(bos, (*state, *(part.unsqueeze(0) for part in memory)))

    def step_with_attention(self, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run one decoder step; return log-probabilities ``[B, V]``, attention weights ``[B, S]``, and the new state."""
        num_parts = len(CopyMemory._fields)
        memory = CopyMemory(*(part[0] for part in state[-num_parts:]))
        outputs, new = self.get_stepper().step(ids, state[:-num_parts])
        inputs = F.embedding(ids, self.embedding.weight).unsqueeze(1)
        step = self._attend(memory, inputs, outputs.unsqueeze(1), 0.0)
        return self.mix_distributions(step, memory.source_ids)[:, 0], step.weights[:, 0], (*new, *state[-num_parts:])

    def compute_logits(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities, ``[..., V]``, as they are."""
        return hidden

    def nll(
        self, hidden: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, reduction: str = "mean",
        ignore_index: int = IGNORE_INDEX,
    ) -> Tensor:  # fmt: skip
        """Return ``-ln p`` of the targets ``[B, T]``, given log-probabilities ``[B, T, V]`` of `decode`.

        Args:
            hidden: ``[B, T, V]`` of `decode`.
            targets: ``[B, T]`` int64.
            label_smoothing: has no effect.
            reduction: ``mean``, ``sum``, or ``none`` (``[B, T]``).
            ignore_index: target value that is left out.
        """
        nll = F.nll_loss(hidden.flatten(0, -2), targets.flatten(), reduction=reduction, ignore_index=ignore_index)
        return nll.view(targets.shape) if reduction == "none" else nll

    def _run_decoder(self, memory: CopyMemory, ids: Tensor, state: State) -> tuple[CopyStep, State]:
        dropout = self.config.dropout if self.training else 0.0
        inputs = apply_dropout(F.embedding(ids, self.embedding.weight), dropout)
        outputs, state = self._run_layers(inputs, state, dropout=dropout)
        return self._attend(memory, inputs, outputs, dropout), state

    def _attend(self, memory: CopyMemory, inputs: Tensor, outputs: Tensor, dropout: float) -> CopyStep:
        contexts, weights = self.attention(outputs, memory.projected_keys, memory.keys, memory.mask)
        attentional = torch.tanh(self.combine(torch.cat([contexts, outputs], -1)))
        gate = self.gate(torch.cat([contexts, outputs, inputs], -1)).squeeze(-1)
        return CopyStep(self.project(apply_dropout(attentional, dropout)), weights, gate)


def _safe_log(probabilities: Tensor) -> Tensor:
    """Return the logarithm of probabilities, that of 0 very small and without a gradient."""
    return probabilities.clamp_min(_MIN_PROBABILITY).log()
