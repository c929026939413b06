"""Lanes to HTML: one text, a row of its characters, and under it a row for each tokenizer, cell for cell.

    >>> from korlm.app.view_models import DisplaySegment, DisplayToken
    >>> lane = DisplayLane("syllable", "syllable", (DisplaySegment(0, 1, (DisplayToken(7, "<", 0, 1),)),))
    >>> "<i>&lt;</i>" in render_lanes("<", [lane], ViewOptions())
    True

Every character has the same width in every row, so that rows align whatever the font does; blocks of an eojeol (at
most `MAX_BLOCK_CELLS` cells) wrap. Whatever came from a person passes through `html.escape`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from korlm.app.strings.common import lane_name, tokenizer_display_name, translate
from korlm.app.templating import render_notice  # noqa: F401
from korlm.app.view_models import DisplayLane, ViewOptions
from korlm.app.widgets.token_cells import (
    CELL_WIDTH,
    SPACE_WIDTH,
    WIDE_CELL_WIDTH,
    WIDE_SPACE_WIDTH,
    render_cells,
    render_segment,
)
from korlm.app.widgets.visible_characters import make_visible
from korlm.text.spans import Span

MAX_DRAWN_CHARACTERS = 2_000  # characters
MAX_BLOCK_CELLS = 9  # cells: what fits beside the names on a telephone 390 pixels wide
MAX_WIDE_BLOCK_CELLS = 6  # the same where restored forms widen the cells
_LAZY_LAYOUT_CHARACTERS = 300  # characters from which blocks out of sight are not laid out
_EOJEOL = re.compile(r"[^\S\n]*\S*\n|[^\S\n]*\S+|[^\S\n]+")


def render_lanes(
    text: str,
    lanes: Sequence[DisplayLane],
    view_options: ViewOptions,
    reference: str = "",
    *,
    max_cells: int = 0,
    label_key: str = "lanes_name",
) -> str:
    """Return the rows.

    Args:
        text: what was cut; at most `MAX_DRAWN_CHARACTERS` characters are drawn.
        lanes: what each tokenizer made of it, without errors.
        view_options: colours, forms, language.
        reference: the lane that cuts are judged against, or nothing.
        max_cells: the most cells of a block; what fits the look by default.
        label_key: the key of what the drawing is called.
    """
    text = text[:MAX_DRAWN_CHARACTERS]
    wide = view_options.form == "restored"
    spans = split_into_blocks(text, lanes, max_cells or (MAX_WIDE_BLOCK_CELLS if wide else MAX_BLOCK_CELLS))
    cursors = [0] * len(lanes)
    shared = frozenset.intersection(*(lane.boundaries for lane in lanes)) if len(lanes) > 1 else frozenset()
    body = "".join(_render_block(text, span, lanes, cursors, shared, view_options, reference) for span in spans)
    body = body.replace('tabindex="-1"', 'tabindex="0"', 1)  # one stop of the Tab key; arrow keys go on from there
    named_so = escape(translate(label_key, view_options.language))
    kind = (" kl-wide" if wide else "") + (" kl-long" if len(text) > _LAZY_LAYOUT_CHARACTERS else "")
    tall = f"--kl-tall:calc(var(--kl-ruler) + {len(lanes)} * var(--kl-lane) + 18px)"
    return (
        f'<div class="kl kl-drawing{kind}" role="group" aria-label="{named_so}" style="{tall}">{_render_lane_names(lanes, view_options)}'
        f'<div class="kl-blocks">{body}</div><div class="kl-tip" role="tooltip" hidden></div></div>'
    )


def _render_lane_names(lanes: Sequence[DisplayLane], view_options: ViewOptions) -> str:
    """Return the names at the left, once: `pieces.js` repeats them for every row of blocks."""
    rows = "".join(
        f'<div class="kl-name kl-{lane.unit}"><b>{escape(lane_name(lane.name, view_options.language))}</b>'
        f"<span>{escape(_unit_label(lane, view_options.language))}</span></div>"
        for lane in lanes
    )
    source = f'<div class="kl-source">{escape(translate("source", view_options.language))}</div>'
    return f'<div class="kl-names" aria-hidden="true"><div>{source}{rows}</div></div>'


def _unit_label(lane: DisplayLane, language: str) -> str:
    spoken = translate("unit_" + lane.unit, language)
    return "" if spoken == lane.name else spoken


def split_into_blocks(text: str, lanes: Sequence[DisplayLane], max_cells: int = MAX_BLOCK_CELLS) -> list[Span]:
    """Cut ``text`` into spans that stay together on a row: an eojeol with the space before it.

    A longer stretch is cut where the most lanes have a boundary.

    Args:
        text: the text.
        lanes: whose boundaries count.
        max_cells: the most cells of a block; a space before them is one more.
    """
    ends = [{piece.end for piece in lane.segments} for lane in lanes]
    spans: list[Span] = []
    for found in _EOJEOL.finditer(text):
        start, end = found.span()
        while end - start > max_cells:
            lead = len(text[start:end]) - len(text[start:end].lstrip(" "))
            last = min(start + max_cells + min(lead, 1), end)
            cut = max(range(start + max_cells // 2, last + 1), key=lambda at: (sum(at in known for known in ends), at))
            if cut == end:
                break
            spans.append((start, cut))
            start = cut
        spans.append((start, end))
    return spans


def _render_block(
    text: str,
    span: Span,
    lanes: Sequence[DisplayLane],
    cursors: list[int],
    shared_boundaries: frozenset[int],
    view_options: ViewOptions,
    reference: str,
) -> str:
    start, end = span
    lines = "".join(
        _render_boundary_line(text[start:at], view_options) for at in range(start + 1, end) if at in shared_boundaries
    )
    rows = [f'<div class="kl-ruler" aria-hidden="true">{lines}{render_cells(text[start:end])}</div>']
    for number, lane in enumerate(lanes):
        row: list[str] = []
        while cursors[number] < len(lane.segments) and lane.segments[cursors[number]].start < end:
            index = cursors[number]
            piece = lane.segments[index]
            part = (max(start, piece.start), min(end, piece.end))
            row.append(render_segment(text, lane, piece, part, index, view_options, reference))
            if piece.end > end:
                break  # the rest of it is drawn in the next block
            cursors[number] += 1
        label = escape(
            tokenizer_display_name(lane_name(lane.name, view_options.language), lane.unit, view_options.language)
        )
        rows.append(f'<div class="kl-lane kl-{lane.unit}" role="list" aria-label="{label}">{"".join(row)}</div>')
    kinds = "kl-block" + (" w" if start and text[start].isspace() and text[start] != "\n" else "")
    line_end = '<div class="kl-break"></div>' if text[start:end].endswith("\n") else ""
    label = escape(make_visible(text[start:end].strip() or text[start:end]))
    width = _pixel_width(text[start:end], view_options)
    return f'<div class="{kinds}" role="group" aria-label="{label}" style="width:{width}px">{"".join(rows)}</div>{line_end}'


def _pixel_width(text: str, view_options: ViewOptions) -> int:
    spaces = text.count(" ")
    return (len(text) - spaces) * (WIDE_CELL_WIDTH if view_options.form == "restored" else CELL_WIDTH) + spaces * (
        WIDE_SPACE_WIDTH if view_options.color == "bits" else SPACE_WIDTH
    )


def _render_boundary_line(text_before: str, view_options: ViewOptions) -> str:
    """Return the line through all rows where every lane cuts."""
    return f'<u style="left:{_pixel_width(text_before, view_options)}px"></u>'
