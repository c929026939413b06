"""Intervals and significance of differences, each against an independent formula or simulation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import t

from korlm.reporting.significance import bootstrap_scores, compare_pairs, estimate_score
from korlm.reporting.statistics import holm_correction, student_t_interval, welch_interval


def test_student_interval_uses_the_quantiles_of_the_tables() -> None:
    tables = {2: 4.30265, 3: 3.18245, 4: 2.77645, 9: 2.26216, 30: 2.04227, 120: 1.97993}
    for degrees_of_freedom, quantile in tables.items():
        values = np.arange(degrees_of_freedom + 1.0)
        low, high = student_t_interval(values) or (0, 0)
        standard_error = values.std(ddof=1) / math.sqrt(len(values))
        assert (high - low) / 2 == pytest.approx(quantile * standard_error, rel=2e-5)


def test_intervals_over_seeds_by_hand() -> None:
    low, high = student_t_interval(np.array([3.0, 3.1, 3.5])) or (0, 0)
    half = 4.30265 * math.sqrt(0.07) / math.sqrt(3)  # the variance of 3.0, 3.1, 3.5 is 0.07
    assert (low, high) == (pytest.approx(3.2 - half, abs=1e-4), pytest.approx(3.2 + half, abs=1e-4))
    assert student_t_interval(np.array([1.0, 2.0])) is None
    assert student_t_interval(np.array([2.0, 2.0, 2.0])) == (2.0, 2.0)
    # Welch by hand: variances 1 and 4 over 3 and 4 values
    first, second = np.array([1.0, 2.0, 3.0]), np.array([1.0, 5.0, 5.0, 5.0])
    degrees_of_freedom = (1 / 3 + 1) ** 2 / ((1 / 3) ** 2 / 2 + 1 / 3)
    half = t.ppf(0.975, degrees_of_freedom) * math.sqrt(4 / 3)
    assert welch_interval(first, second) == (pytest.approx(-2 - half), pytest.approx(-2 + half))
    assert welch_interval(first[:2], second) is None


def test_holm_correction_by_hand() -> None:
    # 0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 x 1 raised to the previous one
    assert holm_correction([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_correction([]) == [] and holm_correction([0.9, 0.8]) == [1.0, 1.0]


def simulate_lines(random: np.random.Generator, lines: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the characters of lines and their bits under a model of ``rate`` bits per character, with noise."""
    characters = random.integers(5, 60, lines)
    return characters, characters * (rate + random.normal(0, 0.6, lines))


def test_bootstrap_interval_has_95_percent_coverage() -> None:
    random, covered = np.random.default_rng(3), 0
    for trial in range(250):
        characters, bits = simulate_lines(random, 150, 3.5)
        estimate = estimate_score(
            bits[None], characters, bootstrap_scores([bits[None]], characters, resamples=200, seed=trial)[:, 0]
        )
        low, high = estimate.lines or (0, 0)
        covered += low <= 3.5 <= high
    assert 0.91 <= covered / 250 <= 0.98


def test_paired_test_has_a_5_percent_error_rate_and_power() -> None:
    random, num_significant = np.random.default_rng(5), {0.0: 0, 0.25: 0}
    for trial, gap in itertools.chain(enumerate([0.0] * 250), enumerate([0.25] * 50)):
        characters, one = simulate_lines(random, 150, 3.5)
        rows = [one[None], (one + characters * random.normal(gap, 0.5, 150))[None]]
        (pair,) = compare_pairs(
            rows, characters, bootstrap_scores(rows, characters, resamples=200, seed=trial), [(0, 1)]
        )
        num_significant[gap] += pair.significant
    assert 0.02 <= num_significant[0.0] / 250 <= 0.09
    assert num_significant[0.25] >= 48


def test_paired_test_agrees_with_the_exact_bootstrap() -> None:
    characters = np.array([4, 9, 2, 7, 5, 11])
    one = np.array([[10.0, 31, 9, 20, 18, 40], [11.0, 30, 8, 22, 17, 41]])
    other = np.array([[12.0, 32, 9, 21, 16, 43]])
    draws = np.array(list(itertools.product(range(6), repeat=6)))
    exact = (one.mean(0) - other[0])[draws].sum(1) / characters[draws].sum(1)
    drawn = bootstrap_scores([one, other], characters, resamples=20_000)
    (pair,) = compare_pairs([one, other], characters, drawn, [(0, 1)])
    assert pair.difference == pytest.approx((one.sum() / 2 - other.sum()) / characters.sum())
    assert pair.p == pytest.approx(2 * min((exact <= 0).mean(), (exact >= 0).mean()), abs=0.01)
    assert pair.lines == pytest.approx(tuple(np.quantile(exact, [0.025, 0.975])), abs=0.01)
    again = bootstrap_scores([one, other], characters, resamples=20_000)
    assert np.array_equal(drawn, again), "the same draws every time"


def test_model_compared_with_itself_has_no_difference() -> None:
    characters, bits = simulate_lines(np.random.default_rng(1), 40, 3.0)
    rows = [bits[None], bits[None]]
    (pair,) = compare_pairs(rows, characters, bootstrap_scores(rows, characters, resamples=200), [(0, 1)])
    assert (pair.difference, pair.p, pair.lines, pair.significant) == (0, 1, (0, 0), False)
