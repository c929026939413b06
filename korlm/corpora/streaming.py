"""Read the lines of a file in batches of bounded size, from any position: for corpora larger than memory.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
>>> _ = path.write_text("가\\n나\\n", encoding="utf-8")
>>> [(batch.lines, batch.consumed) for batch in read_batches(path, start=4)]
[(['나'], 8)]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple

from korlm.corpora.files import encoding_error, guess_encoding, read_lines, unreadable_file_error
from korlm.errors import CorpusError

_BATCH_CHARACTERS = 2**19  # of a batch: 5 s with Kiwi, 0.1 s with SentencePiece, some 50 MB of memory
_CHUNK_BYTES = 2**20


class LineBatch(NamedTuple):
    """Consecutive lines of a file."""

    lines: list[str]  # non-blank, without line ends, as `read_lines` yields them
    consumed: int  # where to resume after them: a byte offset in a plain ``.txt``, the number of lines in others
    position: int  # bytes of the file read so far, for a progress bar


def read_batches(path: Path, *, column: str | int | None = None, start: int = 0) -> Iterator[LineBatch]:
    """Yield the lines of `read_lines` in batches.

    Args:
        path: the file.
        column: see `read_lines`.
        start: `LineBatch.consumed` of the batch to resume after. A plain ``.txt`` is entered there directly; other
            formats are read again from the beginning.

    Raises:
        CorpusError: as for `read_lines`; for a plain ``.txt`` that is not UTF-8 it names the byte.
    """
    return _read_text_batches(path, start) if path.suffix == ".txt" else _read_row_batches(path, column, start)


def batch_by_characters(lines: Iterable[str], max_characters: int = 0) -> Iterator[list[str]]:
    """Yield lines in batches of at most about ``max_characters`` characters; a longer line is a batch of its own.

    >>> list(batch_by_characters(["가나", "다", "라마바"], 4))
    [['가나', '다'], ['라마바']]
    """
    max_characters = max_characters or _BATCH_CHARACTERS
    batch: list[str] = []
    size = 0
    for line in lines:
        if batch and size + len(line) > max_characters:
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line) + 1
    if batch:
        yield batch


def _read_text_batches(path: Path, start: int) -> Iterator[LineBatch]:
    try:
        with path.open("rb") as handle:
            handle.seek(start)
            while chunk := handle.read(_CHUNK_BYTES):
                if not chunk.endswith(b"\n"):
                    chunk += handle.readline()
                text = _decode_chunk(path, chunk, start)
                lines = (text if start else text.removeprefix("\ufeff")).split("\n")
                if "\r" in text:
                    lines = [line.rstrip("\r") for line in lines]
                start += len(chunk)
                yield LineBatch([line for line in lines if line.strip()], start, start)
    except OSError as error:
        raise unreadable_file_error(path, error) from error


def _decode_chunk(path: Path, chunk: bytes, start: int) -> str:
    try:
        return chunk.decode()
    except UnicodeDecodeError as error:
        if guess_encoding(chunk[error.start :]):
            raise encoding_error(path, chunk[error.start :]) from error
        offset = start + error.start
        raise CorpusError(
            f"{path}의 {offset:,}번째 바이트(0x{chunk[error.start]:02X})가 UTF-8이 아닙니다. UTF-8로 바꾸거나 그곳을 고치세요.",
            f"{path} is not UTF-8 at byte {offset:,} (0x{chunk[error.start]:02X}). Convert it to UTF-8, or mend it there.",
        ) from error


def _read_row_batches(path: Path, column: str | int | None, start: int) -> Iterator[LineBatch]:
    num_rows = 0

    def iter_counted_rows(raw: IO[bytes]) -> Iterator[str]:
        nonlocal num_rows
        for row in read_lines(path, column=column, raw=raw):
            num_rows += 1
            yield row

    try:
        with path.open("rb") as raw:
            size, consumed = path.stat().st_size, start
            for lines in batch_by_characters(islice(iter_counted_rows(raw), start, None)):
                consumed += len(lines)
                yield LineBatch(lines, consumed, size if raw.closed else raw.tell())
    except CorpusError as error:
        if not num_rows:
            raise
        ko, en = f" (글 {num_rows:,}줄 다음)", f" (after {num_rows:,} lines of text)"
        raise CorpusError(error.ko + ko, error.en + en) from error
    except OSError as error:
        raise unreadable_file_error(path, error) from error
