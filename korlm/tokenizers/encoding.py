"""What a tokenizer gives: an `Encoding`, ids with where each stands, and the `Segment`s that its unit cut before them.

>>> Segment(0, 2, (Morpheme("하", "VV", 0, 1), Morpheme("었", "EP", 0, 1))).tag
'VV+EP'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from korlm.morph.base import Morpheme
from korlm.text.spans import Span


class Segment(NamedTuple):
    """One cut of the unit, before the vocabulary: a stretch of the text and the morphemes that it carries.

    Attributes:
        start: first code point.
        end: one past the last.
        morphemes: in order; several where they share a syllable (했 = 하 + 었), none for other units.
    """

    start: int
    end: int
    morphemes: tuple[Morpheme, ...] = ()

    @property
    def tag(self) -> str | None:
        """Tags of the morphemes joined by ``+``, or None."""
        return "+".join(morpheme.tag for morpheme in self.morphemes) or None


@dataclass(frozen=True)
class Encoding:
    """One text as ids, with where each id stands in the caller's string.

    Attributes:
        text: the caller's string.
        ids: token ids, ``n`` of them.
        tokens: ``n`` strings; a byte of a character is written ``<0xEA>``.
        spans: ``n`` half-open code-point offsets; bytes of one character share its span.
        segments: the unit's own cuts before the fallback to syllables and bytes; they partition the text.
        segment_of: for each id, the index of its segment.
    """

    text: str
    ids: list[int]
    tokens: list[str]
    spans: list[Span]
    segments: list[Segment] = field(repr=False)
    segment_of: list[int] = field(repr=False)

    @property
    def pieces(self) -> list[str]:
        """Another name of `tokens`."""
        return self.tokens

    @property
    def tags(self) -> list[str | None]:
        """For each id, the part-of-speech tags of its segment (``VV+EP``), or None."""
        return [self.segments[index].tag for index in self.segment_of]

    @property
    def segment_texts(self) -> list[str]:
        """For each segment the text that it covers."""
        return [self.text[segment[0] : segment[1]] for segment in self.segments]

    def __len__(self) -> int:
        return len(self.ids)


def token_spans(
    surfaces: Sequence[str | None],
    text: str,
    ids: Sequence[int],
    start: int = 0,
    joining_jamo: frozenset[str] = frozenset(),
) -> list[Span]:
    """Return the span of each id: they stand one after the other in ``text`` from ``start`` on.

    Args:
        surfaces: for each id of the vocabulary its text, or None for a lone byte.
        text: the caller's string.
        ids: what a stretch of it became, without loss.
        start: where the stretch begins.
        joining_jamo: letters that stand on the character before them.
    """
    spans: list[Span] = []
    position, left = start, 0  # `left`: bytes of the character at `position` still to come
    for number in ids:
        surface = surfaces[number]
        if surface is None:
            left = left or len(text[position].encode())
            spans.append((position, position + 1))
            left -= 1
            position += left == 0
            continue
        begin = position
        if joining_jamo:
            begin -= surface[0] in joining_jamo
            position += sum(character not in joining_jamo for character in surface)
        else:
            position += len(surface)
        spans.append((begin, position))
    return spans


def segment_indices(spans: Sequence[Span], segments: Sequence[Segment]) -> list[int]:
    """Return, for each span, the index of the segment that it begins in."""
    found: list[int] = []
    index = 0
    for start, _ in spans:
        while segments[index].end <= start and index + 1 < len(segments):
            index += 1
        found.append(index)
    return found
