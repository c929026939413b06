"""`CrisisClassifier`: a small recurrent network and a linear model, in numpy, for what the patterns do not say.

>>> classifier = load_crisis_classifier()
>>> crisis, harmless = (classifier.classify([text]) for text in ("매일 밤 사라지는 상상만 해요", "사라진 양말을 찾았어요"))
>>> crisis.category, crisis.log_odds > harmless.log_odds
('suicide', True)
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from korlm.chat.safety.cards import CrisisCategory
from korlm.chat.safety.ngram_model import NUM_FEATURES, NgramModel
from korlm.chat.safety.normalizing import simplify_letters, squeeze_text
from korlm.storage.artifacts import data_folder, read_artifact_config, unreadable_weights_error

LABELS: tuple[CrisisCategory, ...] = (
    "suicide", "violence", "sexual_violence", "child_abuse", "emergency", "medication",
)  # fmt: skip
# Rows of the embeddings: lead, vowel and tail of a syllable, hashed syllables, hashed pairs with the syllable before
# and behind. A letter that is no syllable has a lead of its own.
NUM_ROWS = (126, 22, 29, 1 << 11, 1 << 12, 1 << 12)
EMBEDDING_SIZE, HIDDEN_SIZE, NUM_FILTERS, FILTER_WIDTHS = 64, 128, 96, (2, 3, 5)
MAX_LETTERS = 90
_WINDOW, _STRIDE = 60, 30  # letters: parts of a longer text, which are scored one by one
_BATCH_SIZE = 64  # windows scored at once
_SENTENCE_END = re.compile(r"[.!?…\n]+")


class CrisisScore(NamedTuple):
    """The log odds that a text is a crisis message, and the likeliest category if it is one."""

    log_odds: float
    category: CrisisCategory


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a network.

    ``input``, ``recurrent`` and their biases are those of a GRU (gates r, z, n), first forward, then backward.
    """
    gates = 3 * HIDDEN_SIZE
    shapes: dict[str, tuple[int, ...]] = {
        f"embedding_{index}": (rows, EMBEDDING_SIZE) for index, rows in enumerate(NUM_ROWS)
    }
    shapes |= {"input": (2, gates, EMBEDDING_SIZE), "input_bias": (2, gates)}
    shapes |= {"recurrent": (2, gates, HIDDEN_SIZE), "recurrent_bias": (2, gates)}
    for width in FILTER_WIDTHS:
        shapes |= {f"filter_{width}": (NUM_FILTERS, EMBEDDING_SIZE, width), f"filter_{width}_bias": (NUM_FILTERS,)}
    num_pooled = 4 * HIDDEN_SIZE + len(FILTER_WIDTHS) * NUM_FILTERS
    return shapes | {"output": (len(LABELS) + 1, num_pooled), "output_bias": (len(LABELS) + 1,)}


class CrisisClassifier:
    """A network and a linear model that score a message's category; their log probabilities are averaged.

    In the network, the maximum and the mean of a GRU's states and the maximum of convolutions go to a linear layer.

    Args:
        network: the weights of the network, with the shapes of `expected_shapes`.
        ngram_model: the linear model over character n-grams.
    """

    kind = "crisis-classifier"

    def __init__(self, network: Mapping[str, np.ndarray], ngram_model: NgramModel) -> None:
        self._network, self._ngram_model = _Network(network), ngram_model

    @classmethod
    def load(cls, folder: str | Path) -> CrisisClassifier:
        """Load a folder; matrices are 8-bit integers with scales.

        Raises:
            ArtifactError: the folder holds no such classifier, or is damaged.
        """
        read_artifact_config(Path(folder), cls.kind)
        try:
            stored = load_file(Path(folder) / "model.safetensors")
            tensors = {
                name: values.astype(np.float32) * stored.get(f"{name}_scale", np.float32(1))
                for name, values in stored.items()
                if not name.endswith("_scale")
            }
            ngram_model = NgramModel(*(tensors[f"ngram_{name}"] for name in ("idf", "weights", "bias")))
            network = {name: tensors[name] for name in expected_shapes()}
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise unreadable_weights_error(Path(folder)) from error
        shapes_fit = all(network[name].shape == shape for name, shape in expected_shapes().items())
        if not shapes_fit or ngram_model.weights.shape != (NUM_FEATURES, len(LABELS) + 1):
            raise unreadable_weights_error(Path(folder))
        return cls(network, ngram_model)

    def compute_log_probs(self, windows: Sequence[str]) -> np.ndarray:
        """Return the log probabilities ``[N, 7]`` of no crisis and of `LABELS` for some short texts.

        They are averages, and do not add up to 1.
        """
        indices = [index_letters(text) for text in windows]
        batches = [indices[start : start + _BATCH_SIZE] for start in range(0, len(indices), _BATCH_SIZE)]
        log_probs = np.concatenate([self._network.compute_log_probs(batch) for batch in batches])
        return (log_probs + self._ngram_model.compute_log_probs(windows)) / 2

    def classify(self, windows: Sequence[str]) -> CrisisScore:
        """Score a text by its likeliest part, given its parts from `split_windows`."""
        log_probs = self.compute_log_probs(windows)
        log_odds = np.logaddexp.reduce(log_probs[:, 1:], axis=1) - log_probs[:, 0]
        likeliest = int(log_odds.argmax())
        return CrisisScore(float(log_odds[likeliest]), LABELS[int(log_probs[likeliest, 1:].argmax())])


