"""A training process keeps the memory that it frees."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource, torch
from korlm.training.allocator import retain_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(1 << 24).fill_(1)  # 64 MB: 16,384 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

plain = min(faults() for _ in range(4))
assert retain_freed_memory()
print(plain, min(faults() for _ in range(12)))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way")
def test_memory_that_was_freed_is_taken_again_without_a_page_fault() -> None:
    said = subprocess.run([sys.executable, "-c", _FAULTS], capture_output=True, text=True, check=True).stdout
    plain, kept = map(int, said.split())
    assert plain >= 32  # huge pages; else thousands
    assert kept < plain / 10
