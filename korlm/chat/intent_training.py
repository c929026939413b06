"""Train what the intent bot knows about its intents: `korlm.chat.intent_weights`.

    python -m korlm.chat.intent_training FOLDER

Three steps: the vectors of all questions and answers; the classifier of messages that cannot be answered; and the
calibration, logistic regression on answers to validation messages that readers judged.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from korlm.chat.answerability import NUM_FEATURES, AnswerabilityClassifier, extract_answerability_features
from korlm.chat.encoder.model import QuestionEncoder, load_question_encoder
from korlm.chat.intent_bot import IntentBot, measure_confidence
from korlm.chat.intent_weights import Calibration, IntentBotWeights, compute_digest
from korlm.chat.linear_training import minimize_loss, stack_sparse_rows
from korlm.corpora.files import iter_json_records, open_corpus_file
from korlm.corpora.intents import Intent, iter_multi_turn_dialogues, load_intents
from korlm.storage.artifacts import check_writable, data_folder

MAX_ANSWERABLE_REFUSED = 0.005  # of the validation messages that can be answered: taken for questions of facts
MAX_ANSWERABLE_ABSTAINED = 0.02  # of them: not answered for any reason; the goal is 0.10
MIN_SENSIBLE_WHEN_SURE = 0.92  # of the validation answers; the goal is 0.90
_TUNING_WEIGHT = 3.0  # of a message of data/dialogues/answerability, beside one of the many intents
_VECTOR_DECAY, _NGRAM_DECAY = 0.3, 0.1  # L2 regularization; see dev/LOG.md
_CALIBRATION_DECAY = 1.0


class JudgedMessage(NamedTuple):
    """A validation message: ``answerable`` by small talk, and whether a reader found the bot's answer sensible."""

    text: str
    answer: str
    answerable: bool
    sensible: bool


def load_judged_messages() -> list[JudgedMessage]:
    """Load the bundled validation messages with the answers that were judged."""
    path = data_folder() / "dialogues" / "evaluation" / "validation.jsonl"
    with open_corpus_file(path) as handle:
        rows = [row for _, row in iter_json_records(handle, path)]
    return [JudgedMessage(row["text"], row["answer"], row["answerable"], row["sensible"]) for row in rows]


def train_answerability(encoder: QuestionEncoder, intents: Sequence[Intent]) -> AnswerabilityClassifier:
    """Train the classifier on the intents, the users' turns of the dialogues and ``data/dialogues/answerability``."""
    examples = [(text, not intent.is_answerable, 1.0) for intent in intents for text in intent.all_questions]
    examples += [(turn, False, 1.0) for _, turns in iter_multi_turn_dialogues() for turn in turns[::2]]
    path = data_folder() / "dialogues" / "answerability" / "tuning.jsonl"
    with open_corpus_file(path) as handle:
        examples += [(row["text"], not row["answerable"], _TUNING_WEIGHT) for _, row in iter_json_records(handle, path)]
    vectors = torch.from_numpy(encoder.encode([text for text, _, _ in examples]))
    ngrams = stack_sparse_rows([extract_answerability_features(text) for text, _, _ in examples], NUM_FEATURES)
    targets = torch.tensor([float(is_unanswerable) for _, is_unanswerable, _ in examples])
    weights = torch.tensor([weight for _, _, weight in examples])
    vector_weights = torch.zeros(vectors.shape[1], requires_grad=True)
    ngram_weights = torch.zeros(NUM_FEATURES, 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)

    def compute_loss() -> torch.Tensor:
        logits = vectors @ vector_weights + (ngrams @ ngram_weights)[:, 0] + bias
        loss = F.binary_cross_entropy_with_logits(logits, targets, weight=weights, reduction="sum")
        return loss + _VECTOR_DECAY * vector_weights.square().sum() + _NGRAM_DECAY * ngram_weights.square().sum()

    minimize_loss([vector_weights, ngram_weights, bias], compute_loss)
    return AnswerabilityClassifier(
        vector_weights.detach().numpy(), ngram_weights.detach().numpy()[:, 0], float(bias.detach())
    )


