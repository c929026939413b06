"""The net, its options and its losses, against oracles."""

from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.errors import CorpusError, InputError
from korlm.lm import LanguageModel
from korlm.nn.dropout import drop, drop_connect, drop_rows
from korlm.nn.recurrent import CELLS, NetConfig, RecurrentLM
from korlm.nn.regularisation import Features, activation_penalty
from korlm.nn.softmax import chunked_cross_entropy
from korlm.tokenizers.base import EOS_ID
from korlm.tokenizers.byte import byte_tokenizer
from korlm.training.scoring import line_nats

Make = Callable[..., RecurrentLM]
OLD_MODEL = Path(__file__).resolve().parents[1] / "data" / "models" / "reviews-syllable-lstm"
SHAPES: dict[str, dict[str, object]] = {
    **{cell: {"cell": cell} for cell in CELLS},
    **{f"{cell}, two layers": {"cell": cell, "layers": 2} for cell in CELLS},
    **{f"{cell}, normalised": {"cell": cell, "layers": 2, "layer_norm": True} for cell in CELLS},
    "projected": {"projection": 6, "layers": 2},
    "projected to E": {"projection": 12},
    "projected, normalised, untied": {"projection": 6, "layer_norm": True, "tied": False},
    "adaptive": {"tied": False, "softmax": "adaptive"},
    "hashed n-grams": {"ngrams": 3, "buckets": 50, "ngram_width": 4},
    "every dropout": {
        "layers": 2,
        "dropout": 0.5,
        "hidden_dropout": 0.4,
        "embedding_dropout": 0.3,
        "weight_dropout": 0.5,
        "locked": True,
    },
}
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def some_ids(rows: int, pieces: int) -> Tensor:
    return torch.randint(0, 260, (rows, pieces), generator=torch.Generator().manual_seed(2))


