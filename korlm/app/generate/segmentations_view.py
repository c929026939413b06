"""The likely segmentations of a text under each model: what is drawn under the scores.

>>> differing_tokens(["하", "늘"], ["하늘", "이"]), differing_tokens(["가", "나"], ["가", "다"])
([True, True], [False, True])
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape
from typing import TYPE_CHECKING

from korlm.app.limits import MAX_SEGMENTATION_TEXT
from korlm.app.model_info import ModelCard
from korlm.app.strings.common import translate
from korlm.app.widgets.surprisal import format_probability
from korlm.app.widgets.visible_characters import make_visible

if TYPE_CHECKING:
    from korlm.models.marginal import Segmentation

_MAX_LINES = 4


def render_segmentations(
    scored_models: Sequence[tuple[ModelCard, Sequence[Sequence[Segmentation]], float]], text: str, language: str
) -> str:
    """Return the section's HTML, or nothing where no model has a segmentation to show.

    Args:
        scored_models: each with the ways of every line, and the bits of the tokenizer's own.
        text: what was scored.
        language: ``"ko"`` or ``"en"``.
    """
    if len(text) > MAX_SEGMENTATION_TEXT:
        return f'<p class="kl-said">{escape(translate("ways_long", language, most=f"{MAX_SEGMENTATION_TEXT:,}"))}</p>'
    shown = "".join(_render_model(card, ways, bits, text, language) for card, ways, bits in scored_models if ways)
    if not shown:
        return ""
    more = escape(translate("ways_more", language, shown=f"{_MAX_LINES}")) if text.count("\n") >= _MAX_LINES else ""
    return (
        f'<section class="kl-section kl-ways"><h3>{escape(translate("ways", language))}</h3>{shown}'
        f"<p>{escape(translate('ways_note', language))} {more}</p></section>"
    )


def _render_model(
    card: ModelCard, segmentations: Sequence[Sequence[Segmentation]], tokenizer_bits: float, text: str, language: str
) -> str:
    characters = len(text) + 1  # one line end a line
    # the own one's share says by how much its bits exceed the sum
    summed = (
        tokenizer_bits + math.fsum(math.log2(way.share) for line in segmentations for way in line if way.own)
    ) / characters
    said = escape(translate("ways_sum", language, all=f"{summed:.3f}"))
    alone = escape(translate("ways_own", language, own=f"{tokenizer_bits / characters:.3f}"))
    lines = "".join(_render_line(line, language) for line in segmentations[:_MAX_LINES] if line[0].pieces)
    return (
        f'<div class="kl-{escape(card.unit)}" data-summed="{summed!r}"><h4>{escape(card.name)} <span><b>{said}</b> · {alone}'
        f"</span></h4>{lines}</div>"
    )


def _render_line(segmentations: Sequence[Segmentation], language: str) -> str:
    own = next(way.pieces for way in segmentations if way.own)
    rows = "".join(_render_segmentation(way, differing_tokens(own, way.pieces), language) for way in segmentations)
    return f"<ol>{rows}</ol>"


def _render_segmentation(segmentation: Segmentation, marks: Sequence[bool], language: str) -> str:
    drawn = "".join(_render_token(piece, mark) for piece, mark in zip(segmentation.pieces, marks, strict=True))
    tag = f'<span class="kl-given">{escape(translate("way_tokenizer", language))}</span>' if segmentation.own else ""
    share = f'<span class="kl-bar" style="width:{100 * segmentation.share:.0f}%"></span>'
    return f'<li><span class="kl-share">{format_probability(segmentation.share)}{share}</span><span class="kl-cut">{drawn}</span>{tag}</li>'


def _render_token(token: str, mark: bool) -> str:
    """Return a piece as a box; a space that it begins with stands before the box, one alone is drawn."""
    word = token.lstrip(" ") or "␣"
    kinds = (["w"] if word != token else []) + (["n"] if mark else [])
    kind = f' class="{" ".join(kinds)}"' if kinds else ""
    return f"<i{kind}>{escape(make_visible(word))}</i>"


def differing_tokens(tokenizer_tokens: Sequence[str], tokens: Sequence[str]) -> list[bool]:
    """Return which pieces are not among those of the tokenizer's own segmentation, in its order."""
    marks = [True] * len(tokens)
    for match in SequenceMatcher(None, tokenizer_tokens, tokens, autojunk=False).get_matching_blocks():
        marks[match.b : match.b + match.size] = [False] * match.size
    return marks
