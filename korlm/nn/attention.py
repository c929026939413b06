"""Attention of decoder steps over encoder outputs: dot, general, additive.

With a query ``q`` (the decoder's hidden output) and keys ``k_s`` (the encoder's outputs), the weights are the softmax of the
scores of all keys but padding, and the context is the weighted sum of the keys:

    weight_s = exp(score(q, k_s)) / sum over s' of exp(score(q, k_s')),    context = sum over s of weight_s k_s

| name | score | source |
|---|---|---|
| ``dot`` | ``q . k`` | Luong et al. (2015), "Effective approaches to attention-based neural machine translation" |
| ``general`` | ``q . W k`` | same |
| ``additive`` | ``v . tanh(W_q q + W_k k)`` | Bahdanau et al. (2015), "Neural machine translation by jointly learning to align and translate" |

>>> attend = Attention("dot", 4)
>>> keys = torch.randn(2, 3, 4)
>>> mask = torch.tensor([[True, True, True], [True, False, False]])
>>> context, weights = attend(torch.randn(2, 5, 4), attend.project_keys(keys), keys, mask)
>>> context.shape, weights[1, 0].tolist()
(torch.Size([2, 5, 4]), [1.0, 0.0, 0.0])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Attention weights and contexts.

    Args:
        kind: one of `korlm.nn.config.ATTENTIONS`.
        hidden_size: ``H``, the width of queries and keys.
    """

    def __init__(self, kind: str, hidden_size: int) -> None:
        super().__init__()
        self.kind = kind
        self.keys = nn.Identity() if kind == "dot" else nn.Linear(hidden_size, hidden_size, bias=False)
        if kind == "additive":
            self.queries = nn.Linear(hidden_size, hidden_size, bias=False)
            self.scores = nn.Linear(hidden_size, 1, bias=False)

    def project_keys(self, keys: Tensor) -> Tensor:
        """Return the projection of keys ``[B, S, H]``, which is the same for every query."""
        projected: Tensor = self.keys(keys)
        return projected

    def forward(self, queries: Tensor, projected_keys: Tensor, keys: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Compute contexts and weights of queries ``[B, T, H]`` over keys ``[B, S, H]`` and their projection.

        The mask, ``[B, S]``, is False at padding; every row has at least one True.

        Returns:
            Contexts ``[B, T, H]``, and weights ``[B, T, S]`` that sum to 1 over the source and are exactly 0 at padding.
        """
        if self.kind == "additive":
            mixed = torch.tanh(self.queries(queries).unsqueeze(2) + projected_keys.unsqueeze(1))  # [B, T, S, H]
            scores = self.scores(mixed).squeeze(3)
        else:
            scores = queries @ projected_keys.transpose(1, 2)
        weights = scores.float().masked_fill(~mask.unsqueeze(1), -torch.inf).softmax(-1).to(keys.dtype)
        return weights @ keys, weights
