"""`Seq2Seq`: a bidirectional encoder, an attentional decoder, and one embedding for both and for the output.

Shapes: ``B`` batch, ``S`` source and ``T`` target length, ``V`` vocabulary, ``E`` embedding, ``H`` hidden, ``L`` layers.

    encoder   outputs k_1 .. k_S: both directions, H / 2 each, concatenated
    decoder   initial state: tanh(W [last forward, last backward] + b), per layer
    step t    h_t = cell(embedding of the previous token, h_{t-1});  c_t = attention(h_t, k)
              a_t = tanh(W_c [c_t, h_t]);  p(token) = softmax(E a'_t + b),  a' = a projected to width E

The attentional output ``a`` is that of Luong et al. (2015) without input feeding, so teacher forcing reads a target in one run.

>>> model = Seq2Seq(Seq2SeqConfig(300, embedding=8, hidden=16))
>>> memory, state = model.encode(torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([3, 2]))
>>> hidden, weights, state = model.decode(memory, torch.tensor([[2, 5], [2, 5]]), state)
>>> model.compute_logits(hidden).shape, weights.shape, weights[1, 0, 2].item()
(torch.Size([2, 2, 300]), torch.Size([2, 2, 3]), 0.0)
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.nn.attention import Attention
from korlm.nn.base import BaseTextModel
from korlm.nn.cells import State
from korlm.nn.config import Seq2SeqConfig
from korlm.nn.dropout import apply_dropout
from korlm.nn.inference import PrepackedStepper
from korlm.nn.init import initialize_weights
from korlm.nn.layers import make_layer, run_layer
from korlm.nn.lm import RecurrentLM
from korlm.nn.losses import IGNORE_INDEX, chunked_cross_entropy


class EncoderMemory(NamedTuple):
    """The encoder outputs that the decoder attends to."""

    keys: Tensor  # ``[B, S, H]``, the encoder's outputs
    projected_keys: Tensor  # ``[B, S, H]``, of `Attention.project_keys`
    mask: Tensor  # ``[B, S]``, False at padding

    def select_rows(self, rows: Tensor) -> EncoderMemory:
        """Return the given rows, possibly repeated, for a beam."""
        return EncoderMemory(*(part.index_select(0, rows) for part in self))


class Seq2Seq(BaseTextModel):
    """An encoder-decoder. The decoder's state is ``(h,)``, for LSTM ``(h, c)``, each ``[L, B, H]``.

    The initial weights are drawn by ``generator``, torch's global one by default.
    """

    output: nn.Linear

    def __init__(self, config: Seq2SeqConfig, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        hidden, half = config.hidden, config.hidden // 2
        widths = [config.embedding] + [hidden] * (config.layers - 1)
        self.embedding = nn.Embedding(config.vocab_size, config.embedding)
        self.forward_layers = nn.ModuleList(make_layer(config.layer_config(half), width) for width in widths)
        self.backward_layers = nn.ModuleList(make_layer(config.layer_config(half), width) for width in widths)
        self.layers = nn.ModuleList(make_layer(config.layer_config(hidden), width) for width in widths)
        parts = 2 if config.cell == "lstm" else 1
        self.bridges = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(parts * config.layers))
        self.attention = Attention(config.attention, hidden)
        self.combine = nn.Linear(2 * hidden, hidden, bias=False)
        self.project = nn.Linear(hidden, config.embedding) if hidden != config.embedding else nn.Identity()
        self.output = nn.Linear(config.embedding, config.vocab_size)
        self.output.weight = self.embedding.weight
        initialize_weights(self, config.layer_config(hidden), generator)
        for layers in (self.forward_layers, self.backward_layers):  # their gates are H / 2 wide
            initialize_weights(layers, config.layer_config(half), generator)

    def encode(self, ids: Tensor, lengths: Tensor) -> tuple[EncoderMemory, State]:
        """Run the encoder over ids, ``[B, S]`` int64; nothing after a row's length (``[B]``, at least 1) is read.

        Returns:
            The memory, and the decoder's initial state.
        """
        dropout = self.config.dropout if self.training else 0.0
        positions, ends = torch.arange(ids.shape[1], device=ids.device)[None], lengths[:, None].to(ids.device)
        mask = positions < ends
        reversal = torch.where(mask, ends - 1 - positions, positions)[..., None]  # reverses each row up to its length
        inputs = apply_dropout(F.embedding(ids, self.embedding.weight), dropout)
        final_states: list[State] = []
        for forward_layer, backward_layer in zip(self.forward_layers, self.backward_layers, strict=True):
            forward, forward_state = self._run_encoder_layer(forward_layer, inputs, lengths)
            reversed_inputs = inputs.gather(1, reversal.expand_as(inputs))
            backward, backward_state = self._run_encoder_layer(backward_layer, reversed_inputs, lengths)
            backward = backward.gather(1, reversal.expand_as(backward))
            final_states.append(tuple(torch.cat(pair, -1) for pair in zip(forward_state, backward_state, strict=True)))
            inputs = apply_dropout(torch.cat([forward, backward], -1), dropout)
        parts = [part[0] for layer_state in final_states for part in layer_state]
        bridged = [torch.tanh(bridge(part)) for bridge, part in zip(self.bridges, parts, strict=True)]
        num_parts = len(final_states[0])
        state = tuple(torch.stack(bridged[part::num_parts]) for part in range(num_parts))
        return EncoderMemory(inputs, self.attention.project_keys(inputs), mask), state

    def decode(self, memory: EncoderMemory, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run the decoder over target tokens: all under teacher forcing, or one in generation.

        Args:
            memory: of `encode`.
            ids: ``[B, T]`` int64.
            state: of `encode`, or from the previous call.

        Returns:
            Hidden outputs ``[B, T, E]`` for `compute_logits` and `nll`; attention weights ``[B, T, S]``; the new state.
        """
        dropout = self.config.dropout if self.training else 0.0
        inputs = apply_dropout(F.embedding(ids, self.embedding.weight), dropout)
        outputs, state = self._run_layers(inputs, state, dropout=dropout)
        contexts, weights = self.attention(outputs, memory.projected_keys, memory.keys, memory.mask)
        attentional = torch.tanh(self.combine(torch.cat([contexts, outputs], -1)))
        hidden = self.project(apply_dropout(attentional, dropout))
        return hidden, weights, state

    def start_decoding(self, ids: Tensor, lengths: Tensor, bos_id: int) -> tuple[Tensor, Tensor, State]:
        """Run the encoder and the first decoder step, from which generation continues.

        Args:
            ids: ``[B, S]`` int64.
            lengths: ``[B]``.
            bos_id: the first token of every target, ``<s>``.

        Returns:
            Hidden outputs ``[B, E]``, attention weights ``[B, S]``, and a state for `step`: the decoder's, followed by the
            memory, each part with the batch in the second dimension.
        """
        memory, state = self.encode(ids, lengths)
        bos = ids.new_full((len(ids),), bos_id)
        return self.step_with_attention(bos, (*state, *(part.unsqueeze(0) for part in memory)))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one decoder step without dropout, as `decode` for ``T`` = 1.

        Args:
            ids: ``[B]`` int64.
            state: of `start_decoding`, or from the previous call.

        Returns:
            Hidden outputs ``[B, E]`` and the new state.
        """
        hidden, _, state = self.step_with_attention(ids, state)
        return hidden, state

    def step_with_attention(self, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run one decoder step as `step`; return hidden outputs, attention weights ``[B, S]``, and the new state."""
        memory = EncoderMemory(*(part[0] for part in state[-3:]))
        outputs, new = self.get_stepper().step(ids, state[:-3])
        contexts, weights = self.attention(outputs.unsqueeze(1), memory.projected_keys, memory.keys, memory.mask)
        attentional = torch.tanh(self.combine(torch.cat([contexts[:, 0], outputs], -1)))
        return self.project(attentional), weights[:, 0], (*new, *state[-3:])

    def build_stepper(self, *, copy: bool) -> PrepackedStepper:
        """Return a stepper with the current weights of the decoder."""
        return PrepackedStepper(self.config.cell, self.embedding, self.layers, nn.Identity(), self.output, copy=copy)

    def nll(
        self, hidden: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, reduction: str = "mean",
        ignore_index: int = IGNORE_INDEX,
    ) -> Tensor:  # fmt: skip
        """Return ``-ln p`` of the targets.

        Args:
            hidden: ``[B, T, E]`` of `decode`.
            targets: ``[B, T]`` int64.
            label_smoothing: fraction of the target's weight that is spread over all tokens (Szegedy et al. 2016).
            reduction: ``mean``, ``sum``, or ``none`` (``[B, T]``, without gradients and smoothing).
            ignore_index: target value that is left out.
        """
        rows, flat_targets = hidden.flatten(0, -2), targets.flatten()
        nll = chunked_cross_entropy(
            rows, self.output.weight, self.output.bias, flat_targets, reduction=reduction, ignore_index=ignore_index
        )
        if reduction == "none":
            return nll.view(targets.shape)
        if label_smoothing:
            is_target = flat_targets != ignore_index
            term = label_smoothing * self._label_smoothing_term(rows[is_target].float(), flat_targets[is_target])
            nll = nll + (term / int(is_target.sum()) if reduction == "mean" else term)
        return nll

    def zero_state(self, batch_size: int) -> State:
        """Return the empty state: nothing is carried between batches."""
        return ()

    def _label_smoothing_term(self, rows: Tensor, targets: Tensor) -> Tensor:
        """Return the loss that label smoothing adds, without computing the logits a second time.

        With ``z`` the logits and ``y`` the target: ``(1 - s) (-ln p_y) + s mean(-ln p) = -ln p_y + s (z_y - mean z)``, and
        the mean of the logits is the product with the mean of the output rows.
        """
        difference = F.embedding(targets, self.output.weight) - self.output.weight.mean(0)
        return (rows * difference).sum() + (self.output.bias[targets] - self.output.bias.mean()).sum()

    def _run_encoder_layer(self, layer: nn.Module, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """Run one encoder layer; return its outputs, and its state at the end of each row."""
        batch, width = len(inputs), self.config.hidden // 2
        num_parts = 2 if self.config.cell == "lstm" else 1
        initial = tuple(inputs.new_zeros(1, batch, width) for _ in range(num_parts))
        if num_parts == 2:  # only the packed run returns c at the end of each row
            return run_layer(layer, inputs, initial, lengths=lengths)
        # A GRU's outputs are its states: reading the padding is cheaper than packing, and its outputs are not used.
        outputs, _ = run_layer(layer, inputs, initial)
        ends = (lengths.to(inputs.device) - 1)[:, None, None].expand(batch, 1, width)
        return outputs, (outputs.gather(1, ends).transpose(0, 1),)


TextModel = RecurrentLM | Seq2Seq
