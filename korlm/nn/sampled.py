"""The sampled softmax: a step looks at some thousands of a large vocabulary's entries, not at all of them.

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

import torch
from torch import Tensor
from torch.nn import functional as F

from korlm.nn.softmax import IGNORE_INDEX, chunked_cross_entropy

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
