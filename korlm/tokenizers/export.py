"""A tokenizer as one file that Hugging Face's `tokenizers` reads, with the same ids for every string.

>>> import json, tempfile
>>> from pathlib import Path
>>> from korlm.tokenizers.byte import byte_tokenizer
>>> with tempfile.TemporaryDirectory() as folder:
...     export_tokenizer(byte_tokenizer(), Path(folder, "tokenizer.json"))
...     content = json.loads(Path(folder, "tokenizer.json").read_text("utf-8"))
>>> content["model"]["type"], content["model"]["vocab"]["</s>"]
('BPE', 2)

Special tokens are in the vocabulary and not among the ``added_tokens``, which would be found in what people type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from korlm.artifacts import write_file
from korlm.errors import InputError
from korlm.tokenizers.base import UNK_ID, Tokenizer
from korlm.tokenizers.byte import ByteSegmenter
from korlm.tokenizers.export_guard import (
    EOJEOL_PATTERN,
    alternation_pattern,
    character_splitting_pattern,
    name_splitting_pattern,
    whole_word_pattern,
)
from korlm.tokenizers.foreign import SentencePieceTokenizer
from korlm.tokenizers.names import SUBWORD_ALGORITHMS
from korlm.tokenizers.pieces import SegmentedTokenizer
from korlm.tokenizers.subword import META_SYMBOL, SubwordTokenizer
from korlm.tokenizers.syllable import SyllableSegmenter
from korlm.tokenizers.vocabulary import Vocabulary
from korlm.tokenizers.word import WordSegmenter

_BYTE_TOKEN_LIKE = re.compile(r"<0x(?:[0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>")  # by Hugging Face's decoder
_JsonObject = dict[str, Any]


def export_tokenizer(tokenizer: Tokenizer, path: str | Path) -> None:
    """Write a ``tokenizer.json`` for ``tokenizers.Tokenizer.from_file`` (0.20 or newer), atomically.

    ``encode(text, add_special_tokens=False).ids`` there are the ids here. ``decode(ids, skip_special_tokens=False)``
    gives the text back; it spells special tokens out, which `Tokenizer.decode` leaves out.

    Args:
        tokenizer: one of words, syllables, bytes or subwords.
        path: the file to write.

    Raises:
        InputError: the format cannot hold this tokenizer (morphemes need an analyzer), or a special token's name is
            one of its pieces.
        ArtifactError: the file cannot be written.
    """
    keys = _vocabulary_keys(tokenizer)
    if isinstance(tokenizer, (SubwordTokenizer, SentencePieceTokenizer)):
        parts = _subword_config(tokenizer, keys)
    elif isinstance(tokenizer, SegmentedTokenizer) and isinstance(tokenizer.segmenter, WordSegmenter):
        parts = _word_config(tokenizer, keys)
    else:
        parts = {"model": _bpe_model(tokenizer, keys)}  # merging nothing: a character, else its bytes or ``<unk>``
    decoders = [{"type": "ByteFallback"}] * bool(tokenizer.byte_ids) + [{"type": "Fuse"}]
    content: _JsonObject = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": {"type": "Sequence", "decoders": decoders},
    } | parts  # fmt: skip
    write_file(path, (json.dumps(content, ensure_ascii=False) + "\n").encode())


def _vocabulary_keys(tokenizer: Tokenizer) -> list[str]:
    """Return the vocabulary's key of each id, all different, or say why the format cannot hold the tokenizer."""
    if reason := _unsupported_reason(tokenizer):
        raise InputError(*reason)
    keys = [tokenizer.token_text(number) for number in range(tokenizer.vocab_size)]
    names = _reserved_names(tokenizer)
    wrong = sorted(names & {keys[number] for number in _learned_ids(tokenizer)})
    wrong += [name for name in tokenizer.specials if name != name.strip() or len(name) == 1]
    if tokenizer.byte_ids:
        wrong += [key for key in keys if key not in names and _BYTE_TOKEN_LIKE.fullmatch(key)]
    if wrong or len(set(keys)) < len(keys):
        raise _collision_error(wrong[0] if wrong else next(key for key in keys if keys.count(key) > 1))
    return keys


