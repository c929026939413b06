"""The results of generation: `Step`, a token and what the model thought of it; `GeneratedText`, a whole text.

>>> step = Step(270, " 정말", surprisal=1.0, probability=0.75, alternatives=((" 정말", 0.5),), delta=" 정말")
>>> text = GeneratedText.from_steps(" 정말", [step], finish_reason="length", score=-0.69)
>>> text.bits_per_character
0.3333333333333333
>>> print(format_steps(text))
␣정말    1.0 bit  ␣정말 50%
>>> generated_to_dict(text)["pieces"][0]["alternatives"]
[[' 정말', 0.5]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from korlm._deprecation import DeprecatedAlias, warn_deprecated
from korlm.text.display import display_width, pad_right, show_invisible
from korlm.tokenizers.base import EOS_ID, Tokenizer

FinishReason = Literal["eos", "stop", "length", "cancelled", "blocked"]
_REASONS_ON_DISK = {"eos": "end", "length": "limit", "cancelled": "asked"}  # where they differ


@dataclass(frozen=True)
class Step:
    """One token of a generated text.

    Attributes:
        id: the token's id.
        text: the token as displayed: ``<0xEA>`` for a lone byte of a character, ``</s>`` for the end of the text.
        surprisal: bits, under the model's own distribution: temperature 1, no filter, no penalty.
        probability: with which it was chosen, after penalties, temperature and filters; 1 where nothing was drawn
            (greedy, beam search, a forced string).
        alternatives: the most probable tokens of the model's own distribution, as (text, probability).
        delta: the text that became final with this step, often the token's; empty while a character is incomplete.
        attention: ``[S]`` float32, an encoder-decoder's attention over the source tokens; None where it was not kept.
    """

    id: int
    text: str
    surprisal: float
    probability: float
    alternatives: tuple[tuple[str, float], ...] = ()
    delta: str = ""
    attention: np.ndarray | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class GeneratedText:
    """A text that a model generated.

    Attributes:
        text: the text after the prompt, without the stop string that ended it.
        ids: the tokens, without ``</s>``; those of a stop string included.
        bits: sum of the surprisals of ``ids``, and of ``</s>`` where the model ended the text.
        bits_per_character: ``bits`` over the characters of ``ids`` (at least one), the end counted as one.
        score: natural log of the probability over the length normalization (see `GenerationConfig.length_penalty`), by
            which a beam ranks. The probability is the model's own, but for a repetition penalty in a beam.
        finish_reason: ``eos`` (the model generated ``</s>``), ``stop`` (a stop string), ``length`` (``max_tokens``),
            ``cancelled`` (by the caller) or ``blocked`` (no token was permitted, so ``</s>`` was written).
        steps: one `Step` per token.
    """

    text: str
    ids: tuple[int, ...]
    bits: float
    bits_per_character: float
    score: float
    finish_reason: FinishReason
    steps: tuple[Step, ...] = field(default=(), repr=False)

    of = DeprecatedAlias("from_steps")

    @classmethod
    def from_steps(
        cls,
        text: str,
        steps: Sequence[Step],
        *,
        finish_reason: FinishReason,
        score: float,
        num_characters: int | None = None,
    ) -> GeneratedText:
        """Sum up the steps of all tokens, ``</s>`` included; ``num_characters`` counts those of the ids and the end."""
        bits = sum(step.surprisal for step in steps)
        count = max(1, len(text) if num_characters is None else num_characters)
        ids = tuple(step.id for step in steps if step.id != EOS_ID)
        return cls(text, ids, bits, bits / count, score, finish_reason, tuple(steps))

    @property
    def reason(self) -> str:
        """Deprecated: ``finish_reason`` with the values ``end``, ``stop``, ``limit``, ``asked`` and ``blocked``."""
        warn_deprecated("GeneratedText.reason", "GeneratedText.finish_reason")
        return reason_on_disk(self.finish_reason)


def reason_on_disk(finish_reason: FinishReason) -> str:
    """Return the value of ``reason`` in JSON output.

    >>> reason_on_disk("length"), reason_on_disk("stop")
    ('limit', 'stop')
    """
    return _REASONS_ON_DISK.get(finish_reason, finish_reason)


def length_normalization(length: int, alpha: float) -> float:
    """Return GNMT's length normalization, ``((5 + length) / 6) ** alpha`` (Wu et al. 2016, equation 14).

    >>> length_normalization(1, 0.6), length_normalization(7, 1.0)
    (1.0, 2.0)
    """
    return ((5 + length) / 6) ** alpha


def build_steps(
    logits: Tensor, token_ids: Sequence[int], tokenizer: Tokenizer, *, alternatives: int,
    probabilities: Sequence[float], deltas: Sequence[str], attention: Sequence[np.ndarray | None] | None = None,
) -> list[Step]:  # fmt: skip
    """Return the step of each row of a batch; see `Step`. The logits, ``[B, V]``, are the model's own.

    >>> from korlm.tokenizers.segmented import byte_tokenizer
    >>> [step] = build_steps(torch.zeros(1, 256), [69], byte_tokenizer(), alternatives=0, probabilities=[1.0], deltas=[""])
    >>> step.text, round(step.surprisal, 6)
    ('<0x41>', 8.0)
    """
    log_probs = logits.float().log_softmax(-1)
    chosen = torch.tensor(token_ids, dtype=torch.long, device=log_probs.device)
    bits = (-log_probs.gather(1, chosen[:, None])[:, 0].double() / math.log(2)).tolist()
    best: list[tuple[tuple[str, float], ...]] = [()] * len(token_ids)
    if alternatives:
        top = log_probs.topk(min(alternatives, log_probs.shape[-1]))
        best = [
            tuple(zip(map(tokenizer.token_text, ids), probabilities_of_ids, strict=True))
            for ids, probabilities_of_ids in zip(top.indices.tolist(), top.values.exp().tolist(), strict=True)
        ]
    texts = map(tokenizer.token_text, token_ids)
    columns = (token_ids, texts, bits, probabilities, best, deltas, attention or [None] * len(token_ids))
    return [Step(*row) for row in zip(*columns, strict=True)]


def generated_to_dict(text: GeneratedText) -> dict[str, Any]:
    """Return a text as JSON values: bits of the text and of each token, probabilities, alternatives as [text, probability]."""
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
    values = {name: getattr(text, name) for name in ("text", "bits", "bits_per_character", "score")}
    return values | {"reason": reason_on_disk(text.finish_reason), "pieces": pieces}


def format_steps(text: GeneratedText) -> str:
    """Return one line per token: the token, its surprisal in bits, and the most probable tokens."""
    width = max((display_width(show_invisible(step.text)) for step in text.steps), default=0)
    return "\n".join(_format_step(step, width) for step in text.steps)


def _format_step(step: Step, width: int) -> str:
    token = pad_right(show_invisible(step.text), width)
    others = "  ".join(f"{show_invisible(text)} {probability:.0%}" for text, probability in step.alternatives)
    return f"{token}{step.surprisal:>7.1f} bit  {others}".rstrip()
