"""Spans, incremental decoding, particles and terminal display."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korlm.errors import InputError
from korlm.text.display import display_width, pad_left, pad_right, show_invisible
from korlm.text.incremental import IncrementalTextDecoder
from korlm.text.josa import with_josa
from korlm.text.spans import check_text, eojeol_spans, join_spaces


@given(st.text(st.sampled_from("가나 \t\n.\u3000"), max_size=30))
def test_joining_spaces_partitions_the_text(text: str) -> None:
    spans = join_spaces(text, eojeol_spans(text))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)


def test_only_one_plain_space_joins_the_following_segment() -> None:
    text = "가 나\t다  라\u3000마 "
    segments = [text[start:end] for start, end in join_spaces(text, eojeol_spans(text))]
    assert segments == ["가", " 나", "\t", "다", " ", " 라", "\u3000", "마", " "]


def test_check_text_rejects_non_strings() -> None:
    with pytest.raises(InputError, match="문자열"):
        check_text(b"bytes")  # type: ignore[arg-type]


WRITTEN = ["가", "각", "a", " ", "\u1112\u1161\u11ab", "\u1100\u1161", "👩\u200d🚀", "🇰🇷", "ㅋ"]


@given(st.lists(st.sampled_from(WRITTEN), max_size=12).map("".join), st.data())
def test_incremental_decoding_keeps_the_text_and_never_splits_a_syllable(text: str, data: st.DataObject) -> None:
    decoder, raw, decoded = IncrementalTextDecoder(), text.encode(), ""
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        decoded += decoder.push(raw[:size])
        raw = raw[size:]
        assert text.startswith(decoded)
        composed = unicodedata.normalize("NFC", text)
        assert composed.startswith(unicodedata.normalize("NFC", decoded))
    assert decoded + decoder.finish() == text


def test_invalid_bytes_become_replacement_characters() -> None:
    decoder = IncrementalTextDecoder()
    assert decoder.push(b"\xea\xb0") == ""
    assert decoder.push(b"a") == "\ufffda"
    assert decoder.push(b"\xea") + decoder.finish() == "\ufffd"


@pytest.mark.parametrize(
    ("word", "josa", "expected"),
    [
        ("책", "을/를", "책을"), ("나무", "을/를", "나무를"), ("길", "으로/로", "길로"), ("집", "으로/로", "집으로"), ("바다", "으로/로", "바다로"),
        ("지연", "이/", "지연이"), ("민수", "이/", "민수"), ("코름", "이에요/예요", "코름이에요"), ("나무", "이에요/예요", "나무예요"),
        ("'하늘'", "이/가", "'하늘'이"), ("사과 (빨간)", "과/와", "사과 (빨간)과"), ("20", "이/가", "20이"), ("2", "이/가", "2가"), ("0", "은/는", "0은"),
        ("1000", "으로/로", "1000으로"), ("7", "으로/로", "7로"), ("10,000", "을/를", "10,000을"), ("1.50", "이/가", "1.50이"), ("1.5", "이/가", "1.5가"), ("KBS", "은/는", "KBS는"), ("GRU", "이/가", "GRU가"),
        ("LSTM", "이/가", "LSTM이"), ("URL", "으로/로", "URL로"), ("korlm", "은/는", "korlm은(는)"), ("東", "이/가", "東이(가)"), ("😀", "이/가", "😀이(가)"),
        ("'나무'", "이라는/라는", "'나무'라는"), ("'책'", "이라는/라는", "'책'이라는"), ("'kiwy'", "이라는/라는", "'kiwy'(이)라는"), ("korlm", "으로/로", "korlm(으)로"),
        ("", "을/를", "을(를)"), ("각".encode().decode(), "은/는", "각은"), ("\u1100\u1161\u11a8", "은/는", "\u1100\u1161\u11a8은"),
    ],
)  # fmt: skip
def test_a_particle_agrees_with_the_final_sound(word: str, josa: str, expected: str) -> None:
    assert with_josa(word, josa) == expected


@given(st.integers(0xAC00, 0xD7A3).map(chr))
def test_a_syllable_takes_the_form_of_its_final_consonant(syllable: str) -> None:
    has_tail = len(unicodedata.normalize("NFD", syllable)) == 3
    assert with_josa(syllable, "은/는")[1] == ("은" if has_tail else "는")
    rieul = unicodedata.normalize("NFD", syllable)[-1] == "\u11af"
    assert with_josa(syllable, "으로/로")[1:] == ("으로" if has_tail and not rieul else "로")


def test_a_particle_without_two_forms_is_an_error() -> None:
    with pytest.raises(InputError, match="은/는"):
        with_josa("책", "은")


def test_unprintable_characters_are_shown_and_joined_emoji_stay_whole() -> None:
    family = "👨‍👩‍👧"
    assert show_invisible(family) == family and show_invisible("\u200d") == "<U+200D>"
    assert show_invisible("\0\x1b\x7f\u3000\ufeff") == "␀␛<U+007F><U+3000><U+FEFF>"


def test_columns_line_up_for_hangul_combining_and_control_characters() -> None:
    assert [display_width(text) for text in ("가a", "\u1112\u1161\u11ab", "e\u0301", "\n", "👨‍👩‍👧")] == [3, 2, 1, 0, 2]
    assert pad_left("가", 4) == "  가" and pad_right("가", 4) == "가  " and pad_left("가나", 1) == "가나"
