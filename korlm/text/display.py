"""Text on a terminal: width in columns, padding, abbreviation, visible control characters, aligned columns.

>>> display_width("한a"), pad_left("한", 4), abbreviate("가나다라마", 4), show_invisible("a b\\n")
(3, '  한', '가나다…', 'a␣b␊')
"""

from __future__ import annotations

from collections.abc import Sequence

import wcwidth

_JOINERS = "\u200c\u200d"  # part of a visible sequence, such as a family emoji, unless alone


def display_width(text: str) -> int:
    """Return the number of terminal columns of a text: two for Hangul, none for combining and control characters."""
    return wcwidth.width(text, control_codes="ignore")


def pad_left(text: str, width: int) -> str:
    """Right-align a text in ``width`` columns."""
    return " " * (width - display_width(text)) + text


def pad_right(text: str, width: int) -> str:
    """Left-align a text in ``width`` columns."""
    return text + " " * (width - display_width(text))


def abbreviate(text: str, max_length: int, *, keep_end: bool = False) -> str:
    """Return a text of at most ``max_length`` characters, with an ellipsis for the part left out at its end or start.

    >>> abbreviate("runs/a/b/unigram", 9, keep_end=True)
    '…/unigram'
    """
    if len(text) <= max_length:
        return text
    return "…" + text[1 - max_length :] if keep_end else text[: max_length - 1] + "…"


def show_invisible(text: str) -> str:
    """Return a text with a visible sign for each space and unprintable character; joiners inside a text stay.

    >>> show_invisible(" \\u200b"), show_invisible("\\u200d")
    ('␣<U+200B>', '<U+200D>')
    """
    return "".join(c if c in _JOINERS and len(text) > 1 else _visible_sign(c) for c in text)


def _visible_sign(character: str) -> str:
    if character == " ":
        return "␣"
    if ord(character) < 32:
        return chr(0x2400 + ord(character))  # Unicode's control pictures
    return character if character.isprintable() else f"<U+{ord(character):04X}>"


def format_columns(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells in columns: the first left-aligned, the others right-aligned; a lone cell is a heading.

    >>> print(format_columns([["가", "나"], ["a", "12"]]))
    가  나
    a   12
    """
    rows = [line for line in lines if len(line) > 1]
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_format_row(line, widths) if len(line) > 1 else f"\n[{line[0]}]" for line in lines)


def _format_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    rest = map(pad_left, cells[1:], widths[1:])
    return "  ".join([pad_right(cells[0], widths[0]), *rest])
