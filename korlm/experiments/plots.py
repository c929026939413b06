"""The figures of a report: bits per character as dots with intervals, and learning curves.

Needs matplotlib (``pip install "korlm[plot]"``). Labels are Korean where a Korean font is found, else English.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

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
_FIGURE_WIDTH = 5.2  # inches: on a phone, where it is as wide as the page, 11 points are 10 pixels
_LETTER_WIDTH = 0.085  # inches of a Latin letter of 11 points, about
_MAX_LABEL_LENGTH = 24  # letters of a label


def render_report_figures(result: ExperimentResult) -> dict[str, tuple[str, bytes]]:
    """Return the figures by name, each as an inline SVG in the page's colours and as a PNG on white."""
    with plot_style(**{"font.size": 11}) as korean:
        makers: dict[str, Callable[[], Figure]] = {"bits": lambda: _plot_scores(result, korean=korean)}
        for axis in CURVE_AXES:
            makers[f"curves-{axis}"] = lambda axis=axis: _plot_learning_curves(result, axis, korean=korean)  # type: ignore[misc]
        return {name: (_render_svg(figure := make(), name), _render_png(figure)) for name, make in makers.items()}


def apply_page_theme(svg: str, name: str) -> str:
    """Return matplotlib's SVG for a page: no prolog, no style of its own, the page's colours, ids of its own.

    >>> apply_page_theme('<?xml version="1.0"?><svg><g id="a" style="fill: #222222"/><use href="#a"/></svg>', "x")
    '<svg><g id="x-a" style="fill: var(--ink)"/><use href="#x-a"/></svg>'
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid=")', rf"\1{name}-", svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{name}-", svg)
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
    """A line a tokenizer, the best above; a dot a cell, with its intervals over lines and over seeds."""
    from matplotlib.figure import Figure

    labels = sorted(dict.fromkeys(row.label for row in result.rows), key=lambda label: _best_score(result.rows, label))
    cells = [cell for cell in result.config.cells if any(row.cell == cell for row in result.rows)]
    height = 1.35 + 0.24 * len(labels) * max(1.6, len(cells))
    left = (0.25 + _LETTER_WIDTH * max(map(len, map(_format_label, labels)))) / _FIGURE_WIDTH
    figure = Figure(figsize=(_FIGURE_WIDTH, height))
    panel = figure.add_axes((left, 1.1 / height, 0.97 - left, 1 - 1.25 / height))
    for row in result.rows:
        at = cells.index(row.cell)
        place = labels.index(row.label) + (at - (len(cells) - 1) / 2) * 0.26
        color = SERIES_COLORS[at]
        for ends, width, shade in ((row.test.seeds, 1.3, TEXT_COLOR), (row.test.lines, 5.0, color)):
            if ends:
                panel.plot(ends, [place, place], color=shade, linewidth=width, alpha=0.4 if width > 2 else 1.0)
        face = color if row.lossless else "none"
        panel.plot([row.test.value], [place], SERIES_MARKERS[at % 4], color=color, markersize=6, markerfacecolor=face)
    for at, cell in enumerate(cells):
        panel.plot([], [], SERIES_MARKERS[at % 4], color=SERIES_COLORS[at], label=cell)
    panel.set_yticks(range(len(labels)), map(_format_label, labels))
    panel.set_ylim(len(labels) - 0.5, -0.5)
    panel.set_xlabel(
        "시험 글의 글자당 비트 (낮을수록 좋음)" if korean else "bits per character, test (lower is better)"
    )
    _style_figure(figure, [panel], result, len(cells))
    return figure


def _format_label(label: str) -> str:
    """Return a label's end in which matplotlib finds no formula, and which it does not take for a hidden one."""
    label = abbreviate(label, _MAX_LABEL_LENGTH, keep_end=True)
    return (f" {label}" if label.startswith("_") else label).replace("$", r"\$")


def _best_score(rows: list[ResultRow], label: str) -> float:
    return min(row.test.value for row in rows if row.label == label)


def _plot_learning_curves(result: ExperimentResult, axis: str, *, korean: bool) -> Figure:
    """A panel a cell, a colour a tokenizer, a line a seed."""
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(row.label for row in result.rows))
    cells = [cell for cell in result.config.cells if any(row.cell == cell for row in result.rows)]
    longest = max(map(len, map(_format_label, labels)))
    columns = max(1, min(3, int(0.9 * _FIGURE_WIDTH / (0.65 + _LETTER_WIDTH * longest))))
    below = 0.95 + 0.24 * -(-len(labels) // columns)
    height = below + 2.9 * len(cells) - 0.3
    figure = Figure(figsize=(_FIGURE_WIDTH, height))
    panels = [
        figure.add_axes((0.15, (below + 2.9 * (len(cells) - 1 - at)) / height, 0.81, 2.2 / height))
        for at in range(len(cells))
    ]
    for at, (panel, cell) in enumerate(zip(panels, cells, strict=True)):
        for curve in result.curves:
            if curve["cell"] == cell and curve["points"]:
                number = labels.index(curve["label"])
                across = [point[axis] for point in curve["points"]]
                down = [point["valid_bpc"] for point in curve["points"]]
                panel.plot(across, down, color=SERIES_COLORS[number % len(SERIES_COLORS)], linestyle=LINE_STYLES[number // len(SERIES_COLORS) % 4],
                           marker=".", markersize=4, linewidth=1.3, alpha=0.85)  # fmt: skip
        panel.set_title(cell, loc="left", color=TEXT_COLOR, fontsize=12)
        panel.set_ylabel("검증 글자당 비트" if korean else "valid bits per character", color=TEXT_COLOR)
        panel.set_xlim(left=0)
        panel.ticklabel_format(axis="x", style="sci", scilimits=(-3, 5), useMathText=True)
        if at == len(cells) - 1:
            panel.set_xlabel(CURVE_AXES[axis][0 if korean else 1], color=TEXT_COLOR)
    for number, label in enumerate(labels):
        panels[-1].plot([], [], color=SERIES_COLORS[number % len(SERIES_COLORS)], linestyle=LINE_STYLES[number // len(SERIES_COLORS) % 4],
                        label=_format_label(label))  # fmt: skip
    _style_figure(figure, panels, result, columns)
    return figure


def _style_figure(figure: Figure, panels: list[Axes], result: ExperimentResult, columns: int) -> None:
    """Give the panels their plain look, and the figure its legend and signature."""
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
