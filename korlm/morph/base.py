"""What an analyzer gives: morphemes with spans into the caller's string.

>>> Morpheme("하", "VV", 0, 1)
Morpheme(form='하', tag='VV', start=0, end=1)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Morpheme(NamedTuple):
    """One morpheme of an analysis.

    Attributes:
        form: the morpheme's form, which the analyzer may have restored (깨져 gives 깨지 and 어).
        tag: the analyzer's own part-of-speech tag.
        start: first code point of the stretch that carries it.
        end: one past the last; morphemes inside one syllable share its span (했 = 하 + 었).
    """

    form: str
    tag: str
    start: int
    end: int


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
