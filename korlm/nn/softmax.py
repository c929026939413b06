"""Losses over large vocabularies: the full softmax by chunks of rows, and the adaptive softmax.

>>> hidden, weight, targets = torch.zeros(6, 4), torch.zeros(8, 4), torch.arange(6)
>>> round(float(chunked_cross_entropy(hidden, weight, None, targets)), 4)  # ln 8
2.0794
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from korlm.errors import InputError
from korlm.nn.half_loss import bf16_cross_entropy
from korlm.nn.halves import BF16, cpu_supports_bf16

IGNORE_INDEX = -100  # torch's own default
# Logits a chunk, and rows: N 4096, E 512 on one Zen 3 core take 0.81, 0.73 and 0.80 of F.linear + F.cross_entropy's
# time at V 2,500, 8,000 and 32,000; with 64 rows 1.07, 1.03 and 1.05, for the products are then too thin.
_CHUNK_LOGITS = 1 << 23
_CHUNK_ROWS = (128, 1024)


def chunked_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    *,
    chunk: int | None = None,
    reduction: str = "mean",
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Return the cross entropy of ``hidden weight^T + bias``, without ever holding all its logits.

    What ``F.cross_entropy(F.linear(hidden, weight, bias), targets)`` gives. Rows are taken chunk by chunk: the chunk's
    log-softmax gives its loss, and where gradients are wanted its exponential gives them at once, so that no chunk is
    computed twice and ``N x V`` numbers never stand in memory (as in Liger Kernel's fused linear cross entropy, Hsu
    et al. 2024):

        P = softmax(X W^T + b),  dX = s (P - 1[target]) W,  dW = (P - 1[target])^T (s X),  db = (P - 1[target])^T s

    with ``s`` = 1 / N a row for the mean. The scale is laid on X and dX, never on the V-wide P.

    Args:
        hidden: ``[N, E]``; products are taken in its type, the log-softmax and the loss in float32 (float64 stays).
        weight: ``[V, E]``.
        bias: ``[V]`` or None.
        targets: ``[N]`` int64.
        chunk: rows a chunk; by default so many that it has 8 M logits, within 128 to 1024.
        reduction: ``mean`` (over the targets not ignored; 0 where all are), ``sum``, or ``none``: ``[N]`` nats,
            without gradients.
        ignore_index: targets that cost nothing.

    Raises:
        InputError: an unknown reduction.

    Example:
        >>> hidden = torch.randn(5, 3, requires_grad=True)
        >>> loss = chunked_cross_entropy(hidden, torch.randn(7, 3), None, torch.tensor([0, 6, 2, 2, -100]), chunk=2)
        >>> loss.backward()
        >>> hidden.grad[-1].abs()
        tensor([0., 0., 0.])
    """
    if reduction not in ("mean", "sum", "none"):
        raise InputError(
            f"reduction에 '{reduction}'은(는) 없습니다. mean, sum, none 가운데 고르세요.",
            f"There is no reduction '{reduction}'. Choose from mean, sum and none.",
        )
    chunk = chunk or min(max(_CHUNK_LOGITS // len(weight), _CHUNK_ROWS[0]), _CHUNK_ROWS[1])
    kept = targets != ignore_index
    if reduction == "none" or not torch.is_grad_enabled():
        with torch.no_grad():
            nats = _chunked_nll(hidden, weight, bias, targets.where(kept, 0), chunk) * kept
        return nats if reduction == "none" else nats.sum() / (kept.sum().clamp(min=1) if reduction == "mean" else 1)
    scale = kept.to(_accumulation_dtype(hidden.dtype))
    if reduction == "mean":
        scale = scale / scale.sum().clamp(min=1)
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden, weight, bias, targets.where(kept, 0), scale, chunk)
    return loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    """``sum(scale * nats)``, with its gradients taken in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, scale: Tensor, chunk: int
    ) -> Tensor:
        if hidden.dtype == BF16 and hidden.device.type == "cpu" and cpu_supports_bf16():
            loss, *gradients = bf16_cross_entropy(hidden, weight, bias, targets, scale)
            ctx.save_for_backward(*gradients)
            return loss
        d_hidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        d_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        d_bias = torch.zeros_like(bias) if bias is not None and ctx.needs_input_grad[2] else None
        matrix = weight.to(hidden.dtype)
        loss = scale.new_zeros(())
        for start in range(0, len(hidden), chunk):
            rows = slice(start, start + chunk)
            scores = _log_softmax(hidden[rows], matrix, bias)
            goal = targets[rows].unsqueeze(1)
            loss -= scale[rows] @ scores.gather(1, goal).squeeze(1)
            if d_hidden is None and d_weight is None and d_bias is None:
                continue
            scores = scores.exp_().scatter_add_(1, goal, -torch.ones_like(goal, dtype=scores.dtype))
            if d_bias is not None:
                d_bias += scale[rows] @ scores
            scores = scores.to(hidden.dtype)
            share = scale[rows].unsqueeze(1)
            if d_hidden is not None:
                d_hidden[rows] = (scores @ matrix) * share
            if d_weight is not None:
                _accumulate_matmul(d_weight, scores.t(), (hidden[rows] * share).to(hidden.dtype))
            del scores  # before the next chunk's logits are made: one chunk in memory at a time
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        if upstream.item() != 1:  # `loss.backward()` hands down a 1
            gradients = [part if part is None else part * upstream.to(part.dtype) for part in gradients]
        return (*gradients, None, None, None)


def adaptive_cross_entropy(
    layer: nn.AdaptiveLogSoftmaxWithLoss, hidden: Tensor, targets: Tensor, **options: Any
) -> Tensor:
    """Return the cross entropy of an adaptive softmax (Grave et al. 2017, "Efficient softmax approximation for GPUs").

    ``p(id) = p_head(id)`` for the frequent ids of the head, ``p_head(cluster) p(id | cluster)`` for the others; so the
    loss is the head's over ids and clusters, and that of each cluster over the rows whose target is in it. Both are
    taken by chunks, in the type of ``hidden``.

    Args:
        layer: torch's own, which holds the weights.
        hidden: ``[N, E]``.
        targets: ``[N]`` int64.
        **options: `chunk`, `reduction` and `ignore_index` of `chunked_cross_entropy`.
    """
    ignored, reduction = options.pop("ignore_index", IGNORE_INDEX), options.pop("reduction", "mean")
    first = layer.shortlist_size
    bounds = torch.tensor(layer.cutoffs[:-1], device=targets.device)
    clusters = torch.bucketize(targets, bounds, right=True)  # 0 for the head
    kept = targets != ignored
    goal = torch.where(clusters > 0, first - 1 + clusters, targets).where(kept, IGNORE_INDEX)
    part = "none" if reduction == "none" else "sum"
    options["reduction"] = part
    total = chunked_cross_entropy(hidden, layer.head.weight, layer.head.bias, goal, **options)
    for number, tail in enumerate(layer.tail):
        narrow, wide = cast(tuple[nn.Linear, nn.Linear], tuple(cast(nn.Sequential, tail)))
        rows = ((clusters == number + 1) & kept).nonzero().squeeze(1)
        narrowed = hidden[rows] @ narrow.weight.to(hidden.dtype).t()
        nats = chunked_cross_entropy(narrowed, wide.weight, None, targets[rows] - layer.cutoffs[number], **options)
        total = total.index_add(0, rows, nats) if part == "none" else total + nats
    return total / kept.sum().clamp(min=1) if reduction == "mean" else total


def _log_softmax(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``[C, V]`` log-probabilities, in place where the types allow it."""
    logits = hidden @ weight.t() if bias is None else torch.addmm(bias.to(hidden.dtype), hidden, weight.t())
    if logits.dtype != _accumulation_dtype(logits.dtype):
        return torch.log_softmax(logits, 1, dtype=_accumulation_dtype(logits.dtype))
    return torch.log_softmax(logits, 1, out=logits)


def _chunked_nll(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int) -> Tensor:
    """Return ``[N]`` nats."""
    weight = weight.to(hidden.dtype)
    parts = [
        _log_softmax(rows, weight, bias).gather(1, goal.unsqueeze(1)).squeeze(1).neg()
        for rows, goal in zip(hidden.split(chunk), targets.split(chunk), strict=True)
    ]
    return torch.cat(parts)


def _accumulate_matmul(total: Tensor, left: Tensor, right: Tensor) -> None:
    """``total += left @ right``, in place where the types allow it."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right


def _accumulation_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)
