"""`RecurrentLM`: embedding, recurrent layers, projection to the vocabulary; the state is passed in and returned.

Shapes: ``B`` batch, ``T`` time, ``V`` vocabulary, ``E`` embedding, ``H`` hidden, ``L`` layers.

    >>> model = RecurrentLM(NetConfig(vocab_size=300, embedding=8, hidden=16))
    >>> hidden, state = model(torch.zeros(2, 5, dtype=torch.long))
    >>> model.compute_logits(hidden).shape
    torch.Size([2, 5, 300])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from korlm.nn.base import BaseTextModel
from korlm.nn.cells import State
from korlm.nn.config import CELLS, NetConfig
from korlm.nn.dropout import apply_dropout, embed_with_dropout
from korlm.nn.inference import PrepackedStepper
from korlm.nn.init import initialize_weights
from korlm.nn.layers import make_layer
from korlm.nn.losses import IGNORE_INDEX, LMOutput, adaptive_cross_entropy, chunked_cross_entropy, sampled_cross_entropy
from korlm.nn.ngrams import HashedNgrams

__all__ = ["CELLS", "LMOutput", "NetConfig", "RecurrentLM", "State"]


class RecurrentLM(BaseTextModel):
    """A recurrent language model.

    The state is ``(h,)``, for LSTM ``(h, c)``; each ``[L, B, H]``, h ``[L, B, P]`` with a projection. With hashed n-grams
    its last part is the preceding tokens, ``[1, B, N - 1]``.

    The initial weights are drawn by ``generator``, torch's global one by default.
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
        """Run over ids, ``[B, T]`` int64, from the state of the previous call; None for zeros.

        Returns:
            Hidden outputs ``[B, T, E]`` (``[B, T, H]`` untied), for `compute_logits` and `nll`; and the new state.
        """
        return self.forward_with_activations(ids, state)[:2]

    def forward_with_activations(
        self, ids: Tensor, state: State | None = None, *, lengths: Tensor | None = None
    ) -> LMOutput:
        """Run over ids as `forward`, and also return the activations that `activation_penalty` needs.

        Args:
            ids: ``[B, T]`` int64.
            state: from the previous call; None for zeros.
            lengths: ``[B]`` where rows end before ``T``. The rest is not read (packed sequences): recurrent outputs are
                0 there, and the state is that at the row's end. Without it padding costs time and affects the state, but
                never the outputs before it.
        """
        config, training = self.config, self.training
        state = self.zero_state(len(ids)) if state is None else state
        inputs = embed_with_dropout(self.embedding.weight, ids, config.embedding_dropout if training else 0.0)
        if self.ngrams is not None:
            grams, history = self.ngrams(ids, state[-1])
            inputs, state = inputs + self.ngrams_in(grams), state[:-1]
        dropout = config.dropout if training else 0.0
        raw, new_state = self._run_layers(
            apply_dropout(inputs, dropout, variational=config.locked), state,
            dropout=config.effective_hidden_dropout if training else 0.0, variational=config.locked,
            weight_dropout=config.weight_dropout if training else 0.0, lengths=lengths,
        )  # fmt: skip
        dropped = apply_dropout(raw, dropout, variational=config.locked)
        hidden = self.project(dropped)
        if self.ngrams is not None:
            hidden, new_state = hidden + self.ngrams_out(grams), (*new_state, history)
        return LMOutput(hidden, new_state, raw, dropped)

    def step(self, ids: Tensor, state: State, stepper: PrepackedStepper | None = None) -> tuple[Tensor, State]:
        """Run one time step without dropout, as generation does.

        Args:
            ids: ``[B]`` int64.
            state: from the previous call; rows are in the second dimension of each part.
            stepper: of `build_stepper`; by default that of `get_stepper`.

        Returns:
            Hidden outputs ``[B, E]`` (``[B, H]`` untied) and the new state, as `forward` for ``T`` = 1.

        Example:
            >>> model = RecurrentLM(NetConfig(300, embedding=8, hidden=16)).eval()
            >>> hidden, state = model.step(torch.tensor([7]), model.zero_state(1))
            >>> torch.allclose(hidden, model(torch.tensor([[7]]))[0][:, 0], atol=1e-6)
            True
        """
        stepper = stepper or self.get_stepper()
        if self.ngrams is None:
            return stepper.step(ids, state)
        grams, history = self.ngrams(ids[:, None], state[-1])
        hidden, new = stepper.step(ids, state[:-1], self.ngrams_in(grams[:, 0]))
        return hidden + self.ngrams_out(grams[:, 0]), (*new, history)

    def compute_logits(self, hidden: Tensor) -> Tensor:
        """Return logits, ``[..., V]``; those of the adaptive softmax are log-probabilities."""
        if isinstance(self.output, nn.AdaptiveLogSoftmaxWithLoss):
            hidden = hidden.to(self.output.head.weight.dtype)
            return self.output.log_prob(hidden.flatten(0, -2)).view(*hidden.shape[:-1], -1)
        return super().compute_logits(hidden)

    def nll(
        self, hidden: Tensor, targets: Tensor, *, reduction: str = "mean", ignore_index: int = IGNORE_INDEX,
        inclusion_probs: Tensor | None = None,
    ) -> Tensor:  # fmt: skip
        """Return ``-ln p`` of the targets in float32, without holding all logits in memory at once.

        Args:
            hidden: ``[..., E]`` of `forward`.
            targets: ``[...]`` int64.
            reduction: ``mean``, ``sum``, or ``none`` (shape of the targets, without gradients).
            ignore_index: target value that is left out.
            inclusion_probs: ``[V]``, for the sampled softmax; see `korlm.nn.losses.sampled_cross_entropy`.

        Example:
            >>> model = RecurrentLM(NetConfig(300, embedding=8, hidden=16))
            >>> ids = torch.tensor([[5, 6, 7]])
            >>> model.nll(model(ids)[0], ids, reduction="none").shape
            torch.Size([1, 3])
        """
        rows, flat_targets = hidden.flatten(0, -2), targets.flatten()
        if isinstance(self.output, nn.AdaptiveLogSoftmaxWithLoss):
            nll = adaptive_cross_entropy(
                self.output, rows, flat_targets, reduction=reduction, ignore_index=ignore_index
            )
        else:
            inputs = (rows, self.output.weight, self.output.bias, flat_targets)
            if inclusion_probs is None:
                nll = chunked_cross_entropy(*inputs, reduction=reduction, ignore_index=ignore_index)
            else:
                nll = sampled_cross_entropy(*inputs, inclusion_probs, reduction=reduction, ignore_index=ignore_index)
        return nll.view(targets.shape) if reduction == "none" else nll

    def zero_state(self, batch_size: int) -> State:
        """Return the zero state of ``batch_size`` rows."""
        weight, config = self.embedding.weight, self.config
        widths = (config.recurrent_width, config.hidden) if config.cell == "lstm" else (config.recurrent_width,)
        state = tuple(weight.new_zeros(config.layers, batch_size, width) for width in widths)
        return state if self.ngrams is None else (*state, self.ngrams.empty_history(batch_size))

    def build_stepper(self, *, copy: bool) -> PrepackedStepper:
        """Return a stepper with the current weights."""
        output = self.output if isinstance(self.output, nn.Linear) else None
        return PrepackedStepper(self.config.cell, self.embedding, self.layers, self.project, output, copy=copy)
