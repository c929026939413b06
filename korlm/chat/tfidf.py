"""`TfidfIndex`: an inverted index of documents with TF-IDF weights, for retrieval.

A document is a vector with one entry per term, ``(1 + ln tf) (ln((1 + N) / (1 + df)) + offset)`` (Salton and Buckley 1988,
"Term-weighting approaches in automatic text retrieval"), of unit length.

>>> TfidfIndex([["비", "오"], ["배", "고프"], ["밤"]]).compute_cosines(["배", "고프"]).round(2).tolist()
[0.0, 1.0, 0.0]
"""

from __future__ import annotations

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np


class TfidfIndex:
    """An inverted index.

    Args:
        documents: the terms of each document.
        offset: added to each inverse document frequency; with 0, a term of all documents has no weight.
        counts_unseen: terms of no document add to the length of a query, so that it is less similar to all documents.
    """

    def __init__(self, documents: Sequence[Sequence[str]], *, offset: float = 0.0, counts_unseen: bool = False) -> None:
        self._num_documents = len(documents)
        document_counts = Counter(term for document in documents for term in set(document))
        self._idf = {term: self._compute_idf(count) + offset for term, count in document_counts.items()}
        self._unseen_idf = self._compute_idf(0) + offset if counts_unseen else 0.0
        postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for index, document in enumerate(documents):
            for term, weight in self._weigh_terms(document).items():
                postings[term].append((index, weight))
        self._postings = {
            term: (np.array([index for index, _ in entries]), np.array([weight for _, weight in entries]))
            for term, entries in postings.items()
        }

    def compute_cosines(self, terms: Sequence[str]) -> np.ndarray:
        """Return the cosine of a query and each document, ``[N]``."""
        cosines = np.zeros(self._num_documents)
        for term, weight in self._weigh_terms(terms).items():
            if term in self._postings:
                indices, weights = self._postings[term]
                cosines[indices] += weight * weights
        return cosines

    def _compute_idf(self, document_count: int) -> float:
        return math.log((1 + self._num_documents) / (1 + document_count))

    def _weigh_terms(self, terms: Sequence[str]) -> dict[str, float]:
        """Return the entries of a vector of unit length that are not 0."""
        weights = {
            term: (1 + math.log(count)) * self._idf.get(term, self._unseen_idf)
            for term, count in Counter(terms).items()
        }
        length = math.sqrt(sum(weight * weight for weight in weights.values()))
        return {term: weight / length for term, weight in weights.items() if weight} if length else {}


def hash_ngrams(text: str, sizes: Sequence[int], num_features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashed character n-grams of a text, int64, and their counts, float32, for a linear model.

    >>> hash_ngrams("가가", (1,), 8)[1].tolist()
    [2.0]
    """
    counts = Counter(
        zlib.crc32(text[start : start + size].encode()) % num_features
        for size in sizes
        for start in range(len(text) - size + 1)
    )
    return np.fromiter(counts, np.int64, len(counts)), np.fromiter(counts.values(), np.float32, len(counts))
