"""The morpheme unit: an analyzer's morphemes as a partition of the text.

Morphemes that share a syllable (했 = 하 + 었) are one piece that lists them, so that the pieces, joined, are the text.

    >>> from korlm.morph.base import Morpheme
    >>> merged = merge([Morpheme("하", "VV", 0, 1), Morpheme("었", "EP", 0, 1), Morpheme("다", "EF", 1, 2)])
    >>> [(segment.start, segment.end, segment.tag) for segment in merged]
    [(0, 1, 'VV+EP'), (1, 2, 'EF')]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from korlm.morph.base import Analyzer, Morpheme
from korlm.text.spans import join_spaces
from korlm.tokenizers.base import Segment

_BATCH = 2_000  # texts handed to an analyzer at once: enough to keep its workers busy, little enough to stream


class MorphemeSegmenter:
    """Cuts where an analyzer puts morpheme boundaries between syllables.

    Args:
        analyzer: the morphological analyzer.
    """

    unit = "morpheme"

    def __init__(self, analyzer: Analyzer) -> None:
        self.analyzer = analyzer

    def segment(self, texts: Sequence[str], *, workers: int = 1) -> Iterator[list[Segment]]:
        for first in range(0, len(texts), _BATCH):
            batch = texts[first : first + _BATCH]
            for text, morphemes in zip(batch, self.analyzer.analyze(batch, workers=workers), strict=True):
                yield _partition(text, merge(morphemes))

    def versions(self) -> list[str]:
        return [f"{self.analyzer.name}:{self.analyzer.version}"]


def merge(morphemes: Sequence[Morpheme]) -> list[Segment]:
    """Merge morphemes (by rising start) that overlap into segments that list them."""
    merged: list[Segment] = []
    for morpheme in morphemes:
        if merged and morpheme.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Segment(last.start, max(last.end, morpheme.end), (*last.morphemes, morpheme))
        else:
            merged.append(Segment(morpheme.start, morpheme.end, (morpheme,)))
    return merged


def _partition(text: str, segments: list[Segment]) -> list[Segment]:
    owner = {segment.end: segment.morphemes for segment in segments}
    spans = join_spaces(text, [(segment.start, segment.end) for segment in segments])
    return [Segment(start, end, owner.get(end, ())) for start, end in spans]
