"""The likely segmentations of a text under each model: what is drawn under the scores.

>>> differing(["하", "늘"], ["하늘", "이"]), differing(["가", "나"], ["가", "다"])
([True, True], [False, True])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape

from korlm.ui.glyphs import visible
from korlm.ui.limits import MAX_CUT
from korlm.ui.plain import ModelCard, Way
from korlm.ui.scale import chance
from korlm.ui.strings import say

WAYS = 3  # of a line, beside the tokenizer's own
_LINES = 4
Ways = tuple[tuple[Way, ...], ...]  # of each line


def ways_view(models: Sequence[tuple[ModelCard, Ways, float]], text: str, language: str) -> str:
    """Return the section's HTML, or nothing where no model has a segmentation to show.

    Args:
        models: each with the ways of every line, and the bits of the tokenizer's own.
        text: what was scored.
        language: ``"ko"`` or ``"en"``.
    """
    if len(text) > MAX_CUT:
        return f'<p class="kl-said">{escape(say("ways_long", language, most=f"{MAX_CUT:,}"))}</p>'
    shown = "".join(_model(card, ways, bits, text, language) for card, ways, bits in models if ways)
    if not shown:
        return ""
    more = escape(say("ways_more", language, shown=f"{_LINES}")) if text.count("\n") >= _LINES else ""
    return (
        f'<section class="kl-section kl-ways"><h3>{escape(say("ways", language))}</h3>{shown}'
        f"<p>{escape(say('ways_note', language))} {more}</p></section>"
    )


def _model(card: ModelCard, ways: Ways, own: float, text: str, language: str) -> str:
    characters = len(text) + 1  # one line end a line
    # the own one's share says by how much its bits exceed the sum
    summed = (own + math.fsum(math.log2(way.share) for line in ways for way in line if way.own)) / characters
    said = escape(say("ways_sum", language, all=f"{summed:.3f}"))
    alone = escape(say("ways_own", language, own=f"{own / characters:.3f}"))
    lines = "".join(_line(line, language) for line in ways[:_LINES] if line[0].pieces)
    return (
        f'<div class="kl-{escape(card.unit)}" data-summed="{summed!r}"><h4>{escape(card.name)} <span><b>{said}</b> · {alone}'
        f"</span></h4>{lines}</div>"
    )


def _line(ways: Sequence[Way], language: str) -> str:
    own = next(way.pieces for way in ways if way.own)
    rows = "".join(_way(way, differing(own, way.pieces), language) for way in ways)
    return f"<ol>{rows}</ol>"


def _way(way: Way, marks: Sequence[bool], language: str) -> str:
    drawn = "".join(_piece(piece, mark) for piece, mark in zip(way.pieces, marks, strict=True))
    tag = f'<span class="kl-given">{escape(say("way_tokenizer", language))}</span>' if way.own else ""
    share = f'<span class="kl-bar" style="width:{100 * way.share:.0f}%"></span>'
    return f'<li><span class="kl-share">{chance(way.share)}{share}</span><span class="kl-cut">{drawn}</span>{tag}</li>'


def _piece(piece: str, mark: bool) -> str:
    """Return a piece as a box; a space that it begins with stands before the box, one alone is drawn."""
    word = piece.lstrip(" ") or "␣"
    kinds = (["w"] if word != piece else []) + (["n"] if mark else [])
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<i{kind}>{escape(visible(word))}</i>"


def differing(own: Sequence[str], pieces: Sequence[str]) -> list[bool]:
    """Return which pieces are not among those of the tokenizer's own segmentation, in its order."""
    marks = [True] * len(pieces)
    for match in SequenceMatcher(None, own, pieces, autojunk=False).get_matching_blocks():
        marks[match.b : match.b + match.size] = [False] * match.size
    return marks
