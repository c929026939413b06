"""Read local corpus files, line by line: .txt, .tsv, .csv and .jsonl, each also compressed as .gz.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "a.csv"
>>> _ = path.write_text("id,text\\n1,안녕\\n", encoding="utf-8")
>>> list(read_lines(path))
['안녕']
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import shlex
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from korlm.errors import CorpusError, KorlmError
from korlm.text.display import abbreviate
from korlm.text.hangul import is_syllable
from korlm.text.josa import with_josa

CORPUS_SUFFIXES = (".txt", ".tsv", ".csv", ".jsonl")
_TEXT_COLUMNS = ("text", "document", "sentence", "review", "content")
_GUESS_BYTES = 4096
_MAX_SHOWN_CHARACTERS = 20  # of a field in a message


def read_lines(path: str | Path, *, column: str | int | None = None, raw: IO[bytes] | None = None) -> Iterator[str]:
    """Yield the non-blank lines or rows of a file, without line ends.

    Args:
        path: the file; its suffix decides the format.
        column: the field of a row that holds the text: the name in the header, or an index from 0. By default the
            field named text, document, sentence, review or content, or the only one. ``.txt`` has no fields. With an
            index the first row is text too.
        raw: the opened file, read from its current position; its ``tell`` then tells the progress.

    Raises:
        CorpusError: no such file, an unknown format, a missing column, several columns none of which is known to hold
            the text, not UTF-8, or damaged.
    """
    path = Path(path)
    suffix = find_corpus_suffix(path)
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
            rows = _iter_table_texts(handle, column, path)
        yield from (row for row in rows if row.strip())


def find_corpus_suffix(path: Path) -> str:
    """Return the suffix that tells the format of a file, in lower case and without .gz.

    >>> find_corpus_suffix(Path("a.TSV.gz"))
    '.tsv'
    """
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


@contextmanager
def open_corpus_file(path: Path, *, raw: IO[bytes] | None = None, newline: str | None = None) -> Iterator[IO[str]]:
    """Open a file, compressed if its suffix is .gz, as UTF-8 text without a byte order mark.

    ``raw`` is the opened file, read from its current position; ``newline`` is as for `open`.

    Raises:
        CorpusError: the file cannot be opened, or the block raises an error of reading or parsing.
    """
    try:
        file: Any = gzip.open(raw or path) if path.suffix.lower() == ".gz" else raw or path.open("rb")  # noqa: SIM115  # closed with its wrapper
        with io.TextIOWrapper(file, encoding="utf-8-sig", newline=newline) as handle:
            yield handle
    except KorlmError:
        raise
    except UnicodeDecodeError as error:
        raise encoding_error(path, error.object[error.start :]) from error
    except (OSError, EOFError, ValueError, RecursionError, csv.Error, zlib.error) as error:
        # decoding and JSON errors are ValueErrors; deeply nested JSON exceeds the recursion limit
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CorpusError(
            f"{path}을(를) 읽지 못했습니다 ({reason}). 경로와 UTF-8 인코딩, 형식을 확인하세요.",
            f"Cannot read {path} ({reason}). Check the path, the format, and that it is UTF-8.",
        ) from error


def iter_json_records(handle: IO[str], path: Path) -> Iterator[tuple[int, Any]]:
    """Yield the values of a .jsonl file with their line numbers, from 1; blank lines are skipped.

    Raises:
        CorpusError: a line is not JSON.
    """
    for number, line in enumerate(handle, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:  # deeply nested JSON exceeds the recursion limit
            reason = getattr(error, "msg", "") or str(error) or type(error).__name__
            ko = f"JSON이 아닙니다 ({reason}). 줄마다 JSON 하나를 쓰세요."
            raise row_error(path, number, ko, f"not JSON ({reason}). Write one JSON value on each line.") from error
        yield number, record


def iter_table_rows(handle: IO[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each row of a .csv or .tsv file, with the number of the line on which it begins, from 1.

    Quotation marks enclose fields in a .csv alone. In a .tsv they are text, and often a lone one.

    Raises:
        CorpusError: the quotation marks of a .csv do not match: a field would swallow the rows after it.
    """
    if find_corpus_suffix(path) == ".tsv":
        yield from ((number, line.rstrip("\r\n").split("\t")) for number, line in enumerate(handle, 1))
        return
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    reader = csv.reader(handle, strict=True)
    number = 1
    try:
        for row in reader:
            yield number, row
            number = reader.line_num + 1
    except csv.Error as error:
        ko = f"따옴표가 맞지 않습니다 ({error}). 필드 안의 따옴표는 두 번 겹쳐 쓰거나, 따옴표도 글자인 .tsv로 저장하세요."
        en = f"the quotation marks do not match ({error}). Double those within a field, or save as .tsv, where they are text."
        raise row_error(path, number, ko, en) from error


def row_error(path: Path, number: int, ko: str, en: str) -> CorpusError:
    """Return the error for a line of a file, counted from 1.

    >>> row_error(Path("a.csv"), 3, "비었습니다.", "empty.").message("en")
    'a.csv, line 3: empty.'
    """
    return CorpusError(f"{path}의 {number}번째 줄: {ko}", f"{path}, line {number}: {en}")


