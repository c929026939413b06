"""Perturbations of text: deterministic, and correct for any text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korlm.text.perturbations import (
    NEOLOGISM,
    PERTURBATIONS,
    add_typos,
    append_laughter,
    insert_neologism,
    remove_spaces,
    to_hanja,
    to_nfd,
)

TEXTS = st.text(max_size=60) | st.text("가나다 방문이.?!\n학교국민왔어개ㅋ뒤", max_size=60)


@given(TEXTS)
def test_every_perturbation_is_deterministic_and_keeps_lines(text: str) -> None:
    for name, stress in PERTURBATIONS.items():
        assert stress(text) == stress(text), name
        assert stress(text).count("\n") == text.count("\n"), name


@given(TEXTS)
def test_removing_spaces_removes_nothing_else(text: str) -> None:
    assert "".join(remove_spaces(text).split()) == "".join(text.split())
    assert " " not in remove_spaces(text)


@given(TEXTS)
def test_nfd_is_canonically_equivalent(text: str) -> None:
    assert unicodedata.normalize("NFC", to_nfd(text)) == unicodedata.normalize("NFC", text)


@given(TEXTS)
def test_a_typo_is_as_long_as_the_text_and_swaps_syllables_for_syllables(text: str) -> None:
    slipped = add_typos(text)
    assert len(slipped) == len(text)
    assert all(a == b or ("가" <= a <= "힣" and "가" <= b <= "힣") for a, b in zip(text, slipped, strict=True))


@given(TEXTS)
def test_a_neologism_is_inserted_into_any_text_that_is_not_blank(text: str) -> None:
    assert (NEOLOGISM in insert_neologism(text)) == bool(text.strip())


@given(TEXTS)
def test_laughter_and_hanja_leave_the_rest_alone(text: str) -> None:
    assert len(to_hanja(text)) == len(text)
    assert [c for c in append_laughter(text) if c not in "ㅋ.…"] == [c for c in text if c not in "ㅋ.…"]


@pytest.mark.parametrize(
    ("stress", "before", "after"),
    [
        (append_laughter, "좋았다. 또 갈래!", "좋았다ㅋㅋ 또 갈래!ㅋㅋ"),
        (append_laughter, "3.14는 수다", "3.14는 수다ㅋㅋ"),
        (append_laughter, "ㅋㅋ", "ㅋㅋ"),
        (add_typos, "왜 그랬대", "외 그랬대"),
        (add_typos, "The end", "The end"),
        (insert_neologism, "학생이 왔다. 학생은 많다.", "갓생러가 왔다. 학생은 많다."),
        (to_hanja, "방문한 학교의 문을 열었다", "방문한 學校의 門을 열었다"),
        (to_hanja, "사람", "사람"),
    ],
)
def test_examples(stress: object, before: str, after: str) -> None:
    assert callable(stress) and stress(before) == after
