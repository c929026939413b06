"""Stop words: the pieces of a text that say what it is about, without those that only hold it together.

    >>> remove_stopwords("나는 그 영화를 다시 보고 싶다.")
    ['영화', '보']

A morpheme is judged by its form and Sejong tag (``이`` the copula goes, 이 the tooth stays), a word by its form. The
lists are ``data/stopwords``: ``ko.tsv`` and ``en.txt``.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

from korlm.errors import InputError
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding
from korlm.tokenizers.names import TOKENIZER_UNITS, bundled_tokenizers, tokenizer_unit
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.stoplist import StopWords, StopWordSource, load_stopwords

_WORD_UNITS = ("word", "morpheme", "morpheme-subword")  # units whose pieces are words or know their morphemes


def remove_stopwords(
    text: str | Encoding,
    tokenizer: str | Path | Tokenizer = "kiwi",
    *,
    language: str | None = None,
    stopwords: StopWordSource | None = None,
) -> list[str]:
    """Return the words or morphemes of a text, as they stand in it, that are no stop words.

    A piece of several morphemes (했 = 하 + 었) goes only where all of them do. Whitespace goes.

    Args:
        text: a text, or the encoding that ``tokenizer`` made of one.
        tokenizer: a name, a folder or a tokenizer whose pieces are words or morphemes.
        language: ``"ko"`` or ``"en"`` for one of the bundled lists alone; by default the Korean one, and the English one
            for pieces in Latin letters.
        stopwords: other ones in their place: a file (a form a line, or form, tab, Sejong tag; ``*`` for every form of a
            tag), or forms and pairs of form and tag.

    Raises:
        InputError: pieces that are no words, another language, or a bad list (it names the line).
        UnknownNameError, AnalyzerError, MissingDependencyError: as `korlm.load_tokenizer` and `Tokenizer.encode` do.

    Example:
        >>> remove_stopwords("It's a new 영화였다", stopwords=[("*", "EF"), "a"])
        ['It', "'", 's', 'new', '영화', '였']
    """
    words = load_stopwords(language=language, stopwords=stopwords)
    if isinstance(text, Encoding):
        check_word_unit(tokenizer)
        encoding = text
        unit = _get_unit(tokenizer)
        if unit and unit != "word" and text.text.strip() and not any(part.morphemes for part in text.segments):
            raise InputError(
                "이 결과에는 형태소가 없습니다. 그것을 만든 토크나이저를 tokenizer로 주세요.",
                "This encoding carries no morphemes. Pass the tokenizer that made it as `tokenizer`.",
            )
    else:
        check_word_unit(tokenizer)
        loaded = tokenizer if isinstance(tokenizer, Tokenizer) else _load_cached(tokenizer)
        check_word_unit(loaded)
        encoding = loaded.encode(text)
    return list_segment_texts(drop_stopwords(encoding, words))


def drop_stopwords(encoding: Encoding, words: StopWords) -> Encoding:
    """Return an encoding without the segments that are stop words; what is left has the spans that it had."""
    stays = [not words.covers_segment(encoding.text, segment) for segment in encoding.segments]
    number = {old: new for new, old in enumerate(index for index, stay in enumerate(stays) if stay)}
    chosen = [index for index, owner in enumerate(encoding.segment_of) if stays[owner]]
    return replace(
        encoding,
        ids=[encoding.ids[index] for index in chosen],
        tokens=[encoding.tokens[index] for index in chosen],
        spans=[encoding.spans[index] for index in chosen],
        segments=[encoding.segments[index] for index in number],
        segment_of=[number[encoding.segment_of[index]] for index in chosen],
    )


def list_segment_texts(encoding: Encoding, *, keep_spaces: bool = False) -> list[str]:
    """Return the stretches of the text that the segments are; ``keep_spaces``: with the space that joins them."""
    found = encoding.segment_texts
    return found if keep_spaces else [piece.removeprefix(" ") for piece in found]


def check_word_unit(tokenizer: str | Path | Tokenizer) -> None:
    """Raise an `InputError` where the pieces of a tokenizer are known to be no words; a folder is not looked into."""
    unit = _get_unit(tokenizer)
    if unit is None or unit in _WORD_UNITS:
        return
    name = tokenizer.name if isinstance(tokenizer, Tokenizer) else tokenizer
    names = ", ".join(one for one in TOKENIZER_UNITS if TOKENIZER_UNITS[one] in _WORD_UNITS and "+" not in one)
    raise InputError(
        f"{name}의 조각({unit})은 낱말이 아니라서 불용어를 뺄 수 없습니다. 낱말이나 형태소로 자르는 것을 쓰세요: {names}.",
        f"The pieces of {name} ({unit}) are no words, so that they are no stop words. Use one of: {names}.",
    )


def _get_unit(tokenizer: str | Path | Tokenizer) -> str | None:
    return tokenizer.unit if isinstance(tokenizer, Tokenizer) else tokenizer_unit(str(tokenizer))


def _load_cached(name: str | Path) -> Tokenizer:
    return _load_bundled_tokenizer(str(name)) if str(name) in bundled_tokenizers() else load_tokenizer(name)


@functools.lru_cache(maxsize=4)
def _load_bundled_tokenizer(name: str) -> Tokenizer:
    """Load a bundled tokenizer once: people call `remove_stopwords` line by line."""
    return load_tokenizer(name)
