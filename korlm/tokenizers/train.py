"""Train the vocabulary of a tokenizer on lines.

>>> train_tokenizer("word", ["나는 간다", "나는 온다"], vocab_size=300).encode("나는 논다").tokens
['나는', ' ', '<0xEB>', '<0x85>', '<0xBC>', '다']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from korlm.errors import CorpusError, InputError
from korlm.text.spans import check_list, check_text
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.catalog import (
    DEFAULT_VOCAB_SIZES,
    SUBWORD_ALGORITHMS,
    TOKENIZER_UNITS,
    split_name,
    unknown_tokenizer_error,
)
from korlm.tokenizers.morpheme_subword import train_morpheme_subword
from korlm.tokenizers.registry import make_segmenter, reject_options
from korlm.tokenizers.segmented import SegmentedTokenizer, byte_tokenizer
from korlm.tokenizers.segmenters.base import Segmenter
from korlm.tokenizers.sentencepiece import SentencePieceTokenizer, train_sentencepiece_model, train_subword
from korlm.tokenizers.vocabulary import Vocabulary, check_on_unknown, first_token_id, select_tokens

_BATCH_SIZE = 10_000


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
    """Train a tokenizer on lines.

    Args:
        name: a name of `list_tokenizers`, or any analyzer ``+`` a subword algorithm (``okt+bpe``); ``byte`` needs
            neither lines nor a size.
        lines: training text, without the text that the model is tested on.
        vocab_size: number of ids, special tokens and bytes included; by default 16,000 for words and morphemes, 8,000
            for subwords, 3,000 for syllables, 600 for jamo, or fewer if there is too little text.
        min_count: rarer strings are left to the fallback (not for subwords).
        coverage: fraction of the characters that single characters in the vocabulary cover.
        on_unknown: ``"fallback"`` to syllables and bytes, or ``"unk"``: one ``<unk>`` for unknown text and no bytes, as
            in classical models; this is lossy, which the signature records.
        specials: names of further special tokens, such as ``<user>``; no text is ever encoded as one of them.
        workers: analyzer or training threads.
        **options: those of `korlm.load_tokenizer` (``split``, ``user_words``, ``language``, ...).

    Raises:
        UnknownNameError: no such tokenizer.
        CorpusError: no text, or too little for the vocabulary.
        InputError: a vocabulary too small for the special tokens and characters, or an unknown option.

    Example:
        >>> train_tokenizer("word", ["가 나"] * 2, on_unknown="unk").encode("가 다").tokens
        ['가', '<unk>']
    """
    if name not in TOKENIZER_UNITS:
        raise unknown_tokenizer_error(name, or_folder=False)
    has_fallback = check_on_unknown(on_unknown) == "fallback"
    if not has_fallback and (name == "byte" or TOKENIZER_UNITS[name] == "morpheme-subword"):
        raise InputError(
            f"{name}에는 <unk> 방식이 없습니다. on_unknown을 빼세요.",
            f"{name} has no <unk> mode. Leave on_unknown out.",
        )
    if name == "byte" or name in SUBWORD_ALGORITHMS:
        reject_options(name, options)
    if name == "byte":
        return byte_tokenizer(specials)
    segmenter = None if name in SUBWORD_ALGORITHMS else make_segmenter(name, options)
    texts = _check_lines(lines)
    size = vocab_size or DEFAULT_VOCAB_SIZES[TOKENIZER_UNITS[name]]
    subword_options: dict[str, Any] = {"soft": vocab_size is None, "coverage": coverage, "threads": workers}
    if segmenter is None:
        if has_fallback:
            return train_subword(name, texts, size, specials=specials, **subword_options)
        subword_options |= {"byte_fallback": False, "control_symbols": list(specials)}
        return SentencePieceTokenizer(name, train_sentencepiece_model(name, texts, size, **subword_options))
    if split_name(name)[-1] in SUBWORD_ALGORITHMS:
        return train_morpheme_subword(name, segmenter, texts, size, specials=specials, **subword_options)
    tokens = select_tokens(
        _count_strings(segmenter, texts, workers),
        size - first_token_id(on_unknown) - len(specials),
        min_count=min_count,
        coverage=coverage if has_fallback else 0.0,
        required=segmenter.conjoining_jamo,
    )
    return SegmentedTokenizer(name, segmenter, Vocabulary(tokens, on_unknown=on_unknown, specials=specials))


def _check_lines(lines: Iterable[str]) -> Iterator[str]:
    """Return the lines from the first non-blank one on; raise a `CorpusError` if there is none."""
    check_list(lines, "line")
    checked = (check_text(line) for line in lines)
    first_line = next((line for line in checked if line.strip()), None)
    if first_line is None:
        raise CorpusError(
            "토크나이저를 만들 글이 없습니다. 빈 말뭉치가 아닌지 보세요.",
            "There is no text to make a tokenizer from. Is the corpus empty?",
        )
    return chain([first_line], checked)


def _count_strings(segmenter: Segmenter, texts: Iterator[str], workers: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    while batch := list(islice(texts, _BATCH_SIZE)):
        for strings in segmenter.iter_lookup_strings(batch, workers=workers):
            counts.update(strings)
    return counts
