"""Dropouts of recurrent nets: on activations (also locked over time), on embedding rows, on recurrent weights.

All are inverted: what is kept is scaled by ``1 / (1 - share)``, so that nothing changes at evaluation. Masks come from
torch's global generator.

>>> import torch
>>> sorted(set(drop(torch.ones(99, 99), 0.5).flatten().tolist()))
[0.0, 2.0]
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def drop(values: Tensor, share: float, *, locked: bool = False) -> Tensor:
    """Zero a share of activations.

    Args:
        values: ``[B, T, ...]``.
        share: probability that one is zeroed.
        locked: one mask ``[B, 1, ...]`` for all time steps (Gal and Ghahramani 2016, "A theoretically grounded
            application of dropout in recurrent neural networks"); else each activation by itself (Srivastava et al.
            2014).

    Example:
        >>> import torch
        >>> dropped = drop(torch.ones(4, 9, 5), 0.5, locked=True)
        >>> bool((dropped == dropped[:, :1]).all())
        True
    """
    if not share:
        return values
    if not locked:
        return F.dropout(values, share)
    mask = values.new_empty(values.shape[0], 1, *values.shape[2:]).bernoulli_(1 - share).div_(1 - share)
    return values * mask


def drop_rows(weight: Tensor, ids: Tensor, share: float) -> Tensor:
    """Look ids up in an embedding of which a share of rows is zero: such an id is gone wherever it stands in the batch.

    As "embedding dropout" in Gal and Ghahramani (2016) and AWD-LSTM (Merity et al. 2018); the mask has one entry an
    id and is applied to the rows that were looked up, not to all ``V``.

    Args:
        weight: ``[V, E]``.
        ids: ``[B, T]``.
        share: probability that an id is zeroed.

    Returns:
        ``[B, T, E]``.

    Example:
        >>> import torch
        >>> drop_rows(torch.ones(9, 2), torch.tensor([[3, 3]]), 0.0).shape
        torch.Size([1, 2, 2])
    """
    looked_up = F.embedding(ids, weight)
    if not share:
        return looked_up
    mask = weight.new_empty(weight.shape[0]).bernoulli_(1 - share).div_(1 - share)
    return looked_up * mask[ids].unsqueeze(-1)


def drop_connect(weight: Tensor, share: float) -> Tensor:
    """Zero a share of weights, for one window: DropConnect (Wan et al. 2013), on recurrent weights as in AWD-LSTM.

    The raw weight stays as it is and gets the gradients of those kept.

    Example:
        >>> import torch
        >>> drop_connect(torch.ones(2, 2), 0.0).sum()
        tensor(4.)
    """
    return F.dropout(weight, share) if share else weight
