"""Spans and stable text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korlm.errors import InputError
from korlm.text.spans import check_text, eojeol_spans, join_spaces
from korlm.text.stable import StableText


@given(st.text(st.sampled_from("가나 \t\n.\u3000"), max_size=30))
def test_joining_spaces_partitions_the_text(text: str) -> None:
    spans = join_spaces(text, eojeol_spans(text))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)


def test_only_one_plain_space_joins_the_piece_after_it() -> None:
    text = "가 나\t다  라\u3000마 "
    pieces = [text[start:end] for start, end in join_spaces(text, eojeol_spans(text))]
    assert pieces == ["가", " 나", "\t", "다", " ", " 라", "\u3000", "마", " "]


def test_something_that_is_no_string_is_a_clear_error() -> None:
    with pytest.raises(InputError, match="문자열"):
        check_text(b"bytes")  # type: ignore[arg-type]


WRITTEN = ["가", "각", "a", " ", "\u1112\u1161\u11ab", "\u1100\u1161", "👩\u200d🚀", "🇰🇷", "ㅋ"]


@given(st.lists(st.sampled_from(WRITTEN), max_size=12).map("".join), st.data())
def test_streamed_text_is_the_text_and_never_splits_a_syllable(text: str, data: st.DataObject) -> None:
    stable, raw, given_out = StableText(), text.encode(), ""
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        given_out += stable.push(raw[:size])
        raw = raw[size:]
        assert text.startswith(given_out)
        composed = unicodedata.normalize("NFC", text)
        assert composed.startswith(unicodedata.normalize("NFC", given_out))
    assert given_out + stable.finish() == text


def test_bytes_that_are_no_text_become_replacement_characters() -> None:
    stable = StableText()
    assert stable.push(b"\xea\xb0") == ""
    assert stable.push(b"a") == "\ufffda"
    assert stable.push(b"\xea") + stable.finish() == "\ufffd"
