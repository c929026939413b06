"""What the drawing's signs mean: only those that are drawn.

>>> "kl-legend" in legend([], Look(), "")
True
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from korlm.ui.plain import GROUPS, VERDICTS, Lane, Look
from korlm.ui.strings import lane_name, say

MARKS = {"boundary": "vo", "inside_morpheme": "vx", "inside_syllable": "vs", "inside_bytes": "vb"}


def mark(verdict: str) -> str:
    """Return the sign of a verdict."""
    return f'<q class="{MARKS[verdict]}" aria-hidden="true"></q>'


def legend(lanes: Sequence[Lane], look: Look, reference: str) -> str:
    """Return the legend of these lanes: lines, marks against the reference, colours, boxes."""
    language = look.language
    rows = [_row("legend_lines", _lines(lanes, language), language)]
    if reference:
        found = {verdict for lane in lanes for verdict in lane.verdicts.get(reference, ())}
        marks = [(mark(verdict), say("verdict_" + verdict, language)) for verdict in VERDICTS if verdict in found]
        rows.append(_row("legend_verdicts", marks, language, reference=lane_name(reference, language)))
    if look.color == "pos" and (groups := _groups(lanes)):
        swatches = [(f'<span class="kl-swatch g-{name}"></span>', say("group_" + name, language)) for name in groups]
        rows.append(_row("legend_groups", swatches, language))
    rows.append(_row("legend_boxes", _boxes(lanes, language), language))
    hint = escape(say("legend_tip", language))
    return f'<div class="kl kl-legend"><dl>{"".join(rows)}</dl><p>{hint}</p></div>'


def _row(title: str, entries: Sequence[tuple[str, str]], language: str, **values: object) -> str:
    if not entries:
        return ""
    items = "".join(f"<li>{sample}{escape(words)}</li>" for sample, words in entries)
    return f"<div><dt>{escape(say(title, language, **values))}</dt><dd><ul>{items}</ul></dd></div>"


def _lines(lanes: Sequence[Lane], language: str) -> list[tuple[str, str]]:
    found = [('<span class="kl-key k-cut"></span>', "legend_cut")]
    if len(lanes) > 1:
        found.append(('<span class="kl-key k-all"></span>', "legend_all"))
    if any(lane.lonely for lane in lanes):
        found.append(('<span class="kl-key k-alone"></span>', "legend_lonely"))
    if any(piece.fallback for lane in lanes for piece in lane.pieces):
        found.append(('<span class="kl-key k-further"></span>', "legend_fallback"))
    return [(sample, say(key, language)) for sample, key in found]


def _groups(lanes: Sequence[Lane]) -> list[str]:
    found = {morph.group for lane in lanes for piece in lane.pieces for morph in piece.morphemes}
    return [name for name in GROUPS if name in found]


def _boxes(lanes: Sequence[Lane], language: str) -> list[tuple[str, str]]:
    kinds = {verdict for lane in lanes for known in lane.verdicts.values() for verdict in known}
    units = {lane.unit for lane in lanes}
    found = [('<span class="kl-key k-box"><i class="s"></i></span>', "legend_space")]
    if "inside_bytes" in kinds or "byte" in units:
        found.append(('<span class="kl-key k-box k-bytes"></span>', "legend_bytes"))
    if "inside_syllable" in kinds or "jamo" in units:
        found.append(('<span class="kl-key k-letters">가ㅆ</span>', "legend_letters"))
    return [(sample, say(key, language)) for sample, key in found]
