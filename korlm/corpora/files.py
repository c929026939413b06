"""Lines of text out of local files: .txt, .tsv, .csv and .jsonl, each also .gz.

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
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from korlm.errors import CorpusError

CORPUS_SUFFIXES = (".txt", ".tsv", ".csv", ".jsonl")
_TEXT_COLUMNS = ("text", "document", "sentence", "review", "content")


def read_lines(path: str | Path, *, column: str | int | None = None, raw: IO[bytes] | None = None) -> Iterator[str]:
    """Yield the non-blank lines or rows of a file, without their line ends.

    Args:
        path: the file; its ending says the format.
        column: which field of a row is the text: a header's name or a number from 0. By default the field named
            text, document, sentence, review or content; else (no such header) the last one. ``.txt`` has none.
        raw: the file, opened already, to be read from where it stands; its ``tell`` then says how far reading is.

    Raises:
        CorpusError: no such file, a format or column that is not there, not UTF-8, or damaged.
    """
    path = Path(path)
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if suffix not in CORPUS_SUFFIXES:
        raise CorpusError(
            f"{path}의 형식을 모릅니다. {', '.join(CORPUS_SUFFIXES)} (또는 .gz) 파일을 쓰세요.",
            f"Unknown format of {path}. Use {', '.join(CORPUS_SUFFIXES)} (or .gz).",
        )
    try:
        with _open_text(path, raw) as handle:
            rows = _iter_rows(handle, suffix, column, path)
            yield from (row for row in rows if row.strip())
    except (OSError, EOFError, UnicodeDecodeError, ValueError, csv.Error) as error:
        if isinstance(error, CorpusError):
            raise
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CorpusError(
            f"{path}을(를) 읽지 못했습니다 ({reason}). 경로와 UTF-8 인코딩을 확인하세요.",
            f"Cannot read {path} ({reason}). Check the path and that it is UTF-8.",
        ) from error


def unreadable_file_error(path: Path, error: OSError) -> CorpusError:
    """Return the error for a file that the system does not let us read."""
    reason = error.strerror or type(error).__name__
    return CorpusError(
        f"{path}을(를) 읽지 못했습니다 ({reason}). 경로를 확인하세요.",
        f"Cannot read {path} ({reason}). Check the path.",
    )


def _open_text(path: Path, raw: IO[bytes] | None) -> IO[str]:
    file: Any = gzip.open(raw or path) if path.suffix == ".gz" else raw or path.open("rb")  # noqa: SIM115  # closed with its wrapper
    # newline="\n": a lone U+0085 or \r inside a review is text, not the end of a line
    return io.TextIOWrapper(file, encoding="utf-8-sig", newline="\n")


def _iter_rows(handle: IO[str], suffix: str, column: str | int | None, path: Path) -> Iterator[str]:
    if suffix == ".txt":
        return (line.rstrip("\r\n") for line in handle)
    if suffix == ".jsonl":
        return _iter_jsonl_rows(handle, column, path)
    return _iter_table_rows(handle, suffix, column, path)


def _iter_jsonl_rows(handle: IO[str], column: str | int | None, path: Path) -> Iterator[str]:
    for number, line in enumerate(handle, 1):
        if not line.strip():
            continue
        record = json.loads(line)
        if isinstance(record, str) and column is None:
            yield record
            continue
        names = [column] if column is not None else [name for name in _TEXT_COLUMNS if name in record]
        if not isinstance(record, dict) or not names or not isinstance(record.get(names[0]), str):
            raise _missing_column_error(path, column, f"line {number}")
        yield record[names[0]]


def _iter_table_rows(handle: IO[str], suffix: str, column: str | int | None, path: Path) -> Iterator[str]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    if suffix == ".csv":
        rows: Iterator[list[str]] = csv.reader(handle)
    else:  # a quotation mark in a .tsv is text: reviews are full of lone ones
        rows = (line.rstrip("\r\n").split("\t") for line in handle)
    index: int | None = column if isinstance(column, int) else None
    for number, row in enumerate(rows):
        if number == 0 and index is None:
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
            yield row[index if index is not None else -1]
        except IndexError as error:
            raise _missing_column_error(path, column, f"row {number + 1}") from error


def _missing_column_error(path: Path, column: str | int | None, place: str) -> CorpusError:
    wanted = "text" if column is None else column
    return CorpusError(
        f"{path}에 '{wanted}' 칸이 없습니다 ({place}). column으로 글이 든 칸을 정하세요.",
        f"{path} has no column '{wanted}' ({place}). Name the column that holds the text.",
    )
