"""A report as blocks in two languages, and as Markdown and HTML: Korean first, English beside it.

>>> print(blocks_to_markdown([Heading(2, "표", "Table"), ReportTable([("이름", "name")], [["<unk>|x"]])]))
## 표 · Table
<BLANKLINE>
| 이름 name |
|:--|
| &lt;unk&gt;\\|x |
<BLANKLINE>

What the cards of models and tokenizers share: a page in Korean and then English, tables, fences, what to install.

>>> card_table([("a", "1")], "en").splitlines()[-1]
'| a | 1 |'
>>> install_command("user/repo", "mecab+bpe")
'pip install "korlm[hub,mecab]"'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

from korlm.i18n import localize
from korlm.reporting.plots import REPORT_CSS
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.catalog import find_analyzer_name


@dataclass(frozen=True)
class Heading:
    """A heading of a level from 1."""

    level: int
    ko: str
    en: str


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    ko: str
    en: str


@dataclass(frozen=True)
class ReportTable:
    """Rows of plain text under heads in both languages; the first column names the row. Marked cells stand out."""

    headers: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    highlighted_cells: frozenset[tuple[int, int]] = field(default_factory=frozenset)


@dataclass(frozen=True)
class FigureBlock:
    """A figure: an SVG that takes the page's colours, and the name of its PNG for Markdown."""

    svg: str
    png_name: str
    ko: str
    en: str


@dataclass(frozen=True)
class CodeBlock:
    """Text as it stands."""

    text: str


_HTML_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
ReportBlock = Heading | Paragraph | ReportTable | FigureBlock | CodeBlock


def blocks_to_markdown(blocks: Sequence[ReportBlock]) -> str:
    """Return blocks as Markdown."""
    return "\n".join(_block_to_markdown(block) for block in blocks)


