"""What is certain about bits per character: intervals over seeds and over lines, and paired tests.

>>> round(t_quantile(2), 3), round(t_quantile(9), 3)
(4.303, 2.262)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from korlm.reporting.statistics import bootstrap_sums, percentile_interval

CONFIDENCE_LEVEL = 0.95
_DRAWS_PER_BATCH = 500  # draws: 16 MB of weights


@dataclass(frozen=True)
class ScoreEstimate:
    """Bits per character of a row: the mean over its seeds.

    Attributes:
        value: bits per character.
        seeds: its 95 % interval over seeds (Student's t), or None with fewer than three.
        lines: its 95 % interval over lines (bootstrap of the seeds' mean).
    """

    value: float
    seeds: tuple[float, float] | None
    lines: tuple[float, float] | None


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two rows' bits per character on the same lines, first less second.

    Attributes:
        first: index of a row.
        second: index of another.
        difference: below 0 the first is better.
        lines: its 95 % interval over lines, from the same draws for both.
        p: two-sided, by the bootstrap.
        adjusted: p after Holm's correction over all pairs that were tested.
        seeds: its 95 % interval over seeds (Welch's t), where both have three or more.
    """

    first: int
    second: int
    difference: float
    lines: tuple[float, float] | None
    p: float
    adjusted: float
    seeds: tuple[float, float] | None

    @property
    def significant(self) -> bool:
        """Whether the lines tell the two apart: the adjusted p is under 0.05."""
        return self.adjusted < 1 - CONFIDENCE_LEVEL

    @property
    def significant_across_seeds(self) -> bool:
        """Whether the interval over seeds leaves 0 out as well."""
        return self.significant and self.seeds is not None and not self.seeds[0] <= 0 <= self.seeds[1]


def bootstrap_scores(
    bits: Sequence[np.ndarray], characters: np.ndarray, *, resamples: int, seed: int = 0
) -> np.ndarray:
    """Return bits per character of each row under resampled lines, the same draws for all rows.

    Args:
        bits: of each row ``[seeds, lines]``.
        characters: ``[lines]``, line ends included.
        resamples: ``R``.
        seed: of the draws.

    Returns:
        ``[R, rows]``.
    """
    columns = [characters, *(of_row.mean(axis=0) for of_row in bits)]
    parts = []
    for first in range(0, resamples, _DRAWS_PER_BATCH):
        drawn = min(_DRAWS_PER_BATCH, resamples - first)
        parts.append(bootstrap_sums(columns, resamples=drawn, seed=seed + first))
    sums = np.concatenate(parts)
    return np.asarray(sums[:, 1:] / sums[:, :1])


def estimate_score(bits: np.ndarray, characters: np.ndarray, resampled: np.ndarray) -> ScoreEstimate:
    """Return what is known of a row.

    Args:
        bits: ``[seeds, lines]``.
        characters: ``[lines]``.
        resampled: its column of `bootstrap_scores`.

    >>> estimate_score(np.array([[2.0, 4.0], [4.0, 6.0], [3.0, 5.0]]), np.array([1, 1]), np.array([4.0, 4.0])).value
    4.0
    """
    each = bits.sum(axis=1) / characters.sum()
    return ScoreEstimate(float(each.mean()), student_t_interval(each), percentile_interval(resampled, CONFIDENCE_LEVEL))


def student_t_interval(values: np.ndarray) -> tuple[float, float] | None:
    """Return Student's 95 % interval of a mean, or None for fewer than three values.

    >>> [round(end, 3) for end in student_t_interval(np.array([1.0, 2.0, 3.0]))]
    [-0.484, 4.484]
    """
    if len(values) < 3:
        return None
    half = t_quantile(len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def compare_pairs(
    bits: Sequence[np.ndarray], characters: np.ndarray, resampled: np.ndarray, pairs: Sequence[tuple[int, int]]
) -> list[PairedDifference]:
    """Test differences of rows, in pairs over lines (Koehn 2004), and correct for their number (Holm 1979).

    ``p`` is twice the smaller share of draws on one side of 0, the observed one counted in, so it is never under
    ``2 / (R + 1)``.

    Args:
        bits: of each row ``[seeds, lines]``.
        characters: ``[lines]``.
        resampled: of `bootstrap_scores`.
        pairs: indices of the rows.
    """
    each = [of_row.sum(axis=1) / characters.sum() for of_row in bits]
    raw = []
    for first, second in pairs:
        differences = resampled[:, first] - resampled[:, second]
        smaller = min((differences <= 0).sum(), (differences >= 0).sum())
        raw.append(
            (
                min(1.0, 2 * (float(smaller) + 1) / (len(differences) + 1)),
                percentile_interval(differences, CONFIDENCE_LEVEL),
            )
        )
    adjusted = holm_correction([p for p, _ in raw])
    return [
        PairedDifference(
            first, second, float(each[first].mean() - each[second].mean()),
            lines, p, corrected, welch_interval(each[first], each[second]),
        )
        for (first, second), (p, lines), corrected in zip(pairs, raw, adjusted, strict=True)
    ]  # fmt: skip


def holm_correction(p_values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number, step by step from the smallest.

    >>> [round(p, 3) for p in holm_correction([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def welch_interval(first: np.ndarray, second: np.ndarray) -> tuple[float, float] | None:
    """Return Welch's 95 % interval of a difference of means, or None where either has fewer than three values.

    >>> [round(end, 3) for end in welch_interval(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]))]
    [-2.267, 2.267]
    """
    if min(len(first), len(second)) < 3:
        return None
    shares = [values.var(ddof=1) / len(values) for values in (first, second)]
    difference = float(first.mean() - second.mean())
    if not sum(shares):
        return difference, difference
    freedom = sum(shares) ** 2 / sum(
        share**2 / (len(values) - 1) for share, values in zip(shares, (first, second), strict=True)
    )
    half = t_quantile(freedom) * math.sqrt(sum(shares))
    return float(difference - half), float(difference + half)


def t_quantile(degrees_of_freedom: float, probability: float = (1 + CONFIDENCE_LEVEL) / 2) -> float:
    """Return the quantile of Student's t distribution, by adding its density up over the angle.

    With ``t = sqrt(n) tan a`` the density is ``cos(a)^(n - 1)`` up to its norm, on -pi/2 to pi/2.
    """
    angles = np.linspace(0, math.pi / 2, 20_001)
    density = np.cos(angles) ** (degrees_of_freedom - 1) if degrees_of_freedom != 1 else np.ones_like(angles)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    angle = float(np.interp(2 * probability - 1, below / below[-1], angles))
    return math.sqrt(degrees_of_freedom) * math.tan(angle)
