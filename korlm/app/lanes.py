"""One text under several tokenizers: a `Lane` per tokenizer, Kiwi as a visitor configured it, and the comparison.

>>> lane = build_lane("byte", "가", load_tokenizer("byte"))
>>> lane.counts.ids, [list(indices) for indices in lane.token_indices], len(compare_lanes([lane])[0])
(3, [[0, 1, 2]], 1)
"""

from __future__ import annotations

import functools
import itertools
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from korlm.app.limits import MAX_CUSTOM_WORDS, too_many_words_error, unexpected_error
from korlm.app.widgets.surprisal import round_preserving_sum
from korlm.errors import KorlmError
from korlm.evaluation.boundaries import agreement_matrix, boundary_types, segment_boundaries, unique_boundaries
from korlm.evaluation.token_counts import TokenCounts, count_tokens
from korlm.morph.user_words import parse_user_words
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding, Segment
from korlm.tokenizers.registry import load_tokenizer

_log = logging.getLogger(__name__)

_SPACED_TAG = re.compile(r"^(.*\S)[ \t]+([A-Z][A-Z_]+(?:-[RI])?)[ \t]*$", re.MULTILINE)  # 낱말 NNP, as people type it
USER_WORDS_LANE, SWITCHES_LANE = "kiwi*", "kiwi**"  # names of the second Kiwi lane
KIWI_SWITCHES = ("typos", "coda", "compounds", "letters")


@dataclass(frozen=True)
class Lane:
    """One row of the drawing: a text as one tokenizer encodes it, or the error."""

    name: str  # the tokenizer or the model; `USER_WORDS_LANE` or `SWITCHES_LANE` for Kiwi as the visitor configured it
    unit: str  # the tokenizer's unit
    encoding: Encoding | None = None  # None where encoding failed
    token_bytes: tuple[bytes, ...] = ()  # UTF-8 bytes of each token; empty for special tokens
    oov_segments: frozenset[int] = frozenset()  # indices of the segments that are not in the vocabulary
    counts: TokenCounts | None = None  # of the whole text; None where nothing is counted
    vocab_size: int = 0  # number of tokens in the vocabulary
    segment_bits: tuple[float, ...] = ()  # surprisal of each segment under a model; empty where nothing is scored
    error: KorlmError | None = None  # why there is no encoding
    boundaries: frozenset[int] = frozenset()  # offsets inside eojeol where a segment begins
    unique_boundaries: frozenset[int] = frozenset()  # the boundaries that no other lane has
    # for each reference lane, the type of the boundary before each token; empty before the first
    boundary_types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @functools.cached_property
    def text(self) -> str:
        """The text that is encoded."""
        return "" if self.encoding is None else self.encoding.text

    @functools.cached_property
    def segments(self) -> Sequence[Segment]:
        """The segments of the encoding."""
        return () if self.encoding is None else self.encoding.segments

    @functools.cached_property
    def token_indices(self) -> list[range]:
        """The indices of each segment's tokens, which are consecutive."""
        starts = [0] * (len(self.segments) + 1)
        for index in () if self.encoding is None else self.encoding.segment_of:
            starts[index + 1] += 1
        for index in range(len(self.segments)):
            starts[index + 1] += starts[index]
        return [range(start, end) for start, end in itertools.pairwise(starts)]

    @functools.cached_property
    def rounded_bits(self) -> list[str]:
        """The surprisal of each segment to one decimal; they add up to the rounded sum."""
        return [f"{bits:.1f}" for bits in round_preserving_sum(self.segment_bits)]

    @property
    def scored_segments(self) -> list[tuple[Segment, float]]:
        """The segments with their surprisals."""
        return list(zip(self.segments, self.segment_bits, strict=True))

    def boundary_type(self, token_index: int, reference: str) -> str:
        """Return the type of the boundary before a token, or an empty string without a reference."""
        types = self.boundary_types.get(reference, ())
        return types[token_index] if token_index < len(types) else ""


@dataclass(frozen=True)
class KiwiSettings:
    """The visitor's options of Kiwi: user words as typed, and four switches."""

    words: str = ""
    typos: bool = False
    coda: bool = False
    compounds: bool = False
    letters: bool = False

    @property
    def is_active(self) -> bool:
        """Whether any option differs from the default."""
        return bool(self.words.strip()) or any(self.switches)

    @property
    def lane_name(self) -> str:
        """The name of the second Kiwi lane; empty for the default options."""
        return (USER_WORDS_LANE if self.words.strip() else SWITCHES_LANE) if self.is_active else ""

    @property
    def switches(self) -> tuple[bool, bool, bool, bool]:
        """The switches in the order of `KIWI_SWITCHES`."""
        return self.typos, self.coda, self.compounds, self.letters


@dataclass(frozen=True)
class ViewOptions:
    """How a comparison is drawn: the reference lane, the color mode, the form mode and the language."""

    reference: str = "kiwi"
    color: str = "pos"
    form: str = "surface"
    language: str = "ko"


