"""Rank answers by likelihood, reverse likelihood and retrieval.

The score of an answer ``a`` to a question ``q`` is a weighted sum of

- the likelihood ``log p(a | q, retrieved answers)``, per token;
- the reverse likelihood ``log p(q | a)``, per token, which is low for answers that would fit any question (maximum mutual
  information, Li et al. 2016, "A diversity-promoting objective function for neural conversation models");
- the retrieval score of the known question that the answer belongs to. A generated answer has that of the retrieved answer that it
  resembles, in proportion to the resemblance.

>>> measure_resemblance("국수는 어때요?", "국수는 어때요?"), measure_resemblance("국수", "잠")
(1.0, 0.0)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch.nn import functional as F

from korlm.chat.question_index import IntentMatch
from korlm.corpora.near_duplicates import normalize_for_matching

_REGULARIZATION = 1e-3  # L2, on standardized features
_GENERATED_WEIGHTS = [step / 4 for step in range(-12, 5)]  # to choose from
_MIN_GAIN = 0.005  # of the mean resemblance, for which generated answers are preferred more


@dataclass(frozen=True)
class AnswerFeatures:
    """The components of an answer's score.

    Attributes:
        likelihood: log-probability of the answer, in nats per token.
        reverse: log-probability of the question given the answer, in nats per token.
        retrieval: retrieval score, less that of the best match.
        generated: 1 for an answer that is not among the retrieved ones, else 0.
    """

    likelihood: float
    reverse: float
    retrieval: float
    generated: float


@dataclass(frozen=True)
class RankingWeights(AnswerFeatures):
    """The weight of each component."""

    @classmethod
    def from_info(cls, info: Mapping[str, Any]) -> RankingWeights:
        """Return the weights in a model's build information; without any, only the retrieval score counts.

        >>> RankingWeights.from_info({}).score_features(AnswerFeatures(-1.0, -2.0, -0.5, 0.0))
        -0.5
        """
        return cls(**info.get("ranking", {"likelihood": 0.0, "reverse": 0.0, "retrieval": 1.0, "generated": -10.0}))

    def score_features(self, features: AnswerFeatures) -> float:
        """Return the weighted sum."""
        return sum(value * weight for value, weight in zip(astuple(features), astuple(self), strict=True))


def fit_ranking_weights(
    questions: Sequence[Sequence[tuple[AnswerFeatures, float]]],
) -> tuple[RankingWeights, dict[str, float]]:
    """Fit weights to candidates of known quality.

    The weights of likelihood, reverse likelihood and retrieval maximize the probability of the right answer among the retrieved
    ones (conditional logit). Then that of generated answers is chosen: the lowest with which the best candidate resembles the right
    answer about as much as with any.

    Args:
        questions: of each question the features of its candidates and their resemblance to the right answer, 1 if it is it.

    Returns:
        The weights, and figures: the fraction of the questions with the right answer among the retrieved ones where the best score
        is the right answer's (``right``), the same for the retrieval score alone (``right_by_retrieval``), and their number
        (``questions``).

    Example:
        >>> right, wrong = AnswerFeatures(-1.0, -1.0, -0.2, 0.0), AnswerFeatures(-1.0, -3.0, 0.0, 0.0)
        >>> weights, figures = fit_ranking_weights([[(wrong, 0.1), (right, 1.0)]] * 4)
        >>> weights.reverse > 0, figures
        (True, {'right': 1.0, 'right_by_retrieval': 0.0, 'questions': 4})
    """
    rows, labels = [], []
    for candidates in questions:
        retrieved = [(features, likeness) for features, likeness in candidates if not features.generated]
        right = [index for index, (_, likeness) in enumerate(retrieved) if likeness == 1]
        if right and len(retrieved) > 1:
            rows.append(torch.tensor([astuple(features)[:3] for features, _ in retrieved], dtype=torch.float64))
            labels.append(right[0])
    scale = torch.cat([row - row.mean(0) for row in rows]).std(0).clamp(min=1e-6)
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=100, line_search_fn="strong_wolfe")
    targets = [torch.tensor([label]) for label in labels]

    def compute_loss() -> torch.Tensor:
        optimizer.zero_grad()
        losses = [
            F.cross_entropy((row / scale @ weights)[None], target) for row, target in zip(rows, targets, strict=True)
        ]
        loss = torch.stack(losses).mean() + _REGULARIZATION * weights.square().sum()
        loss.backward()
        return loss

    optimizer.step(compute_loss)
    fitted = [round(weight, 4) for weight in (weights.detach() / scale).tolist()]
    weights_by_resemblance = []
    for generated in _GENERATED_WEIGHTS:
        option = RankingWeights(fitted[0], fitted[1], fitted[2], generated)
        total = sum(_resemblance_of_best(candidates, option) for candidates in questions)
        weights_by_resemblance.append((total / len(questions), option))
    best_resemblance = max(resemblance for resemblance, _ in weights_by_resemblance)
    best = next(option for resemblance, option in weights_by_resemblance if resemblance >= best_resemblance - _MIN_GAIN)
    figures = {
        "right": _fraction_right(rows, labels, fitted),
        "right_by_retrieval": _fraction_right(rows, labels, [0.0, 0.0, 1.0]),
        "questions": len(rows),
    }
    return best, figures


def measure_resemblance(one: str, other: str) -> float:
    """Return the Dice coefficient of the character bigrams of two texts, 0 to 1."""
    first, second = (_count_bigrams(text) for text in (one, other))
    total = sum(first.values()) + sum(second.values())
    return 2 * sum((first & second).values()) / total if total else 0.0


def find_closest_match(answer: str, matches: Sequence[IntentMatch]) -> tuple[IntentMatch, float]:
    """Return the match whose answer a text resembles most, and the resemblance."""
    resemblances = [measure_resemblance(answer, match.intent.answer) for match in matches]
    best = max(range(len(matches)), key=resemblances.__getitem__)
    return matches[best], resemblances[best]


def _fraction_right(rows: Sequence[torch.Tensor], labels: Sequence[int], weights: Sequence[float]) -> float:
    vector = torch.tensor(weights, dtype=torch.float64)
    right = [int((row @ vector).argmax()) == label for row, label in zip(rows, labels, strict=True)]
    return round(sum(right) / max(1, len(right)), 4)


def _resemblance_of_best(candidates: Sequence[tuple[AnswerFeatures, float]], weights: RankingWeights) -> float:
    return max(candidates, key=lambda candidate: weights.score_features(candidate[0]))[1]


def _count_bigrams(text: str) -> Counter[str]:
    letters = f"^{normalize_for_matching(text)}$"
    return Counter(letters[start : start + 2] for start in range(len(letters) - 1))