class _Network:
    def __init__(self, tensors: Mapping[str, np.ndarray]) -> None:
        self._weights = {name: tensors[name].astype(np.float32) for name in expected_shapes()}

    def compute_log_probs(self, indices: Sequence[np.ndarray]) -> np.ndarray:
        """Return the log probabilities ``[N, 7]`` of some texts, given their rows from `index_letters`."""
        lengths = np.array([len(rows) for rows in indices])
        embedded = np.zeros((2, len(indices), lengths.max(), EMBEDDING_SIZE), np.float32)
        for number, rows in enumerate(indices):
            vectors = sum(self._weights[f"embedding_{column}"][rows[:, column]] for column in range(len(NUM_ROWS)))
            embedded[0, number, : len(rows)] = vectors
            embedded[1, number, : len(rows)] = embedded[0, number, len(rows) - 1 :: -1]
        pooled = [*self._pool_states(embedded, lengths), *self._pool_filters(embedded[0], lengths)]
        logits = np.concatenate(pooled, axis=1) @ self._weights["output"].T + self._weights["output_bias"]
        return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)

    def _pool_states(self, embedded: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the maximum and the mean ``[N, 2 * H]`` of the GRU's states in both directions ``[2, N, T, E]``."""
        weights, size = self._weights, HIDDEN_SIZE
        inputs = embedded @ weights["input"].transpose(0, 2, 1)[:, None] + weights["input_bias"][:, None, None]
        recurrent, bias = weights["recurrent"].transpose(0, 2, 1), weights["recurrent_bias"][:, None]
        state: np.ndarray = np.zeros((2, len(lengths), size), np.float32)
        maximum, total = np.full_like(state, -np.inf), np.zeros_like(state)
        for step in range(embedded.shape[2]):
            given, fed_back = inputs[:, :, step], state @ recurrent + bias
            gates = (1 + np.tanh((given[..., : 2 * size] + fed_back[..., : 2 * size]) / 2)) / 2  # sigmoid
            new = np.tanh(given[..., 2 * size :] + gates[..., :size] * fed_back[..., 2 * size :])
            state = new + gates[..., size:] * (state - new)
            running = (step < lengths)[:, None]
            maximum = np.where(running, np.maximum(maximum, state), maximum)
            total += state * running
        mean = total / lengths[:, None]
        return np.concatenate([*maximum], axis=1), np.concatenate([*mean], axis=1)

    def _pool_filters(self, embedded: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        """Return the maximum ``[N, C]`` of each width's filters over the positions of the letters ``[N, T, E]``."""
        num_letters = embedded.shape[1]
        running = (np.arange(num_letters) < lengths[:, None])[..., None]
        pooled = []
        for width in FILTER_WIDTHS:
            padded = np.pad(embedded, ((0, 0), (width // 2, width // 2), (0, 0)))
            shifted = np.concatenate([padded[:, at : at + num_letters] for at in range(width)], axis=2)
            kernel = self._weights[f"filter_{width}"].transpose(2, 1, 0).reshape(-1, NUM_FILTERS)
            activation = shifted @ kernel
            activation = np.maximum(activation + self._weights[f"filter_{width}_bias"], 0) * running
            pooled.append(activation.max(axis=1))
        return pooled


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


def index_letters(text: str) -> np.ndarray:
    """Return the rows of the embeddings for the letters of a text, ``[T, 6]``; one row of zeros if there are none.

    >>> index_letters("가나").shape
    (2, 6)
    """
    letters = simplify_letters(text)[:MAX_LETTERS]
    context = f"^{letters}$"
    rows = [
        (
            *_index_jamo(letter),
            zlib.crc32(letter.encode()) % NUM_ROWS[3],
            zlib.crc32(context[at : at + 2].encode()) % NUM_ROWS[4],
            zlib.crc32((context[at + 1 : at + 3] + ">").encode()) % NUM_ROWS[5],
        )
        for at, letter in enumerate(letters)
    ]
    return np.array(rows, np.int64) if rows else np.zeros((1, len(NUM_ROWS)), np.int64)


@functools.lru_cache(4096)
def _index_jamo(letter: str) -> tuple[int, int, int]:
    code = ord(letter)
    if 0 <= code - 0xAC00 < 11172:
        lead, rest = divmod(code - 0xAC00, 588)
        return 1 + lead, 1 + rest // 28, 1 + rest % 28
    if 0x3131 <= code <= 0x3163:  # loose jamo
        return 20 + code - 0x3131, 0, 0
    return 75 + code % 50, 0, 0


@functools.cache
def load_crisis_classifier() -> CrisisClassifier:
    """Load the bundled classifier once."""
    return CrisisClassifier.load(data_folder() / "models" / "safety-classifier")
