"""Averages of the weights over a run: a moving average, or that of NT-ASGD once validation stalls.

>>> model = torch.nn.Linear(1, 1, bias=False)
>>> average = WeightAverage(model, decay=0.5)
>>> _ = model.weight.data.fill_(0.0), average.start(), model.weight.data.fill_(4.0), average.update()
>>> with average.average_parameters():
...     model.weight.item()
2.0
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """An average of a model's weights, stored beside them.

    ``decay`` is of the moving average (Polyak and Juditsky 1992; as in Kingma and Ba 2015); 0 gives every step the same
    weight.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.weights = dict(model.named_parameters())
        self.decay = decay
        self.num_averaged = 0  # steps averaged; 0: not started
        self.averaged_weights: dict[str, Tensor] = {}

    def start(self) -> None:
        """Start from the current weights."""
        self.averaged_weights = {name: weight.detach().clone() for name, weight in self.weights.items()}
        self.num_averaged = 1

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights of a step to the average; before `start` do nothing."""
        if not self.num_averaged:
            return
        self.num_averaged += 1
        # at first a plain average, so that the initial weights do not dominate
        step_weight = max(1 - self.decay, 1 / self.num_averaged) if self.decay else 1 / self.num_averaged
        torch._foreach_lerp_(
            list(self.averaged_weights.values()), [weight.detach() for weight in self.weights.values()], step_weight
        )

    @contextmanager
    def average_parameters(self) -> Iterator[None]:
        """Put the average into the model for a ``with`` block; before `start` do nothing."""
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
            current = weight.detach().clone()
            weight.copy_(self.averaged_weights[name])
            self.averaged_weights[name].copy_(current)
