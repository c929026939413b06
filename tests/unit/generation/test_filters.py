"""Sampling filters against reference implementations, penalties against their definitions."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from korlm.generation.config import GenerationConfig
from korlm.generation.filters import MAX_DRAWS, filter_probabilities, sample
from korlm.generation.penalties import apply_repetition_penalty, block_repeated_ngrams
from korlm.tokenizers.base import EOS_ID


def probabilities(seed: int, rows: int = 1, size: int = 40) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2.5 * torch.randn(rows, size, generator=generator)).softmax(-1)


def plainly_kept(weights: list[float], config: GenerationConfig) -> list[float]:
    """The filters as their papers have them, one after the other over sorted lists."""

    def kept(chosen: set[int]) -> list[float]:
        total = sum(weights[index] for index in chosen)
        return [weight / total if index in chosen else 0.0 for index, weight in enumerate(weights)]

    def until(order: list[int], mass: float) -> set[int]:
        chosen, sum_ = set(), 0.0
        for index in order:
            if sum_ >= mass:
                break
            chosen.add(index)
            sum_ += weights[index]
        return chosen

    def falling() -> list[int]:
        return sorted(range(len(weights)), key=lambda index: -weights[index])

    if config.top_k:
        weights = kept(set(falling()[: config.top_k]))
    if config.top_p < 1:
        weights = kept(until(falling(), config.top_p))
    weights = kept({index for index, weight in enumerate(weights) if weight >= config.min_p * max(weights)})
    if config.typical_p < 1:
        alive = [index for index, weight in enumerate(weights) if weight > 0]
        entropy = -sum(weights[index] * math.log(weights[index]) for index in alive)
        order = sorted(alive, key=lambda index: abs(-math.log(weights[index]) - entropy))
        weights = kept(until(order, config.typical_p))
    return weights


filters = st.builds(
    GenerationConfig,
    top_k=st.sampled_from([0, 1, 3, 20, 400]),
    top_p=st.sampled_from([0.02, 0.3, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5]),
    typical_p=st.sampled_from([0.2, 0.7, 1.0]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), filters, st.sampled_from([1, 2, 40, 700]))
def test_filters_follow_the_papers(seed: int, config: GenerationConfig, size: int) -> None:
    given_ = probabilities(seed, 2, size).double()
    for row, kept in zip(given_, filter_probabilities(given_, config), strict=True):
        expected = plainly_kept(row.tolist(), config)
        assert kept.tolist() == pytest.approx(expected, abs=2e-4)
        assert float(kept.sum()) == pytest.approx(1, abs=1e-4)
        assert float(kept[row.argmax()]) > 0 or config.typical_p < 1, "the likeliest is kept, but by typical"


@pytest.mark.parametrize(
    "options",
    [
        {"top_p": 1.0}, {"top_p": 0.95}, {"top_p": 0.4}, {"top_p": 0.9, "min_p": 0.1}, {"top_p": 1.0, "min_p": 0.3},
        {"top_k": 5, "top_p": 0.8}, {"typical_p": 0.5, "top_p": 1.0}, {"top_k": 8, "typical_p": 0.6, "min_p": 0.02},
    ],
)  # fmt: skip
def test_samples_follow_the_filtered_distribution(options: dict[str, float]) -> None:
    config = GenerationConfig(**options)  # type: ignore[arg-type]
    one, count = probabilities(3), 20_000
    uniforms = torch.rand(MAX_DRAWS + 1, count, generator=torch.Generator().manual_seed(1))
    drawn, chances = sample(one.expand(count, -1), config, uniforms)
    kept = filter_probabilities(one, config)[0]
    shares = torch.bincount(drawn, minlength=len(kept)) / count
    assert bool((shares[kept == 0] == 0).all()), "nothing that is not kept"
    assert float((shares - kept).abs().max()) < 0.012, "three standard deviations and a little"
    assert min(chances) > 0


def test_samples_depend_on_their_own_row_only() -> None:
    config = GenerationConfig(top_p=0.7, min_p=0.01)
    given_, uniforms = probabilities(5, 64), torch.rand(MAX_DRAWS + 1, 64, generator=torch.Generator().manual_seed(2))
    together = sample(given_, config, uniforms)[0].tolist()
    alone = [int(sample(given_[i : i + 1], config, uniforms[:, i : i + 1])[0]) for i in range(64)]
    assert together == alone


def test_repetition_penalty_follows_ctrl() -> None:
    logits = torch.randn(3, 30, generator=torch.Generator().manual_seed(4))
    history = torch.tensor([[2, 2, 5], [2, 7, 7], [2, 9, 12]])
    expected = logits.clone()
    for row, ids in enumerate(history.tolist()):
        for number in set(ids) - {EOS_ID}:
            expected[row, number] = logits[row, number] * (1.3 if logits[row, number] < 0 else 1 / 1.3)
    apply_repetition_penalty(logits, history, 1.3)
    assert torch.allclose(logits, expected)


@given(st.lists(st.integers(3, 6), max_size=14), st.integers(1, 4))
def test_only_tokens_that_repeat_an_ngram_are_blocked(ids: list[int], n: int) -> None:
    context = [EOS_ID, *ids]
    logits = torch.zeros(1, 8)
    block_repeated_ngrams(logits, torch.tensor([context]), n)
    seen = {tuple(context[i : i + n]) for i in range(len(context) - n + 1)}
    for number in range(3, 8):
        repeats = tuple([*context, number][-n:]) in seen
        assert (float(logits[0, number]) == -torch.inf) == (repeats and len(context) >= n - 1)
