"""Kiwi (kiwipiepy) as an `Analyzer`: the field's best Korean analyzer, offsets in characters.

>>> [m.form for m in KiwiAnalyzer().analyze(["했다"])[0]]
['하', '었', '다']
>>> [m.form for m in KiwiAnalyzer(KiwiOptions(typos="basic")).analyze(["안됀다"])[0]]
['안', '되', 'ᆫ다']

A Kiwi takes 3 s and about 270 MB, so all analyzers without words of their own share one; one with words has a Kiwi to
itself, which goes when the analyzer goes.
"""

from __future__ import annotations

import importlib.metadata
import os
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from korlm.errors import AnalyzerError, KorlmError, MissingDependencyError
from korlm.morph.base import Morpheme, merge_spans
from korlm.morph.kiwi_options import KiwiOptions as KiwiOptions  # part of what users of this module need
from korlm.morph.tags import UNKNOWN_TAG, sejong_tag_table
from korlm.morph.user_words import UserWord as UserWord
from korlm.morph.user_words import parse_user_words as parse_user_words
from korlm.morph.user_words import read_user_words as read_user_words
from korlm.text.spans import Span

if TYPE_CHECKING:
    from kiwipiepy import Kiwi, Token

_get_start = itemgetter(2)  # of a Morpheme


class KiwiAnalyzer:
    """Kiwi, loaded on first use and used by many threads at once.

    Args:
        options: its dictionary and its tolerance.
    """

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
        """The versions of kiwipiepy and of its model, which decide the cuts, and the options that change them."""
        try:
            versions = "/".join(importlib.metadata.version(name) for name in ("kiwipiepy", "kiwipiepy_model"))
        except importlib.metadata.PackageNotFoundError:
            versions = "none"
        return versions + self.options.version_suffix

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return Kiwi's best analysis of each text; see `korlm.morph.base.Analyzer`.

        Morphemes that Kiwi restored without a character of their own (the 하 of 하래서 = 하라고 하어서) are left out.

        Args:
            texts: any strings without unpaired surrogates.
            workers: more than 1 to use all of Kiwi's threads.

        Raises:
            MissingDependencyError: kiwipiepy is not installed.
            AnalyzerError: Kiwi itself failed.
        """
        sejong = sejong_tag_table("kiwi")
        results = []
        for tokens in self._tokenize(texts, workers):
            found = [
                Morpheme(token.form, token.tag, token.start, token.end, sejong.get(token.tag, UNKNOWN_TAG))
                for token in tokens
                if token.len
            ]
            found.sort(key=_get_start)  # in order already but for rare restored forms
            results.append(found)
        return results

    def morpheme_spans(self, texts: Iterable[str], *, workers: int = 1) -> Iterator[list[Span]]:
        """Yield the disjoint spans of each text's morphemes; see `korlm.morph.base.Analyzer`.

        With more than one worker Kiwi's threads stay about 16 texts a thread ahead of what is taken.
        """
        for tokens in self._tokenize(texts, workers):
            yield merge_spans(sorted([token.span for token in tokens if token.len]))

    def _tokenize(self, texts: Iterable[str], workers: int) -> Iterator[list[Token]]:
        """Yield Kiwi's tokens for each text."""
        options: dict[str, Any] = {}
        if self.options.typos:
            options["typos"] = self.options.typos
        if self.options.normalize_coda:
            options["normalize_coda"] = True
        if self.options.split_compounds:
            options["split_complex"] = True
        kiwi = self._load_kiwi()
        try:
            if workers > 1:
                yield from kiwi.tokenize(texts, **options)
            else:
                for text in texts:
                    yield kiwi.tokenize(text, **options)
        except KorlmError:  # of the texts' own iterator
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


# By process and number of threads, or by an analyzer's own key. A forked child loads its own: the parent's threads
# are not there, and destroying its Kiwi would wait for them forever, so it stays here.
_kiwi_instances: dict[tuple[int, int | object], Kiwi] = {}
_load_lock = threading.Lock()


def _reset_lock_after_fork() -> None:
    global _load_lock
    _load_lock = threading.Lock()  # another thread may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_lock_after_fork)


def _release_kiwi(key: int | object) -> None:
    """Let go of an analyzer's own Kiwi, if this process loaded it."""
    _kiwi_instances.pop((os.getpid(), key), None)


def _create_kiwi(threads: int, words: Sequence[UserWord]) -> Kiwi:
    """Return a Kiwi that knows ``words`` and is ready to analyze."""
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
        kiwi.tokenize("")  # builds what the first call would
    except Exception as error:
        raise AnalyzerError(
            f"Kiwi를 시작하지 못했습니다: {error}. pip install --force-reinstall kiwipiepy kiwipiepy_model 하세요.",
            f"Kiwi could not start: {error}. Run: pip install --force-reinstall kiwipiepy kiwipiepy_model",
        ) from error
    return kiwi
