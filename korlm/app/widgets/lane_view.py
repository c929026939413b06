"""Lanes as HTML: the characters of a text in a ruler, and below it one row per tokenizer in the same cells.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> from korlm.app.lanes import build_lane
>>> "<i>&lt;</i>" in render_lanes([build_lane("syllable", "<", load_tokenizer("syllable"))], ViewOptions())
True

Every character has the same width in every row, so that rows align in any font. Blocks, an eojeol or a part of it (at
most `MAX_BLOCK_CELLS` cells), wrap.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from korlm.app.lanes import Lane, ViewOptions
from korlm.app.strings.common import lane_name, tokenizer_display_name
from korlm.app.templating import render_template
from korlm.app.widgets.token_cells import (
    CELL_WIDTH,
    SPACE_WIDTH,
    WIDE_CELL_WIDTH,
    WIDE_SPACE_WIDTH,
    render_cells,
    render_segment,
)
from korlm.text.spans import Span

MAX_DRAWN_CHARACTERS = 2_000
MAX_BLOCK_CELLS = 9  # what fits beside the names on a phone that is 390 pixels wide
MAX_WIDE_BLOCK_CELLS = 6  # the same where restored forms widen the cells
_LAZY_LAYOUT_CHARACTERS = 300  # from here on, the browser does not lay out blocks that are out of sight
_EOJEOL = re.compile(r"[^\S\n]*\S*\n|[^\S\n]*\S+|[^\S\n]+")


class LaneBlock(NamedTuple):
    """The part of all lanes that stays together on a line."""

    text: str  # its characters
    has_leading_space: bool  # whether a space before the eojeol belongs to it
    width: int  # in pixels
    line_offsets: list[int]  # pixels of the lines through all lanes, where every lane has a boundary
    cells: Markup  # of the ruler
    rows: list[Markup]  # the segments of each lane


def render_lanes(
    lanes: Sequence[Lane], view_options: ViewOptions, reference: str = "", *, max_cells: int = 0, label_key: str = "lanes_name"
) -> Markup:  # fmt: skip
    """Render the first `MAX_DRAWN_CHARACTERS` characters of lanes of the same text.

    Args:
        lanes: at least one, without errors.
        view_options: colors, forms, language.
        reference: the lane that boundaries are compared with, or an empty string.
        max_cells: maximum number of cells of a block; by default what fits the forms.
        label_key: key of the drawing's label.
    """
    language, is_wide = view_options.language, view_options.form == "restored"
    return render_template(
        "lanes",
        language,
        lanes=lanes,
        labels=[tokenizer_display_name(lane_name(lane.name, language), lane.unit, language) for lane in lanes],
        blocks=_build_blocks(
            lanes, view_options, reference, max_cells or (MAX_WIDE_BLOCK_CELLS if is_wide else MAX_BLOCK_CELLS)
        ),
        is_wide=is_wide,
        is_long=len(lanes[0].text) > _LAZY_LAYOUT_CHARACTERS,
        label_key=label_key,
    )


def _build_blocks(
    lanes: Sequence[Lane], view_options: ViewOptions, reference: str, max_cells: int
) -> Iterator[LaneBlock]:
    text = lanes[0].text[:MAX_DRAWN_CHARACTERS]
    next_segments = [0] * len(lanes)
    shared = frozenset.intersection(*(lane.boundaries for lane in lanes)) if len(lanes) > 1 else frozenset()
    for start, end in split_into_blocks(text, lanes, max_cells):
        rows: list[Markup] = []
        for lane_index, lane in enumerate(lanes):
            row: list[str] = []
            segments = lane.segments
            for index in range(next_segments[lane_index], len(segments)):
                segment = segments[index]
                if segment.start >= end:
                    break
                part = max(start, segment.start), min(end, segment.end)
                is_tab_stop = not (start or rows or row)
                row.append(render_segment(lane, index, part, view_options, reference, is_tab_stop=is_tab_stop))
                if segment.end > end:
                    break  # the next block draws the rest of it
                next_segments[lane_index] = index + 1
            rows.append(Markup("".join(row)))
        yield LaneBlock(
            text[start:end],
            bool(start) and text[start].isspace() and text[start] != "\n",
            _pixel_width(text[start:end], view_options),
            [_pixel_width(text[start:at], view_options) for at in range(start + 1, end) if at in shared],
            Markup(render_cells(text[start:end])),
            rows,
        )


def split_into_blocks(text: str, lanes: Sequence[Lane], max_cells: int = MAX_BLOCK_CELLS) -> list[Span]:
    """Split a text into spans that stay together on a line: an eojeol with the space before it.

    A longer eojeol is split where the most lanes have a boundary.

    ``max_cells`` does not count the space before the eojeol.
    """
    segment_ends = [{segment.end for segment in lane.segments} for lane in lanes]
    spans: list[Span] = []
    for match in _EOJEOL.finditer(text):
        start, end = match.span()
        while end - start > max_cells:
            num_spaces = len(text[start:end]) - len(text[start:end].lstrip(" "))
            last = min(start + max_cells + min(num_spaces, 1), end)
            candidates = range(start + max_cells // 2, last + 1)
            split = max(candidates, key=lambda at: (sum(at in ends for ends in segment_ends), at))
            if split == end:
                break
            spans.append((start, split))
            start = split
        spans.append((start, end))
    return spans


def _pixel_width(text: str, view_options: ViewOptions) -> int:
    num_spaces = text.count(" ")
    cell_width = WIDE_CELL_WIDTH if view_options.form == "restored" else CELL_WIDTH
    space_width = WIDE_SPACE_WIDTH if view_options.color == "bits" else SPACE_WIDTH
    return (len(text) - num_spaces) * cell_width + num_spaces * space_width
