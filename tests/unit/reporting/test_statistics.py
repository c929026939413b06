"""Intervals for reports, and the SciPy that intervals over seeds need."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from korlm.errors import MissingDependencyError
from korlm.reporting.statistics import (
    bootstrap_indices,
    bootstrap_mean,
    bootstrap_statistic,
    student_t_interval,
    welch_interval,
)


def test_bootstrap_mean_is_the_percentile_interval_of_resampled_means() -> None:
    values = np.random.default_rng(1).normal(size=40)
    indices = bootstrap_indices(40, resamples=300, seed=2)
    estimate = bootstrap_mean(values, indices)
    low, high = np.quantile(values[indices].mean(1), (0.025, 0.975))
    assert estimate == pytest.approx((values.mean(), low, high))
    assert np.array_equal(indices, bootstrap_indices(40, resamples=300, seed=2))


def test_bootstrap_statistic_centers_the_interval_on_the_value() -> None:
    words = np.arange(30) % 20  # resamples have fewer distinct words

    def count_distinct(indices: np.ndarray) -> float:
        return len(set(words[indices]))

    value, low, high = bootstrap_statistic(count_distinct, bootstrap_indices(30, resamples=200, seed=0))
    assert low is not None and high is not None and low < value == 20 < high


def test_constant_values_have_intervals_of_zero_width() -> None:
    constant = np.full(4, 2.5)
    assert student_t_interval(constant) == (2.5, 2.5)
    assert welch_interval(constant, constant + 1) == (-1, -1)


def test_missing_scipy_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    for interval in (
        lambda: student_t_interval(np.arange(3.0)),
        lambda: welch_interval(np.arange(3.0), np.arange(4.0)),
    ):
        with pytest.raises(MissingDependencyError, match=r"korlm\[stats\]"):
            interval()
