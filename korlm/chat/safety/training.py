"""Train the crisis classifier on the bundled tuning messages and everyday questions.

    python -m korlm.chat.safety.training FOLDER

The network trains for about five minutes on one core, the linear model (L-BFGS, multinomial cross-entropy, L2) for one.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from korlm.chat.linear_training import minimize_loss, stack_sparse_rows
from korlm.chat.safety.classifier import LABELS, MAX_LETTERS, CrisisClassifier, index_letters
from korlm.chat.safety.misspelling import misspell_text
from korlm.chat.safety.network import CrisisNetwork, collate_letters
from korlm.chat.safety.ngram_model import NUM_FEATURES, NgramModel, extract_ngram_features
from korlm.chat.safety.normalizing import simplify_letters
from korlm.corpora.files import iter_json_records, open_corpus_file, read_lines
from korlm.corpora.intents import iter_multi_turn_dialogues, load_intents
from korlm.storage.artifacts import FORMAT_VERSION, data_folder, new_folder, write_json, write_tensors

# Chosen on messages of one writer at a time, held out (dev/LOG.md, 2026-11-29).
NUM_EPOCHS, BATCH_SIZE, PEAK_RATE = 6, 64, 2e-3
EVERYDAY_PER_EPOCH = 8_000  # everyday questions, drawn anew for each epoch
LABEL_SMOOTHING = 0.02
MISSPELLED, JOINED = 0.1, 0.15  # so many messages are misspelled, stand before or behind an everyday question
REGULARIZATION, MAX_ITERATIONS = 1e-7, 100  # of the linear model
_CATEGORIES = ("harmless", *LABELS)
_BUCKET = 20  # batches whose messages are sorted by length


class SafetyMessage(NamedTuple):
    """A labeled message: ``category`` is one of `korlm.chat.safety.classifier.LABELS` or ``harmless``."""

    text: str
    category: str


def load_safety_messages(split: str) -> list[SafetyMessage]:
    """Load the bundled messages of a split, ``tuning`` or ``test``."""
    path = data_folder() / "dialogues" / "safety" / f"{split}.jsonl"
    with open_corpus_file(path) as handle:
        return [SafetyMessage(row["text"], row["category"]) for _, row in iter_json_records(handle, path)]


# Messages for other classifiers that are no harmless ones here
_NOT_HARMLESS = frozenset(
    {
        "타이레놀 하루 최대 몇 알까지 먹어도 되나요", "혈압약 오늘 먹었는지 안 먹었는지 모르겠는데 너 알아?",
        "임신 중에 회 먹어도 되나", "탈모약 먹으면 부작용 생겨?", "독감 주사 맞고 술 마셔도 됨?", "피임약 부작용 뭐야",
        "나 약 먹었던가 아침에", "약 먹었는데도 머리가 아파", "내일이 안 왔으면 좋겠다", "마음이 편해졌어 이제",
    }
)  # fmt: skip


def load_everyday_questions() -> list[str]:
    """Load the users' turns of all bundled intents and dialogues, which are harmless."""
    everyday = [question for intent in load_intents() for question in intent.all_questions]
    everyday += [turn for _, turns in iter_multi_turn_dialogues() for turn in turns[::2]]
    folder = data_folder() / "dialogues"
    for path in (folder / "answerability" / "tuning.jsonl", folder / "evaluation" / "validation.jsonl"):
        with open_corpus_file(path) as handle:
            everyday += [row["text"] for _, row in iter_json_records(handle, path)]
    everyday += read_lines(folder / "evaluation" / "conversations_valid.txt")
    return [text for text in dict.fromkeys(everyday) if text not in _NOT_HARMLESS]


def train_crisis_network(
    messages: Sequence[SafetyMessage], everyday: Sequence[str], *, seed: int = 0, num_epochs: int = NUM_EPOCHS
) -> CrisisNetwork:
    """Train a network on labeled messages and everyday questions."""
    torch.manual_seed(seed)
    network = CrisisNetwork()
    core = [(simplify_letters(message.text), _CATEGORIES.index(message.category)) for message in messages]
    harmless = [(simplify_letters(text), 0) for text in everyday]
    generator = random.Random(seed)
    num_drawn = min(EVERYDAY_PER_EPOCH, len(harmless))
    num_steps = num_epochs * -(-(len(core) + num_drawn) // BATCH_SIZE)
    optimizer = torch.optim.AdamW(network.parameters(), PEAK_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=num_steps + 1, pct_start=0.1)
    network.train()
    for epoch in range(num_epochs):
        examples = core + generator.sample(harmless, num_drawn)
        generator.shuffle(examples)
        losses = []
        for batch in _iter_batches(examples, generator):
            texts = [_change_at_random(text, harmless, generator) for text, _ in batch]
            logits = network(*collate_letters([index_letters(text) for text in texts]))
            labels = torch.tensor([label for _, label in batch])
            loss = functional.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.3f}", flush=True)
    return network.eval()


