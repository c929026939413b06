"""Lines that stay on disk: a sequence of strings of any length, in next to no memory.

Two files hold them: ``NAME.txt``, UTF-8 with a line end after each, and ``NAME.npy``, where each begins. Both are mapped,
so that opening them takes the same time for a thousand lines and for a thousand million.

>>> import tempfile
>>> folder = Path(tempfile.mkdtemp())
>>> with LineWriter(folder / "some") as writer:
...     writer.add("가나")
...     writer.add("다")
>>> lines = MemmapLines(folder / "some")
>>> len(lines), lines[1], lines.head(1).digest == lines_sha256(["가나"])
(2, '다', True)

Splits kept on disk once they were read, so that a large corpus is at hand at once the next time, in no memory.

Unpacking, cutting into fields and hashing lines takes 2 to 5 s for the reviews, and a corpus of any size is read through
without being held. An entry holds as long as the size and time of every source file do.

>>> cached_splits([Path("no-such-file")], "", lambda: iter([("train", "가")])).train
['가']
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from types import TracebackType
from typing import Any, overload

import numpy as np

from korlm.errors import ArtifactError
from korlm.storage.artifacts import FORMAT_VERSION, new_folder, read_artifact_config, write_json
from korlm.storage.cache import cache_path, chunks_sha256, file_fingerprint
from korlm.storage.npy import AppendableNpy

_BATCH_LINES = 10_000  # lines that are decoded at once
_CHUNK_BYTES = 2**20
_OFFSET_DTYPE = np.dtype("<u8")


class MemmapLines(Sequence[str]):
    """Lines of a `LineWriter`, or some of them that stand together.

    Args:
        stem: the path of both files, without their endings.
        digest: what `lines_sha256` says of them, where that is known.

    Raises:
        ArtifactError: they are missing or do not fit together.
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
        """Return the first lines, at most so many, that stay on disk as well (a slice is a list)."""
        some = object.__new__(MemmapLines)
        some._stem, some._data, some._digest = self._stem, self._data, ""
        some._offsets = self._offsets[: max(0, count) + 1]
        return some

    @property
    def digest(self) -> str:
        """What `lines_sha256` says of them."""
        self._digest = self._digest or chunks_sha256(self.iter_chunks())
        return self._digest

    @property
    def num_bytes(self) -> int:
        """Bytes of the text, line ends included."""
        return int(self._offsets[-1])

    def iter_chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the lines, a line end after each."""
        for start in range(0, self.num_bytes, _CHUNK_BYTES):
            yield self._data[start : min(self.num_bytes, start + _CHUNK_BYTES)]

    def __len__(self) -> int:
        return len(self._offsets) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            if step == 1:
                blocks = range(start, stop, _BATCH_LINES)
                return [line for block in blocks for line in self._decode_lines(block, min(stop, block + _BATCH_LINES))]
            return [self[index] for index in range(start, stop, step)]
        index = range(len(self))[place]
        return self._decode_lines(index, index + 1)[0]

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

    __hash__ = None  # type: ignore[assignment]  # as a list

    def __repr__(self) -> str:
        return f"<{len(self):,} lines of {self._stem}.txt>"

    def _decode_lines(self, start: int, stop: int) -> list[str]:
        offsets = self._offsets[start : stop + 1].tolist()
        data = self._data[offsets[0] : offsets[-1]]
        try:
            if data.count(b"\n") == stop - start:
                return data.decode().split("\n")[:-1]
            ends = [offset - offsets[0] for offset in offsets]
            return [data[one : two - 1].decode() for one, two in pairwise(ends)]
        except UnicodeDecodeError as error:
            raise _damaged_lines_error(self._stem) from error


class LineWriter:
    """Writes lines one after the other; used in a ``with`` block.

    Args:
        stem: the path of both files, without their endings.

    Raises:
        OSError: they cannot be written.
    """

    def __init__(self, stem: Path) -> None:
        self._text_file = stem.with_suffix(".txt").open("wb")
        self._offsets_file = AppendableNpy(stem.with_suffix(".npy"), _OFFSET_DTYPE)
        self._offsets_file.append(np.zeros(1, _OFFSET_DTYPE))
        self._num_bytes, self._buffer, self._buffered_bytes = 0, list[bytes](), 0

    def add(self, line: str) -> None:
        """Add a line; it may hold line ends."""
        data = line.encode() + b"\n"
        self._buffer.append(data)
        self._buffered_bytes += len(data)
        if len(self._buffer) >= _BATCH_LINES or self._buffered_bytes >= _CHUNK_BYTES:
            self._flush_buffer()

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush_buffer()
                self._offsets_file.finish()
        finally:
            self._text_file.close()
            self._offsets_file.close()

    def _flush_buffer(self) -> None:
        sizes = np.fromiter(map(len, self._buffer), _OFFSET_DTYPE, len(self._buffer))
        self._text_file.write(b"".join(self._buffer))
        self._offsets_file.append(np.cumsum(sizes, dtype=_OFFSET_DTYPE) + np.uint64(self._num_bytes))
        self._num_bytes += int(sizes.sum())
        self._buffer, self._buffered_bytes = [], 0


def lines_sha256(lines: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of lines, each ended by a newline."""
    return lines.digest if isinstance(lines, MemmapLines) else chunks_sha256(iter_line_chunks(lines))


