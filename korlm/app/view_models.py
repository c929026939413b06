"""What passes between the service and what draws it: plain values, no tokenizer and no model in them.

>>> DisplaySegment(0, 1, (), (DisplayMorpheme("하", "하다", "VV"), DisplayMorpheme("었", "었", "EP"))).tag
'VV+EP'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from korlm.errors import KorlmError

INSIDE_CHARACTER_TYPES = (
    "inside_syllable",
    "inside_bytes",
)  # verdicts of cuts that have no place between two characters
BOUNDARY_TYPES = ("boundary", "inside_morpheme", *INSIDE_CHARACTER_TYPES)
TAG_GROUPS = ("noun", "verb", "modifier", "particle", "ending", "affix", "symbol", "other")


class DisplayToken(NamedTuple):
    """One id: its number, how it is shown, the code points that it stands on, its bytes, and its place in the lane."""

    id: int
    text: str
    start: int
    end: int
    data: bytes = b""
    position: int = 0


class DisplayMorpheme(NamedTuple):
    """One morpheme: form and dictionary form, the analyzer's own tag, the Sejong tag, one of `TAG_GROUPS`, its span."""

    form: str
    lemma: str
    tag: str
    sejong: str = ""
    group: str = "other"
    start: int = 0
    end: int = 0


class DisplaySegment(NamedTuple):
    """One cut of a tokenizer's unit, with the ids that it became.

    Attributes:
        start: first code point.
        end: one past the last.
        tokens: its ids; several where the vocabulary lacks the piece or the unit cuts inside characters.
        morphemes: in order, for morpheme units.
        fallback: whether it fell back to syllables or bytes.
        bits_per_character: its surprisal under a model, or None where nothing was scored.
        caption: what stands under it in place of its tags.
    """

    start: int
    end: int
    tokens: tuple[DisplayToken, ...]
    morphemes: tuple[DisplayMorpheme, ...] = ()
    fallback: bool = False
    bits: float | None = None
    caption: str = ""

    @property
    def bits_per_character(self) -> float:
        """Bits per character."""
        return (self.bits or 0.0) / max(1, self.end - self.start)

    @property
    def tag(self) -> str:
        """Tags of the morphemes joined by ``+``, or nothing."""
        return "+".join(morph.tag for morph in self.morphemes)


@dataclass(frozen=True)
class LaneCounts:
    """How one tokenizer spends the text; every figure covers the whole of it."""

    pieces: int
    ids: int
    ids_per_eojeol: float | None
    characters_per_id: float | None
    byte_ids: int
    fallback: int
    vocabulary: int


@dataclass(frozen=True)
class DisplayLane:
    """One tokenizer's cut of the text, or the error that kept it from one.

    Attributes:
        name: the tokenizer's; `USER_WORDS_LANE` or `SWITCHES_LANE` for Kiwi as the visitor has set it.
        boundaries: where a piece of the unit begins inside an eojeol.
        unique_boundaries: those of them that no other lane has.
        boundary_types: for each lane that can be the reference, what the cut before each id is; empty for the first id.
    """

    name: str
    unit: str
    segments: tuple[DisplaySegment, ...] = ()
    counts: LaneCounts | None = None
    error: KorlmError | None = None
    boundaries: frozenset[int] = frozenset()
    unique_boundaries: frozenset[int] = frozenset()
    boundary_types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def boundary_type(self, token: DisplayToken, reference: str) -> str:
        """Return what the cut before an id is against a reference, or nothing."""
        known = self.boundary_types.get(reference, ())
        return known[token.position] if token.position < len(known) else ""


USER_WORDS_LANE, SWITCHES_LANE = "kiwi*", "kiwi**"  # the lane of Kiwi with the visitor's words, or with switches alone


@dataclass(frozen=True)
class KiwiSettings:
    """What a visitor changed of Kiwi: user words as they were typed, and four switches."""

    words: str = ""
    typos: bool = False
    coda: bool = False
    compounds: bool = False
    letters: bool = False

    @property
    def is_active(self) -> bool:
        """Whether anything differs from plain Kiwi."""
        return bool(self.words.strip()) or any(self.switches)

    @property
    def lane_name(self) -> str:
        """The name of the lane that shows it; nothing for plain Kiwi."""
        return (USER_WORDS_LANE if self.words.strip() else SWITCHES_LANE) if self.is_active else ""

    @property
    def switches(self) -> tuple[bool, bool, bool, bool]:
        """The four switches in the order of `KIWI_SWITCHES`."""
        return self.typos, self.coda, self.compounds, self.letters


