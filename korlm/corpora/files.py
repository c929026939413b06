"""Read local corpus files, line by line: .txt, .tsv, .csv and .jsonl, each also compressed as .gz.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
>>> _ = path.write_text("id,text\\n1,안녕\\n", encoding="utf-8")
>>> list(read_lines(path))
['안녕']
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from korlm.errors import CorpusError, KorlmError

CORPUS_SUFFIXES = (".txt", ".tsv", ".csv", ".jsonl")
_TEXT_COLUMNS = ("text", "document", "sentence", "review", "content")


def read_lines(path: str | Path, *, column: str | int | None = None, raw: IO[bytes] | None = None) -> Iterator[str]:
    """Yield the non-blank lines or rows of a file, without line ends.

    Args:
        path: the file; its suffix decides the format.
        column: the field of a row that holds the text: the name in the header, or an index from 0. By default the
            field named text, document, sentence, review or content, or the last one if there is no such header.
            ``.txt`` has no fields.
        raw: the opened file, read from its current position; its ``tell`` then tells the progress.

    Raises:
        CorpusError: no such file, an unknown format, a missing column, not UTF-8, or damaged.
    """
    path = Path(path)
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in CORPUS_SUFFIXES:
        raise CorpusError(
            f"{path}의 형식을 모릅니다. {', '.join(CORPUS_SUFFIXES)} (또는 .gz) 파일을 쓰세요.",
            f"Unknown format of {path}. Use {', '.join(CORPUS_SUFFIXES)} (or .gz).",
        )
    # newline="\n": a lone U+0085 or \r inside a review is text, not the end of a line
    with open_corpus_file(path, raw=raw, newline="\n") as handle:
        if suffix == ".txt":
            rows: Iterator[str] = (line.rstrip("\r\n") for line in handle)
        elif suffix == ".jsonl":
            rows = _iter_json_texts(handle, column, path)
        else:
            rows = _iter_table_texts(handle, suffix, column, path)
        yield from (row for row in rows if row.strip())


@contextmanager
def open_corpus_file(path: Path, *, raw: IO[bytes] | None = None, newline: str | None = None) -> Iterator[IO[str]]:
    """Open a file, compressed if its suffix is .gz, as UTF-8 text without a byte order mark.

    ``raw`` is the opened file, read from its current position; ``newline`` is as for `open`.

    Raises:
        CorpusError: the file cannot be opened, or the block raises an error of reading or parsing.
    """
    try:
        file: Any = gzip.open(raw or path) if path.suffix == ".gz" else raw or path.open("rb")  # noqa: SIM115  # closed with its wrapper
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline=newline) as handle:
            yield handle
    except KorlmError:
        raise
    except (OSError, EOFError, ValueError, RecursionError, csv.Error, zlib.error) as error:
        # decoding and JSON errors are ValueErrors; deeply nested JSON exceeds the recursion limit
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CorpusError(
            f"{path}을(를) 읽지 못했습니다 ({reason}). 경로와 UTF-8 인코딩, 형식을 확인하세요.",
            f"Cannot read {path} ({reason}). Check the path, the format, and that it is UTF-8.",
        ) from error


def iter_json_records(handle: IO[str]) -> Iterator[tuple[int, Any]]:
    """Yield the values of a .jsonl file with their line numbers, from 1; blank lines are skipped."""
    return ((number, json.loads(line)) for number, line in enumerate(handle, 1) if line.strip())


def iter_table_rows(handle: IO[str], suffix: str, *, quoted_tsv: bool) -> Iterator[list[str]]:
    """Yield the fields of each row of a .csv or .tsv file.

    With ``quoted_tsv``, quotation marks in a .tsv enclose fields as in a .csv; otherwise they are text.
    """
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    if suffix == ".tsv" and not quoted_tsv:
        return (line.rstrip("\r\n").split("\t") for line in handle)
    return csv.reader(handle, delimiter="\t" if suffix == ".tsv" else ",")


def unreadable_file_error(path: Path, error: OSError) -> CorpusError:
    """Return the error for a file that the operating system refuses to read."""
    reason = error.strerror or type(error).__name__
    return CorpusError(
        f"{path}을(를) 읽지 못했습니다 ({reason}). 경로를 확인하세요.",
        f"Cannot read {path} ({reason}). Check the path.",
    )


def _iter_json_texts(handle: IO[str], column: str | int | None, path: Path) -> Iterator[str]:
    for number, record in iter_json_records(handle):
        if isinstance(record, str) and column is None:
            yield record
            continue
        fields = record if isinstance(record, dict) else {}
        names = [column] if column is not None else [name for name in _TEXT_COLUMNS if name in fields]
        if not names or not isinstance(fields.get(names[0]), str):
            raise _missing_column_error(path, column, f"line {number}")
        yield fields[names[0]]


def _iter_table_texts(handle: IO[str], suffix: str, column: str | int | None, path: Path) -> Iterator[str]:
    index = column if isinstance(column, int) else None
    # not quoted: a quotation mark in a .tsv of reviews is text, and often a lone one
    for number, row in enumerate(iter_table_rows(handle, suffix, quoted_tsv=False)):
        if index is None:
            wanted = [column] if isinstance(column, str) else list(_TEXT_COLUMNS)
            named = [name for name in wanted if name in row]
            if isinstance(column, str) and not named:
                raise _missing_column_error(path, column, f"header {row}")
            index = row.index(named[0]) if named else -1
            if named:
                continue
        if not row:
            continue
        try:
            yield row[index]
        except IndexError as error:
            raise _missing_column_error(path, column, f"row {number + 1}") from error


def _missing_column_error(path: Path, column: str | int | None, place: str) -> CorpusError:
    wanted = "text" if column is None else column
    return CorpusError(
        f"{path}에 '{wanted}' 칸이 없습니다 ({place}). column으로 글이 든 칸을 정하세요.",
        f"{path} has no column '{wanted}' ({place}). Name the column that holds the text.",
    )
