"""One tokenizer's cut of a text as a lane, Kiwi as a visitor has set it, and what needs all lanes together.

>>> cut = made("byte", "가", load_tokenizer("byte"))
>>> cut.lane.counts.ids, len(held_together([cut])[0])
(3, 1)
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from korlm.comparison.agreement import cuts, lonely, matrix, verdicts
from korlm.comparison.intrinsic import measure
from korlm.errors import KorlmError
from korlm.morph.kiwi import parse_user_words
from korlm.morph.tags import group
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding
from korlm.tokenizers.registry import load_tokenizer
from korlm.ui.converted import counts_of, pieces_of
from korlm.ui.limits import MAX_WORDS, too_many_words, unexpected
from korlm.ui.plain import KiwiSettings, Lane

_log = logging.getLogger(__name__)

_SPACED_TAG = re.compile(r"^(.*\S)[ \t]+([A-Z][A-Z_]+(?:-[RI])?)[ \t]*$", re.MULTILINE)  # 낱말 NNP, as people type it


class Cut(NamedTuple):
    """A lane under way: the encoding is dropped once every lane has been held against it."""

    lane: Lane
    encoding: Encoding | None = None


def tried(name: str, unit: str, make: Callable[[], Cut]) -> Cut:
    """Return the lane that is made, or one with the error that kept it from being made."""
    try:
        return make()
    except KorlmError as error:
        return Cut(Lane(name, unit, error=error))
    except Exception:  # a crash inside one analyzer's library: the other lanes must still be drawn
        _log.exception("%s failed", name)
        return Cut(Lane(name, unit, error=unexpected()))


def made(name: str, text: str, tokenizer: Tokenizer) -> Cut:
    """Cut a text."""
    encoding = tokenizer.encode(text)
    lane = Lane(
        name, tokenizer.unit, pieces_of(encoding, tokenizer, group), counts_of(measure(encoding, tokenizer), tokenizer)
    )
    return Cut(lane, encoding)


def held_together(found: Sequence[Cut]) -> tuple[tuple[Lane, ...], tuple[tuple[float, ...], ...]]:
    """Return the lanes with what needs all of them (cuts alone, verdicts), and their agreement."""
    good = [(cut.lane, cut.encoding) for cut in found if cut.encoding]
    own = [cuts(encoding) for _, encoding in good]
    references = {lane.name: encoding for lane, encoding in good if lane.unit == "morpheme"}
    finished = {
        lane.name: replace(
            lane,
            cuts=frozenset(mine),
            lonely=frozenset(alone if len(good) > 1 else ()),
            verdicts={name: ("", *verdicts(encoding, reference)) for name, reference in references.items()},
        )
        for (lane, encoding), mine, alone in zip(good, own, lonely(own), strict=True)
    }
    shares = matrix([encoding for _, encoding in good])
    return tuple(finished.get(cut.lane.name, cut.lane) for cut in found), tuple(map(tuple, shares))


def own_key(settings: KiwiSettings) -> tuple[Any, ...]:
    """Return what the visitor's Kiwi is known by: its words as pairs, and the switches.

    Raises:
        InputError: a line that is no user word, or too many of them.
    """
    words = tuple(parse_user_words(_SPACED_TAG.sub(r"\1\t\2", settings.words)))
    if len(words) > MAX_WORDS:
        raise too_many_words(len(words))
    return words, settings.switches


def own_kiwi(settings: KiwiSettings) -> Tokenizer:
    """Return the visitor's Kiwi, which takes seconds to load.

    Raises:
        InputError: see `own_key`.
    """
    words, (typos, coda, compounds, letters) = own_key(settings)
    options: dict[str, Any] = {"user_words": words} if words else {}
    options |= {"typos": "basic"} if typos else {}
    options |= {"normalize_coda": True} if coda else {}
    options |= {"split_compounds": True} if compounds else {}
    options |= {"split": "jamo"} if letters else {}
    return load_tokenizer("kiwi", **options)
