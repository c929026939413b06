"""`IntentBotWeights`: what the intent bot has learned about its intents, kept in a folder.

>>> from korlm.chat.encoder.model import load_question_encoder
>>> from korlm.corpora.intents import load_intents
>>> intents = load_intents()
>>> weights = load_intent_weights(load_question_encoder(), intents)
>>> len(weights.answers) == len(intents)
True
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from korlm.chat.answerability import NUM_FEATURES, AnswerabilityClassifier
from korlm.chat.encoder.model import QuestionEncoder
from korlm.corpora.intents import Intent
from korlm.errors import ArtifactError
from korlm.nn.quantization import dequantize, quantize
from korlm.storage.artifacts import (
    FORMAT_VERSION,
    data_folder,
    new_folder,
    read_artifact_config,
    unreadable_weights_error,
    write_json,
    write_tensors,
)

KIND = "intent-bot"
FOLDER_NAME = "intent-bot"


@dataclass(frozen=True)
class Calibration:
    """Logistic regression from named figures to the probability that an answer is sensible.

    Attributes:
        weights: the weight of each figure.
        bias: the log odds if all figures are 0.
        min_probability: below it the bot does not answer.
        sure_probability: from it on the bot is sure.

    Example:
        >>> Calibration({"similarity": 4.0}, -2.0).estimate_probability({"similarity": 0.5})
        0.5
    """

    weights: Mapping[str, float]
    bias: float
    min_probability: float = 0.0
    sure_probability: float = 1.0

    def estimate_probability(self, components: Mapping[str, float]) -> float:
        """Return the probability, 0 to 1."""
        log_odds = self.bias + sum(weight * components[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, log_odds))))


@dataclass(frozen=True)
class IntentBotWeights:
    """Vectors of intents, and the models that tell what to do with the nearest one.

    Attributes:
        questions: unit vectors of all questions, intent by intent, ``[Q, D]`` float32.
        answers: unit vectors of the answers, mapped to the space of questions, ``[N, D]`` float32.
        answerability: tells messages that the bot cannot answer; None before it is trained.
        max_unanswerable: log odds above which the bot says that it cannot know.
        calibration: the probability that an answer is sensible; None before it is fitted.
    """

    questions: np.ndarray
    answers: np.ndarray
    answerability: AnswerabilityClassifier | None = None
    max_unanswerable: float = 0.0
    calibration: Calibration | None = None

    @classmethod
    def encode_intents(cls, encoder: QuestionEncoder, intents: Sequence[Intent]) -> IntentBotWeights:
        """Encode the questions and answers of intents; half a minute for the bundled ones."""
        questions = [question for intent in intents for question in intent.all_questions]
        return cls(encoder.encode(questions), encoder.encode_answers([intent.answer for intent in intents]))

    def save(self, folder: str | Path, digest: str) -> None:
        """Write a folder, atomically: vectors as 8-bit integers, and the digest of what they were computed from.

        Raises:
            ArtifactError: it cannot be written, or a model is not trained.
        """
        if self.answerability is None or self.calibration is None:
            raise ArtifactError("배우지 않은 봇은 저장할 수 없습니다.", "A bot that is not trained cannot be saved.")
        vectors = {"questions": torch.from_numpy(self.questions), "answers": torch.from_numpy(self.answers)}
        tensors = quantize(vectors, "int8")
        for name in ("vector_weights", "ngram_weights"):
            tensors[name] = torch.tensor(getattr(self.answerability, name)).half()
        config = {
            "kind": KIND,
            "format": FORMAT_VERSION,
            "digest": digest,
            "answerability": {"bias": self.answerability.bias, "max_log_odds": self.max_unanswerable},
            "calibration": {
                "weights": dict(self.calibration.weights),
                "bias": self.calibration.bias,
                "min_probability": self.calibration.min_probability,
                "sure_probability": self.calibration.sure_probability,
            },
        }
        with new_folder(folder) as temporary:
            write_tensors(temporary / "model.safetensors", tensors)
            write_json(temporary / "config.json", config)

    @classmethod
    def load(cls, folder: str | Path) -> IntentBotWeights:
        """Load a folder written by `save`.

        Raises:
            ArtifactError: missing, damaged or of another kind.
        """
        folder = Path(folder)
        config = read_artifact_config(folder, KIND)
        try:
            tensors = {
                name: tensor.numpy() for name, tensor in dequantize(load_file(folder / "model.safetensors")).items()
            }
            answerability = AnswerabilityClassifier(
                tensors["vector_weights"], tensors["ngram_weights"], float(config["answerability"]["bias"])
            )
            weights = cls(
                tensors["questions"], tensors["answers"], answerability,
                float(config["answerability"]["max_log_odds"]), Calibration(**config["calibration"]),
            )  # fmt: skip
        except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
            raise unreadable_weights_error(folder) from error
        widths = {weights.questions.shape[1], weights.answers.shape[1], len(answerability.vector_weights)}
        if len(widths) > 1 or len(answerability.ngram_weights) != NUM_FEATURES:
            raise unreadable_weights_error(folder)
        return weights


def compute_digest(encoder: QuestionEncoder, intents: Sequence[Intent]) -> str:
    """Return the digest of the encoder's weights and of all questions and answers."""
    digest = hashlib.sha256()
    for name, weight in sorted(encoder.net.state_dict().items()):
        digest.update(name.encode() + weight.numpy().tobytes())
    for intent in intents:
        digest.update("\0".join((*intent.all_questions, intent.answer)).encode())
    return digest.hexdigest()


def load_intent_weights(encoder: QuestionEncoder, intents: Sequence[Intent]) -> IntentBotWeights:
    """Return the bundled weights.

    Raises:
        ArtifactError: they are missing or damaged, or belong to other intents or another encoder.
    """
    folder = data_folder() / "models" / FOLDER_NAME
    if read_artifact_config(folder, KIND).get("digest") != compute_digest(encoder, intents):
        raise ArtifactError(
            f"{folder}이(가) 지금의 대화 자료나 인코더와 맞지 않습니다. python -m korlm.chat.intent_training {folder} 하세요.",
            f"{folder} does not belong to the present intents or encoder. Run: python -m korlm.chat.intent_training {folder}",
        )
    return IntentBotWeights.load(folder)
