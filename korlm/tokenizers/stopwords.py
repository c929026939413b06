"""Remove stop words: keep the words or morphemes of a text that carry its meaning.

    >>> remove_stopwords("나는 그 영화를 다시 보고 싶다.")
    ['영화', '보']

A morpheme is looked up by form and Sejong tag (the copula ``이`` is a stop word, the noun 이 "tooth" is not), a word by
form. A list holds forms with Sejong tags, whole tags, and bare words. The bundled lists are ``data/stopwords/ko.tsv``
and ``en.txt``.

>>> words = load_stopwords(stopwords=[("*", "JKS"), ("것", "NNB"), "영화"])
>>> words.has_morpheme(Morpheme("가", "JKS", 0, 1, "JKS")), words.has_morpheme(Morpheme("가", "VV", 0, 1, "VV")), words.has_word("영화,")
(True, False, True)
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from korlm.errors import InputError
from korlm.i18n import LANGUAGES
from korlm.morph.base import Morpheme
from korlm.morph.tags import SEJONG_TAGS, coarse_tag
from korlm.storage.artifacts import data_folder
from korlm.text.hangul import to_compatibility_jamo
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.catalog import TOKENIZER_UNITS, bundled_tokenizers, tokenizer_unit
from korlm.tokenizers.encoding import Encoding, Segment
from korlm.tokenizers.registry import load_tokenizer

StopWordSource: TypeAlias = "str | Path | Iterable[str | tuple[str, str]]"  # a file, or forms and (form, tag) pairs
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f'’-]+")
_PUNCTUATION_TAGS = ("SF", "SP", "SS", "SE", "SO")
_WORD_UNITS = ("word", "morpheme", "morpheme-subword")  # segments are words, or list their morphemes


def remove_stopwords(
    text: str | Encoding,
    tokenizer: str | Path | Tokenizer = "kiwi",
    *,
    language: str | None = None,
    stopwords: StopWordSource | None = None,
) -> list[str]:
    """Return the words or morphemes of a text that are not stop words, as written in the text.

    A segment of several morphemes (했 = 하 + 었) is removed only if all of them are stop words. Whitespace is removed.

    Args:
        text: a text, or its encoding by ``tokenizer``.
        tokenizer: the name, the folder or the tokenizer itself; its unit must be words or morphemes.
        language: ``"ko"`` or ``"en"`` for that bundled list only; by default the Korean list, and the English one for
            words in Latin script.
        stopwords: a list to use instead: a file (a form a line, or form, tab, Sejong tag; ``*`` for all forms of a
            tag), or forms and (form, tag) pairs.

    Raises:
        InputError: another unit, another language, or an invalid list (the message names the line).
        UnknownNameError, AnalyzerError, MissingDependencyError: as for `korlm.load_tokenizer` and `Tokenizer.encode`.

    Example:
        >>> remove_stopwords("It's a new 영화였다", stopwords=[("*", "EF"), "a"])
        ['It', "'", 's', 'new', '영화', '였']
    """
    words = load_stopwords(language=language, stopwords=stopwords)
    check_word_unit(tokenizer)
    if isinstance(text, Encoding):
        encoding = text
        is_word = _get_unit(tokenizer) in (None, "word")
        if not is_word and text.text.strip() and not any(segment.morphemes for segment in text.segments):
            raise InputError(
                "이 결과에는 형태소가 없습니다. 그것을 만든 토크나이저를 tokenizer로 주세요.",
                "This encoding carries no morphemes. Pass the tokenizer that made it as `tokenizer`.",
            )
    else:
        if not isinstance(tokenizer, Tokenizer):
            is_bundled = str(tokenizer) in bundled_tokenizers()
            tokenizer = _load_bundled_tokenizer(str(tokenizer)) if is_bundled else load_tokenizer(tokenizer)
            check_word_unit(tokenizer)
        encoding = tokenizer.encode(text)
    return list_segment_texts(drop_stopwords(encoding, words))


def drop_stopwords(encoding: Encoding, words: StopWords) -> Encoding:
    """Return an encoding without the segments that are stop words; the spans of the others do not change."""
    is_kept = [not words.covers_segment(encoding.text, segment) for segment in encoding.segments]
    new_index = {old: new for new, old in enumerate(index for index, kept in enumerate(is_kept) if kept)}
    token_indices = [index for index, segment in enumerate(encoding.segment_of) if is_kept[segment]]
    return replace(
        encoding,
        ids=[encoding.ids[index] for index in token_indices],
        tokens=[encoding.tokens[index] for index in token_indices],
        spans=[encoding.spans[index] for index in token_indices],
        segments=[encoding.segments[index] for index in new_index],
        segment_of=[new_index[encoding.segment_of[index]] for index in token_indices],
    )


def list_segment_texts(encoding: Encoding, *, keep_spaces: bool = False) -> list[str]:
    """Return the texts of the segments, with the space before them if ``keep_spaces``."""
    texts = encoding.segment_texts
    return texts if keep_spaces else [text.removeprefix(" ") for text in texts]


def check_word_unit(tokenizer: str | Path | Tokenizer) -> None:
    """Raise an `InputError` if the unit of a tokenizer is neither words nor morphemes; the unit of a folder is unknown."""
    unit = _get_unit(tokenizer)
    if unit is None or unit in _WORD_UNITS:
        return
    name = tokenizer.name if isinstance(tokenizer, Tokenizer) else tokenizer
    names = ", ".join(key for key, value in TOKENIZER_UNITS.items() if value in _WORD_UNITS and "+" not in key)
    raise InputError(
        f"{name}의 토큰({unit})은 낱말이 아니라서 불용어를 뺄 수 없습니다. 낱말이나 형태소로 자르는 것을 쓰세요: {names}.",
        f"The tokens of {name} ({unit}) are not words, so stop words cannot be removed. Use one of: {names}.",
    )


def _get_unit(tokenizer: str | Path | Tokenizer) -> str | None:
    return tokenizer.unit if isinstance(tokenizer, Tokenizer) else tokenizer_unit(str(tokenizer))


@functools.lru_cache(maxsize=4)
def _load_bundled_tokenizer(name: str) -> Tokenizer:
    """Load a bundled tokenizer once, because `remove_stopwords` is called line by line."""
    return load_tokenizer(name)


@dataclass(frozen=True)
class StopWords:
    """A list of stop words."""

    pairs: frozenset[tuple[str, str]] = frozenset()  # forms with their Sejong tags
    tags: frozenset[str] = frozenset()  # Sejong tags all of whose forms are stop words
    words: frozenset[str] = frozenset()  # lowercase forms with any tag
    latin: frozenset[str] = frozenset()  # lowercase forms for words in Latin script only

    @functools.cached_property
    def _untagged_words(self) -> frozenset[str]:
        """Forms that an untagged word may match: those that can stand alone, without stems and endings."""
        free = ("noun", "modifier", "other")
        return self.words | {form.lower() for form, tag in self.pairs if coarse_tag(tag) in free and tag != "XR"}

    @functools.cached_property
    def _coarse_pairs(self) -> frozenset[tuple[str, str]]:
        return frozenset((form, coarse_tag(tag)) for form, tag in self.pairs)

    def has_morpheme(self, morpheme: Morpheme) -> bool:
        """Return whether a morpheme is a stop word."""
        form, tag = to_compatibility_jamo(morpheme.form), morpheme.sejong or morpheme.tag
        if tag in self.tags or (form, tag) in self.pairs or self._has_form(form):
            return True
        # Okt's Noun includes pronouns and dependent nouns; only Okt's tags are not in capitals
        return not morpheme.tag.isupper() and (form, coarse_tag(tag)) in self._coarse_pairs

    def has_word(self, word: str) -> bool:
        """Return whether an untagged word is a stop word, without the punctuation at its ends."""
        punctuation = "".join(character for character in word if unicodedata.category(character).startswith("P"))
        if punctuation == word:
            return self.tags.issuperset(_PUNCTUATION_TAGS) or all(self._has_form(character) for character in word)
        core = word.strip(punctuation)
        if {word.lower(), core.lower()} & self._untagged_words or self._has_form(word) or self._has_form(core):
            return True
        parts = core.replace("’", "'").split("'")  # it's
        return len(parts) > 1 and all(map(self._has_form, parts))

    def _has_form(self, form: str) -> bool:
        form = form.lower().replace("’", "'")
        return form in self.words or (form in self.latin and bool(_LATIN.fullmatch(form)))

    def covers_segment(self, text: str, segment: Segment) -> bool:
        """Return whether a segment of ``text`` consists of stop words or whitespace only."""
        word = text[segment.start : segment.end].strip()
        if not word:
            return True
        return all(map(self.has_morpheme, segment.morphemes)) if segment.morphemes else self.has_word(word)


def load_stopwords(*, language: str | None = None, stopwords: StopWordSource | None = None) -> StopWords:
    """Load a list of stop words; see `remove_stopwords`.

    >>> len(load_stopwords(language="en").words) > 150
    True
    """
    if language not in (None, *LANGUAGES):
        raise InputError(
            f"language는 'ko'나 'en'이어야 합니다 (받은 값: {language!r}).",
            f"language must be 'ko' or 'en', not {language!r}.",
        )
    if stopwords is None:
        return _load_bundled_stopwords(language)
    if isinstance(stopwords, (str, Path)):
        return read_stopwords(stopwords)
    return _build_stopwords((f"[{index}]", entry) for index, entry in enumerate(stopwords))


@functools.cache
def _load_bundled_stopwords(language: str | None) -> StopWords:
    folder = data_folder() / "stopwords"
    if language == "en":
        return read_stopwords(folder / "en.txt")
    korean = read_stopwords(folder / "ko.tsv")
    return korean if language else replace(korean, latin=read_stopwords(folder / "en.txt").words)


def read_stopwords(path: str | Path) -> StopWords:
    """Read a list of stop words.

    Args:
        path: a UTF-8 file with a form a line, or form, tab, Sejong tag; ``*`` stands for all forms of a tag. Lines that
            are blank or begin with ``# `` are skipped.

    Raises:
        InputError: the file cannot be read, has no stop words, or an invalid line.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _stopwords_error(f"{path}:{line}", "UTF-8이 아닙니다", "it is not UTF-8") from error
    except OSError as error:
        raise InputError(
            f"불용어 파일 {path}을(를) 읽지 못했습니다 ({error.strerror}). 경로를 확인하세요.",
            f"Cannot read the stop words {path} ({error.strerror}). Check the path.",
        ) from error
    return _build_stopwords(_parse_lines(path, text), str(path))


