"""Lines of text on disk: memory-mapped sequences of strings, and a cache of the splits of large corpora.

Lines are stored in two files: ``NAME.txt``, UTF-8 with a line end after each line, and ``NAME.npy``, the byte offset of
each line and of the end. Both are memory-mapped, so that opening a billion lines takes no longer than opening a thousand.

Decompressing, parsing and hashing the review corpus takes 2 to 5 s, so `cached_splits` caches its splits. A cache entry is
valid as long as the size and the modification time of every source file are unchanged.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> with LineWriter(folder / "some") as writer:
...     writer.add("가나")
...     writer.add("다")
>>> lines = MemmapLines(folder / "some")
>>> len(lines), lines[1], lines.head(1).digest == lines_sha256(["가나"])
(2, '다', True)
>>> cached_splits([Path("no-such-file")], "", lambda: iter([("train", "가")])).train
['가']
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any, overload

import numpy as np

from korlm.errors import ArtifactError
from korlm.storage.artifacts import FORMAT_VERSION, new_folder, read_artifact_config, write_json
from korlm.storage.cache import cache_path, chunks_sha256, file_fingerprint
from korlm.storage.npy import AppendableNpy

SPLITS = ("train", "valid", "test")
_BATCH_LINES = 10_000  # lines decoded at once
_CHUNK_BYTES = 2**20
_OFFSET_DTYPE = np.dtype("<u8")
_MIN_CACHED_BYTES = 2**20  # smaller sources are read into memory each time, which is fast enough
_MAX_VERIFIED_BYTES = 2**27  # the digest of up to this much cached text is checked on each load, in about 0.1 s


class MemmapLines(Sequence[str]):
    """A memory-mapped sequence of the lines that a `LineWriter` wrote; it is equal to a list of the same lines.

    Args:
        stem: the path of both files, without suffix.
        digest: the `lines_sha256` of the lines, if known.

    Raises:
        ArtifactError: the files are missing or inconsistent.
    """

    def __init__(self, stem: Path, *, digest: str = "") -> None:
        try:
            offsets = np.load(stem.with_suffix(".npy"), mmap_mode="r", allow_pickle=False)
            with stem.with_suffix(".txt").open("rb") as handle:
                size = handle.seek(0, 2)
                data = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        except (OSError, ValueError) as error:
            raise _damaged_lines_error(stem) from error
        if offsets.ndim != 1 or not len(offsets) or offsets.dtype != _OFFSET_DTYPE or offsets[0] or offsets[-1] != size:
            raise _damaged_lines_error(stem)
        self._stem, self._data, self._offsets, self._digest = stem, data, offsets, digest

    def head(self, count: int) -> MemmapLines:
        """Return the first ``count`` lines without reading them into memory, unlike a slice, which is a list."""
        lines = object.__new__(MemmapLines)  # shares the mapped files instead of opening them again
        lines._stem, lines._data, lines._digest = self._stem, self._data, ""
        lines._offsets = self._offsets[: max(0, count) + 1]
        return lines

    @property
    def digest(self) -> str:
        """The `lines_sha256` of the lines, computed on first use."""
        self._digest = self._digest or chunks_sha256(self.iter_chunks())
        return self._digest

    @property
    def num_bytes(self) -> int:
        """Size of the text, line ends included."""
        return int(self._offsets[-1])

    def iter_chunks(self) -> Iterator[bytes]:
        """Yield the UTF-8 bytes of the lines, each with a line end, in chunks."""
        for start in range(0, self.num_bytes, _CHUNK_BYTES):
            yield self._data[start : min(self.num_bytes, start + _CHUNK_BYTES)]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                batch_starts = range(start, stop, _BATCH_LINES)
                batches = (self._decode_lines(first, min(stop, first + _BATCH_LINES)) for first in batch_starts)
                return list(chain.from_iterable(batches))
            return [self[position] for position in range(start, stop, step)]
        position = range(len(self))[index]  # resolves a negative index or raises an IndexError
        return self._decode_lines(position, position + 1)[0]

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BATCH_LINES):
            yield from self._decode_lines(start, min(len(self), start + _BATCH_LINES))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, MemmapLines)):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __add__(self, other: Sequence[str]) -> list[str]:
        return [*self, *other]

    def __radd__(self, other: Sequence[str]) -> list[str]:
        return [*other, *self]

    __hash__ = None  # type: ignore[assignment]  # unhashable, as a list is

    def __repr__(self) -> str:
        return f"<{len(self):,} lines of {self._stem}.txt>"

    def _decode_lines(self, start: int, stop: int) -> list[str]:
        """Return the lines ``start`` to ``stop`` (exclusive)."""
        offsets = self._offsets[start : stop + 1].tolist()
        data = self._data[offsets[0] : offsets[-1]]
        try:
            if data.count(b"\n") == stop - start:  # no line contains a line end: decoding all at once is faster
                return data.decode().split("\n")[:-1]
            relative_offsets = [offset - offsets[0] for offset in offsets]
            return [data[begin : end - 1].decode() for begin, end in pairwise(relative_offsets)]
        except UnicodeDecodeError as error:
            raise _damaged_lines_error(self._stem) from error


class LineWriter:
    """Writes the files of `MemmapLines` at ``stem``, in a ``with`` block. If the block raises, they are not readable.

    Raises:
        OSError: the files cannot be written.
    """

    def __init__(self, stem: Path) -> None:
        self._text_file = stem.with_suffix(".txt").open("wb")
        self._offsets_file = AppendableNpy(stem.with_suffix(".npy"), _OFFSET_DTYPE)
        self._offsets_file.append(np.zeros(1, _OFFSET_DTYPE))
        self._num_bytes, self._buffer, self._buffered_bytes = 0, list[bytes](), 0

    def add(self, line: str) -> None:
        """Append a line, to which a line end is added; the line itself may contain line ends, too."""
        data = line.encode() + b"\n"
        self._buffer.append(data)
        self._buffered_bytes += len(data)
        if len(self._buffer) >= _BATCH_LINES or self._buffered_bytes >= _CHUNK_BYTES:
            self._flush_buffer()

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        try:
            if kind is None:
                self._flush_buffer()
                self._offsets_file.finish()
        finally:
            self._text_file.close()
            self._offsets_file.close()

    def _flush_buffer(self) -> None:
        """Write the buffered lines and the offsets of their ends."""
        sizes = np.fromiter(map(len, self._buffer), _OFFSET_DTYPE, len(self._buffer))
        self._text_file.write(b"".join(self._buffer))
        self._offsets_file.append(np.cumsum(sizes, dtype=_OFFSET_DTYPE) + np.uint64(self._num_bytes))
        self._num_bytes += int(sizes.sum())
        self._buffer, self._buffered_bytes = [], 0


def lines_sha256(lines: Iterable[str]) -> str:
    """Return the hexadecimal SHA-256 of lines, with a line end after each line."""
    return lines.digest if isinstance(lines, MemmapLines) else chunks_sha256(iter_line_chunks(lines))


def iter_line_chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Yield the UTF-8 bytes of lines, each with a line end, in chunks."""
    if isinstance(lines, MemmapLines):
        yield from lines.iter_chunks()
        return
    iterator = iter(lines)
    while batch := list(islice(iterator, _BATCH_LINES)):  # 4 times as fast as line by line
        yield "\n".join([*batch, ""]).encode()