def iter_line_chunks(lines: Iterable[str]) -> Iterator[bytes]:
    """Yield the bytes of lines, a line end after each."""
    if isinstance(lines, MemmapLines):
        yield from lines.iter_chunks()
        return
    rest = iter(lines)
    while batch := list(islice(rest, _BATCH_LINES)):  # 4 times as quick as line by line
        yield "\n".join([*batch, ""]).encode()


def _damaged_lines_error(stem: Path) -> ArtifactError:
    return ArtifactError(
        f"{stem}의 줄들을 읽을 수 없습니다. {stem.parent}을(를) 지우고 다시 하세요.",
        f"The lines of {stem} cannot be read. Delete {stem.parent} and try again.",
    )


SPLITS = ("train", "valid", "test")
_MIN_CACHED_BYTES = 2**20  # bytes: a smaller source is read in no time, and held
_MAX_VERIFIED_BYTES = (
    2**27
)  # bytes of text that are read again at each start, in a tenth of a second, to see that they are whole


@dataclass(frozen=True)
class Splits:
    """Lines by split, in memory or on disk; and `split_digest` of them, where that is known."""

    train: Sequence[str]
    valid: Sequence[str]
    test: Sequence[str]
    digest: str = ""


def cached_splits(
    sources: Sequence[Path], variant: str, read_split_lines: Callable[[], Iterator[tuple[str, str]]]
) -> Splits:
    """Return what ``read_split_lines`` yields, from the cache where the sources have not changed.

    Args:
        sources: the files that ``read_split_lines`` reads.
        variant: what else decides its result, as text.
        read_split_lines: yields each line behind the split that it belongs to.

    Raises:
        CorpusError: as ``read_split_lines`` does.
    """
    try:
        fingerprints = [file_fingerprint(path) for path in sources]
    except OSError:
        return in_memory_splits(read_split_lines())  # raises the error that names the file
    if sum(fingerprint["size"] for fingerprint in fingerprints) < _MIN_CACHED_BYTES:
        return in_memory_splits(read_split_lines())
    folder = cache_path("corpora", variant, *(path.resolve() for path in sources), FORMAT_VERSION)
    stamp = [variant, fingerprints]
    found = _load_splits(folder, stamp)
    if found is None:
        try:
            _save_splits(folder, stamp, read_split_lines())
        except (ArtifactError, OSError):  # a cache that cannot be written is done without
            return in_memory_splits(read_split_lines())
        found = _load_splits(folder, stamp)
    return found or in_memory_splits(read_split_lines())


def split_digest(splits: Iterable[Iterable[str]]) -> str:
    """Return the SHA-256 (hex) of all lines of the three splits, with the names of the splits between."""
    first, second, third = splits
    marks = ([f"\0{side}"] for side in SPLITS[1:])
    return chunks_sha256(
        block for part in (first, next(marks), second, next(marks), third) for block in iter_line_chunks(part)
    )


def in_memory_splits(lines: Iterator[tuple[str, str]]) -> Splits:
    """Return lines, each behind its split, in memory."""
    sides: dict[str, list[str]] = {side: [] for side in SPLITS}
    for side, line in lines:
        sides[side].append(line)
    return Splits(sides["train"], sides["valid"], sides["test"])


def _load_splits(folder: Path, stamp: list[Any]) -> Splits | None:
    """Return the splits; None where there are none, or they are stale or damaged."""
    try:
        config = read_artifact_config(folder, "lines")
        if config["stamp"] != stamp:
            return None
        digests = config["digests"]
        sides = {side: MemmapLines(folder / side, digest=digests[side]) for side in SPLITS}
        if [len(lines) for lines in sides.values()] != config["counts"]:
            return None
        if sum(lines.num_bytes for lines in sides.values()) <= _MAX_VERIFIED_BYTES:
            for side, lines in sides.items():
                if chunks_sha256(lines.iter_chunks()) != digests[side]:
                    return None
        return Splits(**sides, digest=config["digest"])
    except (ArtifactError, KeyError):
        return None


def _save_splits(folder: Path, stamp: list[Any], lines: Iterator[tuple[str, str]]) -> None:
    with new_folder(folder) as temporary:
        with ExitStack() as stack:
            writers = {side: stack.enter_context(LineWriter(temporary / side)) for side in SPLITS}
            for side, line in lines:
                writers[side].add(line)
        sides = {side: MemmapLines(temporary / side) for side in SPLITS}
        config = {
            "kind": "lines", "format": FORMAT_VERSION, "stamp": stamp, "counts": [len(lines) for lines in sides.values()],
            "digests": {side: lines.digest for side, lines in sides.items()}, "digest": split_digest(sides.values()),
        }  # fmt: skip
        write_json(temporary / "config.json", config)