def encoding_error(path: Path | None, undecodable: bytes) -> CorpusError:
    """Return the error for text that is not UTF-8: the encoding that it seems to have, and how to convert it.

    Args:
        path: the file; None for standard input.
        undecodable: the bytes from the first on that are not UTF-8.

    Example:
        >>> encoding_error(Path("a.txt"), "한국어 글".encode("cp949")).message("en")
        'a.txt is not UTF-8; it looks like cp949 (EUC-KR). Convert it: iconv -f cp949 -t utf-8 a.txt > a.utf8.txt'
    """
    guess = guess_encoding(undecodable)
    convert = f"iconv -f {guess or 'ENCODING'} -t utf-8"
    if path is None:
        command = f"{convert} FILE | korlm ..."
    elif path.suffix == ".gz":
        target = path.with_name(path.name.replace(".", ".utf8.", 1))
        command = f"gzip -dc {shlex.quote(str(path))} | {convert} | gzip > {shlex.quote(str(target))}"
    else:
        target = path.with_suffix(f".utf8{path.suffix}")
        command = f"{convert} {shlex.quote(str(path))} > {shlex.quote(str(target))}"
    label = {"cp949": "cp949 (EUC-KR)", "utf-16": "UTF-16"}.get(guess, "")
    ko, en = (f". {with_josa(label, '으로/로')} 보입니다", f"; it looks like {label}") if label else ("", "")
    return CorpusError(
        f"{path or '표준 입력'}은(는) UTF-8이 아닙니다{ko}. UTF-8로 바꾸세요: {command}",
        f"{path or 'Standard input'} is not UTF-8{en}. Convert it: {command}",
    )


def guess_encoding(undecodable: bytes) -> str:
    """Return ``cp949`` or ``utf-16`` if bytes look like it, or an empty string."""
    if undecodable.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        text = codecs.getincrementaldecoder("cp949")().decode(undecodable[:_GUESS_BYTES])
    except UnicodeDecodeError:
        return ""
    letters = [character for character in text if not character.isascii()]
    return "cp949" if sum(map(is_syllable, letters)) > len(letters) / 2 else ""


def unreadable_file_error(path: Path, error: OSError) -> CorpusError:
    """Return the error for a file that the operating system refuses to read."""
    reason = error.strerror or type(error).__name__
    return CorpusError(
        f"{path}을(를) 읽지 못했습니다 ({reason}). 경로를 확인하세요.",
        f"Cannot read {path} ({reason}). Check the path.",
    )


def _iter_json_texts(handle: IO[str], column: str | int | None, path: Path) -> Iterator[str]:
    for number, record in iter_json_records(handle, path):
        if isinstance(record, str) and column is None:
            yield record
            continue
        fields = record if isinstance(record, dict) else {}
        names = [column] if column is not None else [name for name in _TEXT_COLUMNS if name in fields]
        if not names or not isinstance(fields.get(names[0]), str):
            raise _missing_column_error(path, column, f"line {number}")
        yield fields[names[0]]


def _iter_table_texts(handle: IO[str], column: str | int | None, path: Path) -> Iterator[str]:
    index = column if isinstance(column, int) else None
    wanted = [column] if isinstance(column, str) else list(_TEXT_COLUMNS)
    for number, row in iter_table_rows(handle, path):
        if not any(row):
            continue
        if index is None:  # the first row
            named = [name for name in wanted if name in row]
            if not named and (column is not None or len(row) > 1):
                raise _unknown_columns_error(path, column, row)
            index = row.index(named[0]) if named else 0
            if named:
                continue
        try:
            yield row[index]
        except IndexError as error:
            raise _missing_column_error(path, column, f"line {number}") from error


def _unknown_columns_error(path: Path, column: str | int | None, first_row: list[str]) -> CorpusError:
    """Return the error for a table with none of the wanted columns; it lists those of the first row, with their indices."""
    columns = ", ".join(f"{index} '{abbreviate(name, _MAX_SHOWN_CHARACTERS)}'" for index, name in enumerate(first_row))
    ko, en = (
        ("어느 열이 글인지 알 수 없습니다", "Cannot tell which column holds the text")
        if column is None
        else (f"'{column}' 열이 없습니다", f"There is no column '{column}'")
    )
    return CorpusError(
        f"{path}: {ko}. 첫 행의 열: {columns}. 열의 이름이나, 이름 행이 없으면 0부터 세는 번호를 --column(column=)으로 주세요.",
        f"{path}: {en}. The first row: {columns}. Give the column by --column (column=): its name, or its number from "
        "0 if there is no header.",
    )


def _missing_column_error(path: Path, column: str | int | None, place: str) -> CorpusError:
    wanted = "text" if column is None else column
    return CorpusError(
        f"{path}에 '{wanted}' 열이 없습니다 ({place}). 글이 든 열을 --column(column=)으로 정하세요.",
        f"{path} has no column '{wanted}' ({place}). Name the column that holds the text by --column (column=).",
    )
