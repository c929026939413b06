"""Segmenters of the word unit: eojeol (Korean words between spaces) or English words by the rules of spaCy.

A space belongs to the segment of the word after it.

>>> [segment[:2] for segment in next(WordSegmenter().segment(["나랑 쇼핑하자."]))]
[(0, 2), (2, 8)]
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from korlm.errors import InputError, MissingDependencyError
from korlm.text.spans import eojeol_spans, join_spaces
from korlm.tokenizers.encoding import Segment
from korlm.tokenizers.segmenters.base import Segmenter


class WordSegmenter(Segmenter):
    """Splits at whitespace; a single space belongs to the eojeol after it (see `korlm.text.spans.join_spaces`)."""

    unit = "word"
    hf_exportable = True

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield the eojeol of each text."""
        for text in texts:
            yield [Segment(*span) for span in join_spaces(text, eojeol_spans(text))]


class SpacySegmenter(Segmenter):
    """Splits by the tokenizer of spaCy's blank pipeline: ``don't.`` is split into ``do``, ``n't`` and a period.

    Args:
        language: a language code of spaCy, such as ``en``.
    """

    unit = "word"

    def __init__(self, language: str) -> None:
        self.language = language

    @property
    def options(self) -> dict[str, Any]:
        """The language."""
        return {"language": self.language}

    @cached_property
    def _spacy_tokenizer(self) -> Any:
        """The spaCy tokenizer, created on first use."""
        try:
            import spacy
        except ImportError as error:
            raise MissingDependencyError(
                'spaCy가 설치되어 있지 않습니다. pip install "korlm[english]" 하세요.',
                'spaCy is not installed. Run: pip install "korlm[english]"',
            ) from error
        return spacy.blank(self.language).tokenizer

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield spaCy's words of each text."""
        for text in texts:
            words = [(word.idx, word.idx + len(word.text)) for word in self._spacy_tokenizer(text) if not word.is_space]
            yield [Segment(*span) for span in join_spaces(text, words)]

    def dependency_versions(self) -> list[str]:
        """Return spaCy's version, or ``none`` if it is not installed."""
        try:
            return [f"spacy-{self.language}:{importlib.metadata.version('spacy')}"]
        except importlib.metadata.PackageNotFoundError:
            return [f"spacy-{self.language}:none"]


def make_word_segmenter(language: str = "") -> Segmenter:
    """Return the segmenter of the unit ``word``: eojeol, or English words for ``en``.

    Raises:
        InputError: a language other than ``ko`` (or the empty string) and ``en``.
    """
    if language not in ("", "ko", "en"):
        raise InputError(
            f"language는 'ko'나 'en'이어야 합니다 (받은 값: {language!r}).",
            f"language must be 'ko' or 'en', not {language!r}.",
        )
    return SpacySegmenter(language) if language == "en" else WordSegmenter()
