"""An exported `tokenizer.json` gives the same ids in Hugging Face's library, on every string."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strings import IDS, NASTY

import korlm
from korlm.cli.main import main
from korlm.errors import ArtifactError, InputError
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.hf_export import EOJEOL_PATTERN, export_tokenizer, name_splitting_pattern
from korlm.tokenizers.morpheme_subword import MorphemeSubwordTokenizer
from korlm.tokenizers.segmented import SegmentedTokenizer
from korlm.tokenizers.segmenters.word import SpacySegmenter, WordSegmenter
from korlm.tokenizers.sentencepiece import SubwordTokenizer
from korlm.tokenizers.vocabulary import Vocabulary

huggingface = pytest.importorskip("tokenizers")

SPECIALS = ["<user>", "[끝]", "<end of turn>"]
SHIPPED = ["syllable", "byte", "word", "unigram", "bpe"]
TRAINED = [f"{name}, {how}" for name in ("syllable", "word", "unigram", "bpe") for how in ("specials", "unk")]
TYPED = [
    "</s>", "<0x41>", "<user>", "[끝]", "<end of turn>", "<unk>", "<pad>", " <user> ", "\t</s>\n<s>", " </s>\u3000</s>",
    "a<user>b[끝]", "<<s>>", "<0x41><0x4a><0xGG>", "▁ ▁▁a", "뷁뷁 뷁<unk>뷁", "<s></s><s", "\x1c</s>\x85<0xEA>\x0b[끝]",
]  # fmt: skip


@cache
def pair(name: str) -> tuple[Tokenizer, Any]:
    """Return a tokenizer, and Hugging Face's tokenizer of its exported file."""
    unit, _, how = name.partition(", ")
    tokenizer = korlm.load_tokenizer(unit) if not how else train(unit, how)
    return tokenizer, exported(tokenizer)


def train(unit: str, how: str) -> Tokenizer:
    lines = korlm.load_corpus("kolaw").train
    on_unknown = "unk" if how == "unk" else "fallback"
    return korlm.train_tokenizer(unit, lines, vocab_size=900, on_unknown=on_unknown, specials=SPECIALS)


def exported(tokenizer: Tokenizer) -> Any:
    with TemporaryDirectory() as folder:
        export_tokenizer(tokenizer, Path(folder, "tokenizer.json"))
        return huggingface.Tokenizer.from_file(str(Path(folder, "tokenizer.json")))


def check(tokenizer: Tokenizer, oracle: Any, text: str) -> None:
    ids = tokenizer.encode_ids([text])[0]
    assert oracle.encode(text, add_special_tokens=False).ids == ids, text
    if tokenizer.lossless:
        assert oracle.decode(ids, skip_special_tokens=False) == text


@pytest.mark.parametrize("text", NASTY + TYPED, ids=IDS + TYPED)
@pytest.mark.parametrize("name", SHIPPED + TRAINED)
def test_nasty_strings_get_the_same_ids(name: str, text: str) -> None:
    check(*pair(name), text)


WORDS = [
    "</s>", "<s>", "<0x41>", "<0x", "<", "/s>", ">", "s", "<user>", "[끝]", "[", "<end of turn>", " ", "\t", "\x1c",
    "a", "가", "대한민국", "▁", "뷁", "는", "다.", "\u1112\u1161\u11ab", "👍🏽", "ㅋ", "\u0085", "\u200b", "0x41>",
]  # fmt: skip
TEXTS = st.text(max_size=40) | st.lists(st.sampled_from(WORDS), max_size=12).map("".join)


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
@pytest.mark.parametrize("name", SHIPPED + TRAINED)
def test_any_text_gets_the_same_ids(name: str, text: str) -> None:
    check(*pair(name), text)


@pytest.fixture
def reviews(corpora: Path) -> Callable[[int], list[str]]:
    def read(count: int) -> list[str]:
        with gzip.open(corpora / "nsmc_reviews" / "test.tsv.gz", "rt", encoding="utf-8", newline="\n") as file:
            return [line.rstrip("\n").split("\t")[2] for line, _ in zip(file, range(count), strict=False)]

    return read


@pytest.mark.parametrize("name", SHIPPED + TRAINED)
def test_3_000_reviews_get_the_same_ids(name: str, reviews: Callable[[int], list[str]]) -> None:
    for line in reviews(3000):
        check(*pair(name), line)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_20_000_reviews_get_the_same_ids(name: str, reviews: Callable[[int], list[str]]) -> None:
    for line in reviews(20_000):
        check(*pair(name), line)


@pytest.mark.parametrize("name", SHIPPED + TRAINED)
def test_every_id_has_the_same_token(name: str) -> None:
    tokenizer, oracle = pair(name)
    assert oracle.get_vocab_size() == tokenizer.vocab_size
    assert [oracle.id_to_token(i) for i in range(tokenizer.vocab_size)] == [
        tokenizer.token_text(i) for i in range(tokenizer.vocab_size)
    ]
    assert {special: oracle.token_to_id(special) for special in tokenizer.specials} == tokenizer.specials


def test_a_line_of_100_000_characters_gets_the_same_ids() -> None:
    text = ("재미있는 영화였다 ㅋㅋ 정말! " * 6000)[:100_000]
    for name in SHIPPED:
        check(*pair(name), text)


