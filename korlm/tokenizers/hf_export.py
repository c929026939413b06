"""Export a tokenizer as a ``tokenizer.json`` of Hugging Face's `tokenizers`, with the same ids for every string.

>>> import json, tempfile
>>> from pathlib import Path
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> with tempfile.TemporaryDirectory() as folder:
...     export_tokenizer(byte_tokenizer(), Path(folder, "tokenizer.json"))
...     content = json.loads(Path(folder, "tokenizer.json").read_text("utf-8"))
>>> content["model"]["type"], content["model"]["vocab"]["</s>"]
('BPE', 2)

Special tokens are in the vocabulary but not among the ``added_tokens``, which would be matched in typed text. Special
tokens and bytes are keys of the same vocabulary as the learned tokens, so a typed ``</s>`` or ``<0x41>`` would be
taken for one. A guard pattern therefore splits such text at a position that no learned token can cross.

>>> name_splitting_pattern(["</s>"], ["<", "/s", "s>"])
'(?:<(?=/s>))'
>>> re.findall(EOJEOL_PATTERN, "나랑  쇼핑\\t하자")
['나랑', ' ', ' 쇼핑', '\\t', '하자']
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from korlm.errors import InputError
from korlm.storage.artifacts import write_file
from korlm.text.josa import quote_with_josa
from korlm.tokenizers.base import UNK_ID, Tokenizer
from korlm.tokenizers.sentencepiece import META_SYMBOL, SentencePieceTokenizer, SubwordTokenizer

_BYTE_TOKEN_LIKE = re.compile(r"<0x(?:[0-9A-Fa-f]{2}|\+[0-9A-Fa-f])>")  # as Hugging Face's decoder matches it
_JsonObject = dict[str, Any]
_OTHER_SPACES = "\\x09-\\x0D\\x1C-\\x1F\\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000"
# the characters of `str.isspace`: Oniguruma's \s is another set, and \x85 is a byte to it
_SPACES = "\\x20" + _OTHER_SPACES
_MATCH_NOTHING = "(?!)"
EOJEOL_PATTERN = f"\\x20?[^{_SPACES}]+|[{_SPACES}]"


def export_tokenizer(tokenizer: Tokenizer, path: str | Path) -> None:
    """Write a ``tokenizer.json`` for ``tokenizers.Tokenizer.from_file`` (0.20 or newer), atomically.

    Its ``encode(text, add_special_tokens=False).ids`` are the same ids. Its ``decode(ids, skip_special_tokens=False)``
    restores the text, but includes special tokens, which `Tokenizer.decode` leaves out.

    Args:
        tokenizer: of words, syllables, bytes or subwords.
        path: the file to write.

    Raises:
        InputError: the format cannot express this tokenizer (morphemes need an analyzer), or the name of a special
            token is also a learned token.
        ArtifactError: the file cannot be written.
    """
    keys = _vocabulary_keys(tokenizer)
    if isinstance(tokenizer, (SubwordTokenizer, SentencePieceTokenizer)):
        parts = _subword_config(tokenizer, keys)
    elif tokenizer.unit == "word":
        parts = _word_config(tokenizer, keys)
    else:
        parts = {"model": _bpe_model(tokenizer, keys)}  # without merges: a character, else its bytes or ``<unk>``
    decoders = [{"type": "ByteFallback"}] * bool(tokenizer.byte_ids) + [{"type": "Fuse"}]
    content: _JsonObject = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": None, "post_processor": None, "decoder": {"type": "Sequence", "decoders": decoders},
    } | parts  # fmt: skip
    write_file(path, (json.dumps(content, ensure_ascii=False) + "\n").encode())


def _vocabulary_keys(tokenizer: Tokenizer) -> list[str]:
    """Return the vocabulary key of each id, all different, or raise an `InputError` if the format cannot express them."""
    if reason := _unsupported_reason(tokenizer):
        raise InputError(*reason)
    keys = [tokenizer.token_text(token_id) for token_id in range(tokenizer.vocab_size)]
    names = _reserved_names(tokenizer)
    ambiguous = sorted(names & {keys[token_id] for token_id in _learned_ids(tokenizer)})
    ambiguous += [name for name in tokenizer.specials if name != name.strip() or len(name) == 1]
    if tokenizer.byte_ids:
        ambiguous += [key for key in keys if key not in names and _BYTE_TOKEN_LIKE.fullmatch(key)]
    if ambiguous or len(set(keys)) < len(keys):
        name = ambiguous[0] if ambiguous else next(key for key in keys if keys.count(key) > 1)
        raise InputError(
            f"'{name}'은(는) 특수 토큰이나 바이트의 이름이면서 글이기도 해서 Hugging Face 형식이 가리지 못합니다. "
            "그런 토큰이 없게 다시 학습하거나, 특수 토큰에 두 글자 이상이고 앞뒤에 빈칸이 없는 다른 이름을 주세요.",
            f"'{name}' is the name of a special token or a byte and a text as well; Hugging Face's format cannot tell "
            "them apart. Train again without such a token, or name the special token otherwise: two characters or more, "
            "no space around them.",
        )
    return keys


def _reserved_names(tokenizer: Tokenizer) -> set[str]:
    return {*tokenizer.specials, *(f"<0x{byte:02X}>" for byte in tokenizer.byte_ids)}


def _learned_ids(tokenizer: Tokenizer) -> list[int]:
    """Return the ids that are neither special tokens nor bytes."""
    reserved = {*tokenizer.specials.values(), *tokenizer.byte_token_ids}
    return [token_id for token_id in range(tokenizer.vocab_size) if token_id not in reserved]


def _unsupported_reason(tokenizer: Tokenizer) -> tuple[str, str] | None:
    """Return why the format cannot express a tokenizer and what to do instead, or None."""
    if tokenizer.hf_exportable:
        return None
    if isinstance(tokenizer, SentencePieceTokenizer):
        return (
            "다른 곳에서 만든 SentencePiece 모델은 정규화까지 .model 파일에 있습니다. "
            "그 .model 파일을 transformers에 그대로 주세요.",
            "A SentencePiece model made elsewhere carries its normalization in the .model file. "
            "Give that .model file itself to transformers.",
        )
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
        f"{tokenizer.name} segments text by an analyzer or another library's rules, which Hugging Face's format cannot hold. "
        "Export unigram or bpe, or make the ids with korlm (encode_array).",
    )


def _bpe_model(
    tokenizer: Tokenizer, keys: Sequence[str], merges: Iterable[tuple[str, str]] = (), **extra_fields: Any
) -> _JsonObject:
    falls_back = bool(tokenizer.byte_ids)
    return {
        "type": "BPE", "dropout": None, "unk_token": None if falls_back else keys[UNK_ID], "fuse_unk": False,
        "continuing_subword_prefix": None, "end_of_word_suffix": None, "byte_fallback": falls_back,
        "ignore_merges": False, "vocab": dict(zip(keys, range(len(keys)), strict=True)), "merges": [list(pair) for pair in merges],
    } | extra_fields  # fmt: skip


def _word_config(tokenizer: Tokenizer, keys: Sequence[str]) -> _JsonObject:
    """Return a model of whole words; an unknown one falls back to characters and bytes, or becomes ``<unk>``."""
    eojeol = _split_pretokenizer(EOJEOL_PATTERN)
    if tokenizer.byte_ids:  # BPE without merges: a whole word if it is known, else its characters
        characters = _split_pretokenizer(character_splitting_pattern(tokenizer.specials))
        sequence = {"type": "Sequence", "pretokenizers": [eojeol, characters]}
        return {"pre_tokenizer": sequence, "model": _bpe_model(tokenizer, keys, ignore_merges=True)}
    unknown = keys[UNK_ID]
    names = whole_word_pattern(sorted(tokenizer.specials))
    typed_names = {"type": "Replace", "pattern": {"Regex": names}, "content": unknown}
    model = {"type": "WordLevel", "vocab": dict(zip(keys, range(len(keys)), strict=True)), "unk_token": unknown}
    return {"normalizer": typed_names, "pre_tokenizer": eojeol, "model": model}


def _subword_config(tokenizer: SubwordTokenizer | SentencePieceTokenizer, keys: list[str]) -> _JsonObject:
    """Return a unigram or BPE model with spaces instead of SentencePiece's ▁, so that a typed ▁ is unknown text."""
    falls_back = bool(tokenizer.byte_ids)
    learned = [keys[token_id] for token_id in _learned_ids(tokenizer)]
    model_size = tokenizer.processor.get_piece_size()  # without further special tokens
    scores = [tokenizer.processor.get_score(token_id) for token_id in range(model_size)]
    scores += [0.0] * (len(keys) - model_size)
    # with <unk>, SentencePiece reads a typed ▁ as a space
    rules = [{"type": "Replace", "pattern": {"String": META_SYMBOL}, "content": " "}]
    normalizer = None if falls_back else {"type": "Sequence", "normalizers": rules}
    if tokenizer.name == "bpe":
        by_score = sorted(_learned_ids(tokenizer), key=lambda token_id: -scores[token_id])
        merges = _bpe_merges([keys[token_id] for token_id in by_score])
        return {"normalizer": normalizer, "model": _bpe_model(tokenizer, keys, merges, fuse_unk=not falls_back)}
    names = sorted(_reserved_names(tokenizer))
    unknown_names = [] if falls_back else [name for name in names if set(learned).isdisjoint(name)]
    if unknown_names:  # made of unknown characters alone: fused with unknown neighbors into one <unk>, so not split
        names = [name for name in names if name not in unknown_names]
        unused = next(char for char in map(chr, range(0xE000, 0xF900)) if not any(char in key for key in keys))
        rules.append({"type": "Replace", "pattern": {"Regex": alternation_pattern(unknown_names)}, "content": unused})
    pattern = name_splitting_pattern(names, learned, fuse_unknown=not falls_back)
    vocabulary = [[key, score] for key, score in zip(keys, scores, strict=True)]
    model = {"type": "Unigram", "unk_id": UNK_ID, "vocab": vocabulary, "byte_fallback": falls_back}
    guard = _split_pretokenizer(pattern, "MergedWithPrevious")
    return {"normalizer": normalizer, "pre_tokenizer": guard, "model": model}


