"""Making a tokenizer's vocabulary from training lines.

>>> train_tokenizer("word", ["나는 간다", "나는 온다"], vocab_size=300).encode("나는 논다").pieces
['나는', ' ', '<0xEB>', '<0x85>', '<0xBC>', '다']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from korlm.errors import CorpusError, InputError
from korlm.text.spans import check_text
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.byte import byte_tokenizer
from korlm.tokenizers.composed import train_composed
from korlm.tokenizers.foreign import SentencePieceTokenizer
from korlm.tokenizers.names import DEFAULT_SIZES, SUBWORDS, UNITS, parts_of, unknown_name
from korlm.tokenizers.pieces import PieceTokenizer
from korlm.tokenizers.registry import make_segmenter, no_options
from korlm.tokenizers.segmenter import Segmenter
from korlm.tokenizers.subword import train_model, train_subword
from korlm.tokenizers.vocabulary import Vocabulary, build_pieces, check_on_unknown, first_piece

_BATCH = 10_000


def train_tokenizer(
    name: str,
    lines: Iterable[str],
    *,
    vocab_size: int | None = None,
    min_count: int = 2,
    coverage: float = 0.9995,
    on_unknown: str = "fallback",
    specials: Sequence[str] = (),
    workers: int = 2,
    **options: Any,
) -> Tokenizer:
    """Make a tokenizer's vocabulary from training lines.

    Args:
        name: a name of `list_tokenizers`, or any analyzer ``+`` a subword model (``okt+bpe``); ``byte`` needs no lines
            and takes no size.
        lines: training text only, never what the model is tested on.
        vocab_size: ids in all, special tokens and bytes included; by default 16,000 for word and morphemes, 8,000 for
            subwords, 3,000 for syllables, 600 for jamo, or fewer where the text cannot fill that.
        min_count: pieces seen less often are left to the fallback (not for subwords).
        coverage: share of the characters covered by single characters in the vocabulary.
        on_unknown: ``"fallback"`` to syllables and bytes, or ``"unk"``: one ``<unk>`` for what the vocabulary lacks and
            no bytes in it, as in the classical models; it loses text, and the signature says so.
        specials: names of further special tokens, such as ``<user>``; no text ever becomes one of them.
        workers: analyzer or training threads.
        **options: those of `korlm.load_tokenizer` (``split``, ``user_words``, ``language``, ...).

    Raises:
        UnknownNameError: no such tokenizer.
        CorpusError: no text, or too little for the vocabulary.
        InputError: a vocabulary too small for the special tokens and characters, or an option that it does not have.

    Example:
        >>> train_tokenizer("word", ["가 나"] * 2, on_unknown="unk").encode("가 다").pieces
        ['가', '<unk>']
    """
    if name not in UNITS:
        raise unknown_name(name, folder=False)
    check_on_unknown(on_unknown)
    if name == "byte":
        return _bytes(on_unknown, specials, options)
    if name in SUBWORDS:
        no_options(name, options)
    segmenter = None if name in SUBWORDS else make_segmenter(name, options)
    texts = _usable(lines)
    size = vocab_size or DEFAULT_SIZES[UNITS[name]]
    soft = vocab_size is None
    if segmenter is None:
        return _subword(name, texts, size, on_unknown, soft=soft, coverage=coverage, threads=workers, specials=specials)
    if parts_of(name)[-1] in SUBWORDS:
        _only_fallback(name, on_unknown)
        return train_composed(
            name, segmenter, texts, size, workers=workers, soft=soft, coverage=coverage, specials=specials
        )
    room = size - first_piece(on_unknown) - len(specials)
    counts = _count(segmenter, texts, workers)
    wanted = coverage if on_unknown == "fallback" else 0.0
    pieces = build_pieces(counts, room, min_count=min_count, coverage=wanted, required=segmenter.letters)
    return PieceTokenizer(name, segmenter, Vocabulary(pieces, on_unknown=on_unknown, specials=specials))


def _usable(lines: Iterable[str]) -> Iterator[str]:
    usable = (check_text(line) for line in lines)
    first = next((line for line in usable if line.strip()), None)
    if first is None:
        raise CorpusError(
            "토크나이저를 만들 글이 없습니다. 빈 말뭉치가 아닌지 보세요.",
            "There is no text to make a tokenizer from. Is the corpus empty?",
        )
    return chain([first], usable)


def _subword(
    name: str, texts: Iterable[str], size: int, on_unknown: str, *, specials: Sequence[str], **how: Any
) -> Tokenizer:
    if on_unknown == "fallback":
        return train_subword(name, texts, size, specials=specials, **how)
    further: dict[str, Any] = {"byte_fallback": False, "control_symbols": list(specials)}
    return SentencePieceTokenizer(name, train_model(name, texts, size, **how, **further))


def _bytes(on_unknown: str, specials: Sequence[str], options: dict[str, Any]) -> Tokenizer:
    no_options("byte", options)
    _only_fallback("byte", on_unknown)
    return byte_tokenizer(specials)


def _only_fallback(name: str, on_unknown: str) -> None:
    if on_unknown != "fallback":
        raise InputError(
            f"{name}에는 <unk> 방식이 없습니다. on_unknown을 빼세요.",
            f"{name} has no <unk> mode. Leave on_unknown out.",
        )


def _count(segmenter: Segmenter, texts: Iterator[str], workers: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    while batch := list(islice(texts, _BATCH)):
        for pieces in segmenter.pieces(batch, workers=workers):
            counts.update(pieces)
    return counts