def _parse_lines(path: Path, text: str) -> Iterator[tuple[str, str | tuple[str, str]]]:
    for number, line in enumerate(text.split("\n"), 1):
        line = line.strip(" \r")
        if not line or line == "#" or line.startswith("# "):
            continue
        place = f"{path}:{number}"
        parts = line.split("\t")
        if len(parts) > 2:
            raise _stopwords_error(place, f"열이 {len(parts)}개입니다", f"it has {len(parts)} columns")
        yield place, (parts[0], parts[1]) if len(parts) == 2 else parts[0]


def _build_stopwords(entries: Iterable[tuple[str, str | tuple[str, str]]], path: str = "") -> StopWords:
    pairs: set[tuple[str, str]] = set()
    tags: set[str] = set()
    words: set[str] = set()
    for place, entry in entries:
        form, tag = _parse_entry(place, entry)
        if tag is None:
            words.add(form.lower().replace("’", "'"))
        elif form == "*":
            tags.add(tag)
        else:
            pairs.add((form, tag))
    if path and not (pairs or tags or words):
        raise _stopwords_error(path, "불용어가 하나도 없습니다", "it holds no stop word")
    return StopWords(frozenset(pairs), frozenset(tags), frozenset(words))


def _parse_entry(place: str, entry: object) -> tuple[str, str | None]:
    if isinstance(entry, str):
        form, tag = entry, None
    elif isinstance(entry, (tuple, list)) and len(entry) == 2 and all(isinstance(part, str) for part in entry):
        form, tag = entry
    else:
        ko, en = f"꼴이나 (꼴, 표지)가 아닙니다: {entry!r}", f"it is neither a form nor (form, tag): {entry!r}"
        raise _stopwords_error(place, ko, en)
    form = to_compatibility_jamo(form.strip())
    if not form:
        raise _stopwords_error(place, "꼴이 비었습니다", "the form is empty")
    if tag is None and form == "*":
        raise _stopwords_error(place, "*에는 표지가 있어야 합니다", "* needs a tag")
    if tag is not None and tag not in SEJONG_TAGS:
        raise _stopwords_error(place, f"'{tag}'은(는) 세종 품사 표지가 아닙니다", f"'{tag}' is not a Sejong tag")
    return form, tag


def _stopwords_error(place: str, ko: str, en: str) -> InputError:
    return InputError(
        f"불용어 {place}: {ko}. 한 줄에 꼴 하나, 또는 꼴, 탭, 세종 표지(NNG, JKS, ...)를 쓰세요.",
        f"Stop words, {place}: {en}. Write a form a line, or form, tab, Sejong tag (NNG, JKS, ...).",
    )
