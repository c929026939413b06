"""The learning rate in the course of a run, as a share of its peak.

>>> rate(0.0, TrainConfig()) < 0.05, rate(0.02, TrainConfig()), round(rate(1.0, TrainConfig()), 6)
(True, 1.0, 0.02)
"""

from __future__ import annotations

import math

from korlm.training.config import TrainConfig


def rate(share: float, config: TrainConfig) -> float:
    """Return the share of the peak learning rate.

    A linear warm-up, then a half cosine (Loshchilov and Hutter 2017), a straight line, or no change, down to
    ``config.final_rate``.

    Args:
        share: of the run that is done, 0 to 1.
        config: ``schedule``, ``warmup`` and ``final_rate`` of it.

    >>> [rate(share, TrainConfig(schedule="linear", warmup=0.0, final_rate=0.5)) for share in (0, 0.5, 1)]
    [1.0, 0.75, 0.5]
    """
    if share < config.warmup:
        return max(share / config.warmup, 1e-3)
    along = min(1.0, (share - config.warmup) / max(1e-9, 1 - config.warmup))
    falls = {"cosine": (1 + math.cos(math.pi * along)) / 2, "linear": 1 - along, "constant": 1.0}
    if config.schedule == "constant":
        return 1.0
    return config.final_rate + (1 - config.final_rate) * falls[config.schedule]
