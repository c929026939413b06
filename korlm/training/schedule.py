"""Schedules of the learning rate and of teacher forcing over a run.

>>> lr_factor(0.0, TrainConfig()) < 0.05, lr_factor(0.02, TrainConfig()), round(lr_factor(1.0, TrainConfig()), 6)
(True, 1.0, 0.02)
"""

from __future__ import annotations

import math

from korlm.training.config import TrainConfig

_INVERSE_SIGMOID_K = 99.0  # k of the inverse sigmoid


def lr_factor(fraction_done: float, config: TrainConfig) -> float:
    """Return the learning rate as a fraction of its peak.

    A linear warmup is followed by a half cosine (Loshchilov and Hutter 2017) or a straight line down to
    ``config.final_rate``, or by a constant.

    >>> [lr_factor(fraction, TrainConfig(schedule="linear", warmup=0.0, final_rate=0.5)) for fraction in (0, 0.5, 1)]
    [1.0, 0.75, 0.5]
    """
    if fraction_done < config.warmup:
        return max(fraction_done / config.warmup, 1e-3)
    if config.schedule == "constant":
        return 1.0
    decay_done = min(1.0, (fraction_done - config.warmup) / max(1e-9, 1 - config.warmup))
    remaining = (1 + math.cos(math.pi * decay_done)) / 2 if config.schedule == "cosine" else 1 - decay_done
    return config.final_rate + (1 - config.final_rate) * remaining


def teacher_forcing_ratio(fraction_done: float, config: TrainConfig) -> float:
    """Return the probability of a gold input (teacher forcing) at a point of the run.

    The curves are those of scheduled sampling (Bengio et al. 2015, "Scheduled sampling for sequence prediction with
    recurrent neural networks"), from 1 (``inverse-sigmoid``: 0.99) down to ``config.teacher_forcing``, ``e``, at the end:

        linear            1 - (1 - e) s
        exponential       e^s
        inverse-sigmoid   k / (k + exp(a s)),  k = 99, a such that it ends at e

    ``s`` is the fraction of the run that is done, 0 to 1. In the last two curves ``e`` is at least 0.01.

    >>> [round(teacher_forcing_ratio(s, TrainConfig(teacher_forcing=0.5, forcing_decay="exponential")), 2) for s in (0, 0.5, 1)]
    [1.0, 0.71, 0.5]
    """
    end, fraction_done = config.teacher_forcing, min(1.0, fraction_done)
    if end == 1 or config.forcing_decay == "constant":
        return end
    if config.forcing_decay == "linear":
        return 1 - (1 - end) * fraction_done
    end = max(0.01, end)
    if config.forcing_decay == "exponential":
        return float(end**fraction_done)
    k = _INVERSE_SIGMOID_K
    return k / (k + math.exp(fraction_done * math.log(k * (1 - end) / end)))
