"""Train the crisis classifier on the bundled tuning messages and everyday questions.

    python -m korlm.chat.safety.training FOLDER

L-BFGS on the multinomial cross-entropy with L2 regularization; the same data give the same weights.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from korlm.chat.safety.classifier import LABELS, NUM_FEATURES, CrisisClassifier, extract_ngram_features
from korlm.corpora.files import iter_json_records, open_corpus_file
from korlm.corpora.intents import iter_multi_turn_dialogues, load_intents
from korlm.storage.artifacts import FORMAT_VERSION, data_folder, new_folder, write_json, write_tensors

REGULARIZATION = 1e-7  # of 3e-8 to 3e-6, on one writer's messages held out (dev/LOG.md, 2026-11-29)
MAX_ITERATIONS = 200


class SafetyMessage(NamedTuple):
    """A labeled message: ``category`` is one of `korlm.chat.safety.classifier.LABELS` or ``harmless``."""

    text: str
    category: str


def load_safety_messages(split: str) -> list[SafetyMessage]:
    """Load the bundled messages of a split, ``tuning`` or ``test``."""
    path = data_folder() / "dialogues" / "safety" / f"{split}.jsonl"
    with open_corpus_file(path) as handle:
        return [SafetyMessage(row["text"], row["category"]) for _, row in iter_json_records(handle, path)]


def train_crisis_classifier(messages: Sequence[SafetyMessage]) -> CrisisClassifier:
    """Train a classifier on labeled messages."""
    features = [extract_ngram_features(message.text) for message in messages]
    document_counts = np.bincount(np.concatenate([rows for rows, _ in features]), minlength=NUM_FEATURES)
    idf = np.where(document_counts > 1, np.log((1 + len(messages)) / (1 + document_counts)) + 1, 0).astype(np.float32)
    vectors = [extract_ngram_features(message.text, idf) for message in messages]
    inputs = torch.sparse_csr_tensor(
        torch.tensor(np.cumsum([0, *(len(rows) for rows, _ in vectors)])),
        torch.tensor(np.concatenate([rows for rows, _ in vectors])),
        torch.tensor(np.concatenate([values for _, values in vectors])),
        (len(messages), NUM_FEATURES),
    )
    labels = torch.tensor([(*("harmless",), *LABELS).index(message.category) for message in messages])
    weights = torch.zeros(NUM_FEATURES, len(LABELS) + 1, requires_grad=True)
    bias = torch.zeros(len(LABELS) + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=MAX_ITERATIONS, line_search_fn="strong_wolfe")

    def compute_loss() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(inputs @ weights + bias, labels) + REGULARIZATION * weights.square().sum()
        loss.backward()
        return loss

    optimizer.step(compute_loss)
    return CrisisClassifier(idf, weights.detach().numpy(), bias.detach().numpy())


def save_crisis_classifier(classifier: CrisisClassifier, folder: str | Path, info: dict[str, Any]) -> None:
    """Save a classifier with 16-bit weights."""
    with new_folder(folder) as temporary:
        write_json(temporary / "config.json", {"format": FORMAT_VERSION, "kind": CrisisClassifier.kind})
        write_json(temporary / "build_info.json", info)
        tensors = {name: getattr(classifier, name).astype(np.float16) for name in ("idf", "weights", "bias")}
        write_tensors(temporary / "model.safetensors", {name: torch.tensor(value) for name, value in tensors.items()})


def load_training_messages() -> list[SafetyMessage]:
    """Return the tuning messages, and the users' turns of all bundled intents and dialogues as harmless ones."""
    everyday = [question for intent in load_intents() for question in intent.all_questions]
    everyday += [turn for _, turns in iter_multi_turn_dialogues() for turn in turns[::2]]
    return [*load_safety_messages("tuning"), *(SafetyMessage(text, "harmless") for text in everyday)]


def train_bundled_classifier() -> None:
    """Train on the bundled data and save to the folder given."""
    messages = load_training_messages()
    classifier = train_crisis_classifier(messages)
    info = {
        "messages": len(messages),
        "regularization": REGULARIZATION,
        "command": "python -m korlm.chat.safety.training",
    }
    save_crisis_classifier(classifier, sys.argv[1], info)
    print(json.dumps(info))


if __name__ == "__main__":
    train_bundled_classifier()
