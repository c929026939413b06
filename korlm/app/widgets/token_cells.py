"""One segment as a box in its lane: characters in cells, boundary marks, and the tags below.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> from korlm.app.lanes import build_lane
>>> render_segment(build_lane("syllable", "가", load_tokenizer("syllable")), 0, (0, 1), ViewOptions())[:36]
'<span class="kl-p t n1 a u-syllable"'

Thousands of cells make a page, so they are formatted here and not in a template: Jinja doubles the time.

A run of precomposed syllables is one element: the style sheet spaces its letters by the width of a syllable in the
reader's font, which `pieces.js` measures. Any other character has an element of its own with a fixed width.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections import Counter
from html import escape

from korlm.app.lanes import Lane, ViewOptions
from korlm.app.widgets.surprisal import surprisal_level
from korlm.app.widgets.tag_glosses import abbreviate_tags
from korlm.app.widgets.tooltips import describe_segment
from korlm.app.widgets.visible_characters import character_glyph, make_visible
from korlm.morph.tags import COARSE_TAGS, coarse_tag
from korlm.text.hangul import to_compatibility_jamo
from korlm.text.spans import Span

CELL_WIDTH, WIDE_CELL_WIDTH = 29, 40  # px: a character, and one where restored forms are drawn; as in the style sheet
SPACE_WIDTH, WIDE_SPACE_WIDTH = 13, 22  # px: a space, and one with a number below; as in the style sheet
NUM_HUES = 12  # of tokens colored by their text
TAG_GROUPS = tuple(COARSE_TAGS)
# Classes of the style sheet (``app.css``); short, since a page has thousands of cells.
#
#   element           class          meaning
#   segment (kl-p)    t n3           nothing but a run of 3 syllables
#                     l, r           continues from the block before, into the block after
#                     c, o           a boundary before it; one that no other lane has
#                     vo vx vs vb    type of that boundary, see BOUNDARY_CLASSES
#                     fb             out of vocabulary: falls back to smaller tokens
#                     x0 ... x5      color by surprisal
#                     h0 ... h11     color by text
#                     g-noun e-verb  color by the coarse tag of the first and of the last morpheme
#                     a, b  u-word   colors that alternate, and the unit that decides the hue
#   <b> run           t n3           a run of 3 syllables
#   <i> character     s, v, w        a space; a sign for an invisible character; a long name in small letters
#                     n vo ...       another token of the segment begins here, and the type of that boundary
#                     j, b           split into jamo; split into bytes
#   <em> form         n3             the restored form, 3 cells wide
#   <q> mark          vo vx vs vb    a boundary inside the character
BOUNDARY_CLASSES = {"boundary": "vo", "inside_morpheme": "vx", "inside_syllable": "vs", "inside_bytes": "vb"}
_SYLLABLES = re.compile("[가-힣]+")
_SYLLABLES_OR_OTHER = re.compile("[가-힣]+|[^가-힣]")


def render_segment(
    lane: Lane, index: int, span: Span, view_options: ViewOptions, reference: str = "", *, is_tab_stop: bool = False
) -> str:
    """Return the HTML of a segment, or of the part of it inside a block: then open where the segment continues.

    ``span`` are the characters inside the block, ``reference`` is the lane that boundaries are compared with, or empty,
    and ``is_tab_stop`` tells whether the Tab key moves here.
    """
    segment = lane.segments[index]
    is_start = span[0] == segment.start
    body, num_syllables = _segment_body(lane, index, span, view_options, reference)
    classes = ["kl-p", *([f"t n{num_syllables}"] if num_syllables else []), *_color_classes(lane, index, view_options)]
    if is_start:
        classes += _boundary_classes(lane, index, reference)
    flags = ("l", not is_start), ("r", span[1] < segment.end), ("fb", index in lane.oov_segments)
    classes += [name for name, is_set in flags if is_set]
    label = escape(describe_segment(lane, index, view_options, reference))
    caption = _segment_caption(lane, index, span) if is_start else ""
    small = f"<small>{escape(caption)}</small>" if caption else ""
    bits = f' data-bits="{lane.segment_bits[index]!r}"' if is_start and lane.segment_bits else ""
    return (
        f'<span class="{" ".join(classes)}" role="listitem" tabindex="{0 if is_tab_stop else -1}"{bits} '
        f'aria-label="{label}">{body}{small}</span>'
    )


def render_cells(text: str) -> str:
    """Return the HTML of characters in cells: a run of syllables as one element, any other character as its own.

    >>> render_cells("가나!")
    '<b class="t n2">가나</b><i>!</i>'
    """
    return "".join(
        f'<b class="t n{len(part)}">{part}</b>' if _SYLLABLES.match(part) else render_cell(part)
        for part in _SYLLABLES_OR_OTHER.findall(text)
    )


@functools.lru_cache(maxsize=8192)
def render_cell(character: str, extra_classes: str = "", inside: str = "") -> str:
    """Return the HTML of one character in its own cell, with further classes and with marks inside it."""
    glyph = character_glyph(character)
    kind = {"space": "s", "sign": "v", "": ""}[glyph.kind]
    if len(glyph.text) > 2 and glyph.kind:
        kind += " w"  # smaller letters for a long name
    classes = (kind + extra_classes).strip()
    class_attribute = f' class="{classes}"' if classes else ""
    return f"<i{class_attribute}>{escape(glyph.text)}{inside}</i>"


def _boundary_classes(lane: Lane, index: int, reference: str) -> list[str]:
    """Return the classes of the boundary before a segment: a line, whether no other lane has it, and its type."""
    start, tokens = lane.segments[index].start, lane.token_indices[index]
    classes = [name for name, starts in (("c", lane.boundaries), ("o", lane.unique_boundaries)) if start in starts]
    boundary_type = lane.boundary_type(tokens[0], reference) if tokens else ""
    return [*classes, BOUNDARY_CLASSES[boundary_type]] if boundary_type in BOUNDARY_CLASSES else classes


def _color_classes(lane: Lane, index: int, view_options: ViewOptions) -> list[str]:
    segment = lane.segments[index]
    if lane.segment_bits:
        return [f"x{surprisal_level(lane.segment_bits[index] / max(1, segment.end - segment.start))}"]
    if view_options.color == "piece":
        surface = lane.text[segment.start : segment.end].strip() or " "
        return [f"h{zlib.crc32(surface.encode()) % NUM_HUES}"]
    groups = segment_tag_groups(lane, index)
    if groups:
        return [f"g-{groups[0]}", *([f"e-{groups[-1]}"] if groups[-1] != groups[0] else [])]
    return ["b" if index % 2 else "a", "u-" + lane.unit]


def segment_tag_groups(lane: Lane, index: int) -> list[str]:
    """Return the coarse tag of each morpheme of a segment."""
    return [coarse_tag(morpheme.sejong or morpheme.tag) for morpheme in lane.segments[index].morphemes]


def _segment_body(lane: Lane, index: int, span: Span, view_options: ViewOptions, reference: str) -> tuple[str, int]:
    """Return the content of the box, and the number of its syllables if it is nothing but a run of them."""
    segment = lane.segments[index]
    surface = lane.text[span[0] : span[1]]
    if view_options.form == "restored" and span == segment[:2] and (form := restored_form(lane, index)):
        return _render_restored_form(surface, form), 0
    if len(lane.token_indices[index]) > 1:
        return _render_split_segment(lane, index, span, reference), 0
    return (surface, len(surface)) if _SYLLABLES.fullmatch(surface) else (render_cells(surface), 0)


def restored_form(lane: Lane, index: int) -> str:
    """Return the forms of a segment's morphemes joined by ``+``, or an empty string if they equal its surface.

    >>> from korlm.morph.base import Morpheme
    >>> from korlm.tokenizers.encoding import Encoding, Segment
    >>> morphemes = (Morpheme("보", "VV", 0, 1), Morpheme("았", "EP", 0, 1))
    >>> restored_form(Lane("kiwi", "morpheme", Encoding("봤다", [], [], [], [Segment(0, 1, morphemes)], [])), 0)
    '보+았'
    """
    segment = lane.segments[index]
    forms = [to_compatibility_jamo(morpheme.form) for morpheme in segment.morphemes]
    return "+".join(forms) if forms and "".join(forms) != lane.text[segment.start : segment.end].strip() else ""


def _render_restored_form(surface: str, form: str) -> str:
    """Render a restored form on as many cells as the surface has, in letters that fit."""
    num_spaces = len(surface) - len(surface.lstrip(" "))
    num_cells = len(surface) - num_spaces
    width = sum(0.55 if character == "+" or character.isascii() else 1 for character in form)
    size = max(8.5, min(16, WIDE_CELL_WIDTH * num_cells * 0.86 / width))
    joined = "<u>+</u>".join(escape(part) for part in make_visible(form).split("+"))
    return f'{render_cells(surface[:num_spaces])}<em class="n{num_cells}" style="font-size:{size:.1f}px">{joined}</em>'


def _render_split_segment(lane: Lane, index: int, span: Span, reference: str) -> str:
    """Render a segment of several tokens: a dotted line before each token, or a mark inside the character."""
    assert lane.encoding is not None
    spans, tokens = lane.encoding.spans, lane.token_indices[index]
    lines: dict[int, str] = {}  # classes of the cell that a token begins at
    marks: dict[int, list[str]] = {}  # classes of the boundaries inside a character
    for token in tokens[1:]:
        start = spans[token][0]
        boundary_class = BOUNDARY_CLASSES.get(lane.boundary_type(token, reference), "")
        if start >= spans[token - 1][1]:
            lines[start] = f" n {boundary_class}".rstrip()
        else:
            marks.setdefault(start, []).append(boundary_class)
    in_bytes = {start for start, count in Counter(spans[token][0] for token in tokens).items() if count > 1}
    cells = []
    for at in range(*span):
        extra_classes, inside = lines.get(at, ""), ""
        if at in marks and marks[at][0]:
            inside = f'<q class="{marks[at][0]}"></q>'
        if at in marks and (parts := _jamo_parts(lane, index, at)):
            extra_classes, inside = extra_classes + " j", f"{inside}<s>{escape(''.join(parts))}</s>"
        elif at in in_bytes:
            extra_classes += " b"
        cells.append(render_cell(lane.text[at], extra_classes, inside))
    return "".join(cells)


def _jamo_parts(lane: Lane, index: int, at: int) -> list[str]:
    """Return the jamo that the tokens split one syllable into; empty where they are bytes."""
    assert lane.encoding is not None
    spans, texts = lane.encoding.spans, lane.encoding.tokens
    tokens = [token for token in lane.token_indices[index] if spans[token][0] <= at < spans[token][1]]
    parts = [_text_on_character(texts[token], spans[token], at) for token in tokens]
    return [] if any("<0x" in part for part in parts) else [part for part in parts if part]


def _text_on_character(token: str, span: Span, at: int) -> str:
    """Return the part of a token on one character; jamo before a syllable belong to the character before."""
    after = span[1] - at - 1
    return (token[: len(token) - after] if after else token)[at - span[0] :]


def _segment_caption(lane: Lane, index: int, span: Span) -> str:
    """Return the line below a segment: its bits, else its tags, else the number of its tokens if it has several."""
    if lane.segment_bits:
        return lane.rounded_bits[index]
    segment, tokens = lane.segments[index], lane.token_indices[index]
    if segment.morphemes:
        return abbreviate_tags([morpheme.tag for morpheme in segment.morphemes], span[1] - span[0])
    if len(tokens) < 2:
        return ""
    assert lane.encoding is not None
    spans = lane.encoding.spans
    starts = (spans[token][0] for token in tokens[1:])
    has_jamo = any(_jamo_parts(lane, index, start) for start in starts if start < spans[tokens[0]][1])
    return "" if has_jamo else f"×{len(tokens)}"
