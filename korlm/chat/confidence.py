"""What a bot is sure of: how familiar a question is, how surprised the bot is at its own words, and when it should not answer.

Both figures are plain on purpose, so that a visitor can be shown them: the share of a question's character bigrams that some
training question had, and the mean surprisal of the answer's pieces. The limits are percentiles over the validation
questions: a fortieth of them is refused by either.

>>> known = Familiarity.of(["비가 와요", "배가 고파요"])
>>> known("배가 와요!"), known("GPU") < 0.5
(1.0, True)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from korlm.artifacts import read_json, write_json
from korlm.corpora.clusters import normalised
from korlm.errors import ArtifactError

REFUSED = 0.025  # share of the validation questions beyond each limit
FILE = "questions.json"


class Familiarity:
    """The character bigrams of training questions, their edges counted.

    Args:
        bigrams: as two characters each.
    """

    def __init__(self, bigrams: Iterable[str]) -> None:
        self._known = frozenset(bigrams)

    @classmethod
    def of(cls, questions: Iterable[str]) -> Familiarity:
        """Gather those of questions."""
        return cls(gram for question in questions for gram in _bigrams(question))

    def __call__(self, question: str) -> float:
        """Return the share of a question's bigrams that are known, 0 to 1."""
        grams = _bigrams(question)
        return sum(gram in self._known for gram in grams) / len(grams)

    def write(self, folder: Path) -> None:
        """Write them beside a model."""
        write_json(folder / FILE, {"bigrams": sorted(self._known)})

    @classmethod
    def read(cls, folder: Path) -> Familiarity | None:
        """Read what `write` wrote; None where it did not.

        Raises:
            ArtifactError: damaged.
        """
        if not (folder / FILE).is_file():
            return None
        found = read_json(folder / FILE).get("bigrams")
        if not isinstance(found, list) or not all(isinstance(gram, str) for gram in found):
            raise ArtifactError(
                f"{folder / FILE}이(가) 손상되었습니다. 모델을 다시 받거나 다시 만드세요.",
                f"{folder / FILE} is damaged. Fetch or make the model again.",
            )
        return cls(found)


@dataclass(frozen=True)
class Limits:
    """Beyond them a bot says that it does not know.

    Attributes:
        surprisal: mean bits a piece of the answer, at most.
        familiarity: of the question, at least.
    """

    surprisal: float
    familiarity: float

    @classmethod
    def of(cls, surprisals: Sequence[float], familiarities: Sequence[float]) -> Limits:
        """Choose them so that a share `REFUSED` of these lies beyond each.

        >>> Limits.of([1.0, 2.0, 9.0], [0.2, 1.0, 1.0])
        Limits(surprisal=8.65, familiarity=0.24)
        """
        return cls(
            round(float(np.quantile(surprisals, 1 - REFUSED)), 4), round(float(np.quantile(familiarities, REFUSED)), 4)
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
    limits: Limits | None = None

    @property
    def doubt(self) -> str:
        """Why the answer should not be given: ``question`` (unfamiliar), ``answer`` (surprising), or empty."""
        if self.limits is None:
            return ""
        if self.familiarity is not None and self.familiarity < self.limits.familiarity:
            return "question"
        return "answer" if self.surprisal > self.limits.surprisal else ""


def _bigrams(text: str) -> set[str]:
    edged = f"^{normalised(text)}$"
    return {edged[place : place + 2] for place in range(len(edged) - 1)}
