"""Multinomial logistic regression over TF-IDF of hashed character n-grams: a member of the crisis classifier."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from korlm.chat.safety.normalizing import simplify_letters
from korlm.chat.tfidf import hash_ngrams

NUM_FEATURES = 1 << 17
_NGRAM_SIZES = (1, 2, 3, 4)


class NgramModel:
    """A linear model of a message's category.

    Args:
        idf: inverse document frequency of each feature, ``[F]``; 0 for features that were seen less than twice.
        weights: ``[F, C]``.
        bias: ``[C]``.
    """

    def __init__(self, idf: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> None:
        self.idf, self.weights, self.bias = idf, weights, bias

    def compute_log_probs(self, windows: Sequence[str]) -> np.ndarray:
        """Return the log probabilities ``[N, C]`` of some short texts."""
        features = [extract_ngram_features(text, self.idf) for text in windows]
        logits = np.stack([values @ self.weights[rows] + self.bias for rows, values in features])
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def extract_ngram_features(text: str, idf: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of a text and their values: counts, or TF-IDF weights of unit length.

    Args:
        text: the text; spaces, punctuation and confusable letters make no difference.
        idf: ``[F]``; None returns counts.
    """
    rows, values = hash_ngrams(simplify_letters(text), _NGRAM_SIZES, NUM_FEATURES)
    if idf is None:
        return rows, values
    values = (1 + np.log(values)) * idf[rows]
    return rows, values / max(math.sqrt(float(values @ values)), 1e-9)
