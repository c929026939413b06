"""Training an encoder-decoder on dialogue pairs: batches, the loss, scheduled sampling, and the training loop."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from pathlib import Path

import pytest
import torch

import korlm
from korlm.errors import CorpusError, InputError
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID
from korlm.training.checkpoint import TrainerState
from korlm.training.config import TrainConfig
from korlm.training.dialogue_batches import PairBatches, collate_pairs
from korlm.training.distributed import ProcessGroup
from korlm.training.loss import seq2seq_loss
from korlm.training.schedule import teacher_forcing_ratio
from korlm.training.step import TrainStep
from korlm.training.trainer import Trainer

PAIRS = [([BOS_ID, *[5 + n % 7] * (1 + n % 5), EOS_ID], [12 + n % 7] * (1 + n % 4)) for n in range(45)]


def net(**shape: object) -> Seq2Seq:
    torch.manual_seed(4)
    return Seq2Seq(Seq2SeqConfig(30, **{"embedding": 8, "hidden": 12, **shape}))  # type: ignore[arg-type]


def test_each_pair_comes_once_per_epoch() -> None:
    batches = PairBatches(PAIRS, batch_size=8, seed=3)
    assert batches.epoch_length == 40
    for epoch in (0, 1):
        seen: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
        for position in range(epoch * 40, epoch * 40 + 40, 8):
            batch = batches.batch_at(position)
            assert batch.resets_state and (batch.global_rows, batch.num_positions, len(batch.inputs)) == (8, 8, 8)
            assert batch.global_tokens == int((batch.targets != PAD_ID).sum())
            for source, size, inputs, targets in zip(
                batch.source.tolist(), batch.source_lengths.tolist(), batch.inputs.tolist(), batch.targets.tolist(),
                strict=True,
            ):  # fmt: skip
                question, answer = source[:size], [number for number in inputs[1:] if number != PAD_ID]
                assert (source[0], source[size - 1], inputs[0]) == (BOS_ID, EOS_ID, BOS_ID)
                assert not any(source[size:]) and targets[: len(answer) + 1] == [*answer, EOS_ID]
                seen[tuple(question), tuple(answer)] += 1
        every = Counter((tuple(question), tuple(answer)) for question, answer in PAIRS)
        assert seen.total() == 40 and not seen - every
    first, second = batches.batch_at(0), batches.batch_at(40)
    assert not torch.equal(first.source, second.source) or not torch.equal(first.targets, second.targets)
    halves = [PairBatches(PAIRS, batch_size=8, seed=3, shard=(rank, 2)).batch_at(8) for rank in (0, 1)]
    assert (
        sum(int((half.targets != PAD_ID).sum()) for half in halves)
        == halves[0].global_tokens
        == batches.batch_at(8).global_tokens
    )
    with pytest.raises(CorpusError, match="45"):
        PairBatches(PAIRS, batch_size=46)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_batch_loss_is_mean_of_its_pairs(smoothing: float) -> None:
    model, config = net(), TrainConfig(smoothing=smoothing)
    loss, nats, state = seq2seq_loss(model, collate_pairs(PAIRS[:6]), (), config)
    alone = [seq2seq_loss(model, collate_pairs([pair]), (), config) for pair in PAIRS[:6]]
    pieces = [len(answer) + 1 for _, answer in PAIRS[:6]]
    expected = sum(one[0].item() * size for one, size in zip(alone, pieces, strict=True)) / sum(pieces)
    assert float(loss) == pytest.approx(expected, rel=1e-4) and state == ()
    assert float(nats) == pytest.approx(sum(float(one[1]) for one in alone), rel=1e-4)


def test_scheduled_sampling_of_gold_inputs_is_teacher_forcing() -> None:
    model, batch = net(cell="lstm"), collate_pairs(PAIRS[:5])
    torch.manual_seed(1)
    almost, _, _ = seq2seq_loss(model, batch, (), TrainConfig(), teacher_forcing=1 - 1e-9)
    whole, _, _ = seq2seq_loss(model, batch, (), TrainConfig())
    torch.testing.assert_close(almost, whole)


def test_scheduled_sampling_feeds_predictions() -> None:
    model, batch = net(), collate_pairs(PAIRS[:5])
    with torch.no_grad():
        model.output.bias[27] = 60.0  # the model always predicts token 27
    seen: list[torch.Tensor] = []
    decode = model.decode
    model.decode = lambda memory, ids, state: (seen.append(ids), decode(memory, ids, state))[1]  # type: ignore[method-assign]
    seq2seq_loss(model, batch, (), TrainConfig(), teacher_forcing=0.0)
    assert (seen[0] == BOS_ID).all() and all((ids == 27).all() for ids in seen[1:])


@pytest.mark.parametrize("decay", ["linear", "exponential", "inverse-sigmoid"])
@pytest.mark.parametrize("end", [0.0, 0.25, 0.9])
def test_teacher_forcing_ratio_follows_its_curve(decay: str, end: float) -> None:
    config = TrainConfig(teacher_forcing=end, forcing_decay=decay)
    curve = [teacher_forcing_ratio(step / 50, config) for step in range(51)]
    assert curve[0] == pytest.approx(1.0, abs=0.011) and curve[-1] == pytest.approx(end, abs=0.011)
    assert all(one > two for one, two in itertools.pairwise(curve))
    if decay == "inverse-sigmoid":  # k / (k + exp(a s)): its odds fall as an exponential
        odds = [math.log(share / (1 - share)) for share in curve]
        steps = [one - two for one, two in itertools.pairwise(odds)]
        assert max(steps) == pytest.approx(min(steps), rel=1e-6)
    assert teacher_forcing_ratio(0.3, TrainConfig(teacher_forcing=end)) == end, "constant"


def trainer(model: Seq2Seq, folder: Path, bits: list[float] | None = None, **options: object) -> Trainer:
    config = TrainConfig(batch=5, bf16=False, **{"epochs": 4.0, "validations": 4, **options})  # type: ignore[arg-type]
    given = iter(bits or [])
    return Trainer(
        model, PairBatches(PAIRS, batch_size=5), config, validate=lambda: next(given, 1.0),
        write_model=lambda path: (path / "config.json").write_text("{}"), folder=folder, data_digest="pairs", loss_function=seq2seq_loss,
    )  # type: ignore[arg-type, return-value]  # fmt: skip


def test_trainer_trains_seq2seq_and_resumes_identically(tmp_path: Path) -> None:
    options = {"teacher_forcing": 0.5, "forcing_decay": "linear", "smoothing": 0.1, "learning_rate": 0.02}
    whole = trainer(net(dropout=0.2), tmp_path / "whole", **options)
    before = float(seq2seq_loss(whole.model.eval(), collate_pairs(PAIRS), (), TrainConfig())[1])
    whole.run()
    assert float(seq2seq_loss(whole.model.eval(), collate_pairs(PAIRS), (), TrainConfig())[1]) < 0.6 * before
    part = trainer(net(dropout=0.2), tmp_path / "part", **options)
    step, steps = part.train_step.step, 0

    def stop(*given: object) -> tuple[float, int]:
        nonlocal steps
        steps += 1
        if steps == 15:
            raise KeyboardInterrupt
        return step(*given)  # type: ignore[arg-type]

    part.train_step.step = stop  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        part.run()
    again = trainer(net(dropout=0.2), tmp_path / "part", **options)
    again.resume()
    assert 0 < again.state.step < 15
    again.run()
    for (name, mine), other in zip(whole.model.named_parameters(), again.model.parameters(), strict=True):
        assert torch.equal(mine, other), name


def test_early_stopping_without_improvement(tmp_path: Path) -> None:
    bits = [3.0, 2.0, 2.1, 2.2, 1.0, 0.9]
    run = trainer(net(), tmp_path, bits, epochs=6.0, validations=6, patience=2)
    progress = run.run()
    assert [entry["valid_bpc"] for entry in progress.history] == bits[:4] and progress.best == 2.0
    patient = trainer(net(), tmp_path / "patient", bits, epochs=6.0, validations=6, patience=3)
    assert len(patient.run().history) == 6


def test_two_ranks_train_like_one(tmp_path: Path) -> None:
    one = net()
    config = TrainConfig(batch=8, bf16=False, learning_rate=0.01)
    learner = TrainStep(one, config, 8, ProcessGroup(), loss_function=seq2seq_loss)
    for step in range(3):
        learner.step(PairBatches(PAIRS, batch_size=8).batch_at(8 * step), 0.5, TrainerState("", step=step))
    two = net()
    learner = TrainStep(two, config, 8, ProcessGroup(), loss_function=seq2seq_loss)
    for step in range(3):
        halves = [PairBatches(PAIRS, batch_size=8, shard=(rank, 2)).batch_at(8 * step) for rank in (0, 1)]
        losses = [seq2seq_loss(two, half, (), config)[0] for half in halves]
        two.zero_grad()
        sum(losses).backward()  # type: ignore[union-attr]
        torch.nn.utils.clip_grad_norm_(two.parameters(), config.clip)
        for optimizer in learner.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learner_rate(config)
            optimizer.step()
    for mine, other in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-5, rtol=1e-4)


def learner_rate(config: TrainConfig) -> float:
    from korlm.training.schedule import lr_factor

    return config.peak_learning_rate * lr_factor(0.5, config)


def test_label_smoothing_of_language_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="smoothing"):
        korlm.train_model(["가나다"] * 50, folder=tmp_path, smoothing=0.1)
