"""Dropouts of recurrent nets: on activations (also locked over time), on embedding rows, on recurrent weights.

All are inverted: what is kept is scaled by ``1 / (1 - share)``, so that nothing changes at evaluation. Masks come from
torch's global generator.

>>> import torch
>>> sorted(set(apply_dropout(torch.ones(99, 99), 0.5).flatten().tolist()))
[0.0, 2.0]
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def apply_dropout(values: Tensor, dropout_rate: float, *, variational: bool = False) -> Tensor:
    """Zero a share of activations.

    Args:
        values: ``[B, T, ...]``.
        dropout_rate: probability that one is zeroed.
        variational: one mask ``[B, 1, ...]`` for all time steps (Gal and Ghahramani 2016, "A theoretically grounded
            application of dropout in recurrent neural networks"); else each activation by itself (Srivastava et al.
            2014).

    Example:
        >>> import torch
        >>> dropped = apply_dropout(torch.ones(4, 9, 5), 0.5, variational=True)
        >>> bool((dropped == dropped[:, :1]).all())
        True
    """
    if not dropout_rate:
        return values
    if not variational:
        return F.dropout(values, dropout_rate)
    mask = values.new_empty(values.shape[0], 1, *values.shape[2:]).bernoulli_(1 - dropout_rate).div_(1 - dropout_rate)
    return values * mask


def embed_with_dropout(weight: Tensor, ids: Tensor, dropout_rate: float) -> Tensor:
    """Look ids up in an embedding of which a share of rows is zero: such an id is gone wherever it stands in the batch.

    As "embedding dropout" in Gal and Ghahramani (2016) and AWD-LSTM (Merity et al. 2018); the mask has one entry an
    id and is applied to the rows that were looked up, not to all ``V``.

    Args:
        weight: ``[V, E]``.
        ids: ``[B, T]``.
        dropout_rate: probability that an id is zeroed.

    Returns:
        ``[B, T, E]``.

    Example:
        >>> import torch
        >>> embed_with_dropout(torch.ones(9, 2), torch.tensor([[3, 3]]), 0.0).shape
        torch.Size([1, 2, 2])
    """
    looked_up = F.embedding(ids, weight)
    if not dropout_rate:
        return looked_up
    mask = weight.new_empty(weight.shape[0]).bernoulli_(1 - dropout_rate).div_(1 - dropout_rate)
    return looked_up * mask[ids].unsqueeze(-1)


def drop_connect(weight: Tensor, dropout_rate: float) -> Tensor:
    """Zero a share of weights, for one window: DropConnect (Wan et al. 2013), on recurrent weights as in AWD-LSTM.

    The raw weight stays as it is and gets the gradients of those kept.

    Example:
        >>> import torch
        >>> drop_connect(torch.ones(2, 2), 0.0).sum()
        tensor(4.)
    """
    return F.dropout(weight, dropout_rate) if dropout_rate else weight
