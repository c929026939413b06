"""One tokenizer's cut of a text as a lane, Kiwi as a visitor has set it, and what needs all lanes together.

>>> cut = build_lane("byte", "가", load_tokenizer("byte"))
>>> cut.lane.counts.ids, len(add_cross_lane_info([cut])[0])
(3, 1)
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from korlm.app.limits import MAX_CUSTOM_WORDS, too_many_words_error, unexpected_error
from korlm.app.view_models import DisplayLane, KiwiSettings, display_counts, display_segments
from korlm.errors import KorlmError
from korlm.evaluation.boundaries import agreement_matrix, boundary_types, segment_boundaries, unique_boundaries
from korlm.evaluation.token_counts import count_tokens
from korlm.morph.tags import coarse_tag
from korlm.morph.user_words import parse_user_words
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding
from korlm.tokenizers.registry import load_tokenizer

_log = logging.getLogger(__name__)

_SPACED_TAG = re.compile(r"^(.*\S)[ \t]+([A-Z][A-Z_]+(?:-[RI])?)[ \t]*$", re.MULTILINE)  # 낱말 NNP, as people type it


class EncodedLane(NamedTuple):
    """A lane under way: the encoding is dropped once every lane has been held against it."""

    lane: DisplayLane
    encoding: Encoding | None = None


def safe_lane(name: str, unit: str, build: Callable[[], EncodedLane]) -> EncodedLane:
    """Return the lane that is made, or one with the error that kept it from being made."""
    try:
        return build()
    except KorlmError as error:
        return EncodedLane(DisplayLane(name, unit, error=error))
    except Exception:  # a crash inside one analyzer's library: the other lanes must still be drawn
        _log.exception("%s failed", name)
        return EncodedLane(DisplayLane(name, unit, error=unexpected_error()))


def build_lane(name: str, text: str, tokenizer: Tokenizer) -> EncodedLane:
    """Cut a text."""
    encoding = tokenizer.encode(text)
    lane = DisplayLane(
        name,
        tokenizer.unit,
        display_segments(encoding, tokenizer, coarse_tag),
        display_counts(count_tokens(encoding, tokenizer), tokenizer),
    )
    return EncodedLane(lane, encoding)


def add_cross_lane_info(
    encoded_lanes: Sequence[EncodedLane],
) -> tuple[tuple[DisplayLane, ...], tuple[tuple[float, ...], ...]]:
    """Return the lanes with what needs all of them (cuts alone, verdicts), and their agreement."""
    good = [(cut.lane, cut.encoding) for cut in encoded_lanes if cut.encoding]
    own = [segment_boundaries(encoding) for _, encoding in good]
    references = {lane.name: encoding for lane, encoding in good if lane.unit == "morpheme"}
    finished = {
        lane.name: replace(
            lane,
            boundaries=frozenset(mine),
            unique_boundaries=frozenset(alone if len(good) > 1 else ()),
            boundary_types={name: ("", *boundary_types(encoding, reference)) for name, reference in references.items()},
        )
        for (lane, encoding), mine, alone in zip(good, own, unique_boundaries(own), strict=True)
    }
    shares = agreement_matrix([encoding for _, encoding in good])
    return tuple(finished.get(cut.lane.name, cut.lane) for cut in encoded_lanes), tuple(map(tuple, shares))


def custom_kiwi_key(settings: KiwiSettings) -> tuple[Any, ...]:
    """Return what the visitor's Kiwi is known by: its words as pairs, and the switches.

    Raises:
        InputError: a line that is no user word, or too many of them.
    """
    words = tuple(parse_user_words(_SPACED_TAG.sub(r"\1\t\2", settings.words)))
    if len(words) > MAX_CUSTOM_WORDS:
        raise too_many_words_error(len(words))
    return words, settings.switches


def load_custom_kiwi(settings: KiwiSettings) -> Tokenizer:
    """Return the visitor's Kiwi, which takes seconds to load.

    Raises:
        InputError: see `custom_kiwi_key`.
    """
    words, (typos, coda, compounds, letters) = custom_kiwi_key(settings)
    options: dict[str, Any] = {"user_words": words} if words else {}
    options |= {"typos": "basic"} if typos else {}
    options |= {"normalize_coda": True} if coda else {}
    options |= {"split_compounds": True} if compounds else {}
    options |= {"split": "jamo"} if letters else {}
    return load_tokenizer("kiwi", **options)
