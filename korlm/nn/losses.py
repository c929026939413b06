"""Losses over large vocabularies: the full softmax by chunks of rows, and the adaptive softmax.

>>> hidden, weight, targets = torch.zeros(6, 4), torch.zeros(8, 4), torch.arange(6)
>>> round(float(chunked_cross_entropy(hidden, weight, None, targets)), 4)  # ln 8
2.0794

Activation regularisation (AR) and temporal activation regularisation (TAR).

>>> still = torch.ones(1, 4, 2)
>>> float(activation_penalty(LMOutput(still, (), still, still), alpha=2.0, beta=1.0))
2.0

The sampled softmax: a step looks at some thousands of a large vocabulary's entries, not at all of them.

With ``V`` entries, logits ``s_i`` and the target ``t``, a step of the full softmax costs ``V`` products a row:

    loss = ln Z - s_t,    Z = sum over all i of exp(s_i)

Here each entry is drawn with its own chance ``p_i``, by itself (Poisson sampling), the targets of the batch always; and what
is drawn stands for what is not (Horvitz and Thompson 1952), so that the expectation of ``Z'`` is ``Z``:

    Z' = sum over the targets of exp(s_i) + sum over the others drawn of exp(s_i) / p_i

as Bengio and Senécal (2003, "Quick training of probabilistic neural nets by importance sampling") and Jean et al. (2015, "On
using very large target vocabulary") have it. The chances rise with frequency, ``p_i = min(1, c (n_i + 1)^0.75)``, so
that frequent entries are always there and only rare ones, whose share of ``Z`` is small, are left to chance. It is a loss
to learn by: scores are always the full softmax's.

>>> counts = torch.tensor([900, 90, 9, 9, 0, 0])
>>> [round(chance, 2) for chance in inclusion_probabilities(counts, 3).tolist()]
[1.0, 1.0, 0.42, 0.42, 0.08, 0.08]
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from korlm.errors import InputError
from korlm.nn.bf16.cross_entropy import bf16_cross_entropy
from korlm.nn.bf16.ops import BF16, cpu_supports_bf16

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


class LMOutput(NamedTuple):
    """What a net computed over a window.

    Attributes:
        hidden: ``[B, T, E]`` (untied: the recurrent width), for `RecurrentLM.nats` and `RecurrentLM.logits`.
        state: the state after the window; each part ``[L, B, ...]``.
        raw_outputs: ``[B, T, H]`` outputs of the last layer (``P`` wide with a projection).
        dropped_outputs: the same after dropout.
    """

    hidden: Tensor
    state: tuple[Tensor, ...]
    raw_outputs: Tensor
    dropped_outputs: Tensor


def activation_penalty(output: LMOutput, alpha: float, beta: float) -> Tensor:
    """Return what AR and TAR add to the loss (Merity et al. 2017, "Revisiting activation regularization").

    ``alpha mean(dropped^2) + beta mean((raw[t + 1] - raw[t])^2)``: large outputs cost, and so do jumps between time
    steps. AWD-LSTM has alpha 2 and beta 1.

    Args:
        output: of `RecurrentLM.features`.
        alpha: weight of AR; 0 for none.
        beta: weight of TAR; 0 for none. A window of one step has no jump.

    Returns:
        A scalar in float32.
    """
    penalty = torch.zeros((), device=output.raw_outputs.device)
    if alpha:
        penalty = penalty + alpha * output.dropped_outputs.float().square().mean()
    if beta and output.raw_outputs.shape[1] > 1:
        penalty = penalty + beta * output.raw_outputs.float().diff(dim=1).square().mean()
    return penalty


_FREQUENCY_POWER = 0.75  # of the frequency, as Mikolov et al. (2013) draw negative samples
# The columns are filled up to a multiple of this with ones that are never right: oneDNN compiles a kernel for each shape
# that it meets, and a draw has another length at every step (25 ms of a step's 160, docs/LOG.md).
_COLUMN_MULTIPLE = 512


def inclusion_probabilities(counts: Tensor, num_sampled: int) -> Tensor:
    """Return the chance of each entry to be drawn, ``[V]`` float32: they sum to ``num_sampled``, or are all 1.

    Args:
        counts: ``[V]``, how frequent each entry is in the text to learn from.
        num_sampled: how many entries a step is to look at, on average and less the batch's own targets.
    """
    if num_sampled >= len(counts):
        return torch.ones(len(counts))
    weights = (counts.double() + 1) ** _FREQUENCY_POWER
    low, high = 0.0, len(counts) / float(weights.min())
    for _ in range(100):  # halves the interval; the sum grows with the factor
        middle = (low + high) / 2
        low, high = (middle, high) if (weights * middle).clamp(max=1).sum() < num_sampled else (low, middle)
    return (weights * high).clamp(max=1).float()


def sampled_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor,
    targets: Tensor,
    inclusion_probs: Tensor,
    *,
    reduction: str = "mean",
    ignore_index: int = IGNORE_INDEX,
) -> Tensor:
    """Return the cross entropy against the batch's targets and a draw from the other entries.

    One draw of torch's generator serves all rows. With all chances 1 it is `chunked_cross_entropy`.

    Args:
        hidden: ``[N, E]``.
        weight: ``[V, E]``.
        bias: ``[V]``.
        targets: ``[N]`` int64.
        inclusion_probs: ``[V]`` of `inclusion_probabilities`, above 0, on the device of the rest.
        reduction: ``mean`` or ``sum``.
        ignore_index: targets that cost nothing.

    Example:
        >>> hidden, weight, bias = torch.zeros(2, 4), torch.randn(9, 4), torch.zeros(9)
        >>> loss = sampled_cross_entropy(hidden, weight, bias, torch.tensor([3, 8]), torch.ones(9))
        >>> round(loss.exp().item(), 4)
        9.0
    """
    with torch.no_grad():
        own = targets[targets != ignore_index]
        drawn = torch.rand(len(inclusion_probs), device=inclusion_probs.device) < inclusion_probs
        correction = -inclusion_probs.log()
        drawn[own], correction[own] = True, 0.0
        columns = drawn.nonzero().squeeze(1)
        places = drawn.cumsum(0) - 1
        goal = places[targets.clamp(min=0)].where(targets != ignore_index, IGNORE_INDEX)
        spare = -len(columns) % _COLUMN_MULTIPLE
        lift = F.pad(correction.index_select(0, columns), (0, spare), value=-torch.inf)
        columns = F.pad(columns, (0, spare))
    kept_bias = bias.index_select(0, columns) + lift
    return chunked_cross_entropy(hidden, weight.index_select(0, columns), kept_bias, goal, reduction=reduction)
