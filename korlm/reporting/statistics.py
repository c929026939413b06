"""Confidence intervals and corrections: bootstrap, Student's t, Welch's t, Holm.

>>> bootstrap_sums([np.array([1, 1, 1]), np.array([2, 2, 2])], resamples=4, seed=0).tolist()
[[3.0, 6.0], [3.0, 6.0], [3.0, 6.0], [3.0, 6.0]]

Efron (1979), "Bootstrap Methods: Another Look at the Jackknife"; over sentences, Koehn (2004), "Statistical
Significance Tests for Machine Translation Evaluation".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np

from korlm.errors import MissingDependencyError

CONFIDENCE_LEVEL = 0.95
MIN_SEEDS = 3  # runs that an interval over seeds needs
_BLOCK_LINES = 4_096  # lines drawn at once: 32 MB of weights for 1,000 resamples


class MetricEstimate(NamedTuple):
    """A figure with its confidence interval."""

    # the figure over all lines; None where it is undefined (such as the precision of no boundaries)
    value: float | None
    low: float | None = None  # lower end of the interval, or None where there is no interval
    high: float | None = None  # its upper end

    @property
    def margin(self) -> float | None:
        """Half the width of the interval, printed after ±."""
        return (self.high - self.low) / 2 if self.low is not None and self.high is not None else None


def bootstrap_sums(columns: Sequence[np.ndarray], *, resamples: int, seed: int) -> np.ndarray:
    """Return the column sums of resamples: lines drawn with replacement, as many as there are.

    All columns share the draws, so that differences between columns are paired. The draw is made block by block (first
    the number of lines from each block, then the lines): the same distribution in bounded memory.

    Args:
        columns: the values of each line, each ``[lines]``.
        resamples: the number of draws, ``R``.
        seed: seed of the draws.

    Returns:
        The sums, ``[R, columns]``.
    """
    random = np.random.default_rng(seed)
    lines = len(columns[0])
    starts = range(0, lines, _BLOCK_LINES)
    sizes = np.array([min(_BLOCK_LINES, lines - start) for start in starts])
    block_draws = random.multinomial(lines, sizes / lines, size=resamples)
    sums = np.zeros((resamples, len(columns)))
    for index, start in enumerate(starts):
        size = sizes[index]
        weights = np.stack([np.bincount(random.integers(0, size, n), minlength=size) for n in block_draws[:, index]])
        block = np.stack([column[start : start + size] for column in columns], axis=1)
        sums += weights.astype(np.float64) @ block.astype(np.float64)
    return sums


def bootstrap_indices(num_items: int, *, resamples: int, seed: int) -> np.ndarray:
    """Return the items of each resample, ``[R, items]``, for statistics that are no ratio of sums."""
    return np.random.default_rng(seed).integers(num_items, size=(resamples, num_items))


def bootstrap_mean(values: np.ndarray, indices: np.ndarray) -> MetricEstimate:
    """Return the mean of values, ``[items]``, and its 95 % percentile interval over resamples, ``[R, items]``."""
    interval = percentile_interval(values[indices].mean(1), CONFIDENCE_LEVEL)
    return MetricEstimate(float(values.mean()), *(interval or (None, None)))


def bootstrap_statistic(statistic: Callable[[np.ndarray], float], indices: np.ndarray) -> MetricEstimate:
    """Return a statistic of all items and a 95 % interval centered on it; ``indices`` of resamples, ``[R, items]``.

    Only the width of the resamples' distribution is used: repeated items bias a count of distinct ones.
    """
    value = statistic(np.arange(indices.shape[1]))
    resampled = np.array([statistic(row) for row in indices])
    low, high = percentile_interval(resampled - resampled.mean(), CONFIDENCE_LEVEL) or (0.0, 0.0)
    return MetricEstimate(value, value + low, value + high)


def percentile_interval(values: np.ndarray, confidence: float) -> tuple[float, float] | None:
    """Return the percentile interval of resampled values, or None where one of them is undefined.

    >>> percentile_interval(np.arange(101.0), 0.5)
    (25.0, 75.0)
    """
    if not len(values) or not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def require_scipy() -> None:
    """Raise a `MissingDependencyError` where SciPy is not installed."""
    if find_spec("scipy") is None:
        raise MissingDependencyError(
            '시드에 따른 신뢰 구간을 구하려면 SciPy가 있어야 합니다. 다음 명령으로 설치하세요: pip install "korlm[stats]"',
            'Intervals over seeds take SciPy. Install it with: pip install "korlm[stats]"',
        )


def student_t_interval(values: np.ndarray) -> tuple[float, float] | None:
    """Return Student's 95 % interval of a mean, or None for fewer than three values.

    Raises:
        MissingDependencyError: SciPy is not installed.

    >>> [round(end, 3) for end in student_t_interval(np.array([1.0, 2.0, 3.0]))]
    [-0.484, 4.484]
    """
    if len(values) < MIN_SEEDS:
        return None
    require_scipy()
    from scipy import stats  # takes seconds

    margin = stats.t.ppf((1 + CONFIDENCE_LEVEL) / 2, len(values) - 1) * stats.sem(values)
    return float(values.mean() - margin), float(values.mean() + margin)


def welch_interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float] | None:
    """Return Welch's 95 % interval of a difference of means, or None where either has fewer than three values.

    Raises:
        MissingDependencyError: SciPy is not installed.

    >>> [round(end, 3) for end in welch_interval(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))]
    [-2.267, 2.267]
    """
    if min(len(first), len(second)) < MIN_SEEDS:
        return None
    if first.var() == second.var() == 0:  # the test is undefined
        difference = float(first.mean() - second.mean())
        return difference, difference
    require_scipy()
    from scipy import stats  # takes seconds

    low, high = stats.ttest_ind(first, second, equal_var=False).confidence_interval(CONFIDENCE_LEVEL)
    return float(low), float(high)


def holm_correction(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for multiple testing, step by step from the smallest (Holm 1979).

    >>> [round(p, 3) for p in holm_correction([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected
