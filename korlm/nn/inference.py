"""`PrepackedStepper`: the weights of a model packed for stepwise inference, as in generation.

A step at ``B`` = 1 is bound by the memory bandwidth of reading the weights. Times below are of one EPYC core with AVX-512
(MKL, float32):

- Weights saved in float16 or int8 are packed as float16: half the bytes, while products are still computed in float32
  (FBGEMM). A product of 4352 x 1088 with a vector takes 0.20 ms instead of 0.78 ms with `F.linear`, 12000 x 256 takes
  0.14 ms instead of 0.39 ms. float16 represents its own weights exactly and those of int8 within 1/16 of their step (1/2048
  of a weight), a hundredth of a bit in a surprisal.
- Other weights are copied in column-major order: 0.55 ms and 0.23 ms.
- The first layer's input product depends on the id alone. After as many ids as there are in the vocabulary it is computed
  for all of them and cached, if that takes at most 64 MiB: the table never costs more than the steps before it.
- There is no dropout, and no `nn.LSTM`, which repacks its weights at every call (1.7 ms at H 512).

>>> embedding, layer = nn.Embedding(9, 8), nn.LSTM(8, 16)
>>> stepper = PrepackedStepper("lstm", embedding, [layer], nn.Identity(), None, copy=False)
>>> hidden, state = stepper.step(torch.tensor([3, 4]), (torch.zeros(1, 2, 16), torch.zeros(1, 2, 16)))
>>> hidden.shape
torch.Size([2, 16])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.nn.cells import State, cell_step
from korlm.nn.layer_norm import LayerNormRecurrentLayer
from korlm.nn.quantization import fits_int8

_MAX_TABLE_BYTES = 64 << 20
_MIN_PACKED_WEIGHTS = 1 << 17  # a smaller matrix gains nothing
_FLOAT16_MAX = torch.finfo(torch.float16).max
LinearFunction = Callable[[Tensor], Tensor]  # [..., n_in] to [..., n_out]


class PrepackedStepper:
    """Runs a model step by step. Copied weights are valid until the model's weights change: see `is_stale`.

    Args:
        cell: name of the cell.
        embedding: ``[V, E]``.
        layers: of `korlm.nn.layers.make_layer`.
        project: from the recurrent width to the output's; a `nn.Linear` or `nn.Identity`.
        output: the full softmax, for `compute_logits`; or None.
        copy: pack copies of the weights; else the weights themselves are used, and gradients reach them.
    """

    def __init__(
        self, cell: str, embedding: nn.Embedding, layers: Iterable[nn.Module], project: nn.Module,
        output: nn.Linear | None, *, copy: bool,
    ) -> None:  # fmt: skip
        layers = list(layers)
        self._embedding = embedding.weight
        self._layers = [_LayerStepper(cell, layer, copy=copy) for layer in layers]
        self._project: LinearFunction = project
        if isinstance(project, nn.Linear):
            self._project = make_linear(project.weight, project.bias, copy=copy)
        self.compute_logits = None if output is None else make_linear(output.weight, output.bias, copy=copy)
        self._input_gate_table: Tensor | None = None
        table_bytes = len(self._embedding) * self._layers[0].gate_rows * self._embedding.element_size()
        self._ids_until_table = (
            float(len(self._embedding)) if copy and table_bytes <= _MAX_TABLE_BYTES else float("inf")
        )
        modules = [embedding, *layers, project, *([] if output is None else [output])]
        self._weight_modules = [part for module in modules for part in module.modules() if part._parameters]
        self._copied_versions = self._weight_versions()

    def step(self, ids: Tensor, state: State, extra_inputs: Tensor | None = None) -> tuple[Tensor, State]:
        """Return hidden outputs ``[B, E]`` (without a projection ``[B, H]``) and the new state.

        Args:
            ids: ``[B]`` int64.
            state: ``(h,)`` or ``(h, c)``, each ``[L, B, ...]``.
            extra_inputs: ``[B, E]``, added to the embeddings of the ids.
        """
        if extra_inputs is None:
            product = self._first_input_gates(ids)
        else:
            product = self._layers[0].input_gates(F.embedding(ids, self._embedding) + extra_inputs)
        states: list[State] = []
        for index, layer in enumerate(self._layers):
            if index:
                product = layer.input_gates(states[-1][0])
            states.append(layer.step(product, tuple(part[index] for part in state)))
        hidden = self._project(states[-1][0])
        if len(states) == 1:
            return hidden, tuple(part.unsqueeze(0) for part in states[0])
        return hidden, tuple(torch.stack(parts) for parts in zip(*states, strict=True))

    def is_stale(self) -> bool:
        """Return whether a weight was modified or replaced since it was copied."""
        return self._copied_versions != self._weight_versions()

    def _first_input_gates(self, ids: Tensor) -> Tensor:
        """Return the first layer's input product, ``[B, gates * H]``."""
        if self._input_gate_table is None:
            self._ids_until_table -= len(ids)
            if self._ids_until_table > 0:
                return self._layers[0].input_gates(F.embedding(ids, self._embedding))
            self._input_gate_table = self._layers[0].input_gates(self._embedding)
        return self._input_gate_table.index_select(0, ids)  # at B 64 a fifth of the time of indexing with `[ids]`

    def _weight_versions(self) -> list[tuple[int, int]]:
        return [
            (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
            for module in self._weight_modules
            for weight in module._parameters.values()
            if weight is not None
        ]


class _LayerStepper:
    """One layer: its two products and its step, each over ``[B, ...]``."""

    def __init__(self, cell: str, layer: nn.Module, *, copy: bool) -> None:
        self._cell = cell
        weights = {name.removesuffix("_l0"): weight for name, weight in layer.named_parameters()}
        self.gate_rows = len(weights["weight_ih"])
        self._input_linear = make_linear(weights["weight_ih"], weights.get("bias_ih"), copy=copy)
        self._recurrent_linear = make_linear(weights["weight_hh"], weights.get("bias_hh"), copy=copy)
        self._output_projection = make_linear(weights["weight_hr"], None, copy=copy) if "weight_hr" in weights else None
        self._layer_norm = layer if isinstance(layer, LayerNormRecurrentLayer) else None

    def input_gates(self, inputs: Tensor) -> Tensor:
        """Return the input product, ``[B, gates * H]``."""
        product = self._input_linear(inputs)
        return self._layer_norm.norm_ih(product) if self._layer_norm else product

    def step(self, input_gates: Tensor, state: State) -> State:
        """Return the state after the step."""
        recurrent, norm = self._recurrent_linear(state[0]), None
        if self._layer_norm:
            recurrent, norm = self._layer_norm.norm_hh(recurrent), self._layer_norm.norm_c
        return cell_step(self._cell, input_gates, recurrent, state, norm=norm, projection=self._output_projection)


def make_linear(weight: Tensor, bias: Tensor | None, *, copy: bool) -> LinearFunction:
    """Return a function that computes ``inputs weight^T + bias``, with a copy packed for few rows or the weight itself.

    >>> linear = make_linear(torch.ones(3, 2), None, copy=True)
    >>> linear(torch.tensor([[1.0, 2.0]]))
    tensor([[3., 3., 3.]])
    """
    if not copy:
        return partial(F.linear, weight=weight, bias=bias)
    weight = weight.detach()
    packed = _pack_float16(weight, None if bias is None else bias.detach())
    if packed is not None:
        return partial(_float16_linear, packed=packed)
    return partial(F.linear, weight=weight.t().contiguous().t(), bias=bias)


def _pack_float16(weight: Tensor, bias: Tensor | None) -> torch.ScriptObject | None:
    """Return a weight packed as float16, or None if that loses more than int8 did or is not supported here."""
    if "fbgemm" not in torch.backends.quantized.supported_engines or weight.dtype != torch.float32:
        return None
    if weight.numel() < _MIN_PACKED_WEIGHTS:
        return None
    if not weight.half().float().equal(weight) and not (weight.abs().max() < _FLOAT16_MAX and fits_int8(weight)):
        return None
    try:
        packed: torch.ScriptObject = torch.ops.quantized.linear_prepack_fp16(weight.contiguous(), bias)
    except (AttributeError, RuntimeError):  # another engine is set, or torch lacks it
        return None
    return packed


def _float16_linear(inputs: Tensor, packed: torch.ScriptObject) -> Tensor:
    product: Tensor = _float16_linear_op()(inputs if inputs.dim() > 1 else inputs[None], packed)
    return product[0] if inputs.dim() == 1 else product


@cache
def _float16_linear_op() -> Callable[[Tensor, torch.ScriptObject], Tensor]:
    """Return the operator without torch's Python wrapper for object arguments: 15 us per call, not 59."""
    overload = torch.ops.quantized.linear_dynamic_fp16.default
    operator: Callable[[Tensor, torch.ScriptObject], Tensor] = getattr(overload, "_op", overload)
    return operator
