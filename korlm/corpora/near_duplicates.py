"""Texts that say the same: clusters of equal and nearly equal ones, so that a test is no test of memory.

Two texts are near where their sets of character bigrams, letters and digits alone, have a Jaccard index of at least
`NEAR_DUPLICATE_JACCARD`: ``|a & b| / |a | b|``. Every such pair is found, not most of them: sets that similar share one of their rarest
bigrams (prefix filtering, Bayardo et al. 2007, "Scaling up all pairs similarity search").

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
    """Return a text without what often differs though the same is said: case, spaces, signs, letters drawn out.

    >>> normalize_for_matching("오늘  뭐 해요~~?? ㅋㅋㅋㅋ")
    '오늘뭐해요ㅋ'
    """
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[\W_]+", "", text.lower())) or re.sub(r"\s+", "", text)


def cluster_near_duplicates(items: Sequence[Sequence[str]]) -> list[int]:
    """Return for each item the number of the first item of its cluster.

    Args:
        items: each some texts, a pair's question and answer for one; items that have a near text in common, in the same
            place or another, are of one cluster, and so are those that only others connect.
    """
    keys = [[normalize_for_matching(text) for text in item] for item in items]
    numbers: dict[str, int] = {}
    for key in (key for item in keys for key in item):
        numbers.setdefault(key, len(numbers))
    texts = _DisjointSets(len(numbers))
    for one, two in near_duplicate_pairs(list(numbers)):
        texts.union(one, two)
    found = _DisjointSets(len(items))
    first: dict[int, int] = {}
    for index, item in enumerate(keys):
        for key in item:
            found.union(first.setdefault(texts.find(numbers[key]), index), index)
    return [found.find(index) for index in range(len(items))]


def near_duplicate_pairs(
    texts: Sequence[str], min_similarity: float = NEAR_DUPLICATE_JACCARD
) -> Iterator[tuple[int, int]]:
    """Yield all pairs of texts (by place, the lower first) whose bigrams have at least this Jaccard index.

    >>> list(near_duplicate_pairs(["가나다라마", "가나다라바", "가나다라마사"], 0.6))
    [(0, 1), (0, 2)]
    """
    grams = [_character_bigrams(text) for text in texts]
    counts = Counter(gram for some in grams for gram in some)
    holders: dict[str, list[int]] = defaultdict(list)
    for index, some in enumerate(grams):
        rarest = sorted(some, key=lambda gram: (counts[gram], gram))
        prefix = rarest[: len(some) - math.ceil(min_similarity * len(some)) + 1]
        seen = {other for gram in prefix for other in holders[gram]}
        for other in sorted(seen):
            common = len(some & grams[other])
            if common >= min_similarity * (len(some) + len(grams[other]) - common):
                yield other, index
        for gram in prefix:
            holders[gram].append(index)


def _character_bigrams(text: str) -> frozenset[str]:
    return frozenset(text[place : place + 2] for place in range(max(1, len(text) - 1)))


class _DisjointSets:
    """Disjoint sets of numbers; the root of a set is its least."""

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
