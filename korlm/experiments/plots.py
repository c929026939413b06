"""The figures of a report: bits per character with intervals, and learning curves.

Needs matplotlib (``pip install "korlm[plot]"``). Labels are Korean if a Korean font is installed, else English.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, Any

from korlm.experiments.results import ExperimentResult, ResultRow
from korlm.reporting.plots import (
    CSS_VARIABLES,
    GRID_COLOR,
    LINE_STYLES,
    MUTED_COLOR,
    SERIES_COLORS,
    SERIES_MARKERS,
    TEXT_COLOR,
    plot_style,
)
from korlm.text.display import abbreviate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVE_AXES = {
    "characters": ("배운 글자", "training characters"),
    "flops": ("배우는 데 쓴 연산 (FLOP)", "training FLOPs"),
    "seconds": ("배운 시간 (초)", "seconds of training"),
}
_FIGURE_WIDTH = 5.2  # inches: full width on a phone, where 11 points are 10 pixels
_LETTER_WIDTH = 0.085  # inches of a Latin letter of 11 points, about
_MAX_LABEL_LENGTH = 24  # characters
_CELL_OFFSET = 0.26  # between the dots of a tokenizer's cells, in rows
_PANEL_HEIGHT, _PANEL_STEP = 2.2, 2.9  # inches, of learning curves


def render_report_figures(result: ExperimentResult) -> dict[str, tuple[str, bytes]]:
    """Return the figures by name, each as an inline SVG in the page's colors and as a PNG on white."""
    with plot_style(**{"font.size": 11}) as korean:
        plots: dict[str, Callable[[], Figure]] = {"bits": partial(_plot_scores, result, korean=korean)}
        for axis in CURVE_AXES:
            plots[f"curves-{axis}"] = partial(_plot_learning_curves, result, axis, korean=korean)
        return {name: (_render_svg(figure := plot(), name), _render_png(figure)) for name, plot in plots.items()}