KIWI_SWITCHES = ("typos", "coda", "compounds", "letters")


@dataclass(frozen=True)
class ViewOptions:
    """How a comparison is drawn: against which reference, in which colours, which forms, which language."""

    reference: str = "kiwi"
    color: str = "pos"
    form: str = "surface"
    language: str = "ko"


@dataclass(frozen=True)
class TextComparison:
    """One press of the button: what was asked, and what came of it; drawn again for another `ViewOptions`.

    Attributes:
        text: the text that was cut.
        names: the tokenizers chosen.
        settings: of the second Kiwi lane.
        lanes: one for each tokenizer, in the view's order.
        agreement: for each pair of lanes without error the share of common cuts.
        perturbation: what was done to the text before, or nothing.
        original_text: the text before that.
        ids_before: for each lane, its ids on the original text.
        pending: tokenizers that are still being loaded.
        error: what kept anything from being shown.
    """

    text: str = ""
    names: tuple[str, ...] = ()
    settings: KiwiSettings = KiwiSettings()
    lanes: tuple[DisplayLane, ...] = ()
    agreement: tuple[tuple[float, ...], ...] = ()
    perturbation: str = ""
    original_text: str = ""
    ids_before: Mapping[str, int] = field(default_factory=dict)
    pending: tuple[str, ...] = ()
    error: KorlmError | None = None

    @property
    def valid_lanes(self) -> list[DisplayLane]:
        """The lanes that could be cut."""
        return [lane for lane in self.lanes if not lane.error]

    @property
    def reference_names(self) -> list[str]:
        """The lanes that verdicts can be given against."""
        return [lane.name for lane in self.valid_lanes if lane.unit == "morpheme"]

    def choose_reference(self, wanted: str) -> str:
        """Return the reference to use: the one that is wanted, else Kiwi, else the first; nothing where none is."""
        found = self.reference_names
        if not wanted or wanted in found or not found:
            return wanted if wanted in found else ""
        return "kiwi" if "kiwi" in found else found[0]


def display_tokens(encoding: Any, tokenizer: Any, offset: int = 0) -> list[DisplayToken]:
    """Return the ids of an `Encoding`, ``offset`` characters further on."""
    rows = zip(encoding.ids, encoding.tokens, encoding.spans, strict=True)
    return [
        DisplayToken(number, text, offset + start, offset + end, tokenizer.token_bytes[number], index)
        for index, (number, text, (start, end)) in enumerate(rows)
    ]


def display_segments(encoding: Any, tokenizer: Any, coarse_tag_of: Callable[[str], str]) -> tuple[DisplaySegment, ...]:
    """Return the segments of an `Encoding` with their ids; ``coarse_tag_of`` gives the group of a tag."""
    tokens: list[list[DisplayToken]] = [[] for _ in encoding.segments]
    for token, owner in zip(display_tokens(encoding, tokenizer), encoding.segment_of, strict=True):
        tokens[owner].append(token)
    unknown = tokenizer.oov_segments(encoding)
    return tuple(
        DisplaySegment(
            segment.start,
            segment.end,
            tuple(own),
            tuple(_display_morpheme(morpheme, coarse_tag_of) for morpheme in segment.morphemes),
            index in unknown,
        )
        for index, (segment, own) in enumerate(zip(encoding.segments, tokens, strict=True))
    )


def _display_morpheme(morpheme: Any, coarse_tag_of: Callable[[str], str]) -> DisplayMorpheme:
    form, tag, start, end, sejong = morpheme
    return DisplayMorpheme(form, morpheme.lemma, tag, sejong, coarse_tag_of(sejong or tag), start, end)


def display_counts(measured: Any, tokenizer: Any) -> LaneCounts:
    """Return what `korlm.evaluation.token_counts.measure` counted."""
    return LaneCounts(
        pieces=measured.segments,
        ids=measured.ids,
        ids_per_eojeol=measured.fertility if measured.eojeol else None,
        characters_per_id=measured.characters_per_id if measured.ids else None,
        byte_ids=measured.byte_ids,
        fallback=measured.unknown_segments,
        vocabulary=tokenizer.vocab_size,
    )
