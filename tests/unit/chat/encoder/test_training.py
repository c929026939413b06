"""Training a question encoder: the loss, the batches, and what a small one learns."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from korlm.chat.encoder.model import QuestionEncoder
from korlm.chat.encoder.training import (
    EncoderTrainingConfig,
    PairSampler,
    ParaphraseBatch,
    TrainingTexts,
    compute_ranking_loss,
    train_question_encoder,
)
from korlm.corpora.paraphrases import ParaphraseSets

GROUPS = [
    ("배고파", "출출하네", "뭐 먹고 싶다", "속이 비었어"),
    ("졸려", "잠이 쏟아져", "눈이 감겨", "하품만 나와"),
    ("더워", "푹푹 찌네", "땀이 줄줄", "에어컨 켜 줘"),
    ("심심해", "할 게 없어", "지루하다", "놀아 줘"),
]
CONFIG = EncoderTrainingConfig(
    units="syllable", vocab_size=400, embedding=16, hidden=8, output=8, steps=160, mean_steps=80, batch_size=4,
    learning_rate=0.02,
)  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> TrainingTexts:
    return TrainingTexts([ParaphraseSets("intents", "", GROUPS)])


@pytest.fixture(scope="module")
def encoder(texts: TrainingTexts) -> QuestionEncoder:
    return train_question_encoder(CONFIG, texts=texts, report=lambda line: None)


def test_the_loss_is_the_cross_entropy_in_both_directions() -> None:
    torch.manual_seed(0)
    first, second = (F.normalize(torch.randn(3, 5), dim=1) for _ in range(2))
    loss = compute_ranking_loss(first, second, ParaphraseBatch("intents", [0, 1, 2], [3, 4, 5], [0, 1, 2]), 10.0)
    logits = (10 * first @ second.T).double().numpy()
    rows = [np.log(np.exp(logits[i]).sum()) - logits[i, i] for i in range(3)]
    columns = [np.log(np.exp(logits[:, i]).sum()) - logits[i, i] for i in range(3)]
    assert loss.item() == pytest.approx((np.mean(rows) + np.mean(columns)) / 2, rel=1e-5)


@pytest.mark.parametrize(
    "batch",
    [
        ParaphraseBatch("intents", [0, 1], [2, 3], [7, 7]),
        ParaphraseBatch("intents", [0, 0], [2, 3], [7, 8]),
        ParaphraseBatch("answers", [0, 1], [2, 2], [7, 8]),
    ],
)
def test_pairs_of_one_meaning_are_no_negatives(batch: ParaphraseBatch) -> None:
    vectors = F.normalize(torch.ones(2, 4), dim=1)
    assert compute_ranking_loss(vectors, vectors, batch, 20.0).item() == 0


def test_batches_hold_two_texts_of_one_group(texts: TrainingTexts) -> None:
    sampler = PairSampler(texts, 3, random.Random(0))
    for _ in range(50):
        batch = sampler.draw_batch()
        for first, second, meaning in zip(batch.first, batch.second, batch.meanings, strict=True):
            if batch.source == "same_text":
                assert first == second == meaning
            else:
                assert first != second
                assert {texts.texts[first], texts.texts[second]} <= set(GROUPS[meaning])


def test_hard_negatives_are_neighbors(texts: TrainingTexts) -> None:
    many = TrainingTexts([ParaphraseSets("intents", "", [(f"가{n}", f"나{n}") for n in range(40)])])
    sampler = PairSampler(many, 16, random.Random(0))
    sampler.neighbors = np.array([[(row + step) % 40 for step in range(1, 9)] for row in range(40)])
    batches = [sampler.draw_batch(1.0) for _ in range(20)]
    meanings = [list(batch.meanings) for batch in batches if batch.source == "intents"]
    assert meanings
    for row in meanings:
        assert all((neighbor - row[start]) % 40 <= 8 for start in (0, 8) for neighbor in row[start : start + 8])


def test_texts_of_one_meaning_come_close(encoder: QuestionEncoder) -> None:
    index = encoder.index([text for group in GROUPS for text in group])
    for group in GROUPS:
        for text in group:
            assert {match.text for match in index.search(text, 3)} <= set(group)


def test_the_same_seed_gives_the_same_weights(encoder: QuestionEncoder, texts: TrainingTexts) -> None:
    again = train_question_encoder(CONFIG, texts=texts, report=lambda line: None)
    for name, weight in encoder.net.state_dict().items():
        torch.testing.assert_close(weight, again.net.state_dict()[name])


def test_a_folder_keeps_the_encoder(encoder: QuestionEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path / "encoder", precision="float32")
    loaded = QuestionEncoder.load(tmp_path / "encoder")
    np.testing.assert_array_equal(loaded.encode(["배고파요"]), encoder.encode(["배고파요"]))
    assert loaded.info["training"]["units"] == "syllable"
    encoder.save(tmp_path / "encoder")
    cosines = (QuestionEncoder.load(tmp_path / "encoder").encode(["배고파요"]) * encoder.encode(["배고파요"])).sum()
    assert cosines > 0.999
