"""The `korlm` command in a process of its own, and in this process where a library is faked."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from support import ROOT

from korlm.cli.main import main
from korlm.models.registry import load_model
from korlm.tokenizers.catalog import list_tokenizers
from korlm.tokenizers.registry import load_tokenizer


def korlm(*arguments: str, stdin: str = "", language: str = "ko") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "korlm", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "KORLM_LANG": language, "PYTHONPATH": str(ROOT)},
        timeout=800,
    )


def test_tokenize_prints_tokens_of_standard_input() -> None:
    process = korlm("tokenize", "-t", "syllable", stdin="가 나\n다\n")
    assert (process.returncode, process.stdout) == (0, "가│␣│나\n다\n")


def test_tokenize_json_has_ids_and_morphemes() -> None:
    process = korlm("tokenize", "-t", "kiwi", "--json", stdin="했다 ▁\n\n")
    first, second = (json.loads(line) for line in process.stdout.splitlines())
    assert first["text"] == "했다 ▁" and second["ids"] == []
    assert first["segments"][0]["morphemes"][0] == {
        "form": "하", "lemma": "하다", "tag": "VV", "sejong": "VV", "span": [0, 1],
    }  # fmt: skip


def test_tokenize_reads_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("가나\n", "utf-8")
    assert korlm("tokenize", "-t", "syllable", "--ids", str(tmp_path / "a.txt")).stdout.split()[0].isdigit()


def test_tokenize_by_syllables_loads_no_heavy_library() -> None:
    code = "import sys; from korlm.cli.main import main; main(); print(*sys.modules)"
    command = [sys.executable, "-c", code, "tokenize", "-t", "syllable"]
    process = subprocess.run(command, input="가\n", capture_output=True, text=True, cwd=ROOT, check=True)
    tokens, modules = process.stdout.splitlines()
    assert tokens == "가" and not {"torch", "kiwipiepy", "gradio", "tokenizers", "matplotlib"} & set(modules.split())


def test_compare_prints_one_line_per_tokenizer() -> None:
    process = korlm("compare", "나랑 쇼핑하자.", "-t", "word,kiwi,byte")
    assert process.stdout.splitlines()[0] == "word  나랑│␣쇼핑하자."
    assert korlm("compare", "나랑", "-t", "word,,byte,").stdout == korlm("compare", "나랑", "-t", "word, byte").stdout
    lanes = json.loads(korlm("compare", "가", "--json").stdout)["lanes"]
    assert [lane["name"] for lane in lanes] == ["word", "kiwi", "okt", "unigram", "syllable"]


@pytest.fixture
def konlpy_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that KoNLPy is not installed."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "konlpy" else find_spec(name))


@pytest.mark.usefixtures("konlpy_missing")
@pytest.mark.parametrize(("language", "note"), [("ko", "다음 명령으로 설치하세요"), ("en", "Install it with")])
@pytest.mark.parametrize("names", [[], ["-t", "word,okt,syllable"]])
def test_compare_leaves_out_tokenizers_that_are_not_installed(
    names: list[str], language: str, note: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORLM_LANG", language)
    assert main(["compare", "나랑 쇼핑하자.", "--json", *names]) == 0
    output = capsys.readouterr()
    lanes = [lane["name"] for lane in json.loads(output.out)["lanes"]]
    assert lanes == (["word", "syllable"] if names else ["word", "kiwi", "unigram", "syllable"])
    assert note in output.err and "okt" in output.err and "pip install" in output.err


@pytest.mark.usefixtures("konlpy_missing")
def test_compare_fails_if_no_requested_tokenizer_is_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "나랑 쇼핑하자.", "-t", "okt,kkma"]) == 2
    output = capsys.readouterr()
    assert not output.out and all(name in output.err for name in ("okt", "kkma", "pip install"))


def test_train_from_bundled_model_rejects_another_shape(tmp_path: Path) -> None:
    arguments = ["train", "kobill", "--from", "reviews-unigram-gru", "--folder", str(tmp_path / "run"), "--json"]
    for name, value in (("hidden", "64"), ("embedding", "256"), ("tokenizer", "unigram")):  # the last two are defaults
        process = korlm(*arguments, f"--{name}", value)
        assert process.returncode == 2 and name in process.stderr and "reviews-unigram-gru" in process.stderr
    assert not (tmp_path / "run").exists()
    trained = korlm(
        *arguments, "--limit", "20", "--batch", "4", "--valid-lines", "5", "--dropout", "0", "--embedding-dropout", "0.2",
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["parameters"] == 4_616_768
    net = json.loads((tmp_path / "run" / "best" / "config.json").read_text("utf-8"))["net"]
    bundled = load_model("reviews-unigram-gru").net.config
    assert bundled.dropout == 0.1 and net == asdict(replace(bundled, dropout=0.0, embedding_dropout=0.2)) | {
        "cutoffs": []
    }


def test_train_evaluate_and_generate_end_to_end(tmp_path: Path) -> None:
    folder = str(tmp_path / "run")
    sizes = ["--hidden", "64", "--embedding", "32", "--batch", "8", "--bptt", "32", "--epochs", "12"]
    trained = korlm("train", "kolaw", "--tokenizer", "syllable", "--folder", folder, "--json", *sizes)
    assert trained.returncode == 0, trained.stderr
    figures = json.loads(trained.stdout)
    evaluated = korlm("evaluate", folder, "kolaw", "--json")
    assert json.loads(evaluated.stdout)["bits_per_character"] == pytest.approx(figures["bits_per_character"], abs=1e-3)
    assert figures["bits_per_character"] < 8, "better than chance"
    generated = korlm("generate", folder, "모든 국민은", "--seed", "1", "--max-tokens", "20")
    assert generated.stdout.startswith("모든 국민은") and len(generated.stdout) > 10
    assert generated.stdout == korlm("generate", folder, "모든 국민은", "--seed", "1", "--max-tokens", "20").stdout
    assert "학습" in trained.stderr and "토큰/초" in trained.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tokenize", "-t", "kiwy"], "'kiwy'"),
        (["tokenize", "no-such.txt"], "읽지 못했습니다"),
        (["compare", ""], "비었습니다"),
        (["compare", "가", "-t", "word,what"], "'what'"),
        (["evaluate", "no-model", "kolaw"], "'no-model'"),
        (["generate", "no-model", "가"], "'no-model'"),
        (["generate", "reviews-unigram-lstm", "가", "--temperature", "99"], "temperature"),
        (["train", "no-corpus"], "'no-corpus'"),
        (["train", "kolaw", "--cell", "cnn"], "'cnn'"),
        (["train", "kolaw", "--batch", "0"], "batch"),
        (["compare", "가", "-t", ","], "--tokenizers"),
        (["compare", "가", "-t", ""], "--tokenizers"),
        (["tokenize", "-t", ""], "이름이 비었습니다"),
        (["app", "--port", "80000"], "65535"),
        (["app", "--port", "0"], "65535"),
        (["app", "--port", "-1"], "65535"),
        (["nonsense"], "nonsense"),
        ([], "COMMAND"),
    ],
)
def test_bad_input_exits_with_message_and_status_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    folder = ["--folder", str(tmp_path / "run")] if arguments[:1] == ["train"] else []
    process = korlm(*arguments, *folder)
    assert process.returncode == 2
    assert message in process.stderr and "Traceback" not in process.stderr
    assert not (tmp_path / "run").exists(), "nothing half written"


def test_messages_are_in_the_users_language() -> None:
    assert "There is no tokenizer" in korlm("tokenize", "-t", "kiwy", language="en").stderr
    assert "글을 토큰으로" in korlm("--help").stdout
    assert "split text into tokens" in korlm("--help", language="en").stdout
    assert "learning rate" in korlm("train", "--help", language="en").stdout


ARGPARSE_ERRORS = [
    (["app", "--port", "x"], "--port: 'x'은(는) 정수가 아닙니다.", "argument --port: invalid int value: 'x'"),
    (["generate", "m", "--temperature", "x"], "--temperature: 'x'은(는) 수가 아닙니다.", "invalid float value: 'x'"),
    (["train", "--limit"], "--limit: 값이 하나 필요합니다.", "argument --limit: expected one argument"),
    (
        ["train", "--split", "x"],
        "--split: 'x'은(는) 고를 수 없습니다. 고를 수 있는 값:",
        "invalid choice: 'x' (choose from",
    ),
    (["train", "--json=1"], "--json: 값을 받지 않습니다 (받은 것: '1')", "ignored explicit argument '1'"),
    (["train", "--nonsense"], "모르는 인자입니다: --nonsense", "unrecognized arguments: --nonsense"),
    (["train", "--embed", "1"], "--embed은(는) 여러 옵션의 앞부분입니다", "ambiguous option: --embed"),
    (["evaluate"], "다음 인자가 필요합니다: model", "the following arguments are required: model"),
]


@pytest.mark.parametrize(("arguments", "ko", "en"), ARGPARSE_ERRORS)
def test_errors_of_the_arguments_are_in_the_users_language(
    arguments: list[str], ko: str, en: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for language, message, hint in (("ko", ko, "사용법: korlm"), ("en", en, "For usage see: korlm")):
        monkeypatch.setenv("KORLM_LANG", language)
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        printed = capsys.readouterr().err
        assert exit_.value.code == 2 and message in printed and hint in printed


def test_korean_help_has_no_english_of_argparse(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KORLM_LANG", "ko")
    for arguments in (["--help"], ["train", "--help"]):
        with pytest.raises(SystemExit):
            main(arguments)
        text = capsys.readouterr().out
        assert text.startswith("사용법: korlm") and "\n인자:\n" in text and "\n옵션:\n" in text
        assert not any(words in text for words in ("usage", "positional", "options:", "show this", "program's"))


@pytest.mark.parametrize("port", ["80000", "x", "0"])
def test_a_wrong_port_in_the_environment_is_named(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", port)
    assert main(["app"]) == 2
    error = capsys.readouterr().err
    assert "GRADIO_SERVER_PORT" in error and f"'{port}'" in error


def test_invalid_utf8_on_standard_input_is_an_error() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "korlm", "tokenize", "-t", "syllable"], input=b"\xff\n", capture_output=True, cwd=ROOT
    )
    assert process.returncode == 2
    assert "UTF-8" in process.stderr.decode()


@pytest.mark.parametrize("command", ["tokenize", "compare"])
def test_cp949_on_standard_input_is_named(command: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "korlm", command, "-t", "syllable"],
        input="가나다 라마\n".encode("cp949"), capture_output=True, cwd=ROOT,
    )  # fmt: skip
    assert process.returncode == 2 and "iconv -f cp949" in process.stderr.decode()


@pytest.mark.parametrize("language", ["ko", "en"])
def test_evaluate_on_an_empty_split_tells_which_split_to_use(tmp_path: Path, language: str) -> None:
    (tmp_path / "a.csv").write_text("text\n안녕\n", "utf-8")
    process = korlm("evaluate", "reviews-syllable-lstm", str(tmp_path / "a.csv"), language=language)
    assert process.returncode == 2 and "--split train" in process.stderr and "test" in process.stderr
    process = korlm("evaluate", "reviews-syllable-lstm", str(tmp_path / "a.csv"), "--split", "train")
    assert process.returncode == 0 and "bits_per_character" in process.stdout


def test_train_only_tokenizer_with_tokenizer_options(tmp_path: Path) -> None:
    folder = tmp_path / "it"
    process = korlm(
        "train", "kolaw", "--only-tokenizer", "--tokenizer", "kiwi", "--split", "jamo", "--specials", "<user>,<bot>",
        "--min-count", "3", "--folder", str(folder),
    )  # fmt: skip
    assert process.returncode == 0 and "split:jamo" in process.stdout, process.stderr
    assert list(load_tokenizer(folder).specials)[-2:] == ["<user>", "<bot>"]
    process = korlm("train", "kolaw", "--split", "jamo", "--folder", str(tmp_path / "run"))
    assert process.returncode == 2 and "--only-tokenizer" in process.stderr
    process = korlm("train", "kolaw", "--only-tokenizer", "--tokenizer", "word", "--on-unknown", "drop")
    assert process.returncode == 2 and "fallback" in process.stderr


@pytest.mark.slow  # starts every analyzer
def test_compare_all_measures_every_installed_tokenizer() -> None:
    process = korlm("compare", "--corpus", "kolaw", "--limit", "1", "-t", "all", "--resamples", "2", "--json")
    assert process.returncode == 0, process.stderr
    measured = {row["name"] for row in json.loads(process.stdout)["tokenizers"]}
    assert measured == {info.name for info in list_tokenizers() if info.ready}