def _collision_error(name: str) -> InputError:
    return InputError(
        f"'{name}'은(는) 특수 토큰이나 바이트의 이름이면서 글이기도 해서 Hugging Face 형식이 가리지 못합니다. "
        "그런 조각이 없게 다시 가르치거나, 특수 토큰에 두 글자 이상이고 앞뒤에 빈칸이 없는 다른 이름을 주세요.",
        f"'{name}' is the name of a special token or a byte and a text as well; Hugging Face's format cannot tell "
        "them apart. Train again without such a piece, or name the special token otherwise: two characters or more, "
        "no space around them.",
    )


def _reserved_names(tokenizer: Tokenizer) -> set[str]:
    return {*tokenizer.specials, *(f"<0x{byte:02X}>" for byte in tokenizer.byte_ids)}


def _learned_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the ids of what is neither a special token nor a byte."""
    others = {*tokenizer.specials.values(), *tokenizer.byte_token_ids}
    return [number for number in range(tokenizer.vocab_size) if number not in others]


def _unsupported_reason(tokenizer: Tokenizer) -> tuple[str, str] | None:
    """Return why the format cannot hold a tokenizer and what to do instead, or None."""
    if isinstance(tokenizer, SentencePieceTokenizer) and tokenizer.name not in SUBWORD_ALGORITHMS:
        return (
            "다른 곳에서 만든 SentencePiece 모델은 정규화까지 .model 파일에 있습니다. "
            "그 .model 파일을 transformers에 그대로 주세요.",
            "A SentencePiece model made elsewhere carries its normalisation in the .model file. "
            "Give that .model file itself to transformers.",
        )
    if isinstance(tokenizer, (SubwordTokenizer, SentencePieceTokenizer)):
        return None
    segmenter = getattr(tokenizer, "segmenter", None)
    if isinstance(getattr(tokenizer, "vocabulary", None), Vocabulary):
        if type(segmenter) in (WordSegmenter, SyllableSegmenter, ByteSegmenter):
            return None
        if tokenizer.unit == "jamo":
            return (
                "자모는 Hugging Face 형식으로 내보낼 수 없습니다. 그 형식은 음절을 푼 낱자와 사람이 친 낱자를 가리지 못합니다. "
                "음절(syllable)이나 바이트(byte)를 내보내거나, korlm으로 ID를 만들어 쓰세요.",
                "Jamo cannot be exported: Hugging Face's format cannot tell the letters of a syllable from letters that "
                "somebody typed. Export syllable or byte, or make the ids with korlm.",
            )
    return (
        f"{tokenizer.name}은(는) 분석기나 다른 라이브러리의 규칙으로 글을 자르는데, Hugging Face 형식에는 그것이 들어가지 못합니다. "
        "unigram이나 bpe를 내보내거나, korlm으로 ID를 만들어 쓰세요 (encode_array).",
        f"{tokenizer.name} cuts by an analyzer or another library's rules, which Hugging Face's format cannot hold. "
        "Export unigram or bpe, or make the ids with korlm (encode_array).",
    )


def _index_keys(keys: Sequence[str]) -> dict[str, int]:
    return {key: number for number, key in enumerate(keys)}


def _bpe_model(
    tokenizer: Tokenizer, keys: Sequence[str], merges: Iterable[tuple[str, str]] = (), **extra_fields: Any
) -> _JsonObject:
    falls_back = bool(tokenizer.byte_ids)
    return {
        "type": "BPE", "dropout": None, "unk_token": None if falls_back else keys[UNK_ID], "fuse_unk": False,
        "continuing_subword_prefix": None, "end_of_word_suffix": None, "byte_fallback": falls_back,
        "ignore_merges": False, "vocab": _index_keys(keys), "merges": [list(pair) for pair in merges],
    } | extra_fields  # fmt: skip


def _word_config(tokenizer: SegmentedTokenizer, keys: Sequence[str]) -> _JsonObject:
    """Return a model of whole words; one that is unknown falls back as korlm's does, or is ``<unk>``."""
    cut = _split_pretokenizer(EOJEOL_PATTERN)
    if tokenizer.byte_ids:  # BPE without merges takes a whole word where it is known, else its characters
        apart = _split_pretokenizer(character_splitting_pattern(tokenizer.specials))
        both = {"type": "Sequence", "pretokenizers": [cut, apart]}
        return {"pre_tokenizer": both, "model": _bpe_model(tokenizer, keys, ignore_merges=True)}
    unknown = keys[UNK_ID]
    typed = {
        "type": "Replace",
        "pattern": {"Regex": whole_word_pattern(sorted(tokenizer.specials))},
        "content": unknown,
    }
    model = {"type": "WordLevel", "vocab": _index_keys(keys), "unk_token": unknown}
    return {"normalizer": typed, "pre_tokenizer": cut, "model": model}


