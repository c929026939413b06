"""Random numbers and ids for small nets."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from korlm.nn.lm import RecurrentLM

Make = Callable[..., RecurrentLM]


def seeded(seed: int = 2) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_ids(*size: int) -> Tensor:
    return torch.randint(0, 260, size, generator=seeded())


def stirred(net: RecurrentLM) -> RecurrentLM:
    """Move every weight off its first value: zeros and ones hide mistakes."""
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=seeded(3))
    return net
