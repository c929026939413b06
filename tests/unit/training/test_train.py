"""Training language models: the loop, checkpoints, resuming, and errors."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import korlm
from korlm.errors import ArtifactError, CorpusError, InputError, TrainingError
from korlm.training.batching import TrainingBatch
from korlm.training.config import TrainConfig
from korlm.training.loss import lm_loss
from korlm.training.schedule import lr_factor
from korlm.training.step import supports_fast_bf16
from korlm.training.trainer import ProgressReport, Trainer

SMALL = {"tokenizer": "syllable", "embedding": 16, "hidden": 24, "batch": 8, "bptt": 16, "bf16": False}
LINES = korlm.load_corpus("kolaw").train[:200] + korlm.load_corpus("kolaw").valid


def test_learning_rate_warms_up_and_follows_cosine() -> None:
    config = TrainConfig(warmup=0.1, final_rate=0.0)
    assert [round(lr_factor(share, config), 3) for share in (0.05, 0.1, 0.55, 1.0)] == [0.5, 1.0, 0.5, 0.0]


@pytest.mark.parametrize(
    "wrong", [{"batch": 0}, {"learning_rate": -1.0}, {"warmup": 2.0}, {"optimizer": "adam"}, {"teacher_forcing": 1.5}]
)
def test_wrong_option_is_a_clear_error(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        TrainConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.skipif(
    not supports_fast_bf16(torch.device("cpu")), reason="no bf16 LSTM on this processor (AVX-512 bf16 is missing)"
)
def test_bf16_loss_is_close_to_float32(small_net) -> None:  # type: ignore[no-untyped-def]
    net = small_net(hidden=64, embedding=32)
    ids = torch.randint(3, 260, (4, 17), generator=torch.Generator().manual_seed(3))
    batch = TrainingBatch(ids[:, :-1], ids[:, 1:], 16, global_rows=4, global_tokens=64, resets_state=False)
    full = lm_loss(net, batch, net.zero_state(4), TrainConfig(), autocast=False)[0]
    half = lm_loss(net, batch, net.zero_state(4), TrainConfig(), autocast=True)[0]
    oracle = torch.nn.functional.cross_entropy(
        net.compute_logits(net(ids[:, :-1])[0]).flatten(0, 1), ids[:, 1:].flatten()
    )
    torch.testing.assert_close(full, oracle)
    torch.testing.assert_close(half, oracle, rtol=0.01, atol=0.0)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_interrupted_and_resumed_run_ends_with_identical_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("korlm.training.trainer._REPORT_INTERVAL", 0.0)
    korlm.train_model(LINES, folder=tmp_path / "whole", epochs=3, **SMALL)

    sent = []

    def interrupt(report: ProgressReport) -> None:
        if report.step == 7 and not sent:
            sent.append(report)
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


def files_of(folder: Path) -> dict[Path, tuple[int, bytes]]:
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("options", [{"epochs": 1}, {"epochs": 1, "patience": 1, "learning_rate": 1e-30}])
def test_resuming_finished_run_changes_nothing_and_reports_it(options: dict[str, float], tmp_path: Path) -> None:
    text = korlm.load_corpus("kolaw", limit=200)
    first = korlm.train_model(text, folder=tmp_path / "run", **options, **SMALL)
    before = files_of(tmp_path / "run")
    reports: list[ProgressReport] = []
    again = korlm.train_model(text, folder=tmp_path / "run", resume=True, report=reports.append, **options, **SMALL)
    assert files_of(tmp_path / "run") == before
    assert [report.finished_before for report in reports] == [True]
    assert again.info["test"] == first.info["test"]
    further = options | {"epochs": 2, "patience": 0}
    korlm.train_model(text, folder=tmp_path / "run", resume=True, report=reports.append, **further, **SMALL)
    assert not reports[-1].finished_before and files_of(tmp_path / "run") != before


def test_training_lowers_bits_per_character(tmp_path: Path) -> None:
    lm = korlm.train_model(LINES, folder=tmp_path / "run", epochs=6, learning_rate=0.01, **SMALL)
    history = lm.info["history"]
    assert history[-1]["valid_bpc"] < history[0]["valid_bpc"] < 14
    assert lm.score(korlm.load_corpus("kolaw").valid).bits_per_character < 9
    assert lm.info["corpus"]["train_lines"] > 100


def test_non_finite_loss_stops_and_keeps_last_checkpoint(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    before = weights(tmp_path / "run" / "last")
    with pytest.raises(TrainingError, match="learning_rate"):
        korlm.train_model(LINES, folder=tmp_path / "run", epochs=2, overwrite=True, learning_rate=1e38, clip=0, **SMALL)
    for name, value in weights(tmp_path / "run" / "last").items():
        assert torch.equal(before[name], value)


def test_run_is_not_overwritten_by_default(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    with pytest.raises(ArtifactError, match="--overwrite"):
        korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, overwrite=True, **SMALL)


def test_unwritable_folder_is_reported_before_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")

    def never(report: ProgressReport) -> None:
        raise AssertionError("it trained")

    with pytest.raises(ArtifactError, match="쓰지 못했습니다"):
        korlm.train_model(LINES, folder=tmp_path / "file" / "run", report=never, **SMALL)


def test_run_killed_between_best_and_last_loses_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {**SMALL, "epochs": 2, "validations": 2}
    korlm.train_model(LINES, folder=tmp_path / "whole", **options)
    writes: list[str] = []

    def watched(name: str, real: Callable[[Trainer], None]) -> Callable[[Trainer], None]:
        def write(self: Trainer) -> None:
            writes.append(name)
            if len(writes) == 4:  # two at the first check; at the second and last, one is done and one is not
                raise KeyboardInterrupt
            real(self)

        return write

    for name in ("_save_last", "save_best"):
        monkeypatch.setattr(Trainer, name, watched(name, getattr(Trainer, name)))
    with pytest.raises(KeyboardInterrupt):
        korlm.train_model(LINES, folder=tmp_path / "parts", **options)
    monkeypatch.undo()
    assert sorted(writes) == ["_save_last", "_save_last", "save_best", "save_best"]
    korlm.train_model(LINES, folder=tmp_path / "parts", resume=True, **options)
    for name in ("best", "last"):
        whole, parts = weights(tmp_path / "whole" / name), weights(tmp_path / "parts" / name)
        assert all(torch.equal(parts[key], value) for key, value in whole.items()), name


def test_resuming_on_another_corpus_is_a_clear_error(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    with pytest.raises(ArtifactError, match="다른 말뭉치"):
        korlm.train_model(LINES[:-20], folder=tmp_path / "run", epochs=2, resume=True, **SMALL)
    with pytest.raises(ArtifactError, match="폴더가 없습니다"):
        korlm.train_model(LINES, folder=tmp_path / "nothing", resume=True, **SMALL)


def test_resuming_with_another_batch_or_shape_is_a_clear_error(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    with pytest.raises(ArtifactError, match="batch 8"):
        korlm.train_model(LINES, folder=tmp_path / "run", epochs=2, resume=True, **{**SMALL, "batch": 4})
    with pytest.raises(ArtifactError, match="설정이 같은지"):
        korlm.train_model(LINES, folder=tmp_path / "run", epochs=2, resume=True, **{**SMALL, "hidden": 20})


def test_unknown_option_error_lists_known_options(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"hiden.*hidden"):
        korlm.train_model(LINES, folder=tmp_path / "run", hiden=8)


def test_full_disk_stops_run_and_keeps_previous_checkpoint(tmp_path: Path) -> None:
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=1, **SMALL)
    before = (tmp_path / "run" / "last" / "training.safetensors").read_bytes()
    code = f"""