def stir(net: RecurrentLM) -> RecurrentLM:
    """Move every weight off its first value: zeros and ones hide mistakes."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in net.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    return net


# The recurrence


@every_shape
def test_windows_with_carried_state_equal_the_full_pass(small_net: Make, shape: dict[str, object]) -> None:
    net = stir(small_net(**shape))
    ids = some_ids(3, 20)
    full, full_state = net(ids)
    first, state = net(ids[:, :7])
    second, state = net(ids[:, 7:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), full)
    for part, whole in zip(state, full_state, strict=True):
        torch.testing.assert_close(part, whole)


@every_shape
@pytest.mark.parametrize("copies", ["as they are", "column by column", "float16"])
def test_one_step_after_another_equals_the_full_pass(small_net: Make, shape: dict[str, object], copies: str) -> None:
    net = stir(small_net(**shape))
    if copies == "float16":
        net.half().float()
    ids = some_ids(3, 6)
    with torch.set_grad_enabled(copies == "as they are"):
        full, full_state = net(ids)
        logits = net.logits(full)
        for _ in range(20):  # more ids than the vocabulary has: a table has been made by then
            state = net.zero_state(3)
            for time in range(6):
                hidden, state = net.step(ids[:, time], state)
                torch.testing.assert_close(hidden, full[:, time])
                torch.testing.assert_close(net.logits(hidden), logits[:, time])
    for part, whole in zip(state, full_state, strict=True):
        torch.testing.assert_close(part, whole)


def test_steps_follow_the_weights(small_net: Make) -> None:
    net, ids = small_net(), torch.tensor([7, 9])

    def stepped() -> Tensor:
        with torch.no_grad():
            return net.logits(net.step(ids, net.zero_state(2))[0])

    def forwarded() -> Tensor:
        with torch.no_grad():
            return net.logits(net(ids[:, None])[0][:, 0])

    before = stepped()
    with torch.no_grad():
        net.layers[0].weight_ih_l0.mul_(3)
    assert not torch.allclose(stepped(), before)
    torch.testing.assert_close(stepped(), forwarded())
    net.read_weights({name: weight * 0.5 for name, weight in net.weights().items()})
    torch.testing.assert_close(stepped(), forwarded())
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    net.nats(net(ids[:, None])[0], ids[:, None]).backward()
    optimizer.step()
    torch.testing.assert_close(stepped(), forwarded())
    twin = copy.deepcopy(net)
    with torch.no_grad():
        twin.embedding.weight.zero_()
    torch.testing.assert_close(stepped(), forwarded())
    net.double()
    torch.testing.assert_close(stepped(), forwarded())


def test_gradients_reach_the_weights_through_steps(small_net: Make) -> None:
    net = small_net()
    hidden, state = net.step(torch.tensor([5]), net.zero_state(1))
    hidden, _ = net.step(torch.tensor([6]), state)
    net.logits(hidden).sum().backward()
    assert net.embedding.weight.grad[5].abs().sum() > 0
    assert net.layers[0].weight_hh_l0.grad.abs().sum() > 0


@pytest.mark.parametrize("detached", [True, False])
def test_gradients_stop_at_the_window_where_the_state_is_detached(small_net: Make, detached: bool) -> None:
    net = small_net(tied=False)
    _, state = net(torch.tensor([[5, 5]]))
    carried = tuple(part.detach() for part in state) if detached else state
    net.logits(net(torch.tensor([[9, 9]]), carried)[0]).square().sum().backward()
    assert net.embedding.weight.grad[9].abs().sum() > 0
    assert bool(net.embedding.weight.grad[5].abs().sum() == 0) is detached


@pytest.mark.parametrize(
    "shape", [*({"cell": cell} for cell in CELLS), {"layer_norm": True}, {"projection": 6}], ids=str
)
@pytest.mark.parametrize("weight_dropout", [0.0, 0.5])
def test_rows_that_end_early_are_as_if_read_by_themselves(
    small_net: Make, shape: dict[str, object], weight_dropout: float
) -> None:
    net = stir(small_net(layers=2, weight_dropout=weight_dropout, **shape)).train()
    ids, lengths = some_ids(4, 9), torch.tensor([3, 9, 1, 6])
    start = tuple(torch.randn_like(part) for part in net.zero_state(4))
    torch.manual_seed(5)
    features = net.features(ids, start, lengths=lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.manual_seed(5)
        alone = net.features(ids[row : row + 1, :length], tuple(part[:, row : row + 1] for part in start))
        torch.testing.assert_close(features.hidden[row, :length], alone.hidden[0])
        assert not features.raw[row, length:].any()
        for part, own in zip(features.state, alone.state, strict=True):
            torch.testing.assert_close(part[:, row], own[:, 0])


# The cells


def test_the_lstm_is_the_textbook_one(small_net: Make) -> None:
    net = stir(small_net(tied=False))
    layer, ids = net.layers[0], torch.tensor([[5, 9]])
    h, c = torch.zeros(16), torch.zeros(16)
    for i in ids[0]:
        gates = layer.weight_ih_l0 @ net.embedding.weight[i] + layer.bias_ih_l0 + layer.weight_hh_l0 @ h
        a, f, g, o = (gates + layer.bias_hh_l0).chunk(4)
        c = f.sigmoid() * c + a.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    torch.testing.assert_close(net(ids)[0][0, -1], h)


def test_the_relu_cell_is_the_textbook_one(small_net: Make) -> None:
    net = stir(small_net(cell="relu", tied=False))
    layer, h = net.layers[0], torch.zeros(16)
    for i in (5, 9):
        inputs = layer.weight_ih_l0 @ net.embedding.weight[i] + layer.bias_ih_l0
        h = (inputs + layer.weight_hh_l0 @ h + layer.bias_hh_l0).clamp(min=0)
    torch.testing.assert_close(net(torch.tensor([[5, 9]]))[0][0, -1], h)


def normalise(values: Tensor, norm: nn.LayerNorm) -> Tensor:
    centred = values - values.mean()
    return centred / (centred.square().mean() + 1e-5).sqrt() * norm.weight + norm.bias


@pytest.mark.parametrize("cell", CELLS)
def test_a_normalised_cell_is_the_paper_s(small_net: Make, cell: str) -> None:
    net = stir(small_net(cell=cell, layer_norm=True, tied=False))
    layer, h, c = net.layers[0], torch.zeros(16), torch.zeros(16)
    for i in (5, 9, 7):
        x = normalise(layer.weight_ih_l0 @ net.embedding.weight[i], layer.norm_ih)
        u = normalise(layer.weight_hh_l0 @ h, layer.norm_hh)
        if cell == "lstm":
            a, f, g, o = (x + u).chunk(4)
            c = f.sigmoid() * c + a.sigmoid() * g.tanh()
            h = o.sigmoid() * normalise(c, layer.norm_c).tanh()
        elif cell == "gru":
            r, z = (x + u)[:16].sigmoid(), (x + u)[16:32].sigmoid()
            h = (1 - z) * (x[32:] + r * u[32:]).tanh() + z * h
        else:
            h = (x + u).tanh() if cell == "rnn" else (x + u).relu()
    torch.testing.assert_close(net(torch.tensor([[5, 9, 7]]))[0][0, -1], h)


def test_a_projection_narrows_the_state_and_not_the_cell(small_net: Make) -> None:
    net = small_net(projection=6, layers=2)
    assert [tuple(part.shape) for part in net.zero_state(3)] == [(2, 3, 6), (2, 3, 16)]
    assert net.layers[0].weight_hh_l0.shape == (64, 6)
    assert net.layers[1].weight_ih_l0.shape == (64, 6)
    assert net.features(torch.zeros(3, 5, dtype=torch.long)).raw.shape == (3, 5, 6)


def test_tied_weights_are_one_tensor_and_counted_once(small_net: Make) -> None:
    net = small_net(tied=True)
    assert net.output.weight is net.embedding.weight
    parameters = sum(p.numel() for p in net.parameters())
    assert parameters == 260 * 12 + 260 + 4 * 16 * (12 + 16 + 2) + 16 * 12 + 12
    assert "output.weight" not in net.weights()


# The configuration


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cell": "transformer"}, "lstm"),
        ({"hidden": 0}, "1 이상"),
        ({"weight_dropout": 1.0}, "1 미만"),
        ({"initialisation": "zeros"}, "orthogonal"),
        ({"cell": "gru", "projection": 8}, "lstm에서만"),
        ({"projection": 512}, "hidden - 1"),
        ({"softmax": "adaptive"}, "tied=False"),
        ({"cutoffs": (10,)}, "adaptive"),
        ({"softmax": "adaptive", "tied": False, "cutoffs": (50, 20)}, "커지는"),
        ({"softmax": "adaptive", "tied": False, "cutoffs": (100,)}, "99까지"),
        ({"softmax": "adaptive", "tied": False, "cutoffs": (20, 50), "hidden": 15}, "4\\^n"),
    ],
)
def test_a_wrong_shape_is_a_clear_error(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        NetConfig(100, **wrong)  # type: ignore[arg-type]


def test_a_configuration_comes_back_from_json() -> None:
    config = NetConfig(900, tied=False, softmax="adaptive", locked=True, hidden_dropout=0.2)
    assert NetConfig(**json.loads(json.dumps(asdict(config)))) == config
    assert config.cutoffs == (112, 450)


# Dropout


def test_a_locked_mask_is_one_for_all_time_steps() -> None:
    torch.manual_seed(1)
    values = torch.ones(50, 6, 40)
    locked, free = drop(values, 0.3, locked=True), drop(values, 0.3)
    assert (locked == locked[:, :1]).all()
    assert not (free == free[:, :1]).all()
    assert (locked[0] != locked[1]).any()
    for dropped in (locked, free):
        assert set(dropped.unique().tolist()) == {0.0, pytest.approx(1 / 0.7)}
        assert (dropped == 0).float().mean() == pytest.approx(0.3, abs=0.05)


def test_embedding_dropout_zeroes_whole_rows_and_scales_the_others() -> None:
    torch.manual_seed(1)
    weight = torch.randn(200, 5, requires_grad=True)
    ids = torch.arange(200).repeat(2, 2)
    dropped = drop_rows(weight, ids, 0.25)
    gone = (dropped == 0).all(-1)
    assert (gone == (dropped == 0).any(-1)).all()
    assert (gone == gone[0, :200].repeat(2, 2)).all()
    assert gone.float().mean() == pytest.approx(0.25, abs=0.08)
    torch.testing.assert_close(dropped[~gone], F.embedding(ids, weight)[~gone] / 0.75)
    dropped.sum().backward()
    assert not weight.grad[gone[0, :200]].any()


@pytest.mark.parametrize("shape", [{"cell": cell} for cell in CELLS] + [{"layer_norm": True}], ids=str)
def test_dropconnect_leaves_the_raw_weights_and_teaches_those_kept(small_net: Make, shape: dict[str, object]) -> None:
    net = stir(small_net(weight_dropout=0.5, **shape)).train()
    ids, raw = some_ids(3, 5), net.layers[0].weight_hh_l0
    before = raw.detach().clone()
    torch.manual_seed(5)
    hidden, _ = net(ids)
    hidden.square().sum().backward()
    assert torch.equal(raw, before)
    torch.manual_seed(5)
    kept = drop_connect(before, 0.5) != 0
    assert 0.3 < kept.float().mean() < 0.7
    assert not raw.grad[~kept].any()
    assert raw.grad[kept].any()
    net.eval()
    with torch.no_grad():
        raw.copy_(torch.where(kept, before * 2, 0))
    torch.testing.assert_close(net(ids)[0], hidden)


def test_dropouts_are_asked_for_by_name_and_only_in_training(small_net: Make) -> None:
    ids = some_ids(2, 8)
    for name in ("dropout", "hidden_dropout", "embedding_dropout", "weight_dropout"):
        net = small_net(layers=2, **{name: 0.5})
        torch.testing.assert_close(net(ids)[0], small_net(layers=2)(ids)[0])
        net.train()
        assert not torch.allclose(net(ids)[0], net(ids)[0])
    raw, dropped = small_net(dropout=0.5, locked=True).train().features(ids)[2:]
    gone = dropped == 0
    assert (gone == gone[:, :1]).all()
    assert gone.any()
    torch.testing.assert_close(dropped[~gone], raw[~gone] * 2)
    assert small_net(dropout=0.3, layers=2).config.between == 0.3
    assert small_net(dropout=0.3, hidden_dropout=0.0, layers=2).config.between == 0.0


def test_activation_penalties_are_the_formulas() -> None:
    raw = torch.tensor([[[1.0, 2.0], [3.0, 2.0], [3.0, -1.0]]])
    features = Features(raw, (), raw, 2 * raw)
    assert float(activation_penalty(features, 0, 0)) == 0
    assert float(activation_penalty(features, 0.5, 0)) == pytest.approx(0.5 * 4 * (1 + 4 + 9 + 4 + 9 + 1) / 6)
    assert float(activation_penalty(features, 0, 3)) == pytest.approx(3 * (4 + 0 + 0 + 9) / 4)
    single = Features(raw[:, :1], (), raw[:, :1], raw[:, :1])
    assert float(activation_penalty(single, 0, 1)) == 0


# First weights


@pytest.mark.parametrize("name", ["orthogonal", "xavier", "he", "uniform"])
def test_first_weights_have_the_variance_of_their_formula(name: str) -> None:
    config = NetConfig(900, embedding=64, hidden=96, initialisation=name, forget_bias=0.7)
    net = RecurrentLM(config, generator=torch.Generator().manual_seed(1))
    twin = RecurrentLM(config, generator=torch.Generator().manual_seed(1))
    assert all(torch.equal(weight, twin.weights()[key]) for key, weight in net.weights().items())
    inputs, recurrent = net.layers[0].weight_ih_l0, net.layers[0].weight_hh_l0
    expected = {  # input, recurrent, projection, embedding
        "orthogonal": (2 / (64 + 4 * 96), 1 / 96, 2 / (96 + 64), 1 / 64),
        "xavier": (2 / (64 + 96), 2 / (96 + 96), 2 / (96 + 64), 1 / 64),
        "he": (2 / 64, 2 / 96, 2 / 96, 1 / 64),
        "uniform": (1 / (3 * 96),) * 4,
    }[name]
    matrices = (inputs, recurrent, net.project.weight, net.embedding.weight)
    for matrix, variance in zip(matrices, expected, strict=True):
        assert float(matrix.detach().var()) == pytest.approx(variance, rel=0.06)
        assert abs(float(matrix.detach().mean())) < 0.1 * variance**0.5
    if name == "orthogonal":
        for gate in recurrent.detach().split(96):
            torch.testing.assert_close(gate @ gate.t(), torch.eye(96), atol=1e-5, rtol=0)
    if name == "uniform":
        assert float(inputs.detach().abs().max()) <= 96**-0.5


@pytest.mark.parametrize("layer_norm", [True, False])
def test_the_forget_bias_opens_the_forget_gate_alone(small_net: Make, layer_norm: bool) -> None:
    layer = small_net(forget_bias=0.7, layer_norm=layer_norm).layers[0]
    biases = (layer.norm_ih.bias, layer.norm_hh.bias) if layer_norm else (layer.bias_ih_l0, layer.bias_hh_l0)
    i, f, g, o = (biases[0] + biases[1]).detach().chunk(4)  # torch's order of gates
    assert (f == 0.7).all()
    assert not i.any()
    assert not g.any()
    assert not o.any()


# Losses over the vocabulary


def loss_and_gradients(loss: Callable[..., Tensor], *leaves: Tensor) -> list[Tensor]:
    leaves = tuple(leaf.detach().clone().requires_grad_() for leaf in leaves)
    value = loss(*leaves)
    return [value.detach(), *torch.autograd.grad(2.5 * value, leaves)]


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 9),
    width=st.integers(1, 5),
    ids=st.integers(1, 7),
    chunk=st.integers(1, 12),
    reduction=st.sampled_from(["mean", "sum"]),
    data=st.data(),
)
def test_the_chunked_loss_is_cross_entropy(
    rows: int, width: int, ids: int, chunk: int, reduction: str, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(st.integers(-1, ids - 1), min_size=rows, max_size=rows))
    targets = torch.tensor([-100 if target < 0 else target for target in drawn])
    generator = torch.Generator().manual_seed(rows)
    leaves = [torch.randn(shape, generator=generator) * 3 for shape in ((rows, width), (ids, width), (ids,))]
    chunked = loss_and_gradients(
        lambda h, w, b: chunked_cross_entropy(h, w, b, targets, chunk=chunk, reduction=reduction), *leaves
    )
    plain = loss_and_gradients(
        lambda h, w, b: F.cross_entropy(F.linear(h, w, b), targets, reduction=reduction), *leaves
    )
    for ours, theirs in zip(chunked, plain, strict=True):
        torch.testing.assert_close(ours, theirs.nan_to_num(), atol=1e-5, rtol=1e-5)  # nan: torch's mean of nothing
    none = chunked_cross_entropy(*leaves, targets, chunk=chunk, reduction="none")
    torch.testing.assert_close(none, F.cross_entropy(F.linear(*leaves), targets, reduction="none"))


def test_the_chunked_loss_is_cross_entropy_at_the_size_of_training() -> None:
    generator = torch.Generator().manual_seed(1)
    leaves = [torch.randn(shape, generator=generator) for shape in ((700, 32), (9000, 32), (9000,))]
    targets = torch.randint(0, 9000, (700,), generator=generator)
    chunked = loss_and_gradients(lambda h, w, b: chunked_cross_entropy(h, w, b, targets), *leaves)
    plain = loss_and_gradients(lambda h, w, b: F.cross_entropy(F.linear(h, w, b), targets), *leaves)
    for ours, theirs in zip(chunked, plain, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def test_the_chunked_loss_s_gradients_are_those_of_its_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    leaves = [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for shape in ((5, 3), (7, 3), (7,))
    ]
    targets = torch.tensor([0, 6, -100, 2, 2])
    assert torch.autograd.gradcheck(lambda h, w, b: chunked_cross_entropy(h, w, b, targets, chunk=2), leaves)
    assert torch.autograd.gradcheck(lambda h, w: chunked_cross_entropy(h, w, None, targets), leaves[:2])


def test_the_chunked_loss_in_bf16_is_near() -> None:
    generator = torch.Generator().manual_seed(1)
    hidden, weight, bias = (torch.randn(shape, generator=generator) for shape in ((300, 16), (500, 16), (500,)))
    targets = torch.randint(0, 500, (300,), generator=generator)
    near = loss_and_gradients(
        lambda h, w, b: chunked_cross_entropy(h.bfloat16(), w, b, targets, chunk=64), hidden, weight, bias
    )
    exact = loss_and_gradients(lambda h, w, b: F.cross_entropy(F.linear(h, w, b), targets), hidden, weight, bias)
    assert all(part.dtype == torch.float32 for part in near)
    for ours, theirs in zip(near, exact, strict=True):
        assert float((ours - theirs).norm() / theirs.norm()) < 0.02


@pytest.mark.parametrize("function", ["chunked", "plain"])
def test_a_loss_that_is_asked_for_twice_gives_the_same_gradients_twice(function: str) -> None:
    hidden, weight = torch.randn(5, 3), torch.randn(7, 3, requires_grad=True)
    targets = torch.tensor([1, 2, 3, 4, 5])
    if function == "chunked":
        loss = chunked_cross_entropy(hidden, weight, None, targets)
    else:
        loss = F.cross_entropy(hidden @ weight.t(), targets)
    loss.backward(retain_graph=True)
    once = weight.grad.clone()
    weight.grad.mul_(7)
    weight.grad = None
    loss.backward()
    torch.testing.assert_close(weight.grad, once)
    with pytest.raises(RuntimeError):
        loss.backward()


MEASURE = """
import resource, sys, torch
from torch.nn import functional as F
from korlm.nn.softmax import chunked_cross_entropy
hidden = torch.randn(1024, 64, requires_grad=True)
weight = torch.randn(32_000, 64, requires_grad=True)
bias, targets = torch.zeros(32_000, requires_grad=True), torch.zeros(1024, dtype=torch.long)
chunked_cross_entropy(hidden[:2], weight[:2], bias[:2], targets[:2]).backward()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.argv[1] == "chunked":
    chunked_cross_entropy(hidden, weight, bias, targets).backward()
