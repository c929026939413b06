"""Training: batches, the loop, checkpoints, and what goes wrong."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import korlm
from korlm.errors import ArtifactError, CorpusError, InputError, TrainingError
from korlm.training.batching import WindowBatches
from korlm.training.config import TrainConfig
from korlm.training.loop import Report, fast_bf16, rate, window_loss

SMALL = {"tokenizer": "syllable", "embedding": 16, "hidden": 24, "batch": 8, "window": 16, "bf16": False}
LINES = korlm.load_corpus("kolaw").train[:200] + korlm.load_corpus("kolaw").valid


@given(st.integers(2, 300), st.integers(1, 8), st.integers(1, 20))
def test_windows_read_each_stream_in_order_and_targets_come_one_later(size: int, batch: int, window: int) -> None:
    if (size - 1) // batch < 1:
        return
    batches = WindowBatches(np.arange(size), batch=batch, window=window)
    inputs = torch.cat([batches[i][0] for i in range(len(batches))], 1)
    targets = torch.cat([batches[i][1] for i in range(len(batches))], 1)
    assert torch.equal(targets, inputs + 1)
    assert inputs.flatten().tolist() == list(range(inputs.numel()))
    assert inputs.shape == (batch, (size - 1) // batch)


def test_a_corpus_too_small_for_the_batch_is_a_clear_error() -> None:
    with pytest.raises(CorpusError, match="batch 64"):
        WindowBatches(np.arange(10), batch=64, window=8)


def test_the_learning_rate_warms_up_and_falls_as_a_cosine() -> None:
    config = TrainConfig(warmup=0.1, final_rate=0.0)
    assert [round(rate(share, config), 3) for share in (0.05, 0.1, 0.55, 1.0)] == [0.5, 1.0, 0.5, 0.0]


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"learning_rate": -1.0}, {"warmup": 2.0}])
def test_a_wrong_option_is_a_clear_error(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.skipif(
    not fast_bf16(torch.device("cpu")), reason="no bf16 LSTM on this processor (AVX-512 bf16 is missing)"
)
def test_the_bf16_loss_is_the_full_loss(small_net) -> None:  # type: ignore[no-untyped-def]
    net = small_net(hidden=64, embedding=32)
    ids = torch.randint(0, 260, (4, 17), generator=torch.Generator().manual_seed(3))
    full, _ = window_loss(net, ids[:, :-1], ids[:, 1:], net.zero_state(4), bf16=False)
    half, _ = window_loss(net, ids[:, :-1], ids[:, 1:], net.zero_state(4), bf16=True)
    oracle = torch.nn.functional.cross_entropy(net.logits(net(ids[:, :-1])[0]).flatten(0, 1), ids[:, 1:].flatten())
    torch.testing.assert_close(full, oracle)
    torch.testing.assert_close(half, oracle, rtol=0.01, atol=0.0)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_a_run_interrupted_and_resumed_ends_in_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("korlm.training.loop._SHOW_EVERY", 0.0)
    korlm.train_model(LINES, folder=tmp_path / "whole", epochs=3, **SMALL)

    def interrupt(report: Report) -> None:
        if report.step == 3 and report.valid is None:  # once: the last report comes after the validation
            os.kill(os.getpid(), signal.SIGINT)

    korlm.train_model(LINES, folder=tmp_path / "parts", epochs=3, report=interrupt, **SMALL)
    assert weights(tmp_path / "parts" / "last").keys() == weights(tmp_path / "whole" / "last").keys()
    different = any(
        not torch.equal(weights(tmp_path / "parts" / "last")[name], value)
        for name, value in weights(tmp_path / "whole" / "last").items()
    )
    assert different, "the interrupt came before the end"
    korlm.train_model(LINES, folder=tmp_path / "parts", epochs=3, resume=True, **SMALL)
    for name, value in weights(tmp_path / "whole" / "last").items():
        assert torch.equal(weights(tmp_path / "parts" / "last")[name], value), name


def test_training_lowers_bits_per_character(tmp_path: Path) -> None:
    lm = korlm.train_model(LINES, folder=tmp_path / "run", epochs=6, learning_rate=0.01, validate_every=0.5, **SMALL)
    history = lm.info["history"]
    assert history[-1]["valid_bpc"] < history[0]["valid_bpc"] < 14
    assert lm.score(korlm.load_corpus("kolaw").valid).bits_per_character < 9
    assert lm.info["corpus"]["train_lines"] > 100


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    before = weights(tmp_path / "run" / "last")
    with pytest.raises(TrainingError, match="learning_rate"):
        korlm.train_model(LINES, folder=tmp_path / "run", epochs=2, overwrite=True, learning_rate=1e38, clip=0, **SMALL)
    for name, value in weights(tmp_path / "run" / "last").items():
        assert torch.equal(before[name], value)


def test_a_run_is_not_overwritten_unless_asked(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    with pytest.raises(ArtifactError, match="--overwrite"):
        korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, overwrite=True, **SMALL)


def test_a_folder_that_cannot_be_written_is_said_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    def never(report: Report) -> None:
        raise AssertionError("it trained")

    with pytest.raises(ArtifactError, match="쓰지 못했습니다"):
        korlm.train_model(LINES, folder=tmp_path / "file" / "run", report=never, **SMALL)


def test_resuming_on_another_corpus_is_a_clear_error(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    with pytest.raises(ArtifactError, match="다른 말뭉치"):
        korlm.train_model(LINES[:-20], folder=tmp_path / "run", epochs=2, resume=True, **SMALL)
    with pytest.raises(ArtifactError, match="폴더가 없습니다"):
        korlm.train_model(LINES, folder=tmp_path / "nothing", resume=True, **SMALL)


def test_too_few_lines_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="모자랍니다"):
        korlm.train_model(["한 줄"], folder=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_second_run_makes_no_vocabulary_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path / "cache"))
    once = korlm.train_model(LINES, folder=tmp_path / "one", epochs=1, **SMALL)
    made = list((tmp_path / "cache" / "tokenizers").iterdir())
    assert len(made) == 1
    before = (made[0] / "vocabulary.json").stat().st_mtime_ns
    again = korlm.train_model(LINES, folder=tmp_path / "two", epochs=1, **SMALL)
    assert again.tokenizer.signature == once.tokenizer.signature
    assert (made[0] / "vocabulary.json").stat().st_mtime_ns == before
    (made[0] / "vocabulary.json").write_text("{", "utf-8")  # damaged: made anew
    assert (
        korlm.train_model(LINES, folder=tmp_path / "three", epochs=1, **SMALL).tokenizer.signature
        == once.tokenizer.signature
    )
