"""Behavior of each unit's tokenizer beyond the contract."""

from __future__ import annotations

import pytest

import korlm
from korlm.errors import CorpusError, InputError, UnknownNameError
from korlm.tokenizers.encoding import Segment
from korlm.tokenizers.sentencepiece import SubwordTokenizer


def test_morphemes_that_share_a_syllable_are_one_token() -> None:
    encoding = korlm.load_tokenizer("kiwi").encode("영화를 봤다")
    assert encoding.tokens == ["영화", "를", " 봤", "다"]
    assert encoding.tags == ["NNG", "JKO", "VV+EP", "EF"]
    assert [morpheme.form for morpheme in encoding.segments[2].morphemes] == ["보", "었"]
    assert encoding.segments[2][:2] == (3, 5)


def test_one_space_belongs_to_the_next_token_and_a_second_is_a_token() -> None:
    assert korlm.load_tokenizer("word").encode("가  나").segments == [Segment(0, 1), Segment(1, 2), Segment(2, 4)]
    assert korlm.load_tokenizer("syllable").encode("가 나").tokens == ["가", " ", "나"]


def test_unknown_text_falls_back_to_syllables_and_then_bytes() -> None:
    tokenizer = korlm.train_tokenizer("word", ["가나 다라"] * 3, vocab_size=270)
    assert tokenizer.encode("가나 다라").tokens == ["가나", " 다라"]
    assert tokenizer.encode("나가").tokens == ["나", "가"]
    assert tokenizer.encode("뷁").tokens == ["<0xEB>", "<0xB7>", "<0x81>"]


def test_sentencepiece_returns_the_same_ids_for_text_without_meta_symbols() -> None:
    tokenizer = korlm.load_tokenizer("unigram")
    assert isinstance(tokenizer, SubwordTokenizer)
    text = "이 영화  정말 재미있다 뷁"
    import sentencepiece

    oracle = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    assert tokenizer.encode(text).ids == oracle.encode(text)


def test_the_vocabulary_has_the_requested_size() -> None:
    lines = korlm.load_corpus("kolaw").train
    assert korlm.train_tokenizer("word", lines, vocab_size=700).vocab_size == 700
    assert korlm.train_tokenizer("bpe", lines, vocab_size=900).vocab_size == 900


def test_training_is_deterministic() -> None:
    lines = korlm.load_corpus("kolaw").train
    for name in ("kiwi", "unigram"):
        first, second = (korlm.train_tokenizer(name, lines, vocab_size=1000) for _ in range(2))
        assert first.signature == second.signature


@pytest.mark.parametrize("name", ["kiwi", "unigram", "syllable"])
def test_no_text_raises_corpus_error(name: str) -> None:
    with pytest.raises(CorpusError, match="글이 없습니다"):
        korlm.train_tokenizer(name, ["", " "])


def test_a_vocabulary_that_is_too_small_raises_input_error() -> None:
    with pytest.raises(InputError, match="작"):
        korlm.train_tokenizer("word", ["가 나"], vocab_size=100)
    with pytest.raises(InputError, match="작"):
        korlm.train_tokenizer("unigram", korlm.load_corpus("kolaw").train, vocab_size=300)
    with pytest.raises(CorpusError, match="서브워드"):
        korlm.train_tokenizer("unigram", ["가 나"] * 3, vocab_size=5000)


def test_an_unknown_name_raises_an_error_with_the_names() -> None:
    with pytest.raises(UnknownNameError, match="kiwi"):
        korlm.load_tokenizer("kiwy")
    with pytest.raises(UnknownNameError, match="kiwi"):
        korlm.train_tokenizer("kiwy", ["가"])


def test_typed_meta_symbols_and_special_names_are_ordinary_text() -> None:
    for info in korlm.list_tokenizers():
        ids = korlm.load_tokenizer(info.name).encode("</s>").ids
        assert 2 not in ids


def test_comparing_prints_aligned_lanes_and_plain_values() -> None:
    comparison = korlm.compare("나랑 쇼핑하자.", ["word", "kiwi", "syllable"])
    lines = str(comparison).splitlines()
    assert lines[1] == "kiwi      나│랑│␣쇼핑│하│자│."
    values = comparison.to_dict()
    assert [lane["name"] for lane in values["lanes"]] == ["word", "kiwi", "syllable"]
    assert values["lanes"][2]["counts"]["ids"] == 8
