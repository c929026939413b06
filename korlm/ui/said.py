"""What a bot says and why, as plain values between `korlm.ui.talk` and what draws them; no model in them.

>>> BotReply("네.", answer="네.").is_withheld
False
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from korlm.ui.plain import ModelCard


class CandidateAnswer(NamedTuple):
    """One of the answers that were weighed: its text, its score (see `Generated.score`) and its bits."""

    text: str
    score: float
    bits: float


@dataclass(frozen=True)
class BotInfo:
    """A bot that can be chosen.

    Attributes:
        name: what it is known by here.
        kind: ``net`` (an encoder-decoder), ``lm`` (a language model), ``eliza`` or ``retrieval``.
        card: of a bot that learnt.
        pairs: question and answer pairs that it learnt from, or looks in; 0 where that is not known.
    """

    name: str
    kind: str
    card: ModelCard | None = None
    pairs: int = 0

    @property
    def is_trained(self) -> bool:
        """Whether a net answers."""
        return self.kind in ("net", "lm")


@dataclass(frozen=True)
class BotReply:
    """What a bot has said so far, and once it has finished, why.

    Attributes:
        text: what is shown in the bubble.
        finished: False for an answer under way.
        answer: the net's own words, also where it says that it does not know.
        abstain_reason: ``question`` or ``answer`` where it is not sure, else nothing.
        surprisal: mean bits a piece of its own words; None for a bot without a net.
        familiarity: share of the question that it knows, 0 to 1; None where that is not known.
        thresholds: of surprisal and familiarity; None where the bot has none.
        question_tokens: pieces of the question.
        answer_tokens: those of the answer.
        attention: a row for each of `answer_tokens`, each with a share for each of `question_tokens`; empty without attention.
        candidates: the answers weighed, the best first.
        rule: the one that ELIZA used.
        nearest: the question whose answer it is.
        similarity: of that question, 0 to 1.
    """

    text: str
    finished: bool = False
    answer: str = ""
    abstain_reason: str = ""
    surprisal: float | None = None
    familiarity: float | None = None
    thresholds: tuple[float, float] | None = None
    question_tokens: tuple[str, ...] = ()
    answer_tokens: tuple[str, ...] = ()
    attention: tuple[tuple[float, ...], ...] = ()
    candidates: tuple[CandidateAnswer, ...] = ()
    rule: str = ""
    nearest: str = ""
    similarity: float = 0.0

    @property
    def is_withheld(self) -> bool:
        """Whether its own words were kept back."""
        return bool(self.abstain_reason) and self.text != self.answer

    @property
    def confidence_level(self) -> str:
        """``unknown`` without limits, ``no`` beyond one, ``so`` near one, else ``yes``."""
        if self.thresholds is None or self.surprisal is None:
            return "unknown"
        if self.abstain_reason:
            return "no"
        most, least = self.thresholds
        familiar = 1.0 if self.familiarity is None else self.familiarity
        return "yes" if self.surprisal <= 0.6 * most and familiar >= (1 + least) / 2 else "so"
