"""The attention of an answer as a table: a row for each piece of the answer, a column for each of the question.

>>> "<td class=\\"kl-s4\\" title=\\"밥 → 배: 62%\\">62</td>" in heat(("배", "?"), ("밥",), ((0.62, 0.38),), "why-1")
True
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from html import escape

from korlm.ui.both import both
from korlm.ui.glyphs import visible

ROWS, COLUMNS = 40, 32  # what is drawn at most
_EDGES = (0.05, 0.15, 0.3, 0.5, 0.75)  # shares between the six shades: most are small
_ENDS = {"<s>": "⊢", "</s>": "⊣"}  # the edges of a text, as one sign: they are looked at, too


def heat(heard: Sequence[str], pieces: Sequence[str], attention: Sequence[Sequence[float]], name: str) -> str:
    """Return the table in a box that scrolls by itself.

    Args:
        heard: pieces of the question.
        pieces: those of the answer.
        attention: a row for each of ``pieces``, each with a share for each of ``heard``.
        name: an id that is this table's alone.
    """
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
