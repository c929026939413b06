"""Kiwi (kiwipiepy) as an `Analyzer`: the most accurate Korean analyzer, with offsets in characters.

>>> [m.form for m in KiwiAnalyzer().analyze(["했다"])[0]]
['하', '었', '다']
>>> [m.form for m in KiwiAnalyzer(KiwiOptions(typos="basic")).analyze(["안됀다"])[0]]
['안', '되', 'ᆫ다']

A Kiwi takes 3 s to load and about 270 MB, so all analyzers without user words share one; an analyzer with user words
has its own, which is released with the analyzer.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from korlm.config import setting, validate
from korlm.errors import AnalyzerError, ArtifactError, InputError, KorlmError, MissingDependencyError
from korlm.morph.base import Morpheme, merge_spans
from korlm.morph.tags import UNKNOWN_TAG, sejong_tag_table
from korlm.morph.user_words import UserWord, make_user_word, validate_user_words
from korlm.text.spans import Span

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

TYPO_MODES = ("", "basic", "continual", "basic_with_continual", "lengthening", "basic_with_continual_and_lengthening")
MAX_THREADS = 64
_FIRST_WORD_ID = 97  # of its dictionary; lower ids stand for tags


@dataclass(frozen=True)
class KiwiOptions:
    """Options of Kiwi. All but ``workers`` change its boundaries.

    Raises:
        InputError: a value that is not allowed.

    Example:
        >>> KiwiOptions(typos="basic", user_words=(UserWord("갓생", "NNG"),)).version_suffix
        '+typos=basic+words=25dce0ea'
        >>> KiwiOptions.from_dict(KiwiOptions(typos="basic").to_dict()).typos
        'basic'
    """

    user_words: tuple[UserWord, ...] = ()  # words to add to its dictionary; see `korlm.morph.user_words`
    # the typos to correct: ``"basic"`` (안됀다), ``"continual"`` (머거써), ``"lengthening"`` (지인짜),
    # ``"basic_with_continual"``, ``"basic_with_continual_and_lengthening"``, or ``""`` for none
    typos: str = setting("", "오타 교정", "typo correction", choices=TYPO_MODES)
    normalize_coda: bool = False  # ignore an added final consonant (먹었엌ㅋㅋ)
    split_compounds: bool = False  # split derived words completely (고마움 is 고맙 and 음)
    # threads of Kiwi for many texts; 0 for one per core, at most 8
    workers: int = setting(
        0, "Kiwi의 스레드 수, 0이면 모든 코어", "threads of Kiwi, 0: all cores", ge=0, le=MAX_THREADS
    )

    def __post_init__(self) -> None:
        validate(self)
        words = validate_user_words(
            (number, make_user_word(number, word)) for number, word in enumerate(self.user_words, 1)
        )
        object.__setattr__(self, "user_words", words)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "user_words": [list(word) for word in self.user_words]}

    @classmethod
    def from_dict(cls, values: Any) -> KiwiOptions:
        """Return the options of a `to_dict`; missing ones have their defaults.

        Raises:
            ArtifactError: an unknown option, or a value that is not allowed.
        """
        kinds = {"user_words": list, "typos": str, "normalize_coda": bool, "split_compounds": bool, "workers": int}
        if not isinstance(values, Mapping):
            raise _options_error(type(values).__name__)
        for name, value in values.items():
            if type(value) is not kinds.get(name):  # exact: a bool is not an int here
                raise _options_error(f"{name}: {value!r:.40}")
        try:
            return cls(**{**values, "user_words": tuple(values.get("user_words", ()))})
        except InputError as error:
            raise ArtifactError(*error.args) from error

    @property
    def version_suffix(self) -> str:
        """The suffix that the options add to the version; empty for the default options."""
        lines = sorted(f"{form}\t{tag}\t{score!r}\n" for form, tag, score in self.user_words)
        parts = [f"typos={self.typos}"] if self.typos else []
        parts += ["coda"] if self.normalize_coda else []
        parts += ["compounds"] if self.split_compounds else []
        parts += ["words=" + hashlib.sha256("".join(lines).encode()).hexdigest()[:8]] if lines else []
        return "".join(f"+{part}" for part in parts)


def _options_error(detail: str) -> ArtifactError:
    return ArtifactError(
        f"저장된 Kiwi 설정을 알 수 없습니다({detail}). korlm을 새로 설치하거나 토크나이저를 다시 저장하세요.",
        f"The saved Kiwi options are not known ({detail}). Update korlm, or save the tokenizer again.",
    )


class KiwiAnalyzer:
    """Kiwi, loaded on first use and used by many threads at once."""

    name = "kiwi"

    def __init__(self, options: KiwiOptions | None = None) -> None:
        self.options = options or KiwiOptions()
        threads = self.options.workers or min(os.cpu_count() or 1, 8)
        self._cache_key: int | object = object() if self.options.user_words else threads
        self._threads = threads
        if self.options.user_words:
            weakref.finalize(self, _release_kiwi, self._cache_key)

    @property
    def version(self) -> str:
        """The versions of kiwipiepy and of its model, and the options that change the boundaries."""
        try:
            versions = "/".join(importlib.metadata.version(name) for name in ("kiwipiepy", "kiwipiepy_model"))
        except importlib.metadata.PackageNotFoundError:
            versions = "none"
        return versions + self.options.version_suffix

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return Kiwi's best analysis of each text; see `korlm.morph.base.Analyzer`.

        Restored morphemes without a character of their own (the 하 of 하래서 = 하라고 하어서) are left out.
        With more than one worker, all of Kiwi's threads are used.
        """
        sejong = sejong_tag_table("kiwi")
        results = []
        for tokens in self._tokenize(texts, workers):
            morphemes = [
                Morpheme(token.form, token.tag, token.start, token.end, sejong.get(token.tag, UNKNOWN_TAG))
                for token in tokens
                if token.len
            ]
            morphemes.sort(key=itemgetter(2))  # by start: already in order but for rare restored forms
            results.append(morphemes)
        return results

    def find_unknown_forms(self, texts: Iterable[str]) -> list[list[str]]:
        """Return the forms in each text that are not in Kiwi's dictionary.

        >>> KiwiAnalyzer().find_unknown_forms(["고양이가 와요", "뗸여가 와요"])
        [[], ['뗸여']]
        """
        return [
            [token.form for token in tokens if getattr(token, "oov", False)]
            for tokens in self._tokenize(texts, workers=1)
        ]

    def morpheme_spans(self, texts: Iterable[str], *, workers: int = 1) -> Iterator[list[Span]]:
        """Yield the disjoint spans of each text's morphemes; see `korlm.morph.base.Analyzer`.

        With more than one worker, Kiwi's threads read about 16 texts per thread ahead.
        """
        for tokens in self._tokenize(texts, workers):
            yield merge_spans(sorted([token.span for token in tokens if token.len]))

    def compute_similarity(self, first: int | tuple[str, str], second: int | tuple[str, str]) -> float | None:
        """Return the cosine of two morphemes in Kiwi's language model; None if it does not know one of them.

        Args:
            first: a form and Kiwi's tag, or an id of its dictionary.
            second: the other one.
        """
        try:
            # the first sense of a homograph
            keys = [key if isinstance(key, int) else (*key, 0) for key in (first, second)]
            similarity = float(self._load_kiwi().morpheme_similarity(*keys))
        except ValueError:
            return None
        return None if math.isnan(similarity) else similarity

    def list_common_morphemes(self, count: int) -> list[tuple[str, str]]:
        """Return form and tag of the most common morphemes of Kiwi's dictionary, the most common first."""
        kiwi = self._load_kiwi()
        morphemes = []
        for morpheme_id in range(_FIRST_WORD_ID, _FIRST_WORD_ID + count):
            morpheme = kiwi.morpheme(morpheme_id)
            morphemes.append((morpheme.form, str(morpheme.tag)))
        return list(dict.fromkeys(morphemes))

    def _tokenize(self, texts: Iterable[str], workers: int) -> Iterator[list[Token]]:
        """Yield Kiwi's tokens for each text."""
        named = {"typos": "typos", "normalize_coda": "normalize_coda", "split_complex": "split_compounds"}
        options = {name: value for name, own in named.items() if (value := getattr(self.options, own))}
        kiwi = self._load_kiwi()
        try:
            if workers > 1:
                yield from kiwi.tokenize(texts, **options)
            else:
                for text in texts:
                    yield kiwi.tokenize(text, **options)
        except KorlmError:  # raised by the iterator of the texts
            raise
        except (RuntimeError, ValueError, TypeError, OSError, MemoryError) as error:
            raise AnalyzerError(
                f"Kiwi가 글을 분석하지 못했습니다: {error}. 글을 나누어 다시 해 보세요.",
                f"Kiwi could not analyze the text: {error}. Split the text and try again.",
            ) from error

    def _load_kiwi(self) -> Kiwi:
        key = (os.getpid(), self._cache_key)
        with _load_lock:
            if key not in _kiwi_instances:
                _kiwi_instances[key] = _create_kiwi(self._threads, self.options.user_words)
            return _kiwi_instances[key]


