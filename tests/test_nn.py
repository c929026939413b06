"""The net and its scores, against oracles."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from korlm.errors import CorpusError, InputError
from korlm.lm import LanguageModel
from korlm.nn.recurrent import CELLS, NetConfig, RecurrentLM
from korlm.tokenizers.base import EOS_ID
from korlm.tokenizers.byte import byte_tokenizer
from korlm.training.scoring import line_nats

Make = Callable[..., RecurrentLM]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_windows_with_carried_state_equal_the_full_pass(small_net: Make, cell: str, layers: int) -> None:
    net = small_net(cell=cell, layers=layers)
    ids = torch.randint(0, 260, (3, 20), generator=torch.Generator().manual_seed(2))
    full, full_state = net(ids)
    first, state = net(ids[:, :7])
    second, state = net(ids[:, 7:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), full)
    for part, whole in zip(state, full_state, strict=True):
        torch.testing.assert_close(part, whole)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_one_step_after_another_equals_the_full_pass(small_net: Make, cell: str, layers: int) -> None:
    net = small_net(cell=cell, layers=layers)
    ids = torch.randint(0, 260, (3, 6), generator=torch.Generator().manual_seed(2))
    full, full_state = net(ids)
    state = net.zero_state(3)
    for time in range(6):
        hidden, state = net.step(ids[:, time], state)
        torch.testing.assert_close(hidden, full[:, time])
    for part, whole in zip(state, full_state, strict=True):
        torch.testing.assert_close(part, whole)


def test_gradients_stop_at_the_window(small_net: Make) -> None:
    net = small_net()
    ids = torch.zeros(1, 4, dtype=torch.long)
    _, state = net(ids)
    carried = tuple(part.detach() for part in state)
    before = net.embedding(ids).detach().requires_grad_()
    net.logits(net(ids, carried)[0]).sum().backward()
    assert before.grad is None
    assert all(part.grad_fn is None for part in carried)


def test_the_lstm_is_the_textbook_one(small_net: Make) -> None:
    net = small_net(tied=False)
    ids = torch.tensor([[5, 9]])
    h, c = torch.zeros(16), torch.zeros(16)
    for i in ids[0]:
        gates = net.rnn.weight_ih_l0 @ net.embedding.weight[i] + net.rnn.bias_ih_l0 + net.rnn.weight_hh_l0 @ h
        a, f, g, o = (gates + net.rnn.bias_hh_l0).chunk(4)
        c = f.sigmoid() * c + a.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
    torch.testing.assert_close(net(ids)[0][0, -1], h)


def test_tied_weights_are_one_tensor_and_counted_once(small_net: Make) -> None:
    net = small_net(tied=True)
    assert net.output.weight is net.embedding.weight
    parameters = sum(p.numel() for p in net.parameters())
    assert parameters == 260 * 12 + 260 + 4 * 16 * (12 + 16 + 2) + 16 * 12 + 12


def test_a_wrong_shape_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="lstm"):
        NetConfig(100, cell="transformer")
    with pytest.raises(InputError, match="1 이상"):
        NetConfig(100, hidden=0)


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
