"""The cost of a model and the baselines of an experiment, each against an independent count or formula."""

from __future__ import annotations

import lzma
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

import korlm
from korlm.errors import InputError
from korlm.experiments.baselines import uniform_baseline, xz_baseline
from korlm.experiments.plan import count_parameters, fit_hidden_width, training_flops_per_token
from korlm.nn.config import CELLS, NetConfig
from korlm.nn.lm import RecurrentLM

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
