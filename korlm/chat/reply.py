"""`Reply`: an answer, and how it came.

>>> Reply("네.", "네.", Confidence(1.0)).finished
True
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from korlm.chat.confidence import Confidence
from korlm.generation.results import GeneratedText

ABSTAIN_TEXTS = {
    "question": "제가 배우지 못한 이야기 같아요. 다르게 말씀해 주시겠어요?",
    "answer": "음, 그건 제가 잘 모르겠어요. 다른 이야기를 해 볼까요?",
}


@dataclass(frozen=True, eq=False)  # arrays have no single equality
class Reply:
    """An answer.

    Attributes:
        text: what is said: the answer, or politely that the bot does not know.
        answer: the net's own words, also where they are not said.
        confidence: how sure it is of them.
        question_tokens: what the net read.
        tokens: of the answer, ``</s>`` last where it ended.
        attention: ``[pieces, question pieces]`` float32, each row summing to 1: where the decoder looked; None for a
            language model and before the end.
        candidates: the answers of the beam or the samples, the best first; the first one is this.
        finished: False for an answer under way.
    """

    text: str
    answer: str
    confidence: Confidence
    question_tokens: tuple[str, ...] = field(default=(), repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)
    attention: np.ndarray | None = field(default=None, repr=False)
    candidates: tuple[GeneratedText, ...] = field(default=(), repr=False)
    finished: bool = True

    @property
    def is_confident(self) -> bool:
        """Whether it is said."""
        return not self.confidence.abstain_reason
