"""Reports in two languages as Markdown and HTML: Korean first, English beside it.

>>> print(blocks_to_markdown([Heading(2, "표", "Table"), ReportTable([("이름", "name")], [["<unk>|x"]])]))
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
from typing import ClassVar

from korlm.reporting.templating import fill_template


def format_pipe_table(rows: Sequence[Sequence[str]], num_text_columns: int = 1) -> str:
    """Return a Markdown table of cells that hold Markdown; the first row is the header, later columns are numbers.

    >>> print(format_pipe_table([["bot", "SSA"], ["`eliza`", "0.251"]]))
    | bot | SSA |
    | --- | ---: |
    | `eliza` | 0.251 |
    """
    alignment = ["---"] * num_text_columns + ["---:"] * (len(rows[0]) - num_text_columns)
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], alignment, *rows[1:]])


@dataclass(frozen=True)
class Heading:
    """A heading; the level counts from 1."""

    kind: ClassVar = "heading"
    level: int
    ko: str
    en: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    kind: ClassVar = "paragraph"
    ko: str
    en: str


@dataclass(frozen=True)
class ReportTable:
    """A table of plain text with headers in both languages; the first column names the row."""

    kind: ClassVar = "table"
    headers: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    highlighted_cells: frozenset[tuple[int, int]] = field(default_factory=frozenset)


@dataclass(frozen=True)
class FigureBlock:
    """A figure: an SVG in the page's colors for HTML, and the file name of its PNG for Markdown."""

    kind: ClassVar = "figure"
    svg: str
    png_name: str
    ko: str
    en: str


@dataclass(frozen=True)
class CodeBlock:
    """Preformatted text."""

    kind: ClassVar = "code"
    text: str


ReportBlock = Heading | Paragraph | ReportTable | FigureBlock | CodeBlock
_HTML_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def blocks_to_markdown(blocks: Sequence[ReportBlock]) -> str:
    """Return blocks as Markdown."""
    return "\n".join(map(_block_to_markdown, blocks))


def blocks_to_html(blocks: Sequence[ReportBlock], title: str) -> str:
    """Return blocks as a self-contained page that is well-formed XML as well."""
    return fill_template("korlm.reporting", "report.html.jinja", title=title, blocks=blocks)


def _block_to_markdown(block: ReportBlock) -> str:
    if isinstance(block, CodeBlock):
        return f"```\n{block.text}\n```\n"
    if isinstance(block, ReportTable):
        return _table_to_markdown(block)
    ko, en = _escape_markdown(block.ko), _escape_markdown(block.en)
    if isinstance(block, Heading):
        return f"{'#' * block.level} {ko} · {en}\n"
    if isinstance(block, Paragraph):
        return f"{ko}\n\n*{en}*\n"
    return f"![{ko}](figures/{block.png_name})\n\n{ko} *{en}*\n"


def _table_to_markdown(table: ReportTable) -> str:
    lines = [[_escape_markdown(f"{ko} {en}".strip()) for ko, en in table.headers]]
    for row, cells in enumerate(table.rows):
        escaped = map(_escape_markdown, cells)
        lines.append([
            f"**{cell}**" if (row, column) in table.highlighted_cells else cell for column, cell in enumerate(escaped)
        ])  # fmt: skip
    header, *body = (f"| {' | '.join(cells)} |\n" for cells in lines)
    return "".join([header, "|:--" + "|--:" * (len(table.headers) - 1) + "|\n", *body])


def _escape_markdown(text: str) -> str:
    """Return a text with Markdown's and HTML's special characters escaped."""
    return re.sub(r"[&<>|*_\\`\[\]]", lambda match: _HTML_ESCAPES.get(match[0], "\\" + match[0]), text)
