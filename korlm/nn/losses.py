"""Losses over large vocabularies: the full, adaptive and sampled softmax; and activation regularization.

The full softmax is computed in chunks of rows:

>>> hidden, weight, targets = torch.zeros(6, 4), torch.zeros(8, 4), torch.arange(6)
>>> round(float(chunked_cross_entropy(hidden, weight, None, targets)), 4)  # ln 8
2.0794

The sampled softmax computes some thousand entries of the vocabulary per step. With ``V`` entries, logits ``s_i`` and the
target ``t``, the full softmax costs ``V`` products per row:

    loss = ln Z - s_t,    Z = sum over all i of exp(s_i)

Here each entry is sampled independently with its own inclusion probability ``p_i`` (Poisson sampling), the targets of the
batch always. The sampled entries stand for the others (Horvitz and Thompson 1952), so that the expectation of ``Z'`` is ``Z``:

    Z' = sum over the targets of exp(s_i) + sum over the other sampled entries of exp(s_i) / p_i

as in Bengio and Senécal (2003, "Quick training of probabilistic neural nets by importance sampling") and Jean et al. (2015,
"On using very large target vocabulary"). Probabilities rise with frequency, ``p_i = min(1, c (n_i + 1)^0.75)``: frequent
entries are always included, and only rare ones, which contribute little to ``Z``, are sampled. It is a training loss only:
scores always use the full softmax.

>>> counts = torch.tensor([900, 90, 9, 9, 0, 0])
>>> [round(probability, 2) for probability in inclusion_probabilities(counts, 3).tolist()]
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
# Logits and rows per chunk: N 4096, E 512 on one Zen 3 core take 0.81, 0.73 and 0.80 of the time of F.linear +
# F.cross_entropy at V 2,500, 8,000 and 32,000; with 64 rows 1.07, 1.03 and 1.05, as the products are then too thin.
_CHUNK_LOGITS = 1 << 23
_CHUNK_ROWS = (128, 1024)


def chunked_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, *, chunk: int | None = None,
    reduction: str = "mean", ignore_index: int = IGNORE_INDEX,
) -> Tensor:  # fmt: skip
    """Return the cross-entropy of ``hidden weight^T + bias`` without holding all logits in memory.

    Equals ``F.cross_entropy(F.linear(hidden, weight, bias), targets)``. The log-softmax of a chunk of rows gives its loss
    and, if gradients are needed, its exponential gives them at once. So no chunk is computed twice, and ``N x V`` logits
    are never in memory (as in the fused linear cross-entropy of Liger Kernel, Hsu et al. 2024):

        P = softmax(X W^T + b),  dX = s (P - 1[target]) W,  dW = (P - 1[target])^T (s X),  db = (P - 1[target])^T s

    with ``s`` = 1 / N per row for the mean. The scale is applied to X and dX, never to the V-wide P.

    Args:
        hidden: ``[N, E]``; products are in its type, log-softmax and loss in float32 (float64 stays).
        weight: ``[V, E]``.
        bias: ``[V]`` or None.
        targets: ``[N]`` int64.
        chunk: rows per chunk; by default as many as have 8 M logits, within 128 to 1024.
        reduction: ``mean`` (over the targets that are not ignored; 0 if all are), ``sum``, or ``none``: ``[N]`` nats,
            without gradients.
        ignore_index: target value that is left out.

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
    is_target = targets != ignore_index
    if reduction == "none" or not torch.is_grad_enabled():
        with torch.no_grad():
            nll = _chunked_nll(hidden, weight, bias, targets.where(is_target, 0), chunk) * is_target
        return nll if reduction == "none" else nll.sum() / (is_target.sum().clamp(min=1) if reduction == "mean" else 1)
    scale = is_target.to(_accumulation_dtype(hidden.dtype))
    if reduction == "mean":
        scale = scale / scale.sum().clamp(min=1)
    loss: Tensor = _ChunkedCrossEntropy.apply(hidden, weight, bias, targets.where(is_target, 0), scale, chunk)
    return loss