else:
    F.cross_entropy(F.linear(hidden, weight, bias), targets).backward()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_the_chunked_loss_needs_less_than_half_the_memory() -> None:
    pytest.importorskip("resource")
    chunked, plain = (
        int(subprocess.run([sys.executable, "-c", MEASURE, which], check=True, capture_output=True, text=True).stdout)
        for which in ("chunked", "plain")
    )
    assert chunked < 0.5 * plain


@pytest.mark.parametrize("softmax", ["full", "adaptive"])
def test_the_loss_is_that_of_the_logits(small_net: Make, softmax: str) -> None:
    net = stir(small_net(tied=False, softmax=softmax))
    hidden, _ = net(some_ids(3, 30))
    targets = some_ids(3, 31)[:, 1:].clone()
    targets[1, 5:] = 3
    log_probabilities = net.logits(hidden).log_softmax(-1)
    by_logits = F.nll_loss(log_probabilities.flatten(0, 1), targets.flatten(), reduction="none").view(3, 30)
    torch.testing.assert_close(net.nats(hidden, targets, reduction="none"), by_logits)
    torch.testing.assert_close(net.nats(hidden, targets), by_logits.mean())
    torch.testing.assert_close(net.nats(hidden, targets, reduction="sum"), by_logits.sum())
    kept = targets != 3
    torch.testing.assert_close(net.nats(hidden, targets, ignore_index=3), by_logits[kept].mean())
    torch.testing.assert_close(net.nats(hidden, targets, ignore_index=3, reduction="none"), by_logits * kept)
    ours = torch.autograd.grad(net.nats(hidden, targets, ignore_index=3), list(net.parameters()), retain_graph=True)
    theirs = torch.autograd.grad(by_logits[kept].mean(), list(net.parameters()))
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=1e-4)


