"""Embeddings of the last two, three, ... tokens, hashed into one table: memory instead of computation.

A recurrent network is slow to learn frequent bigrams and trigrams, half of what an n-gram model knows. One hashed row per
n-gram provides them at the cost of a look-up, and the network learns the rest. Mikolov et al. (2011) combined a recurrent
network with a hashed maximum-entropy model in this way; here the rows are narrow vectors that pass through the network's own
layers (as the hashed n-gram embeddings of Joulin et al. 2017, and of N-Grammer, Roy et al. 2022).

    h_n(t) = table[hash(x_t-n+1, ..., x_t) mod buckets],   features(t) = sum over n = 2..N of h_n(t)

>>> ngrams = HashedNgrams(order=3, buckets=64, width=4)
>>> features, history = ngrams(torch.tensor([[5, 6, 7]]), ngrams.empty_history(1))
>>> features.shape, history.tolist()
(torch.Size([1, 3, 4]), [[[6, 7]]])
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from korlm.tokenizers.base import EOS_ID

_HASH_PRIMES = (1_000_003, 10_000_019, 100_000_007, 1_000_000_007)


class HashedNgrams(nn.Module):
    """Features of the n-grams that end at each token and start within its line.

    Args:
        order: ``N``, the longest n-gram; at least 2.
        buckets: rows per n.
        width: width of a row. The table starts at zero, so that the features have no effect at first.
    """

    def __init__(self, order: int, buckets: int, width: int) -> None:
        super().__init__()
        self.order, self.buckets = order, buckets
        # sparse: a step touches some thousand rows, and the others must cost nothing
        self.table = nn.Embedding((order - 1) * buckets, width, sparse=True)
        nn.init.zeros_(self.table.weight)

    def empty_history(self, batch_size: int) -> Tensor:
        """Return the history at the start of a line: ``[1, B, N - 1]`` zeros."""
        return torch.zeros(1, batch_size, self.order - 1, dtype=torch.long, device=self.table.weight.device)

    def forward(self, ids: Tensor, history: Tensor) -> tuple[Tensor, Tensor]:
        """Look up the n-grams of ids, ``[B, T]`` int64, after the preceding tokens, ``[1, B, N - 1]``.

        Returns:
            Features ``[B, T, width]``, and the history after the ids.
        """
        context = torch.cat([history[0], ids], 1)
        features = sum(self.table(rows) for rows in self._bucket_indices(context, ids.shape[1]))
        return features, context[:, context.shape[1] - self.order + 1 :].unsqueeze(0)

    def _bucket_indices(self, context: Tensor, length: int) -> list[Tensor]:
        """Return the table rows ``[B, T]`` for n = 2 to N. Tokens before a line's ``</s>`` count as none."""
        first = self.order - 1
        hashed = torch.zeros(len(context), length, dtype=torch.long, device=context.device)
        in_line = torch.ones_like(hashed)
        indices = []
        for back in range(self.order):
            ids = context[:, first - back : first - back + length]
            hashed = (hashed * _HASH_PRIMES[0] + (ids * in_line + 1) * _HASH_PRIMES[back % 4]) & 0x7FFF_FFFF_FFFF
            in_line = in_line * (ids != EOS_ID)
            if back:
                indices.append((hashed ^ (hashed >> 17)) % self.buckets + (back - 1) * self.buckets)
        return indices
