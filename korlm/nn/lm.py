"""`RecurrentLM`: embedding, RNN/GRU/LSTM, projection to the vocabulary; the state is an argument and a return value.

Shapes: ``B`` batch, ``T`` time, ``V`` vocabulary, ``E`` embedding, ``H`` hidden, ``L`` layers.

    >>> net = RecurrentLM(NetConfig(vocab_size=300, embedding=8, hidden=16))
    >>> hidden, state = net(torch.zeros(2, 5, dtype=torch.long))
    >>> net.compute_logits(hidden).shape
    torch.Size([2, 5, 300])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.nn.base import BaseTextModel
from korlm.nn.cells import State
from korlm.nn.config import CELLS, NetConfig
from korlm.nn.dropout import apply_dropout, embed_with_dropout
from korlm.nn.inference import PrepackedStepper
from korlm.nn.init import initialize_weights
from korlm.nn.layers import make_layer, run_layer
from korlm.nn.losses import IGNORE_INDEX, LMOutput, adaptive_cross_entropy, chunked_cross_entropy, sampled_cross_entropy
from korlm.nn.ngrams import HashedNgrams

__all__ = ["CELLS", "LMOutput", "NetConfig", "RecurrentLM", "State"]


class RecurrentLM(BaseTextModel):
    """A recurrent language model.

    A state is ``(h,)``, for LSTM ``(h, c)``; each ``[L, B, H]``, h ``[L, B, P]`` with a projection. With hashed n-grams
    the pieces before stand at its end, ``[1, B, N - 1]``.

    Args:
        config: its shape.
        generator: the random generator of the initial weights; torch's global one by default.
    """

    def __init__(self, config: NetConfig, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.embedding)
        widths = [config.embedding] + [config.recurrent_width] * (config.layers - 1)
        self.layers = nn.ModuleList(make_layer(config, width) for width in widths)
        width = config.embedding if config.tied else config.recurrent_width
        self.project = nn.Linear(config.recurrent_width, width) if width != config.recurrent_width else nn.Identity()
        self.output: nn.Linear | nn.AdaptiveLogSoftmaxWithLoss
        if config.softmax == "adaptive":
            self.output = nn.AdaptiveLogSoftmaxWithLoss(width, config.vocab_size, list(config.cutoffs))
        else:
            self.output = nn.Linear(width, config.vocab_size)
            if config.tied:
                self.output.weight = self.embedding.weight
        initialize_weights(self, config, generator)
        self.ngrams: HashedNgrams | None = None
        if config.ngrams:
            self.ngrams = HashedNgrams(config.ngrams, config.buckets, config.ngram_width)
            self.ngrams_in = nn.Linear(config.ngram_width, config.embedding, bias=False)
            self.ngrams_out = nn.Linear(config.ngram_width, width, bias=False)
            for linear in (self.ngrams_in, self.ngrams_out):
                nn.init.xavier_uniform_(linear.weight, generator=generator)

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run over ids.

        Args:
            ids: ``[B, T]`` int64.
            state: from the call before, or None for zeros.

        Returns:
            Hidden outputs ``[B, T, E]`` (``[B, T, H]`` untied), for `logits` and `nats`; and the new state.
        """
        return self.forward_with_activations(ids, state)[:2]

    def forward_with_activations(
        self, ids: Tensor, state: State | None = None, *, lengths: Tensor | None = None
    ) -> LMOutput:
        """Run over ids, as `forward`, and return also what `activation_penalty` needs.

        Args:
            ids: ``[B, T]`` int64.
            state: from the call before, or None for zeros.
            lengths: ``[B]`` where rows end before ``T``. What comes after is not read (packed sequences): recurrent
                outputs are 0 there, and the state is that at the row's end. Without it padding costs its time and
                leaves its mark on the state, but never on the outputs before it.
        """
        config, training = self.config, self.training
        state = self.zero_state(len(ids)) if state is None else state
        inputs = embed_with_dropout(self.embedding.weight, ids, config.embedding_dropout if training else 0.0)
        if self.ngrams is not None:
            grams, history = self.ngrams(ids, state[-1])
            inputs, state = inputs + self.ngrams_in(grams), state[:-1]
        raw = apply_dropout(inputs, config.dropout if training else 0.0, variational=config.locked)
        states = []
        for index, layer in enumerate(self.layers):
            if index:
                raw = apply_dropout(
                    raw, config.effective_hidden_dropout if training else 0.0, variational=config.locked
                )
            before = tuple(part[index : index + 1] for part in state)
            share = config.weight_dropout if training else 0.0
            raw, new = run_layer(layer, raw, before, weight_dropout=share, lengths=lengths)
            states.append(new)
        dropped = apply_dropout(raw, config.dropout if training else 0.0, variational=config.locked)
        parts = states[0] if len(states) == 1 else tuple(torch.cat(parts) for parts in zip(*states, strict=True))
        hidden = self.project(dropped)
        if self.ngrams is not None:
            hidden, parts = hidden + self.ngrams_out(grams), (*parts, history)
        return LMOutput(hidden, parts, raw, dropped)

    def step(self, ids: Tensor, state: State, stepper: PrepackedStepper | None = None) -> tuple[Tensor, State]:
        """Run one piece further, without dropout: what generation does over and over.

        See `korlm.nn.base.BaseTextModel`.

        Args:
            ids: ``[B]`` int64.
            state: from the call before; rows are in the second dimension of each part.
            stepper: what to step with, of `new_stepper`; the net's own by default.

        Returns:
            Hidden outputs ``[B, E]`` (``[B, H]`` untied) and the new state; what `forward` gives for ``T`` = 1.

        Example:
            >>> net = RecurrentLM(NetConfig(300, embedding=8, hidden=16)).eval()
            >>> hidden, state = net.step(torch.tensor([7]), net.zero_state(1))
            >>> torch.allclose(hidden, net(torch.tensor([[7]]))[0][:, 0], atol=1e-6)
            True
        """
        stepper = stepper or self.get_stepper()
        if self.ngrams is None:
            return stepper.step(ids, state)
        grams, history = self.ngrams(ids[:, None], state[-1])
        hidden, new = stepper.step(ids, state[:-1], self.ngrams_in(grams[:, 0]))
        return hidden + self.ngrams_out(grams[:, 0]), (*new, history)

    def compute_logits(self, hidden: Tensor) -> Tensor:
        """Return unnormalised log-probabilities, ``[..., V]``; those of the adaptive softmax are normalised."""
        if isinstance(self.output, nn.AdaptiveLogSoftmaxWithLoss):
            wide = hidden.to(self.output.head.weight.dtype)
            return self.output.log_prob(wide.flatten(0, -2)).view(*hidden.shape[:-1], -1)
        quick = self._prepacked_logits(hidden)
        if quick is not None:
            return quick
        return F.linear(hidden, self.output.weight.to(hidden.dtype), self.output.bias.to(hidden.dtype))

    def nll(
        self,
        hidden: Tensor,
        targets: Tensor,
        *,
        reduction: str = "mean",
        ignore_index: int = IGNORE_INDEX,
        inclusion_probs: Tensor | None = None,
    ) -> Tensor:
        """Return ``-ln p`` of the targets, in float32; the logits never stand in memory all at once.

        Args:
            hidden: ``[..., E]`` of `forward`.
            targets: ``[...]`` int64.
            reduction: ``mean``, ``sum``, or ``none`` (shape of the targets, without gradients).
            ignore_index: targets that cost nothing.
            inclusion_probs: ``[V]`` of `korlm.nn.losses.drawing_chances`: an estimate from a draw of the vocabulary.

        Example:
            >>> net = RecurrentLM(NetConfig(300, embedding=8, hidden=16))
            >>> ids = torch.tensor([[5, 6, 7]])
            >>> net.nll(net(ids)[0], ids, reduction="none").shape
            torch.Size([1, 3])
        """
        rows, goal = hidden.flatten(0, -2), targets.flatten()
        if isinstance(self.output, nn.AdaptiveLogSoftmaxWithLoss):
            nats = adaptive_cross_entropy(self.output, rows, goal, reduction=reduction, ignore_index=ignore_index)
        else:
            given = (rows, self.output.weight, self.output.bias, goal)
            if inclusion_probs is None:
                nats = chunked_cross_entropy(*given, reduction=reduction, ignore_index=ignore_index)
            else:
                nats = sampled_cross_entropy(*given, inclusion_probs, reduction=reduction, ignore_index=ignore_index)
        return nats.view(targets.shape) if reduction == "none" else nats

    def zero_state(self, batch_size: int) -> State:
        """Return the state of zeros for ``batch_size`` rows."""
        weight, config = self.embedding.weight, self.config
        widths = (config.recurrent_width, config.hidden) if config.cell == "lstm" else (config.recurrent_width,)
        state = tuple(weight.new_zeros(config.layers, batch_size, width) for width in widths)
        return state if self.ngrams is None else (*state, self.ngrams.empty_history(batch_size))

    def build_stepper(self, *, copy: bool) -> PrepackedStepper:
        """Return a stepper of the net as it is."""
        output = self.output if isinstance(self.output, nn.Linear) else None
        return PrepackedStepper(self.config.cell, self.embedding, self.layers, self.project, output, copy=copy)
