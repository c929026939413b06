"""What a bot is sure of: how familiar a question is, how surprised the bot is at its own words, and when it should not answer.

Both figures are plain on purpose, so that a visitor can be shown them: the share of a question's character bigrams that some
training question had, and the mean surprisal of the answer's pieces. The limits are percentiles over the validation
questions: a fortieth of them is refused by either.

>>> known = BigramCoverage.from_questions(["비가 와요", "배가 고파요"])
>>> known("배가 와요!"), known("GPU") < 0.5
(1.0, True)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from korlm.corpora.near_duplicates import normalize_for_matching
from korlm.errors import ArtifactError
from korlm.storage.artifacts import read_json, write_json

ABSTAIN_FRACTION = 0.025  # share of the validation questions beyond each limit
QUESTIONS_FILE = "questions.json"


class BigramCoverage:
    """The character bigrams of training questions, their edges counted.

    Args:
        bigrams: as two characters each.
    """

    def __init__(self, bigrams: Iterable[str]) -> None:
        self._known_bigrams = frozenset(bigrams)

    @classmethod
    def from_questions(cls, questions: Iterable[str]) -> BigramCoverage:
        """Gather those of questions."""
        return cls(gram for question in questions for gram in _extract_bigrams(question))

    def __call__(self, question: str) -> float:
        """Return the share of a question's bigrams that are known, 0 to 1."""
        grams = _extract_bigrams(question)
        return sum(gram in self._known_bigrams for gram in grams) / len(grams)

    def write(self, folder: Path) -> None:
        """Write them beside a model."""
        write_json(folder / QUESTIONS_FILE, {"bigrams": sorted(self._known_bigrams)})

    @classmethod
    def read(cls, folder: Path) -> BigramCoverage | None:
        """Read what `write` wrote; None where it did not.

        Raises:
            ArtifactError: damaged.
        """
        if not (folder / QUESTIONS_FILE).is_file():
            return None
        found = read_json(folder / QUESTIONS_FILE).get("bigrams")
        if not isinstance(found, list) or not all(isinstance(gram, str) for gram in found):
            raise ArtifactError(
                f"{folder / QUESTIONS_FILE}이(가) 손상되었습니다. 모델을 다시 받거나 다시 만드세요.",
                f"{folder / QUESTIONS_FILE} is damaged. Fetch or make the model again.",
            )
        return cls(found)


@dataclass(frozen=True)
class ConfidenceThresholds:
    """Beyond them a bot says that it does not know.

    Attributes:
        surprisal: mean bits a piece of the answer, at most.
        familiarity: of the question, at least.
    """

    surprisal: float
    familiarity: float

    @classmethod
    def from_validation(cls, surprisals: Sequence[float], familiarities: Sequence[float]) -> ConfidenceThresholds:
        """Choose them so that a share `ABSTAIN_FRACTION` of these lies beyond each.

        >>> ConfidenceThresholds.from_validation([1.0, 2.0, 9.0], [0.2, 1.0, 1.0])
        Limits(surprisal=8.65, familiarity=0.24)
        """
        return cls(
            round(float(np.quantile(surprisals, 1 - ABSTAIN_FRACTION)), 4),
            round(float(np.quantile(familiarities, ABSTAIN_FRACTION)), 4),
        )


@dataclass(frozen=True)
class Confidence:
    """How sure a bot is of an answer.

    Attributes:
        surprisal: mean bits a piece of it, its end counted.
        familiarity: share of the question's bigrams that training questions had; None where that is not known.
        limits: None where none were chosen: then it is always sure.
    """

    surprisal: float
    familiarity: float | None = None
    limits: ConfidenceThresholds | None = None

    @property
    def abstain_reason(self) -> str:
        """Why the answer should not be given: ``question`` (unfamiliar), ``answer`` (surprising), or empty."""
        if self.limits is None:
            return ""
        if self.familiarity is not None and self.familiarity < self.limits.familiarity:
            return "question"
        return "answer" if self.surprisal > self.limits.surprisal else ""


def _extract_bigrams(text: str) -> set[str]:
    edged = f"^{normalize_for_matching(text)}$"
    return {edged[place : place + 2] for place in range(len(edged) - 1)}
