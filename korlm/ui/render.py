"""Lanes to HTML: one text, a row of its characters, and under it a row for each tokenizer, cell for cell.

    >>> from korlm.ui.plain import Lane, Piece, Token
    >>> lane = Lane("syllable", "syllable", (Piece(0, 1, (Token(7, "<", 0, 1),)),))
    >>> "<i>&lt;</i>" in lanes_view("<", [lane], "ko")
    True

Every character has a cell of fixed width in every row, so that rows align whatever the font does; blocks of an eojeol
(at most `BLOCK` cells) wrap. Whatever came from a person passes through `html.escape`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from korlm.text.spans import Span
from korlm.ui.glosses import gloss, short
from korlm.ui.glyphs import glyph, readable, visible
from korlm.ui.plain import Lane, Piece
from korlm.ui.strings import named, say

DRAWN = 2_000  # characters; a browser lays out some 30,000 elements for seven lanes of them
BLOCK = 9  # cells: what fits beside the names on a telephone 390 pixels wide
_WORDS = re.compile(r"[^\S\n]*\S*\n|[^\S\n]*\S+|[^\S\n]+")
_SHOWN_IDS = 12


def notice(message: str, *, kind: str = "error") -> str:
    """Return a short message: ``kind`` is ``error``, ``wait`` or ``empty``."""
    role = "alert" if kind == "error" else "status"
    return f'<div class="kl kl-notice kl-{escape(kind)}" role="{role}">{escape(readable(message))}</div>'


def lanes_view(text: str, lanes: Sequence[Lane], language: str, *, waiting: Sequence[str] = ()) -> str:
    """Return the whole view: notices, the drawing, a legend.

    Args:
        text: the text that was cut.
        lanes: what each tokenizer made of it; lanes with an error become a notice.
        language: ``"ko"`` or ``"en"``.
        waiting: tokenizers that are still being loaded.
    """
    parts = [notice(f"{lane.name}: {lane.error.message(language)}") for lane in lanes if lane.error]
    if waiting:
        parts.append(notice(say("waiting", language, names=", ".join(waiting)), kind="wait"))
    if len(text) > DRAWN:
        values = {"shown": f"{DRAWN:,}", "total": f"{len(text):,}"}
        parts.append(notice(say("drawn", language, **values), kind="note"))
    good = [lane for lane in lanes if not lane.error]
    if good:
        parts += [_drawing(text[:DRAWN], good, language), _legend(language)]
    return f'<div class="kl-view">{"".join(parts)}</div>'


def _drawing(text: str, lanes: Sequence[Lane], language: str) -> str:
    spans = blocks(text, lanes)
    names = f'<div class="kl-source">{escape(say("source", language))}</div>' + "".join(
        f'<div class="kl-name kl-{lane.unit}"><b>{escape(lane.name)}</b>'
        f"<span>{escape(_unit(lane, language))}</span></div>"
        for lane in lanes
    )
    # The rows of blocks are equally high, so the names repeat down the left and are cut off where the blocks end.
    column = f'<div class="kl-names" aria-hidden="true">{f"<div>{names}</div>" * len(spans)}</div>'
    cursors = [0] * len(lanes)
    body = "".join(_block(text, span, lanes, cursors, language) for span in spans)
    label = escape(say("lanes_name", language))
    return (
        f'<div class="kl kl-drawing" role="group" aria-label="{label}">{column}<div class="kl-blocks">{body}</div>'
        '<div class="kl-tip" role="tooltip" hidden></div></div>'
    )


def _unit(lane: Lane, language: str) -> str:
    spoken = say("unit_" + lane.unit, language)
    return "" if spoken == lane.name else spoken


def blocks(text: str, lanes: Sequence[Lane]) -> list[Span]:
    """Cut ``text`` into spans that stay together on a row: an eojeol with the space before it, at most `BLOCK` cells.

    A longer stretch is cut where the most lanes have a boundary.
    """
    ends = [{piece.end for piece in lane.pieces} for lane in lanes]
    spans: list[Span] = []
    for found in _WORDS.finditer(text):
        start, end = found.span()
        while end - start > BLOCK:
            lead = len(text[start:end]) - len(text[start:end].lstrip(" "))
            last = min(start + BLOCK + min(lead, 1), end)
            cut = max(range(start + BLOCK // 2, last + 1), key=lambda at: (sum(at in known for known in ends), at))
            if cut == end:
                break
            spans.append((start, cut))
            start = cut
        spans.append((start, end))
    return spans


def _block(text: str, span: Span, lanes: Sequence[Lane], cursors: list[int], language: str) -> str:
    start, end = span
    ruler = "".join(_cell(character) for character in text[start:end])
    rows = [f'<div class="kl-ruler" aria-hidden="true">{ruler}</div>']
    for number, lane in enumerate(lanes):
        row: list[str] = []
        while cursors[number] < len(lane.pieces) and lane.pieces[cursors[number]].start < end:
            index = cursors[number]
            piece = lane.pieces[index]
            row.append(_piece(text, piece, (max(start, piece.start), min(end, piece.end)), index, language))
            if piece.end > end:
                break  # the rest of it is drawn in the next block
            cursors[number] += 1
        label = escape(named(lane.name, lane.unit, language))
        rows.append(f'<div class="kl-lane kl-{lane.unit}" role="list" aria-label="{label}">{"".join(row)}</div>')
    line_end = '<div class="kl-break"></div>' if text[start:end].endswith("\n") else ""
    return f'<div class="kl-block">{"".join(rows)}</div>{line_end}'


def _piece(text: str, piece: Piece, span: Span, index: int, language: str) -> str:
    """Return one box, or the part of it that lies in a block: then open on the sides where it goes on."""
    starts = {token.start for token in piece.tokens} - {piece.start}
    split = _split_characters(piece)
    cells = "".join(
        _cell(text[at], (" n" if at in starts else "") + (" b" if piece.fallback and at in split else ""))
        for at in range(*span)
    )
    names = ["kl-p", "kl-b" if index % 2 else "kl-a"]
    names += [name for name, on in (("kl-l", span[0] > piece.start), ("kl-r", span[1] < piece.end)) if on]
    names += ["kl-fb"] if piece.fallback else []
    label = escape(describe(text, piece, language))
    under = "" if span[0] > piece.start else escape(_under(piece, span))
    tab = "0" if index == 0 else "-1"  # one stop of the Tab key a lane; the arrow keys go on from there
    return (
        f'<span class="{" ".join(names)}" role="listitem" tabindex="{tab}" aria-label="{label}">'
        f"{cells}<small>{under}</small></span>"
    )


def _split_characters(piece: Piece) -> set[int]:
    seen: dict[int, int] = {}
    for token in piece.tokens:
        seen[token.start] = seen.get(token.start, 0) + 1
    return {at for at, count in seen.items() if count > 1}


def _under(piece: Piece, span: Span) -> str:
    """Return the small line under a piece: its tags, else how many ids it became where that is not one."""
    tags = [tag for _, tag in piece.morphemes]
    return short(tags, span[1] - span[0]) if tags else f"×{len(piece.tokens)}" if len(piece.tokens) > 1 else ""


def _cell(character: str, more: str = "") -> str:
    drawn = glyph(character)
    kind = {"space": "s", "sign": "v", "": ""}[drawn.kind]
    if len(drawn.text) > 2 and drawn.kind:
        kind += " w"  # a long name: smaller letters
    names = (kind + more).strip()
    return f'<i class="{names}">{escape(drawn.text)}</i>' if names else f"<i>{escape(drawn.text)}</i>"


def describe(text: str, piece: Piece, language: str) -> str:
    """Return all that is known of a piece, a line each: its text, span, ids, morphemes with tags explained."""
    lines = [
        f"‘{visible(text[piece.start : piece.end])}’ · {say('piece_span', language, start=piece.start, end=piece.end)}"
    ]
    if len(piece.tokens) == 1:
        lines.append(say("piece_id", language, ids=piece.tokens[0].id))
    else:
        shown = " · ".join(f"{visible(token.text)} {token.id}" for token in piece.tokens[:_SHOWN_IDS])
        more = " …" if len(piece.tokens) > _SHOWN_IDS else ""
        lines.append(f"{say('piece_ids', language, count=len(piece.tokens))}: {shown}{more}")
    lines += [
        f"{visible(form)}/{tag}" + (f" {meaning}" if (meaning := gloss(tag, language)) else "")
        for form, tag in piece.morphemes
    ]
    if piece.fallback:
        lines.append(say("piece_fallback", language))
    return "\n".join(lines)


def _legend(language: str) -> str:
    entries = (
        ('<span class="kl-p kl-a"><i>가</i></span><span class="kl-p kl-b"><i>나</i></span>', "legend_piece"),
        ('<span class="kl-p kl-a"><i class="s"></i><i>가</i></span>', "legend_space"),
        ('<span class="kl-p kl-a kl-fb"><i>가</i><i class="n">나</i></span>', "legend_fallback"),
        ('<span class="kl-p kl-a kl-fb"><i class="b">뷁</i></span>', "legend_bytes"),
    )
    items = "".join(
        f'<li><span class="kl-lane kl-subword" aria-hidden="true">{sample}</span> {escape(say(key, language))}</li>'
        for sample, key in entries
    )
    return f'<div class="kl kl-legend"><ul>{items}</ul><p>{escape(say("legend_tip", language))}</p></div>'
