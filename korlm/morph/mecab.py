"""MeCab-ko (python-mecab-ko) with its dictionary mecab-ko-dic as an `Analyzer`: the fastest one, no Java.

>>> [(m.form, m.tag, m.start, m.end) for m in MecabAnalyzer().analyze(["방에 들어갔다"])[0]]
[('방', 'NNG', 0, 1), ('에', 'JKB', 1, 2), ('들어가', 'VV', 3, 6), ('았', 'EP', 5, 6), ('다', 'EC', 6, 7)]

A token of the dictionary's type Inflect (갔, VV+EP) is split into its morphemes (가 and 았), placed in the token by
`korlm.morph.alignment`. A token of the types Compound and Preanalysis (팀버튼) stays one morpheme: its parts are the
dictionary's etymology, not MeCab's segmentation.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import util
from typing import Any, NamedTuple

from korlm.errors import AnalyzerError, MissingDependencyError
from korlm.morph.alignment import align_morphemes
from korlm.morph.base import Morpheme, merge_spans
from korlm.morph.konlpy.chunking import MAX_CHUNK_CHARACTERS, split_long_text
from korlm.morph.tags import to_sejong
from korlm.text.spans import Span

INSTALL_MECAB = 'pip install "korlm[mecab]"'
# The second has the code of the first, built for Python 3.13 and later; both install the modules mecab and _mecab.
_DISTRIBUTIONS = ("python-mecab-ko", "python-mecab-ko-py313")

# MeCab takes U+0000 for the end of the text, knows only some whitespace, and counts a token's bytes, with the whitespace
# before it, in 16 bits: the word after 65,536 spaces is lost.
_UNANALYZABLE = re.compile(r"[^\S ]|[\0\ud800-\udfff]")


class MecabToken(NamedTuple):
    """A token of MeCab's output; offsets count from its start."""

    surface: str
    morphemes: tuple[Morpheme, ...]
    spans: list[Span]


def mecab_install_hint() -> str | None:
    """Return the command that installs MeCab and its dictionary, or None if both are installed; imports nothing."""
    return None if util.find_spec("_mecab") and util.find_spec("mecab_ko_dic") else INSTALL_MECAB


class MecabAnalyzer:
    """MeCab-ko, loaded on first use; one tagger serves all threads.

    No lock is needed: each text has its own lattice, and the tagger is only read (`Tagger.parse` is const).
    python-mecab-ko 1.3.7 holds the GIL while it runs, so that more threads would not be faster either.
    """

    name = "mecab"

    @property
    def version(self) -> str:
        """The versions of python-mecab-ko and of its dictionary, on which the boundaries depend."""
        for binding in _DISTRIBUTIONS:
            try:
                return "/".join(importlib.metadata.version(name) for name in (binding, "python-mecab-ko-dic"))
            except importlib.metadata.PackageNotFoundError:
                continue
        return "none"

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return MeCab's best analysis of each text; see `korlm.morph.base.Analyzer`. ``workers`` is not used."""
        return [
            [
                Morpheme(form, tag, position + start, position + end, sejong)
                for position, token in _iter_tokens(text)
                for form, tag, start, end, sejong in token.morphemes
            ]
            for text in texts
        ]

    def morpheme_spans(self, texts: Iterable[str], *, workers: int = 1) -> Iterator[list[Span]]:
        """Yield the disjoint spans of each text's morphemes; see `korlm.morph.base.Analyzer`.

        MeCab itself takes three quarters of the time (1.4 of 1.9 s for 722,000 characters of reviews).
        """
        for text in texts:
            yield [
                (position + start, position + end)
                for position, token in _iter_tokens(text)
                for start, end in token.spans
            ]


def mecab_surfaces(text: str) -> list[str]:
    """Return the surfaces of MeCab's tokens: the output of ``mecab -Owakati``, over which BLEU for Korean is computed.

    >>> mecab_surfaces("밥을 먹었어요.")
    ['밥', '을', '먹', '었', '어요', '.']

    Raises:
        MissingDependencyError, AnalyzerError: see `MecabAnalyzer.analyze`.
    """
    return [line.split("\t", 1)[0] for _, chunk in _split_text(text) for line in _run_mecab(chunk)]


def _iter_tokens(text: str) -> Iterator[tuple[int, MecabToken]]:
    """Yield the tokens of a text with their positions."""
    for position, chunk in _split_text(text):
        for line in _run_mecab(chunk):
            token = _parse_token_line(line)
            position = text.index(token.surface, position)
            yield position, token
            position += len(token.surface)