def test_the_eojeol_pattern_matches_python_whitespace() -> None:
    pre = huggingface.pre_tokenizers.Split(huggingface.Regex(EOJEOL_PATTERN), "isolated")
    for code in (*range(0xD800), *range(0xE000, 0x110000)):
        if chr(code).isspace() or (code < 0x4000 and code % 7 == 0):
            cuts = len(pre.pre_tokenize_str(f"a{chr(code)}b"))
            assert cuts == (1 if not chr(code).isspace() else 2 if code == 0x20 else 3), hex(code)


def test_bpe_merges_overlapping_tokens_as_sentencepiece() -> None:
    import random

    for seed in range(4):
        draw = random.Random(seed)
        letters = "ab " if seed % 2 else "abc"
        texts = ["".join(draw.choices(letters, k=draw.randint(1, 50))) for _ in range(600)]
        tokenizer = korlm.train_tokenizer("bpe", texts, vocab_size=300)
        oracle = exported(tokenizer)
        for text in ["".join(draw.choices(letters + "x", k=draw.randint(1, 40))) for _ in range(1000)]:
            check(tokenizer, oracle, text)


def test_a_typed_name_is_split_where_no_token_crosses() -> None:
    assert name_splitting_pattern(["</s>"], ["<", "</", "x</"]) == "(?:(?<=<)/(?=s>))"
    assert name_splitting_pattern(["<s>"], ["a<", "b<"]) == "(?:<(?=s>))"
    assert name_splitting_pattern(["ab"], ["a"], fuse_unknown=True) == "(?:a(?=b))"
    for pieces, fused in ((["</", "/s", "s>"], False), (["</s>"], False), ([], True)):
        with pytest.raises(InputError, match="특수 이름"):
            name_splitting_pattern(["</s>"], pieces, fuse_unknown=fused)


def test_unigram_tokens_next_to_a_special_name_get_the_same_ids() -> None:
    lines = ["나는 </가 <sb> 간다", "<sa 논다 </b </c", "d</ e</ 온다"] * 30
    tokenizer = korlm.train_tokenizer("unigram", lines)
    assert any("</" in piece for piece in map(tokenizer.token_text, range(260, tokenizer.vocab_size)))
    oracle = exported(tokenizer)
    for text in (*TYPED, *lines, "</s>가", "나</s></가<s>b>"):
        check(tokenizer, oracle, text)


@pytest.mark.parametrize("learnt", ["</s>", "<0x41>", "<0x4a>", "<user>"])
def test_a_token_equal_to_a_special_name_cannot_be_exported(learnt: str, tmp_path: Path) -> None:
    tokenizer = korlm.train_tokenizer("word", [f"{learnt} 가"] * 3, vocab_size=280, specials=["<user>"])
    with pytest.raises(InputError, match="이름"):
        export_tokenizer(tokenizer, tmp_path / "tokenizer.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["가", " <user>"])
def test_a_special_name_that_is_ordinary_text_cannot_be_exported(name: str, tmp_path: Path) -> None:
    for tokenizer in (
        korlm.train_tokenizer("syllable", ["가 나"] * 3, vocab_size=280, specials=[name]),
        korlm.train_tokenizer("word", ["다 나"] * 3, vocab_size=280, specials=[name], on_unknown="unk"),
    ):
        with pytest.raises(InputError, match="이름"):
            export_tokenizer(tokenizer, tmp_path / "tokenizer.json")


def test_unsupported_tokenizers_raise_an_error_with_an_alternative(tmp_path: Path) -> None:
    unigram = korlm.load_tokenizer("unigram")
    assert isinstance(unigram, SubwordTokenizer)
    (tmp_path / "other.model").write_bytes(unigram.model)
    for tokenizer, reason, way_out in (
        (korlm.load_tokenizer("kiwi"), "analyzer", "unigram or bpe"),
        (MorphemeSubwordTokenizer("kiwi+unigram", WordSegmenter(), unigram), "analyzer", "unigram or bpe"),
        (SegmentedTokenizer("word", SpacySegmenter("en"), Vocabulary(["a"])), "library's rules", "unigram or bpe"),
        (korlm.train_tokenizer("jamo", ["가나다라"] * 5, vocab_size=400), "letters of a syllable", "syllable or byte"),
        (korlm.load_tokenizer(tmp_path / "other.model"), "normalization", "transformers"),
    ):
        with pytest.raises(InputError) as caught:
            export_tokenizer(tokenizer, tmp_path / "tokenizer.json")
        assert reason in caught.value.message("en") and way_out in caught.value.message("en")
    assert not (tmp_path / "tokenizer.json").exists()


def test_special_tokens_do_not_match_typed_text(tmp_path: Path) -> None:
    export_tokenizer(korlm.load_tokenizer("bpe"), tmp_path / "new" / "tokenizer.json")
    assert json.loads((tmp_path / "new" / "tokenizer.json").read_text("utf-8"))["added_tokens"] == []


def test_a_folder_at_the_path_raises_artifact_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="쓰지 못했습니다"):
        export_tokenizer(korlm.load_tokenizer("byte"), tmp_path)


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "tokenizer.json"
    assert main(["export", "word", str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == str(target)
    oracle = huggingface.Tokenizer.from_file(str(target))
    assert oracle.encode("나랑  쇼핑").ids == korlm.load_tokenizer("word").encode("나랑  쇼핑").ids
    assert main(["export", "jamo-none", str(target)]) == 2
    assert main(["export", "kiwi", str(tmp_path / "kiwi.json")]) == 2
    assert "unigram" in capsys.readouterr().err
