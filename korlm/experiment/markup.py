"""A report as blocks in two languages, and as Markdown and HTML: Korean first, English beside it.

>>> print(markdown([Heading(2, "표", "Table"), Table([("이름", "name")], [["<unk>|x"]])]))
## 표 · Table
<BLANKLINE>
| 이름 name |
|:--|
| &lt;unk&gt;\\|x |
<BLANKLINE>
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from korlm.experiment.style import CSS


@dataclass(frozen=True)
class Heading:
    """A heading of a level from 1."""

    level: int
    ko: str
    en: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    ko: str
    en: str


@dataclass(frozen=True)
class Table:
    """Rows of plain text under heads in both languages; the first column names the row. Marked cells stand out."""

    heads: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    marked: frozenset[tuple[int, int]] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Drawing:
    """A figure: an SVG that takes the page's colours, and the name of its PNG for Markdown."""

    svg: str
    png: str
    ko: str
    en: str


@dataclass(frozen=True)
class Code:
    """Text as it stands."""

    text: str


_MARKUP = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
Block = Heading | Text | Table | Drawing | Code


def markdown(blocks: Sequence[Block]) -> str:
    """Return blocks as Markdown."""
    return "\n".join(_markdown(block) for block in blocks)


def html(blocks: Sequence[Block], title: str) -> str:
    """Return blocks as one page that needs nothing else; it is well-formed XML as well."""
    body = "\n".join(_html(block) for block in blocks)
    return f"""<!DOCTYPE html>
<html lang="ko" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{escape(title)}</title>
<style>
{CSS}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _markdown(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_plain(block.ko)} · {_plain(block.en)}\n"
    if isinstance(block, Text):
        return f"{_plain(block.ko)}\n\n*{_plain(block.en)}*\n"
    if isinstance(block, Drawing):
        return f"![{_plain(block.ko)}](figures/{block.png})\n\n{_plain(block.ko)} *{_plain(block.en)}*\n"
    if isinstance(block, Code):
        return f"```\n{block.text}\n```\n"
    lines = ["| " + " | ".join(_plain(_both(head)) for head in block.heads) + " |"]
    lines.append("|:--" + "|--:" * (len(block.heads) - 1) + "|")
    for row, cells in enumerate(block.rows):
        written = [_plain(cell) for cell in cells]
        marked = [f"**{cell}**" if (row, column) in block.marked else cell for column, cell in enumerate(written)]
        lines.append("| " + " | ".join(marked) + " |")
    return "\n".join(lines) + "\n"


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        tag = f"h{block.level}"
        return f'<{tag}>{escape(block.ko)} <span lang="en">{escape(block.en)}</span></{tag}>'
    if isinstance(block, Text):
        return f'<p>{escape(block.ko)}</p>\n<p lang="en">{escape(block.en)}</p>'
    if isinstance(block, Drawing):
        return (
            f'<figure>\n{block.svg}\n<figcaption>{escape(block.ko)} <span lang="en">{escape(block.en)}</span>'
            "</figcaption>\n</figure>"
        )
    if isinstance(block, Code):
        return f"<pre>{escape(block.text)}</pre>"
    heads = "".join(
        f'<th scope="col">{escape(ko)}' + (f'<br/><span lang="en">{escape(en)}</span>' if en else "") + "</th>"
        for ko, en in block.heads
    )
    rows = "\n".join(_html_row(row, cells, block.marked) for row, cells in enumerate(block.rows))
    return f'<div class="table"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _html_row(row: int, cells: Sequence[str], marked: frozenset[tuple[int, int]]) -> str:
    written = [f'<th scope="row">{escape(cells[0])}</th>']
    for column, cell in enumerate(cells[1:], 1):
        kind = ' class="marked"' if (row, column) in marked else ""
        written.append(f"<td{kind}>{escape(cell)}</td>")
    return f"<tr>{''.join(written)}</tr>"


def _both(head: tuple[str, str]) -> str:
    return f"{head[0]} {head[1]}".strip()


def _plain(text: str) -> str:
    """Return a text in which Markdown finds nothing of its own."""
    return re.sub(r"[&<>|*_\\`\[\]]", lambda found: _MARKUP.get(found[0], "\\" + found[0]), text)
