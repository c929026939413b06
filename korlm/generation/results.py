"""What generation gives: `Step`, a piece and what the model thought of it; `GeneratedText`, a whole text.

>>> step = Step(270, " 정말", surprisal=1.0, probability=0.75, alternatives=((" 정말", 0.5),), delta=" 정말")
>>> GeneratedText.from_steps(" 정말", [step], finish_reason="limit", score=-0.69).bits_per_character
0.3333333333333333

What a model thought of the pieces that were chosen: surprisals and the likeliest pieces.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> [note] = token_info(torch.zeros(1, 256), [69], [1.0], 0, byte_tokenizer())
>>> note.text, round(note.surprisal, 6)
('<0x41>', 8.0)

Generated texts for a terminal and for programs.

>>> step = Step(270, " 정말", surprisal=1.0, probability=0.75, alternatives=((" 정말", 0.5),), delta=" 정말")
>>> text = GeneratedText.from_steps(" 정말", [step], finish_reason="limit", score=-0.69)
>>> print(format_steps(text))
␣정말    1.0 bit  ␣정말 50%
>>> generated_to_dict(text)["pieces"][0]["alternatives"]
[[' 정말', 0.5]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from korlm.text.display import display_width, pad_right, show_invisible
from korlm.tokenizers.base import EOS_ID, Tokenizer


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


class TokenInfo(NamedTuple):
    """What a `Step` says, but for the text that it made certain; see there."""

    id: int
    text: str
    surprisal: float
    probability: float
    alternatives: tuple[tuple[str, float], ...]


def token_info(
    logits: Tensor, token_ids: Sequence[int], chosen_probs: Sequence[float], alternatives: int, tokenizer: Tokenizer
) -> list[TokenInfo]:
    """Return a note a row.

    Args:
        logits: ``[B, V]``, as the net gave them.
        token_ids: the ids that were chosen, ``B`` of them.
        chosen_probs: with which probability.
        alternatives: how many of the likeliest pieces to name.
        tokenizer: shows the pieces.
    """
    nats = logits.float().log_softmax(-1)
    chosen = torch.tensor(token_ids, dtype=torch.long, device=nats.device)
    bits = (-nats.gather(1, chosen[:, None])[:, 0].double() / math.log(2)).tolist()
    shown = tokenizer.token_text
    named: list[tuple[tuple[str, float], ...]] = [()] * len(token_ids)
    if alternatives:
        best = nats.topk(min(alternatives, nats.shape[-1]))
        named = [
            tuple((shown(number), chance) for number, chance in zip(ids, probabilities, strict=True))
            for ids, probabilities in zip(best.indices.tolist(), best.values.exp().tolist(), strict=True)
        ]
    return [
        TokenInfo(number, shown(number), surprisal, chance, others)
        for number, surprisal, chance, others in zip(token_ids, bits, chosen_probs, named, strict=True)
    ]


def generated_to_dict(text: GeneratedText) -> dict[str, Any]:
    """Return a text as plain values: bits in all and a piece, probabilities, alternatives as [text, probability]."""
    pieces = [
        {
            "id": step.id,
            "piece": step.text,
            "bits": step.surprisal,
            "probability": step.probability,
            "alternatives": [list(pair) for pair in step.alternatives],
        }
        for step in text.steps
    ]
    names = ("text", "bits", "bits_per_character", "score", "reason")
    return {name: getattr(text, name) for name in names} | {"pieces": pieces}


def format_steps(text: GeneratedText) -> str:
    """Return a line a piece: the piece, its surprisal in bits, and the likeliest pieces with their probabilities."""
    width = max((display_width(show_invisible(step.text)) for step in text.steps), default=0)
    return "\n".join(_format_step(step, width) for step in text.steps)


def _format_step(step: Step, width: int) -> str:
    piece = pad_right(show_invisible(step.text), width)
    others = "  ".join(f"{show_invisible(text)} {chance:.0%}" for text, chance in step.alternatives)
    return f"{piece}{step.surprisal:>7.1f} bit  {others}".rstrip()
