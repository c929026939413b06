"""SentencePiece models made elsewhere: the same ids and text, and spans in the caller's string."""

from __future__ import annotations

import gzip
import io
from functools import cache
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strings import IDS, NASTY

import korlm
from korlm.errors import ArtifactError, InputError, UnknownNameError
from korlm.tokenizers.sentencepiece import SentencePieceTokenizer

T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
LLAMA = {
    "model_type": "bpe", "byte_fallback": True, "split_digits": True, "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False, "allow_whitespace_only_pieces": True, "vocab_size": 900,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "identity, bytes": {"normalization_rule_name": "identity", "byte_fallback": True, "vocab_size": 900},
    "nmt_nfkc, bytes": {"byte_fallback": True, "vocab_size": 900},
    "bpe": {"model_type": "bpe"},
    "char": {"model_type": "char"},
    "word": {"model_type": "word"},
    "symbols": {"user_defined_symbols": ["<sep>", "대한", " 이"], "control_symbols": ["<ctl>"]},
    "T5": T5,
    "Llama": LLAMA,
    "bare": {"add_dummy_prefix": False, "remove_extra_whitespaces": False, "normalization_rule_name": "nfkc_cf"},
    "suffix": {"treat_whitespace_as_suffix": True},
}


@cache
def model(kind: str) -> bytes:
    lines = [line for line in korlm.load_corpus("kolaw").train if line.strip()]
    output = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=output, minloglevel=2, hard_vocab_limit=False,
        **({"vocab_size": 600} | KINDS[kind]),
    )  # fmt: skip
    return output.getvalue()