def _iter_batches(examples: list[tuple[str, int]], generator: random.Random) -> list[list[tuple[str, int]]]:
    """Return batches of messages of similar length, in random order."""
    batches = []
    for start in range(0, len(examples), _BUCKET * BATCH_SIZE):
        bucket = sorted(examples[start : start + _BUCKET * BATCH_SIZE], key=lambda example: len(example[0]))
        batches += [bucket[at : at + BATCH_SIZE] for at in range(0, len(bucket), BATCH_SIZE)]
    generator.shuffle(batches)
    return batches


def _change_at_random(text: str, harmless: list[tuple[str, int]], generator: random.Random) -> str:
    chance = generator.random()
    if chance < MISSPELLED:
        return misspell_text(text, generator)
    if chance >= MISSPELLED + JOINED or not harmless:
        return text
    other = generator.choice(harmless)[0]
    if len(text) + len(other) > MAX_LETTERS:
        return text
    return other + text if generator.random() < 0.6 else text + other


def train_ngram_model(messages: Sequence[SafetyMessage]) -> NgramModel:
    """Train the linear model on labeled messages; the same messages give the same weights."""
    features = [extract_ngram_features(message.text) for message in messages]
    document_counts = np.bincount(np.concatenate([rows for rows, _ in features]), minlength=NUM_FEATURES)
    idf = np.where(document_counts > 1, np.log((1 + len(messages)) / (1 + document_counts)) + 1, 0).astype(np.float32)
    vectors = [extract_ngram_features(message.text, idf) for message in messages]
    inputs = stack_sparse_rows(vectors, NUM_FEATURES)
    labels = torch.tensor([_CATEGORIES.index(message.category) for message in messages])
    weights = torch.zeros(NUM_FEATURES, len(_CATEGORIES), requires_grad=True)
    bias = torch.zeros(len(_CATEGORIES), requires_grad=True)

    def compute_loss() -> torch.Tensor:
        return functional.cross_entropy(inputs @ weights + bias, labels) + REGULARIZATION * weights.square().sum()

    minimize_loss([weights, bias], compute_loss, max_iterations=MAX_ITERATIONS)
    return NgramModel(idf, weights.detach().numpy(), bias.detach().numpy())


def save_crisis_classifier(
    network: CrisisNetwork, ngram_model: NgramModel, folder: str | Path, info: dict[str, Any]
) -> None:
    """Save the weights: matrices as 8-bit integers with a scale for each row, biases in 16 bits."""
    tensors: dict[str, np.ndarray] = {}
    matrices = network.export_tensors() | {"ngram_idf": ngram_model.idf, "ngram_weights": ngram_model.weights}
    for name, tensor in matrices.items():
        if name.endswith("bias"):
            tensors[name] = tensor.astype(np.float16)
            continue
        scale = (np.maximum(np.abs(tensor).max(axis=-1, keepdims=True), 0.01) / 127).astype(np.float16)
        rounded = np.round(tensor / scale.astype(np.float32)).clip(-127, 127)
        tensors |= {name: rounded.astype(np.int8), f"{name}_scale": scale}
    tensors["ngram_bias"] = ngram_model.bias.astype(np.float16)
    with new_folder(folder) as temporary:
        write_json(temporary / "config.json", {"format": FORMAT_VERSION, "kind": CrisisClassifier.kind})
        write_json(temporary / "build_info.json", info)
        write_tensors(temporary / "model.safetensors", {name: torch.tensor(value) for name, value in tensors.items()})


def train_bundled_classifier() -> None:
    """Train on the bundled data and save to the folder given."""
    messages, everyday = load_safety_messages("tuning"), load_everyday_questions()
    ngram_model = train_ngram_model([*messages, *(SafetyMessage(text, "harmless") for text in everyday)])
    network = train_crisis_network(messages, everyday)
    info = {
        "messages": len(messages),
        "everyday_questions": len(everyday),
        "network_parameters": sum(tensor.size for tensor in network.export_tensors().values()),
        "epochs": NUM_EPOCHS,
        "command": "python -m korlm.chat.safety.training",
    }
    save_crisis_classifier(network, ngram_model, sys.argv[1], info)
    print(json.dumps(info))


if __name__ == "__main__":
    train_bundled_classifier()
