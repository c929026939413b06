"""What passes between the service and what draws it: plain values, no tokenizer and no model in them.

>>> Piece(0, 1, (), (Morph("하", "하다", "VV"), Morph("었", "었", "EP"))).tag
'VV+EP'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from korlm.errors import KorlmError

INSIDE = ("inside_syllable", "inside_bytes")  # verdicts of cuts that have no place between two characters
VERDICTS = ("boundary", "inside_morpheme", *INSIDE)
GROUPS = ("noun", "verb", "modifier", "particle", "ending", "affix", "symbol", "other")


class Token(NamedTuple):
    """One id: its number, how it is shown, the code points that it stands on, its bytes, and its place in the lane."""

    id: int
    text: str
    start: int
    end: int
    data: bytes = b""
    place: int = 0


class Morph(NamedTuple):
    """One morpheme: form and dictionary form, the analyzer's own tag, the Sejong tag, one of `GROUPS`, its span."""

    form: str
    lemma: str
    tag: str
    sejong: str = ""
    group: str = "other"
    start: int = 0
    end: int = 0


class Piece(NamedTuple):
    """One cut of a tokenizer's unit, with the ids that it became.

    Attributes:
        start: first code point.
        end: one past the last.
        tokens: its ids; several where the vocabulary lacks the piece or the unit cuts inside characters.
        morphemes: in order, for morpheme units.
        fallback: whether it fell back to syllables or bytes.
        bits: its surprisal under a model, or None where nothing was scored.
        under: what stands under it in place of its tags.
    """

    start: int
    end: int
    tokens: tuple[Token, ...]
    morphemes: tuple[Morph, ...] = ()
    fallback: bool = False
    bits: float | None = None
    under: str = ""

    @property
    def each(self) -> float:
        """Bits per character."""
        return (self.bits or 0.0) / max(1, self.end - self.start)

    @property
    def tag(self) -> str:
        """Tags of the morphemes joined by ``+``, or nothing."""
        return "+".join(morph.tag for morph in self.morphemes)


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
    """One tokenizer's cut of the text, or the error that kept it from one.

    Attributes:
        name: the tokenizer's; `MINE` or `TUNED` for Kiwi as the visitor has set it.
        cuts: where a piece of the unit begins inside an eojeol.
        lonely: those of them that no other lane has.
        verdicts: for each lane that can be the reference, what the cut before each id is; empty for the first id.
    """

    name: str
    unit: str
    pieces: tuple[Piece, ...] = ()
    counts: Counts | None = None
    error: KorlmError | None = None
    cuts: frozenset[int] = frozenset()
    lonely: frozenset[int] = frozenset()
    verdicts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def verdict(self, token: Token, reference: str) -> str:
        """Return what the cut before an id is against a reference, or nothing."""
        known = self.verdicts.get(reference, ())
        return known[token.place] if token.place < len(known) else ""


MINE, TUNED = "kiwi*", "kiwi**"  # the lane of Kiwi with the visitor's words, or with switches alone


@dataclass(frozen=True)
class KiwiSettings:
    """What a visitor changed of Kiwi: user words as they were typed, and four switches."""

    words: str = ""
    typos: bool = False
    coda: bool = False
    compounds: bool = False
    letters: bool = False

    @property
    def active(self) -> bool:
        """Whether anything differs from plain Kiwi."""
        return bool(self.words.strip()) or any(self.switches)

    @property
    def lane(self) -> str:
        """The name of the lane that shows it; nothing for plain Kiwi."""
        return (MINE if self.words.strip() else TUNED) if self.active else ""

    @property
    def switches(self) -> tuple[bool, bool, bool, bool]:
        """The four switches in the order of `SWITCHES`."""
        return self.typos, self.coda, self.compounds, self.letters


SWITCHES = ("typos", "coda", "compounds", "letters")


@dataclass(frozen=True)
class Look:
    """How a comparison is drawn: against which reference, in which colours, which forms, which language."""

    reference: str = "kiwi"
    color: str = "pos"
    form: str = "surface"
    language: str = "ko"


@dataclass(frozen=True)
class Compared:
    """One press of the button: what was asked, and what came of it; drawn again for another `Look`.

    Attributes:
        text: the text that was cut.
        names: the tokenizers chosen.
        settings: of the second Kiwi lane.
        lanes: one for each tokenizer, in the view's order.
        agreement: for each pair of lanes without error the share of common cuts.
        stress: what was done to the text before, or nothing.
        original: the text before that.
        before: for each lane, its ids on the original text.
        waiting: tokenizers that are still being loaded.
        error: what kept anything from being shown.
    """

    text: str = ""
    names: tuple[str, ...] = ()
    settings: KiwiSettings = KiwiSettings()
    lanes: tuple[Lane, ...] = ()
    agreement: tuple[tuple[float, ...], ...] = ()
    stress: str = ""
    original: str = ""
    before: Mapping[str, int] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    error: KorlmError | None = None

    @property
    def good(self) -> list[Lane]:
        """The lanes that could be cut."""
        return [lane for lane in self.lanes if not lane.error]

    @property
    def references(self) -> list[str]:
        """The lanes that verdicts can be given against."""
        return [lane.name for lane in self.good if lane.unit == "morpheme"]

    def reference(self, wanted: str) -> str:
        """Return the reference to use: the one that is wanted, else Kiwi, else the first; nothing where none is."""
        found = self.references
        if not wanted or wanted in found or not found:
            return wanted if wanted in found else ""
        return "kiwi" if "kiwi" in found else found[0]


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model without loading it.

    Attributes:
        name: what it is called here.
        tokenizer: the tokenizer's name.
        unit: the tokenizer's unit.
        cell: ``gru``, ``lstm`` and so on.
        parameters: number of weights.
        bits: bits per character on test text, else the best on validation text; None where none was measured.
        tested: whether `bits` are of test text.
        vocabulary: number of ids.
        layers: ``L``.
        hidden: ``H``.
        corpus: what it learnt from, in Korean and English, or nothing.
        failing: what it learnt there that it should not have, in Korean and English, or nothing.
        lines: how many lines of it.
        licence: of the weights, or nothing.
        attention: whether it is an encoder-decoder.
    """

    name: str
    tokenizer: str
    unit: str
    cell: str
    parameters: int
    bits: float | None
    tested: bool = True
    vocabulary: int = 0
    layers: int = 1
    hidden: int = 0
    corpus: tuple[str, str] = ("", "")
    failing: tuple[str, str] = ("", "")
    lines: int = 0
    licence: str = ""
    attention: bool = False


class Way(NamedTuple):
    """One way to cut a line.

    Attributes:
        pieces: the text of each.
        share: how probable it is, given the line.
        own: the tokenizer gives it.
    """

    pieces: tuple[str, ...]
    share: float
    own: bool


class Wrote(NamedTuple):
    """One piece that a model wrote.

    Attributes:
        text: the piece as it is shown.
        delta: the text that it made certain; empty while a character is not whole.
        bits: its surprisal under the model's own distribution.
        drawn: the probability with which it was chosen, after temperature and filters.
        others: the most probable pieces with their probabilities.
        ends: it is the end of the text.
    """

    text: str
    delta: str
    bits: float
    drawn: float
    others: tuple[tuple[str, float], ...] = ()
    ends: bool = False
