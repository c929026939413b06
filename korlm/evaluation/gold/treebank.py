"""Read CoNLL-U treebanks: their sentences, surface tokens, and the morphemes of each token.

>>> split_morphemes("학교에", "학교+에", "ncn+jca")
[('학교', 'ncn'), ('에', 'jca')]

https://universaldependencies.org/format.html
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from korlm.errors import CorpusError, MissingDependencyError

if TYPE_CHECKING:
    from conllu import Token, TokenList

FormTag = tuple[str, str]  # the form of a morpheme and its tag

_MORPHEME_PATTERN = re.compile(r"(?:^|\+)(\+|[^+]+)")  # morphemes joined by +; a morpheme is + itself or contains no +
_NUM_COLUMNS = 10
# names of the columns for conllu: "_" are unused, and "line" is added by `_append_line_number`
_FIELDS = ("id", "form", "lemma", "_", "xpos", "_", "_", "_", "_", "misc", "line")


def read_conllu_text(path: Path) -> str:
    """Return the text of a file, decompressed if its name ends in ``.gz``.

    Raises:
        CorpusError: it cannot be read, its compressed data is damaged, or a line is not UTF-8 (the message names it).
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


def parse_conllu(path: Path, content: str) -> Iterator[TokenList]:
    """Yield the sentences of a CoNLL-U file that have tokens; ``content`` is its text, from `read_conllu_text`.

    Each token has the fields ``id``, ``form``, ``lemma``, ``xpos``, ``misc`` and ``line``, its line number in the file.

    Raises:
        CorpusError: a row is not valid CoNLL-U; the message names the line.
        MissingDependencyError: the package conllu is not installed.
    """
    try:
        from conllu import parse_sentences, parse_token_and_metadata
    except ImportError as error:
        raise MissingDependencyError(
            'CoNLL-U 파일을 읽으려면 conllu가 있어야 합니다. 다음 명령으로 설치하세요: pip install "korlm[gold]"',
            'Reading CoNLL-U files takes conllu. Install it with: pip install "korlm[gold]"',
        ) from error
    lines = content.split("\n")
    numbered = "\n".join(_append_line_number(path, number, line.rstrip("\r")) for number, line in enumerate(lines, 1))
    for block in parse_sentences(StringIO(numbered)):
        if sentence := parse_token_and_metadata(block, _FIELDS):
            yield sentence


def _append_line_number(path: Path, number: int, line: str) -> str:
    """Return a token line with its line number as an 11th column; blank lines and comments are unchanged.

    Raises:
        CorpusError: it is not a valid token line.
    """
    from conllu.exceptions import ParseException
    from conllu.parser import parse_id_value

    if not line.strip() or line.startswith("#"):
        return line
    columns = line.split("\t")
    try:
        valid = len(columns) == _NUM_COLUMNS and parse_id_value(columns[0]) is not None
    except ParseException:
        valid = False
    if not valid:
        raise CorpusError(
            f"{path}의 {number}번째 줄이 CoNLL-U가 아닙니다 (탭으로 나눈 {_NUM_COLUMNS}열이어야 합니다). 그 줄을 고치세요.",
            f"Line {number} of {path} is not CoNLL-U ({_NUM_COLUMNS} fields between tabs). Correct that line.",
        )
    return re.sub(" {2,}", " ", f"{line}\t{number}")  # conllu also splits columns at two spaces


def surface_tokens(sentence: TokenList) -> Iterator[tuple[Token, list[FormTag]]]:
    """Yield the surface tokens of a sentence, each with its morphemes; the list is empty if any of them is missing.

    A multiword token (``1-2``) replaces its words and has the morphemes of all of them. Empty nodes (``1.1``) are skipped.
    """
    words = {token["id"]: token for token in sentence if isinstance(token["id"], int)}
    last_covered = 0  # id of the last word of the latest multiword token
    for token in sentence:
        match token["id"]:
            case int(word_id) if word_id > last_covered:
                yield token, _token_morphemes(token)
            case (first, "-", last):
                last_covered = last
                word_morphemes = [_token_morphemes(words[i]) for i in range(first, last + 1) if i in words]
                yield token, list(chain.from_iterable(word_morphemes)) if all(word_morphemes) else []


def has_space_after(token: Token) -> bool:
    """Return whether a space follows a token: its MISC column has no ``SpaceAfter=No``."""
    return (token["misc"] or {}).get("SpaceAfter") != "No"


def split_morphemes(form: str, lemma: str, xpos: str) -> list[FormTag]:
    """Return the morphemes of a word.

    Args:
        form: FORM, the surface form.
        lemma: LEMMA, the morphemes joined by ``+``; ``_`` if missing.
        xpos: XPOS, the tags of the morphemes joined by ``+``; ``_`` if missing.

    Returns:
        Pairs of a form and its tag (``_`` if the tags are missing). The list is empty if the lemma is missing or if its
        number of morphemes differs from the number of tags.

    >>> split_morphemes("1+1은", "1+++1+은", "SN+SW+SN+JX")
    [('1', 'SN'), ('+', 'SW'), ('1', 'SN'), ('은', 'JX')]
    """
    if lemma == "_" and form != "_":  # the lemma of an underscore is an underscore
        return []
    tags = xpos.split("+")
    if len(tags) == 1 and (lemma == form or "+" not in lemma):  # one morpheme, which may contain + as in "1+1"
        return [(lemma, xpos)]
    morphemes = _MORPHEME_PATTERN.findall(lemma)
    if "+".join(morphemes) != lemma or (len(morphemes) != len(tags) and xpos != "_"):
        return []
    return list(zip(morphemes, tags if xpos != "_" else ["_"] * len(morphemes), strict=True))


def _token_morphemes(token: Token) -> list[FormTag]:
    return split_morphemes(token["form"], token["lemma"], token["xpos"] or "_")
