"""CoNLL-U: sentences of rows, and the surface tokens among them with their forms and tags.

>>> row = Row(1, "1", "학교에", "학교+에", "ncn+jca", False)
>>> pairs_of(row)
[('학교', 'ncn'), ('에', 'jca')]

https://universaldependencies.org/format.html
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from korlm.errors import CorpusError

Pair = tuple[str, str]  # a form and its tag

_PART = re.compile(r"(?:^|\+)(\+|[^+]+)")  # a part is a lone + or holds none
_COLUMNS = 10


class Row(NamedTuple):
    """A word of a treebank.

    Attributes:
        line: its line in the file, from 1.
        number: its ID: ``3``, a multiword token's ``1-2``, an empty node's ``1.1``.
        form: FORM, as it is written in the text.
        lemma: LEMMA, morphemes joined by ``+``.
        tags: XPOS, their tags joined by ``+``.
        glued: whether no space comes after it (``SpaceAfter=No``).
    """

    line: int
    number: str
    form: str
    lemma: str
    tags: str
    glued: bool


@dataclass
class Block:
    """The rows of one sentence and what its comments say: ``sent_id`` and ``text``."""

    name: str = ""
    text: str | None = None
    rows: list[Row] = field(default_factory=list)


def read_text(path: Path) -> str:
    """Return a file's text, decompressed where its name ends in ``.gz``.

    Raises:
        CorpusError: it cannot be read, is damaged, or is not UTF-8; then it names the line.
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CorpusError(
            f"{path}을(를) 읽지 못했습니다 ({reason}). 경로를 보고, 압축이 깨졌으면 다시 받으세요.",
            f"Cannot read {path} ({reason}). Check the path; fetch the file again if it is damaged.",
        ) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CorpusError(
            f"{path}의 {line}번째 줄이 UTF-8이 아닙니다. 파일을 UTF-8로 바꾸어 저장하세요.",
            f"Line {line} of {path} is not UTF-8. Save the file as UTF-8.",
        ) from error


def blocks(path: Path, content: str) -> Iterator[Block]:
    """Yield the sentences of a file's text that have rows.

    Raises:
        CorpusError: a row that is none of CoNLL-U; it names the line.
    """
    block = Block()
    for number, line in enumerate(content.split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip():
            if block.rows:
                yield block
            block = Block()
        elif line.startswith("#"):
            key, _, value = line[1:].partition("=")
            if key.strip() == "sent_id":
                block.name = value.strip()
            elif key.strip() == "text":
                block.text = value.strip()
        else:
            block.rows.append(_row(path, number, line))
    if block.rows:
        yield block


def _row(path: Path, number: int, line: str) -> Row:
    fields = line.split("\t")
    if len(fields) != _COLUMNS or not re.fullmatch(r"\d+([-.]\d+)?", fields[0]):
        raise CorpusError(
            f"{path}의 {number}번째 줄이 CoNLL-U가 아닙니다 (탭으로 나눈 {_COLUMNS}칸이어야 합니다). 그 줄을 고치세요.",
            f"Line {number} of {path} is not CoNLL-U ({_COLUMNS} fields between tabs). Correct that line.",
        )
    glued = "SpaceAfter=No" in fields[9].split("|")
    return Row(number, fields[0], fields[1], fields[2], fields[4], glued)


def surface_tokens(rows: Sequence[Row]) -> Iterator[tuple[Row, list[Pair]]]:
    """Yield the surface tokens, each with its forms and tags; none where they are not all given."""
    last = 0  # of a multiword token: its last word, its words' pairs, its own row
    parts: list[list[Pair]] = []
    whole: Row | None = None
    for row in rows:
        if "." in row.number:
            continue
        if "-" in row.number:
            last, parts, whole = int(row.number.split("-")[1]), [], row
            continue
        pairs = pairs_of(row)
        if whole is None:
            yield row, pairs
            continue
        parts.append(pairs)
        if int(row.number) >= last:
            yield whole, [pair for part in parts for pair in part] if all(parts) else []
            whole = None


def pairs_of(row: Row) -> list[Pair]:
    """Return forms and tags, or nothing where the lemma is not given or does not have as many parts as the tags.

    >>> pairs_of(Row(1, "1", "1+1은", "1+++1+은", "SN+SW+SN+JX", False))
    [('1', 'SN'), ('+', 'SW'), ('1', 'SN'), ('은', 'JX')]
    """
    if row.lemma == "_" != row.form:
        return []
    tags = row.tags.split("+")
    if len(tags) == 1 and (row.lemma == row.form or "+" not in row.lemma):
        return [(row.lemma, row.tags)]
    parts = _PART.findall(row.lemma)
    if "+".join(parts) != row.lemma or (len(parts) != len(tags) and row.tags != "_"):
        return []
    return list(zip(parts, tags if row.tags != "_" else ["_"] * len(parts), strict=True))
