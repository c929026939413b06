"""CoNLL-U: sentences of rows, and the surface tokens among them with their forms and tags.

>>> row = Word(1, "1", "학교에", "학교+에", "ncn+jca", False)
>>> split_morphemes(row)
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

FormTag = tuple[str, str]  # a form and its tag

_MORPHEME_PATTERN = re.compile(r"(?:^|\+)(\+|[^+]+)")  # a part is a lone + or holds none
_NUM_COLUMNS = 10


class Word(NamedTuple):
    """A word of a treebank.

    Attributes:
        line_number: its line in the file, from 1.
        word_id: its ID: ``3``, a multiword token's ``1-2``, an empty node's ``1.1``.
        form: FORM, as it is written in the text.
        lemma: LEMMA, morphemes joined by ``+``.
        xpos: XPOS, their tags joined by ``+``.
        no_space_after: whether no space comes after it (``SpaceAfter=No``).
    """

    line_number: int
    word_id: str
    form: str
    lemma: str
    xpos: str
    no_space_after: bool


@dataclass
class Sentence:
    """The rows of one sentence and what its comments say: ``sent_id`` and ``text``."""

    sent_id: str = ""
    text: str | None = None
    words: list[Word] = field(default_factory=list)


def read_conllu_text(path: Path) -> str:
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


def parse_conllu(path: Path, content: str) -> Iterator[Sentence]:
    """Yield the sentences of a file's text that have rows.

    Raises:
        CorpusError: a row that is none of CoNLL-U; it names the line.
    """
    block = Sentence()
    for number, line in enumerate(content.split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip():
            if block.words:
                yield block
            block = Sentence()
        elif line.startswith("#"):
            key, _, value = line[1:].partition("=")
            if key.strip() == "sent_id":
                block.sent_id = value.strip()
            elif key.strip() == "text":
                block.text = value.strip()
        else:
            block.words.append(_parse_word(path, number, line))
    if block.words:
        yield block


def _parse_word(path: Path, number: int, line: str) -> Word:
    fields = line.split("\t")
    if len(fields) != _NUM_COLUMNS or not re.fullmatch(r"\d+([-.]\d+)?", fields[0]):
        raise CorpusError(
            f"{path}의 {number}번째 줄이 CoNLL-U가 아닙니다 (탭으로 나눈 {_NUM_COLUMNS}칸이어야 합니다). 그 줄을 고치세요.",
            f"Line {number} of {path} is not CoNLL-U ({_NUM_COLUMNS} fields between tabs). Correct that line.",
        )
    glued = "SpaceAfter=No" in fields[9].split("|")
    return Word(number, fields[0], fields[1], fields[2], fields[4], glued)


def iter_surface_words(words: Sequence[Word]) -> Iterator[tuple[Word, list[FormTag]]]:
    """Yield the surface tokens, each with its forms and tags; none where they are not all given."""
    last = 0  # of a multiword token: its last word, its words' pairs, its own row
    parts: list[list[FormTag]] = []
    whole: Word | None = None
    for row in words:
        if "." in row.word_id:
            continue
        if "-" in row.word_id:
            last, parts, whole = int(row.word_id.split("-")[1]), [], row
            continue
        pairs = split_morphemes(row)
        if whole is None:
            yield row, pairs
            continue
        parts.append(pairs)
        if int(row.word_id) >= last:
            yield whole, [pair for part in parts for pair in part] if all(parts) else []
            whole = None


def split_morphemes(word: Word) -> list[FormTag]:
    """Return forms and tags, or nothing where the lemma is not given or does not have as many parts as the tags.

    >>> split_morphemes(Word(1, "1", "1+1은", "1+++1+은", "SN+SW+SN+JX", False))
    [('1', 'SN'), ('+', 'SW'), ('1', 'SN'), ('은', 'JX')]
    """
    if word.lemma == "_" != word.form:
        return []
    tags = word.xpos.split("+")
    if len(tags) == 1 and (word.lemma == word.form or "+" not in word.lemma):
        return [(word.lemma, word.xpos)]
    parts = _MORPHEME_PATTERN.findall(word.lemma)
    if "+".join(parts) != word.lemma or (len(parts) != len(tags) and word.xpos != "_"):
        return []
    return list(zip(parts, tags if word.xpos != "_" else ["_"] * len(parts), strict=True))
