"""The bundled question encoder: its vectors, its index, and bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import korlm
from korlm.chat.encoder.model import QuestionEncoder, load_question_encoder
from korlm.chat.encoder.units import MorphemeUnits, analyze_morphemes
from korlm.errors import ArtifactError, InputError, UnknownNameError


@pytest.fixture(scope="module")
def encoder() -> QuestionEncoder:
    return korlm.load_question_encoder()


@settings(deadline=None, max_examples=40)
@given(texts=st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_any_text_has_a_unit_vector_alone_and_in_a_batch(texts: list[str]) -> None:
    encoder = load_question_encoder()
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), encoder.width) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([text])[0], vector, atol=1e-5)


def test_the_search_is_exhaustive(encoder: QuestionEncoder) -> None:
    texts = ["배고파", "졸려", "더워 죽겠다", "시험 망했어", "고양이가 귀여워"]
    index = encoder.index(texts)
    cosines = encoder.encode(texts) @ encoder.encode(["출출하네"])[0]
    matches = index.search("출출하네", 5)
    assert [match.row for match in matches] == list(np.argsort(-cosines))
    assert matches[0].text == "배고파" and matches[0].score == pytest.approx(float(cosines.max()), abs=1e-5)
    assert len(index) == 5 and len(index.search("출출하네", 99)) == 5


@pytest.mark.parametrize(
    ("query", "nearest"),
    [
        ("강아지가 하늘나라로 갔어", "반려견이 죽었어요"),
        ("출출하네", "배고파요"),
        ("눈꺼풀이 무거워", "졸려요"),
        ("잘렸어", "해고당했어요"),
    ],
)
def test_words_of_one_meaning_are_close(encoder: QuestionEncoder, query: str, nearest: str) -> None:
    others = ["노래가 좋아요", "시험에 붙었어", "청소하기 싫어요", "친구를 만났어"]
    assert encoder.index([*others, nearest]).search(query)[0].text == nearest


def test_what_cannot_be_seen_changes_nothing(encoder: QuestionEncoder) -> None:
    vectors = encoder.encode(["뭐 해?", "뭐 해？ ", "뭐\u200b 해?"])
    np.testing.assert_array_equal(vectors[0], vectors[1])
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_bad_input_is_a_clear_error(encoder: QuestionEncoder, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        encoder.encode("배고파")  # type: ignore[arg-type]
    with pytest.raises(InputError):
        encoder.index([])
    with pytest.raises(InputError, match="k"):
        encoder.index(["배고파"]).search("배고파", 0)
    with pytest.raises(UnknownNameError, match="question-encoder"):
        load_question_encoder("no-such-encoder")
    with pytest.raises(UnknownNameError, match="load_question_encoder"):
        korlm.load_model("question-encoder")
    encoder.save(tmp_path / "encoder")
    (tmp_path / "encoder" / "morphemes.json").write_text('{"morphemes": [1]}')
    with pytest.raises(ArtifactError):
        QuestionEncoder.load(tmp_path / "encoder")
    (tmp_path / "encoder" / "morphemes.json").write_text('{"morphemes": ["가/NNG"]}')
    with pytest.raises(ArtifactError):
        QuestionEncoder.load(tmp_path / "encoder")


def test_morphemes_have_restored_forms_and_short_runs() -> None:
    assert analyze_morphemes(["더워요ㅋㅋㅋㅋㅋ"])[0] == [("덥", "VA-I"), ("어요", "EF"), ("ㅋㅋ", "SW")]
    units = MorphemeUnits([("덥", "VA-I")])
    assert units.encode_batch(["더워요", "", "가" * 5000])[:2] == [[2, 1], [1]]
    assert len(units.encode_batch(["더워요 " * 5000])[0]) == 32
