"""User words and options of analyzers, read from files, tuples and JSON."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from korlm.errors import ArtifactError, InputError
from korlm.morph.kiwi import KiwiOptions
from korlm.morph.user_words import MAX_USER_WORDS, UserWord, parse_user_words, read_user_words


def test_words_are_read_from_a_file_lines_tuples_and_a_text_box(tmp_path: Path) -> None:
    expected = (UserWord("갓생", "NNG", 1.5), UserWord("복합 명사", "NNP"), UserWord("뇌절", "VV-R", -2.0))
    text = "\ufeff# 사전\r\n\r\n갓생\tNNG\t1.5\r\n  복합  명사 \tNNP\r\n뇌절\tVV-R\t-2"
    (tmp_path / "words.txt").write_bytes(text.encode())
    assert read_user_words(tmp_path / "words.txt") == read_user_words(str(tmp_path / "words.txt")) == expected
    assert parse_user_words(text) == expected
    assert read_user_words(["갓생\tNNG\t1.5\n", "복합 명사", "뇌절\tVV-R\t-2\n"]) == expected
    assert read_user_words([("갓생", "NNG", 1.5), ("복합 명사",), UserWord("뇌절", "VV-R", -2)]) == expected
    assert parse_user_words("") == parse_user_words("\n # \n".replace(" #", "#")) == ()
    assert parse_user_words("AC/DC/NNP\nAC/DC\tSL") == (UserWord("AC/DC", "NNP"), UserWord("AC/DC", "SL"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("가\n나\tNOUN", "line 2: 'NOUN' is not a tag"),
        ("나/nng", "line 1: 'nng' is not a tag"),
        ("# 가\n\n\tNNG", "line 3: the form is empty"),
        ("   \tNNG", "line 1: the form is empty"),
        ("/NNG", "line 1: the form is empty"),
        ("가\tNNG\tx", "line 1: the score 'x' is not a number"),
        ("가\tNNG\tnan", "line 1: the score 'nan' is not finite"),
        ("가\tNNG\t1e999", "line 1: the score 'inf' is not finite"),
        ("가\tNNG\n나\n가/NNG", "line 3: the word is already in line 1"),
        ("가 나\n가  나", "line 2: the word is already in line 1"),
        ("갓생 NNG", "line 1: 'NNG' may be a tag"),
        ("가\0나", "line 1: the form '\\uac00\\x00\\ub098' holds a control character"),
        ("\ud800", "holds a control character"),
        ("\n".join(f"가{i}" for i in range(MAX_USER_WORDS + 1)), f"line {MAX_USER_WORDS + 1}: at most 10,000 words"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_word_is_named_in_both_languages(text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_user_words(text)
    assert problem in caught.value.message("en")
    number = re.search(r"line (\d+)", caught.value.message("en"))
    assert number and f"{number[1]}번째 줄" in caught.value.message("ko")
    assert "NNG NNP" in caught.value.message("ko") and "NNG NNP" in caught.value.message("en")


@pytest.mark.parametrize(
    "words", [[5], [("가", 5)], [("가", "NNG", "1")], [("가", "NNG", True)], [()], [None], [("가",) * 4]]
)
def test_what_is_no_word_at_all_is_an_error(words: list[object]) -> None:
    with pytest.raises(InputError, match="1번째"):
        read_user_words(words)  # type: ignore[arg-type]


def test_a_dictionary_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes("갓생\tNNG".encode("utf-16"))
    for path in (tmp_path / "none.txt", tmp_path, tmp_path / "words.txt"):
        with pytest.raises(InputError, match="UTF-8"):
            read_user_words(path)


def test_options_come_back_from_json() -> None:
    options = KiwiOptions((UserWord("갓생", "NNG", 1.5),), "basic", True, True, 3)
    assert KiwiOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    assert KiwiOptions.from_dict({}) == KiwiOptions()
    assert hash(options) != hash(KiwiOptions())
    assert KiwiOptions(user_words=[["갓생", "NNG"]]).user_words == (UserWord("갓생", "NNG"),)  # type: ignore[arg-type, list-item]


@pytest.mark.parametrize(
    "values",
    [
        None, [], "x", {"typos": "no"}, {"typos": None}, {"workers": -1}, {"workers": True}, {"workers": 1.0},
        {"normalize_coda": 1}, {"user_words": "가"}, {"user_words": {"가": "NNG"}}, {"user_words": ["가"]},
        {"user_words": [["가", "NOUN", 0.0]]}, {"user_words": [["가", "NNG", math.nan]]}, {"newer": 1},
    ],
)  # fmt: skip
def test_saved_options_of_another_shape_are_an_error(values: object) -> None:
    with pytest.raises(ArtifactError):
        KiwiOptions.from_dict(values)


def test_options_that_are_not_allowed_are_an_error() -> None:
    for values in ({"typos": "no"}, {"workers": 65}, {"user_words": (UserWord(" "),)}):
        with pytest.raises(InputError):
            KiwiOptions(**values)  # type: ignore[arg-type]
