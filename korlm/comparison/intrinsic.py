"""Counts of one encoded text, the ground of every comparison.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> measure(load_tokenizer("byte").encode("가 나"))
Counts(characters=3, eojeol=2, segments=3, ids=7, byte_ids=7, unknown_segments=3)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from korlm.text.spans import eojeol_spans
from korlm.tokenizers.base import Encoding, is_byte


@dataclass(frozen=True)
class Counts:
    """What one tokenizer made of one text.

    Attributes:
        characters: code points of the text.
        eojeol: stretches between whitespace.
        segments: the unit's own cuts, before the vocabulary.
        ids: after the fallback to syllables and bytes: what a model reads.
        byte_ids: ids that are a lone byte.
        unknown_segments: segments that took more than one id, or bytes: not in the vocabulary as they are.
    """

    characters: int
    eojeol: int
    segments: int
    ids: int
    byte_ids: int
    unknown_segments: int

    @property
    def fertility(self) -> float:
        """Ids per eojeol (Rust et al. 2021); 0 for a text without one."""
        return self.ids / self.eojeol if self.eojeol else 0.0

    @property
    def characters_per_id(self) -> float:
        """Characters per id; 0 for the empty text."""
        return self.characters / self.ids if self.ids else 0.0


def unknown_segments(encoding: Encoding) -> set[int]:
    """Return the indices of the segments that the vocabulary lacks: they took more than one id, or bytes."""
    sizes = Counter(encoding.segment_of)
    in_bytes = {owner for number, owner in zip(encoding.ids, encoding.segment_of, strict=True) if is_byte(number)}
    return {owner for owner, size in sizes.items() if size > 1} | in_bytes


def measure(encoding: Encoding, *, bytes_are_pieces: bool = False) -> Counts:
    """Count one encoding.

    Args:
        encoding: a tokenizer's.
        bytes_are_pieces: for the byte unit, whose pieces are bytes: none is unknown.
    """
    return Counts(
        characters=len(encoding.text),
        eojeol=len(eojeol_spans(encoding.text)),
        segments=len(encoding.segments),
        ids=len(encoding.ids),
        byte_ids=sum(map(is_byte, encoding.ids)),
        unknown_segments=0 if bytes_are_pieces else len(unknown_segments(encoding)),
    )
