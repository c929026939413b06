"""The result of a tokenizer: an `Encoding` of tokens, and the `Segment`s that its unit found before the vocabulary.

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
    """A span of the text found by the unit, before the vocabulary, and its morphemes.

    Attributes:
        start: first code point.
        end: one past the last.
        morphemes: in order; several if they share a syllable (했 = 하 + 었), none for units without an analyzer.
    """

    start: int
    end: int
    morphemes: tuple[Morpheme, ...] = ()

    @property
    def tag(self) -> str | None:
        """The morphemes' tags joined by ``+``, or None."""
        return "+".join(morpheme.tag for morpheme in self.morphemes) or None


@dataclass(frozen=True)
class Encoding:
    """The tokens of one text.

    Attributes:
        text: the caller's string.
        ids: ``n`` token ids.
        tokens: ``n`` strings; a byte of a character is written ``<0xEA>``.
        spans: ``n`` half-open code-point offsets in ``text``; bytes of one character share its span.
        segments: the unit's segments, before the fallback to syllables and bytes; they partition the text.
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
        """The part-of-speech tags of each id's segment (``VV+EP``), or None."""
        return [self.segments[index].tag for index in self.segment_of]

    @property
    def segment_texts(self) -> list[str]:
        """The text of each segment."""
        return [self.text[segment.start : segment.end] for segment in self.segments]

    def __len__(self) -> int:
        return len(self.ids)


def token_spans(
    surfaces: Sequence[str | None],
    text: str,
    ids: Sequence[int],
    start: int = 0,
    joining_jamo: frozenset[str] = frozenset(),
) -> list[Span]:
    """Return the span of each id of a part of a text.

    Args:
        surfaces: the text of each id of the vocabulary, None for a single byte.
        text: the caller's string.
        ids: the lossless encoding of the part.
        start: where the part begins in ``text``.
        joining_jamo: conjoining jamo, which belong to the character before them.
    """
    spans: list[Span] = []
    position, bytes_left = start, 0  # bytes of the character at `position` still to come
    for token_id in ids:
        surface = surfaces[token_id]
        if surface is None:
            bytes_left = bytes_left or len(text[position].encode())
            spans.append((position, position + 1))
            bytes_left -= 1
            position += bytes_left == 0
            continue
        token_start = position
        if joining_jamo:
            token_start -= surface[0] in joining_jamo
            position += sum(character not in joining_jamo for character in surface)
        else:
            position += len(surface)
        spans.append((token_start, position))
    return spans


def segment_indices(spans: Sequence[Span], segments: Sequence[Segment]) -> list[int]:
    """Return the index of the segment that each span begins in."""
    indices: list[int] = []
    index = 0
    for start, _ in spans:
        while segments[index].end <= start and index + 1 < len(segments):
            index += 1
        indices.append(index)
    return indices