@dataclass(frozen=True)
class TextComparison:
    """The result of one request, which other `ViewOptions` can draw again."""

    text: str = ""  # the text that was tokenized
    names: tuple[str, ...] = ()  # the chosen tokenizers
    settings: KiwiSettings = KiwiSettings()  # of the second Kiwi lane
    lanes: tuple[Lane, ...] = ()  # one per tokenizer, in the order of the view
    agreement: tuple[tuple[float, ...], ...] = ()  # Jaccard index of the boundaries of each pair of valid lanes
    perturbation: str = ""  # applied to the text before; empty for none
    original_text: str = ""  # the text before the perturbation
    # for each lane, the number of tokens of the original text
    ids_before: Mapping[str, int] = field(default_factory=dict)
    pending: tuple[str, ...] = ()  # tokenizers that are still being loaded
    error: KorlmError | None = None  # why there is no result

    @property
    def valid_lanes(self) -> list[Lane]:
        """The lanes without an error."""
        return [lane for lane in self.lanes if not lane.error]

    @property
    def reference_names(self) -> list[str]:
        """The lanes that can be the reference: those of morphological analyzers."""
        return [lane.name for lane in self.valid_lanes if lane.unit == "morpheme"]

    def choose_reference(self, preferred: str) -> str:
        """Return ``preferred`` if it is there, else Kiwi, else the first analyzer; empty if none is wanted or there."""
        names = self.reference_names
        if not preferred or preferred in names or not names:
            return preferred if preferred in names else ""
        return "kiwi" if "kiwi" in names else names[0]


def build_lane(name: str, text: str, tokenizer: Tokenizer) -> Lane:
    """Encode a text and count its tokens."""
    encoding = tokenizer.encode(text)
    token_bytes = tuple(tokenizer.token_bytes[token_id] for token_id in encoding.ids)
    oov_segments, counts = frozenset(tokenizer.oov_segments(encoding)), count_tokens(encoding, tokenizer)
    return Lane(name, tokenizer.unit, encoding, token_bytes, oov_segments, counts, tokenizer.vocab_size)


def build_lane_or_error(name: str, unit: str, build: Callable[[], Lane]) -> Lane:
    """Return the lane that ``build`` returns, or a lane with the error that it raises."""
    try:
        return build()
    except KorlmError as error:
        return Lane(name, unit, error=error)
    except Exception:  # a crash inside one analyzer's library: the other lanes must still be drawn
        _log.exception("%s failed", name)
        return Lane(name, unit, error=unexpected_error())


def compare_lanes(lanes: Sequence[Lane]) -> tuple[tuple[Lane, ...], tuple[tuple[float, ...], ...]]:
    """Return the lanes with their boundaries and boundary types, and the agreement of the valid ones."""
    encodings = {lane.name: lane.encoding for lane in lanes if lane.encoding is not None}
    references = {lane.name: lane.encoding for lane in lanes if lane.encoding is not None and lane.unit == "morpheme"}
    boundaries = [segment_boundaries(encoding) for encoding in encodings.values()]
    unique = unique_boundaries(boundaries) if len(boundaries) > 1 else [set[int]() for _ in boundaries]
    boundaries_of = dict(zip(encodings, zip(boundaries, unique, strict=True), strict=True))

    def compare_lane(lane: Lane) -> Lane:
        if lane.encoding is None:
            return lane
        own, only_here = boundaries_of[lane.name]
        types = {name: ("", *boundary_types(lane.encoding, reference)) for name, reference in references.items()}
        return replace(lane, boundaries=frozenset(own), unique_boundaries=frozenset(only_here), boundary_types=types)

    agreement = agreement_matrix(list(encodings.values()))
    return tuple(compare_lane(lane) for lane in lanes), tuple(map(tuple, agreement))


def custom_kiwi_key(settings: KiwiSettings) -> tuple[Any, ...]:
    """Return the cache key of the visitor's Kiwi: the parsed user words and the switches.

    Raises:
        InputError: a line that is no user word, or too many of them.
    """
    words = tuple(parse_user_words(_SPACED_TAG.sub(r"\1\t\2", settings.words)))
    if len(words) > MAX_CUSTOM_WORDS:
        raise too_many_words_error(len(words))
    return words, settings.switches


def load_custom_kiwi(settings: KiwiSettings) -> Tokenizer:
    """Load Kiwi with the visitor's options, which takes seconds.

    Raises:
        InputError: see `custom_kiwi_key`.
    """
    words, (typos, coda, compounds, letters) = custom_kiwi_key(settings)
    options = {"user_words": words, "typos": "basic" * typos, "split": "jamo" * letters}
    options |= {"normalize_coda": coda, "split_compounds": compounds}
    return load_tokenizer("kiwi", **{name: value for name, value in options.items() if value})
