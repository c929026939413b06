"""Stop words: bundled lists, custom lists, the command."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

import korlm
from korlm.errors import InputError
from korlm.morph.base import Morpheme
from korlm.morph.tags import SEJONG_TAGS
from korlm.storage.artifacts import data_folder
from korlm.tokenizers.stopwords import load_stopwords, read_stopwords, remove_stopwords

spacy = pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="spaCy is not installed")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("대한민국의 주권은 국민에게 있고, 모든 권력은 국민으로부터 나온다.", "대한민국 주권 국민 권력 국민 나온다"),
        ("이가 아파서 치과에 갔다", "이 아파서 치과 갔"),  # the tooth, not the determiner or the copula
        ("이건 뭐 그냥 좀 별로였음...", ""),
        ("환경 문제에 대한 연구를 위해", "환경 문제 연구"),
        ("배우의 연기가  정말 좋았다 ㅋㅋ", "배우 연기 좋 ㅋㅋ"),
        ("그 movie는 The best였다", "movie best"),
        ("", ""),
        (" \t\n", ""),
    ],
)
def test_function_words_are_removed(text: str, left: str) -> None:
    assert remove_stopwords(text) == left.split()


def test_a_segment_is_removed_only_if_all_its_morphemes_are_stop_words() -> None:
    assert remove_stopwords("했다") == []  # 하 + 었: both are stop words
    assert remove_stopwords("갔다") == ["갔"]  # 가 + 았: 가 is none


def test_untagged_words_are_removed_by_their_whole_form() -> None:
    assert remove_stopwords("그러나, 나는 또 학교에 간다. 하", "word") == ["나는", "학교에", "간다.", "하"]
    assert remove_stopwords("It isn't the movie, and I don't care.", "word") == ["movie,", "care."]


@spacy
def test_english_words_are_removed_by_form() -> None:
    words = korlm.load_tokenizer("word", language="en")
    text = "I don't think the movie's ending was good, isn't it?"
    assert remove_stopwords(text, words) == ["think", "movie", "ending", "good"]
    assert remove_stopwords(text, words, language="en") == ["think", "movie", "ending", "good"]
    assert "the" in remove_stopwords(text, words, language="ko")


def test_one_list_leaves_the_other_language() -> None:
    assert remove_stopwords("그 the 영화", language="ko") == ["the", "영화"]
    assert remove_stopwords("그 the 영화", language="en") == ["그", "영화"]
    with pytest.raises(InputError, match="'jp'"):
        remove_stopwords("가", language="jp")


def test_an_encoding_is_accepted_and_checked() -> None:
    kiwi = korlm.load_tokenizer("kiwi")
    encoding = kiwi.encode("나는 영화를 봤다")
    assert remove_stopwords(encoding) == remove_stopwords(encoding, kiwi) == ["영화", "봤"]
    syllables = korlm.load_tokenizer("syllable")
    with pytest.raises(InputError, match="형태소가 없습니다"):
        remove_stopwords(syllables.encode("나는 영화를"))
    with pytest.raises(InputError, match="낱말이 아니라서"):
        remove_stopwords(syllables.encode("나는 영화를"), syllables)


@pytest.mark.parametrize("name", ["syllable", "unigram", "bpe", "byte", "jamo"])
def test_units_other_than_words_raise_input_error(name: str) -> None:
    with pytest.raises(InputError, match="word, kiwi"):
        remove_stopwords("가", name)


def test_a_custom_list_replaces_the_bundled_lists(tmp_path: Path) -> None:
    text = "나는 그 영화를 봤다"
    assert remove_stopwords(text, stopwords=["영화", ("*", "JKO"), ("나", "NP")]) == ["는", "그", "봤", "다"]
    path = tmp_path / "mine.tsv"
    path.write_text("\ufeff# mine\n영화\n*\tJKO\r\n\n나\tNP\n#\tSW\n", "utf-8")
    assert remove_stopwords(text, stopwords=path) == ["는", "그", "봤", "다"]
    assert ("#", "SW") in read_stopwords(path).pairs
    assert remove_stopwords("The 영화", stopwords=["THE"]) == ["영화"]
    assert remove_stopwords("ㄴ다", stopwords=[("ᆫ다", "EF")], tokenizer="kiwi") is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("가\n것\tNNX\n".encode(), r":2: 'NNX'"),
        ("가\t나\t다\n".encode(), r":1: 열이 3개"),
        ("가\n*\n".encode(), r":2: \*에는 표지"),
        ("가\n\tNNG\n".encode(), r":2: 꼴이 비었"),
        ("가\n\n".encode() + "나".encode("cp949"), r":3: UTF-8이"),
        (b"# nothing\n", "하나도 없습니다"),
    ],
)
def test_an_invalid_file_raises_an_error_with_the_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.tsv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_stopwords(stopwords=path)


def test_an_invalid_entry_and_a_missing_file_raise_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="읽지 못했습니다"):
        load_stopwords(stopwords=tmp_path / "none.tsv")
    with pytest.raises(InputError, match=r"\[1\].*'XX'"):
        load_stopwords(stopwords=["가", ("나", "XX")])
    with pytest.raises(InputError, match="꼴이나"):
        load_stopwords(stopwords=[3])  # type: ignore[list-item]


def test_morphemes_without_sejong_tags_match_by_their_own_or_coarse_tag() -> None:
    words = load_stopwords()
    assert words.has_morpheme(Morpheme("가", "JKS", 0, 1)) and not words.has_morpheme(Morpheme("가", "VV", 0, 1))
    assert words.has_morpheme(Morpheme("나", "Noun", 0, 1, "NNG")) and not words.has_morpheme(
        Morpheme("나", "NNG", 0, 1, "NNG")
    )


def test_the_bundled_lists_are_valid() -> None:
    korean, english = load_stopwords(language="ko"), load_stopwords(language="en")
    assert {tag for _, tag in korean.pairs} | korean.tags <= set(SEJONG_TAGS)
    assert {"JKS", "EF", "SF"} <= korean.tags and not {"NNG", "VV", "SW", "SN"} & korean.tags
    assert {("것", "NNB"), ("하", "XSV"), ("이", "VCP"), ("그리고", "MAJ"), ("또", "MAG")} <= korean.pairs
    assert {"the", "n't", "'s", "not"} <= english.words and 150 < len(english.words) < 250
    for name in ("ko.tsv", "en.txt"):
        lines = (data_folder() / "stopwords" / name).read_text("utf-8").splitlines()
        entries = [line for line in lines if line and not line.startswith("# ")]
        assert len(entries) == len(set(entries)), "no entry twice"


def run(*arguments: str, stdin: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "korlm", "tokenize", *arguments],
        input=stdin, capture_output=True, text=True, cwd=ROOT, timeout=800,
        env={**os.environ, "KORLM_LANG": "ko", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def test_the_command_removes_stop_words(tmp_path: Path) -> None:
    text = "나는 갓생러를 봤다.\n"
    assert run("--no-stopwords", stdin=text).stdout == "갓생러│봤\n"
    (tmp_path / "mine.tsv").write_text("*\tJX\n갓생러\n", "utf-8")
    assert run("--no-stopwords", "--stopwords", str(tmp_path / "mine.tsv"), stdin=text).stdout == "나│를│봤│다│.\n"
    kept = json.loads(run("--no-stopwords", "--json", stdin=text).stdout)
    whole = json.loads(run("--json", stdin=text).stdout)
    assert kept.keys() == whole.keys() and kept["text"] == whole["text"]
    assert [segment["span"] for segment in kept["segments"]] == [[2, 6], [7, 9]]
    assert len(kept["ids"]) == len(kept["pieces"]) == len(kept["spans"]) == len(kept["tags"]) < len(whole["ids"])
    refused = run("-t", "syllable", "--no-stopwords", stdin=text)
    assert refused.returncode == 2 and "word, kiwi" in refused.stderr


def test_the_command_accepts_segmenter_options(tmp_path: Path) -> None:
    assert run("--split", "jamo", stdin="갔다\n").stdout == "가│ㅆ│다\n"
    (tmp_path / "words.txt").write_text("갓생\tNNP\n", "utf-8")
    assert run("--user-dictionary", str(tmp_path / "words.txt"), stdin="갓생러\n").stdout.startswith("갓생│")
    typos = json.loads(run("--typos", "basic", "--json", stdin="안됀다\n").stdout)
    forms = [(one["form"], one["tag"]) for segment in typos["segments"] for one in segment["morphemes"]]
    assert ("되", "VV") in forms
    for flag in ("--normalize-coda", "--split-compounds"):
        assert run(flag, stdin="했엌\n").returncode == 0
    refused = run("-t", "word", "--typos", "basic", stdin="가\n")
    assert refused.returncode == 2 and "typos" in refused.stderr


@spacy
def test_the_command_splits_english() -> None:
    assert run("--language", "en", stdin="I don't.\n").stdout == "I│␣do│n't│.\n"
    assert run("--language", "en", "--no-stopwords", stdin="I don't like it.\n").stdout == "like\n"
