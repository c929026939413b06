"""Activation regularisation (AR) and temporal activation regularisation (TAR).

>>> still = torch.ones(1, 4, 2)
>>> float(activation_penalty(LMOutput(still, (), still, still), alpha=2.0, beta=1.0))
2.0
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class LMOutput(NamedTuple):
    """What a net computed over a window.

    Attributes:
        hidden: ``[B, T, E]`` (untied: the recurrent width), for `RecurrentLM.nats` and `RecurrentLM.logits`.
        state: the state after the window; each part ``[L, B, ...]``.
        raw_outputs: ``[B, T, H]`` outputs of the last layer (``P`` wide with a projection).
        dropped_outputs: the same after dropout.
    """

    hidden: Tensor
    state: tuple[Tensor, ...]
    raw_outputs: Tensor
    dropped_outputs: Tensor


def activation_penalty(output: LMOutput, alpha: float, beta: float) -> Tensor:
    """Return what AR and TAR add to the loss (Merity et al. 2017, "Revisiting activation regularization").

    ``alpha mean(dropped^2) + beta mean((raw[t + 1] - raw[t])^2)``: large outputs cost, and so do jumps between time
    steps. AWD-LSTM has alpha 2 and beta 1.

    Args:
        output: of `RecurrentLM.features`.
        alpha: weight of AR; 0 for none.
        beta: weight of TAR; 0 for none. A window of one step has no jump.

    Returns:
        A scalar in float32.
    """
    penalty = torch.zeros((), device=output.raw_outputs.device)
    if alpha:
        penalty = penalty + alpha * output.dropped_outputs.float().square().mean()
    if beta and output.raw_outputs.shape[1] > 1:
        penalty = penalty + beta * output.raw_outputs.float().diff(dim=1).square().mean()
    return penalty
