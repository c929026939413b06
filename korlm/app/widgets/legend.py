"""What the drawing's signs mean: only those that are drawn.

>>> "kl-legend" in render_legend([], ViewOptions(), "")
True
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from korlm.app.strings.common import lane_name, translate
from korlm.app.view_models import BOUNDARY_TYPES, TAG_GROUPS, DisplayLane, ViewOptions

BOUNDARY_CLASSES = {"boundary": "vo", "inside_morpheme": "vx", "inside_syllable": "vs", "inside_bytes": "vb"}


def render_boundary_mark(boundary_type: str) -> str:
    """Return the sign of a verdict."""
    return f'<q class="{BOUNDARY_CLASSES[boundary_type]}" aria-hidden="true"></q>'


def render_legend(lanes: Sequence[DisplayLane], view_options: ViewOptions, reference: str) -> str:
    """Return the legend of these lanes: lines, marks against the reference, colours, boxes."""
    language = view_options.language
    rows = [_render_row("legend_lines", _line_entries(lanes, language), language)]
    if reference:
        found = {verdict for lane in lanes for verdict in lane.boundary_types.get(reference, ())}
        marks = [
            (render_boundary_mark(verdict), translate("verdict_" + verdict, language))
            for verdict in BOUNDARY_TYPES
            if verdict in found
        ]
        rows.append(_render_row("legend_verdicts", marks, language, reference=lane_name(reference, language)))
    if view_options.color == "pos" and (groups := _present_groups(lanes)):
        swatches = [
            (f'<span class="kl-swatch g-{name}"></span>', translate("group_" + name, language)) for name in groups
        ]
        rows.append(_render_row("legend_groups", swatches, language))
    rows.append(_render_row("legend_boxes", _box_entries(lanes, language), language))
    hint = escape(translate("legend_tip", language))
    return f'<div class="kl kl-legend"><dl>{"".join(rows)}</dl><p>{hint}</p></div>'


def _render_row(title: str, entries: Sequence[tuple[str, str]], language: str, **values: object) -> str:
    if not entries:
        return ""
    items = "".join(f"<li>{sample}{escape(words)}</li>" for sample, words in entries)
    return f"<div><dt>{escape(translate(title, language, **values))}</dt><dd><ul>{items}</ul></dd></div>"


def _line_entries(lanes: Sequence[DisplayLane], language: str) -> list[tuple[str, str]]:
    found = [('<span class="kl-key k-cut"></span>', "legend_cut")]
    if len(lanes) > 1:
        found.append(('<span class="kl-key k-all"></span>', "legend_all"))
    if any(lane.unique_boundaries for lane in lanes):
        found.append(('<span class="kl-key k-alone"></span>', "legend_lonely"))
    if any(piece.fallback for lane in lanes for piece in lane.segments):
        found.append(('<span class="kl-key k-further"></span>', "legend_fallback"))
    return [(sample, translate(key, language)) for sample, key in found]


def _present_groups(lanes: Sequence[DisplayLane]) -> list[str]:
    found = {morph.group for lane in lanes for piece in lane.segments for morph in piece.morphemes}
    return [name for name in TAG_GROUPS if name in found]


def _box_entries(lanes: Sequence[DisplayLane], language: str) -> list[tuple[str, str]]:
    kinds = {verdict for lane in lanes for known in lane.boundary_types.values() for verdict in known}
    units = {lane.unit for lane in lanes}
    found = [('<span class="kl-key k-box"><i class="s"></i></span>', "legend_space")]
    if "inside_bytes" in kinds or "byte" in units:
        found.append(('<span class="kl-key k-box k-bytes"></span>', "legend_bytes"))
    if "inside_syllable" in kinds or "jamo" in units:
        found.append(('<span class="kl-key k-letters">가ㅆ</span>', "legend_letters"))
    return [(sample, translate(key, language)) for sample, key in found]
