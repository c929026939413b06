"""Encoding a file into one array: in little memory, and going on after any stop with the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import ROOT

import korlm
from korlm.corpora import encode_file as encode
from korlm.corpora import streaming
from korlm.corpora.encode_file import encode_file, read_encoding_progress
from korlm.corpora.files import read_lines
from korlm.corpora.token_cache import encode_to_memmap
from korlm.errors import ArtifactError, CorpusError, InputError
from korlm.storage.artifacts import data_folder

SEED = "대한민국은 민주공화국이다.\n\n  \n모든 권력은 국민으로부터 나온다 ▁ ㅋㅋ\r\n뷁\u0085x\ry\n"


@pytest.fixture
def kolaw(tmp_path: Path) -> Path:
    path = tmp_path / "kolaw.txt"
    path.write_bytes(b"".join(file.read_bytes() for file in sorted((data_folder() / "corpora/kolaw").glob("*.txt"))))
    return path


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr(streaming, "_BATCH_CHARACTERS", 500)
    monkeypatch.setattr(encode, "_SAVE_INTERVAL_SECONDS", 0)


class Stop(Exception):
    pass


def stop_after(calls: int) -> object:
    left = [calls]

    def progress(done: int, total: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Stop

    return progress


@pytest.mark.parametrize("name", ["syllable", "unigram", "word", "kiwi"])
def test_the_array_holds_the_ids_of_the_file(name: str, kolaw: Path, tmp_path: Path, small_batches: None) -> None:
    tokenizer = korlm.load_tokenizer(name)
    path = encode_file(kolaw, tokenizer, tmp_path / "a.npy")
    lines = list(read_lines(kolaw))
    expected = encode_to_memmap(lines, tokenizer, cache=False)
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    assert found.dtype == expected.dtype == np.uint16 and found.tolist() == expected.tolist()
    made = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert (made["lines"], made["tokens"]) == (len(lines), len(expected))
    assert made["characters"] == sum(len(line) + 1 for line in lines)
    assert made["signature"] == tokenizer.signature
    assert made["source_sha256"] == hashlib.sha256(kolaw.read_bytes()).hexdigest()
    assert {file.name for file in tmp_path.iterdir()} == {"kolaw.txt", "a.npy", "a.json"}
    np.save(tmp_path / "b.npy", expected)
    assert (tmp_path / "b.npy").read_bytes() == path.read_bytes()


def test_every_format_and_odd_line_ends_are_read_as_by_read_lines(tmp_path: Path, small_batches: None) -> None:
    text = "\ufeff" + SEED * 40
    rows = [line for line in (SEED * 40).split("\n") if line.strip()]
    files = {
        "a.txt": text.encode(),
        "a.txt.gz": gzip.compress(text.encode()),
        "a.jsonl": "".join(json.dumps({"text": row}) + "\n" for row in rows).encode(),
        "a.tsv": ("id\ttext\n" + "".join(f"1\t{row}\n" for row in rows)).encode(),
    }
    tokenizer = korlm.load_tokenizer("syllable")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        path = encode_file(tmp_path / name, tokenizer, tmp_path / f"{name}.npy")
        expected = encode_to_memmap(list(read_lines(tmp_path / name)), tokenizer, cache=False)
        assert np.load(path).tolist() == expected.tolist(), name


@pytest.mark.parametrize("name", ["syllable", "byte", "unigram"])
def test_a_line_longer_than_a_batch_is_one_line(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "_SLICE_CHARACTERS", 100)
    lines = ["가나 ab뷁" * 900, "짧은 줄", "다" * 100, "라" * 101]
    (tmp_path / "a.txt").write_text("\n".join(lines), "utf-8")
    tokenizer = korlm.load_tokenizer(name)
    path = encode_file(tmp_path / "a.txt", tokenizer, tmp_path / "a.npy")
    assert np.load(path).tolist() == encode_to_memmap(lines, tokenizer, cache=False).tolist()


@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
def test_a_run_stopped_many_times_writes_the_same_bytes(
    suffix: str, kolaw: Path, tmp_path: Path, small_batches: None
) -> None:
    source = tmp_path / f"source{suffix}"
    source.write_bytes(gzip.compress(kolaw.read_bytes()) if suffix.endswith("gz") else kolaw.read_bytes())
    tokenizer = korlm.load_tokenizer("unigram")
    whole = encode_file(source, tokenizer, tmp_path / "whole.npy").read_bytes()
    stopped = tmp_path / "stopped.npy"
    stops, lines = 0, -1
    while not stopped.exists():
        try:
            encode_file(source, tokenizer, stopped, progress=stop_after(3))  # type: ignore[arg-type]
        except Stop:
            stops += 1
            done = read_encoding_progress(stopped)
            assert done is not None and done.lines > lines, "each run goes on where the last one stopped"
            lines = done.lines
            with (tmp_path / "stopped.npy.partial").open("ab") as file:
                file.write(b"written after the journal, before the kill")
    assert stops > 5
    assert stopped.read_bytes() == whole
    assert (tmp_path / "stopped.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.txt"
    bills = b"".join(file.read_bytes() for file in sorted((data_folder() / "corpora").rglob("*.txt")))
    path.write_bytes(bills * 60)  # 9 MB: several batches
    return path


# The command, which sends itself a signal when its journal has been written a third time: after two batches, wherever the
# machine is by then. A shell that starts the tests in the background leaves SIGINT ignored.
SIGNALED = """
import os, signal, sys
from korlm.cli.main import main
from korlm.corpora import encode_file as encode

