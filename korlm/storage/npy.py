"""`AppendableNpy`: an array on disk that grows at its end.

>>> import tempfile
>>> file = AppendableNpy(Path(tempfile.mkdtemp()) / "some.npy", np.dtype("<u2"))
>>> file.append(np.arange(3))
>>> file.finish(), file.close()
(None, None)
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

try:
    import fcntl
except ImportError:  # Windows: nothing keeps two processes from one file
    fcntl = None  # type: ignore[assignment]

NPY_HEADER_BYTES = 128  # bytes of numpy's format 1.0 before the data of an array of one dimension


class AppendableNpy:
    """A ``.npy`` of one dimension that grows at its end; nothing of it is held in memory.

    Args:
        path: the file; what it holds up to ``count`` is kept, the rest cut off.
        dtype: of the items.
        count: how many items it holds already.

    Raises:
        OSError: it cannot be written; ``BlockingIOError`` where another process has it open as an `AppendableNpy`.
    """

    def __init__(self, path: Path, dtype: np.dtype, count: int = 0) -> None:
        # unbuffered: no byte is left to be written when a full disk has already been reported
        self._file = open(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644), "r+b", buffering=0)  # noqa: SIM115
        self._dtype = dtype
        self.count = count
        if fcntl:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._file.close()
                raise
            except OSError:  # a file system without locks
                pass
        size = NPY_HEADER_BYTES + count * dtype.itemsize
        self._file.truncate(size)
        self._file.seek(size)

    def append(self, items: np.ndarray) -> None:
        """Write items at the end.

        Raises:
            OSError: the disk is full; a part of them may be written.
        """
        self._write_all(items.astype(self._dtype).tobytes())
        self.count += len(items)

    def flush(self) -> None:
        """Have the disk hold what was appended."""
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Write the header, which makes it a ``.npy``."""
        shape = f"{{'descr': '{self._dtype.str}', 'fortran_order': False, 'shape': ({self.count},), }}"
        self._file.seek(0)
        header = shape.encode().ljust(NPY_HEADER_BYTES - 11) + b"\n"
        self._write_all(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        self.flush()

    def close(self) -> None:
        """Close the file, finished or not."""
        self._file.close()

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self._file.write(rest) :]
