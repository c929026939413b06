"""`AppendableNpy`: a one-dimensional array on disk to which items can be appended.

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
except ImportError:  # Windows: two processes are not kept from one file
    fcntl = None  # type: ignore[assignment]

NPY_HEADER_BYTES = 128  # before the data of a one-dimensional array, in numpy's format 1.0


class AppendableNpy:
    """A one-dimensional ``.npy`` file to append to, without holding it in memory.

    The first ``count`` items of the file are kept, and the rest is truncated.

    Raises:
        OSError: the file is not writable; ``BlockingIOError`` if another process has it open as an `AppendableNpy`.
    """

    def __init__(self, path: Path, dtype: np.dtype, count: int = 0) -> None:
        # unbuffered, so that no byte is still to be written after a full disk was reported
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
        """Append items.

        Raises:
            OSError: the disk is full; some of the items may have been written.
        """
        self._write_all(items.astype(self._dtype).tobytes())
        self.count += len(items)

    def flush(self) -> None:
        """Flush the appended items to the disk."""
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Write the header, which makes the file a valid ``.npy``."""
        self._file.seek(0)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.count,)}
        np.lib.format.write_array_header_1_0(self._file, header)
        self.flush()

    def close(self) -> None:
        """Close the file, finished or not."""
        self._file.close()

    def _write_all(self, data: bytes) -> None:
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[self._file.write(remaining) :]
