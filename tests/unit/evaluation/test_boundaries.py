"""Boundaries, their types and agreement, against hand-made cases and properties."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from support.strings import NASTY
from support.tokenizers import TEXTS, load_tokenizer, word_tokenizer

from korlm.errors import InputError
from korlm.evaluation.boundaries import (
    agreement_matrix,
    boundary_agreement,
    boundary_types,
    segment_boundaries,
    token_boundaries,
    unique_boundaries,
)
from korlm.morph.base import Morpheme
from korlm.tokenizers.encoding import Encoding, Segment


def test_segment_boundaries_are_inside_eojeol_only() -> None:
    encoding = load_tokenizer("syllable").encode("나는  간다\t.")
    assert segment_boundaries(encoding) == token_boundaries(encoding) == {1, 5}
    assert segment_boundaries(load_tokenizer("word").encode("나는  간다\t.")) == set()


def test_fallback_adds_token_boundaries() -> None:
    encoding = word_tokenizer("나").encode("나나 나")
    assert (segment_boundaries(encoding), token_boundaries(encoding)) == (set(), {1})
    assert token_boundaries(load_tokenizer("byte").encode("가나")) == {1}


def test_token_start_inside_a_syllable_is_no_boundary() -> None:
    encoding = Encoding("나갔다", [1, 2], ["나가", "ㅆ다"], [(0, 2), (1, 3)], [Segment(0, 3)], [0, 0])
    assert token_boundaries(encoding) == set()
    assert boundary_types(encoding, encoding) == ["inside_syllable"]


@given(TEXTS)
def test_agreement_matrix_is_symmetric_and_syllables_have_all_boundaries(text: str) -> None:
    encodings = [load_tokenizer(name).encode(text) for name in ("word", "unigram", "syllable")]
    table = agreement_matrix(encodings)
    assert all(table[i][i] == 1.0 for i in range(3))
    assert all(table[i][j] == table[j][i] and 0 <= table[i][j] <= 1 for i in range(3) for j in range(3))
    assert segment_boundaries(encodings[1]) <= segment_boundaries(encodings[2])


def test_unique_boundaries_belong_to_one_tokenizer() -> None:
    assert unique_boundaries([{1, 2}, {2, 3}, {2, 4}]) == [{1}, {3}, {4}]
    assert unique_boundaries([]) == []


def test_boundary_agreement_by_hand() -> None:
    assert boundary_agreement({1, 2}, {2}) == 0.5
    assert boundary_agreement({1}, {2}) == 0.0


def test_boundary_types_against_a_morphological_analysis() -> None:
    text = "걸어갔다 뷁"
    walked_morphemes = (Morpheme("걸어가", "VV", 0, 3), Morpheme("았", "EP", 2, 3))
    segments = [Segment(0, 3, walked_morphemes), Segment(3, 4, (Morpheme("다", "EF", 3, 4),)), Segment(4, 6)]
    reference = Encoding(text, [0, 1, 2], ["걸어갔", "다", " 뷁"], [s[:2] for s in segments], segments, [0, 1, 2])
    # 걸|어: inside a morpheme; 어|갔: 았 begins there; 갔|다: a segment begins
    assert boundary_types(load_tokenizer("syllable").encode(text), reference)[:4] == [
        "inside_morpheme", "boundary", "boundary", "eojeol",
    ]  # fmt: skip
    counts = Counter(boundary_types(load_tokenizer("byte").encode(text), reference))
    assert counts == {"inside_bytes": 10, "eojeol": 2, "boundary": 2, "inside_morpheme": 1}


def test_boundary_types_distinguish_jamo_from_bytes() -> None:
    tokens, spans = ["ㅎ", "ㅐ", "<0xEC>", "<0x9D>"], [(0, 1), (0, 1), (1, 2), (1, 2)]
    encoding = Encoding("해이", [1, 2, 3, 4], tokens, spans, [Segment(0, 1), Segment(1, 2)], [0, 0, 1, 1])
    reference = Encoding("해이", [1], ["해이"], [(0, 2)], [Segment(0, 2)], [0])
    assert boundary_types(encoding, reference) == ["inside_syllable", "inside_morpheme", "inside_bytes"]


@pytest.mark.parametrize("text", NASTY)
def test_every_token_but_the_first_has_a_boundary_type(text: str) -> None:
    reference = load_tokenizer("word").encode(text)
    for name in ("syllable", "unigram", "byte"):
        encoding = load_tokenizer(name).encode(text)
        assert len(boundary_types(encoding, reference)) == max(len(encoding) - 1, 0)


def test_encodings_of_different_texts_cannot_be_compared() -> None:
    first, second = word_tokenizer("가").encode("가"), word_tokenizer("가").encode("나")
    with pytest.raises(InputError, match="같은 글"):
        boundary_types(first, second)
    with pytest.raises(InputError, match="같은 글"):
        agreement_matrix([first, second])
