"""The weights of the intent bot: folders, digests, the classifier of answerable messages, and the calibration."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from korlm.chat.answerability import NUM_FEATURES, AnswerabilityClassifier, extract_answerability_features
from korlm.chat.encoder.model import QuestionEncoder, load_question_encoder
from korlm.chat.intent_training import choose_sure_probability, load_judged_messages
from korlm.chat.intent_weights import Calibration, IntentBotWeights, compute_digest, load_intent_weights
from korlm.corpora.intents import Intent, load_intents
from korlm.errors import ArtifactError

INTENTS = [
    Intent("a-1", "a", "train", ("배고파", "뭐라도 먹어야겠어"), ("속이 비었네",), (), "국수는 어때요?", True),
    Intent("b-1", "b", "train", ("몇 시야", "지금 시각 알려 줘"), (), (), "시계가 없어서 몰라요.", False),
]


@pytest.fixture(scope="module")
def encoder() -> QuestionEncoder:
    return load_question_encoder()


@pytest.fixture(scope="module")
def weights(encoder: QuestionEncoder) -> IntentBotWeights:
    rng = np.random.default_rng(0)
    classifier = AnswerabilityClassifier(
        rng.normal(size=encoder.width).astype(np.float32), rng.normal(size=NUM_FEATURES).astype(np.float32), -1.0
    )
    return replace(
        IntentBotWeights.encode_intents(encoder, INTENTS), answerability=classifier, max_unanswerable=0.5,
        calibration=Calibration({"meaning": 2.0}, -1.0, 0.4, 0.8),
    )  # fmt: skip


def test_a_folder_keeps_the_weights(weights: IntentBotWeights, tmp_path: Path) -> None:
    weights.save(tmp_path / "bot", "digest")
    loaded = IntentBotWeights.load(tmp_path / "bot")
    assert loaded.calibration == weights.calibration and loaded.max_unanswerable == 0.5
    np.testing.assert_allclose(loaded.questions, weights.questions, atol=0.005)
    vector = weights.questions[0]
    text = "지금 몇 시야?"
    assert loaded.answerability is not None and weights.answerability is not None
    expected = weights.answerability.compute_log_odds(text, vector)
    assert loaded.answerability.compute_log_odds(text, vector) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("damage", ["config", "tensors", "calibration"])
def test_a_damaged_folder_is_a_clear_error(weights: IntentBotWeights, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "bot"
    weights.save(folder, "digest")
    if damage == "tensors":
        (folder / "model.safetensors").write_bytes(b"broken")
    else:
        config = json.loads((folder / "config.json").read_text())
        del config["calibration" if damage == "calibration" else "answerability"]
        (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ArtifactError):
        IntentBotWeights.load(folder)


def test_an_untrained_bot_is_not_saved(encoder: QuestionEncoder, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError):
        IntentBotWeights.encode_intents(encoder, INTENTS).save(tmp_path / "bot", "digest")


def test_the_bundled_weights_belong_to_the_bundled_data(encoder: QuestionEncoder) -> None:
    intents = load_intents()
    weights = load_intent_weights(encoder, intents)
    assert len(weights.questions) == sum(len(intent.all_questions) for intent in intents)
    sample = [question for intent in intents[:40] for question in intent.all_questions]
    cosines = (encoder.encode(sample) * weights.questions[: len(sample)]).sum(axis=1)
    assert cosines.min() > 0.99
    with pytest.raises(ArtifactError, match="intent_training"):
        load_intent_weights(encoder, intents[1:])


def test_the_digest_depends_on_questions_and_answers(encoder: QuestionEncoder) -> None:
    digest = compute_digest(encoder, INTENTS)
    assert digest == compute_digest(encoder, list(INTENTS))
    assert digest != compute_digest(encoder, [INTENTS[0], replace(INTENTS[1], answer="몰라요.")])


def test_ngram_features_have_unit_length() -> None:
    rows, values = extract_answerability_features("가나다")
    assert len(rows) == len(values) and float(values @ values) == pytest.approx(1.0)


def test_the_probability_is_the_logistic_of_the_log_odds() -> None:
    calibration = Calibration({"a": 2.0, "b": -1.0}, 0.5)
    assert calibration.estimate_probability({"a": 1.0, "b": 0.5}) == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert calibration.estimate_probability({"a": 1e9, "b": 0.0}) == pytest.approx(1.0)


def test_without_sensible_answers_the_bot_is_never_sure() -> None:
    assert choose_sure_probability(np.array([0.3, 0.9]), np.zeros(2)) == 1.0


def test_the_judged_messages_hold_both_kinds() -> None:
    judged = load_judged_messages()
    assert len(judged) > 800
    for answerable in (True, False):
        labels = {message.sensible for message in judged if message.answerable == answerable}
        assert labels == {True, False}
