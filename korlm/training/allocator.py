"""The memory allocator: keeping memory that one training step freed for the next.

glibc returns blocks of more than 32 MB, and others at its discretion, to the system as soon as they are freed. A training
step allocates the same ones again at once, and the system clears every page. On a virtual machine that cost more than the
arithmetic on them (dev/LOG.md).
"""

from __future__ import annotations

import contextlib
import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # parameters of malloc.h


def retain_freed_memory() -> bool:
    """Make the allocator of this process keep freed memory; return whether the system supports it.

    >>> retain_freed_memory() in (True, False)
    True
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
    return False
