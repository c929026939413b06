"""Spans for analyses that come without offsets: exact where the form is written, by letters where it was restored."""

from __future__ import annotations

import itertools
import random
import unicodedata
from typing import SupportsIndex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from korlm.morph.alignment import align_morphemes
from korlm.morph.base import Morpheme

ALPHABET = "가각하했다았었어이ㄴㄹㅋㅠ ab1.\t\n뷁👪́漢" + unicodedata.normalize("NFD", "한을")


def spans(text: str, forms: str) -> list[tuple[str, str]]:
    """Align forms given as 하|았|다; return each form that was found with the stretch that carries it."""
    found = align_morphemes(text, [(form, "T") for form in forms.split("|")])
    assert_contract(text, found)
    return [(morpheme.form, text[morpheme.start : morpheme.end]) for morpheme in found]


def assert_contract(text: str, found: list[Morpheme]) -> None:
    for morpheme in found:
        assert 0 <= morpheme.start < morpheme.end <= len(text)
        stretch = text[morpheme.start : morpheme.end]
        assert stretch == stretch.strip()
    for before, after in itertools.pairwise(found):
        assert before.start <= after.start
        assert after.start >= before.end - 1, "consecutive morphemes share at most one character"


@pytest.mark.parametrize(
    ("text", "forms", "expected"),
    [
        ("공부를 했다.", "공부|를|하|았|다|.", "공부|를|했|했|다|."),
        ("들어가신다", "들어가|시|ㄴ다", "들어가|신|신다"),
        ("갔다 왔다", "가|았|다|오|았|다", "갔|갔|다|왔|왔|다"),
        ("써라 도와 지어", "쓰|어라|돕|아|짓|어", "써|써라|도와|와|지|어"),
        ("아름다운 것을 추워서", "아름답|ㄴ|것|을|춥|어서", "아름다|운|것|을|추워|워서"),
        ("학교다", "학교|이|다", "학교|교|다"),
        ("ㅎㅏㄴ 가", "한|가", "ㅎㅏㄴ|가"),
        ("봤어", "보|았|어", "봤|봤|어"),
    ],
)
def test_restored_forms_get_the_syllables_whose_letters_they_use(text: str, forms: str, expected: str) -> None:
    assert spans(text, forms) == list(zip(forms.split("|"), expected.split("|"), strict=True))


def test_stretches_that_the_analyzer_left_out_are_skipped() -> None:
    assert spans("★♥ 나는 ★ 간다", "나|는|간다") == [("나", "나"), ("는", "는"), ("간다", "간다")]
    assert spans("가 ★♥ 그랬던", "가|그러|었|던") == [("가", "가"), ("그러", "그랬"), ("었", "랬"), ("던", "던")]


def test_forms_that_are_not_in_the_text_are_left_out() -> None:
    assert spans("", "가|나") == []
    assert spans("가나다", "XYZ|가나|Q|다") == [("가나", "가나"), ("다", "다")]
    assert align_morphemes("가", [("", "T"), (" ", "T"), ("\r\n", "T")]) == []


def test_decomposed_hangul_is_found_by_composed_forms() -> None:
    text = unicodedata.normalize("NFD", "한국말을")
    assert [morpheme.form for morpheme in align_morphemes(text, [("한국말", "N"), ("을", "J")])] == ["한국말", "을"]


@given(st.text(ALPHABET, max_size=60), st.randoms(use_true_random=False))
def test_a_random_cut_of_a_random_text_aligns_back_exactly(text: str, chance: random.Random) -> None:
    cuts = sorted({0, len(text), *(chance.randrange(len(text) + 1) for _ in range(chance.randrange(12)))})
    expected = []
    for start, end in itertools.pairwise(cuts):
        piece = text[start:end]
        if piece.strip():
            left = start + len(piece) - len(piece.lstrip())
            expected.append(Morpheme(piece.strip(), "T", left, left + len(piece.strip())))
    assert align_morphemes(text, [(morpheme.form, "T") for morpheme in expected]) == expected


@given(st.text(ALPHABET, max_size=60), st.lists(st.text(ALPHABET, max_size=4), max_size=20))
def test_any_forms_on_any_text_obey_the_contract(text: str, forms: list[str]) -> None:
    assert_contract(text, align_morphemes(text, [(form, "T") for form in forms]))


class CountedText(str):
    """A text that counts its characters as they are looked at."""

    looked_at = 0

    def __getitem__(self, index: SupportsIndex | slice) -> str:
        found = super().__getitem__(index)
        self.looked_at += len(found)
        return found

    def startswith(self, form: str, start: int = 0) -> bool:  # type: ignore[override]
        self.looked_at += len(form)
        return super().startswith(form, start)

    def find(self, form: str, start: int = 0, stop: int | None = None) -> int:  # type: ignore[override]
        found = super().find(form, start, stop)
        self.looked_at += (found if found >= 0 else len(self) if stop is None else min(stop, len(self))) - start
        return found


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("가나 " * 30_000, ["했"] * 30_000),
        ("가" * 100_000, ["나"] * 3_000),
        ("했다" * 20_000, ["하", "았", "다"] * 20_000),
        ("가" * 100_000, ["가" * 99_999 + "나"] * 10),
    ],
)
def test_work_grows_no_faster_than_the_text(text: str, forms: list[str]) -> None:
    counted = CountedText(text)
    align_morphemes(counted, [(form, "T") for form in forms])
    given = len(text) + sum(map(len, forms))
    assert 0 < counted.looked_at < 100 * given, "a bounded window for each form: 64 characters and some"
