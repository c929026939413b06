"""Lines of a file in batches bounded by size, from any place on: what reads a corpus that does not fit into memory.

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

from korlm.corpora.files import read_lines, unreadable_file_error
from korlm.errors import CorpusError

_BATCH_CHARACTERS = 2**19  # a batch: 5 s of Kiwi, 0.1 s of SentencePiece; some 50 MB on the way to an array
_CHUNK_BYTES = 2**20


class LineBatch(NamedTuple):
    """Lines that stand one after the other in a file.

    Attributes:
        lines: without their line ends; blank ones are left out, as `read_lines` does.
        consumed: where to go on after them: a byte offset in a plain ``.txt``, the number of lines read in others.
        position: how many bytes of the file have been read, for a progress bar.
    """

    lines: list[str]
    consumed: int
    position: int


def read_batches(path: Path, *, column: str | int | None = None, start: int = 0) -> Iterator[LineBatch]:
    """Yield the lines of `read_lines` in batches.

    Args:
        path: the file.
        column: see `read_lines`.
        start: `LineBatch.consumed` of the batch to go on after. A plain ``.txt`` is entered there at once; the other
            formats, whose rows must be read to be counted, are read through from the beginning.

    Raises:
        CorpusError: as `read_lines`; for a plain ``.txt`` that is not UTF-8 it names the byte.
    """
    return _read_text_batches(path, start) if path.suffix == ".txt" else _read_row_batches(path, column, start)


def batch_by_characters(lines: Iterable[str], max_characters: int = 0) -> Iterator[list[str]]:
    """Yield lines in batches of about ``max_characters`` characters; a longer line is a batch of its own.

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
            while block := handle.read(_CHUNK_BYTES):
                if not block.endswith(b"\n"):
                    block += handle.readline()
                text = _decode_chunk(path, block, start)
                lines = (text if start else text.removeprefix("\ufeff")).split("\n")
                if "\r" in text:
                    lines = [line.rstrip("\r") for line in lines]
                start += len(block)
                yield LineBatch([line for line in lines if line.strip()], start, start)
    except OSError as error:
        raise unreadable_file_error(path, error) from error


def _decode_chunk(path: Path, chunk: bytes, start: int) -> str:
    try:
        return chunk.decode()
    except UnicodeDecodeError as error:
        place = start + error.start
        raise CorpusError(
            f"{path}의 {place:,}번째 바이트(0x{chunk[error.start]:02X})가 UTF-8이 아닙니다. UTF-8로 바꾸거나 그곳을 고치세요.",
            f"{path} is not UTF-8 at byte {place:,} (0x{chunk[error.start]:02X}). Convert it to UTF-8, or mend it there.",
        ) from error


def _read_row_batches(path: Path, column: str | int | None, start: int) -> Iterator[LineBatch]:
    read = 0

    def iter_counted_rows(raw: IO[bytes]) -> Iterator[str]:
        nonlocal read
        for row in read_lines(path, column=column, raw=raw):
            read += 1
            yield row

    try:
        with path.open("rb") as raw:
            size, done = path.stat().st_size, start
            for lines in batch_by_characters(islice(iter_counted_rows(raw), start, None)):
                done += len(lines)
                yield LineBatch(lines, done, size if raw.closed else raw.tell())
    except CorpusError as error:
        ko, en = f" (글 {read:,}줄 다음)", f" (after {read:,} lines of text)"
        raise CorpusError(error.ko + ko, error.en + en) from error
    except OSError as error:
        raise unreadable_file_error(path, error) from error