def fit_calibration(bot: IntentBot, judged: Sequence[JudgedMessage]) -> Calibration:
    """Fit the probability that an answer is sensible, and choose the two thresholds.

    The bot abstains below the probability that `MAX_ANSWERABLE_ABSTAINED` of the answerable messages do not reach. It is sure
    from the lowest one above which `MIN_SENSIBLE_WHEN_SURE` of the answers are sensible.
    """
    answerability = bot.weights.answerability if bot.weights else None
    if bot.index.encoder is None or answerability is None:
        raise ValueError("the bot has no encoder or no classifier")
    rows, labels, is_answered = [], [], []
    judgments = {(message.text, message.answer): message for message in judged}
    limit = bot.weights.max_unanswerable if bot.weights else 0.0
    for text in dict.fromkeys(message.text for message in judged):
        vector = bot.index.encoder.encode([text])[0]
        matches = bot.find_matches(text, vector)
        best = matches[0]
        if message := judgments.get((text, best.intent.answer)):  # another answer was not judged
            log_odds = answerability.compute_log_odds(text, vector)
            rows.append(measure_confidence(text, matches, best, log_odds))
            labels.append(float(message.sensible))
            is_answered.append((message.answerable, best.intent.is_answerable and log_odds <= limit))
    names = list(rows[0])
    inputs = torch.tensor([[row[name] for name in names] for row in rows], dtype=torch.float64)
    targets = torch.tensor(labels, dtype=torch.float64)
    center, spread = inputs.mean(dim=0), inputs.std(dim=0) + 1e-9
    weights = torch.zeros(len(names), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(1, dtype=torch.float64, requires_grad=True)

    def compute_loss() -> torch.Tensor:
        logits = (inputs - center) / spread @ weights + bias
        loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
        return loss + _CALIBRATION_DECAY * weights.square().sum()

    minimize_loss([weights, bias], compute_loss)
    raw_weights = (weights / spread).detach()
    raw_bias = float(bias.detach() - raw_weights @ center)
    calibration = Calibration(dict(zip(names, raw_weights.tolist(), strict=True)), raw_bias)
    probabilities = np.array([calibration.estimate_probability(row) for row in rows])
    # answerable messages that are refused already count as 0
    of_answerable = [p * given for p, (answerable, given) in zip(probabilities, is_answered, strict=True) if answerable]
    return replace(
        calibration,
        min_probability=round(float(np.quantile(of_answerable, MAX_ANSWERABLE_ABSTAINED)), 4),
        sure_probability=choose_sure_probability(probabilities, np.array(labels)),
    )


def choose_sure_probability(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the lowest probability such that of all from it on `MIN_SENSIBLE_WHEN_SURE` are sensible.

    >>> choose_sure_probability(np.array([0.2, 0.6, 0.8, 0.9]), np.array([0, 0, 1, 1]))
    0.8
    """
    order = np.argsort(-probabilities, kind="stable")
    rates = np.cumsum(labels[order]) / np.arange(1, len(labels) + 1)
    enough = np.flatnonzero(rates >= MIN_SENSIBLE_WHEN_SURE)
    return round(float(probabilities[order][enough[-1]]), 4) if len(enough) else 1.0


def train_intent_weights(
    encoder: QuestionEncoder, intents: Sequence[Intent], judged: Sequence[JudgedMessage]
) -> IntentBotWeights:
    """Return the weights of an intent bot; both thresholds are chosen on the judged validation messages."""
    weights = IntentBotWeights.encode_intents(encoder, intents)
    answerability = train_answerability(encoder, intents)
    answerable = [message.text for message in judged if message.answerable]
    log_odds = [
        answerability.compute_log_odds(text, vector)
        for text, vector in zip(answerable, encoder.encode(answerable), strict=True)
    ]
    limit = round(float(np.quantile(log_odds, 1 - MAX_ANSWERABLE_REFUSED)), 4)
    weights = replace(weights, answerability=answerability, max_unanswerable=limit)
    bot = IntentBot(intents, encoder=encoder, weights=weights)
    return replace(weights, calibration=fit_calibration(bot, judged))


def train_bundled_weights() -> None:
    """Train on the bundled data and save to the folder that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m korlm.chat.intent_training",
        description="Encode the bundled intents, train the classifier of answerable messages and fit the calibration.",
    )
    parser.add_argument("folder", help="where to save the weights; an existing folder is replaced")
    folder = parser.parse_args().folder
    check_writable(folder)
    encoder, intents = load_question_encoder(), load_intents()
    weights = train_intent_weights(encoder, intents, load_judged_messages())
    weights.save(folder, compute_digest(encoder, intents))
    assert weights.calibration is not None
    print(json.dumps({"max_unanswerable": weights.max_unanswerable, **asdict(weights.calibration)}))


if __name__ == "__main__":
    train_bundled_weights()
