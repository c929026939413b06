"""The protocol of morphological analyzers, and the morphemes with spans that they return.

>>> Morpheme("하", "VV", 0, 1, "VV").lemma
'하다'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from korlm.text.spans import Span

_PREDICATES = {"VV", "VA", "VX", "VCP", "VCN", "XSV", "XSA"}


class Morpheme(NamedTuple):
    """One morpheme of an analysis.

    Attributes:
        form: the form, which the analyzer may have restored (깨져 gives 깨지 and 어).
        tag: the analyzer's own part-of-speech tag.
        start: start of its span, in code points of the text.
        end: end of its span, exclusive; morphemes inside one syllable share its span (했 = 하 + 었).
        sejong: the tag in the Sejong set, which all analyzers are compared by (`korlm.morph.tags`).
    """

    form: str
    tag: str
    start: int
    end: int
    sejong: str = ""

    @property
    def lemma(self) -> str:
        """The dictionary form: with 다 for verbs, adjectives, auxiliaries, copulas and their suffixes."""
        return self.form + "다" if self.sejong in _PREDICATES else self.form


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Merge overlapping spans, given in order of start and not empty, to disjoint ones.

    >>> merge_spans([(0, 1), (0, 1), (1, 2), (3, 5), (4, 6)])
    [(0, 1), (1, 2), (3, 6)]
    """
    merged: list[Span] = []
    last_end = 0
    for span in spans:
        start, end = span
        if start >= last_end:
            merged.append(span)
            last_end = end
        elif end > last_end:
            merged[-1] = (merged[-1][0], end)
            last_end = end
    return merged


class Analyzer(Protocol):
    """A morphological analyzer: thread-safe; loads its backend on first use."""

    @property
    def name(self) -> str:
        """The name in the registry."""

    @property
    def version(self) -> str:
        """The version of the backend, on which the boundaries depend."""

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return the morphemes of each text, in order of start.

        Morphemes lie inside the text, exclude whitespace, and overlap only by sharing syllables. Unknown parts of the
        text may be left out.

        Args:
            texts: any strings without unpaired surrogates; blank ones have no morphemes.
            workers: processes or threads to use, if the backend supports it.

        Raises:
            MissingDependencyError: the backend is not installed.
            AnalyzerError: the backend crashed or hung.
        """

    def morpheme_spans(self, texts: Iterable[str], *, workers: int = 1) -> Iterator[list[Span]]:
        """Yield the disjoint spans of the morphemes of each text: `merge_spans` over those of `analyze`.

        Encoding to token ids needs no forms and tags. Texts are read and analyzed lazily, so that a corpus of any size
        needs little memory. Arguments and errors are those of `analyze`.
        """
