"""How the next piece is chosen: greedy, temperature, top-k, top-p.

>>> generator = torch.Generator().manual_seed(7)
>>> choose(torch.tensor([0.0, 5.0, 1.0]), SamplingConfig(temperature=0), generator)
1
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from korlm.errors import InputError


@dataclass(frozen=True)
class SamplingConfig:
    """How to sample.

    Attributes:
        temperature: logits are divided by it; 0 takes the most probable piece (greedy).
        top_k: keep the k most probable pieces; 0 keeps all (Fan et al. 2018).
        top_p: keep the fewest most probable pieces whose probabilities sum to at least this (nucleus sampling,
            Holtzman et al. 2020); 1 keeps all.
        max_tokens: at most so many pieces.
        seed: the same seed gives the same text; None draws one.
    """

    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 0.95
    max_tokens: int = 60
    seed: int | None = None

    def __post_init__(self) -> None:
        wrong = [
            name
            for name, fine in (
                ("temperature", 0 <= self.temperature <= 10),
                ("top_k", self.top_k >= 0),
                ("top_p", 0 < self.top_p <= 1),
                ("max_tokens", 1 <= self.max_tokens <= 10_000),
            )
            if not fine
        ]
        if wrong:
            value = getattr(self, wrong[0])
            rule = "temperature 0~10, top_k 0~, top_p (0, 1], max_tokens 1~10000"
            raise InputError(
                f"{wrong[0]}에 쓸 수 없는 값입니다: {value}. ({rule})", f"{wrong[0]} cannot be {value}. ({rule})"
            )


def choose(logits: Tensor, config: SamplingConfig, generator: torch.Generator) -> int:
    """Choose an id.

    Args:
        logits: ``[V]``; -inf forbids a piece.
        config: how.
        generator: the source of randomness; not touched when greedy.
    """
    if config.temperature == 0:
        return int(logits.argmax())
    probabilities = keep(logits / config.temperature, top_k=config.top_k, top_p=config.top_p)
    return int(torch.multinomial(probabilities, 1, generator=generator))


def keep(logits: Tensor, *, top_k: int, top_p: float) -> Tensor:
    """Return the probabilities ``[V]`` after top-k and then top-p, summing to 1.

    >>> keep(torch.tensor([2.0, 1.0, 0.0]), top_k=0, top_p=0.5)
    tensor([1., 0., 0.])
    """
    probabilities = torch.softmax(logits.float(), dim=-1)
    ordered, indices = probabilities.sort(descending=True)
    if top_k:
        ordered[top_k:] = 0
        ordered /= ordered.sum()
    if top_p < 1:
        before = ordered.cumsum(0) - ordered
        ordered[before >= top_p] = 0  # the first is kept always: nothing comes before it
    kept = torch.zeros_like(probabilities).scatter_(0, indices, ordered)
    return kept / kept.sum()
