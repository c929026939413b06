"""One piece as a box in its lane: characters on the grid, the line of its cut, marks, the tags under it.

>>> box("가", Lane("syllable", "syllable"), Piece(0, 1, (Token(7, "가", 0, 1),)), (0, 1), 0, Look())[:28]
'<span class="kl-p t n1 a u-s'

A run of precomposed syllables is one element: the style sheet spaces its letters to the grid, and `pieces.js` tells it
how wide the reader's font draws a syllable. Anything else has an element a character, whose width is fixed.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections import Counter
from html import escape

from korlm.text.hangul import shown
from korlm.text.spans import Span
from korlm.ui.glosses import short
from korlm.ui.glyphs import glyph, visible
from korlm.ui.plain import GROUPS, Lane, Look, Piece, Token
from korlm.ui.scale import level
from korlm.ui.tips import describe

CELL, WIDE = 29, 40  # px: a character, one where restored forms are drawn; as in the style sheet
SPACE, BROAD = 13, 22  # px: a space, one with a number under it; as in the style sheet
HUES = 12  # of pieces coloured by what they are
_RUN = re.compile("[가-힣]+")
_PARTS = re.compile("[가-힣]+|[^가-힣]")
_MARKS = {"boundary": "vo", "inside_morpheme": "vx", "inside_syllable": "vs", "inside_bytes": "vb"}


def box(text: str, lane: Lane, piece: Piece, span: Span, index: int, look: Look, reference: str = "") -> str:
    """Return one piece, or the part of it that lies in a block: then open on the sides where it goes on.

    Args:
        text: the whole text.
        lane: the piece's lane.
        piece: what to draw.
        span: the part of it that lies in the block.
        index: its place in the lane; two shades take turns.
        look: colours, forms, language.
        reference: the lane that cuts are judged against, or nothing.
    """
    begins = span[0] == piece.start
    body, run = _body(text, lane, piece, span, look, reference)
    names = ["kl-p", *([f"t n{run}"] if run else []), *_colors(text, piece, index, lane, look)]
    if begins:
        names += _edge(lane, piece, reference)
    names += [name for name, on in (("l", not begins), ("r", span[1] < piece.end), ("fb", piece.fallback)) if on]
    label = escape(describe(text, lane, piece, look, reference))
    under = _under(piece, span) if begins else ""
    small = f"<small>{escape(under)}</small>" if under else ""
    bits = f' data-bits="{piece.bits!r}"' if begins and piece.bits is not None else ""
    return (
        f'<span class="{" ".join(names)}" role="listitem" tabindex="-1"{bits} aria-label="{label}">{body}{small}</span>'
    )


def cells(text: str) -> str:
    """Return characters on the grid: runs of syllables as one element, others one each.

    >>> cells("가나!")
    '<b class="t n2">가나</b><i>!</i>'
    """
    return "".join(
        f'<b class="t n{len(part)}">{part}</b>' if _RUN.match(part) else cell(part) for part in _PARTS.findall(text)
    )


@functools.lru_cache(maxsize=8192)
def cell(character: str, more: str = "", inside: str = "") -> str:
    """Return one character in a cell of its own, with further classes and what is drawn inside it."""
    drawn = glyph(character)
    kind = {"space": "s", "sign": "v", "": ""}[drawn.kind]
    if len(drawn.text) > 2 and drawn.kind:
        kind += " w"  # a long name: smaller letters
    names = (kind + more).strip()
    opened = f'<i class="{names}">' if names else "<i>"
    return f"{opened}{escape(drawn.text)}{inside}</i>"


def _edge(lane: Lane, piece: Piece, reference: str) -> list[str]:
    """Return the classes of the cut before a piece: a line, whether it is alone, the verdict."""
    names = [name for name, made in (("c", lane.cuts), ("o", lane.lonely)) if piece.start in made]
    verdict = lane.verdict(piece.tokens[0], reference) if piece.tokens else ""
    return [*names, _MARKS[verdict]] if verdict in _MARKS else names


def _colors(text: str, piece: Piece, index: int, lane: Lane, look: Look) -> list[str]:
    if piece.bits is not None:
        return [f"x{level(piece.each)}"]
    shade = "b" if index % 2 else "a"
    if look.color == "piece":
        surface = text[piece.start : piece.end].strip() or " "
        return [f"h{zlib.crc32(surface.encode()) % HUES}"]
    groups = [morph.group if morph.group in GROUPS else "other" for morph in piece.morphemes]
    if groups:
        return [f"g-{groups[0]}", *([f"e-{groups[-1]}"] if groups[-1] != groups[0] else [])]
    return [shade, "u-" + lane.unit]


def _body(text: str, lane: Lane, piece: Piece, span: Span, look: Look, reference: str) -> tuple[str, int]:
    """Return what stands in the box, and how many syllables where it is nothing but a run of them."""
    part = text[span[0] : span[1]]
    if look.form == "restored" and span == (piece.start, piece.end) and (form := restored(text, piece)):
        return _restored(part, form), 0
    if len(piece.tokens) > 1:
        return _cut_further(text, lane, piece, span, reference), 0
    return (part, len(part)) if _RUN.fullmatch(part) else (cells(part), 0)


def restored(text: str, piece: Piece) -> str:
    """Return the forms of a piece's morphemes joined by ``+``, or nothing where they are what stands in the text.

    >>> from korlm.ui.plain import Morph
    >>> restored("봤다", Piece(0, 1, (), (Morph("보", "보다", "VV"), Morph("았", "았", "EP"))))
    '보+았'
    """
    forms = [shown(morph.form) for morph in piece.morphemes]
    return "+".join(forms) if forms and "".join(forms) != text[piece.start : piece.end].strip() else ""


def _restored(part: str, form: str) -> str:
    """Return a restored form on as many cells as the surface has, in letters that fit."""
    lead = len(part) - len(part.lstrip(" "))
    room = len(part) - lead
    size = max(8.5, min(16, WIDE * room * 0.86 / sum(0.55 if c == "+" or c.isascii() else 1 for c in form)))
    joined = escape(visible(form)).replace("+", "<u>+</u>")
    return cells(part[:lead]) + f'<em class="n{room}" style="font-size:{size:.1f}px">{joined}</em>'


def _cut_further(text: str, lane: Lane, piece: Piece, span: Span, reference: str) -> str:
    """Return a piece of several ids: a dotted line before each that begins between characters, marks inside others."""
    begins: dict[int, str] = {}
    inside: dict[int, list[str]] = {}
    for before, token in zip(piece.tokens, piece.tokens[1:], strict=False):
        mark = _MARKS.get(lane.verdict(token, reference), "")
        if token.start >= before.end:
            begins[token.start] = f" n {mark}".rstrip()
        else:
            inside.setdefault(token.start, []).append(mark)
    in_bytes = {at for at, count in Counter(token.start for token in piece.tokens).items() if count > 1}
    drawn = []
    for at in range(*span):
        more, letters = begins.get(at, ""), ""
        if at in inside and inside[at][0]:
            letters = f'<q class="{inside[at][0]}"></q>'
        if at in inside and (parts := _letters(piece, at)):
            more, letters = more + " j", letters + f"<s>{escape(''.join(parts))}</s>"
        elif at in in_bytes:
            more += " b"
        drawn.append(cell(text[at], more, letters))
    return "".join(drawn)


def _letters(piece: Piece, at: int) -> list[str]:
    """Return the letters that the ids cut one syllable into, or nothing where they are bytes."""
    parts = [_portion(token, at) for token in piece.tokens if token.start <= at < token.end]
    return [] if any("<0x" in part for part in parts) else [part for part in parts if part]


def _portion(token: Token, at: int) -> str:
    """Return what of an id's text stands on one character; letters before a syllable stand on the one before it."""
    after = token.end - at - 1
    text = token.text[: len(token.text) - after] if after else token.text
    return text[at - token.start :]


def _under(piece: Piece, span: Span) -> str:
    """Return the small line under a piece: its tags, else how many ids it became where that is not one."""
    if piece.under:
        return piece.under
    tags = [morph.tag for morph in piece.morphemes]
    if tags:
        return short(tags, span[1] - span[0])
    letters = any(_letters(piece, token.start) for token in piece.tokens[1:] if token.start < piece.tokens[0].end)
    return f"×{len(piece.tokens)}" if len(piece.tokens) > 1 and not letters else ""
