"""Texts that say the same: clusters of equal and nearly equal ones, so that a test is no test of memory.

Two texts are near where their sets of character bigrams, letters and digits alone, have a Jaccard index of at least
`NEAR`: ``|a & b| / |a | b|``. Every such pair is found, not most of them: sets that similar share one of their rarest
bigrams (prefix filtering, Bayardo et al. 2007, "Scaling up all pairs similarity search").

>>> clusters([["밥 먹었어?"], ["밥 먹었어!!"], ["비가 와"]])
[0, 0, 2]
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

NEAR = 0.75


def normalised(text: str) -> str:
    """Return a text without what often differs though the same is said: case, spaces, signs, letters drawn out.

    >>> normalised("오늘  뭐 해요~~?? ㅋㅋㅋㅋ")
    '오늘뭐해요ㅋ'
    """
    return re.sub(r"(.)\1+", r"\1", re.sub(r"[\W_]+", "", text.lower())) or re.sub(r"\s+", "", text)


def clusters(items: Sequence[Sequence[str]]) -> list[int]:
    """Return for each item the number of the first item of its cluster.

    Args:
        items: each some texts, a pair's question and answer for one; items that have a near text in common, in the same
            place or another, are of one cluster, and so are those that only others connect.
    """
    keys = [[normalised(text) for text in item] for item in items]
    numbers: dict[str, int] = {}
    for key in (key for item in keys for key in item):
        numbers.setdefault(key, len(numbers))
    texts = _Forest(len(numbers))
    for one, two in near(list(numbers)):
        texts.join(one, two)
    found = _Forest(len(items))
    first: dict[int, int] = {}
    for index, item in enumerate(keys):
        for key in item:
            found.join(first.setdefault(texts.root(numbers[key]), index), index)
    return [found.root(index) for index in range(len(items))]


def near(texts: Sequence[str], least: float = NEAR) -> Iterator[tuple[int, int]]:
    """Yield all pairs of texts (by place, the lower first) whose bigrams have at least this Jaccard index.

    >>> list(near(["가나다라마", "가나다라바", "가나다라마사"], 0.6))
    [(0, 1), (0, 2)]
    """
    grams = [_bigrams(text) for text in texts]
    counts = Counter(gram for some in grams for gram in some)
    holders: dict[str, list[int]] = defaultdict(list)
    for index, some in enumerate(grams):
        rarest = sorted(some, key=lambda gram: (counts[gram], gram))
        prefix = rarest[: len(some) - math.ceil(least * len(some)) + 1]
        seen = {other for gram in prefix for other in holders[gram]}
        for other in sorted(seen):
            common = len(some & grams[other])
            if common >= least * (len(some) + len(grams[other]) - common):
                yield other, index
        for gram in prefix:
            holders[gram].append(index)


def _bigrams(text: str) -> frozenset[str]:
    return frozenset(text[place : place + 2] for place in range(max(1, len(text) - 1)))


class _Forest:
    """Disjoint sets of numbers; the root of a set is its least."""

    def __init__(self, size: int) -> None:
        self._above = list(range(size))

    def root(self, number: int) -> int:
        while self._above[number] != number:
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number

    def join(self, one: int, two: int) -> None:
        low, high = sorted((self.root(one), self.root(two)))
        self._above[high] = low
