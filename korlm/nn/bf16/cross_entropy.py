"""The cross-entropy over a vocabulary and its gradients in bf16 on CPU, in blocks that fit the cache.

The cost is memory traffic, not arithmetic. So the logits of some rows are computed, exponentiated and multiplied back while
they are in the cache (1 M of them), and their probabilities are kept in bf16 for the one product that needs them all, the
gradient of the weights (16 M of them at a time).

>>> hidden, weight = torch.zeros(6, 4, dtype=BF16), torch.zeros(8, 4)
>>> loss, *_ = bf16_cross_entropy(hidden, weight, None, torch.arange(6), torch.ones(6))
>>> round(float(loss) / 6, 2)  # ln 8
2.08
"""

from __future__ import annotations

import torch
from torch import Tensor

from korlm.nn.bf16.ops import BF16, packed_linear, prepack_weight

_CHUNK_LOGITS = 1 << 20  # logits: 2 MB
_BLOCK_LOGITS = 1 << 24
_CHUNK_ROWS = (128, 512)


def bf16_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, scale: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Return ``sum(scale * nll)`` and its gradients by hidden, weight and bias.

    Args:
        hidden: ``[N, E]`` in bf16.
        weight: ``[V, E]``.
        bias: ``[V]`` or None.
        targets: ``[N]`` int64.
        scale: ``[N]``: the same number everywhere, but 0 where a target is ignored.
    """
    matrix, low_bias = weight.to(BF16), None if bias is None else bias.to(BF16)
    chunk = min(max(_CHUNK_LOGITS // len(weight), _CHUNK_ROWS[0]), _CHUNK_ROWS[1])
    block_rows = min(len(hidden), max(_BLOCK_LOGITS // len(weight) // chunk, 1) * chunk)
    packed, packed_transpose = prepack_weight(matrix, chunk), prepack_weight(matrix.t(), chunk)
    is_target, factor = (scale != 0).to(BF16), scale.max()
    probabilities, d_hidden = hidden.new_empty(block_rows, len(weight)), torch.empty_like(hidden)
    d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(weight[:, 0])
    target_probabilities = scale.new_empty(len(hidden))
    indices = torch.arange(chunk, device=hidden.device)
    for first in range(0, len(hidden), block_rows):
        block = probabilities[: len(hidden) - first]
        for start in range(0, len(block), chunk):
            part, rows = block[start : start + chunk], slice(first + start, first + start + chunk)
            torch.softmax(packed_linear(hidden[rows], packed, low_bias), 1, out=part)
            at_targets = (indices[: len(part)], targets[rows])  # scatter_ would traverse the whole part
            part_probabilities = part[at_targets]
            target_probabilities[rows] = part_probabilities
            part.index_put_(at_targets, part_probabilities - 1)
            d_hidden[rows] = packed_linear(part, packed_transpose)
        rows = slice(first, first + len(block))
        d_weight += block.t() @ (hidden[rows] * is_target[rows].unsqueeze(1))
        d_bias += (is_target[rows].unsqueeze(0) @ block).squeeze(0)
    nll = target_probabilities.clamp_(min=torch.finfo(BF16).tiny).log_().neg_()
    d_hidden *= (is_target * factor).unsqueeze(1)
    return scale @ nll, d_hidden, d_weight.mul_(factor), None if bias is None else d_bias.mul_(factor)
