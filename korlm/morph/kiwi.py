"""Kiwi (kiwipiepy) as an `Analyzer`: the field's best Korean analyzer, offsets in characters.

>>> [m.form for m in KiwiAnalyzer().analyze(["했다"])[0]]
['하', '었', '다']
"""

from __future__ import annotations

import importlib.metadata
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from korlm.errors import AnalyzerError, MissingDependencyError
from korlm.morph.base import Morpheme

if TYPE_CHECKING:
    from kiwipiepy import Kiwi


class KiwiAnalyzer:
    """Kiwi, loaded on first use (1 to 3 s, about 300 MB) and shared by threads."""

    name = "kiwi"

    def __init__(self) -> None:
        self._kiwi: Kiwi | None = None
        self._lock = threading.Lock()

    @property
    def version(self) -> str:
        """The versions of kiwipiepy and of its model, which decides the cuts."""
        try:
            return "/".join(importlib.metadata.version(name) for name in ("kiwipiepy", "kiwipiepy_model"))
        except importlib.metadata.PackageNotFoundError:
            return "none"

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return Kiwi's best analysis of each text; see `korlm.morph.base.Analyzer`.

        Raises:
            MissingDependencyError: kiwipiepy is not installed.
            AnalyzerError: Kiwi itself failed.
        """
        kiwi = self._load()
        try:
            results = kiwi.tokenize(list(texts)) if workers > 1 else map(kiwi.tokenize, texts)
            return [
                [Morpheme(token.form, token.tag, token.start, token.start + token.len) for token in tokens if token.len]
                for tokens in results
            ]
        except (RuntimeError, ValueError, MemoryError) as error:
            raise AnalyzerError(
                f"Kiwi가 글을 분석하지 못했습니다: {error}. 글을 나누어 다시 해 보세요.",
                f"Kiwi could not analyze the text: {error}. Split the text and try again.",
            ) from error

    def _load(self) -> Kiwi:
        with self._lock:
            if self._kiwi is None:
                try:
                    from kiwipiepy import Kiwi
                except ImportError as error:
                    raise MissingDependencyError(
                        "Kiwi가 설치되어 있지 않습니다. pip install kiwipiepy 하세요.",
                        "Kiwi is not installed. Run: pip install kiwipiepy",
                    ) from error
                self._kiwi = Kiwi(num_workers=min(os.cpu_count() or 1, 8))
            return self._kiwi
