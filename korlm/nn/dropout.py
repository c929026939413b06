"""Dropout for recurrent networks: of activations (also variational), of embedding rows, of recurrent weights.

All are inverted: the rest is scaled by ``1 / (1 - rate)``, so that evaluation needs no scaling. Masks come from torch's global
random generator.

>>> import torch
>>> sorted(set(apply_dropout(torch.ones(99, 99), 0.5).flatten().tolist()))
[0.0, 2.0]
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def apply_dropout(values: Tensor, dropout_rate: float, *, variational: bool = False) -> Tensor:
    """Zero activations at random.

    Args:
        values: ``[B, T, ...]``.
        dropout_rate: probability of zeroing an activation.
        variational: one mask ``[B, 1, ...]`` for all time steps (Gal and Ghahramani 2016, "A theoretically grounded
            application of dropout in recurrent neural networks"); else independent masks (Srivastava et al. 2014).

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
    """Look up embeddings, zeroing whole ids at random: an id is zeroed everywhere in the batch or nowhere.

    This is the embedding dropout of Gal and Ghahramani (2016) and AWD-LSTM (Merity et al. 2018). The mask has one entry
    per id and is applied to the rows that were looked up, not to all ``V``.

    >>> import torch
    >>> embed_with_dropout(torch.ones(9, 2), torch.tensor([[3, 3]]), 0.0).shape  # weight [V, E], ids [B, T]
    torch.Size([1, 2, 2])
    """
    embeddings = F.embedding(ids, weight)
    if not dropout_rate:
        return embeddings
    mask = weight.new_empty(weight.shape[0]).bernoulli_(1 - dropout_rate).div_(1 - dropout_rate)
    return embeddings * mask[ids].unsqueeze(-1)


def drop_connect(weight: Tensor, dropout_rate: float) -> Tensor:
    """Zero weights at random for one window: DropConnect (Wan et al. 2013), on recurrent weights as in AWD-LSTM.

    The raw weight does not change; it gets the gradients of the entries that are kept.

    >>> import torch
    >>> drop_connect(torch.ones(2, 2), 0.0).sum()
    tensor(4.)
    """
    return F.dropout(weight, dropout_rate) if dropout_rate else weight
