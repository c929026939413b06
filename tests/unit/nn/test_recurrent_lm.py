"""The recurrent language model and its options, against reference implementations."""

from __future__ import annotations

import copy
import json
import math
import re
from dataclasses import asdict
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.toy_models import Make, seeded, some_ids, stirred
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.errors import InputError
from korlm.nn.dropout import apply_dropout, embed_with_dropout
from korlm.nn.inference import _pack_float16
from korlm.nn.layer_norm import LayerNormRecurrentLayer
from korlm.nn.lm import CELLS, NetConfig, RecurrentLM
from korlm.nn.quantization import dequantize, fits_int8, quantize

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections")  # torch says once that it is slower


SHAPES: list[dict[str, Any]] = [
    *({"cell": cell, "layers": layers} for cell in CELLS for layers in (1, 2)),
    *({"cell": cell, "layers": layers, "layer_norm": True} for cell in CELLS for layers in (1, 2)),
    *({"cell": "lstm", "layers": layers, "projection": 5} for layers in (1, 2)),
    {"cell": "lstm", "layers": 2, "projection": 5, "layer_norm": True},
    {"cell": "gru", "tied": False},
    {"cell": "lstm", "layers": 2, "dropout": 0.5, "weight_dropout": 0.5, "embedding_dropout": 0.5, "locked": True},
]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: " ".join(f"{k}={v}" for k, v in shape.items()))


@each_shape
@torch.no_grad()
def test_windows_with_carried_state_match_full_run(small_net: Make, shape: dict[str, Any]) -> None:
    net, ids = small_net(**shape), some_ids(3, 20)
    full, full_state = net(ids)
    outputs, state = [], None
    for window in ids.split((7, 1, 12), 1):
        hidden, state = net(window, state)
        outputs.append(hidden)
    torch.testing.assert_close(torch.cat(outputs, 1), full)
    torch.testing.assert_close(state, full_state)


@each_shape
@pytest.mark.parametrize("gradients", [False, True])
def test_steps_match_full_run(small_net: Make, shape: dict[str, Any], gradients: bool) -> None:
    net, ids = small_net(**shape), some_ids(3, 6)
    with torch.set_grad_enabled(gradients):
        full, full_state = net(ids)
        state = net.zero_state(3)
        for time in range(6):
            hidden, state = net.step(ids[:, time], state)
            torch.testing.assert_close(hidden, full[:, time])
            torch.testing.assert_close(net.compute_logits(hidden), F.linear(hidden, net.output.weight, net.output.bias))
        torch.testing.assert_close(state, full_state)


@each_shape
def test_gradients_stop_only_at_detached_state(small_net: Make, shape: dict[str, Any]) -> None:
    net = small_net(**{**shape, "tied": False, "cell": "rnn" if shape["cell"] == "relu" else shape["cell"]})
    ids = torch.arange(20, 40).view(2, 10)  # no id twice: a row of the embedding's gradient is one place's
    for cut in (True, False):
        net.zero_grad()
        _, state = net(ids[:, :5])
        carried = tuple(part.detach() if cut else part for part in state)
        net.nll(net(ids[:, 5:], carried)[0], ids[:, 5:]).backward()
        sizes = net.embedding.weight.grad[ids].norm(dim=-1)
        assert bool((sizes[:, :5] == 0).all() if cut else (sizes[:, :5] > 0).all())
        assert bool((sizes[:, 5:] > 0).all())


