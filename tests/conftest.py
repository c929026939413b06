"""What all tests share: a cache of their own, Korean messages, markers, the real corpora if present, small models."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["KORLM_CACHE"] = tempfile.mkdtemp(prefix="korlm-test-cache-")
os.environ["KORLM_LANG"] = "ko"
# The networks here are tiny: a second thread only costs, and waits for cores that other processes hold.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No example has a time limit: the machine may be busy.
settings.register_profile("korlm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("korlm")

FOLDER_MARKERS = {"app": "browser", "gpu": "gpu"}  # tests/app and tests/gpu; tests/unit/app needs no browser
JAVA_ANALYZERS = {"okt", "komoran", "hannanum", "kkma"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark browser and GPU tests by their folder, and tests of KoNLPy's analyzers, which start a JVM."""
    tests = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(tests).parts[0] if item.path.is_relative_to(tests) else ""
        if folder in FOLDER_MARKERS:
            item.add_marker(FOLDER_MARKERS[folder])
        parameters = getattr(getattr(item, "callspec", None), "params", {}).values()
        names = {part for value in parameters if isinstance(value, str) for part in value.split("+")}
        if item.path.name == "test_konlpy.py" or names & JAVA_ANALYZERS:
            item.add_marker("java")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Return the folder of real corpora; skip the test if there is none."""
    root = os.environ.get("KORLM_CORPORA", "")
    if not root or not Path(root).is_dir():
        pytest.skip("KORLM_CORPORA is not set: no real corpora here")
    return Path(root)


@pytest.fixture(scope="session")
def small_net() -> Callable[..., object]:
    """Return a function that builds a small random model over a vocabulary, the same each time."""
    import torch

    from korlm.nn.lm import NetConfig, RecurrentLM

    def make(vocab_size: int = 260, **shape: object) -> RecurrentLM:
        config = NetConfig(vocab_size, **{"embedding": 12, "hidden": 16, **shape})  # type: ignore[arg-type]
        return RecurrentLM(config, generator=torch.Generator().manual_seed(1)).eval()

    return make
