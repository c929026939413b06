"""Boundary agreement, intrinsic metrics with their intervals, and `korlm compare --corpus`."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ROOT
from support.tokenizers import TEXTS, load_tokenizer, word_tokenizer

from korlm.cli.main import main
from korlm.corpora.registry import load_corpus
from korlm.errors import ArtifactError, CorpusError, InputError, MissingDependencyError, UnknownNameError
from korlm.evaluation.boundaries import segment_boundaries
from korlm.evaluation.corpus_statistics import collect_statistics
from korlm.evaluation.evaluate import evaluate_tokenizers
from korlm.evaluation.metrics import GOLD_KEYS, METRICS, TEXT_KEYS, renyi_efficiency
from korlm.evaluation.park2020 import STRATEGIES, compare_with_paper, train_strategies
from korlm.evaluation.vocabulary_profile import SCRIPTS, classify_script, vocabulary_lengths, vocabulary_scripts
from korlm.reporting.statistics import bootstrap_sums, percentile_interval
from korlm.text.display import display_width
from korlm.tokenizers.registry import load_tokenizer as load

LINES = ["나랑 쇼핑하자.", "아버지가 방에 들어가신다.", "뷁 ㅋㅋ", "나랑 쇼핑하자."]


# --- metrics ---


def test_metrics_by_hand() -> None:
    tokenizer = word_tokenizer("나는", " 간다", "너")  # 가, 간, 다 ... are out of vocabulary: bytes
    result = evaluate_tokenizers(["나는 간다", "너는 가"], [tokenizer], resamples=5, width=10)
    values = {key: estimate.value for key, estimate in result["word"].values.items()}
    # 나는| 간다  and  너|는(3 bytes) | (1 byte)가(3 bytes): 2 + 8 tokens; 5 + 4 characters
    expected = {
        "ids": 10, "ids_per_line": 5, "ids_per_eojeol": 10 / 4, "ids_per_character": 10 / 9, "characters_per_id": 0.9,
        "bytes_per_id": 23 / 10, "characters_per_eojeol": 9 / 4, "bytes_per_eojeol": 23 / 4, "whole_eojeol": 2 / 4,
        "vocab_size": 263, "embedding": 2630, "oov": 2 / 4, "oov_types": 2 / 4, "byte_ids": 7 / 10,
    }  # fmt: skip
    assert {key: values[key] for key in expected} == pytest.approx(expected)
    assert set(values) == set(TEXT_KEYS)
    counts = Counter(i for line in ("나는 간다", "너는 가") for i in tokenizer.encode(line).ids)
    probs = np.array([*counts.values()]) / 10
    assert values["entropy"] == pytest.approx(-(probs * np.log2(probs)).sum())
    renyi = np.log((probs**2.5).sum()) / (1 - 2.5) / np.log(263)
    assert values["renyi_efficiency"] == pytest.approx(renyi)


def test_uniform_distribution_has_efficiency_1() -> None:
    uniform = np.full(64, 3)
    assert renyi_efficiency(uniform, 64) == pytest.approx(1)
    assert renyi_efficiency(uniform, 64, alpha=1) == pytest.approx(1)
    assert renyi_efficiency(np.array([9, 0]), 2) == pytest.approx(0)


@given(st.lists(st.integers(0, 50), min_size=2, max_size=20).filter(any))
def test_renyi_efficiency_decreases_with_its_order_within_0_and_1(counts: list[int]) -> None:
    low, shannon, high = (renyi_efficiency(np.array(counts), len(counts), alpha=alpha) for alpha in (0.5, 1, 2.5))
    assert -1e-9 <= high <= shannon + 1e-9 <= low + 2e-9 <= 1 + 3e-9


def test_byte_tokenizer_has_no_oov_and_word_tokenizer_no_boundaries() -> None:
    result = evaluate_tokenizers(LINES, ["word", "byte", "syllable"], resamples=10)
    assert result["byte"].values["oov"].value == 0 and result["byte"].values["byte_ids"].value == 1
    assert result["byte"].values["bytes_per_id"].value == 1
    assert result.agreement[0] == (1.0, 0.0, 0.0) and result.agreement[1][2] == 1.0


def test_agreement_is_summed_over_batches_of_lines() -> None:
    lines = [*LINES, *(f"{number}번째 줄이다" for number in range(4500))]
    names = ["unigram", "syllable"]
    _, agreement = collect_statistics(lines, [load_tokenizer(name) for name in names])
    boundaries = [list(map(segment_boundaries, load_tokenizer(name).encode_batch(lines))) for name in names]
    common = sum(len(first & second) for first, second in zip(*boundaries, strict=True))
    union = sum(len(first | second) for first, second in zip(*boundaries, strict=True))
    assert agreement[0][1] == agreement[1][0] == pytest.approx(common / union)


@pytest.mark.parametrize("name", ["word", "syllable", "unigram", "byte", "kiwi"])
def test_vocabulary_profile_adds_up_to_the_vocabulary_size(name: str) -> None:
    tokenizer = load_tokenizer(name)
    scripts, lengths = vocabulary_scripts(tokenizer), vocabulary_lengths(tokenizer)
    assert sum(scripts.values()) == tokenizer.vocab_size and list(scripts) == list(SCRIPTS)
    assert sum(lengths.values()) == tokenizer.vocab_size - scripts["bytes"] - scripts["special"]
    assert (scripts["bytes"], scripts["special"]) == (256, 4)


def test_scripts_of_tokens() -> None:
    expected = {
        " 하늘": "syllables", "ㅋㅋ": "letters", "\u1112\u1161": "letters", " the": "latin", "１": "digits", "Ⅳ": "digits",
        "大": "hanja", "!?": "symbols", "😀": "symbols", "k팝": "mixed", "カ": "other", " ": "space", "é": "latin",
        "e\u0301": "latin", "\u200d": "symbols", "하,": "mixed",
    }  # fmt: skip
    assert {token: classify_script(token) for token in expected} == expected


# --- intervals ---


def test_identical_lines_have_intervals_of_zero_width() -> None:
    result = evaluate_tokenizers(["나는 간다"] * 30, ["syllable", "unigram"], resamples=50)
    for row in result.rows:
        for key, (value, low, high) in row.values.items():
            if METRICS[key].has_interval and value is not None:
                assert low == pytest.approx(value) and high == pytest.approx(value), key


def test_blockwise_draws_have_the_distribution_of_a_plain_bootstrap() -> None:
    values = np.random.default_rng(1).integers(0, 9, 9000)  # three blocks
    sums = bootstrap_sums([values, np.ones(9000, int)], resamples=400, seed=3)
    assert (sums[:, 1] == 9000).all()
    assert sums[:, 0].mean() == pytest.approx(values.sum(), rel=0.002)
    assert sums[:, 0].std() == pytest.approx(values.std() * np.sqrt(9000), rel=0.15)
    assert (sums == bootstrap_sums([values, np.ones(9000, int)], resamples=400, seed=3)).all()
    assert (sums != bootstrap_sums([values, np.ones(9000, int)], resamples=400, seed=4)).any()


def test_differences_are_paired() -> None:
    lines = ["가" * length for length in range(1, 60)]
    result = evaluate_tokenizers(lines, ["syllable", "byte"], resamples=200)
    single = result["byte"].values["ids_per_line"]
    difference = result.difference("ids_per_line", "byte", "syllable")
    assert difference.value == pytest.approx(2 * np.mean(range(1, 60)))
    assert difference.margin == pytest.approx(single.margin * 2 / 3), (
        "three bytes a syllable: the difference has two thirds of the margin"
    )
    assert result.difference("bytes_per_id", "byte", "byte") == (0, 0, 0)
    assert result.difference("ids", "byte", "syllable").low is None
    with pytest.raises(UnknownNameError, match="'word'"):
        result.difference("ids", "byte", "word")
    with pytest.raises(UnknownNameError, match="'no'"):
        result.difference("no", "byte", "byte")


def test_entropy_interval_contains_the_value() -> None:
    lines = [f"단어{number} 하나{number * 7}" for number in range(300)]
    for row in evaluate_tokenizers(lines, ["word", "unigram"], resamples=300).rows:
        for key in ("entropy", "shannon_efficiency", "renyi_efficiency"):
            value, low, high = row.values[key]
            assert low is not None and value is not None and high is not None and low <= value <= high


def test_undefined_metric_has_no_interval() -> None:
    assert percentile_interval(np.array([1.0, np.nan]), 0.9) is None
    assert percentile_interval(np.array([]), 0.9) is None


# --- evaluate_tokenizers ---


@pytest.fixture(scope="module")
def gold_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [("나랑", "나+랑"), ("쇼핑하자", "쇼핑+하+자"), ("갔다", "가+았+다")]
    columns = [
        f"{i}\t{form}\t{lemma}\tX\t{'+'.join('x' * (lemma.count('+') + 1))}\t_\t0\tx\t_\t_"
        for i, (form, lemma) in enumerate(rows, 1)
    ]
    path = tmp_path_factory.mktemp("gold") / "small.conllu"
    path.write_text("# sent_id = a\n# text = 나랑 쇼핑하자 갔다\n" + "\n".join(columns) + "\n\n", "utf-8")
    return path


def test_gold_sentences_alone_give_text_and_gold_metrics(gold_file: Path) -> None:
    result = evaluate_tokenizers(None, ["word", "syllable"], gold=gold_file, resamples=20)
    assert set(result["word"].values) == set(METRICS) == {*TEXT_KEYS, *GOLD_KEYS}
    assert result["syllable"].values["boundary_recall"] == (1, 1, 1)
    assert result["word"].values["boundary_precision"] == (None, None, None)
    assert result["word"].values["boundary_f1"].value == 0
    assert result.gold == {
        "sentences": 1, "tokens": 3, "unplaced_tokens": 0, "eojeol": 3, "certain_eojeol": 3, "boundaries": 4,
        "boundaries_inside_syllables": 1, "forms": 8,
    }  # fmt: skip
    assert "|gold:small|gsha:" in result.signature and "|tie:skip" in result.signature


def test_text_metrics_use_the_lines_and_gold_metrics_the_gold_sentences(gold_file: Path) -> None:
    reports: list[tuple[int, int]] = []
    both = evaluate_tokenizers(
        LINES, ["syllable"], gold=gold_file, resamples=20, progress=lambda *at: reports.append(at)
    )
    alone = evaluate_tokenizers(None, ["syllable"], gold=gold_file, resamples=20)
    plain = evaluate_tokenizers(LINES, ["syllable"], resamples=20)
    for key, estimate in both["syllable"].values.items():
        assert estimate == (alone if key in GOLD_KEYS else plain)["syllable"].values[key]
    assert reports == [(4, 5), (5, 5)]


def test_signature_depends_on_lines_and_options_only() -> None:
    one = evaluate_tokenizers(LINES, ["syllable"], resamples=7, seed=3, confidence=0.9)
    assert one.signature.startswith("eval|lines:4|chars:") and "|boot:7|seed:3|ci:90|" in one.signature
    assert (
        one.signature == evaluate_tokenizers([*LINES, " ", ""], ["word"], resamples=7, seed=3, confidence=0.9).signature
    )
    assert one.signature != evaluate_tokenizers(LINES[:-1], ["syllable"], resamples=7, seed=3, confidence=0.9).signature
    assert one["syllable"].signature == load_tokenizer("syllable").signature


def test_the_same_tokenizer_loaded_twice_raises() -> None:
    with pytest.raises(InputError, match="두 번"):
        evaluate_tokenizers(LINES, [load("syllable"), load("syllable")], resamples=2)


def test_tokenizers_of_the_same_name_get_unique_names() -> None:
    result = evaluate_tokenizers(
        LINES, [word_tokenizer("나"), word_tokenizer("나", "너"), word_tokenizer("가", "다"), "syllable"], resamples=2
    )
    assert result.names == ["word:261", "word:262", "word:262#2", "syllable"]


def test_tokenizer_folder_is_evaluated(tmp_path: Path) -> None:
    word_tokenizer("나랑").save(tmp_path / "tok")
    assert evaluate_tokenizers(LINES, [tmp_path / "tok"], resamples=2).names == ["word"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"lines": []}, CorpusError, "비었습니다"),
        ({"lines": [" ", ""]}, CorpusError, "비었습니다"),
        ({"lines": None}, InputError, "잴 글이 없습니다"),
        ({"names": []}, InputError, "하나 이상"),
        ({"names": ["word", "word"]}, InputError, "두 번"),
        ({"names": ["kiwy"]}, UnknownNameError, "kiwy"),
        ({"resamples": 0}, InputError, "resamples"),
        ({"width": 0}, InputError, "width"),
        ({"confidence": 1.0}, InputError, "confidence"),
        ({"gold": "none.conllu"}, CorpusError, "none.conllu"),
        ({"lines": ["\ud800"]}, InputError, "서로게이트"),
    ],
)
def test_invalid_input_raises(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    options: dict[str, object] = {"lines": LINES, "names": ["word"], **arguments}
    with pytest.raises(error, match=message):
        evaluate_tokenizers(options.pop("lines"), options.pop("names"), **options)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_metrics_of_arbitrary_lines_are_consistent(lines: list[str]) -> None:
    if not any(line.strip() for line in lines):
        return
    result = evaluate_tokenizers(lines, list(map(load_tokenizer, ("word", "syllable", "byte"))), resamples=3)
    nonblank = [line for line in lines if line.strip()]
    assert result["byte"].values["ids"].value == len("".join(nonblank).encode())
    assert result.lines == len(nonblank)
    assert 0 <= result["word"].values["whole_eojeol"].value <= 1  # type: ignore[operator]
    json.dumps(result.to_dict(), allow_nan=False)
    str(result)


# --- output ---


def test_table_is_aligned_in_both_languages(gold_file: Path) -> None:
    result = evaluate_tokenizers(LINES, ["word", "kiwi", "syllable"], gold=gold_file, resamples=20)
    korean, english = result.format(language="ko"), result.format(language="en")
    assert "토큰/어절" in korean and "tokens/eojeol" in english and "[정답 형태소 경계" in korean and "±" in korean
    for text in (korean, english):
        rows = [line for line in text.split("\n\n[")[1].splitlines()[1:]]
        assert len({display_width(row) for row in rows}) == 1
    assert str(result) == korean
    assert result.signature in korean and result["kiwi"].signature in korean


def test_more_than_six_tokenizers_make_two_tables() -> None:
    names = ["word", "kiwi", "unigram", "bpe", "syllable", "byte", word_tokenizer("가")]
    text = evaluate_tokenizers(LINES, names, resamples=2).format(language="en")
    assert text.count("[Length]") == 2
    assert max(map(len, text.split("\n\neval|")[0].splitlines())) < 140


def test_csv_and_json_have_the_same_metrics() -> None:
    result = evaluate_tokenizers(LINES, ["word", "syllable"], resamples=10)
    rows = list(csv.DictReader(io.StringIO(result.to_csv())))
    plain = json.loads(json.dumps(result.to_dict()))
    for row, other in zip(rows, plain["tokenizers"], strict=True):
        assert row["name"] == other["name"]
        for key, estimate in other["metrics"].items():
            assert float(row[key]) == pytest.approx(estimate["value"])
            if estimate["low"] is not None:
                assert float(row[f"{key}_low"]) == pytest.approx(estimate["low"])
        assert int(row["script_bytes"]) == other["vocabulary_by_script"]["bytes"] == 256
        assert row["evaluation"] == plain["signature"]
    assert plain["metrics"]["ids_per_eojeol"]["source"] == "Rust et al. 2021"
    assert plain["agreement"] == [list(shares) for shares in result.agreement]


def test_plot_writes_png_svg_and_pdf(tmp_path: Path, gold_file: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no figure")
    result = evaluate_tokenizers(None, ["word", "syllable"], gold=gold_file, resamples=5)
    for ending, begin in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        result.plot(tmp_path / f"figure.{ending}")
        assert (tmp_path / f"figure.{ending}").read_bytes().startswith(begin)
    with pytest.raises(InputError, match="figure"):
        result.plot(tmp_path / "figure.doc")
    with pytest.raises(ArtifactError):
        result.plot("/proc/none/figure.png")


def test_missing_matplotlib_names_the_extra_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"korlm\[plot\]"):
        evaluate_tokenizers(LINES, ["word"], resamples=2).plot(tmp_path / "a.png")


def test_every_metric_has_labels_in_both_languages() -> None:
    for key, metric in METRICS.items():
        assert metric.key == key and metric.ko and metric.en and metric.meaning
    assert len({metric.ko for metric in METRICS.values()}) == len(METRICS)


# --- the six strategies ---


def test_strategies_are_trained_on_the_training_split_alone() -> None:
    corpus = load_corpus("kolaw")
    tokenizers = train_strategies(corpus.train, {"Word": 50}, analyzer="kiwi", max_vocab_size=400)
    assert [tokenizer.name for tokenizer in tokenizers] == ["jamo", "syllable", "kiwi", "bpe", "kiwi+bpe", "word"]
    assert tokenizers[-1].vocab_size == 50 + 260
    assert max(tokenizer.vocab_size for tokenizer in tokenizers) <= 400 + 260
    result = evaluate_tokenizers(corpus.test, tokenizers, resamples=5)
    ids_per_character = [result[name].values["ids_per_character"].value for name in ("jamo", "syllable", "bpe")]
    assert ids_per_character == sorted(ids_per_character, reverse=True)
    text = compare_with_paper(result)
    assert "142.75" in text and "26.20%" in text and "260" in text
    assert "Morpheme-aware Subword" in compare_with_paper(result, language="en")


def test_unknown_strategy_raises() -> None:
    with pytest.raises(InputError, match="Byte"):
        train_strategies(["가"], {"Byte": 300})


def test_vocabulary_sizes_are_those_of_the_paper() -> None:
    assert [strategy.vocab_size for strategy in STRATEGIES] == [166, 2000, 32000, 32000, 32000, 64000]


# --- the command ---


def compare(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KORLM_LANG": "ko", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "korlm", "compare", *arguments],
        capture_output=True, text=True, encoding="utf-8", cwd=ROOT, env=environment, timeout=800, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_compare_command_evaluates_a_corpus(tmp_path: Path, gold_file: Path) -> None:
    files = ["--csv", str(tmp_path / "a.csv"), "--gold", str(gold_file)]
    done = compare("--corpus", "kolaw", "-t", "word,syllable", "--split", "all", "--resamples", "20", *files)
    assert done.returncode == 0, done.stderr
    assert "토큰/어절" in done.stdout and "경계 F1" in done.stdout and "eval|lines:" in done.stdout
    assert "재는 중" in done.stderr and "재는 중" not in done.stdout
    (first, second) = csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text("utf-8-sig")))
    assert (first["name"], second["unit"]) == ("word", "syllable")
    plain = compare("--corpus", "kolaw", "-t", "syllable", "--limit", "3", "--json")
    assert json.loads(plain.stdout)["lines"] == 3


def test_compare_command_trains_the_six_strategies(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--strategies", "kiwi", "--vocab-size", "500", "--resamples", "5"]
    assert main(["compare", "--corpus", "kolaw", *options]) == 0
    output = capsys.readouterr().out
    assert "논문 OOV" in output and "kiwi+bpe" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--corpus", "no-corpus"], "'no-corpus'"),
        (["가", "--corpus", "kolaw"], "함께 쓸 수 없습니다"),
        (["가", "--csv", "a.csv"], "--corpus나 --gold"),
        (["--corpus", "kolaw", "--limit", "0"], "--limit"),
        (["--corpus", "kolaw", "-t", "word,word"], "두 번"),
        (["--corpus", "kolaw", "-t", "word", "--resamples", "0"], "resamples"),
        (["--corpus", "kolaw", "--strategies", "--split", "train"], "--split"),
        (["--gold", "no.conllu", "--strategies"], "--corpus"),
        (["--gold", "no.conllu", "-t", "word"], "no.conllu"),
    ],
)  # fmt: skip
def test_invalid_options_print_one_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments]) == 2
    output = capsys.readouterr()
    assert message in output.err and "Traceback" not in output.err and not output.out
