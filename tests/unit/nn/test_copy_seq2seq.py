"""The pointer-generator network, against a plain computation of its mixture, and its steps against its whole runs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from korlm.nn.copy_seq2seq import CopyMemory, CopySeq2Seq
from korlm.nn.seq2seq import Seq2SeqConfig
from korlm.tokenizers.base import BOS_ID

VOCAB_SIZE = 40
SOURCE = torch.tensor([[7, 9, 7, 3, 12], [5, 6, 8, 0, 0]])
LENGTHS = torch.tensor([5, 3])
INPUTS = torch.tensor([[BOS_ID, 7, 20], [BOS_ID, 6, 6]])
TARGETS = torch.tensor([[7, 20, 2], [6, 39, 2]])


def make_model(**options: object) -> CopySeq2Seq:
    config = Seq2SeqConfig(VOCAB_SIZE, embedding=6, hidden=8, **options)  # type: ignore[arg-type]
    return CopySeq2Seq(config, generator=torch.Generator().manual_seed(3)).eval()


def run_parts(model: CopySeq2Seq) -> tuple[CopyMemory, Tensor, Tensor, Tensor]:
    """Return the memory, and the gates, attention weights and log-probabilities of each step."""
    memory, state = model.encode(SOURCE, LENGTHS)
    step, _ = model._run_decoder(memory, INPUTS, state)
    log_probs, weights, _ = model.decode(memory, INPUTS, state)
    return memory, step.gate.sigmoid(), weights, log_probs


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_mixture_equals_a_plain_reference_and_sums_to_one(cell: str) -> None:
    model = make_model(cell=cell)
    with torch.no_grad():
        model.gate.bias.fill_(0.3)
        memory, gates, weights, log_probs = run_parts(model)
        step, _ = model._run_decoder(memory, INPUTS, model.encode(SOURCE, LENGTHS)[1])
        logits = step.hidden @ model.output.weight.T + model.output.bias
    for row in range(2):
        for time in range(3):
            gate = float(gates[row, time])
            exponentials = [math.exp(float(logit)) for logit in logits[row, time]]
            reference = [gate * value / sum(exponentials) for value in exponentials]
            for position in range(int(LENGTHS[row])):
                reference[int(SOURCE[row, position])] += (1 - gate) * float(weights[row, time, position])
            assert sum(reference) == pytest.approx(1, abs=1e-5)
            assert log_probs[row, time].exp().tolist() == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("bias", [-40.0, 40.0])
def test_a_closed_gate_leaves_one_distribution(bias: float) -> None:
    model = make_model()
    with torch.no_grad():
        model.gate.bias.fill_(bias)
        _, _, _, log_probs = run_parts(model)
    in_source = set(SOURCE[0].tolist())
    copied = [token for token in range(VOCAB_SIZE) if float(log_probs[0, 0, token].exp()) > 1e-6]
    assert (set(copied) == in_source) is (bias < 0)


def test_nll_equals_the_log_probabilities_and_has_finite_gradients() -> None:
    model = make_model()
    memory, state = model.encode(SOURCE, LENGTHS)
    nll = model.answer_nll(memory, state, INPUTS, TARGETS)
    log_probs, _, _ = model.decode(memory, INPUTS, state)
    assert torch.allclose(nll, -log_probs.gather(2, TARGETS[..., None])[..., 0], atol=1e-5)
    assert torch.allclose(nll, model.nll(log_probs, TARGETS, reduction="none"), atol=1e-5)
    nll.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.parameters())


def test_one_step_equals_the_whole_run() -> None:
    model = make_model()
    with torch.no_grad():
        memory, state = model.encode(SOURCE, LENGTHS)
        whole, weights, _ = model.decode(memory, INPUTS, state)
        log_probs, attention, carried = model.start_decoding(SOURCE, LENGTHS, BOS_ID)
        for time in range(3):
            assert torch.allclose(log_probs, whole[:, time], atol=1e-5)
            assert torch.allclose(attention, weights[:, time], atol=1e-6)
            if time < 2:
                log_probs, attention, carried = model.step_with_attention(INPUTS[:, time + 1], carried)


def test_padding_and_other_rows_change_nothing() -> None:
    model = make_model()
    with torch.no_grad():
        _, _, _, log_probs = run_parts(model)
        memory, state = model.encode(SOURCE[1:, :3], LENGTHS[1:])
        alone, weights, _ = model.decode(memory, INPUTS[1:], state)
    assert torch.allclose(log_probs[1:], alone, atol=1e-5) and weights.shape == (1, 3, 3)


def test_attention_may_follow_the_previous_token() -> None:
    """With keys of the previous token alone, the pointer is on the token after the one just read."""
    model = make_model()
    with torch.no_grad():
        memory, _ = model.encode(SOURCE, LENGTHS)
        model.previous_keys.weight.zero_()
        without, _ = model.encode(SOURCE, LENGTHS)
        difference = memory.projected_keys - without.projected_keys
    assert torch.allclose(difference[0, 1], difference[0, 3], atol=1e-6)  # both follow a 7
    assert not torch.allclose(difference[0, 1], difference[0, 2], atol=1e-3)