def _split_text(text: str) -> Iterable[tuple[int, str]]:
    """Return offset and text of each chunk to analyze."""
    body = _UNANALYZABLE.sub(" ", text)
    return split_long_text(body, MAX_CHUNK_CHARACTERS) if len(body) > MAX_CHUNK_CHARACTERS else [(0, body)]


def _run_mecab(text: str) -> list[str]:
    """Return MeCab's output for a text: per token a line of its surface, a tab, and eight features."""
    tagger, make_lattice = _load_tagger()
    lattice = make_lattice(text)
    if not tagger.parse(lattice):
        raise AnalyzerError(
            f"MeCab이 글을 분석하지 못했습니다: {lattice.what()}. 글을 나누어 다시 해 보세요.",
            f"MeCab could not analyze the text: {lattice.what()}. Split the text and try again.",
        )
    return lattice.to_string().split("\n")[:-2]  # without the EOS line and the empty string after it


@lru_cache(maxsize=1)
def _load_tagger() -> tuple[Any, Callable[[str], Any]]:
    """Return MeCab's tagger and the function that creates the lattice of a text."""
    if missing := mecab_install_hint():
        raise MissingDependencyError(
            f"MeCab이 설치되어 있지 않습니다. 다음 명령으로 설치하세요: {missing}",
            f"MeCab is not installed. Install it with: {missing}",
        )
    try:
        from mecab import MeCab  # type: ignore[import-untyped,unused-ignore]
        from mecab.utils import create_lattice  # type: ignore[import-untyped,unused-ignore]

        return MeCab()._tagger, create_lattice
    except Exception as error:
        raise AnalyzerError(
            f"MeCab을 시작하지 못했습니다({error}). 다음 명령으로 다시 설치하세요: {INSTALL_MECAB}",
            f"MeCab could not start ({error}). Install it again with: {INSTALL_MECAB}",
        ) from error


@lru_cache(maxsize=1 << 15)
def _parse_token_line(line: str) -> MecabToken:
    """Parse a line of MeCab's output; cached, since most lines repeat.

    >>> _parse_token_line("은\\tJX,*,T,은,*,*,*,*")
    MecabToken(surface='은', morphemes=(Morpheme(form='은', tag='JX', start=0, end=1, sejong='JX'),), spans=[(0, 1)])
    """
    surface, features = line.split("\t")
    tag, _, _, _, kind, _, _, expression = features.split(",")
    parts = [part.split("/") for part in expression.split("+")] if kind == "Inflect" else [[surface, tag, ""]]
    morphemes = _place_morphemes(surface, [(part[0], part[1]) for part in parts])
    return MecabToken(surface, morphemes, merge_spans((start, end) for _, _, start, end, _ in morphemes))


def _place_morphemes(surface: str, tagged_forms: list[tuple[str, str]]) -> tuple[Morpheme, ...]:
    """Return the morphemes of a token with spans that together cover it.

    A morpheme that `align_morphemes` cannot place (the 이 of 학교라는, the ㄹ of 알) shares the adjacent character.

    >>> [(m.form, m.start, m.end) for m in _place_morphemes("걸어갔", [("걷", "VV"), ("어", "EC"), ("가", "VX"), ("았", "EP")])]
    [('걷', 0, 1), ('어', 1, 2), ('가', 2, 3), ('았', 2, 3)]
    >>> [(m.form, m.start, m.end) for m in _place_morphemes("라는", [("이", "VCP"), ("라는", "ETM")])]
    [('이', 0, 1), ('라는', 0, 2)]
    """
    aligned = align_morphemes(surface, tagged_forms)
    spans: list[Span] = []
    for form, tag in tagged_forms:
        if aligned and aligned[0][:2] == (form, tag):
            spans.append((aligned[0].start, aligned[0].end))
            del aligned[0]
        else:
            last = spans[-1][1] if spans else 1
            spans.append((last - 1, last))
    # A gap joins the morpheme before it, one at the start of the token the first morpheme.
    spans[0] = (0, spans[0][1])
    ends = [max(end, start) for (_, end), (start, _) in itertools.pairwise([*spans, (len(surface), 0)])]
    return tuple(
        Morpheme(form, tag, start, end, to_sejong("mecab", tag))
        for (form, tag), (start, _), end in zip(tagged_forms, spans, ends, strict=True)
    )
