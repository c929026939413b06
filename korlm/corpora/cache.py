"""Splits kept as plain UTF-8 once they were read, so that a large corpus is at hand in under a second the next time.

Unpacking, cutting into fields and hashing lines takes 2 to 5 s for the reviews; reading them back 0.3 s. An entry holds
as long as the size and time of every source file do.

>>> kept([Path("no-such-file")], "", lambda: {"train": ["가"]})
{'train': ['가']}
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from korlm.artifacts import cache_folder, write_file
from korlm.errors import ArtifactError

_LEAST, _MOST = 2**20, 2**29  # bytes: below, reading is quick; above, the copy would take too much of the disk
_SEPARATORS = ("\n", "\0", "\x1e", "\uffff")  # the first that stands in no line
_FORMAT = 1


def kept(sources: Sequence[Path], how: str, read: Callable[[], dict[str, list[str]]]) -> dict[str, list[str]]:
    """Return what ``read`` returns, from the cache where the sources have not changed.

    Args:
        sources: the files that ``read`` reads.
        how: what else decides its result, as text.
        read: returns lines by split.

    Raises:
        CorpusError: as ``read`` does.
    """
    try:
        states = [(str(path.resolve()), path.stat()) for path in sources]
    except OSError:
        return read()  # says what is wrong
    if sum(state.st_size for _, state in states) < _LEAST:
        return read()
    key = sha256(json.dumps([how, [name for name, _ in states]]).encode()).hexdigest()[:32]
    stamp = [_FORMAT, how, [[name, state.st_size, state.st_mtime_ns] for name, state in states]]
    path = cache_folder() / "corpora" / key
    found = _load(path, stamp)
    if found is None:
        found = read()
        _save(path, stamp, found)
    return found


def _load(path: Path, stamp: list[Any]) -> dict[str, list[str]] | None:
    """Return the splits; None where there are none, or they are stale or damaged."""
    try:
        with path.open("rb") as handle:
            header = json.loads(handle.readline())
            if header["stamp"] != stamp:
                return None
            data = handle.read()
        if zlib.crc32(data) != header["crc32"]:
            return None
        lines = data.decode().split(header["separator"])
        sides, first = {}, 0
        for side, count in header["counts"].items():
            sides[side] = lines[first : first + count]
            first += count
        return sides if first == len(lines) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _save(path: Path, stamp: list[Any], sides: Mapping[str, list[str]]) -> None:
    lines = [line for side in sides.values() for line in side]
    if sum(map(len, lines)) > _MOST // 3:
        return
    for separator in _SEPARATORS:
        joined = separator.join(lines)
        if lines and joined.count(separator) == len(lines) - 1:
            data = joined.encode()
            counts = {side: len(found) for side, found in sides.items()}
            header = {"stamp": stamp, "separator": separator, "counts": counts, "crc32": zlib.crc32(data)}
            with suppress(ArtifactError):  # a cache that cannot be written is done without
                write_file(path, json.dumps(header).encode() + b"\n" + data)
            return
