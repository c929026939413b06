"""`Stepper`: a net's weights laid out for one step after another, which is what generation does.

A step at ``B`` = 1 only reads weights, so it is as fast as memory. What is done about that, with the figures of one EPYC
core with AVX-512 (MKL, float32):

- weights of a model saved in float16 or int8 are packed as float16: half the bytes, while products are still taken in
  float32 (FBGEMM). A product of 4352 x 1088 with a vector takes 0.20 ms against 0.78 ms of `F.linear`, 12000 x 256 takes
  0.14 ms against 0.39 ms. float16 holds its own weights exactly and those of int8 to 1/16 of their step at most (1/2048
  of a weight), a hundredth of a bit in a surprisal;
- other weights are copied column by column: 0.55 ms and 0.23 ms;
- the first layer's input product depends on the id alone. Once as many ids have been stepped through as there are in the
  vocabulary, it is computed for all of them and kept, if that takes at most 64 MiB: so the table never costs more than
  the steps before it did;
- neither dropout nor `nn.LSTM`, which lays its weights out anew at every call (1.7 ms at H 512).

>>> embedding, layer = nn.Embedding(9, 8), nn.LSTM(8, 16)
>>> stepper = Stepper("lstm", embedding, [layer], nn.Identity(), None, copy=False)
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

from korlm.nn.cells import State, advance
from korlm.nn.normalised import NormalisedLayer
from korlm.nn.precision import is_int8

_TABLE_BYTES = 64 << 20
_PACK_FROM = 1 << 17  # weights: a smaller matrix is read in no time
_LARGEST = torch.finfo(torch.float16).max
Product = Callable[[Tensor], Tensor]  # [..., n_in] to [..., n_out]


class Stepper:
    """A net without its output, one step at a time. A copy is good as long as the weights do not change: see `stale`.

    Args:
        cell: its name.
        embedding: of ``[V, E]``.
        layers: of `korlm.nn.layers.make_layer`.
        project: from the recurrent width to the output's; a `nn.Linear`, or `nn.Identity`.
        output: the full softmax, which `logits` computes; or None.
        copy: lay the weights out anew; else they are used as they stand, and gradients reach them.
    """

    def __init__(
        self,
        cell: str,
        embedding: nn.Embedding,
        layers: Iterable[nn.Module],
        project: nn.Module,
        output: nn.Linear | None,
        *,
        copy: bool,
    ) -> None:
        layers = list(layers)
        self._embedding = embedding.weight
        self._layers = [_Step(cell, layer, copy=copy) for layer in layers]
        self._project: Product = project
        if isinstance(project, nn.Linear):
            self._project = make_product(project.weight, project.bias, copy=copy)
        self.logits = None if output is None else make_product(output.weight, output.bias, copy=copy)
        self._table: Tensor | None = None
        table_bytes = len(self._embedding) * self._layers[0].rows * self._embedding.element_size()
        self._until_table = float(len(self._embedding)) if copy and table_bytes <= _TABLE_BYTES else float("inf")
        modules = [embedding, *layers, project, *([] if output is None else [output])]
        self._owners = [part for module in modules for part in module.modules() if part._parameters]
        self._print = self._fingerprint()

    def step(self, ids: Tensor, state: State, further: Tensor | None = None) -> tuple[Tensor, State]:
        """Return hidden outputs ``[B, E]`` (without a projection ``[B, H]``) and the new state.

        Args:
            ids: ``[B]`` int64.
            state: ``(h,)`` or ``(h, c)``, each ``[L, B, ...]``.
            further: ``[B, E]``, added to the ids' embeddings.
        """
        if further is None:
            product = self._first(ids)
        else:
            product = self._layers[0].product(F.embedding(ids, self._embedding) + further)
        states: list[State] = []
        for index, layer in enumerate(self._layers):
            if index:
                product = layer.product(states[-1][0])
            states.append(layer.advance(product, tuple(part[index] for part in state)))
        hidden = self._project(states[-1][0])
        if len(states) == 1:
            return hidden, tuple(part.unsqueeze(0) for part in states[0])
        return hidden, tuple(torch.stack(parts) for parts in zip(*states, strict=True))

    def stale(self) -> bool:
        """Return whether a weight was written to or replaced since it was copied."""
        return self._print != self._fingerprint()

    def _first(self, ids: Tensor) -> Tensor:
        """Return the first layer's input product, ``[B, gates * H]``."""
        if self._table is None:
            self._until_table -= len(ids)
            if self._until_table > 0:
                return self._layers[0].product(F.embedding(ids, self._embedding))
            self._table = self._layers[0].product(self._embedding)
        return self._table.index_select(0, ids)  # at B 64 a fifth of the time of `self._table[ids]`

    def _fingerprint(self) -> list[tuple[int, int]]:
        weights = [weight for owner in self._owners for weight in owner._parameters.values() if weight is not None]
        return [(weight.data_ptr(), 0 if weight.is_inference() else weight._version) for weight in weights]


