"""The learning rate in the course of a run, as a share of its peak.

>>> lr_factor(0.0, TrainConfig()) < 0.05, lr_factor(0.02, TrainConfig()), round(lr_factor(1.0, TrainConfig()), 6)
(True, 1.0, 0.02)
"""

from __future__ import annotations

import math

from korlm.training.config import TrainConfig

_INVERSE_SIGMOID_K = 99.0  # of the inverse sigmoid


def lr_factor(fraction_done: float, config: TrainConfig) -> float:
    """Return the share of the peak learning rate.

    A linear warm-up, then a half cosine (Loshchilov and Hutter 2017), a straight line, or no change, down to
    ``config.final_rate``.

    Args:
        fraction_done: of the run that is done, 0 to 1.
        config: ``schedule``, ``warmup`` and ``final_rate`` of it.

    >>> [lr_factor(share, TrainConfig(schedule="linear", warmup=0.0, final_rate=0.5)) for share in (0, 0.5, 1)]
    [1.0, 0.75, 0.5]
    """
    if fraction_done < config.warmup:
        return max(fraction_done / config.warmup, 1e-3)
    along = min(1.0, (fraction_done - config.warmup) / max(1e-9, 1 - config.warmup))
    falls = {"cosine": (1 + math.cos(math.pi * along)) / 2, "linear": 1 - along, "constant": 1.0}
    if config.schedule == "constant":
        return 1.0
    return config.final_rate + (1 - config.final_rate) * falls[config.schedule]


def teacher_forcing_ratio(fraction_done: float, config: TrainConfig) -> float:
    """Return the share of inputs that are the true piece (teacher forcing) at this point of the run.

    Curves of scheduled sampling (Bengio et al. 2015, "Scheduled sampling for sequence prediction with recurrent neural
    networks"), from 1 (``inverse-sigmoid``: 0.99) down to ``config.teacher_forcing``, ``e``, at the end of the run:

        linear            1 - (1 - e) s
        exponential       e^s
        inverse-sigmoid   k / (k + exp(a s)),  k = 99, a such that it ends at e

    Args:
        fraction_done: ``s`` of the run that is done, 0 to 1.
        config: ``teacher_forcing`` and ``forcing_decay`` of it. The last two curves take an ``e`` under 0.01 for 0.01.

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
    return _INVERSE_SIGMOID_K / (
        _INVERSE_SIGMOID_K + math.exp(fraction_done * math.log(_INVERSE_SIGMOID_K * (1 - end) / end))
    )
