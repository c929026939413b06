"""How the next piece is chosen: greedy, temperature, top-k, top-p.

>>> generator = torch.Generator().manual_seed(7)
>>> choose(torch.tensor([0.0, 5.0, 1.0]), SamplingConfig(temperature=0), generator)
1
"""

from __future__ import annotations

import torch
from torch import Tensor

from korlm.generation.config import SamplingConfig


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
