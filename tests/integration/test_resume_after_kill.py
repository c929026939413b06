"""Runs that are killed, and runs over several processes: both end where one quiet run ends."""

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
    said, wrong = run.communicate(timeout=800)
    assert run.returncode == 0, wrong[-2000:]
    return said


# The command, with a clock on which every step takes a second; it kills itself before the given call of those that step
# and write. So it dies at the same place on every machine, between steps as well as between the files of a checkpoint.
KILLED = """
import itertools, os, signal, sys
from types import SimpleNamespace
from korlm.cli.main import main
from korlm.training import checkpoint, loop

calls = itertools.count()

def counted(owner, name):
    function = getattr(owner, name)
    def call(*given, **named):
        if next(calls) == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*given, **named)
    setattr(owner, name, call)

for owner, name in (
    (loop.Trainer, "_step"), (loop, "save_state"), (checkpoint, "write_tensors"), (checkpoint, "write_json"),
    (loop.Trainer, "_save_best"),
):
    counted(owner, name)
loop.time = SimpleNamespace(perf_counter=itertools.count().__next__)
sys.exit(main(sys.argv[2:]))
"""


def killed_and_resumed(text: Path, folder: Path, kills: int, steps: int) -> None:
    """Kill a run of so many steps so often, each time a little further on, then let it end."""
    draws = random.Random(kills)
    most = steps // (kills + 1)  # calls that a process lives for, and so more than its steps
    every = ("--epochs", "6", "--save-every", str(most // 4))
    assert most // 4 >= 2
    for kill in range(kills):
        goes_on = "--resume" if kill else "--overwrite"
        calls = str(draws.randint(most // 2, most))  # it has saved by then
        command = [sys.executable, "-c", KILLED, calls, *arguments(text, folder, *every, goes_on)]
        environment = {**os.environ, "KORLM_LANG": "ko", "OMP_NUM_THREADS": "1"}
        run = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert run.returncode == -signal.SIGKILL, run.stderr[-2000:]
        assert (folder / "last").is_dir()
    finish(start(text, folder, *every, "--resume"))


def same_state(one: Path, other: Path) -> None:
    mine, yours = load_file(one / "training.safetensors"), load_file(other / "training.safetensors")
    assert mine.keys() == yours.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, yours[name]), name
    histories = [json.loads((folder / "progress.json").read_text())["history"] for folder in (one, other)]
    assert [entry["valid_bpc"] for entry in histories[0]] == [entry["valid_bpc"] for entry in histories[1]]


@pytest.mark.timeout(3600)  # twenty starts of torch
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_killed_again_and_again_ends_in_the_same_weights_bit_for_bit(
    kills: int, text: Path, tmp_path: Path
) -> None:
    finish(start(text, tmp_path / "whole", "--epochs", "6"))
    steps = json.loads((tmp_path / "whole" / "last" / "progress.json").read_text())["step"]
    killed_and_resumed(text, tmp_path / "killed", kills, steps)
    same_state(tmp_path / "killed" / "last", tmp_path / "whole" / "last")
    assert load_file(tmp_path / "killed" / "best" / "model.safetensors").keys()


@pytest.mark.parametrize(
    ("language", "needed"),
    [("ko", "이미 끝난 학습입니다"), ("en", "This run is already finished; nothing was changed")],
)
def test_the_command_says_that_a_resumed_run_is_finished_already(
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
def test_two_processes_with_half_the_batch_each_learn_what_one_does(
    further: tuple[str, ...], text: Path, tmp_path: Path
) -> None:
    histories = []
    for name, launcher in (("one", ()), ("two", TWO)):
        finish(start(text, tmp_path / name, "--epochs", "1.5", *EQUAL, *further, launcher=launcher))
        histories.append(json.loads((tmp_path / name / "last" / "progress.json").read_text()))
    one, two = histories
    assert one["step"] == two["step"] >= (50 if not further else 1)
    for mine, yours in zip(one["history"], two["history"], strict=True):
        assert mine["train_nats"] == pytest.approx(yours["train_nats"], abs=1e-4)
        assert mine["valid_bpc"] == pytest.approx(yours["valid_bpc"], abs=1e-3)


def test_a_run_goes_on_with_another_number_of_processes(text: Path, tmp_path: Path) -> None:
    finish(start(text, tmp_path / "parts", "--epochs", "0.5", "--schedule", "constant", *EQUAL))
    half = json.loads((tmp_path / "parts" / "last" / "progress.json").read_text())
    finish(start(text, tmp_path / "parts", "--epochs", "2", "--resume", *EQUAL, launcher=TWO))
    done = json.loads((tmp_path / "parts" / "last" / "progress.json").read_text())
    assert done["position"] > half["position"] > 0
    assert done["history"][-1]["valid_bpc"] < half["history"][-1]["valid_bpc"]


def test_a_batch_that_cannot_be_split_is_a_clear_error(text: Path, tmp_path: Path) -> None:
    run = start(text, tmp_path / "run", "--batch", "7", *EQUAL, launcher=TWO)
    _, said = run.communicate(timeout=800)
    assert run.returncode and "나눌 수 없습니다" in said
