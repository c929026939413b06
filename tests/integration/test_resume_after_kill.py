"""Training runs that are killed and resumed, or distributed over processes, end like an uninterrupted run."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import korlm
from korlm.cli.main import main

OPTIONS = [
    "--tokenizer", "syllable", "--embedding", "32", "--hidden", "64", "--batch", "8", "--bptt", "16", "--no-bf16",
    "--dropout", "0.2", "--locked", "--average", "0.9", "--jitter",
]  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "law.txt"
    corpus = korlm.load_corpus("kolaw")
    path.write_text("\n".join([*corpus.train, *corpus.valid, *corpus.test]), "utf-8")
    return path


def arguments(text: Path, folder: Path, *options: str) -> list[str]:
    return ["train", str(text), "--folder", str(folder), *OPTIONS, *options]


def start(text: Path, folder: Path, *options: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", *launcher, "korlm", *arguments(text, folder, *options)]
    environment = {**os.environ, "KORLM_LANG": "ko", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(run: subprocess.Popen[str]) -> str:
    output, errors = run.communicate(timeout=800)
    assert run.returncode == 0, errors[-2000:]
    return output


# Runs the command with a clock on which every step takes a second, and kills it before the given call of the functions that
# step and write. So it dies at the same place on every machine, between steps as well as between the files of a checkpoint.
KILLED = """
import itertools, os, signal, sys
from types import SimpleNamespace
from korlm.cli.main import main
from korlm.training import checkpoint, trainer

calls = itertools.count()

def counted(owner, name):
    function = getattr(owner, name)
    def call(*given, **named):
        if next(calls) == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    setattr(owner, name, call)

for owner, name in (
    (trainer.Trainer, "_step"), (trainer, "save_checkpoint"), (checkpoint, "write_tensors"),
    (checkpoint, "write_json"), (trainer.Trainer, "save_best"),
):
    counted(owner, name)
trainer.time = SimpleNamespace(perf_counter=itertools.count().__next__)
sys.exit(main(sys.argv[2:]))
"""


def killed_and_resumed(text: Path, folder: Path, kills: int, steps: int) -> None:
    """Kill a run repeatedly, each time a little later, then let it finish."""
    rng = random.Random(kills)
    max_calls = steps // (kills + 1)  # calls before a process is killed, more than its steps
    options = ("--epochs", "6", "--save-every", str(max_calls // 4))
    assert max_calls // 4 >= 2
    for kill in range(kills):
        mode = "--resume" if kill else "--overwrite"
        calls = str(rng.randint(max_calls // 2, max_calls))  # it has saved by then
        command = [sys.executable, "-c", KILLED, calls, *arguments(text, folder, *options, mode)]
        environment = {**os.environ, "KORLM_LANG": "ko", "OMP_NUM_THREADS": "1"}
        run = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert run.returncode == -signal.SIGKILL, run.stderr[-2000:]
        assert (folder / "last").is_dir()
    finish(start(text, folder, *options, "--resume"))


def assert_same_state(first: Path, second: Path) -> None:
    tensors, other_tensors = (load_file(folder / "training.safetensors") for folder in (first, second))
    assert tensors.keys() == other_tensors.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, other_tensors[name]), name
    histories = [json.loads((folder / "progress.json").read_text())["history"] for folder in (first, second)]
    assert [entry["valid_bpc"] for entry in histories[0]] == [entry["valid_bpc"] for entry in histories[1]]


@pytest.mark.timeout(3600)  # twenty starts of torch
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_and_resumed_run_ends_with_identical_weights(kills: int, text: Path, tmp_path: Path) -> None:
    finish(start(text, tmp_path / "whole", "--epochs", "6"))
    steps = json.loads((tmp_path / "whole" / "last" / "progress.json").read_text())["step"]
    killed_and_resumed(text, tmp_path / "killed", kills, steps)
    assert_same_state(tmp_path / "killed" / "last", tmp_path / "whole" / "last")
    assert load_file(tmp_path / "killed" / "best" / "model.safetensors").keys()


@pytest.mark.parametrize(
    ("language", "needed"),
    [("ko", "이미 끝난 학습입니다"), ("en", "This run is already finished; nothing was changed")],
)
def test_resuming_a_finished_run_prints_a_notice(
    language: str,
    needed: str,
    text: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = arguments(text, tmp_path / "run", "--epochs", "0.2", "--json")
    assert main(options) == 0
    first = capsys.readouterr()
    assert needed not in first.err
    monkeypatch.setenv("KORLM_LANG", language)
    assert main([*options, "--resume"]) == 0
    again = capsys.readouterr()
    assert needed in again.err and again.out == first.out


TWO = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
EQUAL = ("--dropout", "0", "--average", "0")


@pytest.mark.parametrize("further", [(), ("--ngrams", "3", "--buckets", "512", "--ngram-width", "8"), ("--bptt", "0")])
def test_two_processes_train_like_one(further: tuple[str, ...], text: Path, tmp_path: Path) -> None:
    histories = []
    for name, launcher in (("one", ()), ("two", TWO)):
        finish(start(text, tmp_path / name, "--epochs", "1.5", *EQUAL, *further, launcher=launcher))
        histories.append(json.loads((tmp_path / name / "last" / "progress.json").read_text()))
    one, two = histories
    assert one["step"] == two["step"] >= (50 if not further else 1)
    for mine, yours in zip(one["history"], two["history"], strict=True):
        assert mine["train_nats"] == pytest.approx(yours["train_nats"], abs=1e-4)
        assert mine["valid_bpc"] == pytest.approx(yours["valid_bpc"], abs=1e-3)


def test_a_run_mode_with_another_number_of_processes(text: Path, tmp_path: Path) -> None:
    finish(start(text, tmp_path / "parts", "--epochs", "0.5", "--schedule", "constant", *EQUAL))
    half = json.loads((tmp_path / "parts" / "last" / "progress.json").read_text())
    finish(start(text, tmp_path / "parts", "--epochs", "2", "--resume", *EQUAL, launcher=TWO))
    done = json.loads((tmp_path / "parts" / "last" / "progress.json").read_text())
    assert done["position"] > half["position"] > 0
    assert done["history"][-1]["valid_bpc"] < half["history"][-1]["valid_bpc"]


def test_batch_that_cannot_be_split_is_a_clear_error(text: Path, tmp_path: Path) -> None:
    run = start(text, tmp_path / "run", "--batch", "7", *EQUAL, launcher=TWO)
    _, errors = run.communicate(timeout=800)
    assert run.returncode and "나눌 수 없습니다" in errors