@torch.no_grad()
def test_step_uses_changed_weights(small_net: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("korlm.nn.inference._MIN_PACKED_WEIGHTS", 0)
    for shape in ({}, {"layers": 2, "layer_norm": True}, {"projection": 4, "cell": "lstm"}):
        net = small_net(**shape)
        ids = some_ids(40)
        changes = [net.named_parameters, net.named_parameters]
        for half in range(len(changes)):
            for name, weight in net.named_parameters():
                for _ in range(8):  # more ids than V: the table of input products is in use
                    net.step(ids, net.zero_state(40))
                if half:  # another tensor, in float16's numbers, which are packed
                    weight.data = weight.data.half().float() + 0.25
                else:
                    weight.add_(torch.rand(weight.shape, generator=seeded()))
                hidden, state = net.step(ids, net.zero_state(40))
                full, full_state = net(ids[:, None])
                torch.testing.assert_close(hidden, full[:, 0], msg=name)
                torch.testing.assert_close(state, full_state, msg=name)
                torch.testing.assert_close(
                    net.compute_logits(hidden), F.linear(hidden, net.output.weight, net.output.bias)
                )


@pytest.mark.parametrize(
    ("precision", "within"), [("float32", {}), ("float16", {}), ("int8", {"rtol": 0, "atol": 5e-4})]
)
@torch.no_grad()
def test_input_table_and_packed_weights_do_not_change_steps(
    small_net: Make, precision: str, within: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("korlm.nn.inference._MIN_PACKED_WEIGHTS", 0)
    net = small_net(layers=2)
    net.load_weights(dequantize(quantize(net.weight_dict(), precision)))
    if "fbgemm" in torch.backends.quantized.supported_engines:
        matrices = [weight for weight in net.parameters() if weight.dim() == 2]
        assert [_pack_float16(weight, None) is not None for weight in matrices] == [precision != "float32"] * len(
            matrices
        )
    ids = some_ids(100, 8)
    full, _ = net(ids)
    for batch in (100, 1):
        state = net.zero_state(batch)
        for time in range(8):
            hidden, state = net.step(ids[:batch, time], state)
            torch.testing.assert_close(hidden, full[:batch, time], **within)
    grid = full[:6].view(2, 3, 8, 12)
    torch.testing.assert_close(net.compute_logits(grid), F.linear(grid, net.output.weight, net.output.bias), **within)


def test_step_in_training_reaches_weights_without_copies(small_net: Make) -> None:
    net, ids = small_net(), some_ids(3)
    with torch.no_grad():
        net.step(ids, net.zero_state(3))
    net.train()
    net.step(ids, net.zero_state(3))[0].sum().backward()
    assert net.layers[0].weight_ih_l0.grad.abs().sum() > 0
    assert copy.deepcopy(net)._stepper is None


def test_lstm_matches_textbook_formula(small_net: Make) -> None:
    net = small_net(tied=False)
    layer = net.layers[0]
    h, c = torch.zeros(16), torch.zeros(16)
    for i in (5, 9):
        gates = layer.weight_ih_l0 @ net.embedding.weight[i] + layer.bias_ih_l0 + layer.weight_hh_l0 @ h
        a, f, g, o = (gates + layer.bias_hh_l0).chunk(4)
        c = f.sigmoid() * c + a.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    torch.testing.assert_close(net(torch.tensor([[5, 9]]))[0][0, -1], h)


def normalised_by_hand(values: Tensor, norm: nn.LayerNorm) -> Tensor:
    """LN of one vector, number by number."""
    mean = sum(values.tolist()) / len(values)
    variance = sum((value - mean) ** 2 for value in values.tolist()) / len(values)
    scaled = [(value - mean) / math.sqrt(variance + 1e-5) for value in values.tolist()]
    return torch.tensor(scaled) * norm.weight + norm.bias


@pytest.mark.parametrize(("cell", "projection"), [*((cell, 0) for cell in CELLS), ("lstm", 3)])
@torch.no_grad()
def test_layer_norm_matches_explicit_formula(cell: str, projection: int) -> None:
    torch.manual_seed(3)
    layer, size = LayerNormRecurrentLayer(cell, 4, 6, projection), projection or 6
    for parameter in layer.parameters():
        parameter.normal_()
    inputs, h, c = torch.randn(1, 5, 4), torch.randn(size), torch.randn(6)
    state = (h.view(1, 1, -1), c.view(1, 1, -1)) if cell == "lstm" else (h.view(1, 1, -1),)
    outputs, state = layer(inputs, state)
    for time in range(5):
        x = normalised_by_hand(layer.weight_ih_l0 @ inputs[0, time], layer.norm_ih)
        r = normalised_by_hand(layer.weight_hh_l0 @ h, layer.norm_hh)
        if cell == "lstm":
            i, f, g, o = (x + r).chunk(4)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * normalised_by_hand(c, layer.norm_c).tanh()
            h = layer.weight_hr_l0 @ h if projection else h
        elif cell == "gru":
            (xr, xz, xn), (rr, rz, rn) = x.chunk(3), r.chunk(3)
            z = (xz + rz).sigmoid()
            h = (1 - z) * (xn + (xr + rr).sigmoid() * rn).tanh() + z * h
        else:
            h = (x + r).tanh() if cell == "rnn" else (x + r).relu()
        torch.testing.assert_close(outputs[0, time], h, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(state[0][0, 0], h, rtol=1e-4, atol=1e-5)


def test_tied_weights_are_shared_and_counted_once(small_net: Make) -> None:
    net = small_net(tied=True)
    assert net.output.weight is net.embedding.weight
    assert net.output.weight.data_ptr() == net.embedding.weight.data_ptr()
    parameters = sum(p.numel() for p in net.parameters())
    assert parameters == 260 * 12 + 260 + 4 * 16 * (12 + 16 + 2) + 16 * 12 + 12
    assert parameters == sum(weight.numel() for weight in net.weight_dict().values())
    untied = small_net(tied=False)
    assert sum(p.numel() for p in untied.parameters()) == 260 * 12 + 260 * (16 + 1) + 4 * 16 * (12 + 16 + 2)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_projected_lstm_has_width_of_projection(small_net: Make, layer_norm: bool, tied: bool) -> None:
    net = small_net(projection=5, layers=2, layer_norm=layer_norm, tied=tied)
    features = net.forward_with_activations(some_ids(3, 7))
    h, c = features.state
    assert (h.shape, c.shape, features.raw_outputs.shape) == ((2, 3, 5), (2, 3, 16), (3, 7, 5))
    assert features.hidden.shape == (3, 7, 12 if tied else 5)
    assert net.compute_logits(features.hidden).shape == (3, 7, 260)
    assert net.layers[1].weight_ih_l0.shape == (64, 5)
    assert net.layers[1].weight_hr_l0.shape == (5, 16)


def test_variational_dropout_masks_are_constant_over_time() -> None:
    torch.manual_seed(1)
    values = torch.ones(40, 20, 50)
    locked, free = apply_dropout(values, 0.3, variational=True), apply_dropout(values, 0.3)
    assert bool((locked == locked[:, :1]).all())
    assert not bool((locked == locked[:1]).all())  # each row of the batch has a mask of its own
    assert not bool((free == free[:, :1]).all())
    for dropped, error in ((locked, 0.03), (free, 0.01)):
        assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=error)
        torch.testing.assert_close(dropped[dropped > 0].unique(), torch.tensor([1 / 0.7]))
    assert apply_dropout(values, 0.0, variational=True) is values


@pytest.mark.parametrize("locked", [False, True])
def test_model_uses_variational_dropout_if_configured(small_net: Make, locked: bool) -> None:
    torch.manual_seed(1)
    net = small_net(dropout=0.5, locked=locked, tied=False).train()
    features = net.forward_with_activations(some_ids(4, 30))
    gone = features.dropped_outputs == 0
    assert bool((gone == gone[:, :1]).all()) is locked
    torch.testing.assert_close(features.dropped_outputs[~gone], features.raw_outputs[~gone] * 2)


def test_embedding_dropout_zeroes_rows_and_scales_the_rest() -> None:
    torch.manual_seed(1)
    weight = torch.randn(500, 4, requires_grad=True)
    ids = torch.arange(500).repeat(3, 2)
    dropped = embed_with_dropout(weight, ids, 0.4)
    gone = (dropped == 0).all(-1)
    assert bool((gone == gone[:1, :500].repeat(3, 2)).all())  # wherever an id stands
    assert gone.float().mean().item() == pytest.approx(0.4, abs=0.08)
    torch.testing.assert_close(dropped[~gone], weight[ids][~gone] / 0.6)
    dropped.sum().backward()
    assert bool((weight.grad[gone[0, :500]] == 0).all())
    torch.testing.assert_close(embed_with_dropout(weight, ids, 0.0), weight[ids])


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_drop_connect_keeps_weights_and_passes_gradients(small_net: Make, cell: str, layer_norm: bool) -> None:
    torch.manual_seed(1)
    net, ids = small_net(cell=cell, weight_dropout=0.5, layer_norm=layer_norm, layers=2).train(), some_ids(2, 6)
    before = {name: weight.clone() for name, weight in net.weight_dict().items()}
    first, second = net(ids)[0], net(ids)[0]
    assert not torch.equal(first, second)
    second.square().sum().backward()
    torch.testing.assert_close(net.weight_dict(), before, rtol=0, atol=0)
    for layer in net.layers:
        assert (layer.weight_hh_l0.grad == 0).float().mean().item() == pytest.approx(0.5, abs=0.15)
    net.eval()
    assert torch.equal(net(ids)[0], net(ids)[0])


@torch.no_grad()
def test_old_weight_names_load_and_match_plain_lstm() -> None:
    shape = NetConfig(900, embedding=64, hidden=96, layers=2)
    net, made = RecurrentLM(shape).eval(), RecurrentLM(shape, generator=seeded()).weight_dict()
    tensors = {  # as folders of float16 had them before the layers had modules of their own
        re.sub(r"^layers\.(\d)\.(\w+)_l0$", r"rnn.\2_l\1", name): weight.half().float() for name, weight in made.items()
    }
    assert "rnn.weight_ih_l1" in tensors
    net.load_weights(tensors)
    ids = torch.randint(0, shape.vocab_size, (2, 12), generator=seeded())
    plain = nn.LSTM(shape.embedding, shape.hidden, shape.layers, batch_first=True)
    plain.load_state_dict({name[4:]: tensor for name, tensor in tensors.items() if name.startswith("rnn.")})
    hidden = plain(tensors["embedding.weight"][ids])[0]
    hidden = hidden @ tensors["project.weight"].t() + tensors["project.bias"]
    logits = hidden @ tensors["embedding.weight"].t() + tensors["output.bias"]
    torch.testing.assert_close(net.compute_logits(net(ids)[0]), logits, rtol=1e-4, atol=1e-4)
    state = net.zero_state(2)
    for time in range(12):  # float16 weights: packed ones
        step, state = net.step(ids[:, time], state)
        torch.testing.assert_close(net.compute_logits(step), logits[:, time], rtol=1e-4, atol=1e-4)


def test_loading_wrong_names_or_shapes_raises_and_changes_nothing(small_net: Make) -> None:
    net = small_net(layers=2)
    good = {name: weight + 1 for name, weight in net.weight_dict().items()}
    before = {name: weight.clone() for name, weight in net.weight_dict().items()}
    with pytest.raises(KeyError, match=r"output\.bias"):
        net.load_weights({name: weight for name, weight in good.items() if name != "output.bias"})
    with pytest.raises(KeyError, match="surplus"):
        net.load_weights({**good, "surplus": torch.zeros(1)})
    with pytest.raises(RuntimeError, match=r"output\.bias"):
        net.load_weights({**good, "output.bias": torch.zeros(261)})
    torch.testing.assert_close(net.weight_dict(), before, rtol=0, atol=0)
    net.load_weights(good)
    torch.testing.assert_close(net.weight_dict(), good, rtol=0, atol=0)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 999), st.floats(1e-6, 1e3))
