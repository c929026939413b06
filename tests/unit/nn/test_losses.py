"""Losses (chunked, adaptive, activation penalty) and scores of the language model."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy_models import Make, seeded, some_ids, stirred
from torch import Tensor
from torch.nn import functional as F

from korlm.errors import CorpusError, InputError
from korlm.experiments.execute import peak_memory_bytes
from korlm.models.language_model import LanguageModel
from korlm.models.scoring import token_nlls
from korlm.nn.lm import NetConfig, RecurrentLM
from korlm.nn.losses import LMOutput, activation_penalty, chunked_cross_entropy
from korlm.tokenizers.base import EOS_ID
from korlm.tokenizers.segmented import byte_tokenizer


def test_activation_penalty_matches_formula(small_net: Make) -> None:
    torch.manual_seed(1)
    features = small_net(dropout=0.5).train().forward_with_activations(some_ids(2, 5))
    raw, dropped = features.raw_outputs.tolist(), features.dropped_outputs.tolist()
    ar = np.mean([value**2 for row in dropped for step in row for value in step])
    jumps = [(b - a) ** 2 for row in raw for one, two in itertools.pairwise(row) for a, b in zip(one, two, strict=True)]
    expected = 2.0 * ar + 3.0 * np.mean(jumps)
    assert activation_penalty(features, 2.0, 3.0).item() == pytest.approx(expected, rel=1e-5)
    assert activation_penalty(features, 2.0, 0.0).item() == pytest.approx(2 * ar, rel=1e-5)
    assert activation_penalty(features, 0.0, 0.0).item() == 0
    single = LMOutput(features.hidden[:, :1], (), features.raw_outputs[:, :1], features.dropped_outputs[:, :1])
    assert activation_penalty(single, 0.0, 3.0).item() == 0  # not the mean of nothing


def plain_loss(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, **options: Any) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight, bias), targets, **options)


@given(
    rows=st.integers(1, 40),
    size=st.integers(2, 50),
    chunk=st.none() | st.integers(1, 45),
    biased=st.booleans(),
    reduction=st.sampled_from(["mean", "sum"]),
    ignored=st.sampled_from([-100, 0, 1]),
    seed=st.integers(0, 999),
)
@settings(max_examples=60, deadline=None)
def test_chunked_cross_entropy_matches_torch_with_gradients(
    rows: int, size: int, chunk: int | None, biased: bool, reduction: str, ignored: int, seed: int
) -> None:
    dice = seeded(seed)
    hidden, weight = torch.randn(rows, 7, generator=dice), torch.randn(size, 7, generator=dice)
    bias = torch.randn(size, generator=dice) if biased else None
    targets = torch.randint(0, size, (rows,), generator=dice)
    targets[torch.rand(rows, generator=dice) < 0.3] = ignored
    targets[0] = size - 1 if ignored != size - 1 else 0
    inputs = [part for part in (hidden, weight, bias) if part is not None]
    found = []
    for loss in (chunked_cross_entropy, plain_loss):
        own = [part.clone().requires_grad_() for part in inputs]
        options = {"chunk": chunk} if loss is chunked_cross_entropy else {}
        full = [*own, *[None] * (3 - len(own))]
        value = loss(*full, targets, reduction=reduction, ignore_index=ignored, **options)
        (value * 3).backward()
        found.append([value.detach(), *(part.grad for part in own)])
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)
    none = chunked_cross_entropy(hidden, weight, bias, targets, chunk=chunk, reduction="none", ignore_index=ignored)
    torch.testing.assert_close(
        none, plain_loss(hidden, weight, bias, targets, reduction="none", ignore_index=ignored), rtol=1e-4, atol=1e-5
    )
    with torch.no_grad():
        quiet = chunked_cross_entropy(
            hidden, weight, bias, targets, chunk=chunk, reduction=reduction, ignore_index=ignored
        )
    torch.testing.assert_close(quiet, found[1][0], rtol=1e-4, atol=1e-5)


def test_chunked_cross_entropy_passes_gradcheck() -> None:
    hidden = torch.randn(7, 3, dtype=torch.float64, generator=seeded(), requires_grad=True)
    weight = torch.randn(5, 3, dtype=torch.float64, generator=seeded(3), requires_grad=True)
    bias = torch.randn(5, dtype=torch.float64, generator=seeded(4), requires_grad=True)
    targets = torch.tensor([0, 4, -100, 2, 2, 1, -100])
    for reduction in ("mean", "sum"):
        loss = partial(chunked_cross_entropy, targets=targets, chunk=3, reduction=reduction)
        assert torch.autograd.gradcheck(lambda *parts, loss=loss: loss(*parts), (hidden, weight, bias))
        assert torch.autograd.gradcheck(lambda part, loss=loss: loss(hidden.detach(), part, None), (weight,))


def test_chunked_cross_entropy_in_bf16_is_close_to_float32() -> None:
    weight = (torch.randn(300, 64, generator=seeded()) / 8).requires_grad_()
    hidden = torch.randn(200, 64, generator=seeded(3))
    targets = torch.randint(0, 300, (200,), generator=seeded(4))
    exact = plain_loss(hidden, weight, None, targets)
    (gradient,) = torch.autograd.grad(exact, weight)
    low = hidden.bfloat16().requires_grad_()
    loss = chunked_cross_entropy(low, weight, None, targets, chunk=64)
    loss.backward()
    assert (loss.dtype, low.grad.dtype, weight.grad.dtype) == (torch.float32, torch.bfloat16, torch.float32)
    assert loss.item() == pytest.approx(exact.item(), rel=0.01)
    assert ((weight.grad - gradient).norm() / gradient.norm()).item() < 0.02


def test_chunked_cross_entropy_ignores_targets_and_accumulates_gradients() -> None:
    hidden = torch.randn(4, 3, generator=seeded(), requires_grad=True)
    weight = torch.randn(6, 3, generator=seeded())
    chunked_cross_entropy(hidden, weight, None, torch.full((4,), -100)).backward()
    assert not hidden.grad.any()
    loss = chunked_cross_entropy(hidden, weight, None, torch.arange(4))
    loss.backward(retain_graph=True)
    once = hidden.grad.clone()
    loss.backward()
    torch.testing.assert_close(hidden.grad, 2 * once)
    with pytest.raises(InputError, match="mean"):
        chunked_cross_entropy(hidden, weight, None, torch.arange(4), reduction="median")


@pytest.mark.parametrize("cutoffs", [(), (20,), (10, 30, 200)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_adaptive_softmax_is_normalized_and_matches_its_nll(cutoffs: tuple[int, ...], reduction: str) -> None:
    config = NetConfig(260, embedding=12, hidden=64, tied=False, softmax="adaptive", cutoffs=cutoffs)
    net, ids = RecurrentLM(config, generator=seeded()), some_ids(4, 25)
    ids[0, :3] = torch.tensor([259, 0, config.cutoffs[0]])
    targets = ids.masked_fill(torch.rand(4, 25, generator=seeded()) < 0.2, -100)
    hidden = net(ids)[0]
    scores = net.compute_logits(hidden)
    torch.testing.assert_close(scores.exp().sum(-1), torch.ones(4, 25))
    expected = F.nll_loss(scores.flatten(0, 1), targets.flatten(), reduction=reduction)
    nats = net.nll(hidden, targets, reduction=reduction)
    torch.testing.assert_close(nats, expected.view(targets.shape) if reduction == "none" else expected)
    if reduction != "none":
        weights = list(net.parameters())
        found = torch.autograd.grad(nats, weights, retain_graph=True)
        torch.testing.assert_close(found, torch.autograd.grad(expected, weights), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_adaptive_softmax_steps_match_full_run() -> None:
    config = NetConfig(260, embedding=12, hidden=64, tied=False, softmax="adaptive")
    net, ids = RecurrentLM(config, generator=seeded()).eval(), some_ids(3, 4)
    full, state = net(ids)[0], net.zero_state(3)
    for time in range(4):
        hidden, state = net.step(ids[:, time], state)
        torch.testing.assert_close(net.compute_logits(hidden), net.compute_logits(full)[:, time])


_MEMORY = """
import torch
from torch.nn import functional as F
from korlm.experiments.execute import peak_memory_bytes as peak
from korlm.nn.losses import chunked_cross_entropy
hidden = torch.randn(1024, 64, requires_grad=True)
weight = torch.randn(32_000, 64, requires_grad=True)
bias, targets = torch.zeros(32_000, requires_grad=True), torch.zeros(1024, dtype=torch.long)
chunked_cross_entropy(hidden[:2], weight[:2], bias[:2], targets[:2]).backward()
before = peak()
chunked_cross_entropy(hidden, weight, bias, targets).backward()
chunked = peak() - before
F.cross_entropy(F.linear(hidden, weight, bias), targets).backward()
print(chunked, peak() - before)
"""


def test_chunked_cross_entropy_takes_under_60_percent_of_torchs_memory() -> None:
    if peak_memory_bytes() is None:
        pytest.skip("the system does not say how much memory a process held")
    measured = subprocess.run([sys.executable, "-c", _MEMORY], check=True, capture_output=True, text=True).stdout
    chunked, plain = map(int, measured.split())
    assert chunked < 0.6 * plain


@pytest.mark.parametrize("softmax", ["full", "adaptive"])
def test_nll_matches_logits(small_net: Make, softmax: str) -> None:
    net = stirred(small_net(tied=False, softmax=softmax))
    hidden, _ = net(some_ids(3, 30))
    targets = some_ids(3, 30)
    targets[1, 5:] = 3
    log_probabilities = net.compute_logits(hidden).log_softmax(-1)
    by_logits = F.nll_loss(log_probabilities.flatten(0, 1), targets.flatten(), reduction="none").view(3, 30)
    torch.testing.assert_close(net.nll(hidden, targets, reduction="none"), by_logits)
    torch.testing.assert_close(net.nll(hidden, targets), by_logits.mean())
    torch.testing.assert_close(net.nll(hidden, targets, reduction="sum"), by_logits.sum())
    kept = targets != 3
    torch.testing.assert_close(net.nll(hidden, targets, ignore_index=3), by_logits[kept].mean())
    torch.testing.assert_close(net.nll(hidden, targets, ignore_index=3, reduction="none"), by_logits * kept)
    ours = torch.autograd.grad(net.nll(hidden, targets, ignore_index=3), list(net.parameters()), retain_graph=True)
    theirs = torch.autograd.grad(by_logits[kept].mean(), list(net.parameters()))
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=1e-4)


def test_uniform_model_scores_log2_of_vocabulary_size(small_net: Make) -> None:
    net = small_net()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    score = LanguageModel(byte_tokenizer(), net).score(["가나", "abc", ""])
    pieces = 7 + 4 + 1
    assert score.num_tokens == pieces
    assert score.characters == 3 + 4 + 1
    assert score.bits_per_character == pytest.approx(pieces * math.log2(260) / 8, rel=1e-6)


def test_score_does_not_depend_on_the_batch(small_net: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    net = small_net()
    lines = [[10, 20, 30], [], [40] * 9, [7, 8]]
    together = token_nlls(net, lines)
    for line, nats in zip(lines, together, strict=True):
        np.testing.assert_allclose(nats, token_nlls(net, [line])[0], rtol=1e-5)
    monkeypatch.setattr("korlm.models.scoring._MAX_BATCH_TOKENS", 2)  # long lines in stretches of two pieces
    for nats, whole in zip(token_nlls(net, lines), together, strict=True):
        np.testing.assert_allclose(nats, whole, rtol=1e-5)


def test_score_matches_chain_rule(small_net: Make) -> None:
    net = small_net()
    line = [10, 20]
    logits = net.compute_logits(net(torch.tensor([[EOS_ID, *line]]))[0])[0].log_softmax(-1)
    by_hand = [-logits[i, target].item() for i, target in enumerate([*line, EOS_ID])]
    np.testing.assert_allclose(token_nlls(net, [line])[0], by_hand, rtol=1e-5)


def test_scoring_no_lines_or_a_string_is_a_clear_error(small_net: Make) -> None:
    lm = LanguageModel(byte_tokenizer(), small_net())
    with pytest.raises(CorpusError, match="한 줄"):
        lm.score([])
    with pytest.raises(InputError, match="목록"):
        lm.score("글")