def _subword_config(tokenizer: SubwordTokenizer | SentencePieceTokenizer, keys: list[str]) -> _JsonObject:
    """Return a unigram or BPE model with spaces for SentencePiece's ▁, so that a typed ▁ is one of the unknown."""
    falls_back = bool(tokenizer.byte_ids)
    learnt = [keys[number] for number in _learned_ids(tokenizer)]
    scores = _token_scores(tokenizer)
    # where <unk> is, SentencePiece takes a typed ▁ for a space
    rules = [] if falls_back else [{"type": "Replace", "pattern": {"String": META_SYMBOL}, "content": " "}]
    if tokenizer.name == "bpe":
        by_score = sorted(_learned_ids(tokenizer), key=lambda number: -scores[number])
        merges = _bpe_merges([keys[number] for number in by_score])
        return _normalizer_config(rules) | {"model": _bpe_model(tokenizer, keys, merges, fuse_unk=not falls_back)}
    names = sorted(_reserved_names(tokenizer))
    strange = [] if falls_back else [name for name in names if set(learnt).isdisjoint(name)]
    if strange:  # a name of unknown characters alone is one <unk> with its unknown neighbours, so it bears no cut
        names = [name for name in names if name not in strange]
        unknown = next(letter for letter in map(chr, range(0xE000, 0xF900)) if not any(letter in key for key in keys))
        rules.append({"type": "Replace", "pattern": {"Regex": alternation_pattern(strange)}, "content": unknown})
    guard = _split_pretokenizer(
        name_splitting_pattern(names, learnt, fuse_unknown=not falls_back), "MergedWithPrevious"
    )
    vocabulary = [[key, score] for key, score in zip(keys, scores, strict=True)]
    model = {"type": "Unigram", "unk_id": UNK_ID, "vocab": vocabulary, "byte_fallback": falls_back}
    return _normalizer_config(rules) | {"pre_tokenizer": guard, "model": model}


def _normalizer_config(rules: Sequence[_JsonObject]) -> _JsonObject:
    return {"normalizer": {"type": "Sequence", "normalizers": list(rules)} if rules else None}


def _token_scores(tokenizer: SubwordTokenizer | SentencePieceTokenizer) -> list[float]:
    processor = tokenizer.processor
    own: list[float] = [processor.get_score(number) for number in range(processor.get_piece_size())]
    return own + [0.0] * (tokenizer.vocab_size - len(own))


def _bpe_merges(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of pieces that make a piece, in the order of the pieces that they make.

    >>> _bpe_merges(["ab", "abc", "a", "b", "c", "bc"])
    [('a', 'b'), ('ab', 'c'), ('a', 'bc'), ('b', 'c')]
    """
    known = set(tokens)
    return [
        (piece[:at], piece[at:])
        for piece in tokens
        for at in range(len(piece) - 1, 0, -1)
        if piece[:at] in known and piece[at:] in known
    ]


def _split_pretokenizer(pattern: str, behavior: str = "Isolated") -> _JsonObject:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}