def _damaged_lines_error(stem: Path) -> ArtifactError:
    return ArtifactError(
        f"{stem}의 줄들을 읽을 수 없습니다. {stem.parent}을(를) 지우고 다시 하세요.",
        f"The lines of {stem} cannot be read. Delete {stem.parent} and try again.",
    )


@dataclass(frozen=True)
class Splits:
    """The lines of a corpus in three splits, in memory or memory-mapped, and their `split_digest` (empty if unknown)."""

    train: Sequence[str]
    valid: Sequence[str]
    test: Sequence[str]
    digest: str = ""


def cached_splits(
    sources: Sequence[Path], variant: str, read_split_lines: Callable[[], Iterator[tuple[str, str]]]
) -> Splits:
    """Return the splits of a corpus, from the cache if its source files have not changed.

    Sources of less than 1 MiB in total are not cached.

    Args:
        sources: the files that ``read_split_lines`` reads.
        variant: a string that identifies everything else that its result depends on, such as options.
        read_split_lines: reads the sources and yields pairs ``(split, line)``; called only if the cache cannot be used.

    Raises:
        CorpusError: raised by ``read_split_lines``.
    """
    try:
        fingerprints = [file_fingerprint(path) for path in sources]
    except OSError:
        return in_memory_splits(read_split_lines())  # reports the missing file with a better message
    if sum(fingerprint["size"] for fingerprint in fingerprints) < _MIN_CACHED_BYTES:
        return in_memory_splits(read_split_lines())
    folder = cache_path("corpora", variant, *(path.resolve() for path in sources), FORMAT_VERSION)
    stamp = [variant, fingerprints]  # a cache entry is stale if its stamp differs
    splits = _load_splits(folder, stamp)
    if splits is None:
        try:
            _save_splits(folder, stamp, read_split_lines())
        except (ArtifactError, OSError):  # not writable; the cache is optional
            return in_memory_splits(read_split_lines())
        splits = _load_splits(folder, stamp)
    return splits or in_memory_splits(read_split_lines())


