"""bf16 kernels on CPU against torch in float32."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.nn.bf16.cross_entropy import bf16_cross_entropy
from korlm.nn.bf16.gru import run_gru
from korlm.nn.bf16.lstm import run_lstm
from korlm.nn.bf16.ops import BF16, cpu_supports_bf16, packed_linear, prepack_weight
from korlm.nn.config import NetConfig
from korlm.nn.layers import make_layer, run_layer


def relative_error(actual: Tensor, exact: Tensor) -> float:
    """Return the relative error in the 2-norm."""
    return float((actual.detach().float() - exact.detach()).norm() / exact.detach().norm())


@pytest.mark.parametrize(("rows", "outputs", "inputs"), [(1, 7, 5), (3, 64, 33), (64, 96, 32)])
def test_packed_linear_matches_linear(rows: int, outputs: int, inputs: int) -> None:
    left, weight, bias = torch.randn(rows, inputs), torch.randn(outputs, inputs), torch.randn(outputs)
    found = packed_linear(left.to(BF16), prepack_weight(weight.to(BF16), rows), bias.to(BF16))
    assert found.dtype == BF16
    assert relative_error(found, F.linear(left, weight, bias)) < 0.01


def ours(layer: nn.Module, window: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    run = run_gru if isinstance(layer, nn.GRU) else run_lstm
    return run(window, state, list(layer.parameters()))


def states(kind: type[nn.Module], *size: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(size) for _ in range(1 if kind is nn.GRU else 2))


each_cell = pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM])


@each_cell
@pytest.mark.parametrize(("batch", "length", "inputs", "width"), [(1, 1, 3, 4), (5, 9, 24, 32), (3, 40, 16, 8)])
def test_bf16_layer_matches_torch_with_gradients(
    kind: type[nn.Module], batch: int, length: int, inputs: int, width: int
) -> None:
    torch.manual_seed(3)
    layer, text, first = (
        kind(inputs, width, batch_first=True),
        torch.randn(batch, length, inputs),
        states(kind, 1, batch, width),
    )
    wanted = (
        torch.randn(batch, length, width),
        torch.randn(1, batch, width),
    )  # weights of outputs and states in the loss
    found = []
    for run in ("torch", "ours"):
        window, state = text.clone().requires_grad_(), tuple(part.clone().requires_grad_() for part in first)
        layer.zero_grad()
        if run == "torch":
            outputs, last = layer(window, state if len(state) == 2 else state[0])
            last = last if isinstance(last, tuple) else (last,)
        else:
            outputs, last = ours(layer, window, state)
            assert [outputs.dtype, *(part.dtype for part in last)] == [BF16, *[torch.float32] * len(state)]
        ((outputs.float() * wanted[0]).sum() + sum((part * wanted[1]).sum() for part in last)).backward()
        gradients = [window.grad, *(part.grad for part in state), *(one.grad.clone() for one in layer.parameters())]
        found.append([outputs.detach(), *(part.detach() for part in last), *gradients])
    for exact, own in zip(*found, strict=True):
        assert own.shape == exact.shape
        assert relative_error(own, exact) < 0.02


@each_cell
@torch.no_grad()
def test_bf16_layer_without_gradients_is_identical(kind: type[nn.Module]) -> None:
    torch.manual_seed(3)
    layer, window, state = kind(6, 8, batch_first=True), torch.randn(2, 5, 6), states(kind, 1, 2, 8)
    quiet, _ = ours(layer, window, state)
    with torch.enable_grad():
        loud, _ = ours(layer, window, state)
    assert torch.equal(quiet, loud)


@each_cell
def test_consecutive_bf16_windows_match_one_long_window(kind: type[nn.Module]) -> None:
    torch.manual_seed(3)
    layer, window, state = kind(6, 8, batch_first=True), torch.randn(2, 20, 6), states(kind, 1, 2, 8)
    whole, last = ours(layer, window, state)
    parts = []
    for part in window.split((7, 1, 12), 1):
        outputs, state = ours(layer, part, state)
        parts.append(outputs)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=0.02, rtol=0.02)  # h is rounded within a window
    for found, exact in zip(state, last, strict=True):
        torch.testing.assert_close(found, exact, atol=0.03, rtol=0.03)


@pytest.mark.skipif(not cpu_supports_bf16(), reason="no bf16 on this processor: torch's own layers are run")
def test_autocast_uses_bf16_kernels_except_for_packed_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr("korlm.nn.layers.run_gru", lambda *given: calls.append("gru") or run_gru(*given))
    monkeypatch.setattr("korlm.nn.layers.run_lstm", lambda *given: calls.append("lstm") or run_lstm(*given))
    window, state = torch.randn(2, 5, 6), (torch.zeros(1, 2, 8),)
    gru = make_layer(NetConfig(9, cell="gru", embedding=6, hidden=8), 6)
    exact, _ = run_layer(gru, window, state)
    assert not calls
    with torch.autocast("cpu", dtype=BF16):
        low, _ = run_layer(gru, window, state)
        assert calls == ["gru"] and relative_error(low, exact) < 0.02
        packed, _ = run_layer(gru, window, state, lengths=torch.tensor([5, 3]))
        lstm = make_layer(NetConfig(9, cell="lstm", embedding=6, hidden=8), 6)
        run_layer(lstm, window, (torch.zeros(1, 2, 8),) * 2)
    assert calls == ["gru", "lstm"] and relative_error(packed[0], exact[0]) < 0.02


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize(("rows", "size"), [(5, 7), (700, 300), (130, 9_000)])
def test_bf16_cross_entropy_matches_float32_with_gradients(
    rows: int, size: int, biased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("korlm.nn.bf16.cross_entropy._BLOCK_LOGITS", 1 << 17)  # several blocks of several parts
    torch.manual_seed(5)
    hidden, weight = torch.randn(rows, 16), (torch.randn(size, 16) / 4).requires_grad_()
    bias = torch.randn(size, requires_grad=True) if biased else None
    targets, counts = torch.randint(0, size, (rows,)), torch.rand(rows) < 0.8
    hidden.requires_grad_()
    scale = counts / counts.sum()
    exact = (F.cross_entropy(F.linear(hidden, weight, bias), targets, reduction="none") * scale).sum()
    exact.backward()
    loss, d_hidden, d_weight, d_bias = bf16_cross_entropy(
        hidden.detach().to(BF16), weight.detach(), None if bias is None else bias.detach(), targets, scale
    )
    assert loss.item() == pytest.approx(exact.item(), rel=0.01)
    assert relative_error(d_hidden, hidden.grad) < 0.02 and relative_error(d_weight, weight.grad) < 0.02
    assert not d_hidden[~counts].any()
    if bias is None:
        assert d_bias is None
    else:
        assert relative_error(d_bias, bias.grad) < 0.03


def test_bf16_cross_entropy_of_an_impossible_target_is_finite() -> None:
    hidden, weight = torch.full((1, 4), 100.0, dtype=BF16), torch.stack([torch.ones(4), -torch.ones(4)])
    loss, *gradients = bf16_cross_entropy(hidden, weight, None, torch.tensor([1]), torch.ones(1))
    assert 80 < loss.item() < 800
    assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)
