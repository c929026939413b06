"""Where results are cached, and the digests that they are found by.

>>> cache_path("tokens", "lines", "signature", suffix=".npy").name
'eb701e72587cc97c4a08fd12799861af.npy'
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_BLOCK_BYTES = 2**20


def cache_folder() -> Path:
    """Return the folder for caches: ``KORLM_CACHE``, or ``korlm`` under the user's cache folder."""
    if named := os.environ.get("KORLM_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "korlm"


def cache_path(kind: str, *identity: object, suffix: str = "") -> Path:
    """Return the path of a cached result: in the folder ``kind``, named by a hash of all that determines the result."""
    digest = hashlib.sha256("\0".join(map(str, identity)).encode("utf-8", "surrogatepass")).hexdigest()
    return cache_folder() / kind / (digest[:32] + suffix)


def file_fingerprint(path: Path) -> dict[str, Any]:
    """Return the size, modification time and SHA-256 of the first MiB of a file: a cheap test for changes.

    Raises:
        OSError: the file cannot be read.
    """
    state = path.stat()
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_BLOCK_BYTES)).hexdigest()
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns, "head_sha256": head}


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def chunks_sha256(chunks: Iterable[bytes]) -> str:
    """Return the SHA-256 of consecutive blocks of bytes in hexadecimal digits."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
