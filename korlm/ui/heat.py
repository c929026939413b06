"""The attention of an answer as a table: a row for each piece of the answer, a column for each of the question.

>>> "<td class=\\"kl-s4\\" title=\\"밥 → 배: 62%\\">62</td>" in heat(("배", "?"), ("밥",), ((0.62, 0.38),), "why-1")
True
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from html import escape

from korlm.ui.both import both
from korlm.ui.glyphs import visible

ROWS, COLUMNS = 40, 32  # what is drawn at most
_EDGES = (0.05, 0.15, 0.3, 0.5, 0.75)  # shares between the six shades: most are small
_BYTE = re.compile("<0x([0-9A-F]{2})>")
_ENDS = {"<s>": "⊢", "</s>": "⊣"}  # the edges of a text, as one sign: they are looked at, too


def heat(heard: Sequence[str], pieces: Sequence[str], attention: Sequence[Sequence[float]], name: str) -> str:
    """Return the table in a box that scrolls by itself.

    Args:
        heard: pieces of the question.
        pieces: those of the answer.
        attention: a row for each of ``pieces``, each with a share for each of ``heard``.
        name: an id that is this table's alone.
    """
    heard, pieces, attention = whole(heard, pieces, attention)
    heads = "".join(f'<th scope="col">{piece(one)}</th>' for one in heard[:COLUMNS])
    rows = "".join(
        f'<tr><th scope="row">{piece(one)}</th>{_cells(one, heard, shares)}</tr>'
        for one, shares in zip(pieces[:ROWS], attention, strict=False)
    )
    cut = len(pieces) > ROWS or len(heard) > COLUMNS
    note = f" {both('heat_cut', rows=ROWS, columns=COLUMNS)}" if cut else ""
    return (
        f'<section class="kl-section"><h4 id="{name}-heat">{both("heat")}</h4><div class="kl-scroll kl-heatbox" '
        f'tabindex="0" role="region" aria-labelledby="{name}-heat"><table class="kl-heat"><thead><tr><td></td>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div><p>{both('heat_axes')}{note}</p></section>"
    )


def whole(
    heard: Sequence[str], pieces: Sequence[str], attention: Sequence[Sequence[float]]
) -> tuple[list[str], list[str], list[list[float]]]:
    """Return pieces and attention with the bytes of a character as one piece: nobody reads a syllable by its bytes.

    Shares of the bytes of a question's character add up; those of an answer's character are their mean.

    >>> whole(["<0xEB>", "<0xB7>", "<0x81>", "?"], ["네"], [[0.125, 0.25, 0.125, 0.5]])
    (['뷁', '?'], ['네'], [[0.5, 0.5]])
    """
    columns, rows = _characters(heard), _characters(pieces)
    summed = [[sum(shares[place] for place in places) for _, places in columns] for shares in attention]
    means = [
        [sum(shares) / len(shares) for shares in zip(*(summed[place] for place in places), strict=True)]
        for _, places in rows
        if places[-1] < len(summed)
    ]
    return [text for text, _ in columns], [text for text, _ in rows], means


def _characters(pieces: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Return texts, each with the places of its pieces: the bytes that make a character up are one."""
    made: list[tuple[str, list[int]]] = []
    at = 0
    while at < len(pieces):
        runs = ((length, _character(pieces[at : at + length])) for length in range(1, 5))  # UTF-8 takes four at most
        length, text = next(((length, text) for length, text in runs if text), (1, pieces[at]))
        made.append((text, list(range(at, at + length))))
        at += length
    return made


def _character(pieces: Sequence[str]) -> str:
    """Return the character that some bytes are; nothing where they are none, or no bytes."""
    found = [_BYTE.fullmatch(one) for one in pieces]
    try:
        return bytes(int(one.group(1), 16) if one else 0xFF for one in found).decode()  # 0xFF is in no character
    except UnicodeDecodeError:
        return ""


def piece(text: str) -> str:
    """Return a piece to be read, as HTML: a space in it is seen, the edges of a text are signs.

    >>> piece(" 밥"), piece("<s>"), piece("<b>")
    ('␣밥', '⊢', '&lt;b&gt;')
    """
    return escape(_ENDS.get(text) or visible(text))


def _cells(row: str, heard: Sequence[str], shares: Sequence[float]) -> str:
    return "".join(
        f'<td class="kl-s{bisect_right(_EDGES, share)}" title="{piece(row)} → {piece(one)}: {share:.0%}">'
        f"{100 * share:.0f}</td>"
        for one, share in zip(heard[:COLUMNS], shares, strict=False)
    )