def apply_page_theme(svg: str, name: str) -> str:
    """Return matplotlib's SVG for a page: without prolog and style, in the page's colors, with ids prefixed by ``name``.

    >>> apply_page_theme('<?xml version="1.0"?><svg><g id="a" style="fill: #222222"/><use href="#a"/></svg>', "x")
    '<svg><g id="x-a" style="fill: var(--ink)"/><use href="#x-a"/></svg>'
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\1{name}-", svg)
    for color, variable in CSS_VARIABLES.items():
        svg = svg.replace(color, variable)
    return svg


def _render_svg(figure: Figure, name: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return apply_page_theme(buffer.getvalue(), name)


def _render_png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    return buffer.getvalue()


def _plot_scores(result: ExperimentResult, *, korean: bool) -> Figure:
    """Plot a line a tokenizer, the best on top, with a dot a cell and its intervals over lines and over seeds."""
    from matplotlib.figure import Figure

    labels = sorted(dict.fromkeys(row.label for row in result.rows), key=lambda label: _best_score(result.rows, label))
    cells = _plotted_cells(result)
    height = 1.35 + 0.24 * len(labels) * max(1.6, len(cells))
    left = (0.25 + _LETTER_WIDTH * _longest_label(labels)) / _FIGURE_WIDTH
    figure = Figure(figsize=(_FIGURE_WIDTH, height))
    panel = figure.add_axes((left, 1.1 / height, 0.97 - left, 1 - 1.25 / height))
    markers = [SERIES_MARKERS[index % len(SERIES_MARKERS)] for index in range(len(cells))]
    for row in result.rows:
        index = cells.index(row.cell)
        y = labels.index(row.label) + (index - (len(cells) - 1) / 2) * _CELL_OFFSET
        color = SERIES_COLORS[index]
        if row.test.seeds:
            panel.plot(row.test.seeds, [y, y], color=TEXT_COLOR, linewidth=1.3)
        if row.test.lines:
            panel.plot(row.test.lines, [y, y], color=color, linewidth=5.0, alpha=0.4)
        face = color if row.lossless else "none"
        panel.plot([row.test.value], [y], markers[index], color=color, markersize=6, markerfacecolor=face)
    for marker, color, cell in zip(markers, SERIES_COLORS, cells, strict=False):
        panel.plot([], [], marker, color=color, label=cell)
    panel.set_yticks(range(len(labels)), map(_format_label, labels))
    panel.set_ylim(len(labels) - 0.5, -0.5)
    ko, en = "시험 글의 글자당 비트 (낮을수록 좋음)", "bits per character, test (lower is better)"
    panel.set_xlabel(ko if korean else en)
    _style_figure(figure, [panel], result, len(cells))
    return figure


def _plot_learning_curves(result: ExperimentResult, axis: str, *, korean: bool) -> Figure:
    """Plot a panel a cell, a color a tokenizer, a line a seed."""
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(row.label for row in result.rows))
    looks = cycle((color, style) for style in LINE_STYLES for color in SERIES_COLORS)
    styles: dict[str, Any] = {label: dict(zip(("color", "linestyle"), next(looks), strict=True)) for label in labels}
    cells = _plotted_cells(result)
    columns = max(1, min(3, int(0.9 * _FIGURE_WIDTH / (0.65 + _LETTER_WIDTH * _longest_label(labels)))))
    legend_height = 0.95 + 0.24 * -(-len(labels) // columns)
    height = legend_height + _PANEL_STEP * len(cells) - 0.3
    figure = Figure(figsize=(_FIGURE_WIDTH, height))
    panels = []
    for index, cell in enumerate(cells):
        bottom = (legend_height + _PANEL_STEP * (len(cells) - 1 - index)) / height
        panel = figure.add_axes((0.15, bottom, 0.81, _PANEL_HEIGHT / height))
        for curve in result.curves:
            if curve["cell"] == cell and curve["points"]:
                x, y = ([point[key] for point in curve["points"]] for key in (axis, "valid_bpc"))
                panel.plot(x, y, **styles[curve["label"]], marker=".", markersize=4, linewidth=1.3, alpha=0.85)
        panel.set_title(cell, loc="left", color=TEXT_COLOR, fontsize=12)
        panel.set_ylabel("검증 글자당 비트" if korean else "valid bits per character", color=TEXT_COLOR)
        panel.set_xlim(left=0)
        panel.ticklabel_format(axis="x", style="sci", scilimits=(-3, 5), useMathText=True)
        panels.append(panel)
    panels[-1].set_xlabel(CURVE_AXES[axis][0 if korean else 1], color=TEXT_COLOR)
    for label, style in styles.items():
        panels[-1].plot([], [], **style, label=_format_label(label))
    _style_figure(figure, panels, result, columns)
    return figure


def _plotted_cells(result: ExperimentResult) -> list[str]:
    return [cell for cell in result.config.cells if any(row.cell == cell for row in result.rows)]


def _longest_label(labels: list[str]) -> int:
    return max(len(_format_label(label)) for label in labels)


def _format_label(label: str) -> str:
    """Return the end of a label, without a leading underscore (hidden by matplotlib) and ``$`` (its formulas)."""
    label = abbreviate(label, _MAX_LABEL_LENGTH, keep_end=True)
    return (f" {label}" if label.startswith("_") else label).replace("$", r"\$")


def _best_score(rows: list[ResultRow], label: str) -> float:
    return min(row.test.value for row in rows if row.label == label)


def _style_figure(figure: Figure, panels: list[Axes], result: ExperimentResult, columns: int) -> None:
    """Style the panels, and add the legend and the signature."""
    for panel in panels:
        panel.patch.set_alpha(0)
        panel.grid(color=GRID_COLOR, linewidth=0.5, alpha=0.6)
        panel.set_axisbelow(True)
        panel.tick_params(colors=TEXT_COLOR, length=0)
        panel.xaxis.label.set_color(TEXT_COLOR)
        panel.xaxis.get_offset_text().set_color(TEXT_COLOR)
        for side, spine in panel.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(GRID_COLOR)
    height = figure.get_size_inches()[1]
    figure.legend(
        *panels[-1].get_legend_handles_labels(), loc="lower center", bbox_to_anchor=(0.53, 0.22 / height),
        ncols=columns, frameon=False, labelcolor=TEXT_COLOR, fontsize=10,
    )  # fmt: skip
    figure.text(0.02, 0.08 / height, result.config.signature, fontsize=7.5, color=MUTED_COLOR)