class _ChunkedCrossEntropy(torch.autograd.Function):
    """``sum(scale * nll)``, with its gradients computed in the forward pass."""

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
            columns = targets[rows].unsqueeze(1)
            loss -= scale[rows] @ scores.gather(1, columns).squeeze(1)
            if d_hidden is None and d_weight is None and d_bias is None:
                continue
            scores = scores.exp_().scatter_add_(1, columns, -torch.ones_like(columns, dtype=scores.dtype))
            if d_bias is not None:
                d_bias += scale[rows] @ scores
            scores = scores.to(hidden.dtype)
            row_scale = scale[rows].unsqueeze(1)
            if d_hidden is not None:
                d_hidden[rows] = (scores @ matrix) * row_scale
            if d_weight is not None:
                _accumulate_matmul(d_weight, scores.t(), (hidden[rows] * row_scale).to(hidden.dtype))
            del scores  # before the next chunk's logits: only one chunk in memory
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        if upstream.item() != 1:  # it is 1 for `loss.backward()`
            gradients = [part if part is None else part * upstream.to(part.dtype) for part in gradients]
        return (*gradients, None, None, None)


def adaptive_cross_entropy(
    layer: nn.AdaptiveLogSoftmaxWithLoss, hidden: Tensor, targets: Tensor, **options: Any
) -> Tensor:
    """Return the cross-entropy of an adaptive softmax (Grave et al. 2017, "Efficient softmax approximation for GPUs").

    ``p(id) = p_head(id)`` for the frequent ids of the head, ``p_head(cluster) p(id | cluster)`` for the others. So the
    loss is that of the head over ids and clusters, plus that of each cluster over the rows whose target is in it. Both
    are computed in chunks, in the type of ``hidden``. See `chunked_cross_entropy` for the arguments and options.
    """
    ignore_index, reduction = options.pop("ignore_index", IGNORE_INDEX), options.pop("reduction", "mean")
    bounds = torch.tensor(layer.cutoffs[:-1], device=targets.device)
    clusters = torch.bucketize(targets, bounds, right=True)  # 0 for the head
    is_target = targets != ignore_index
    head_targets = torch.where(clusters > 0, layer.shortlist_size - 1 + clusters, targets)
    head_targets = head_targets.where(is_target, IGNORE_INDEX)
    options["reduction"] = "none" if reduction == "none" else "sum"
    total = chunked_cross_entropy(hidden, layer.head.weight, layer.head.bias, head_targets, **options)
    for index, tail in enumerate(layer.tail):
        narrow, wide = cast(tuple[nn.Linear, nn.Linear], tuple(cast(nn.Sequential, tail)))
        rows = ((clusters == index + 1) & is_target).nonzero().squeeze(1)
        narrowed = hidden[rows] @ narrow.weight.to(hidden.dtype).t()
        nll = chunked_cross_entropy(narrowed, wide.weight, None, targets[rows] - layer.cutoffs[index], **options)
        total = total.index_add(0, rows, nll) if reduction == "none" else total + nll
    return total / is_target.sum().clamp(min=1) if reduction == "mean" else total


