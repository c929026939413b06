"""What an analyzer gives: morphemes with spans into the caller's string.

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
        form: the morpheme's form, which the analyzer may have restored (깨져 gives 깨지 and 어).
        tag: the analyzer's own part-of-speech tag.
        start: first code point of the stretch that carries it.
        end: one past the last; morphemes inside one syllable share its span (했 = 하 + 었).
        sejong: the tag in the Sejong set, the one that all analyzers are compared by (`korlm.morph.tags`).
    """

    form: str
    tag: str
    start: int
    end: int
    sejong: str = ""

    @property
    def lemma(self) -> str:
        """The dictionary form: 다 added to verbs, adjectives, auxiliaries, copulas and their suffixes."""
        return self.form + "다" if self.sejong in _PREDICATES else self.form


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the disjoint spans that remain when overlapping ones (by rising start, none empty) are merged.

    >>> merge_spans([(0, 1), (0, 1), (1, 2), (3, 5), (4, 6)])
    [(0, 1), (1, 2), (3, 6)]
    """
    merged: list[Span] = []
    last = 0  # the end of the last one
    for span in spans:
        start, end = span
        if start >= last:
            merged.append(span)
            last = end
        elif end > last:
            merged[-1] = (merged[-1][0], end)
            last = end
    return merged


class Analyzer(Protocol):
    """A morphological analyzer: thread-safe, loads its backend on first use."""

    @property
    def name(self) -> str:
        """The registry's name."""
        ...

    @property
    def version(self) -> str:
        """The version of the backend, which decides the cuts."""
        ...

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return the morphemes of each text, in order of start.

        Morphemes lie inside the text, leave out whitespace, and may overlap only by sharing syllables. Stretches
        that the analyzer does not know may be left out.

        Args:
            texts: any strings without unpaired surrogates; blank ones give no morphemes.
            workers: processes or threads to use, where the backend can.

        Raises:
            MissingDependencyError: the backend is not installed.
            AnalyzerError: it crashed or hung.
        """
        ...

    def morpheme_spans(self, texts: Iterable[str], *, workers: int = 1) -> Iterator[list[Span]]:
        """Yield, for each text, the disjoint spans of its morphemes: `merge_spans` over those of `analyze`.

        The way to token ids, which need no forms and tags: texts are read and analyzed as the results are taken, so
        that a corpus of any size needs little memory.

        Args:
            texts: as for `analyze`.
            workers: as for `analyze`.

        Raises:
            MissingDependencyError, AnalyzerError: as `analyze`, where the first result is taken or on the way.
        """
        ...
