"""Segmenter of the morpheme unit: an analyzer's morphemes as a partition of the text.

Morphemes that share a syllable (했 = 하 + 었) are one segment that lists them, so that the segments, joined, are the text.
With ``split="jamo"`` such a segment is split inside the syllable if its jamo allow (갔 → 가, ㅆ), still losslessly.

    >>> from korlm.morph.base import Morpheme
    >>> merged = merge_morphemes([Morpheme("하", "VV", 0, 1), Morpheme("었", "EP", 0, 1), Morpheme("다", "EF", 1, 2)])
    >>> [(segment.start, segment.end, segment.tag) for segment in merged]
    [(0, 1, 'VV+EP'), (1, 2, 'EF')]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from korlm.errors import InputError
from korlm.morph.base import Analyzer, Morpheme
from korlm.text.hangul import CONJOINING_TAILS
from korlm.text.spans import Span, gap_spans, join_spaces
from korlm.tokenizers.encoding import Segment
from korlm.tokenizers.segmenters.base import Segmenter
from korlm.tokenizers.syllable_splitting import escape_typed_jamo, split_within_syllables

SPLIT_MODES = ("", "jamo")
_BATCH_SIZE = 2_000  # texts passed to an analyzer at once: keeps its workers busy, and still streams


class MorphemeSegmenter(Segmenter):
    """Splits at an analyzer's morpheme boundaries between syllables.

    Args:
        analyzer: the morphological analyzer.
        split: ``"jamo"`` to split inside syllables as well; lookup strings then hold single final consonants.
        analyzer_options: the analyzer's options, as plain values, for `options`.

    Raises:
        InputError: an unknown ``split``.
    """

    unit = "morpheme"

    def __init__(self, analyzer: Analyzer, *, split: str = "", analyzer_options: dict[str, Any] | None = None) -> None:
        if split not in SPLIT_MODES:
            raise InputError(
                f"split은 비우거나 'jamo'여야 합니다 (받은 값: {split!r}).",
                f"split must be empty or 'jamo', not {split!r}.",
            )
        self.analyzer = analyzer
        self.split = split
        self.analyzer_options = analyzer_options or {}
        self.conjoining_jamo = CONJOINING_TAILS if split else ()

    @property
    def options(self) -> dict[str, Any]:
        """The split mode and the analyzer's options, where there are any."""
        return ({"split": self.split} if self.split else {}) | (
            {"analyzer": self.analyzer_options} if self.analyzer_options else {}
        )

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        """Yield the segments of each text; morphemes that share a syllable are one segment."""
        for start in range(0, len(texts), _BATCH_SIZE):
            batch = texts[start : start + _BATCH_SIZE]
            for text, morphemes in zip(batch, self.analyzer.analyze(batch, workers=workers), strict=True):
                merged = merge_morphemes(morphemes)
                morphemes_by_end = {segment.end: segment.morphemes for segment in merged}
                spans = join_spaces(text, [(segment.start, segment.end) for segment in merged])
                yield [Segment(start, end, morphemes_by_end.get(end, ())) for start, end in spans]

    def iter_lookup_strings(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[str]]:
        """Yield the lookup strings of each text; without ``split`` only spans are analyzed, which is faster."""
        if self.split:
            for text, segments in zip(texts, self.segment(texts, workers=workers), strict=True):
                escaped = escape_typed_jamo(text)
                yield [string for segment in segments for string in self.lookup_strings(escaped, segment)]
            return
        for text, spans in zip(texts, self.analyzer.morpheme_spans(texts, workers=workers), strict=True):
            yield span_texts(text, spans)

    def lookup_strings(self, escaped_text: str, segment: Segment) -> list[str]:
        """Return the text of a segment, or with ``split`` its parts inside syllables."""
        if self.split and len(segment.morphemes) > 1:
            return split_within_syllables(escaped_text, segment.start, segment.end, segment.morphemes)
        return super().lookup_strings(escaped_text, segment)

    def dependency_versions(self) -> list[str]:
        """Return the split mode, if any, and the version of the analyzer."""
        split = [f"split:{self.split}"] if self.split else []
        return [*split, f"{self.analyzer.name}:{self.analyzer.version}"]


def merge_morphemes(morphemes: Sequence[Morpheme]) -> list[Segment]:
    """Merge overlapping morphemes, sorted by start, into segments that list them."""
    merged: list[Segment] = []
    for morpheme in morphemes:
        if merged and morpheme.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Segment(last.start, max(last.end, morpheme.end), (*last.morphemes, morpheme))
        else:
            merged.append(Segment(morpheme.start, morpheme.end, (morpheme,)))
    return merged


def span_texts(text: str, spans: Sequence[Span]) -> list[str]:
    """Return the texts of the spans of `join_spaces`, faster if all gaps are empty or one space.

    >>> span_texts("나랑 쇼핑하자.", [(0, 1), (1, 2), (3, 5), (5, 8)])
    ['나', '랑', ' 쇼핑', '하자.']
    """
    texts: list[str] = []
    position = 0
    for start, end in spans:
        if start != position and (start != position + 1 or text[position] != " " or text[start].isspace()):
            return [text[first:last] for first, last in join_spaces(text, spans)]
        texts.append(text[position:end])
        position = end
    if position != len(text):
        texts += [text[first:last] for first, last in gap_spans(text, position, len(text))]
    return texts
