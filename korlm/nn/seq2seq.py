"""`Seq2Seq`: a bidirectional encoder, a decoder that attends to it, and one embedding for both and for the output.

Shapes: ``B`` batch, ``S`` source and ``T`` target length, ``V`` vocabulary, ``E`` embedding, ``H`` hidden, ``L`` layers.

    encoder   outputs k_1 .. k_S: both directions, H / 2 each, side by side
    decoder   its first state: tanh(W [last forward, last backward] + b), a layer each
    step t    h_t = cell(embedding of the piece before, h_{t-1});  c_t = attention(h_t, k)
              a_t = tanh(W_c [c_t, h_t]);  p(piece) = softmax(E a'_t + b),  a' = a projected to E wide

The attentional output ``a`` is Luong et al.'s (2015), without input feeding: so teacher forcing reads a whole target at once.

>>> net = Seq2Seq(Seq2SeqConfig(300, embedding=8, hidden=16))
>>> memory, state = net.encode(torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([3, 2]))
>>> hidden, weights, state = net.decode(memory, torch.tensor([[2, 5], [2, 5]]), state)
>>> net.compute_logits(hidden).shape, weights.shape, weights[1, 0, 2].item()
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
    """What the decoder attends to.

    Attributes:
        keys: ``[B, S, H]``, the encoder's outputs.
        projected_keys: ``[B, S, H]``, of `Attention.project_keys`.
        mask: ``[B, S]``, False at padding.
    """

    keys: Tensor
    projected_keys: Tensor
    mask: Tensor

    def select_rows(self, rows: Tensor) -> EncoderMemory:
        """Return some rows, also several times: for a beam."""
        return EncoderMemory(*(part.index_select(0, rows) for part in self))


class Seq2Seq(BaseTextModel):
    """An encoder-decoder. A decoder's state is ``(h,)``, for LSTM ``(h, c)``, each ``[L, B, H]``.

    Args:
        config: its shape.
        generator: the random generator of the initial weights; torch's global one by default.
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
        """Read sources.

        Args:
            ids: ``[B, S]`` int64; what stands after a row's length is never read.
            lengths: ``[B]``, at least 1.

        Returns:
            The memory, and the decoder's first state.
        """
        config, training = self.config, self.training
        share = config.dropout if training else 0.0
        places = torch.arange(ids.shape[1], device=ids.device)[None]
        mask = places < lengths[:, None].to(ids.device)
        back = torch.where(mask, lengths[:, None].to(ids.device) - 1 - places, places)  # turns each row around
        inputs = apply_dropout(F.embedding(ids, self.embedding.weight), share)
        ends: list[tuple[Tensor, ...]] = []
        for ahead, behind in zip(self.forward_layers, self.backward_layers, strict=True):
            forward, last = self._run_encoder_layer(ahead, inputs, lengths)
            turned = inputs.gather(1, back[..., None].expand_as(inputs))
            backward, first_last = self._run_encoder_layer(behind, turned, lengths)
            backward = backward.gather(1, back[..., None].expand_as(backward))
            ends.append(tuple(torch.cat(pair, -1) for pair in zip(last, first_last, strict=True)))
            inputs = apply_dropout(torch.cat([forward, backward], -1), share)
        made = [torch.tanh(bridge(part[0])) for bridge, part in zip(self.bridges, _flatten_states(ends), strict=True)]
        parts = len(ends[0])
        state = tuple(torch.stack(made[part::parts]) for part in range(parts))
        return EncoderMemory(inputs, self.attention.project_keys(inputs), mask), state

    def decode(self, memory: EncoderMemory, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run over target pieces: all of them under teacher forcing, or one in generation.

        Args:
            memory: of `encode`.
            ids: ``[B, T]`` int64.
            state: of `encode`, or of the call before.

        Returns:
            Hidden outputs ``[B, T, E]`` for `logits` and `nats`; attention weights ``[B, T, S]``; the new state.
        """
        share = self.config.dropout if self.training else 0.0
        outputs = apply_dropout(F.embedding(ids, self.embedding.weight), share)
        states = []
        for index, layer in enumerate(self.layers):
            if index:
                outputs = apply_dropout(outputs, share)
            outputs, new = run_layer(layer, outputs, tuple(part[index : index + 1] for part in state))
            states.append(new)
        contexts, weights = self.attention(outputs, memory.projected_keys, memory.keys, memory.mask)
        attentional = torch.tanh(self.combine(torch.cat([contexts, outputs], -1)))
        hidden = self.project(apply_dropout(attentional, share))
        return hidden, weights, tuple(torch.cat(parts) for parts in zip(*states, strict=True))

    def start_decoding(self, ids: Tensor, lengths: Tensor, bos_id: int) -> tuple[Tensor, Tensor, State]:
        """Read sources and the target's first token: what generation starts from.

        Args:
            ids: ``[B, S]`` int64.
            lengths: ``[B]``.
            bos_id: the token that every target begins with, ``<s>``.

        Returns:
            Hidden outputs ``[B, E]``, attention weights ``[B, S]``, and a state for `step`: the decoder's, and at its end
            the memory, each part with the batch second.
        """
        memory, state = self.encode(ids, lengths)
        bos = ids.new_full((len(ids),), bos_id)
        return self.step_with_attention(bos, (*state, *(part.unsqueeze(0) for part in memory)))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one token further, without dropout; what `decode` gives for ``T`` = 1. See `korlm.nn.base.BaseTextModel`.

        Args:
            ids: ``[B]`` int64.
            state: of `start_decoding`, or of the call before.

        Returns:
            Hidden outputs ``[B, E]`` and the new state.
        """
        hidden, _, state = self.step_with_attention(ids, state)
        return hidden, state

    def step_with_attention(self, ids: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Run one token further, as `step`, and return also the attention weights ``[B, S]``, second."""
        memory = EncoderMemory(*(part[0] for part in state[-3:]))
        outputs, new = self.get_stepper().step(ids, state[:-3])
        contexts, weights = self.attention(outputs.unsqueeze(1), memory.projected_keys, memory.keys, memory.mask)
        attentional = torch.tanh(self.combine(torch.cat([contexts[:, 0], outputs], -1)))
        return self.project(attentional), weights[:, 0], (*new, *state[-3:])

    def build_stepper(self, *, copy: bool) -> PrepackedStepper:
        """Return a stepper of the decoder as it is."""
        return PrepackedStepper(self.config.cell, self.embedding, self.layers, nn.Identity(), self.output, copy=copy)

    def compute_logits(self, hidden: Tensor) -> Tensor:
        """Return unnormalised log-probabilities, ``[..., V]``."""
        quick = self._prepacked_logits(hidden)
        if quick is not None:
            return quick
        return F.linear(hidden, self.output.weight.to(hidden.dtype), self.output.bias.to(hidden.dtype))

    def nll(
        self, hidden: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, reduction: str = "mean",
        ignore_index: int = IGNORE_INDEX,
    ) -> Tensor:  # fmt: skip
        """Return ``-ln p`` of the targets.

        Args:
            hidden: ``[B, T, E]`` of `decode`.
            targets: ``[B, T]`` int64.
            label_smoothing: label smoothing (Szegedy et al. 2016): this share of the target's weight goes to all pieces.
            reduction: ``mean``, ``sum``, or ``none`` (``[B, T]``, without gradients and smoothing).
            ignore_index: targets that cost nothing.
        """
        rows, goal = hidden.flatten(0, -2), targets.flatten()
        nats = chunked_cross_entropy(
            rows, self.output.weight, self.output.bias, goal, reduction=reduction, ignore_index=ignore_index
        )
        if reduction == "none":
            return nats.view(targets.shape)
        return (
            nats + self._label_smoothing_term(rows, goal, label_smoothing, reduction, ignore_index)
            if label_smoothing
            else nats
        )

    def zero_state(self, batch_size: int) -> State:
        """Return what is carried from batch to batch: nothing."""
        return ()

    def _label_smoothing_term(
        self, rows: Tensor, goal: Tensor, smoothing: float, reduction: str, ignore_index: int
    ) -> Tensor:
        """Return what label smoothing adds to the loss, without the vocabulary's logits a second time.

        With ``z`` the logits and ``y`` the target: ``(1 - s) (-ln p_y) + s mean(-ln p) = -ln p_y + s (z_y - mean z)``, and
        the mean of the logits is the product with the mean of the rows.
        """
        kept = goal != ignore_index
        rows, goal = rows[kept].float(), goal[kept]
        apart = F.embedding(goal, self.output.weight) - self.output.weight.mean(0)
        added = smoothing * ((rows * apart).sum() + (self.output.bias[goal] - self.output.bias.mean()).sum())
        return added / len(goal) if reduction == "mean" else added

    def _run_encoder_layer(self, layer: nn.Module, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, State]:
        """Run a layer of the encoder; return its outputs, and its state at each row's end."""
        batch, width = len(inputs), self.config.hidden // 2
        parts = 2 if self.config.cell == "lstm" else 1
        first = tuple(inputs.new_zeros(1, batch, width) for _ in range(parts))
        if parts == 2:  # the cell's state is told at the end alone
            return run_layer(layer, inputs, first, lengths=lengths)
        # a GRU's outputs are its states: reading on over the padding is cheaper than packing, and what it writes there
        # is looked at by none
        outputs, _ = run_layer(layer, inputs, first)
        ends = (lengths.to(inputs.device) - 1)[:, None, None].expand(batch, 1, width)
        return outputs, (outputs.gather(1, ends).transpose(0, 1),)


def _flatten_states(ends: list[tuple[Tensor, ...]]) -> list[Tensor]:
    return [part for layer in ends for part in layer]


TextModel = RecurrentLM | Seq2Seq
