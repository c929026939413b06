"""Confidence of a bot: how familiar a question is, how surprising the answer is, and when the bot should abstain.

Both figures are simple, so that a user can be shown them: the fraction of a question's character bigrams that occur in
training questions, and the mean surprisal of the answer's tokens. The thresholds are quantiles over the validation
questions: each makes the bot abstain on a fortieth of them.

>>> known = BigramCoverage.from_questions(["비가 와요", "배가 고파요"])
>>> known("배가 와요!"), known("GPU") < 0.5
(1.0, True)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from korlm._deprecation import DeprecatedAlias
from korlm.corpora.near_duplicates import normalize_for_matching
from korlm.errors import ArtifactError
from korlm.storage.artifacts import read_json, write_json

ABSTAIN_FRACTION = 0.025  # of the validation questions, beyond each threshold
QUESTIONS_FILE = "questions.json"


class BigramCoverage:
    """The character bigrams of the training questions, with markers for their beginning and end."""

    def __init__(self, bigrams: Iterable[str]) -> None:
        self._known_bigrams = frozenset(bigrams)

    @classmethod
    def from_questions(cls, questions: Iterable[str]) -> BigramCoverage:
        """Collect the bigrams of questions."""
        return cls(bigram for question in questions for bigram in _extract_bigrams(question))

    def __call__(self, question: str) -> float:
        """Return the fraction of a question's bigrams that are known, 0 to 1."""
        bigrams = _extract_bigrams(question)
        return len(bigrams & self._known_bigrams) / len(bigrams)

    def write(self, folder: Path) -> None:
        """Write the bigrams into a model's folder."""
        write_json(folder / QUESTIONS_FILE, {"bigrams": sorted(self._known_bigrams)})

    @classmethod
    def read(cls, folder: Path) -> BigramCoverage | None:
        """Read the bigrams of a folder; None if it has none.

        Raises:
            ArtifactError: the file is damaged.
        """
        if not (folder / QUESTIONS_FILE).is_file():
            return None
        bigrams = read_json(folder / QUESTIONS_FILE).get("bigrams")
        if not isinstance(bigrams, list) or not all(isinstance(bigram, str) for bigram in bigrams):
            raise ArtifactError(
                f"{folder / QUESTIONS_FILE}이(가) 손상되었습니다. 모델을 다시 받거나 다시 만드세요.",
                f"{folder / QUESTIONS_FILE} is damaged. Fetch or make the model again.",
            )
        return cls(bigrams)


@dataclass(frozen=True)
class ConfidenceThresholds:
    """The values beyond which a bot abstains.

    Attributes:
        surprisal: largest mean surprisal of an answer, in bits per token.
        familiarity: smallest familiarity of a question.
    """

    surprisal: float
    familiarity: float

    of = DeprecatedAlias("from_validation")

    @classmethod
    def from_validation(cls, surprisals: Sequence[float], familiarities: Sequence[float]) -> ConfidenceThresholds:
        """Choose thresholds that a fraction `ABSTAIN_FRACTION` of the values exceeds.

        >>> ConfidenceThresholds.from_validation([1.0, 2.0, 9.0], [0.2, 1.0, 1.0])
        ConfidenceThresholds(surprisal=8.65, familiarity=0.24)
        """
        return cls(
            round(float(np.quantile(surprisals, 1 - ABSTAIN_FRACTION)), 4),
            round(float(np.quantile(familiarities, ABSTAIN_FRACTION)), 4),
        )


@dataclass(frozen=True)
class Confidence:
    """How sure a bot is of an answer.

    Attributes:
        surprisal: mean surprisal in bits per token, the end included; None if nothing was generated.
        familiarity: fraction of the question's bigrams that training questions have; None if unknown.
        limits: the thresholds of surprisal and familiarity; None means that the bot never abstains because of them.
        similarity: of the message and the known question, 0 to 1; None if the bot does not retrieve.
        min_similarity: below it the bot does not understand the message.
        answerable: False if the answer says that the bot cannot know this.
        probability: estimated probability that the answer is sensible, 0 to 1; None if the bot does not estimate it.
        min_probability: below it the bot does not understand the message.
        sure_probability: from it on, at least nine of ten validation answers were sensible.
        components: the figures that the probability depends on, by name.
    """

    surprisal: float | None = None
    familiarity: float | None = None
    limits: ConfidenceThresholds | None = None
    similarity: float | None = None
    min_similarity: float = 0.0
    answerable: bool = True
    probability: float | None = None
    min_probability: float = 0.0
    sure_probability: float = 1.0
    components: Mapping[str, float] = field(default_factory=dict)

    doubt = DeprecatedAlias("abstain_reason")

    @property
    def abstain_reason(self) -> str:
        """The reason not to give the answer, or empty.

        ``question``: the message is unfamiliar; ``answer``: the answer is surprising; ``unanswerable``: the bot knows that it
        cannot know.
        """
        if self.similarity is not None and self.similarity < self.min_similarity:
            return "question"
        if not self.answerable:
            return "unanswerable"
        if self.probability is not None and self.probability < self.min_probability:
            return "question"
        if self.limits is None:
            return ""
        if self.familiarity is not None and self.familiarity < self.limits.familiarity:
            return "question"
        return "answer" if (self.surprisal or 0.0) > self.limits.surprisal else ""


def _extract_bigrams(text: str) -> set[str]:
    delimited = f"^{normalize_for_matching(text)}$"
    return set(map("".join, pairwise(delimited)))