def test_the_adaptive_softmax_sums_to_one(small_net: Make) -> None:
    net = stir(small_net(tied=False, softmax="adaptive"))
    assert net.config.cutoffs == (32, 130)
    logits = net.logits(net(some_ids(2, 4))[0])
    assert logits.shape == (2, 4, 260)
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(2, 4))


# Weights in and out


def test_weights_from_before_the_layers_had_modules_are_read() -> None:
    tensors = load_file(OLD_MODEL / "model.safetensors")
    assert "rnn.weight_ih_l0" in tensors
    net = RecurrentLM(NetConfig(**json.loads((OLD_MODEL / "config.json").read_text("utf-8"))["net"])).eval()
    net.read_weights(tensors)
    plain = nn.LSTM(256, 768, batch_first=True)
    plain.load_state_dict({k.removeprefix("rnn."): v.float() for k, v in tensors.items() if k.startswith("rnn.")})
    wide = {name: tensor.float() for name, tensor in tensors.items()}
    ids = torch.randint(0, 1972, (2, 9), generator=torch.Generator().manual_seed(2))
    outputs, _ = plain(F.embedding(ids, wide["embedding.weight"]))
    hidden = F.linear(outputs, wide["project.weight"], wide["project.bias"])
    logits = F.linear(hidden, wide["embedding.weight"], wide["output.bias"])
    torch.testing.assert_close(net.logits(net(ids)[0]), logits)


