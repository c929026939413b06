"""What generation gives: `Step`, a piece and what the model thought of it; `GeneratedText`, a whole text.

>>> step = Step(270, " 정말", surprisal=1.0, probability=0.75, alternatives=((" 정말", 0.5),), delta=" 정말")
>>> GeneratedText.from_steps(" 정말", [step], finish_reason="limit", score=-0.69).bits_per_character
0.3333333333333333
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from korlm.tokenizers.base import EOS_ID


@dataclass(frozen=True)
class Step:
    """One piece of a generated text.

    Attributes:
        id: the piece's number.
        text: the piece as it is shown: ``<0xEA>`` for a lone byte of a character, ``</s>`` for the end of the text.
        surprisal: bits, under the model's own distribution: temperature 1, no filter, no penalty.
        probability: with which it was chosen, after penalties, temperature and filters; 1 where nothing was drawn
            (greedy, beam search, a forced string).
        alternatives: the most probable pieces of the model's own distribution, as (text, probability).
        delta: the text that this step made certain, often that of the piece; empty while a character is not whole.
    """

    id: int
    text: str
    surprisal: float
    probability: float
    alternatives: tuple[tuple[str, float], ...] = ()
    delta: str = ""


@dataclass(frozen=True)
class GeneratedText:
    """A text that a model wrote.

    Attributes:
        text: what follows the prompt, without the stop string that ended it.
        ids: the pieces, without ``</s>``; those of a stop string included.
        bits: sum of the surprisals of ``ids``, and of ``</s>`` where the text ended by itself.
        bits_per_character: ``bits`` over the characters of ``ids`` (at least one), the end counted as one.
        score: natural log of the probability over the length normalisation (see `SamplingConfig.length_penalty`): what
            a beam ranks by. The probability is the model's own, but for a repetition penalty in a beam.
        finish_reason: why it ended: ``end`` (the model wrote ``</s>``), ``stop``, ``limit``, ``blocked`` (no piece was
            permitted, so ``</s>`` was written) or ``asked`` (the caller had it stopped).
        steps: a `Step` a piece.
    """

    text: str
    ids: tuple[int, ...]
    bits: float
    bits_per_character: float
    score: float
    finish_reason: str
    steps: tuple[Step, ...] = field(default=(), repr=False)

    @classmethod
    def from_steps(
        cls, text: str, steps: Sequence[Step], *, finish_reason: str, score: float, num_characters: int | None = None
    ) -> GeneratedText:
        """Sum the steps up.

        Args:
            text: the text.
            steps: of all pieces, that of ``</s>`` included.
            finish_reason: why it ended.
            score: see above.
            num_characters: of the pieces and the end; by default those of ``text``.
        """
        bits = sum(step.surprisal for step in steps)
        count = max(1, len(text) if num_characters is None else num_characters)
        ids = tuple(step.id for step in steps if step.id != EOS_ID)
        return cls(text, ids, bits, bits / count, score, finish_reason, tuple(steps))


def length_normalization(length: int, alpha: float) -> float:
    """Return GNMT's length normalisation, ``((5 + length) / 6) ** alpha`` (Wu et al. 2016, equation 14).

    >>> length_normalization(1, 0.6), length_normalization(7, 1.0)
    (1.0, 2.0)
    """
    return ((5 + length) / 6) ** alpha
