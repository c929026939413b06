"""Embeddings of the last two, three, ... pieces, hashed into one table: memory in place of products.

A recurrent net learns frequent pairs and triples of pieces slowly, though they are half of what an n-gram model knows. A row
a bigram, looked up by hash, gives them at the price of a look-up; the net then learns the rest. Mikolov et al. (2011) joined
a recurrent net with a hashed maximum-entropy model in this way; here the rows are narrow vectors that go through the net's
own layers (as the hashed n-gram embeddings of Joulin et al. 2017, and of N-Grammer, Roy et al. 2022).

    h_n(t) = table[hash(x_t-n+1, ..., x_t) mod buckets],   features(t) = sum over n = 2..N of h_n(t)

>>> ngrams = HashedNgrams(order=3, buckets=64, width=4)
>>> features, history = ngrams(torch.tensor([[5, 6, 7]]), ngrams.empty_history(1))
>>> features.shape, history.tolist()
(torch.Size([1, 3, 4]), [[[6, 7]]])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_HASH_PRIMES = (1_000_003, 10_000_019, 100_000_007, 1_000_000_007)
_EOS_ID = 2  # the id of </s> in every vocabulary that a model learns on


class HashedNgrams(nn.Module):
    """The features of n-grams that end at each piece and begin in its own line.

    Args:
        order: ``N``, the longest; at least 2.
        buckets: rows for each n.
        width: of a row. The table starts at zero, so that the features say nothing at first.
    """

    def __init__(self, order: int, buckets: int, width: int) -> None:
        super().__init__()
        self.order, self.buckets = order, buckets
        # sparse: a step touches some thousands of rows, and the rest of the table must cost nothing
        self.table = nn.Embedding((order - 1) * buckets, width, sparse=True)
        nn.init.zeros_(self.table.weight)

    def empty_history(self, batch_size: int) -> Tensor:
        """Return what stands before a line: ``[1, B, N - 1]`` zeros."""
        return torch.zeros(1, batch_size, self.order - 1, dtype=torch.long, device=self.table.weight.device)

    def forward(self, ids: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Look up.

        Args:
            ids: ``[B, T]`` int64.
            history: ``[1, B, N - 1]``, the pieces before them.

        Returns:
            Features ``[B, T, width]``, and the history after the ids.
        """
        joined = torch.cat([history[0], ids], 1)
        features = sum(self.table(rows) for rows in self._bucket_indices(joined, ids.shape[1]))
        return features, joined[:, joined.shape[1] - self.order + 1 :].unsqueeze(0)

    def _bucket_indices(self, joined: Tensor, size: int) -> list[Tensor]:
        """Return the table's rows ``[B, T]`` for n = 2 to N. Pieces before a line's ``</s>`` count as none."""
        first = self.order - 1
        hashed = torch.zeros(len(joined), size, dtype=torch.long, device=joined.device)
        within = torch.ones_like(hashed)
        found = []
        for back in range(self.order):
            part = joined[:, first - back : first - back + size]
            hashed = (hashed * _HASH_PRIMES[0] + (part * within + 1) * _HASH_PRIMES[back % 4]) & 0x7FFF_FFFF_FFFF
            within = within * (part != _EOS_ID)
            if back:
                found.append((hashed ^ (hashed >> 17)) % self.buckets + (back - 1) * self.buckets)
        return found
