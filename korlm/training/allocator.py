"""Memory that a step gave back is kept for the next one.

glibc hands blocks of more than 32 MB, and others at its own discretion, back to the system as soon as they are freed; a
training step takes the same ones again at once, and the system clears every page anew. On a virtual machine that cost
more than the arithmetic on them (docs/LOG.md).
"""

from __future__ import annotations

import contextlib
import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of malloc.h


def retain_freed_memory() -> bool:
    """Let this process keep the memory that it frees; return whether the system knows how.

    >>> retain_freed_memory() in (True, False)
    True
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        return bool(mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, 2**31 - 1))
    return False
