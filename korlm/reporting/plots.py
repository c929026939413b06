"""The style of plots and report pages: colors, markers, fonts, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from korlm.errors import MissingDependencyError

TEXT_COLOR, GRID_COLOR, MUTED_COLOR = "#222222", "#bbbbbb", "#6b6b6b"
CSS_VARIABLES = {TEXT_COLOR: "var(--ink)", GRID_COLOR: "var(--grid)", MUTED_COLOR: "var(--faint)"}  # in a page
# Okabe and Ito's colors, distinct for the color-blind, then five more that are legible on white and on near-black
SERIES_COLORS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8a8a8a",
    "#8c6bb1", "#a6761d", "#66a61e", "#e7298a", "#1b9e9e",
)  # fmt: skip
SERIES_MARKERS = ("o", "s", "^", "D")
LINE_STYLES = ("-", "--", ":", "-.")
KOREAN_FONTS = (
    "Pretendard", "NanumGothic", "NanumBarunGothic", "Noto Sans CJK KR", "Noto Sans KR", "Malgun Gothic",
    "AppleGothic", "Apple SD Gothic Neo", "NanumSquare",
)  # fmt: skip


def has_matplotlib() -> bool:
    """Return whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def require_matplotlib() -> None:
    """Raise a `MissingDependencyError` where matplotlib is not installed."""
    if not has_matplotlib():
        raise MissingDependencyError(
            'matplotlib이 없습니다. pip install "korlm[plot]" 하세요.',
            'matplotlib is missing. Run: pip install "korlm[plot]"',
        )


@contextmanager
def plot_style(**settings: Any) -> Iterator[bool]:
    """Apply the plot style, with further rc settings of matplotlib; yield whether a Korean font was found."""
    import matplotlib
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    font = next((name for name in KOREAN_FONTS if name in installed), None)
    style = {"font.family": [font or "sans-serif"], "axes.unicode_minus": False, "svg.hashsalt": "korlm"}
    with matplotlib.rc_context(style | settings):
        yield font is not None
