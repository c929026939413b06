"""Lanes to HTML: one text, a row of its characters, and under it a row for each tokenizer, cell for cell.

    >>> from korlm.ui.plain import Piece, Token
    >>> lane = Lane("syllable", "syllable", (Piece(0, 1, (Token(7, "<", 0, 1),)),))
    >>> "<i>&lt;</i>" in drawing("<", [lane], Look())
    True

Every character has the same width in every row, so that rows align whatever the font does; blocks of an eojeol (at
most `BLOCK` cells) wrap. Whatever came from a person passes through `html.escape`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from korlm.text.spans import Span
from korlm.ui.boxes import BROAD, CELL, SPACE, WIDE, box, cells
from korlm.ui.glyphs import readable, visible
from korlm.ui.plain import Lane, Look
from korlm.ui.strings import lane_name, named, say

DRAWN = 2_000  # characters
BLOCK = 9  # cells: what fits beside the names on a telephone 390 pixels wide
WIDE_BLOCK = 6  # the same where restored forms widen the cells
_LONG = 300  # characters from which blocks out of sight are not laid out
_WORDS = re.compile(r"[^\S\n]*\S*\n|[^\S\n]*\S+|[^\S\n]+")


def notice(message: str, *, kind: str = "error") -> str:
    """Return a short message: ``kind`` is ``error``, ``wait``, ``note`` or ``empty``."""
    role = "alert" if kind == "error" else "status"
    return f'<div class="kl kl-notice kl-{escape(kind)}" role="{role}">{escape(readable(message))}</div>'


def drawing(
    text: str, lanes: Sequence[Lane], look: Look, reference: str = "", *, room: int = 0, label: str = "lanes_name"
) -> str:
    """Return the rows.

    Args:
        text: what was cut; at most `DRAWN` characters are drawn.
        lanes: what each tokenizer made of it, without errors.
        look: colours, forms, language.
        reference: the lane that cuts are judged against, or nothing.
        room: the most cells of a block; what fits the look by default.
        label: the key of what the drawing is called.
    """
    text = text[:DRAWN]
    wide = look.form == "restored"
    spans = blocks(text, lanes, room or (WIDE_BLOCK if wide else BLOCK))
    cursors = [0] * len(lanes)
    shared = frozenset.intersection(*(lane.cuts for lane in lanes)) if len(lanes) > 1 else frozenset()
    body = "".join(_block(text, span, lanes, cursors, shared, look, reference) for span in spans)
    body = body.replace('tabindex="-1"', 'tabindex="0"', 1)  # one stop of the Tab key; arrow keys go on from there
    named_so = escape(say(label, look.language))
    kind = (" kl-wide" if wide else "") + (" kl-long" if len(text) > _LONG else "")
    tall = f"--kl-tall:calc(var(--kl-ruler) + {len(lanes)} * var(--kl-lane) + 18px)"
    return (
        f'<div class="kl kl-drawing{kind}" role="group" aria-label="{named_so}" style="{tall}">{_names(lanes, look)}'
        f'<div class="kl-blocks">{body}</div><div class="kl-tip" role="tooltip" hidden></div></div>'
    )


def _names(lanes: Sequence[Lane], look: Look) -> str:
    """Return the names at the left, once: `pieces.js` repeats them for every row of blocks."""
    rows = "".join(
        f'<div class="kl-name kl-{lane.unit}"><b>{escape(lane_name(lane.name, look.language))}</b>'
        f"<span>{escape(_unit(lane, look.language))}</span></div>"
        for lane in lanes
    )
    source = f'<div class="kl-source">{escape(say("source", look.language))}</div>'
    return f'<div class="kl-names" aria-hidden="true"><div>{source}{rows}</div></div>'


def _unit(lane: Lane, language: str) -> str:
    spoken = say("unit_" + lane.unit, language)
    return "" if spoken == lane.name else spoken


def blocks(text: str, lanes: Sequence[Lane], room: int = BLOCK) -> list[Span]:
    """Cut ``text`` into spans that stay together on a row: an eojeol with the space before it.

    A longer stretch is cut where the most lanes have a boundary.

    Args:
        text: the text.
        lanes: whose boundaries count.
        room: the most cells of a block; a space before them is one more.
    """
    ends = [{piece.end for piece in lane.pieces} for lane in lanes]
    spans: list[Span] = []
    for found in _WORDS.finditer(text):
        start, end = found.span()
        while end - start > room:
            lead = len(text[start:end]) - len(text[start:end].lstrip(" "))
            last = min(start + room + min(lead, 1), end)
            cut = max(range(start + room // 2, last + 1), key=lambda at: (sum(at in known for known in ends), at))
            if cut == end:
                break
            spans.append((start, cut))
            start = cut
        spans.append((start, end))
    return spans


def _block(
    text: str, span: Span, lanes: Sequence[Lane], cursors: list[int], shared: frozenset[int], look: Look, reference: str
) -> str:
    start, end = span
    lines = "".join(_line(text[start:at], look) for at in range(start + 1, end) if at in shared)
    rows = [f'<div class="kl-ruler" aria-hidden="true">{lines}{cells(text[start:end])}</div>']
    for number, lane in enumerate(lanes):
        row: list[str] = []
        while cursors[number] < len(lane.pieces) and lane.pieces[cursors[number]].start < end:
            index = cursors[number]
            piece = lane.pieces[index]
            part = (max(start, piece.start), min(end, piece.end))
            row.append(box(text, lane, piece, part, index, look, reference))
            if piece.end > end:
                break  # the rest of it is drawn in the next block
            cursors[number] += 1
        label = escape(named(lane_name(lane.name, look.language), lane.unit, look.language))
        rows.append(f'<div class="kl-lane kl-{lane.unit}" role="list" aria-label="{label}">{"".join(row)}</div>')
    kinds = "kl-block" + (" w" if start and text[start].isspace() and text[start] != "\n" else "")
    line_end = '<div class="kl-break"></div>' if text[start:end].endswith("\n") else ""
    label = escape(visible(text[start:end].strip() or text[start:end]))
    width = _width(text[start:end], look)
    return f'<div class="{kinds}" role="group" aria-label="{label}" style="width:{width}px">{"".join(rows)}</div>{line_end}'


def _width(text: str, look: Look) -> int:
    spaces = text.count(" ")
    return (len(text) - spaces) * (WIDE if look.form == "restored" else CELL) + spaces * (
        BROAD if look.color == "bits" else SPACE
    )


def _line(before: str, look: Look) -> str:
    """Return the line through all rows where every lane cuts."""
    return f'<u style="left:{_width(before, look)}px"></u>'
