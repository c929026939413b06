"""Averages of the weights along a run: a moving average, or NT-ASGD's from the moment that validation stalls.

>>> net = torch.nn.Linear(1, 1, bias=False)
>>> average = WeightAverage(net, decay=0.5)
>>> _ = net.weight.data.fill_(0.0), average.start(), net.weight.data.fill_(4.0), average.update()
>>> with average.average_parameters():
...     net.weight.item()
2.0
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """An average of a net's weights, kept beside them.

    Args:
        model: whose weights.
        decay: of the moving average (Polyak and Juditsky 1992; as in Kingma and Ba 2015); 0 gives every step the same
            weight.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.weights = dict(model.named_parameters())
        self.decay = decay
        self.num_averaged = 0  # steps averaged; 0: not begun
        self.averaged_weights: dict[str, Tensor] = {}

    def start(self) -> None:
        """Start from the weights as they are."""
        self.averaged_weights = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self.num_averaged = 1

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of a step in; nothing before `begin`."""
        if not self.num_averaged:
            return
        self.num_averaged += 1
        # a young moving average is a plain one, so that its beginning does not weigh
        share = max(1 - self.decay, 1 / self.num_averaged) if self.decay else 1 / self.num_averaged
        torch._foreach_lerp_(
            list(self.averaged_weights.values()), [weight.detach() for weight in self.weights.values()], share
        )

    @contextmanager
    def average_parameters(self) -> Iterator[None]:
        """Have the net hold the average for the block, its own weights afterwards; nothing before `begin`."""
        if not self.num_averaged:
            yield
            return
        self._swap_weights()
        try:
            yield
        finally:
            self._swap_weights()

    @torch.no_grad()
    def _swap_weights(self) -> None:
        for name, weight in self.weights.items():
            held = weight.detach().clone()
            weight.copy_(self.averaged_weights[name])
            self.averaged_weights[name].copy_(held)
