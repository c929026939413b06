"""Runs that are killed, and runs over several processes: both end where one quiet run ends."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import korlm

OPTIONS = [
    "--tokenizer", "syllable", "--embedding", "32", "--hidden", "64", "--batch", "8", "--bptt", "16", "--no-bf16",
    "--dropout", "0.2", "--locked", "--average", "0.9", "--jitter", "--save-every", "0.02",
]  # fmt: skip


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "law.txt"
    corpus = korlm.load_corpus("kolaw")
    path.write_text("\n".join([*corpus.train, *corpus.valid, *corpus.test]), "utf-8")
    return path


def start(text: Path, folder: Path, *options: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        *launcher,
        "korlm",
        "train",
        str(text),
        "--folder",
        str(folder),
        *OPTIONS,
        *options,
    ]
    environment = {**os.environ, "KORLM_LANG": "ko", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def finish(run: subprocess.Popen[str]) -> str:
    said, wrong = run.communicate(timeout=240)
    assert run.returncode == 0, wrong[-2000:]
    return said


def killed_and_resumed(text: Path, tmp_path: Path, kills: int) -> int:
    """Kill a run at random moments until it has been killed so often, then let it end; return the kills after which
    there was something to go on from."""
    draws = random.Random(kills)
    folder = tmp_path / "killed"
    resumed = 0
    for _ in range(kills):
        goes_on = (folder / "last").is_dir()
        resumed += goes_on
        run = start(text, folder, "--epochs", "6", "--resume" if goes_on else "--overwrite")
        deadline = time.monotonic() + 60
        before = (folder / "last" / "progress.json").stat().st_mtime_ns if goes_on else 0
        while time.monotonic() < deadline and run.poll() is None:  # until it has saved something of its own
            path = folder / "last" / "progress.json"
            if path.is_file() and path.stat().st_mtime_ns != before:
                break
            time.sleep(0.005)
        time.sleep(draws.random() * 0.4)
        run.send_signal(signal.SIGKILL)
        run.communicate()
    finish(start(text, folder, "--epochs", "6", "--resume"))
    return resumed


def same_state(one: Path, other: Path) -> None:
    mine, yours = load_file(one / "training.safetensors"), load_file(other / "training.safetensors")
    assert mine.keys() == yours.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, yours[name]), name
    histories = [json.loads((folder / "progress.json").read_text())["history"] for folder in (one, other)]
    assert [entry["valid_bpc"] for entry in histories[0]] == [entry["valid_bpc"] for entry in histories[1]]


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_run_killed_at_random_moments_ends_in_the_same_weights_bit_for_bit(
    kills: int, text: Path, tmp_path: Path
) -> None:
    finish(start(text, tmp_path / "whole", "--epochs", "6"))
    assert killed_and_resumed(text, tmp_path, kills) >= kills - 1
    same_state(tmp_path / "killed" / "last", tmp_path / "whole" / "last")
    assert load_file(tmp_path / "killed" / "best" / "model.safetensors").keys()


TWO = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m")
EQUAL = ("--dropout", "0", "--average", "0", "--save-every", "1000")


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
    finish(start(text, tmp_path / "whole", "--epochs", "1", *EQUAL))
    finish(start(text, tmp_path / "parts", "--epochs", "1", "--minutes", "0.02", "--schedule", "constant", *EQUAL))
    half = json.loads((tmp_path / "parts" / "last" / "progress.json").read_text())
    finish(start(text, tmp_path / "parts", "--epochs", "2", "--resume", *EQUAL, launcher=TWO))
    done = json.loads((tmp_path / "parts" / "last" / "progress.json").read_text())
    assert done["position"] > half["position"] > 0
    assert done["history"][-1]["valid_bpc"] < half["history"][-1]["valid_bpc"]


def test_a_batch_that_cannot_be_split_is_a_clear_error(text: Path, tmp_path: Path) -> None:
    run = start(text, tmp_path / "run", "--batch", "7", *EQUAL, launcher=TWO)
    _, said = run.communicate(timeout=120)
    assert run.returncode and "나눌 수 없습니다" in said