# By process and number of threads, or by an analyzer's own key. A forked child loads its own: it does not have the
# parent's threads, and destroying the parent's Kiwi would wait for them forever, so that one stays here.
_kiwi_instances: dict[tuple[int, int | object], Kiwi] = {}
_load_lock = threading.Lock()


def _reset_lock_after_fork() -> None:
    global _load_lock
    _load_lock = threading.Lock()  # another thread may hold it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock_after_fork)


def _release_kiwi(key: int | object) -> None:
    """Release an analyzer's own Kiwi, if this process loaded it."""
    _kiwi_instances.pop((os.getpid(), key), None)


def _create_kiwi(threads: int, words: Sequence[UserWord]) -> Kiwi:
    """Return a Kiwi with user words, ready to analyze."""
    try:
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise MissingDependencyError(
            "Kiwi가 설치되어 있지 않습니다. pip install kiwipiepy 하세요.",
            "Kiwi is not installed. Run: pip install kiwipiepy",
        ) from error
    try:
        kiwi = Kiwi(num_workers=threads)
        for form, tag, score in words:
            kiwi.add_user_word(form, tag, score)
        kiwi.tokenize("")  # builds what the first call needs
    except Exception as error:
        raise AnalyzerError(
            f"Kiwi를 시작하지 못했습니다: {error}. pip install --force-reinstall kiwipiepy kiwipiepy_model 하세요.",
            f"Kiwi could not start: {error}. Run: pip install --force-reinstall kiwipiepy kiwipiepy_model",
        ) from error
    return kiwi
