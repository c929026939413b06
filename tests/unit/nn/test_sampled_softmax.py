"""The sampled softmax against the full one: equal if all entries are sampled, unbiased otherwise."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import korlm
from korlm.errors import InputError
from korlm.nn.losses import chunked_cross_entropy, inclusion_probabilities, sampled_cross_entropy

LINES = [
    f"{first} {second} 영화였어요" for first in "가나다라마바사아자차" for second in ("좋은", "나쁜", "긴", "짧은")
]
SMALL = {"tokenizer": "syllable", "embedding": 8, "hidden": 16, "batch": 4, "bptt": 8, "valid_lines": 5}


def some(*size: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sampling_every_entry_matches_full_softmax(reduction: str) -> None:
    targets = torch.tensor([3, -100, 8, 3, 0])
    found = []
    for chances in (None, torch.ones(9)):
        parts = [some(5, 4).requires_grad_(), some(9, 4, seed=2).requires_grad_(), some(9, seed=3).requires_grad_()]
        if chances is None:
            loss = chunked_cross_entropy(*parts, targets, reduction=reduction)
        else:
            loss = sampled_cross_entropy(*parts, targets, chances, reduction=reduction)
        loss.backward()
        found.append([loss.detach(), *(part.grad for part in parts)])
    torch.testing.assert_close(found[0], found[1])


def test_estimated_partition_function_is_unbiased() -> None:
    hidden, weight, bias, target = some(1, 4), some(200, 4, seed=2), some(200, seed=3), torch.tensor([7])
    chances = torch.linspace(0.05, 1.0, 200)
    scores = (hidden @ weight.t() + bias)[0].double()
    torch.manual_seed(5)
    with torch.no_grad():
        drawn = [sampled_cross_entropy(hidden, weight, bias, target, chances).item() for _ in range(2000)]
    sums = torch.tensor(drawn, dtype=torch.float64).exp() * scores[7].exp()  # Z' = exp(loss + score of the target)
    error = sums.std() / math.sqrt(len(sums))
    assert abs(sums.mean() - scores.exp().sum()) < 4 * error
    assert error < 0.01 * sums.mean()  # the check above is sharp enough to mean something


def test_only_sampled_entries_and_targets_get_gradients() -> None:
    weight, bias = some(50, 4).requires_grad_(), some(50, seed=2).requires_grad_()
    chances = torch.full((50,), 1e-6)
    torch.manual_seed(1)
    sampled_cross_entropy(some(2, 4, seed=3), weight, bias, torch.tensor([4, 9]), chances).backward()
    assert bias.grad.nonzero().flatten().tolist() == [4, 9]
    assert weight.grad.abs().sum(1).nonzero().flatten().tolist() == [4, 9]


@settings(deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60), st.integers(1, 80))
def test_inclusion_probabilities_sum_up_and_rise_with_frequency(counts: list[int], size: int) -> None:
    chances = inclusion_probabilities(torch.tensor(counts), size)
    assert chances.sum().item() == pytest.approx(min(size, len(counts)), rel=1e-3)
    assert chances.min() > 0 and chances.max() <= 1
    order = torch.tensor(counts).sort().indices
    assert (chances[order].diff() >= 0).all()


def test_run_with_sampled_softmax_learns_and_resumes_identically(tmp_path: Path) -> None:
    options = {**SMALL, "sampled": 12, "learning_rate": 0.02}
    whole = korlm.train_model(LINES, folder=tmp_path / "whole", epochs=8, **options)
    bits = [check["valid_bpc"] for check in whole.info["history"]]
    assert bits[-1] < bits[0] - 0.5
    calls = 0

    def interrupt(report: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        korlm.train_model(LINES, folder=tmp_path / "parts", epochs=8, report=interrupt, **options)
    again = korlm.train_model(LINES, folder=tmp_path / "parts", epochs=8, resume=True, **options)
    for name, weight in whole.net.weight_dict().items():
        assert torch.equal(weight, again.net.weight_dict()[name]), name


def test_sampled_and_adaptive_softmax_together_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="full"):
        korlm.train_model(LINES, folder=tmp_path / "run", sampled=9, softmax="adaptive", tied=False, **SMALL)
