"""Products in bf16 on a processor, by oneDNN: a weight is laid out for it once and then met by many rows. And what the
windows of a GRU and an LSTM have in common.

`torch.mm` lays its second factor out anew at every call, which for the thin products of a time step costs as much as the
product (docs/LOG.md). Where the processor has no bf16 the products are torch's own.

>>> rows, weight = torch.ones(3, 8, dtype=HALF), torch.ones(4, 8, dtype=HALF)
>>> times(rows, lay_out(weight, 3))[0].tolist()
[8.0, 8.0, 8.0, 8.0]
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

HALF = torch.bfloat16
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input  # (d, y): d y (1 - y)
tanh_backward = torch.ops.aten.tanh_backward.grad_input  # (d, y): d (1 - y^2)


@functools.cache
def halves() -> bool:
    """Return whether this processor multiplies in bf16."""
    return bool(torch.cpu._is_avx512_bf16_supported()) and torch.backends.mkldnn.is_available()


def lay_out(weight: Tensor, rows: int) -> Tensor:
    """Return ``[O, I]`` as oneDNN wants it for products with about so many rows."""
    if not halves():
        return weight.contiguous()
    laid_out: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), rows)
    return laid_out


def times(rows: Tensor, laid_out: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``rows weight^T + bias``, ``[N, O]``, without gradients."""
    if not halves():
        return F.linear(rows, laid_out, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, laid_out, bias, "none", [], "")
    return product


def for_all_times(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return a window's products with the input weights, ``[T, B, G * H]`` in bf16, with gradients.

    Args:
        inputs: ``[B, T, I]``.
        weight: ``[G * H, I]``.
        bias: ``[G * H]``.
    """
    steps = inputs.transpose(0, 1).to(HALF)
    return torch.addmm(bias.to(HALF), steps.flatten(0, 1), weight.to(HALF).t()).view(*steps.shape[:2], -1)
