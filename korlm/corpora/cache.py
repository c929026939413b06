"""Splits kept on disk once they were read, so that a large corpus is at hand at once the next time, in no memory.

Unpacking, cutting into fields and hashing lines takes 2 to 5 s for the reviews, and a corpus of any size is read through
without being held. An entry holds as long as the size and time of every source file do.

>>> cached_splits([Path("no-such-file")], "", lambda: iter([("train", "가")])).train
['가']
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from korlm.artifacts import FORMAT_VERSION, cache_folder, new_folder, read_artifact_config, write_json
from korlm.corpora.lines import LineWriter, MemmapLines, chunks_sha256, iter_line_chunks
from korlm.errors import ArtifactError

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
        states = [(str(path.resolve()), path.stat()) for path in sources]
    except OSError:
        return in_memory_splits(read_split_lines())  # says what is wrong
    if sum(state.st_size for _, state in states) < _MIN_CACHED_BYTES:
        return in_memory_splits(read_split_lines())
    key = sha256(json.dumps([variant, [name for name, _ in states], FORMAT_VERSION]).encode()).hexdigest()[:32]
    stamp = [variant, [[name, state.st_size, state.st_mtime_ns] for name, state in states]]
    folder = cache_folder() / "corpora" / key
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
