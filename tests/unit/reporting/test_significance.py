"""Cost of a model, significance of differences, and baselines, each against an independent count or formula."""

from __future__ import annotations

import itertools
import lzma
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from torch.utils.flop_counter import FlopCounterMode

import korlm
from korlm.errors import InputError
from korlm.experiments.baselines import uniform_baseline, xz_baseline
from korlm.experiments.plan import count_parameters, fit_hidden_width, training_flops_per_token
from korlm.nn.config import CELLS, NetConfig
from korlm.nn.lm import RecurrentLM
from korlm.reporting.significance import (
    bootstrap_scores,
    compare_pairs,
    estimate_score,
)
from korlm.reporting.statistics import holm_correction, student_t_interval, welch_interval

SHAPES: list[dict[str, Any]] = [
    {}, {"layers": 3}, {"tied": False}, {"hidden": 12}, {"layer_norm": True}, {"layer_norm": True, "layers": 2},
    {"ngrams": 3, "buckets": 32, "ngram_width": 4}, {"ngrams": 2, "buckets": 5, "tied": False},
    {"softmax": "adaptive", "tied": False, "cutoffs": (20, 40)}, {"softmax": "adaptive", "tied": False},
]  # fmt: skip
LSTM_SHAPES: list[dict[str, Any]] = [
    {"projection": 5}, {"projection": 12, "layers": 2}, {"projection": 7, "tied": False}, {"projection": 6, "ngrams": 3},
]  # fmt: skip
ALL = [{"cell": cell, **shape} for cell in CELLS for shape in SHAPES] + [{"cell": "lstm", **s} for s in LSTM_SHAPES]


def build_model(shape: dict[str, Any], vocab_size: int = 100) -> RecurrentLM:
    return RecurrentLM(NetConfig(vocab_size, **{"embedding": 12, "hidden": 16, "buckets": 8, **shape}))


@pytest.mark.filterwarnings("ignore:TF32")
@pytest.mark.parametrize("shape", ALL, ids=str)
def test_parameters_and_flops_are_those_of_the_model(shape: dict[str, Any]) -> None:
    model = build_model(shape)
    counts = count_parameters(model.config)
    weights = {name: weight.numel() for name, weight in model.named_parameters()}
    assert counts.total == sum(weights.values())
    embedding_tables = weights["embedding.weight"] + weights.get("ngrams.table.weight", 0)
    assert counts.embedding == embedding_tables
    assert counts.recurrent == sum(size for name, size in weights.items() if name.startswith("layers."))
    ids = torch.randint(4, 100, (3, 7))
    # with a gradient into the initial state, every matrix is multiplied three times
    state = tuple(part.requires_grad_(part.is_floating_point()) for part in model.zero_state(3))
    with torch.backends.mkldnn.flags(enabled=False), FlopCounterMode(display=False) as counter:
        model.compute_logits(model.train()(ids, state)[0]).sum().backward()
    assert counter.get_total_flops() == 21 * training_flops_per_token(model.config)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_parameters_of_random_configs_are_those_of_the_model(data: st.DataObject) -> None:
    cell = data.draw(st.sampled_from(sorted(CELLS)))
    hidden, embedding = data.draw(st.integers(2, 20)), data.draw(st.integers(1, 20))
    shape = {
        "cell": cell, "hidden": hidden, "embedding": embedding, "layers": data.draw(st.integers(1, 3)),
        "tied": data.draw(st.booleans()), "ngrams": data.draw(st.sampled_from([0, 2, 4])), "buckets": 3,
        "layer_norm": data.draw(st.booleans()), "ngram_width": data.draw(st.integers(1, 5)),
    }  # fmt: skip
    if cell == "lstm" and not shape["layer_norm"]:
        shape["projection"] = data.draw(st.integers(0, hidden - 1))
    net = build_model(shape, data.draw(st.integers(1, 50)))
    assert count_parameters(net.config).total == sum(weight.numel() for weight in net.parameters())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_fitted_width_is_nearest_to_the_parameter_budget(data: st.DataObject) -> None:
    shape: dict[str, Any] = {
        "cell": data.draw(st.sampled_from(sorted(CELLS))), "embedding": data.draw(st.sampled_from([1, 7, 16, 32, 64])),
        "layers": data.draw(st.integers(1, 2)), "tied": data.draw(st.booleans()),
    }  # fmt: skip
    if shape["cell"] == "lstm":
        shape["projection"] = data.draw(st.sampled_from([0, 0, 3, 64]))
    elif not shape["tied"]:
        shape["softmax"] = data.draw(st.sampled_from(["full", "adaptive"]))
    least = 16 if shape.get("softmax") == "adaptive" else shape.get("projection", 0) + 1
    totals = {width: count_parameters(NetConfig(300, hidden=width, **shape)).total for width in range(least, 200)}
    budget = data.draw(st.integers(totals[least], totals[150]))
    width = fit_hidden_width(budget, 300, **shape)
    assert abs(totals[width] - budget) == min(abs(total - budget) for total in totals.values())


def test_fitted_width_is_right_around_the_width_of_a_tied_embedding() -> None:
    # it needs no projection, so that it has fewer parameters than the next narrower widths
    totals = {width: count_parameters(NetConfig(8000, cell="gru", hidden=width)).total for width in range(200, 300)}
    assert totals[256] < totals[250]
    assert fit_hidden_width(totals[250], 8000, cell="gru") == 250
    assert fit_hidden_width(totals[256], 8000, cell="gru") == 256


def test_vocabulary_larger_than_the_budget_raises() -> None:
    with pytest.raises(InputError) as caught:
        fit_hidden_width(1e6, 8000)
    assert "8,000개" in caught.value.ko and "1,000,000 of the budget" in caught.value.en


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


def test_uniform_baseline_is_n_log_v_over_the_characters() -> None:
    corpus = korlm.load_corpus("kolaw")
    baseline = uniform_baseline(corpus.train, corpus.test)
    alphabet = set("".join(corpus.train))
    text = "".join(line + "\n" for line in corpus.test)
    escapes = sum(character not in alphabet and character != "\n" for character in text)
    bits = len(text) * math.log2(len(alphabet) + 2) + 21 * escapes
    assert baseline["bits_per_character"] == pytest.approx(bits / len(text))
    assert baseline["unseen"] == escapes > 0


@pytest.mark.parametrize("prime", [10**9, 3000, 1])
def test_xz_baseline_is_the_size_that_lzma_gives(prime: int) -> None:
    corpus = korlm.load_corpus("kolaw")
    prime_text = b""
    for line in reversed(corpus.train):
        if len(prime_text) + len((line + "\n").encode()) > prime:
            break
        prime_text = (line + "\n").encode() + prime_text
    text = "\n".join([*corpus.test, ""])

    def size(data: bytes) -> int:
        return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME, check=lzma.CHECK_NONE))

    baseline = xz_baseline(corpus.train, corpus.test, max_prime_bytes=prime)
    assert baseline["prime"] == len(prime_text)
    # the header holds the size of the dictionary, which may change a few bytes
    assert baseline["bits_per_character"] * len(text) / 8 == pytest.approx(
        size(prime_text + text.encode()) - size(prime_text), abs=16
    )
