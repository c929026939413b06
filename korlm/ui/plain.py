"""What passes between the service and what draws it: plain values, no tokenizer and no model in them.

>>> Piece(0, 1, (), (("하", "VV"), ("었", "EP"))).tag
'VV+EP'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from korlm.errors import KorlmError


class Token(NamedTuple):
    """One id: its number, how it is shown, and the code points that it stands on."""

    id: int
    text: str
    start: int
    end: int


class Piece(NamedTuple):
    """One cut of a tokenizer's unit, with the ids that it became.

    Attributes:
        start: first code point.
        end: one past the last.
        tokens: its ids; several where the vocabulary lacks the piece.
        morphemes: (form, tag) of each, for morpheme units.
        fallback: whether it fell back to syllables or bytes.
    """

    start: int
    end: int
    tokens: tuple[Token, ...]
    morphemes: tuple[tuple[str, str], ...] = ()
    fallback: bool = False

    @property
    def tag(self) -> str:
        """Tags of the morphemes joined by ``+``, or nothing."""
        return "+".join(tag for _, tag in self.morphemes)


@dataclass(frozen=True)
class Counts:
    """How one tokenizer spends the text; every figure covers the whole of it."""

    pieces: int
    ids: int
    ids_per_eojeol: float | None
    characters_per_id: float | None
    byte_ids: int
    fallback: int
    vocabulary: int


@dataclass(frozen=True)
class Lane:
    """One tokenizer's cut of the text, or the error that kept it from one."""

    name: str
    unit: str
    pieces: tuple[Piece, ...] = ()
    counts: Counts | None = None
    error: KorlmError | None = None


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model without loading it; `bits` are bits per character on validation or test text."""

    name: str
    tokenizer: str
    unit: str
    cell: str
    parameters: int
    bits: float | None