def _bpe_merges(tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return the merges (pairs of tokens) of each token, in the order of the tokens.

    >>> _bpe_merges(["ab", "abc", "a", "b", "c", "bc"])
    [('a', 'b'), ('ab', 'c'), ('a', 'bc'), ('b', 'c')]
    """
    known = set(tokens)
    return [
        (token[:at], token[at:])
        for token in tokens
        for at in range(len(token) - 1, 0, -1)
        if token[:at] in known and token[at:] in known
    ]


def _split_pretokenizer(pattern: str, behavior: str = "Isolated") -> _JsonObject:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}


def name_splitting_pattern(names: Iterable[str], tokens: Iterable[str], *, fuse_unknown: bool = False) -> str:
    """Return a pattern of single characters after which to split, so that no typed name stays whole.

    Args:
        names: of special tokens and bytes.
        tokens: the learned tokens; none of them can cross the boundary.
        fuse_unknown: adjacent unknown characters become one ``<unk>``; a boundary between two of them would make two.

    Raises:
        InputError: learned tokens can cross every boundary inside a name.
    """
    tokens = set(tokens)
    boundaries_by_bigram: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for token in tokens:
        for at in range(1, len(token)):
            boundaries_by_bigram[token[at - 1 : at + 1]].append((token, at))
    options = []
    for name in names:

        def is_free(at: int, name: str = name) -> bool:
            bigram = name[at - 1 : at + 1]
            if fuse_unknown and tokens.isdisjoint(bigram):
                return False
            return not any(_crosses_boundary(token, end, name, at) for token, end in boundaries_by_bigram[bigram])

        if (at := next(filter(is_free, range(1, len(name))), 0)) == 0:
            raise InputError(
                f"어휘의 토큰이 특수 이름 {quote_with_josa(name, '과/와')} 겹쳐서, 사람이 친 {quote_with_josa(name, '을/를')} 보통 글자로 둘 수 없습니다. "
                "그 글자가 없는 글로 다시 학습하거나 특수 토큰의 이름을 바꾸세요.",
                f"Tokens of the vocabulary overlap the special name '{name}', so a typed '{name}' could not stay ordinary text. "
                "Train on text without it, or rename the special token.",
            )
        before = f"(?<={re.escape(name[: at - 1])})" if at > 1 else ""
        options.append(f"{before}{re.escape(name[at - 1])}(?={re.escape(name[at:])})")
    return f"(?:{'|'.join(options) or _MATCH_NOTHING})"


def alternation_pattern(names: Iterable[str]) -> str:
    """Return a pattern that matches any of ``names``.

    >>> alternation_pattern(["<s>", "[끝]"])
    '(?:<s>|\\\\[끝\\\\])'
    """
    return f"(?:{'|'.join(map(re.escape, names)) or _MATCH_NOTHING})"


def _crosses_boundary(token: str, token_offset: int, name: str, name_offset: int) -> bool:
    """Tell whether a token can overlap a name with the token's ``token_offset`` at the name's ``name_offset``."""
    left, right = min(token_offset, name_offset), min(len(token) - token_offset, len(name) - name_offset)
    return token[token_offset - left : token_offset + right] == name[name_offset - left : name_offset + right]


def character_splitting_pattern(names: Iterable[str]) -> str:
    """Return a pattern of each character of a word that is the name of a byte or one of ``names``.

    >>> character_splitting_pattern(["<s>"])  # doctest: +ELLIPSIS
    '(?:(?<=\\\\A)<(?=s>\\\\z)|(?<=\\\\A<)s(?=>\\\\z)|(?<=\\\\A<s)>(?=\\\\z)|...)'
    """
    words = [[*map(re.escape, name)] for name in names if not any(map(str.isspace, name))]
    options = [
        f"(?<=\\A{''.join(word[:at])}){word[at]}(?={''.join(word[at + 1 :])}\\z)"
        for word in [*words, ["<", "0", "x", "[0-9A-F]", "[0-9A-F]", ">"]]  # listing 256 names takes 20 times as long
        for at in range(len(word))
    ]
    return f"(?:{'|'.join(options)})"


def whole_word_pattern(names: Sequence[str]) -> str:
    """Return a pattern of a word that is one of ``names``, without a space before it.

    >>> whole_word_pattern(["<s>"]).startswith("(?<![^") and "(?:<s>)" in whole_word_pattern(["<s>"])
    True
    """
    words = alternation_pattern(name for name in names if not any(map(str.isspace, name)))
    return f"(?<![^{_OTHER_SPACES}]){words}(?![^{_SPACES}])"
