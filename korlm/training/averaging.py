"""Averages of the weights along a run: a moving average, or NT-ASGD's from the moment that validation stalls.

>>> net = torch.nn.Linear(1, 1, bias=False)
>>> average = Average(net, decay=0.5)
>>> _ = net.weight.data.fill_(0.0), average.begin(), net.weight.data.fill_(4.0), average.update()
>>> with average.in_place():
...     net.weight.item()
2.0
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """An average of a net's weights, kept beside them.

    Args:
        net: whose weights.
        decay: of the moving average (Polyak and Juditsky 1992; as in Kingma and Ba 2015); 0 gives every step the same
            weight.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.weights = dict(net.named_parameters())
        self.decay = decay
        self.count = 0  # steps averaged; 0: not begun
        self.kept: dict[str, Tensor] = {}

    def begin(self) -> None:
        """Start from the weights as they are."""
        self.kept = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self.count = 1

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of a step in; nothing before `begin`."""
        if not self.count:
            return
        self.count += 1
        # a young moving average is a plain one, so that its beginning does not weigh
        share = max(1 - self.decay, 1 / self.count) if self.decay else 1 / self.count
        torch._foreach_lerp_(list(self.kept.values()), [weight.detach() for weight in self.weights.values()], share)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Have the net hold the average for the block, its own weights afterwards; nothing before `begin`."""
        if not self.count:
            yield
            return
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, weight in self.weights.items():
            held = weight.detach().clone()
            weight.copy_(self.kept[name])
            self.kept[name].copy_(held)
