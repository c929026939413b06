"""Making a recurrent layer (torch's fused one, or a layer-normalized one) and running it over a window.

>>> layer = make_layer(NetConfig(9, cell="gru", hidden=16), 8)
>>> outputs, state = run_layer(layer, torch.zeros(2, 5, 8), (torch.zeros(1, 2, 16),))
>>> outputs.shape, len(state)
(torch.Size([2, 5, 16]), 1)
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from korlm.nn.bf16.gru import run_gru
from korlm.nn.bf16.lstm import run_lstm
from korlm.nn.bf16.ops import BF16, cpu_supports_bf16
from korlm.nn.cells import State
from korlm.nn.config import NetConfig
from korlm.nn.dropout import drop_connect
from korlm.nn.layer_norm import LayerNormRecurrentLayer

# For a projected LSTM on CPU torch uses its plain loop and warns once; there is nothing a user can do about it.
warnings.filterwarnings("ignore", message="LSTM with projections is not supported with oneDNN")
_FUSED_KERNELS: dict[str, Callable[..., tuple[Tensor, ...]]] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
}


def make_layer(config: NetConfig, input_size: int) -> nn.Module:
    """Return a layer for inputs of a width; its weights have torch's names (``weight_ih_l0`` ...)."""
    if config.layer_norm:
        return LayerNormRecurrentLayer(config.cell, input_size, config.hidden, config.projection)
    if config.cell == "lstm":
        return nn.LSTM(input_size, config.hidden, batch_first=True, proj_size=config.projection)
    if config.cell == "gru":
        return nn.GRU(input_size, config.hidden, batch_first=True)
    return nn.RNN(input_size, config.hidden, batch_first=True, nonlinearity="tanh" if config.cell == "rnn" else "relu")


def run_layer(
    layer: nn.Module, inputs: Tensor, state: State, *, weight_dropout: float = 0.0, lengths: Tensor | None = None
) -> tuple[Tensor, State]:
    """Run a layer over a window.

    Args:
        layer: of `make_layer`.
        inputs: ``[B, T, I]``.
        state: ``(h,)`` or ``(h, c)``, each ``[1, B, ...]``.
        weight_dropout: dropout rate of the recurrent weights (DropConnect), one mask for all time steps.
        lengths: ``[B]`` where rows end before ``T``; the rest is not read.

    Returns:
        Outputs ``[B, T, H]`` (``P`` wide with a projection), 0 after a row's end; and the state at the end of each row.
    """
    if isinstance(layer, LayerNormRecurrentLayer):
        dropped = drop_connect(layer.weight_hh_l0, weight_dropout)
        normalized: tuple[Tensor, State] = layer(inputs, state, weight_hh=dropped, lengths=lengths)
        return normalized
    if layer.proj_size and inputs.device.type == "cuda" and torch.is_autocast_enabled("cuda"):
        # A precaution: one run with such a layer under autocast ended in nan; the cause is unknown (dev/LOG.md).
        with torch.autocast("cuda", enabled=False):
            state = tuple(part.float() for part in state)
            return run_layer(layer, inputs.float(), state, weight_dropout=weight_dropout, lengths=lengths)
    # The fused kernel is called directly, so that recurrent weights with DropConnect can be passed in.
    kernel = _FUSED_KERNELS[str(layer.mode)]
    weights = [
        drop_connect(weight, weight_dropout) if name.startswith("weight_hh") else weight
        for name, weight in layer.named_parameters()
    ]
    if lengths is None:
        if _use_bf16_kernel(layer, inputs):
            return (run_gru if layer.mode == "GRU" else run_lstm)(inputs, state, weights)
        outputs, *parts = kernel(inputs, _to_torch_state(state), weights, True, 1, 0.0, layer.training, False, True)
        return outputs, tuple(parts)
    packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
    assert packed.sorted_indices is not None and packed.unsorted_indices is not None  # set by enforce_sorted=False
    sorted_state = _to_torch_state(tuple(part.index_select(1, packed.sorted_indices) for part in state))
    data, *parts = kernel(packed.data, packed.batch_sizes, sorted_state, weights, True, 1, 0.0, layer.training, False)
    padded, _ = pad_packed_sequence(packed._replace(data=data), batch_first=True, total_length=inputs.shape[1])
    return padded, tuple(part.index_select(1, packed.unsorted_indices) for part in parts)


def _use_bf16_kernel(layer: nn.Module, inputs: Tensor) -> bool:
    """Return whether a window runs in bf16 on CPU, where torch's GRU is slow and its LSTM keeps c in bf16."""
    if inputs.device.type != "cpu" or not torch.is_autocast_enabled("cpu") or layer.mode not in ("GRU", "LSTM"):
        return False
    return not layer.proj_size and torch.get_autocast_dtype("cpu") == BF16 and cpu_supports_bf16()


def _to_torch_state(state: State) -> Tensor | State:
    return state if len(state) == 2 else state[0]
