"""One piece as a box in its lane: characters on the grid, the line of its cut, marks, the tags under it.

>>> render_segment("가", DisplayLane("syllable", "syllable"), DisplaySegment(0, 1, (DisplayToken(7, "가", 0, 1),)), (0, 1), 0, ViewOptions())[:28]
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

from korlm.app.view_models import TAG_GROUPS, DisplayLane, DisplaySegment, DisplayToken, ViewOptions
from korlm.app.widgets.surprisal import surprisal_level
from korlm.app.widgets.tag_glosses import abbreviate_tags
from korlm.app.widgets.tooltips import describe_segment
from korlm.app.widgets.visible_characters import character_glyph, make_visible
from korlm.text.hangul import to_compatibility_jamo
from korlm.text.spans import Span

CELL_WIDTH, WIDE_CELL_WIDTH = 29, 40  # px: a character, one where restored forms are drawn; as in the style sheet
SPACE_WIDTH, WIDE_SPACE_WIDTH = 13, 22  # px: a space, one with a number under it; as in the style sheet
NUM_HUES = 12  # of pieces coloured by what they are
_SYLLABLES = re.compile("[가-힣]+")
_SYLLABLES_OR_OTHER = re.compile("[가-힣]+|[^가-힣]")
_BOUNDARY_CLASSES = {"boundary": "vo", "inside_morpheme": "vx", "inside_syllable": "vs", "inside_bytes": "vb"}


def render_segment(
    text: str,
    lane: DisplayLane,
    segment: DisplaySegment,
    span: Span,
    index: int,
    view_options: ViewOptions,
    reference: str = "",
) -> str:
    """Return one piece, or the part of it that lies in a block: then open on the sides where it goes on.

    Args:
        text: the whole text.
        lane: the piece's lane.
        segment: what to draw.
        span: the part of it that lies in the block.
        index: its place in the lane; two shades take turns.
        view_options: colours, forms, language.
        reference: the lane that cuts are judged against, or nothing.
    """
    begins = span[0] == segment.start
    body, run = _render_body(text, lane, segment, span, view_options, reference)
    names = ["kl-p", *([f"t n{run}"] if run else []), *_color_classes(text, segment, index, lane, view_options)]
    if begins:
        names += _boundary_classes(lane, segment, reference)
    names += [name for name, on in (("l", not begins), ("r", span[1] < segment.end), ("fb", segment.fallback)) if on]
    label = escape(describe_segment(text, lane, segment, view_options, reference))
    under = _caption(segment, span) if begins else ""
    small = f"<small>{escape(under)}</small>" if under else ""
    bits = f' data-bits="{segment.bits!r}"' if begins and segment.bits is not None else ""
    return (
        f'<span class="{" ".join(names)}" role="listitem" tabindex="-1"{bits} aria-label="{label}">{body}{small}</span>'
    )


def render_cells(text: str) -> str:
    """Return characters on the grid: runs of syllables as one element, others one each.

    >>> render_cells("가나!")
    '<b class="t n2">가나</b><i>!</i>'
    """
    return "".join(
        f'<b class="t n{len(part)}">{part}</b>' if _SYLLABLES.match(part) else render_cell(part)
        for part in _SYLLABLES_OR_OTHER.findall(text)
    )


@functools.lru_cache(maxsize=8192)
def render_cell(character: str, extra_classes: str = "", inside: str = "") -> str:
    """Return one character in a cell of its own, with further classes and what is drawn inside it."""
    drawn = character_glyph(character)
    kind = {"space": "s", "sign": "v", "": ""}[drawn.kind]
    if len(drawn.text) > 2 and drawn.kind:
        kind += " w"  # a long name: smaller letters
    names = (kind + extra_classes).strip()
    opened = f'<i class="{names}">' if names else "<i>"
    return f"{opened}{escape(drawn.text)}{inside}</i>"


def _boundary_classes(lane: DisplayLane, segment: DisplaySegment, reference: str) -> list[str]:
    """Return the classes of the cut before a piece: a line, whether it is alone, the verdict."""
    names = [name for name, made in (("c", lane.boundaries), ("o", lane.unique_boundaries)) if segment.start in made]
    verdict = lane.boundary_type(segment.tokens[0], reference) if segment.tokens else ""
    return [*names, _BOUNDARY_CLASSES[verdict]] if verdict in _BOUNDARY_CLASSES else names


def _color_classes(
    text: str, segment: DisplaySegment, index: int, lane: DisplayLane, view_options: ViewOptions
) -> list[str]:
    if segment.bits is not None:
        return [f"x{surprisal_level(segment.bits_per_character)}"]
    shade = "b" if index % 2 else "a"
    if view_options.color == "piece":
        surface = text[segment.start : segment.end].strip() or " "
        return [f"h{zlib.crc32(surface.encode()) % NUM_HUES}"]
    groups = [morph.group if morph.group in TAG_GROUPS else "other" for morph in segment.morphemes]
    if groups:
        return [f"g-{groups[0]}", *([f"e-{groups[-1]}"] if groups[-1] != groups[0] else [])]
    return [shade, "u-" + lane.unit]


def _render_body(
    text: str, lane: DisplayLane, segment: DisplaySegment, span: Span, view_options: ViewOptions, reference: str
) -> tuple[str, int]:
    """Return what stands in the box, and how many syllables where it is nothing but a run of them."""
    part = text[span[0] : span[1]]
    if (
        view_options.form == "restored"
        and span == (segment.start, segment.end)
        and (form := restored_form(text, segment))
    ):
        return _render_restored_form(part, form), 0
    if len(segment.tokens) > 1:
        return _render_split_segment(text, lane, segment, span, reference), 0
    return (part, len(part)) if _SYLLABLES.fullmatch(part) else (render_cells(part), 0)


def restored_form(text: str, segment: DisplaySegment) -> str:
    """Return the forms of a piece's morphemes joined by ``+``, or nothing where they are what stands in the text.

    >>> from korlm.app.view_models import DisplayMorpheme
    >>> restored_form("봤다", DisplaySegment(0, 1, (), (DisplayMorpheme("보", "보다", "VV"), DisplayMorpheme("았", "았", "EP"))))
    '보+았'
    """
    forms = [to_compatibility_jamo(morph.form) for morph in segment.morphemes]
    return "+".join(forms) if forms and "".join(forms) != text[segment.start : segment.end].strip() else ""


def _render_restored_form(part: str, form: str) -> str:
    """Return a restored form on as many cells as the surface has, in letters that fit."""
    lead = len(part) - len(part.lstrip(" "))
    room = len(part) - lead
    size = max(8.5, min(16, WIDE_CELL_WIDTH * room * 0.86 / sum(0.55 if c == "+" or c.isascii() else 1 for c in form)))
    joined = escape(make_visible(form)).replace("+", "<u>+</u>")
    return render_cells(part[:lead]) + f'<em class="n{room}" style="font-size:{size:.1f}px">{joined}</em>'


def _render_split_segment(text: str, lane: DisplayLane, segment: DisplaySegment, span: Span, reference: str) -> str:
    """Return a piece of several ids: a dotted line before each that begins between characters, marks inside others."""
    begins: dict[int, str] = {}
    inside: dict[int, list[str]] = {}
    for before, token in zip(segment.tokens, segment.tokens[1:], strict=False):
        mark = _BOUNDARY_CLASSES.get(lane.boundary_type(token, reference), "")
        if token.start >= before.end:
            begins[token.start] = f" n {mark}".rstrip()
        else:
            inside.setdefault(token.start, []).append(mark)
    in_bytes = {at for at, count in Counter(token.start for token in segment.tokens).items() if count > 1}
    drawn = []
    for at in range(*span):
        more, letters = begins.get(at, ""), ""
        if at in inside and inside[at][0]:
            letters = f'<q class="{inside[at][0]}"></q>'
        if at in inside and (parts := _jamo_parts(segment, at)):
            more, letters = more + " j", letters + f"<s>{escape(''.join(parts))}</s>"
        elif at in in_bytes:
            more += " b"
        drawn.append(render_cell(text[at], more, letters))
    return "".join(drawn)


def _jamo_parts(segment: DisplaySegment, at: int) -> list[str]:
    """Return the letters that the ids cut one syllable into, or nothing where they are bytes."""
    parts = [_text_on_character(token, at) for token in segment.tokens if token.start <= at < token.end]
    return [] if any("<0x" in part for part in parts) else [part for part in parts if part]


def _text_on_character(token: DisplayToken, at: int) -> str:
    """Return what of an id's text stands on one character; letters before a syllable stand on the one before it."""
    after = token.end - at - 1
    text = token.text[: len(token.text) - after] if after else token.text
    return text[at - token.start :]


def _caption(segment: DisplaySegment, span: Span) -> str:
    """Return the small line under a piece: its tags, else how many ids it became where that is not one."""
    if segment.caption:
        return segment.caption
    tags = [morph.tag for morph in segment.morphemes]
    if tags:
        return abbreviate_tags(tags, span[1] - span[0])
    letters = any(
        _jamo_parts(segment, token.start) for token in segment.tokens[1:] if token.start < segment.tokens[0].end
    )
    return f"×{len(segment.tokens)}" if len(segment.tokens) > 1 and not letters else ""