def _log_softmax(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``[C, V]`` log-probabilities, in place where the types allow it."""
    logits = hidden @ weight.t() if bias is None else torch.addmm(bias.to(hidden.dtype), hidden, weight.t())
    if logits.dtype != _accumulation_dtype(logits.dtype):
        return torch.log_softmax(logits, 1, dtype=_accumulation_dtype(logits.dtype))
    return torch.log_softmax(logits, 1, out=logits)


def _chunked_nll(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, chunk: int) -> Tensor:
    """Return the negative log-likelihood of each target, ``[N]``."""
    weight = weight.to(hidden.dtype)
    parts = [
        _log_softmax(rows, weight, bias).gather(1, row_targets.unsqueeze(1)).squeeze(1).neg()
        for rows, row_targets in zip(hidden.split(chunk), targets.split(chunk), strict=True)
    ]
    return torch.cat(parts)


def _accumulate_matmul(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add ``left @ right`` to ``total``, in place where the types allow it."""
    if total.dtype == left.dtype:
        total.addmm_(left, right)
    else:
        total += left @ right


def _accumulation_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


class LMOutput(NamedTuple):
    """The outputs of a language model over a window."""

    # ``[B, T, E]`` (untied: the recurrent width), for `RecurrentLM.nll` and `RecurrentLM.compute_logits`
    hidden: Tensor
    state: tuple[Tensor, ...]  # the state after the window; each part ``[L, B, ...]``
    raw_outputs: Tensor  # ``[B, T, H]`` outputs of the last layer (``P`` wide with a projection)
    dropped_outputs: Tensor  # the same after dropout


def activation_penalty(output: LMOutput, alpha: float, beta: float) -> Tensor:
    """Return the sum of AR and TAR (Merity et al. 2017, "Revisiting activation regularization"), a scalar in float32.

    ``alpha mean(dropped^2) + beta mean((raw[t + 1] - raw[t])^2)`` penalizes large outputs and jumps between time steps.
    AWD-LSTM has alpha 2 and beta 1.

    Args:
        output: of `RecurrentLM.forward_with_activations`.
        alpha: weight of activation regularization (AR); 0 for none.
        beta: weight of temporal activation regularization (TAR); 0 for none. A window of one step has no jump.

    Example:
        >>> ones = torch.ones(1, 4, 2)
        >>> float(activation_penalty(LMOutput(ones, (), ones, ones), alpha=2.0, beta=1.0))
        2.0
    """
    penalty = torch.zeros((), device=output.raw_outputs.device)
    if alpha:
        penalty = penalty + alpha * output.dropped_outputs.float().square().mean()
    if beta and output.raw_outputs.shape[1] > 1:
        penalty = penalty + beta * output.raw_outputs.float().diff(dim=1).square().mean()
    return penalty


_FREQUENCY_POWER = 0.75  # as in the negative sampling of Mikolov et al. (2013)
# Columns are padded to a multiple of this: oneDNN compiles a kernel for each new shape, and a sample has another size at
# every step (25 ms of a step's 160, dev/LOG.md).
_COLUMN_MULTIPLE = 512


def inclusion_probabilities(counts: Tensor, num_sampled: int) -> Tensor:
    """Return the inclusion probability of each entry, ``[V]`` float32: they sum to ``num_sampled``, or are all 1.

    Args:
        counts: ``[V]``, the frequency of each entry in the training text.
        num_sampled: entries per step on average, not counting the targets of the batch.
    """
    if num_sampled >= len(counts):
        return torch.ones(len(counts))
    weights = (counts.double() + 1) ** _FREQUENCY_POWER
    low, high = 0.0, len(counts) / float(weights.min())
    for _ in range(100):  # bisection: the sum grows with the factor
        middle = (low + high) / 2
        low, high = (middle, high) if (weights * middle).clamp(max=1).sum() < num_sampled else (low, middle)
    return (weights * high).clamp(max=1).float()


def sampled_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, inclusion_probs: Tensor, *,
    reduction: str = "mean", ignore_index: int = IGNORE_INDEX,
) -> Tensor:  # fmt: skip
    """Return the cross-entropy against the batch's targets and a sample of the other entries.

    One sample, of torch's global generator, serves all rows. With all probabilities 1 it is `chunked_cross_entropy`.

    The arguments are those of `chunked_cross_entropy`, and ``inclusion_probs``, ``[V]`` of `inclusion_probabilities`, all
    above 0. The reduction is ``mean`` or ``sum``.

    Example:
        >>> hidden, weight, bias = torch.zeros(2, 4), torch.randn(9, 4), torch.zeros(9)
        >>> loss = sampled_cross_entropy(hidden, weight, bias, torch.tensor([3, 8]), torch.ones(9))
        >>> round(loss.exp().item(), 4)
        9.0
    """
    with torch.no_grad():
        is_target = targets != ignore_index
        sampled = torch.rand(len(inclusion_probs), device=inclusion_probs.device) < inclusion_probs
        correction = -inclusion_probs.log()
        sampled[targets[is_target]], correction[targets[is_target]] = True, 0.0
        columns = sampled.nonzero().squeeze(1)
        column_targets = (sampled.cumsum(0) - 1)[targets.clamp(min=0)].where(is_target, IGNORE_INDEX)
        padding = (0, -len(columns) % _COLUMN_MULTIPLE)
        column_bias = F.pad(correction.index_select(0, columns), padding, value=-torch.inf)  # padding has probability 0
        columns = F.pad(columns, padding)
    column_bias = bias.index_select(0, columns) + column_bias
    return chunked_cross_entropy(
        hidden, weight.index_select(0, columns), column_bias, column_targets, reduction=reduction
    )
