"""`CrisisClassifier`: multinomial logistic regression over hashed character n-grams, for what the rules do not say.

>>> classifier = load_crisis_classifier()
>>> crisis, harmless = (classifier.classify([text]) for text in ("매일 밤 사라지는 상상만 해요", "사라진 양말을 찾았어요"))
>>> crisis.category, crisis.log_odds > harmless.log_odds
('suicide', True)
"""

from __future__ import annotations

import functools
import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from korlm.chat.safety.cards import CrisisCategory
from korlm.chat.safety.normalizing import compose_letters, soften_spelling, squeeze_text
from korlm.storage.artifacts import data_folder, read_artifact_config, unreadable_weights_error

NUM_FEATURES = 1 << 17
LABELS: tuple[CrisisCategory, ...] = (
    "suicide", "violence", "sexual_violence", "child_abuse", "emergency", "medication",
)  # fmt: skip
_NGRAM_SIZES = (1, 2, 3, 4)
_WINDOW, _STRIDE = 60, 30  # letters: parts of a longer text, which are scored one by one
_SENTENCE_END = re.compile(r"[.!?…\n]+")


class CrisisScore(NamedTuple):
    """The log odds that a text is a crisis message, and the likeliest category if it is one."""

    log_odds: float
    category: CrisisCategory


class CrisisClassifier:
    """A linear model of a message's category.

    Args:
        idf: inverse document frequency of each feature, ``[F]``; 0 for features that were seen less than twice.
        weights: ``[F, 7]``: the logits of no crisis and of `LABELS`.
        bias: ``[7]``.
    """

    kind = "crisis-classifier"

    def __init__(self, idf: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> None:
        self.idf, self.weights, self.bias = idf, weights, bias

    @classmethod
    def load(cls, folder: str | Path) -> CrisisClassifier:
        """Load a folder.

        Raises:
            ArtifactError: the folder holds no such classifier, or is damaged.
        """
        read_artifact_config(Path(folder), cls.kind)
        try:
            tensors = load_file(Path(folder) / "model.safetensors")
            idf, weights, bias = (tensors[name].astype(np.float32) for name in ("idf", "weights", "bias"))
        except (SafetensorError, OSError, KeyError) as error:
            raise unreadable_weights_error(Path(folder)) from error
        if weights.shape != (NUM_FEATURES, len(LABELS) + 1):
            raise unreadable_weights_error(Path(folder))
        return cls(idf, weights, bias)

    def compute_logits(self, text: str) -> np.ndarray:
        """Return the logits ``[7]`` of a short text."""
        rows, values = extract_ngram_features(text, self.idf)
        return values @ self.weights[rows] + self.bias

    def classify(self, windows: Sequence[str]) -> CrisisScore:
        """Score a text by its likeliest part, given its parts from `split_windows`."""
        return max(map(self._classify_window, windows), key=lambda score: score.log_odds)

    def _classify_window(self, window: str) -> CrisisScore:
        logits = self.compute_logits(window)
        log_odds = float(np.logaddexp.reduce(logits[1:]) - logits[0])
        return CrisisScore(log_odds, LABELS[int(logits[1:].argmax())])


def split_windows(text: str) -> list[str]:
    """Return the letters of a short text; those of each sentence of a longer one, a long sentence in overlapping windows.

    >>> [len(window) for window in split_windows("가나다라마" * 20 + ". 끝.")]
    [60, 60, 40, 1]
    """
    letters = squeeze_text(text)
    if len(letters) <= _WINDOW:
        return [letters]
    sentences = filter(None, map(squeeze_text, _SENTENCE_END.split(text)))
    return [
        sentence[start : start + _WINDOW]
        for sentence in sentences
        for start in range(0, max(1, len(sentence) - _STRIDE), _STRIDE)
    ]


def extract_ngram_features(text: str, idf: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the features of a text and their values: counts, or TF-IDF weights of unit length.

    Args:
        text: the text; spaces, punctuation and confusable letters make no difference.
        idf: ``[F]``; None returns counts.
    """
    letters = soften_spelling(compose_letters(squeeze_text(text)))
    counts = Counter(
        zlib.crc32(letters[start : start + size].encode()) % NUM_FEATURES
        for size in _NGRAM_SIZES
        for start in range(len(letters) - size + 1)
    )
    rows = np.fromiter(counts, np.int64, len(counts))
    values = np.fromiter(counts.values(), np.float32, len(counts))
    if idf is None:
        return rows, values
    values = (1 + np.log(values)) * idf[rows]
    return rows, values / max(math.sqrt(float(values @ values)), 1e-9)


@functools.cache
def load_crisis_classifier() -> CrisisClassifier:
    """Load the bundled classifier once."""
    return CrisisClassifier.load(data_folder() / "models" / "safety-classifier")
