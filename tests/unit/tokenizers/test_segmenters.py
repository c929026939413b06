"""Jamo, splits inside syllables, analyzer + subword, <unk>, further special tokens, English words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import korlm
from korlm.errors import CorpusError, InputError
from korlm.text.hangul import (
    CONJOINING_JAMO,
    compose_syllable,
    decompose_syllable,
    final_consonant,
    is_syllable,
    remove_final_consonant,
    to_compatibility_jamo,
)
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.syllable_splitting import JamoComposer, escape_typed_jamo, to_jamo

LAW = korlm.load_corpus("kolaw").train


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    encoding = tokenizer.encode(text)
    assert tokenizer.decode(encoding.ids) == text
    return encoding.tokens


@given(st.integers(0xAC00, 0xD7A3).map(chr))
def test_decomposing_a_syllable_equals_nfd(syllable: str) -> None:
    import unicodedata

    letters = decompose_syllable(syllable)
    assert letters == unicodedata.normalize("NFD", syllable)
    assert compose_syllable(*letters) == syllable
    assert (
        remove_final_consonant(syllable) == compose_syllable(*letters[:2]) and final_consonant(syllable) == letters[2:]
    )
    assert all(to_compatibility_jamo(letter) != letter for letter in letters)


@given(st.text(st.sampled_from([*"가각한ㅎㅏㄱa ", *CONJOINING_JAMO[::5]])))
def test_composing_jamo_restores_the_text(text: str) -> None:
    joiner = JamoComposer()
    joined = "".join(map(joiner.push, to_jamo(text))) + joiner.finish()
    assert joined == escape_typed_jamo(text)
    assert len(escape_typed_jamo(text)) == len(text)


def test_jamo_of_syllables_differ_from_typed_jamo() -> None:
    tokenizer = korlm.load_tokenizer("jamo")
    assert pieces(tokenizer, "한국") == ["ㅎ", "ㅏ", "ㄴ", "ㄱ", "ㅜ", "ㄱ"]
    assert tokenizer.encode("한국").spans == [(0, 1)] * 3 + [(1, 2)] * 3
    alone, inside = tokenizer.encode("ㅋ").ids, tokenizer.encode("크").ids
    assert len(alone) == 1 and alone[0] not in inside
    typed = tokenizer.encode("\u1112\u1161\u11ab")  # NFD: other characters, other ids
    assert not set(typed.ids) & set(tokenizer.encode("한").ids)
    assert tokenizer.decode(typed.ids) == "\u1112\u1161\u11ab"


def test_jamo_that_form_no_syllable_become_compatibility_jamo() -> None:
    tokenizer = korlm.load_tokenizer("jamo")
    lead, vowel, tail = tokenizer.encode("한").ids
    assert tokenizer.decode([lead, lead, vowel]) == "ㅎ하"
    assert tokenizer.decode([tail, vowel]) == "ㄴㅏ"
    assert tokenizer.decode([lead]) == "ㅎ"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("학교에 갔다", ["학교", "에", " 가", "ㅆ", "다"]),
        ("깨끗한 방", ["깨", "끗", "하", "ㄴ", " 방"]),
        ("집에 갑니다", ["집", "에", " 가", "ㅂ", "니", "다"]),
        ("밥을 먹었다", ["밥", "을", " 먹", "었", "다"]),
        ("공부했다", ["공부", "했", "다"]),  # 하 + 었: the vowel is fused
        ("됐어", ["됐", "어"]),
    ],
)
def test_kiwi_splits_inside_syllables_if_the_jamo_allow(text: str, expected: list[str]) -> None:
    assert pieces(korlm.load_tokenizer("kiwi", split="jamo"), text) == expected


def test_parts_of_a_split_syllable_share_its_span_and_morphemes() -> None:
    encoding = korlm.load_tokenizer("kiwi", split="jamo").encode("학교에 갔다")
    assert encoding.spans[2:5] == [(3, 5), (4, 5), (5, 6)]
    assert encoding.segments[encoding.segment_of[3]].tag == "VV+EP"
    assert "split:jamo" in korlm.load_tokenizer("kiwi", split="jamo").signature


def test_split_is_an_option_of_morpheme_units_only() -> None:
    for name in ("word", "unigram", "kiwi+unigram", "syllable"):
        with pytest.raises(InputError, match="split"):
            korlm.load_tokenizer(name, split="jamo")
    with pytest.raises(InputError, match="split"):
        korlm.load_tokenizer("kiwi", split="letters")


def test_an_analyzer_and_a_subword_model_are_composed() -> None:
    tokenizer = korlm.load_tokenizer("kiwi+unigram")
    encoding = tokenizer.encode("아버지가 방에 들어가셨다")
    kiwi = korlm.load_tokenizer("kiwi").encode("아버지가 방에 들어가셨다")
    starts = {segment.start for segment in encoding.segments}
    assert {segment.start for segment in kiwi.segments} <= starts, "no piece crosses a morpheme"
    assert encoding.tags[0] == "NNG"
    assert "kiwi:" in tokenizer.signature and "sentencepiece:" in tokenizer.signature


@pytest.mark.parametrize("name", ["mecab+unigram", "okt+bpe"])
def test_any_analyzer_can_be_combined_with_any_subword_algorithm(name: str, tmp_path: Path) -> None:
    tokenizer = korlm.train_tokenizer(name, LAW, vocab_size=700)
    assert tokenizer.vocab_size == 700
    assert pieces(tokenizer, "모든 국민은 뷁 법 앞에 ▁평등하다\0.")
    tokenizer.save(tmp_path / "it")
    again = korlm.load_tokenizer(tmp_path / "it")
    assert again.signature == tokenizer.signature
    assert again.encode("모든 국민은 법 앞에") == tokenizer.encode("모든 국민은 법 앞에")


@pytest.mark.parametrize("name", ["word", "syllable", "kiwi", "jamo"])
def test_on_unknown_unk_is_lossy_and_in_the_signature(name: str, tmp_path: Path) -> None:
    tokenizer = korlm.train_tokenizer(name, LAW, vocab_size=500, on_unknown="unk")
    assert not tokenizer.lossless and "unk:unk" in tokenizer.signature and not tokenizer.byte_ids
    encoding = tokenizer.encode("대한민국 👍")
    assert encoding.tokens[-1] == "<unk>" and encoding.ids[-1] == tokenizer.specials["<unk>"]
    assert encoding.spans[-1][1] == len(encoding.text)
    assert tokenizer.decode(encoding.ids).endswith("<unk>")
    assert len(encoding.segments) - 1 in tokenizer.oov_segments(encoding)
    tokenizer.save(tmp_path / "it")
    again = korlm.load_tokenizer(tmp_path / "it")
    assert again.signature == tokenizer.signature and again.encode("대한민국 👍") == encoding


def test_a_word_vocabulary_with_unk_holds_words_only() -> None:
    tokenizer = korlm.train_tokenizer("word", ["a b", "a c"], on_unknown="unk", min_count=1)
    assert tokenizer.vocab_size == 4 + 3  # a, " b", " c"


@pytest.mark.parametrize("name", ["word", "syllable", "jamo", "byte", "kiwi", "unigram", "bpe", "kiwi+bpe"])
def test_further_special_tokens_never_occur_in_encoded_text(name: str, tmp_path: Path) -> None:
    tokenizer = korlm.train_tokenizer(name, LAW, specials=("<user>", "<bot>"))
    user, bot = tokenizer.specials["<user>"], tokenizer.specials["<bot>"]
    assert [user, bot] == [tokenizer.vocab_size - 2, tokenizer.vocab_size - 1]
    assert not {user, bot} & set(tokenizer.encode("<user>안녕<bot>").ids)
    assert tokenizer.decode([user, *tokenizer.encode("안녕").ids, bot]) == "안녕"
    assert tokenizer.token_text(user) == "<user>"
    tokenizer.save(tmp_path / "it")
    assert korlm.load_tokenizer(tmp_path / "it").specials == tokenizer.specials


def test_invalid_specials_and_modes_raise_input_error() -> None:
    with pytest.raises(InputError, match="특수 토큰"):
        korlm.train_tokenizer("word", LAW, specials=("<s>",))
    with pytest.raises(InputError, match="특수 토큰"):
        korlm.train_tokenizer("unigram", LAW, specials=("<a>", "<a>"))
    with pytest.raises(InputError, match="on_unknown"):
        korlm.train_tokenizer("word", LAW, on_unknown="drop")
    with pytest.raises(InputError, match="<unk>"):
        korlm.train_tokenizer("byte", LAW, on_unknown="unk")
    with pytest.raises(InputError, match="옵션"):
        korlm.train_tokenizer("unigram", LAW, user_words=["가"])
    with pytest.raises(InputError, match="작"):
        korlm.train_tokenizer("jamo", LAW, vocab_size=300)
    with pytest.raises(CorpusError, match="최대"):
        korlm.train_tokenizer("kiwi+unigram", LAW, vocab_size=5000)


def test_english_words_are_split_by_spacy(tmp_path: Path) -> None:
    pytest.importorskip("spacy", reason="needs spaCy: pip install 'korlm[english]'")
    tokenizer = korlm.train_tokenizer("word", ["I don't know. You don't know."] * 2, language="en")
    assert pieces(tokenizer, "I don't know.") == ["I", " do", "n't", " know", "."]
    tokenizer.save(tmp_path / "it")
    assert korlm.load_tokenizer(tmp_path / "it").signature == tokenizer.signature
    with pytest.raises(InputError, match="language"):
        korlm.load_tokenizer("word", language="fr")


def test_user_words_apply_to_one_tokenizer_only() -> None:
    def cuts(tokenizer: Tokenizer) -> list[tuple[int, int]]:
        return [segment[:2] for segment in tokenizer.encode("갓생러가").segments]

    plain = korlm.load_tokenizer("kiwi")
    before = cuts(plain)
    taught = korlm.load_tokenizer("kiwi", user_words=[("갓생러", "NNP")])
    assert cuts(taught) == [(0, 3), (3, 4)]
    assert cuts(plain) == before == cuts(korlm.load_tokenizer("kiwi"))
    assert "words=" in taught.signature and "words=" not in plain.signature


def test_options_are_saved_with_the_tokenizer(tmp_path: Path) -> None:
    taught = korlm.load_tokenizer("kiwi", user_words=[("갓생러", "NNP")], typos="basic", split="jamo")
    taught.save(tmp_path / "it")
    again = korlm.load_tokenizer(tmp_path / "it")
    assert again.signature == taught.signature
    assert again.encode("갓생러가 갔다") == taught.encode("갓생러가 갔다")


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("가갔간갑니다한했됐뷁뷀 ㄴㅆ\u11ab\u1100!"), max_size=12))
def test_small_vocabularies_with_split_syllables_restore_the_text(text: str) -> None:
    tokenizer = _small_split()
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def _small_split() -> Tokenizer:
    global _split
    if _split is None:
        _split = korlm.train_tokenizer("kiwi", ["간다 갔다"] * 3, vocab_size=300, split="jamo")
    return _split


_split: Tokenizer | None = None


def test_is_syllable_at_its_bounds() -> None:
    assert is_syllable("가") and is_syllable("힣") and not is_syllable("ㅎ") and not is_syllable("\u1112")