@settings(max_examples=40, deadline=None)
def test_quantization_error_is_within_step_of_precision(rows: int, columns: int, seed: int, size: float) -> None:
    matrix, vector = torch.randn(rows, columns, generator=seeded(seed)) * size, torch.randn(5, generator=seeded(seed))
    matrix[0] = 0
    weights = {"matrix": matrix, "vector": vector}
    assert dequantize(quantize(weights, "float32"))["matrix"].equal(matrix)
    half = dequantize(quantize(weights, "float16"))
    torch.testing.assert_close(half, weights, rtol=2**-11, atol=2**-25)
    packed = quantize(weights, "int8")
    assert (packed["matrix"].dtype, packed["vector"].dtype) == (torch.int8, torch.float32)
    whole = dequantize(packed)
    step = matrix.abs().amax(1, keepdim=True) / 127
    assert bool(((whole["matrix"] - matrix).abs() <= step * 0.50001).all())
    assert whole["vector"].equal(vector) and set(whole) == set(weights)
    torch.testing.assert_close(dequantize(quantize(whole, "int8")), whole)  # and again is the same
    near = bool(((whole["matrix"] - matrix).abs() <= step * 1e-4).all())
    assert fits_int8(whole["matrix"]) and (near or not fits_int8(matrix))


def test_unknown_precision_is_a_clear_error(small_net: Make) -> None:
    with pytest.raises(InputError, match="int8"):
        quantize({}, "int4")
    packed = quantize(small_net().weight_dict(), "int8")
    del packed["embedding.weight:scale"]
    with pytest.raises(KeyError, match="embedding"):
        dequantize(packed)


