"""Fixtures that several integration tests share."""

from __future__ import annotations

import pytest


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that matplotlib is missing, which saves 2 s a report."""
    monkeypatch.setattr("korlm.experiments.report.has_matplotlib", lambda: False)