def blocks_to_html(blocks: Sequence[ReportBlock], title: str) -> str:
    """Return blocks as one page that needs nothing else; it is well-formed XML as well."""
    body = "\n".join(_block_to_html(block) for block in blocks)
    return f"""<!DOCTYPE html>
<html lang="ko" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>{escape(title)}</title>
<style>
{REPORT_CSS}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _block_to_markdown(block: ReportBlock) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_escape_markdown(block.ko)} · {_escape_markdown(block.en)}\n"
    if isinstance(block, Paragraph):
        return f"{_escape_markdown(block.ko)}\n\n*{_escape_markdown(block.en)}*\n"
    if isinstance(block, FigureBlock):
        return f"![{_escape_markdown(block.ko)}](figures/{block.png_name})\n\n{_escape_markdown(block.ko)} *{_escape_markdown(block.en)}*\n"
    if isinstance(block, CodeBlock):
        return f"```\n{block.text}\n```\n"
    lines = ["| " + " | ".join(_escape_markdown(_bilingual_header(head)) for head in block.headers) + " |"]
    lines.append("|:--" + "|--:" * (len(block.headers) - 1) + "|")
    for row, cells in enumerate(block.rows):
        written = [_escape_markdown(cell) for cell in cells]
        marked = [
            f"**{cell}**" if (row, column) in block.highlighted_cells else cell for column, cell in enumerate(written)
        ]
        lines.append("| " + " | ".join(marked) + " |")
    return "\n".join(lines) + "\n"


def _block_to_html(block: ReportBlock) -> str:
    if isinstance(block, Heading):
        tag = f"h{block.level}"
        return f'<{tag}>{escape(block.ko)} <span lang="en">{escape(block.en)}</span></{tag}>'
    if isinstance(block, Paragraph):
        return f'<p>{escape(block.ko)}</p>\n<p lang="en">{escape(block.en)}</p>'
    if isinstance(block, FigureBlock):
        return (
            f'<figure>\n{block.svg}\n<figcaption>{escape(block.ko)} <span lang="en">{escape(block.en)}</span>'
            "</figcaption>\n</figure>"
        )
    if isinstance(block, CodeBlock):
        return f"<pre>{escape(block.text)}</pre>"
    heads = "".join(
        f'<th scope="col">{escape(ko)}' + (f'<br/><span lang="en">{escape(en)}</span>' if en else "") + "</th>"
        for ko, en in block.headers
    )
    rows = "\n".join(_row_to_html(row, cells, block.highlighted_cells) for row, cells in enumerate(block.rows))
    return f'<div class="table"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table></div>'


def _row_to_html(row: int, cells: Sequence[str], highlighted_cells: frozenset[tuple[int, int]]) -> str:
    written = [f'<th scope="row">{escape(cells[0])}</th>']
    for column, cell in enumerate(cells[1:], 1):
        kind = ' class="marked"' if (row, column) in highlighted_cells else ""
        written.append(f"<td{kind}>{escape(cell)}</td>")
    return f"<tr>{''.join(written)}</tr>"


def _bilingual_header(head: tuple[str, str]) -> str:
    return f"{head[0]} {head[1]}".strip()


def _escape_markdown(text: str) -> str:
    """Return a text in which Markdown finds nothing of its own."""
    return re.sub(r"[&<>|*_\\`\[\]]", lambda found: _HTML_ESCAPES.get(found[0], "\\" + found[0]), text)


_UNIT_LABELS = {
    "word": ("어절", "eojeol"),
    "morpheme": ("형태소", "morpheme"),
    "morpheme-subword": ("형태소 안의 서브워드", "subword inside morphemes"),
    "subword": ("서브워드", "subword"),
    "syllable": ("음절", "syllable"),
    "jamo": ("자모", "jamo"),
    "byte": ("바이트", "byte"),
}


def bilingual_page(title: str, render_page: Callable[[str], str]) -> str:
    """Return a page in Korean and, below it, in English."""
    return (
        f"# {title}\n\n([English below](#english))\n\n{render_page('ko')}\n\n---\n\n# English\n\n{render_page('en')}\n"
    )


def unit_label(tokenizer: Tokenizer, language: str) -> str:
    """Return what a piece of a tokenizer is, in words."""
    return localize(*_UNIT_LABELS.get(tokenizer.unit, (tokenizer.unit, tokenizer.unit)), language=language)


def tokenizer_label(tokenizer: Tokenizer, language: str) -> str:
    """Return a tokenizer in words: its name, unit and vocabulary."""
    size = localize(f"어휘 {tokenizer.vocab_size:,}개", f"vocabulary of {tokenizer.vocab_size:,}", language=language)
    return f"`{tokenizer.name}` ({unit_label(tokenizer, language)}, {size})"


def card_section(heading: tuple[str, str], *parts: str, language: str) -> str:
    """Return a section of a page, without the parts that are empty."""
    return "\n\n".join([f"## {localize(*heading, language=language)}", *filter(None, parts)])


def card_table(rows: Sequence[tuple[str, str]], language: str) -> str:
    """Return rows of a name and a value as a Markdown table."""
    head = localize("| 무엇 | 값 |", "| what | value |", language=language)
    cells = [" | ".join(text.replace("|", "\\|").replace("\n", " ") for text in row) for row in rows]
    return "\n".join([head, "|---|---|", *(f"| {cell} |" for cell in cells)])


def code_block(text: str, kind: str = "text") -> str:
    """Return text as a code block, as it is, whatever backticks it holds."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{kind}\n{text}\n{ticks}"


def install_command(address: str, tokenizer_name: str) -> str:
    """Return the command that installs what is needed to open it.

    Args:
        address: ``user/repo``, or a bundled name.
        tokenizer_name: the tokenizer's name.
    """
    analyzer = find_analyzer_name(tokenizer_name)
    extras = ["hub"] if "/" in address else []
    extras += [] if analyzer in (None, "kiwi") else ["mecab" if analyzer == "mecab" else "konlpy"]
    return f'pip install "korlm[{",".join(extras)}]"' if extras else "pip install korlm"
