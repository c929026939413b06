"""Initial weights: the variance of each scheme, orthogonality, the generator and the forget bias."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from support.toy_models import Make, seeded
from torch import nn

from korlm.nn.lm import NetConfig, RecurrentLM


def variances(initialisation: str, **shape: Any) -> dict[str, float]:
    config = NetConfig(
        2000, **{"embedding": 100, "hidden": 300, "tied": False, **shape, "initialisation": initialisation}
    )
    weights = RecurrentLM(config, generator=seeded()).weight_dict()
    return {name: weight.var().item() for name, weight in weights.items() if weight.dim() == 2}


@pytest.mark.parametrize(
    ("initialisation", "embedding", "ih", "hh", "output"),
    [
        ("orthogonal", 1 / 100, 2 / (100 + 1200), 1 / 300, 2 / (300 + 2000)),
        ("xavier", 1 / 100, 2 / (100 + 300), 2 / (300 + 300), 2 / (300 + 2000)),
        ("he", 1 / 100, 2 / 100, 2 / 300, 2 / 300),
        ("uniform", 1 / 900, 1 / 900, 1 / 900, 1 / 900),
    ],
)
def test_initial_weights_have_variance_of_their_scheme(
    initialisation: str, embedding: float, ih: float, hh: float, output: float
) -> None:
    for layer_norm in (False, True):
        found = variances(initialisation, layer_norm=layer_norm)
        expected = [embedding, ih, hh, output]
        names = ("embedding.weight", "layers.0.weight_ih_l0", "layers.0.weight_hh_l0", "output.weight")
        assert [found[name] for name in names] == pytest.approx(expected, rel=0.03)


def test_orthogonal_initialization_preserves_norms(small_net: Make) -> None:
    net = small_net(initialisation="orthogonal", layers=2)
    for layer in net.layers:
        for gate in layer.weight_hh_l0.detach().chunk(4):
            torch.testing.assert_close(gate @ gate.t(), torch.eye(16), atol=1e-5, rtol=0)


@pytest.mark.parametrize("initialisation", ["orthogonal", "xavier", "he", "uniform"])
def test_initial_weights_depend_only_on_generator(initialisation: str) -> None:
    config = NetConfig(50, embedding=6, hidden=8, initialisation=initialisation)
    one, same = (RecurrentLM(config, generator=seeded(5)).weight_dict() for _ in range(2))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    assert not torch.equal(one["embedding.weight"], RecurrentLM(config, generator=seeded(6)).embedding.weight)


def test_forget_bias_is_set_once_at_second_gate(small_net: Make) -> None:
    for layer in small_net(forget_bias=1.5, layers=2).layers:
        total = (layer.bias_ih_l0 + layer.bias_hh_l0).view(4, 16)  # i, f, g, o
        assert total.tolist() == [[0.0] * 16, [1.5] * 16, [0.0] * 16, [0.0] * 16]
    for layer in small_net(forget_bias=1.5, layer_norm=True).layers:
        total = (layer.norm_ih.bias + layer.norm_hh.bias).view(4, 16)
        assert total.tolist() == [[0.0] * 16, [1.5] * 16, [0.0] * 16, [0.0] * 16]
        assert bool((layer.norm_c.weight == 1).all() and (layer.norm_c.bias == 0).all())
    assert not small_net(cell="gru").layers[0].bias_ih_l0.any()
    # torch's order: with an open forget gate and a closed input gate the cell keeps what it holds
    lstm = nn.LSTM(1, 1)
    for weight in lstm.parameters():
        nn.init.zeros_(weight)
    lstm.bias_ih_l0.data = torch.tensor([-30.0, 30.0, 0.0, 0.0])
    _, (_, c) = lstm(torch.zeros(5, 1), (torch.zeros(1, 1), torch.full((1, 1), 0.7)))
    assert c.item() == pytest.approx(0.7)