@every_shape
def test_weights_written_are_the_weights_read(small_net: Make, shape: dict[str, object]) -> None:
    net, other = stir(small_net(**shape)), small_net(**shape)
    other.read_weights(net.weights())
    torch.testing.assert_close(other(some_ids(1, 5))[0], net(some_ids(1, 5))[0], atol=0, rtol=0)


def test_weights_that_do_not_fit_are_not_read(small_net: Make) -> None:
    net = small_net()
    before = {name: weight.clone() for name, weight in net.weights().items()}
    with pytest.raises(KeyError, match="output.bias"):
        net.read_weights({name: weight for name, weight in before.items() if name != "output.bias"})
    with pytest.raises(KeyError, match="spare"):
        net.read_weights(before | {"spare": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="output.bias"):
        net.read_weights({name: weight * 0 for name, weight in before.items()} | {"output.bias": torch.zeros(1)})
    assert all(torch.equal(weight, net.weights()[name]) for name, weight in before.items())


# Scores


def test_a_uniform_model_scores_log2_of_its_vocabulary(small_net: Make) -> None:
    net = small_net()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
    score = LanguageModel(byte_tokenizer(), net).score(["가나", "abc", ""])
    pieces = 7 + 4 + 1
    assert score.pieces == pieces
    assert score.characters == 3 + 4 + 1
    assert score.bits_per_character == pytest.approx(pieces * math.log2(260) / 8, rel=1e-6)


def test_a_score_does_not_hang_on_the_batch(small_net: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    net = small_net()
    lines = [[10, 20, 30], [], [40] * 9, [7, 8]]
    together = line_nats(net, lines)
    for line, nats in zip(lines, together, strict=True):
        np.testing.assert_allclose(nats, line_nats(net, [line])[0], rtol=1e-5)
    monkeypatch.setattr("korlm.training.scoring._CELLS", 2)  # long lines in stretches of two pieces
    for nats, whole in zip(line_nats(net, lines), together, strict=True):
        np.testing.assert_allclose(nats, whole, rtol=1e-5)


def test_a_score_is_the_chain_rule_by_hand(small_net: Make) -> None:
    net = small_net()
    line = [10, 20]
    logits = net.logits(net(torch.tensor([[EOS_ID, *line]]))[0])[0].log_softmax(-1)
    by_hand = [-logits[i, target].item() for i, target in enumerate([*line, EOS_ID])]
    np.testing.assert_allclose(line_nats(net, [line])[0], by_hand, rtol=1e-5)


def test_scoring_nothing_or_a_bare_string_is_a_clear_error(small_net: Make) -> None:
    lm = LanguageModel(byte_tokenizer(), small_net())
    with pytest.raises(CorpusError, match="한 줄"):
        lm.score([])
    with pytest.raises(InputError, match="목록"):
        lm.score("글")
