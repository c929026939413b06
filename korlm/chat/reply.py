"""`Reply`: an answer and how it came about.

>>> reply = Reply("네.", "네.", Confidence(1.0))
>>> print(reply)
네.
>>> reply.finished
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from korlm._deprecation import DeprecatedAlias
from korlm.chat.confidence import Confidence
from korlm.chat.safety.cards import SafetyCard
from korlm.generation.results import GeneratedText

ABSTAIN_TEXTS = {
    "question": "제가 배우지 못한 이야기 같아요. 다르게 말씀해 주시겠어요?",
    "answer": "음, 그건 제가 잘 모르겠어요. 다른 이야기를 해 볼까요?",
}


class RetrievalResult(NamedTuple):
    """The most similar known question."""

    answer: str  # its answer
    question: str  # the question
    similarity: float  # cosine, 0 (no common morpheme) to 1


@dataclass(frozen=True, eq=False)  # arrays have no single equality
class Reply:
    """An answer; ``str`` gives its text.

    Attributes:
        text: the answer, or a polite sentence that the bot does not know.
        answer: the generated answer, also where the bot abstains.
        confidence: how sure the bot is of the answer.
        question_tokens: the tokens that the model read.
        tokens: the tokens of the answer, with ``</s>`` if the model generated it.
        attention: ``[tokens, question tokens]`` float32, each row summing to 1: the decoder's attention; None for a
            language model and before the end.
        candidates: the answers of the beam search or the samples, the best first; the first one is this answer.
        finished: False while the answer grows.
        safety_card: the fixed answer to a crisis message, which the bot did not see; None for all other messages.
        nearest: the known question whose answer this is; None unless the bot retrieves.
        nearest_matches: the most similar known questions, the best first; empty unless the bot retrieves several.
        rule: the name of the rule that gave the answer; empty unless the bot has rules.
        query: what a retrieving bot looked up instead of the message: the question before if another answer is wished for,
            both if the message says nothing by itself, or the message without words such as 그래서 and written out; else empty.
    """

    text: str
    answer: str
    confidence: Confidence = field(default_factory=Confidence)
    question_tokens: tuple[str, ...] = field(default=(), repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    attention: np.ndarray | None = field(default=None, repr=False)
    candidates: tuple[GeneratedText, ...] = field(default=(), repr=False)
    finished: bool = True
    safety_card: SafetyCard | None = None
    nearest: RetrievalResult | None = None
    nearest_matches: tuple[RetrievalResult, ...] = field(default=(), repr=False)
    rule: str = ""
    query: str = ""

    sure = DeprecatedAlias("is_confident")
    doubt = DeprecatedAlias("abstain_reason")
    pieces = DeprecatedAlias("tokens")
    question_pieces = DeprecatedAlias("question_tokens")

    @classmethod
    def from_safety_card(cls, card: SafetyCard) -> Reply:
        """Return the fixed answer to a crisis message."""
        return cls(card.text, card.text, safety_card=card)

    @property
    def abstain_reason(self) -> str:
        """The reason not to give the answer: ``crisis``, a reason of `Confidence.abstain_reason`, or empty."""
        return "crisis" if self.safety_card else self.confidence.abstain_reason

    @property
    def is_confident(self) -> bool:
        """Whether there is no reason to abstain."""
        return not self.abstain_reason

    def __str__(self) -> str:
        return self.text