class _Step:
    """One layer: its two products and its advance, each over ``[B, ...]``."""

    def __init__(self, cell: str, layer: nn.Module, *, copy: bool) -> None:
        self._cell = cell
        weights = {name.removesuffix("_l0"): weight for name, weight in layer.named_parameters()}
        self.rows = len(weights["weight_ih"])
        self._inputs = make_product(weights["weight_ih"], weights.get("bias_ih"), copy=copy)
        self._recurrent = make_product(weights["weight_hh"], weights.get("bias_hh"), copy=copy)
        self._projection = make_product(weights["weight_hr"], None, copy=copy) if "weight_hr" in weights else None
        self._normalised = layer if isinstance(layer, NormalisedLayer) else None

    def product(self, inputs: Tensor) -> Tensor:
        """Return the input's product, ``[B, gates * H]``."""
        product = self._inputs(inputs)
        return self._normalised.norm_ih(product) if self._normalised else product

    def advance(self, product: Tensor, state: State) -> State:
        """Return the state after the step."""
        recurrent, norm = self._recurrent(state[0]), None
        if self._normalised:
            recurrent, norm = self._normalised.norm_hh(recurrent), self._normalised.norm_c
        return advance(self._cell, product, recurrent, state, norm=norm, projection=self._projection)


def make_product(weight: Tensor, bias: Tensor | None, *, copy: bool) -> Product:
    """Return what computes ``inputs weight^T + bias``, from a copy of the weight laid out for few rows or from itself.

    >>> product = make_product(torch.ones(3, 2), None, copy=True)
    >>> product(torch.tensor([[1.0, 2.0]]))
    tensor([[3., 3., 3.]])
    """
    if not copy:
        return partial(F.linear, weight=weight, bias=bias)
    weight = weight.detach()
    packed = _packed(weight, None if bias is None else bias.detach())
    if packed is not None:
        return partial(_packed_product, packed=packed)
    return partial(F.linear, weight=weight.t().contiguous().t(), bias=bias)


def _packed(weight: Tensor, bias: Tensor | None) -> torch.ScriptObject | None:
    """Return a weight packed as float16, or None where that would lose more than int8 lost, or this machine cannot."""
    if "fbgemm" not in torch.backends.quantized.supported_engines or weight.dtype != torch.float32:
        return None
    if weight.numel() < _PACK_FROM:
        return None
    if not weight.half().float().equal(weight) and not (weight.abs().max() < _LARGEST and is_int8(weight)):
        return None
    try:
        packed: torch.ScriptObject = torch.ops.quantized.linear_prepack_fp16(weight.contiguous(), bias)
    except (AttributeError, RuntimeError):  # another engine is set, or a torch without it
        return None
    return packed


def _packed_product(inputs: Tensor, packed: torch.ScriptObject) -> Tensor:
    product: Tensor = _packed_operator()(inputs if inputs.dim() > 1 else inputs[None], packed)
    return product[0] if inputs.dim() == 1 else product


@cache
def _packed_operator() -> Callable[[Tensor, torch.ScriptObject], Tensor]:
    """Return the operator, past the Python that torch puts around those that take objects: 15 us a call, not 59."""
    overload = torch.ops.quantized.linear_dynamic_fp16.default
    operator: Callable[[Tensor, torch.ScriptObject], Tensor] = getattr(overload, "_op", overload)
    return operator
