"""bf16 products on CPU with weights packed once by oneDNN, and the parts that the GRU and LSTM kernels share.

`torch.mm` repacks its second factor at every call, which costs as much as the thin product of a time step (dev/LOG.md). On
processors without bf16 the products are torch's own.

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
    """Return whether this processor has bf16 products."""
    return bool(torch.cpu._is_avx512_bf16_supported()) and torch.backends.mkldnn.is_available()


def prepack_weight(weight: Tensor, expected_rows: int) -> Tensor:
    """Return a weight ``[O, I]`` packed by oneDNN for products with about so many rows."""
    if not cpu_supports_bf16():
        return weight.contiguous()
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), expected_rows)
    return packed


def packed_linear(inputs: Tensor, packed_weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``inputs weight^T + bias``, ``[N, O]``, without gradients."""
    if not cpu_supports_bf16():
        return F.linear(inputs, packed_weight, bias)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, packed_weight, bias, "none", [], "")
    return product


def input_projection(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the products of a window with the input weights, ``[T, B, G * H]`` in bf16, with gradients.

    Args:
        inputs: ``[B, T, I]``.
        weight: ``[G * H, I]``.
        bias: ``[G * H]``.
    """
    steps = inputs.transpose(0, 1).to(BF16)
    return torch.addmm(bias.to(BF16), steps.flatten(0, 1), weight.to(BF16).t()).view(*steps.shape[:2], -1)
