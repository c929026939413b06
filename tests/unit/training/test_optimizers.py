"""Losses, optimizers, weight averages, schedules and dynamic evaluation, against their definitions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import korlm
from korlm.errors import ArtifactError, InputError
from korlm.models.scoring import dynamic_token_nlls, token_nlls
from korlm.nn.lm import RecurrentLM
from korlm.tokenizers.base import EOS_ID, PAD_ID
from korlm.training.averaging import WeightAverage
from korlm.training.batching import LineBatches, StreamBatches, TrainingBatch
from korlm.training.checkpoint import TrainerState
from korlm.training.config import TrainConfig
from korlm.training.distributed import ProcessGroup
from korlm.training.loss import lm_loss
from korlm.training.optimizers import clip_gradients
from korlm.training.schedule import lr_factor
from korlm.training.step import TrainStep

Make = Callable[..., RecurrentLM]
IDS = torch.randint(4, 260, (3, 13), generator=torch.Generator().manual_seed(5))
WINDOW = TrainingBatch(IDS[:, :-1], IDS[:, 1:], 12, global_rows=3, global_tokens=36, resets_state=True)


def loss_of(net: RecurrentLM, batch: TrainingBatch = WINDOW, **options: object) -> torch.Tensor:
    return lm_loss(net, batch, net.zero_state(len(batch.inputs)), TrainConfig(**options))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [{}, {"ngrams": 3, "buckets": 64, "ngram_width": 4}, {"cell": "gru", "layers": 2}])
def test_scheduled_sampling_of_gold_inputs_is_teacher_forcing(small_net: Make, shape: dict[str, object]) -> None:
    from korlm.training.loss import forward_with_scheduled_sampling

    net = small_net(**shape)
    stepwise = forward_with_scheduled_sampling(net, WINDOW.inputs, net.zero_state(3), 1.0)
    whole = net.forward_with_activations(WINDOW.inputs, net.zero_state(3))
    torch.testing.assert_close(stepwise.hidden, whole.hidden)
    for mine, full in zip(stepwise.state, whole.state, strict=True):
        torch.testing.assert_close(mine, full)


def test_scheduled_sampling_feeds_predictions(small_net: Make) -> None:
    net = small_net()
    with torch.no_grad():
        net.output.bias[77] = 50.0  # the model always predicts token 77
    seen: list[torch.Tensor] = []
    features = net.forward_with_activations
    net.forward_with_activations = lambda ids, state=None, **how: (seen.append(ids), features(ids, state, **how))[1]  # type: ignore[method-assign]
    loss_of(net, teacher_forcing=0.0)
    assert torch.equal(seen[0], WINDOW.inputs[:, :1])
    assert all((ids == 77).all() for ids in seen[1:])
    seen.clear()
    torch.manual_seed(1)
    loss_of(net, teacher_forcing=0.5)
    guessed = (torch.cat(seen, 1)[:, 1:] == 77).float().mean()
    assert 0.2 < guessed < 0.8


def test_loss_of_whole_lines_matches_scoring_padded_or_packed(small_net: Make) -> None:
    lines = [[5, 9, 30], [7], [], [8, 8, 8, 8, 8, 100]]
    ids = np.array([number for line in lines for number in (*line, EOS_ID)])
    for shape in ({}, {"cell": "gru", "layers": 2}, {"ngrams": 3, "buckets": 64, "ngram_width": 4}):
        net = small_net(**shape)
        if net.ngrams is not None:
            torch.nn.init.normal_(net.ngrams.table.weight)
        expected = sum(float(nats.sum()) for nats in token_nlls(net, lines))
        losses = []
        for packed in (False, True):
            batch = LineBatches(ids, batch_size=4, packed=packed).batch_at(0)
            assert (batch.targets == PAD_ID).any()
            loss, nats, _ = lm_loss(net, batch, net.zero_state(4), TrainConfig())
            assert float(nats) == pytest.approx(expected, rel=1e-5)
            assert float(loss) == pytest.approx(expected / 14, rel=1e-5)
            losses.append(loss)
        gradients = [torch.autograd.grad(loss, net.output.bias)[0] for loss in losses]
        torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-6)


def test_ar_and_tar_are_added_to_loss(small_net: Make) -> None:
    net = small_net()
    plain, both = loss_of(net), loss_of(net, activation=2.0, temporal=3.0)
    outputs = net.forward_with_activations(WINDOW.inputs).raw_outputs
    penalty = 2 * outputs.square().mean() + 3 * (outputs[:, 1:] - outputs[:, :-1]).square().mean()
    torch.testing.assert_close(both - plain, penalty)


def test_clip_gradients_reports_clipping(small_net: Make) -> None:
    net = small_net()
    loss_of(net).backward()
    norm, cut = clip_gradients(net, TrainConfig(clip=1e9))
    assert not cut
    before = float(norm)
    norm, cut = clip_gradients(net, TrainConfig(clip=before / 2))
    assert cut and float(norm) == pytest.approx(before)
    after = torch.nn.utils.get_total_norm([weight.grad for weight in net.parameters() if weight.grad is not None])
    assert float(after) == pytest.approx(before / 2, rel=1e-4)
    _, cut = clip_gradients(net, TrainConfig(clip=0.0, clip_value=1e-4))
    largest = max(float(weight.grad.abs().max()) for weight in net.parameters() if weight.grad is not None)
    assert cut and largest == pytest.approx(1e-4)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "asgd"])
def test_every_optimizer_memorizes_a_line(optimizer: str, small_net: Make) -> None:
    net = small_net(hidden=32).train()
    config = TrainConfig(optimizer=optimizer, bf16=False, warmup=0.0, schedule="constant", weight_decay=0.0)
    learner, progress = TrainStep(net, config, 3, ProcessGroup()), TrainerState("")
    first = learner.step(WINDOW, 0.0, progress)[0]
    for _ in range(60):
        last = learner.step(WINDOW, 0.0, progress)[0]
    assert last < 0.7 * first


def test_restored_step_continues_identically(small_net: Make, tmp_path: Path) -> None:
    for options in ({}, {"average": 0.9}, {"optimizer": "sgd"}):
        config = TrainConfig(bf16=False, **options)  # type: ignore[arg-type]
        one = TrainStep(small_net(dropout=0.3).train(), config, 3, ProcessGroup())
        two = TrainStep(small_net(dropout=0.3).train(), config, 3, ProcessGroup())
        progress = TrainerState("")
        for _ in range(3):
            one.step(WINDOW, 0.1, progress)
        two.restore_tensors({name: tensor.clone() for name, tensor in one.checkpoint_tensors().items()}, tmp_path)
        for learner in (one, two):
            learner.step(WINDOW, 0.2, progress)
        for mine, other in zip(one.model.parameters(), two.model.parameters(), strict=True):
            assert torch.equal(mine, other)
        for name, kept in one.average.averaged_weights.items():
            assert torch.equal(kept, two.average.averaged_weights[name])


def test_removed_muon_optimizer_is_a_clear_error(small_net: Make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"muon.*adamw"):
        TrainConfig(optimizer="muon")
    step = TrainStep(small_net().train(), TrainConfig(bf16=False), 3, ProcessGroup())
    tensors = step.checkpoint_tensors()
    tensors["optimizer.layers.0.weight_hh_l0.momentum"] = torch.zeros(3)
    with pytest.raises(ArtifactError, match="설정이 같은지"):
        step.restore_tensors(tensors, tmp_path)


def test_average_without_decay_is_mean_of_steps() -> None:
    net = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(net, decay=0.0)
    for count, value in enumerate((1.0, 2.0, 6.0)):
        net.weight.data.fill_(value)
        if count:
            average.update()
        else:
            average.start()
    with average.average_parameters():
        assert net.weight.item() == pytest.approx(3.0)
    assert net.weight.item() == 6.0


def test_learning_rate_schedules() -> None:
    shares = (0.05, 0.1, 0.55, 1.0)
    for schedule, expected in (
        ("cosine", [0.5, 1.0, 0.5, 0.0]),
        ("linear", [0.5, 1.0, 0.5, 0.0]),
        ("constant", [0.5, 1.0, 1.0, 1.0]),
    ):
        config = TrainConfig(schedule=schedule, warmup=0.1, final_rate=0.0)
        assert [round(lr_factor(share, config), 3) for share in shares] == expected
    cosine, linear = (lr_factor(0.3, TrainConfig(schedule=name)) for name in ("cosine", "linear"))
    assert cosine > linear


def test_sgd_anneals_and_asgd_averages_when_validation_stalls(tmp_path: Path) -> None:
    lines = korlm.load_corpus("kolaw", limit=120)
    small = {"tokenizer": "syllable", "embedding": 8, "hidden": 8, "batch": 4, "bptt": 8, "schedule": "constant"}
    sgd = korlm.train_model(lines, folder=tmp_path / "sgd", optimizer="sgd", learning_rate=200.0, **small)
    assert sgd.info["history"]
    progress = (tmp_path / "sgd" / "last" / "progress.json").read_text()
    assert '"rate": 1.0' not in progress
    korlm.train_model(lines, folder=tmp_path / "asgd", optimizer="asgd", learning_rate=200.0, validations=20, **small)
    from safetensors.torch import load_file

    assert int(load_file(tmp_path / "asgd" / "last" / "training.safetensors")["average"]) > 1


def test_dynamic_evaluation_scores_before_training(small_net: Make) -> None:
    net = small_net()
    lines = [[5, 9, 30]] * 60
    weights = copy.deepcopy(net.state_dict())
    static, dynamic = token_nlls(net, lines), dynamic_token_nlls(net, lines, 0.5)
    for name, weight in net.state_dict().items():
        assert torch.equal(weight, weights[name])
    for index in range(20):  # the first group is scored before any training
        np.testing.assert_allclose(dynamic[index], static[index], rtol=1e-4)
    assert dynamic[59].sum() < 0.9 * static[59].sum()
    assert [len(nats) for nats in dynamic] == [4] * 60
    np.testing.assert_allclose(np.concatenate(dynamic_token_nlls(net, lines, 0.0)), np.concatenate(static), rtol=1e-4)


def test_signature_states_dynamic_evaluation() -> None:
    lm = korlm.load_model("reviews-unigram-gru")
    assert "dynamic:0.1|" in lm.score(["재미있다"], dynamic=0.1).signature
    assert "dynamic" not in lm.score(["재미있다"]).signature


def test_streams_carry_state_between_windows(small_net: Make) -> None:
    ids = torch.randint(4, 260, (2 * 24 + 1,), generator=torch.Generator().manual_seed(9)).numpy()
    net = small_net()
    batches = StreamBatches(ids, batch_size=2, bptt=5)
    learner = TrainStep(net, TrainConfig(learning_rate=1e-30, bf16=False, weight_decay=0.0), 2, ProcessGroup())
    position, total = 0, 0.0
    while position < batches.epoch_length:
        batch = batches.batch_at(position)
        total += learner.step(batch, 0.0, TrainerState(""))[0]
        position += batch.num_positions
    whole = StreamBatches(ids, batch_size=2, bptt=24).batch_at(0)
    assert total == pytest.approx(float(lm_loss(net, whole, net.zero_state(2), TrainConfig())[1]), rel=1e-4)
