"""The contract of every tokenizer, on the same strings."""

from __future__ import annotations

import functools
import gzip
import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.strings import IDS, NASTY

import korlm
from korlm.errors import InputError
from korlm.tokenizers.base import SPECIAL_TOKENS, Tokenizer
from korlm.tokenizers.segmented import SegmentedTokenizer

SLOW = ("okt", "komoran", "hannanum", "kkma")  # they cost milliseconds a string
NAMES = [info.name for info in korlm.list_tokenizers()]
SPLIT = ["kiwi/jamo", "mecab/jamo"]  # cut inside syllables
FAST = [name for name in (*NAMES, *SPLIT) if name not in SLOW]


def load(name: str) -> Tokenizer:
    base, _, split = name.partition("/")
    info = {info.name: info for info in korlm.list_tokenizers()}[base]
    if not info.ready:
        pytest.skip(f"{base} needs: {info.reason}")
    return korlm.load_tokenizer(base, split=split) if split else korlm.load_tokenizer(base)


@pytest.fixture(scope="module", params=[*NAMES, *SPLIT])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return load(request.param)


def check(tokenizer: Tokenizer, text: str) -> None:
    encoding = tokenizer.encode(text)
    assert tokenizer.decode(encoding.ids) == text
    assert len(encoding.ids) == len(encoding.tokens) == len(encoding.spans) == len(encoding.tags)
    assert all(0 <= i < tokenizer.vocab_size for i in encoding.ids)
    assert not set(encoding.ids) & set(range(len(SPECIAL_TOKENS))), "text never becomes a special token"
    assert "".join(text[segment.start : segment.end] for segment in encoding.segments) == text
    position = 0
    for (start, end), piece in zip(encoding.spans, encoding.tokens, strict=True):
        assert start <= position <= end <= len(text), "spans go on without a gap"
        assert text[start:end] == piece or piece == f"<0x{piece[3:5]}>" or _letters(tokenizer)
        position = end
    assert position == len(text)
    for segment in encoding.segments:
        for morpheme in segment.morphemes:
            assert 0 <= morpheme.start < morpheme.end <= len(text)
            if tokenizer.unit == "morpheme":
                assert segment.start <= morpheme.start and morpheme.end <= segment.end
            else:  # a subword inside a morpheme lists it whole
                assert morpheme.start < segment.end and segment.start < morpheme.end
    assert tokenizer.encode_ids([text])[0] == encoding.ids
    assert tokenizer.oov_segments(encoding) <= set(range(len(encoding.segments)))
    assert tokenizer.lossless and "unk:fallback" in tokenizer.signature
    decoder = tokenizer.decoder()
    assert b"".join([*map(decoder.push, encoding.ids), decoder.finish()]) == text.encode()


def _letters(tokenizer: Tokenizer) -> bool:
    """Tell whether tokens may be conjoining jamo."""
    return isinstance(tokenizer, SegmentedTokenizer) and bool(tokenizer.segmenter.conjoining_jamo)


@pytest.mark.parametrize("text", NASTY, ids=IDS)
def test_decoding_restores_the_text(tokenizer: Tokenizer, text: str) -> None:
    check(tokenizer, text)


def test_a_line_of_100_000_characters_is_restored(tokenizer: Tokenizer) -> None:
    length = 100_000 if tokenizer.name in FAST and "kiwi+" not in tokenizer.name else 1_000
    check(tokenizer, ("재미있는 영화였다 ㅋㅋ 정말! " * 6000)[:length])


cached = functools.cache(load)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(text=st.text(max_size=60))
@pytest.mark.parametrize("name", FAST)
def test_any_text_is_restored(name: str, text: str) -> None:
    check(cached(name), text)


KOREAN = st.text(st.sampled_from("가나다라했갔됐깨져한국ㅋㅠ\u1112\u1161\u11ab .,!\t\n▁👍🏽\u200d大a1"), max_size=40)


@settings(max_examples=40, deadline=None)
@given(text=KOREAN)
@pytest.mark.parametrize("name", [*NAMES, *SPLIT])
def test_korean_like_text_is_restored(name: str, text: str) -> None:
    check(cached(name), text)


def test_an_unpaired_surrogate_raises_input_error(tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError, match="서로게이트"):
        tokenizer.encode("가\ud800나")


def test_encode_batch_equals_encode(tokenizer: Tokenizer) -> None:
    texts = NASTY if tokenizer.name not in SLOW else NASTY[4:9]
    assert tokenizer.encode_batch(texts, workers=2) == [tokenizer.encode(text) for text in texts]


def test_a_saved_tokenizer_returns_the_same_ids(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(tmp_path / "saved")
    loaded = korlm.load_tokenizer(tmp_path / "saved")
    assert loaded.signature == tokenizer.signature
    texts = NASTY if tokenizer.name not in SLOW else NASTY[4:9]
    assert loaded.encode_ids(texts) == tokenizer.encode_ids(texts)


def test_encode_array_returns_the_same_ids_with_eos(tokenizer: Tokenizer) -> None:
    texts = NASTY if tokenizer.name not in SLOW else NASTY[:6]
    lists = tokenizer.encode_ids(texts)
    ids, ends = tokenizer.encode_array(texts, eos=2)
    assert ids.tolist() == [number for one in lists for number in (*one, 2)]
    assert ends.tolist() == list(itertools.accumulate(len(one) + 1 for one in lists))
    ids, ends = tokenizer.encode_array(texts)
    assert ends.tolist() == list(itertools.accumulate(map(len, lists)))
    assert tokenizer.encode_array([]).ids.tolist() == []


def test_an_id_outside_the_vocabulary_raises_input_error(tokenizer: Tokenizer) -> None:
    with pytest.raises(InputError, match="어휘"):
        tokenizer.decode([tokenizer.vocab_size])
    with pytest.raises(InputError, match="어휘"):
        tokenizer.decode([-1])


def test_real_reviews_are_restored(tokenizer: Tokenizer, corpora: Path) -> None:
    with gzip.open(corpora / "nsmc_reviews" / "valid.tsv.gz", "rt", encoding="utf-8", newline="\n") as file:
        lines = [line.rstrip("\n").split("\t")[2] for line in file]
    lines = lines[: 40 if tokenizer.name == "kkma" else 300 if tokenizer.name in SLOW else 3000]
    for line, ids in zip(lines, tokenizer.encode_ids(lines, workers=2), strict=True):
        assert tokenizer.decode(ids) == line
