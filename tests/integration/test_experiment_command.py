"""The command `korlm experiment`: interrupted and resumed, planned, with bad input; and the course preset."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from support import ROOT
from support.experiments import load_run, reproducible_figures

import korlm
from korlm.cli.main import main
from korlm.errors import InputError, TrainingError, UnknownNameError
from korlm.experiments import jobs
from korlm.experiments.config import ExperimentConfig
from korlm.experiments.folder import load_experiment_corpus, word_statistics
from korlm.experiments.plan import plan_runs

pytest_plugins = ["support.experiments"]
pytestmark = pytest.mark.usefixtures("jobs_in_this_process")


def run_command(*options: str) -> int:
    return main(["experiment", *options])


SMALL_EXPERIMENT = (
    "kolaw", "--tokenizers", "syllable", "--cells", "lstm", "--seeds", "1", "--limit", "150", "--parameters", "2e4",
    "--characters", "1.2e4", "--embedding", "8", "--batch", "8", "--bptt", "16", "--validations", "3", "--xz-bytes", "5000",
)  # fmt: skip


def start_held_experiment(*options: str) -> subprocess.Popen[str]:
    """Start the command with its training runs held half-way (see held_worker.py).

    SIGINT gets its default handler, since a process started from a background shell ignores it.
    """
    code = (
        "import signal, sys; from korlm.cli.main import main; from korlm.experiments import jobs;"
        f"jobs._WORKER = (sys.executable, {str(ROOT / 'tests' / 'support' / 'held_worker.py')!r});"
        "signal.signal(signal.SIGINT, signal.default_int_handler); sys.exit(main())"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, "experiment", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ},
    )  # fmt: skip


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 600) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.01)


@pytest.mark.usefixtures("no_figures")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the worker is looked up in /proc")
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_interrupted_experiment_resumes_to_the_same_figures(
    signal_number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = start_held_experiment(*SMALL_EXPERIMENT, "--folder", str(tmp_path / "interrupted"))
    run = tmp_path / "interrupted" / "runs" / "syllable-lstm-7"
    wait_until(lambda: (run / "held").is_file() or process.poll() is not None)
    worker_pid = json.loads((run / "held").read_text())
    monkeypatch.setattr(jobs, "_LOCK_TIMEOUT", 0.1)
    assert run_command(*SMALL_EXPERIMENT, "--folder", str(tmp_path / "interrupted")) == 2
    assert "다른 실험이" in capsys.readouterr().err
    process.send_signal(signal_number)
    _, errors = process.communicate(timeout=600)
    wait_until(lambda: not is_alive(worker_pid))
    assert process.returncode == (130 if signal_number == signal.SIGINT else -9)
    assert signal_number == signal.SIGKILL or "같은 명령을 다시 하면" in errors
    assert not (run / "result.json").exists() and (run / "last").is_dir()
    assert run_command(*SMALL_EXPERIMENT, "--folder", str(tmp_path / "interrupted")) == 0
    output = capsys.readouterr()
    assert "syllable" in output.out and "report.html" in output.out and not (run / "last").exists()
    assert "[1/1] syllable lstm 시드 7" in output.err and "남은 시간 모두" in output.err
    assert run_command(*SMALL_EXPERIMENT, "--folder", str(tmp_path / "whole"), "--json") == 0
    assert json.loads(capsys.readouterr().out)["rows"][0]["each"]
    whole = tmp_path / "whole" / "runs" / "syllable-lstm-7"
    assert reproducible_figures(load_run(tmp_path / "interrupted", "syllable", "lstm", 7)) == reproducible_figures(
        load_run(tmp_path / "whole", "syllable", "lstm", 7)
    )
    for split in ("valid", "test"):
        assert (run / f"bits-{split}.npy").read_bytes() == (whole / f"bits-{split}.npy").read_bytes()


@pytest.mark.usefixtures("no_figures")
def test_parallel_runs_are_saved_by_ctrl_c_and_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [{"syllable": "syllable@2"}.get(part, part) for part in SMALL_EXPERIMENT]
    options += ["--jobs", "2", "--folder", str(tmp_path)]
    runs = [tmp_path / "runs" / name for name in ("syllable-lstm-7", "syllable-lstm-8")]
    process = start_held_experiment(*options)
    wait_until(lambda: all((run / "held").is_file() for run in runs) or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130 and "같은 명령을 다시 하면" in errors
    assert run_command(*options) == 0
    output = capsys.readouterr()
    assert "syllable" in output.out and "[2/2]" in output.err
    for run in runs:
        assert (run / "result.json").is_file() and not (run / "last").exists()


def test_job_that_dies_or_fails_raises_an_error(tmp_path: Path) -> None:
    options: dict[str, Any] = {"log": tmp_path / "log.txt", "on_event": lambda event: None}
    with pytest.raises(TrainingError, match=r"log\.txt"):
        jobs.run_job({"kind": "nonsense"}, **options)
    assert "nonsense" in (tmp_path / "log.txt").read_text()
    corpus = {"name": "no-such-corpus"}
    with pytest.raises(UnknownNameError, match="no-such-corpus"):
        jobs.run_job(
            {"kind": "baselines", "corpus": corpus, "max_prime_bytes": 1, "file": str(tmp_path / "f")}, **options
        )


def test_plan_lists_runs_without_running_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    options = [
        *SMALL_EXPERIMENT[:1],
        "--tokenizers",
        "syllable@2,word",
        *SMALL_EXPERIMENT[3:],
        "--plan",
        "--folder",
        str(tmp_path / "plan"),
    ]
    assert run_command(*options) == 0
    text = capsys.readouterr().out
    assert "모두 3번, 남은 시간" in text and "(어림)" in text and not (tmp_path / "plan").exists()
    assert run_command(*options, "--json") == 0
    runs = json.loads(capsys.readouterr().out)
    assert [run["name"] for run in runs] == ["syllable-lstm-7", "word-lstm-7", "syllable-lstm-8"]
    for run in runs:
        assert run["seconds"] > 0 and run["parameters"] == pytest.approx(2e4, rel=0.05) and not run["finished"]


@pytest.mark.parametrize(
    ("options", "ko", "en"),
    [
        (["kolaw", "--tokenizers", "sylable"], "'sylable'(이)라는 토크나이저도 폴더도 없습니다", "no tokenizer and no folder 'sylable'"),
        (["kolaw", "--tokenizers", "unigram:8000@0"], "unigram:8000@3", "NAME[:SIZE][@SEEDS]"),
        (["kolaw", "--tokenizers", "byte,byte@2"], "서로 다르게", "each once"),
        (["kolaw", "--cells", "transformer"], "rnn, relu, gru, lstm 가운데", "Choose from rnn"),
        (["kolaw", "--characters", "-1"], "characters은(는) 0 이상", "characters must be at least 0"),
        (["kolaw", "--flops", "nan"], "flops은(는) 0 이상", "flops must be at least 0"),
        (["kolaw", "--flops", "1e9", "--minutes", "3"], "flops · minutes", "flops and minutes"),
        (["kolaw", "--parameters", "1e6", "--hidden", "9"], "--hidden과 함께 쓸 수 없습니다", "--hidden does not go with it"),
        (["kolaw", "--minutes", "1", "--epochs", "2"], "--epochs와 함께 쓸 수 없습니다", "--epochs does not go with it"),
        (["kolaw", "--tokenizers", "byte", "--parameters", "1000"], "예산 1,000개를 넘습니다", "more than the 1,000 of the budget"),
        (["kolaw", "--limit", "-3"], "limit은 1", "limit 1"),
        (["kolaw", "--jobs", "0"], "jobs는 1", "jobs must be at least 1"),
        (["kolaw", "--seeds", "0"], "seeds는 1 이상", "seeds of at least 1"),
        (["no-such.txt"], "말뭉치도 파일도 없습니다", "no corpus and no file"),
        ([], "말뭉치를 주세요", "Give a corpus"),
        (["--report-only", "--folder", "no-such-folder"], "no-such-folder", "no-such-folder"),
    ],
)  # fmt: skip
def test_errors_are_bilingual(
    options: list[str], ko: str, en: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for language, expected in (("ko", ko), ("en", en)):
        monkeypatch.setenv("KORLM_LANG", language)
        assert run_command(*options) == 2
        errors = capsys.readouterr().err
        message = errors[errors.index("korlm: ") :]
        assert expected in message and "Traceback" not in message
    assert not (tmp_path / "runs" / "experiment" / "runs").exists()


def test_projection_may_exceed_default_hidden_width_with_budget() -> None:
    config = ExperimentConfig("kolaw", ("byte",), parameters=2e7, characters=1e5, options={"projection": 600})
    assert plan_runs(config, train_characters=10_000)[0].hidden > 600
    with pytest.raises(InputError):
        ExperimentConfig("kolaw", ("byte",), characters=1e5, options={"projection": 600})


WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "dogs", "ran", "far", ",", "<unk>"]


@pytest.fixture
def tiny_wikitext(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """Serve a few lines in the format of WikiText-2 on this machine, the only source of the corpus."""
    random = np.random.default_rng(0)
    texts = {}
    for split, lines in (("train", 120), ("valid", 12), ("test", 12)):
        texts[split] = [" ".join(random.choice(WORDS, 12)) for _ in range(lines)]
    texts["valid"][0] += " zebra"
    texts["test"][0] += " quagga zebra"
    (tmp_path / "web").mkdir()
    for split, lines in texts.items():
        (tmp_path / "web" / f"{split}.txt").write_text(" \n = Title = \n \n" + "".join(f" {line} \n" for line in lines))
    handler = partial(SilentHandler, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("KORLM_WIKITEXT2_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("KORLM_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.delenv("KORLM_CORPORA", raising=False)
        yield texts
        server.shutdown()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@pytest.mark.usefixtures("no_figures")
def test_course_preset_reports_embedding_sizes_and_oov(
    tiny_wikitext: dict[str, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--preset", "course", "--folder", str(tmp_path / "course"))
    options += ("--tokenizers", "word-unk,unigram:285", "--seeds", "1", "--epochs", "1", "--validations", "1")
    assert run_command(*options, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    words, subwords = result["rows"]
    train_words = {"=", "Title", *" ".join(tiny_wikitext["train"]).split()}
    assert result["corpus"]["words"]["distinct"] == len(train_words) + 1  # and the line end
    tokenizer = korlm.load_tokenizer(tmp_path / "course" / "tokenizers" / "word-unk")
    assert tokenizer.encode(" zebra").ids[0] != tokenizer.encode(" cat").ids[0]
    assert tokenizer.encode(" zebra").ids == tokenizer.encode(" quagga").ids  # <unk>: neither is in the training text
    assert len(tokenizer.oov_segments(tokenizer.encode(" the zebra sat"))) == 1
    for row in (words, subwords):
        assert row["parameters"]["embedding"] == row["vocab_size"] * 200
    assert not words["lossless"] and subwords["lossless"] and result["pairs"] == []
    valid_words = sum(len(line.split()) for line in tiny_wikitext["valid"]) + 3  # = Title =
    assert words["unknown"]["valid"] == pytest.approx(1 / valid_words)
    assert result["corpus"]["words"]["unseen"]["valid"] == pytest.approx(1 / valid_words)
    text = (tmp_path / "course" / "report.md").read_text("utf-8")
    assert f"{len(train_words) + 1:,} × 200 = {(len(train_words) + 1) * 200:,}" in text
    assert "matplotlib이 없어" in text and "수업의 문제" in text and "word-unk †" in text


def test_failed_download_names_missing_file_and_its_place(
    tiny_wikitext: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "web" / "valid.txt").write_text("<html>log in first</html>")
    assert run_command("--preset", "course", "--plan") == 2
    errors = capsys.readouterr().err
    assert "valid.txt" in errors and str(tmp_path / "cache" / "wikitext2") in errors
    monkeypatch.setenv("KORLM_WIKITEXT2_URL", os.environ["KORLM_WIKITEXT2_URL"] + "/nowhere")
    assert run_command("--preset", "course", "--plan") == 2
    assert "/nowhere/valid.txt" in capsys.readouterr().err


def test_wikitext2_has_33278_distinct_words(corpora: Path) -> None:
    if not list((corpora / "wikitext2").glob("train.txt*")):
        pytest.skip("KORLM_CORPORA/wikitext2 has no train split: the 33,278 words cannot be counted here")
    assert word_statistics(load_experiment_corpus("wikitext2"))["distinct"] * 200 == 6_655_600


@pytest.mark.parametrize(("language", "expected"), [("ko", "배울 글자 수"), ("en", "the budget that is held equal")])
def test_help_is_in_the_users_language(
    language: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORLM_LANG", language)
    with pytest.raises(SystemExit):
        run_command("--help")
    text = capsys.readouterr().out
    assert expected in text and all(f"--{name}" in text for name in ("tokenizers", "flops", "minutes", "plan", "json"))