def split_digest(splits: Iterable[Iterable[str]]) -> str:
    """Return the SHA-256 of the lines of train, valid and test, with the split names between them as separators."""
    train, valid, test = splits
    parts = (train, [f"\0{SPLITS[1]}"], valid, [f"\0{SPLITS[2]}"], test)
    return chunks_sha256(chunk for part in parts for chunk in iter_line_chunks(part))


def in_memory_splits(lines: Iterator[tuple[str, str]]) -> Splits:
    """Collect pairs ``(split, line)`` into `Splits` in memory."""
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    for split, line in lines:
        splits[split].append(line)
    return Splits(splits["train"], splits["valid"], splits["test"])


def _load_splits(folder: Path, stamp: list[Any]) -> Splits | None:
    """Return the cached splits; None if they are missing or damaged, or were cached with another ``stamp``."""
    try:
        config = read_artifact_config(folder, "lines")
        if config["stamp"] != stamp:
            return None
        digests = config["digests"]
        splits = {split: MemmapLines(folder / split, digest=digests[split]) for split in SPLITS}
        if [len(lines) for lines in splits.values()] != config["counts"]:
            return None
        is_small = sum(lines.num_bytes for lines in splits.values()) <= _MAX_VERIFIED_BYTES
        if is_small and {split: chunks_sha256(lines.iter_chunks()) for split, lines in splits.items()} != digests:
            return None
        return Splits(**splits, digest=config["digest"])
    except (ArtifactError, KeyError):
        return None


def _save_splits(folder: Path, stamp: list[Any], lines: Iterator[tuple[str, str]]) -> None:
    """Write pairs ``(split, line)`` to a new cache folder."""
    with new_folder(folder) as temporary:
        with ExitStack() as stack:
            writers = {split: stack.enter_context(LineWriter(temporary / split)) for split in SPLITS}
            for split, line in lines:
                writers[split].add(line)
        splits = {split: MemmapLines(temporary / split) for split in SPLITS}
        config = {
            "kind": "lines", "format": FORMAT_VERSION, "stamp": stamp, "counts": [len(lines) for lines in splits.values()],
            "digests": {split: lines.digest for split, lines in splits.items()}, "digest": split_digest(splits.values()),
        }  # fmt: skip
        write_json(temporary / "config.json", config)
