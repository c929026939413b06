"""The crisis classifier: numpy against torch, its training, and misspelled messages."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from support.strings import NASTY

from korlm.chat.safety.classifier import CrisisClassifier, index_letters, split_windows
from korlm.chat.safety.misspelling import misspell_text
from korlm.chat.safety.network import CrisisNetwork, collate_letters
from korlm.chat.safety.ngram_model import NUM_FEATURES, NgramModel
from korlm.chat.safety.training import SafetyMessage, save_crisis_classifier, train_crisis_network, train_ngram_model
from korlm.errors import ArtifactError
from korlm.storage.artifacts import data_folder, write_tensors

TEXTS = [
    "가",
    "",
    "안녕하세요",
    "abc 12 ㅠㅠ",
    *("나 오늘 정말 힘들어서 아무것도 못 하겠어" * n for n in range(1, 5)),
    *NASTY,
]


@pytest.fixture(scope="module")
def network() -> CrisisNetwork:
    torch.manual_seed(1)
    return CrisisNetwork().eval()


@pytest.fixture(scope="module")
def ngram_model() -> NgramModel:
    generator = np.random.default_rng(1)
    weights = generator.normal(size=(NUM_FEATURES, 7)).astype(np.float32)
    return NgramModel(generator.uniform(1, 9, NUM_FEATURES).astype(np.float32), weights, weights[0])


@pytest.fixture(scope="module")
def expected(network: CrisisNetwork, ngram_model: NgramModel) -> np.ndarray:
    with torch.no_grad():
        log_probs = network(*collate_letters([index_letters(text) for text in TEXTS])).log_softmax(1).numpy()
    return (log_probs + ngram_model.compute_log_probs(TEXTS)) / 2


def test_numpy_computes_what_torch_does(network: CrisisNetwork, ngram_model: NgramModel, expected: np.ndarray) -> None:
    classifier = CrisisClassifier(network.export_tensors(), ngram_model)
    assert np.allclose(classifier.compute_log_probs(TEXTS), expected, atol=1e-5)
    alone = np.concatenate([classifier.compute_log_probs([text]) for text in TEXTS])
    assert np.allclose(alone, expected, atol=1e-5)


def test_a_saved_classifier_scores_alike(
    network: CrisisNetwork, ngram_model: NgramModel, expected: np.ndarray, tmp_path: Path
) -> None:
    save_crisis_classifier(network, ngram_model, tmp_path / "classifier", {})
    loaded = CrisisClassifier.load(tmp_path / "classifier")
    assert np.allclose(loaded.compute_log_probs(TEXTS), expected, atol=0.02)
    others = {name: tensor for name, tensor in network.state_dict().items() if name.startswith("embeddings")}
    write_tensors(tmp_path / "classifier" / "model.safetensors", others)
    with pytest.raises(ArtifactError):
        CrisisClassifier.load(tmp_path / "classifier")


def test_the_bundled_classifier_is_small_and_whole() -> None:
    path = data_folder() / "models" / "safety-classifier" / "model.safetensors"
    assert path.stat().st_size < 2_400_000
    assert all(np.isfinite(tensor).all() for tensor in load_file(path).values())


def test_training_learns_the_categories() -> None:
    crisis = [
        SafetyMessage(f"{who} 너무 아파서 쓰러졌어요", "emergency") for who in ("엄마가", "아빠가", "동생이", "형이")
    ]
    harmless = [
        SafetyMessage(f"{who} 맛있는 밥을 지었어요", "harmless") for who in ("엄마가", "아빠가", "동생이", "형이")
    ]
    everyday = [SafetyMessage(text, "harmless") for text in ("오늘은 날씨가 맑아요", "영화 보고 싶다")]
    network = train_crisis_network(crisis * 16 + harmless * 16, [message.text for message in everyday], num_epochs=6)
    classifier = CrisisClassifier(network.export_tensors(), train_ngram_model(crisis + harmless + everyday))
    score = classifier.classify(split_windows("누나가 너무 아파서 쓰러졌어요"))
    assert score.category == "emergency" and score.log_odds > 0
    assert classifier.classify(split_windows("누나가 맛있는 밥을 지었어요")).log_odds < 0


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xD7FF)), st.integers(0, 99))
def test_misspelling_changes_syllables_alone(text: str, seed: int) -> None:
    misspelled = misspell_text(text, random.Random(seed))
    assert len(misspelled) == len(text) and misspelled == misspell_text(text, random.Random(seed))
    for before, after in zip(text, misspelled, strict=True):
        assert ("가" <= after <= "힣") if "가" <= before <= "힣" else before == after