def save_and_signal(run, save=encode._EncodingRun.save_journal, saves=[]):
    save(run)
    saves.append(run.state.lines)
    if len(saves) == 3:
        os.kill(os.getpid(), {number})

encode._EncodingRun.save_journal, encode._SAVE_INTERVAL_SECONDS = save_and_signal, 0
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""


def started(source: Path, output: Path, how: signal.Signals) -> subprocess.Popen[bytes]:
    """Start the command, which sends itself a signal after two batches."""
    code = SIGNALED.format(number=int(how))
    command = [sys.executable, "-c", code, "encode", str(source), "-t", "unigram", "-o", str(output)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KORLM_LANG": "ko"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_killed_command_resumes(how: signal.Signals, large: Path, tmp_path: Path) -> None:
    tokenizer = korlm.load_tokenizer("unigram")
    output = tmp_path / "out.npy"
    run = started(large, output, how)
    _, said = run.communicate(timeout=600)
    assert run.returncode in (130, -signal.SIGKILL) and not output.exists(), said.decode()
    done = read_encoding_progress(output)
    assert done is not None and 0 < done.position < large.stat().st_size and done.lines > 0
    if how == signal.SIGINT:
        assert run.returncode == 130
        assert f"{done.lines:,}줄까지" in said.decode() and "이어서" in said.decode()
        assert "Traceback" not in said.decode()
    positions: list[int] = []
    encode_file(large, tokenizer, output, progress=lambda at, total: positions.append(at))
    assert positions[0] == done.position > 0
    whole = encode_file(large, tokenizer, tmp_path / "whole.npy")
    assert output.read_bytes() == whole.read_bytes()


def test_two_processes_cannot_write_one_file(large: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.npy"
    run = started(large, output, signal.SIGSTOP)
    try:
        os.waitpid(run.pid, os.WUNTRACED)  # until it has stopped itself
        with pytest.raises(ArtifactError, match="다른 프로그램"):
            encode_file(large, korlm.load_tokenizer("unigram"), output)
    finally:
        run.kill()
        run.communicate()


def begun(source: Path, output: Path, tokenizer: str = "syllable") -> None:
    with pytest.raises(Stop):
        encode_file(source, korlm.load_tokenizer(tokenizer), output, progress=stop_after(3))  # type: ignore[arg-type]


def test_a_journal_of_another_run_asks_for_a_restart(kolaw: Path, tmp_path: Path, small_batches: None) -> None:
    output, syllable = tmp_path / "a.npy", korlm.load_tokenizer("syllable")
    begun(kolaw, output)
    with pytest.raises(ArtifactError, match=r"다른 토크나이저.*--restart"):
        encode_file(kolaw, korlm.load_tokenizer("unigram"), output)
    with kolaw.open("ab") as file:
        file.write("한 줄 더\n".encode())
    with pytest.raises(ArtifactError, match=r"바뀌었습니다.*--restart"):
        encode_file(kolaw, syllable, output)
    again = encode_file(kolaw, syllable, output, restart=True)
    assert np.load(again).tolist() == encode_to_memmap(list(read_lines(kolaw)), syllable, cache=False).tolist()

    other = tmp_path / "b.npy"
    begun(kolaw, other)
    os.truncate(tmp_path / "b.npy.partial", 200)
    with pytest.raises(ArtifactError, match=r"짧습니다.*--restart"):
        encode_file(kolaw, syllable, other)
    (tmp_path / "b.npy.journal").write_text("{", "utf-8")
    with pytest.raises(ArtifactError, match=r"일지.*--restart"):
        encode_file(kolaw, syllable, other)


def test_existing_output_is_not_overwritten(kolaw: Path, tmp_path: Path) -> None:
    tokenizer = korlm.load_tokenizer("syllable")
    output = encode_file(kolaw, tokenizer, tmp_path / "a.npy")
    with pytest.raises(ArtifactError, match="이미 있습니다"):
        encode_file(kolaw, tokenizer, output)
    encode_file(kolaw, tokenizer, output, restart=True)


@pytest.mark.parametrize("content", ["", "\n \r\n\n"])
def test_an_empty_file_raises_an_error_and_leaves_no_files(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(content.encode())
    with pytest.raises(CorpusError, match="글이 없습니다"):
        encode_file(tmp_path / "a.txt", korlm.load_tokenizer("syllable"), tmp_path / "a.npy")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_invalid_utf8_raises_an_error_and_keeps_the_progress(tmp_path: Path, small_batches: None) -> None:
    path, output = tmp_path / "a.txt", tmp_path / "a.npy"
    good = ("가" * 99 + "\n").encode() * 20
    path.write_bytes(good + b"\xff\n" + good)
    tokenizer = korlm.load_tokenizer("syllable")
    with pytest.raises(CorpusError, match=f"{len(good):,}번째 바이트.*0xFF"):
        encode_file(path, tokenizer, output)
    done = read_encoding_progress(output)
    assert done is not None and done.lines == 20, "all the batches before it"
    with pytest.raises(CorpusError, match="0xFF"):
        encode_file(path, tokenizer, output)
    assert read_encoding_progress(output) == done


def test_an_invalid_row_and_a_surrogate_are_reported_by_line(tmp_path: Path) -> None:
    tokenizer = korlm.load_tokenizer("syllable")
    (tmp_path / "a.jsonl").write_text('{"text": "가"}\n{"text": "\\ud800"}\n', "utf-8")
    with pytest.raises(CorpusError, match=r"2번째 줄.*서로게이트"):
        encode_file(tmp_path / "a.jsonl", tokenizer, tmp_path / "a.npy")
    (tmp_path / "b.jsonl").write_text('{"text": "가"}\n{\n', "utf-8")
    with pytest.raises(CorpusError, match="1줄 다음"):
        encode_file(tmp_path / "b.jsonl", tokenizer, tmp_path / "b.npy")


def test_a_tokenizer_without_eos_and_a_wrong_suffix_raise_input_error(kolaw: Path, tmp_path: Path) -> None:
    tokenizer = korlm.load_tokenizer("syllable")
    with pytest.raises(InputError, match=r"\.npy"):
        encode_file(kolaw, tokenizer, tmp_path / "a.bin")
    with pytest.raises(CorpusError, match="읽지 못했습니다"):
        encode_file(tmp_path / "none.txt", tokenizer, tmp_path / "a.npy")
    tokenizer.specials = {"<s>": 1}
    with pytest.raises(InputError, match="</s>"):
        encode_file(kolaw, tokenizer, tmp_path / "a.npy")


@pytest.mark.skipif(sys.platform == "win32", reason="no resource limits")
def test_a_full_disk_raises_an_error_and_the_run_can_resume(large: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.npy"
    code = (
        "import resource, sys, korlm.cli.main; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000));"
        "sys.exit(korlm.cli.main.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "encode", str(large), "-t", "syllable", "-o", str(output)],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), "KORLM_LANG": "ko"},
    )  # fmt: skip
    assert done.returncode == 2 and "디스크에 자리" in done.stderr and "Traceback" not in done.stderr
    so_far = read_encoding_progress(output)
    assert so_far is not None and so_far.lines
    tokenizer = korlm.load_tokenizer("syllable")
    encode_file(large, tokenizer, output)
    assert output.read_bytes() == encode_file(large, tokenizer, tmp_path / "whole.npy").read_bytes()


def test_the_command_prints_its_output_file(kolaw: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "korlm", "encode", "kolaw.txt", "-t", "syllable", "--json"],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["file"] == "kolaw.syllable.npy"
    assert len(np.load(tmp_path / "kolaw.syllable.npy")) == made["tokens"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["syllable", "unigram"])
def test_a_hundred_megabytes_need_little_memory(name: str, large: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    data = large.read_bytes()
    with big.open("wb") as file:
        while file.tell() < 100e6:
            file.write(data)

    def peak(source: Path) -> int:
        command = [sys.executable, "-m", "korlm", "encode", str(source), "-t", name, "-o", str(source) + ".npy"]
        quiet = subprocess.DEVNULL
        run = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
        _, status, usage = os.wait4(run.pid, 0)
        assert status == 0
        return usage.ru_maxrss // 1024  # MB

    (tmp_path / "small.txt").write_text("가\n", "utf-8")
    assert peak(big) - peak(tmp_path / "small.txt") < 500