@pytest.mark.parametrize(
    "shape", [*({"cell": cell} for cell in CELLS), {"layer_norm": True}, {"projection": 6}], ids=str
)
@pytest.mark.parametrize("weight_dropout", [0.0, 0.5])
def test_short_rows_match_rows_run_alone(small_net: Make, shape: dict[str, Any], weight_dropout: float) -> None:
    net = stirred(small_net(layers=2, weight_dropout=weight_dropout, **shape)).train()
    ids, lengths = some_ids(4, 9), torch.tensor([3, 9, 1, 6])
    start = tuple(torch.randn_like(part) for part in net.zero_state(4))
    torch.manual_seed(5)
    features = net.forward_with_activations(ids, start, lengths=lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.manual_seed(5)
        alone = net.forward_with_activations(
            ids[row : row + 1, :length], tuple(part[:, row : row + 1] for part in start)
        )
        torch.testing.assert_close(features.hidden[row, :length], alone.hidden[0])
        assert not features.raw_outputs[row, length:].any()
        for part, own in zip(features.state, alone.state, strict=True):
            torch.testing.assert_close(part[:, row], own[:, 0])


def test_relu_cell_matches_textbook_formula(small_net: Make) -> None:
    net = stirred(small_net(cell="relu", tied=False))
    layer, h = net.layers[0], torch.zeros(16)
    for i in (5, 9):
        inputs = layer.weight_ih_l0 @ net.embedding.weight[i] + layer.bias_ih_l0
        h = (inputs + layer.weight_hh_l0 @ h + layer.bias_hh_l0).clamp(min=0)
    torch.testing.assert_close(net(torch.tensor([[5, 9]]))[0][0, -1], h)


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
def test_wrong_shape_is_a_clear_error(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        NetConfig(100, **wrong)  # type: ignore[arg-type]


def test_config_round_trips_through_json() -> None:
    config = NetConfig(900, tied=False, softmax="adaptive", locked=True, hidden_dropout=0.2)
    assert NetConfig(**json.loads(json.dumps(asdict(config)))) == config
    assert config.cutoffs == (112, 450)


def test_dropout_is_applied_as_configured_and_only_in_training(small_net: Make) -> None:
    ids = some_ids(2, 8)
    for name in ("dropout", "hidden_dropout", "embedding_dropout", "weight_dropout"):
        net = small_net(layers=2, **{name: 0.5})
        torch.testing.assert_close(net(ids)[0], small_net(layers=2)(ids)[0])
        net.train()
        assert not torch.allclose(net(ids)[0], net(ids)[0])
    raw, dropped = small_net(dropout=0.5, locked=True).train().forward_with_activations(ids)[2:]
    gone = dropped == 0
    assert (gone == gone[:, :1]).all()
    assert gone.any()
    torch.testing.assert_close(dropped[~gone], raw[~gone] * 2)
    assert small_net(dropout=0.3, layers=2).config.effective_hidden_dropout == 0.3
    assert small_net(dropout=0.3, hidden_dropout=0.0, layers=2).config.effective_hidden_dropout == 0.0


def test_step_follows_optimizer_and_dtype(small_net: Make) -> None:
    net, ids = small_net(), torch.tensor([[7], [9]])
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    for change in (optimizer.step, net.double):
        with torch.no_grad():
            net.step(ids[:, 0], net.zero_state(2))
        net.nll(net(ids)[0], ids).backward()
        change()
        with torch.no_grad():
            hidden, _ = net.step(ids[:, 0], net.zero_state(2))
            torch.testing.assert_close(net.compute_logits(hidden), net.compute_logits(net(ids)[0])[:, 0])


@pytest.mark.parametrize("layers", [1, 2])
@torch.no_grad()
def test_hashed_ngrams_match_over_windows_and_steps(small_net: Make, layers: int) -> None:
    net, ids = stirred(small_net(ngrams=3, buckets=50, ngram_width=4, layers=layers)), some_ids(3, 9)
    full, full_state = net(ids)
    hidden, state = net(ids[:, :4])
    torch.testing.assert_close(hidden, full[:, :4])
    for time in range(4, 9):
        hidden, state = net.step(ids[:, time], state)
        torch.testing.assert_close(hidden, full[:, time])
    torch.testing.assert_close(state, full_state)
