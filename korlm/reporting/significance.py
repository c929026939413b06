"""Uncertainty of bits per character: intervals over seeds and over lines, and paired tests.

>>> bits = np.array([[2.0, 4.0], [4.0, 6.0], [3.0, 5.0]])
>>> estimate_score(bits, np.array([1, 1]), np.array([4.0, 4.0])).value
4.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from korlm.reporting.statistics import (
    CONFIDENCE_LEVEL,
    bootstrap_sums,
    holm_correction,
    percentile_interval,
    student_t_interval,
    welch_interval,
)

_RESAMPLES_PER_BATCH = 500  # 16 MB of weights


@dataclass(frozen=True)
class ScoreEstimate:
    """Bits per character of a row: the mean over its seeds."""

    value: float  # bits per character
    seeds: tuple[float, float] | None  # 95 % interval over seeds (Student's t), or None with fewer than three
    lines: tuple[float, float] | None  # 95 % interval over lines (bootstrap of the seeds' mean)


@dataclass(frozen=True)
class PairedDifference:
    """Difference in bits per character of two rows on the same lines, first minus second."""

    first: int  # index of the first row
    second: int  # index of the second row
    difference: float  # negative where the first is better
    lines: tuple[float, float] | None  # 95 % interval over lines, from resamples shared by both
    p: float  # two-sided bootstrap p value
    adjusted: float  # p after Holm's correction over all tested pairs
    seeds: tuple[float, float] | None  # 95 % interval over seeds (Welch's t), or None where either has fewer than three

    @property
    def significant(self) -> bool:
        """Whether the difference is significant over lines: the adjusted p is below 0.05."""
        return self.adjusted < 1 - CONFIDENCE_LEVEL

    @property
    def significant_across_seeds(self) -> bool:
        """Whether the interval over seeds excludes 0 as well."""
        return self.significant and self.seeds is not None and not self.seeds[0] <= 0 <= self.seeds[1]


def bootstrap_scores(
    bits: Sequence[np.ndarray], characters: np.ndarray, *, resamples: int, seed: int = 0
) -> np.ndarray:
    """Return bits per character of each row in resamples of the lines, the same resamples for all rows.

    Args:
        bits: of each row, ``[seeds, lines]``.
        characters: ``[lines]``, line ends included.
        resamples: the number of draws, ``R``.
        seed: seed of the draws.

    Returns:
        ``[R, rows]``.
    """
    columns = [characters, *(row_bits.mean(axis=0) for row_bits in bits)]
    sums = np.concatenate([
        bootstrap_sums(columns, resamples=min(_RESAMPLES_PER_BATCH, resamples - first), seed=seed + first)
        for first in range(0, resamples, _RESAMPLES_PER_BATCH)
    ])  # fmt: skip
    return np.asarray(sums[:, 1:] / sums[:, :1])


def estimate_score(bits: np.ndarray, characters: np.ndarray, resampled: np.ndarray) -> ScoreEstimate:
    """Return a row's bits per character with intervals, from ``[seeds, lines]`` bits and its `bootstrap_scores`."""
    seed_scores = bits.sum(axis=1) / characters.sum()
    return ScoreEstimate(
        float(seed_scores.mean()), student_t_interval(seed_scores), percentile_interval(resampled, CONFIDENCE_LEVEL)
    )


def compare_pairs(
    bits: Sequence[np.ndarray], characters: np.ndarray, resampled: np.ndarray, pairs: Sequence[tuple[int, int]]
) -> list[PairedDifference]:
    """Test pairs of rows on the same lines (Koehn 2004), corrected for the number of pairs (Holm 1979).

    ``p`` is twice the smaller fraction of resamples on one side of 0. The observed sample counts as one of them, so that
    ``p`` is at least ``2 / (R + 1)``.

    Args:
        bits: of each row, ``[seeds, lines]``.
        characters: ``[lines]``.
        resampled: `bootstrap_scores` of the rows.
        pairs: indices of the rows to compare.
    """
    seed_scores = [row_bits.sum(axis=1) / characters.sum() for row_bits in bits]
    p_values, intervals = [], []
    for first, second in pairs:
        differences = resampled[:, first] - resampled[:, second]
        smaller = min((differences <= 0).sum(), (differences >= 0).sum())
        p_values.append(min(1.0, 2 * (float(smaller) + 1) / (len(differences) + 1)))
        intervals.append(percentile_interval(differences, CONFIDENCE_LEVEL))
    return [
        PairedDifference(
            first, second, float(seed_scores[first].mean() - seed_scores[second].mean()),
            lines, p, adjusted, welch_interval(seed_scores[first], seed_scores[second]),
        )
        for (first, second), lines, p, adjusted in zip(
            pairs, intervals, p_values, holm_correction(p_values), strict=True
        )
    ]  # fmt: skip
