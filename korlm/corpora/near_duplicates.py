"""Cluster equal and nearly equal texts, so that test data does not repeat training data.

Two texts are near duplicates if their sets of character bigrams, of letters and digits alone, have a Jaccard index
``|a & b| / |a | b|`` of at least `NEAR_DUPLICATE_JACCARD`. The search is exact: sets that are so similar share one of
their rarest bigrams (prefix filtering, Bayardo et al. 2007, "Scaling up all pairs similarity search").

>>> cluster_near_duplicates([["밥 먹었어?"], ["밥 먹었어!!"], ["비가 와"]])
[0, 0, 2]
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

NEAR_DUPLICATE_JACCARD = 0.75


def normalize_for_matching(text: str) -> str:
    """Return a text without case, spaces, punctuation and repeated letters, which often differ in equal messages.

    >>> normalize_for_matching("오늘  뭐 해요~~?? ㅋㅋㅋㅋ")
    '오늘뭐해요ㅋ'
    """
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[\W_]+", "", text.lower())) or re.sub(r"\s+", "", text)


def cluster_near_duplicates(items: Sequence[Sequence[str]]) -> list[int]:
    """Return for each item the index of the first item of its cluster.

    Args:
        items: each a sequence of texts, such as a question and its answer. Items with a near duplicate in common, at the
            same position or another, are in one cluster, as are items that are connected only through others.
    """
    keys_by_item = [[normalize_for_matching(text) for text in item] for item in items]
    key_ids: dict[str, int] = {}
    for key in (key for keys in keys_by_item for key in keys):
        key_ids.setdefault(key, len(key_ids))
    key_sets = _DisjointSets(len(key_ids))
    for first, second in near_duplicate_pairs(list(key_ids)):
        key_sets.union(first, second)
    item_sets = _DisjointSets(len(items))
    first_item: dict[int, int] = {}
    for index, keys in enumerate(keys_by_item):
        for key in keys:
            item_sets.union(first_item.setdefault(key_sets.find(key_ids[key]), index), index)
    return [item_sets.find(index) for index in range(len(items))]


def near_duplicate_pairs(
    texts: Sequence[str], min_similarity: float = NEAR_DUPLICATE_JACCARD
) -> Iterator[tuple[int, int]]:
    """Yield all pairs of indices of texts, lower first, whose bigrams have at least this Jaccard index.

    >>> list(near_duplicate_pairs(["가나다라마", "가나다라바", "가나다라마사"], 0.6))
    [(0, 1), (0, 2)]
    """
    bigrams = [{text[start : start + 2] for start in range(max(1, len(text) - 1))} for text in texts]
    counts = Counter(bigram for text_bigrams in bigrams for bigram in text_bigrams)
    holders: dict[str, list[int]] = defaultdict(list)
    for index, text_bigrams in enumerate(bigrams):
        size = len(text_bigrams)
        rarest = sorted(text_bigrams, key=lambda bigram: (counts[bigram], bigram))
        prefix = rarest[: size - math.ceil(min_similarity * size) + 1]
        for other in sorted({other for bigram in prefix for other in holders[bigram]}):
            common = len(text_bigrams & bigrams[other])
            if common >= min_similarity * (size + len(bigrams[other]) - common):
                yield other, index
        for bigram in prefix:
            holders[bigram].append(index)


class _DisjointSets:
    """Disjoint sets of integers; the root of a set is its smallest member."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))

    def find(self, item: int) -> int:
        while self._parents[item] != item:
            self._parents[item] = self._parents[self._parents[item]]
            item = self._parents[item]
        return item

    def union(self, first: int, second: int) -> None:
        low, high = sorted((self.find(first), self.find(second)))
        self._parents[high] = low
