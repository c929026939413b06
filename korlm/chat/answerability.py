"""`AnswerabilityClassifier`: whether small talk can answer a message, or whether it asks for facts, the time, prices and the like.

Logistic regression over the message's vector and hashed character n-grams, trained on intents that the bot cannot answer and
on the messages in ``data/dialogues/answerability``.

>>> classifier = AnswerabilityClassifier(np.zeros(3), np.zeros(NUM_FEATURES), 0.5)
>>> classifier.compute_log_odds("지금 몇 시야?", np.ones(3))
0.5
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from korlm.chat.tfidf import hash_ngrams
from korlm.corpora.near_duplicates import normalize_for_matching

NUM_FEATURES = 1 << 16
_NGRAM_SIZES = (1, 2, 3, 4)


@dataclass(frozen=True)
class AnswerabilityClassifier:
    """A linear model.

    Attributes:
        vector_weights: of the encoder's vector, ``[D]``.
        ngram_weights: of the hashed n-grams, ``[NUM_FEATURES]``.
        bias: the log odds of a message without features.
    """

    vector_weights: np.ndarray
    ngram_weights: np.ndarray
    bias: float

    def compute_log_odds(self, text: str, vector: np.ndarray) -> float:
        """Return the log odds that a message with this vector cannot be answered."""
        rows, values = extract_answerability_features(text)
        return float(vector @ self.vector_weights + values @ self.ngram_weights[rows] + self.bias)


def extract_answerability_features(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashed character n-grams of a text and their values, log counts scaled to unit length."""
    rows, counts = hash_ngrams(f" {normalize_for_matching(text)[:200]} ", _NGRAM_SIZES, NUM_FEATURES)
    values = 1 + np.log(counts)
    return rows, values / np.linalg.norm(values)