@cache
def both(kind: str) -> tuple[SentencePieceTokenizer, Any]:
    """Return korlm's tokenizer of a model, and SentencePiece's processor."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "other.model")
        path.write_bytes(model(kind))
        tokenizer = korlm.load_tokenizer(path)
    assert isinstance(tokenizer, SentencePieceTokenizer)
    return tokenizer, sentencepiece.SentencePieceProcessor(model_proto=model(kind))


def check(kind: str, text: str) -> None:
    tokenizer, oracle = both(kind)
    encoding = tokenizer.encode(text)
    assert encoding.ids == oracle.encode(text) == tokenizer.encode_ids([text])[0]
    assert tokenizer.decode(encoding.ids) == oracle.decode(encoding.ids)
    assert encoding.text == text
    assert len(encoding.ids) == len(encoding.tokens) == len(encoding.spans) == len(encoding.segment_of)
    assert all(0 <= start <= end <= len(text) for start, end in encoding.spans)
    assert all(before[0] <= after[0] and before[1] <= after[1] for before, after in pairwise(encoding.spans))
    assert "".join(text[start:end] for start, end, _ in encoding.segments) == text
    assert all(start < end for start, end, _ in encoding.segments)
    assert all(0 <= owner < len(encoding.segments) for owner in encoding.segment_of)
    assert encoding.segment_of == sorted(encoding.segment_of)
    assert tokenizer.oov_segments(encoding) <= set(encoding.segment_of)


@pytest.mark.parametrize("text", NASTY, ids=IDS)
@pytest.mark.parametrize("kind", KINDS)
def test_nasty_strings_get_sentencepiece_ids(kind: str, text: str) -> None:
    check(kind, text)


LIKE = "가나다라했갔대한민국ㅋㅠ\u1112\u1161\u11ab .,!\t\n▁👍🏽\u200d大a1ﷺ㎏ＡＢ½\u3000\u00ad\u200b"


@settings(max_examples=120, deadline=None)
@given(text=st.text(max_size=40) | st.text(st.sampled_from(LIKE), max_size=40))
@pytest.mark.parametrize("kind", KINDS)
def test_any_text_gets_sentencepiece_ids(kind: str, text: str) -> None:
    check(kind, text)


@pytest.mark.parametrize("kind", KINDS)
def test_real_reviews_get_sentencepiece_ids(kind: str, corpora: Path) -> None:
    with gzip.open(corpora / "nsmc_reviews" / "valid.tsv.gz", "rt", encoding="utf-8", newline="\n") as file:
        lines = [line.rstrip("\n").split("\t")[2] for line, _ in zip(file, range(500), strict=False)]
    for line in lines:
        check(kind, line)


@pytest.mark.parametrize("kind", KINDS)
def test_typed_special_names_are_encoded_as_sentencepiece_does(kind: str) -> None:
    for text in ("</s><unk><s>", "<0x41>", "<ctl><sep>대한 이▁", "<pad>"):
        check(kind, text)
        assert not {0, 1, 2} & set(both(kind)[0].encode(text).ids) - {both(kind)[1].unk_id()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_returns_the_same_ids(kind: str, tmp_path: Path) -> None:
    tokenizer, _ = both(kind)
    tokenizer.save(tmp_path / "saved")
    loaded = korlm.load_tokenizer(tmp_path / "saved")
    assert loaded.signature == tokenizer.signature
    assert loaded.encode_batch(NASTY, workers=2) == tokenizer.encode_batch(NASTY)
    assert loaded.encode_ids(NASTY, workers=2) == tokenizer.encode_ids(NASTY)
    assert loaded.encode_array(NASTY).ids.tolist() == list(chain.from_iterable(tokenizer.encode_ids(NASTY)))
    assert (loaded.name, loaded.lossless) == ("sentencepiece", False)


def test_tokens_and_spans_show_normalization_and_unk() -> None:
    encoding = both("defaults")[0].encode(" 대한\u3000\u3000뷁뷁")
    assert encoding.spans[0][0] == 1 and encoding.spans[-1] == (5, 7)
    assert encoding.tokens[-1] == "<unk>"
    assert [segment[:2] for segment in encoding.segments][:1] == [(0, 1)]
    assert {encoding.segments[index][:2] for index in both("defaults")[0].oov_segments(encoding)} == {(5, 7)}


def test_bytes_of_one_character_share_its_span() -> None:
    tokenizer, _ = both("identity, bytes")
    encoding = tokenizer.encode("뷁a뷁")
    assert [span for span in encoding.spans if span not in ((0, 0), (1, 2))] == [(0, 1)] * 3 + [(2, 3)] * 3
    assert {encoding.segments[index][:2] for index in tokenizer.oov_segments(encoding)} >= {(0, 1), (2, 3)}


def test_special_tokens_keep_the_ids_of_the_model() -> None:
    assert both("T5")[0].specials == {"<pad>": 0, "</s>": 1, "<unk>": 2}
    assert both("Llama")[0].specials == {"<unk>": 0, "<s>": 1, "</s>": 2}
    assert "<ctl>" in both("symbols")[0].specials and "<sep>" not in both("symbols")[0].specials
    assert both("symbols")[0].encode("가<sep>").tokens[-1] == "<sep>"


def test_the_signature_differs_if_only_the_normalization_differs() -> None:
    kinds = list(KINDS)
    signatures = [both(kind)[0].signature for kind in kinds]
    assert len(set(signatures)) == len(kinds)
    assert both("T5")[0].signature.startswith("tok:sentencepiece|unit:subword|v:600|unk:unk|sha:")
    assert "|unk:bytes|" in both("Llama")[0].signature


def test_an_invalid_model_raises_artifact_error(tmp_path: Path) -> None:
    contents = {"empty.model": b"", "text.model": "모델이 아님".encode(), "cut.spm": model("bpe")[:500]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtifactError, match="SentencePiece"):
            korlm.load_tokenizer(tmp_path / name)
    with pytest.raises(UnknownNameError, match="토크나이저도 폴더도 없습니다"):
        korlm.load_tokenizer(tmp_path / "none.model")


def test_options_raise_input_error(tmp_path: Path) -> None:
    (tmp_path / "a.model").write_bytes(model("bpe"))
    with pytest.raises(InputError, match="split"):
        korlm.load_tokenizer(tmp_path / "a.model", split="jamo")


def test_invalid_ids_and_surrogates_raise_input_error() -> None:
    tokenizer, _ = both("defaults")
    with pytest.raises(InputError, match="어휘"):
        tokenizer.decode([tokenizer.vocab_size])
    with pytest.raises(InputError, match="서로게이트"):
        tokenizer.encode("가\ud800")
    assert tokenizer.encode_ids([]) == [] and tokenizer.decode([]) == ""


@pytest.mark.parametrize("name", ["unigram", "bpe"])
def test_a_subword_model_without_bytes_can_be_trained(name: str, tmp_path: Path) -> None:
    lines = korlm.load_corpus("kolaw").train
    tokenizer = korlm.train_tokenizer(name, lines, on_unknown="unk", vocab_size=700, specials=["<user>"])
    assert isinstance(tokenizer, SentencePieceTokenizer)
    assert (tokenizer.name, tokenizer.vocab_size, tokenizer.lossless, tokenizer.byte_ids) == (name, 700, False, {})
    assert tokenizer.on_unknown == "unk" and "|unk:unk|" in tokenizer.signature
    assert {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3}.items() <= tokenizer.specials.items()
    assert "<user>" in tokenizer.specials
    oracle = sentencepiece.SentencePieceProcessor(model_proto=tokenizer.model)
    for text in (*NASTY, "<user>대한 뷁</s>"):
        encoding = tokenizer.encode(text)
        assert encoding.ids == oracle.encode(text) == tokenizer.encode_ids([text])[0]
        assert tokenizer.specials["<user>"] not in encoding.ids
    known = "대한민국은  민주공화국이다. "
    assert tokenizer.decode(tokenizer.encode(known).ids) == known, "identity normalization keeps what is known"
    encoding = tokenizer.encode("대한뷁")
    assert encoding.ids[-1] == 3 and encoding.spans[-1] == (2, 3)
    assert [encoding.segments[index][:2] for index in tokenizer.oov_segments(encoding)] == [(2, 3)]
    tokenizer.save(tmp_path / "saved")
    loaded = korlm.load_tokenizer(tmp_path / "saved")
    assert loaded.signature == tokenizer.signature and loaded.encode_ids(NASTY) == tokenizer.encode_ids(NASTY)
