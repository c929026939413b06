"""The bootstrap over sentences: sums of whole columns under resampling, the same resample for every column.

>>> import numpy as np
>>> bootstrap_sums([np.array([1, 1, 1]), np.array([2, 2, 2])], resamples=4, seed=0).tolist()
[[3.0, 6.0], [3.0, 6.0], [3.0, 6.0], [3.0, 6.0]]

Efron (1979), "Bootstrap Methods: Another Look at the Jackknife"; over sentences, Koehn (2004), "Statistical
Significance Tests for Machine Translation Evaluation".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_BLOCK_LINES = 4_096  # lines drawn at once: 32 MB of weights for 1,000 resamples


class MetricEstimate(NamedTuple):
    """A figure with its confidence interval.

    Attributes:
        value: the figure over all lines; None where it is undefined (such as the precision of no boundaries).
        low: lower end of the interval, or None where there is no interval.
        high: its upper end.
    """

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def margin(self) -> float | None:
        """Half the width of the interval, printed after ±."""
        return (self.high - self.low) / 2 if self.low is not None and self.high is not None else None


def bootstrap_sums(columns: Sequence[np.ndarray], *, resamples: int, seed: int) -> np.ndarray:
    """Return the sums of columns over lines drawn with replacement, as many as there are.

    All columns share a draw, so that differences between them are paired. Lines are drawn block by block (how many
    fall in each block first, which ones then), which is the same distribution and bounds the memory.

    Args:
        columns: what is added up, each ``[lines]``.
        resamples: how many draws, ``R``.
        seed: the same seed, the same draws.

    Returns:
        ``[R, columns]`` sums.
    """
    random = np.random.default_rng(seed)
    lines = len(columns[0])
    starts = range(0, lines, _BLOCK_LINES)
    sizes = np.array([min(_BLOCK_LINES, lines - start) for start in starts])
    drawn = random.multinomial(lines, sizes / lines, size=resamples)
    sums = np.zeros((resamples, len(columns)))
    for index, start in enumerate(starts):
        size = sizes[index]
        weights = np.stack([np.bincount(random.integers(0, size, n), minlength=size) for n in drawn[:, index]])
        block = np.stack([column[start : start + size] for column in columns], axis=1)
        sums += weights.astype(np.float64) @ block.astype(np.float64)
    return sums


def percentile_interval(values: np.ndarray, confidence: float) -> tuple[float, float] | None:
    """Return the percentile interval of resampled values, or None where one of them is undefined.

    >>> import numpy as np
    >>> percentile_interval(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    if not len(values) or not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
