"""The cross entropy over a vocabulary in bf16 on a processor, with its gradients, in memory that stays in the cache.

Memory is what this costs, not arithmetic: so the logits of some rows are made, exponentiated and multiplied back while they
are near (1 M of them), and their chances are kept in bf16 for the one product that wants them all, the gradient of the
weights (16 M of them at a time).

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
    """Return ``sum(scale * nats)`` and its gradients by hidden, weight and bias.

    Args:
        hidden: ``[N, E]`` in bf16.
        weight: ``[V, E]``.
        bias: ``[V]`` or None.
        targets: ``[N]`` int64.
        scale: ``[N]``: one number, or 0 where a target costs nothing.
    """
    matrix, low_bias = weight.to(BF16), None if bias is None else bias.to(BF16)
    near = min(max(_CHUNK_LOGITS // len(weight), _CHUNK_ROWS[0]), _CHUNK_ROWS[1])
    many = min(len(hidden), max(_BLOCK_LOGITS // len(weight) // near, 1) * near)
    ahead, back = prepack_weight(matrix, near), prepack_weight(matrix.t(), near)
    kept, factor = (scale != 0).to(BF16), scale.max()
    chances, d_hidden = hidden.new_empty(many, len(weight)), torch.empty_like(hidden)
    d_weight, d_bias, nats = torch.zeros_like(weight), torch.zeros_like(weight[:, 0]), scale.new_empty(len(hidden))
    numbers = torch.arange(near, device=hidden.device)
    for first in range(0, len(hidden), many):
        block = chances[: len(hidden) - first]
        for place in range(0, len(block), near):
            part, rows = block[place : place + near], slice(first + place, first + place + near)
            torch.softmax(packed_linear(hidden[rows], ahead, low_bias), 1, out=part)
            at = (numbers[: len(part)], targets[rows])  # scatter_ would go over the whole part
            chance = part[at]
            nats[rows] = chance
            part.index_put_(at, chance - 1)
            d_hidden[rows] = packed_linear(part, back)
        rows = slice(first, first + len(block))
        d_weight += block.t() @ (hidden[rows] * kept[rows].unsqueeze(1))
        d_bias += (kept[rows].unsqueeze(0) @ block).squeeze(0)
    nats = nats.clamp_(min=torch.finfo(BF16).tiny).log_().neg_()
    d_hidden *= (kept * factor).unsqueeze(1)
    return scale @ nats, d_hidden, d_weight.mul_(factor), None if bias is None else d_bias.mul_(factor)
