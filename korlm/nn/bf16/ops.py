"""Products in bf16 on a processor, by oneDNN: a weight is laid out for it once and then met by many rows. And what the
windows of a GRU and an LSTM have in common.

`torch.mm` lays its second factor out anew at every call, which for the thin products of a time step costs as much as the
product (docs/LOG.md). Where the processor has no bf16 the products are torch's own.

>>> rows, weight = torch.ones(3, 8, dtype=BF16), torch.ones(4, 8, dtype=BF16)
>>> packed_linear(rows, prepack_weight(weight, 3))[0].tolist()
[8.0, 8.0, 8.0, 8.0]
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

BF16 = torch.bfloat16
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # (d, y): d y (1 - y)
tanh_backward = torch.ops.aten.tanh_backward.grad_input  # (d, y): d (1 - y^2)


@functools.cache
def cpu_supports_bf16() -> bool:
    """Return whether this processor multiplies in bf16."""
    return bool(torch.cpu._is_avx512_bf16_supported()) and torch.backends.mkldnn.is_available()


def prepack_weight(weight: Tensor, expected_rows: int) -> Tensor:
    """Return ``[O, I]`` as oneDNN wants it for products with about so many rows."""
    if not cpu_supports_bf16():
        return weight.contiguous()
    laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), expected_rows)
    return laid_out


def packed_linear(inputs: Tensor, packed_weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``rows weight^T + bias``, ``[N, O]``, without gradients."""
    if not cpu_supports_bf16():
        return F.linear(inputs, packed_weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, packed_weight, bias, "none", [], "")
    return product


def input_projection(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return a window's products with the input weights, ``[T, B, G * H]`` in bf16, with gradients.

    Args:
        inputs: ``[B, T, I]``.
        weight: ``[G * H, I]``.
        bias: ``[G * H]``.
    """
    steps = inputs.transpose(0, 1).to(BF16)
    return torch.addmm(bias.to(BF16), steps.flatten(0, 1), weight.to(BF16).t()).view(*steps.shape[:2], -1)