import resource, signal, korlm, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_train import LINES, SMALL
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # no file may grow longer, as on a full disk
korlm.train_model(LINES, folder={str(tmp_path / "run")!r}, epochs=2, resume=True, **SMALL)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ})
    assert run.returncode and "ArtifactError" in run.stderr and "쓰지 못했습니다" in run.stderr
    assert (tmp_path / "run" / "last" / "training.safetensors").read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["best", "last"]
    korlm.train_model(LINES, folder=tmp_path / "run", epochs=2, resume=True, **SMALL)


def test_too_few_lines_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="모자랍니다"):
        korlm.train_model(["한 줄"], folder=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_second_run_reuses_cached_vocabulary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_run_starts_from_model(tmp_path: Path) -> None:
    first = korlm.train_model(LINES, folder=tmp_path / "first", epochs=2, **SMALL)
    further = {name: SMALL[name] for name in ("batch", "bptt", "bf16")}
    still = korlm.train_model(
        LINES, folder=tmp_path / "still", start=tmp_path / "first", epochs=0.1, learning_rate=1e-12, **further
    )
    for name, weight in first.net.weight_dict().items():
        torch.testing.assert_close(still.net.weight_dict()[name], weight, atol=1e-6, rtol=0)
    assert still.tokenizer.signature == first.tokenizer.signature
    assert still.info["start"]["command"] == first.info["command"]
    freely = {"dropout": 0.1, "weight_dropout": 0.2, **further}
    better = korlm.train_model(LINES, folder=tmp_path / "better", start=tmp_path / "first", epochs=4, **freely)
    config = replace(first.net.config, dropout=0.1, weight_dropout=0.2)
    assert better.net.config == config and better.info["model"]["weight_dropout"] == 0.2
    assert better.score(LINES[-20:]).bits_per_character < first.score(LINES[-20:]).bits_per_character
    with pytest.raises(InputError, match="hidden"):
        korlm.train_model(LINES, folder=tmp_path / "other", start=tmp_path / "first", hidden=8, **further)
