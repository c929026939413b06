"""Counts of one encoded text, the ground of every comparison.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> tokenizer = load_tokenizer("byte")
>>> measure(tokenizer.encode("가 나"), tokenizer)
Counts(characters=3, eojeol=2, segments=3, ids=7, byte_ids=7, unknown_segments=0)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from korlm.text.spans import eojeol_spans
from korlm.tokenizers.base import FIRST_BYTE, FIRST_PIECE, Encoding, Tokenizer


@dataclass(frozen=True)
class Counts:
    """What one tokenizer made of one text.

    Attributes:
        characters: code points of the text.
        eojeol: stretches between whitespace.
        segments: the unit's own cuts, before the vocabulary.
        ids: after the fallback to syllables and bytes: what a model reads.
        byte_ids: ids that are a lone byte.
        unknown_segments: segments that the vocabulary lacks as they are (`Tokenizer.unknown`).
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


def measure(encoding: Encoding, tokenizer: Tokenizer | None = None, *, bytes_are_pieces: bool = False) -> Counts:
    """Count one encoding.

    Args:
        encoding: a tokenizer's.
        tokenizer: the one that made it.
        bytes_are_pieces: the old way, without ``tokenizer``: none is unknown.
    """
    if tokenizer is not None:
        lone = set(tokenizer.byte_ids.values())
        unknown = tokenizer.unknown(encoding)
    else:
        lone = set(range(FIRST_BYTE, FIRST_PIECE))
        unknown = set() if bytes_are_pieces else unknown_segments(encoding)
    return Counts(
        characters=len(encoding.text),
        eojeol=len(eojeol_spans(encoding.text)),
        segments=len(encoding.segments),
        ids=len(encoding.ids),
        byte_ids=sum(number in lone for number in encoding.ids),
        unknown_segments=len(unknown),
    )


def unknown_segments(encoding: Encoding) -> set[int]:
    """Return the segments that took more than one id, or bytes. Use `Tokenizer.unknown` instead."""
    sizes = Counter(encoding.segment_of)
    pairs = zip(encoding.ids, encoding.segment_of, strict=True)
    in_bytes = {owner for number, owner in pairs if FIRST_BYTE <= number < FIRST_PIECE}
    return {owner for owner, size in sizes.items() if size > 1} | in_bytes
