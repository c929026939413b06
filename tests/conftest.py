"""What all tests share: a cache of their own, Korean messages, the real corpora where they are, small models."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["KORLM_CACHE"] = tempfile.mkdtemp(prefix="korlm-test-cache-")
os.environ["KORLM_LANG"] = "ko"
# the nets here are tiny: a second thread only costs, and waits on cores that other processes hold
os.environ.setdefault("OMP_NUM_THREADS", "1")
# no example has a time limit: the machine may be busy
settings.register_profile("korlm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("korlm")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real corpora; the test skips where there is none."""
    root = os.environ.get("KORLM_CORPORA", "")
    if not root or not Path(root).is_dir():
        pytest.skip("KORLM_CORPORA is not set: no real corpora here")
    return Path(root)


@pytest.fixture(scope="session")
def small_net() -> Callable[..., object]:
    """Make a small random net over a vocabulary, the same each time."""
    import torch

    from korlm.nn.lm import NetConfig, RecurrentLM

    def make(vocab_size: int = 260, **shape: object) -> RecurrentLM:
        config = NetConfig(vocab_size, **{"embedding": 12, "hidden": 16, **shape})  # type: ignore[arg-type]
        return RecurrentLM(config, generator=torch.Generator().manual_seed(1)).eval()

    return make
