"""Plot of tokenizer metrics: a dot with its interval for each tokenizer and main metric, and the boundary agreement.

Needs matplotlib (``pip install "korlm[plot]"``). Labels are Korean if a Korean font is found, else English.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from korlm.errors import InputError
from korlm.evaluation.metrics import METRICS, TokenizerMetrics
from korlm.i18n import user_language
from korlm.reporting.plots import GRID_COLOR, MUTED_COLOR, SERIES_COLORS, TEXT_COLOR, plot_style, require_matplotlib
from korlm.storage.artifacts import check_writable, write_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAIN_METRICS = (
    "ids_per_eojeol", "whole_eojeol", "oov", "renyi_efficiency", "boundary_f1", "form_f1",
    "characters_per_id", "byte_ids",
)  # fmt: skip
_MAX_PANELS = 6
_FILE_METADATA: dict[str, Any] = {"png": None, "svg": {"Date": None}, "pdf": {"CreationDate": None}}  # no date


def plot_metrics(
    rows: Sequence[TokenizerMetrics],
    agreement: Sequence[Sequence[float]],
    path: str | Path,
    *,
    subtitle: tuple[str, str],
    signature: str,
) -> None:
    """Plot the main metrics with their intervals and the boundary agreement, as a .png, .svg or .pdf file.

    Args:
        rows: the metrics of each tokenizer.
        agreement: ``[T, T]``, the boundary agreement of the same tokenizers.
        path: the file to write.
        subtitle: the line below the title, in Korean and English.
        signature: the signature of the evaluation, printed at the bottom.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        InputError: another suffix.
        ArtifactError: the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in _FILE_METADATA:
        raise InputError(
            f"그림 파일은 .png, .svg, .pdf로 끝나야 합니다 (받은 이름: {path.name}).",
            f"A figure's name must end in .png, .svg or .pdf, not {path.name}.",
        )
    check_can_plot(path)
    with plot_style() as korean:
        language = "ko" if korean and user_language() == "ko" else "en"
        figure = _build_figure(rows, agreement, language, subtitle[0 if language == "ko" else 1], signature)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=kind, dpi=200, facecolor="white", metadata=_FILE_METADATA[kind])
    write_file(path, buffer.getvalue())


def check_can_plot(path: str | Path) -> None:
    """Raise before any work if a plot could not be drawn or written.

    Raises:
        MissingDependencyError: matplotlib is not installed.
        ArtifactError: the file cannot be written.
    """
    require_matplotlib()
    check_writable(Path(path).parent)


def _build_figure(
    rows: Sequence[TokenizerMetrics], agreement: Sequence[Sequence[float]], language: str, subtitle: str, signature: str
) -> Figure:
    from matplotlib.figure import Figure

    keys = [key for key in _MAIN_METRICS if key in rows[0].values][:_MAX_PANELS]
    height = 2.3 + 0.62 * max(len(rows), 3)
    figure = Figure(figsize=(14, height))
    grid = figure.add_gridspec(
        2, 5, width_ratios=(1, 1, 1, 0.25, 1.5), left=0.08, right=0.985,
        bottom=0.75 / height, top=1 - 1.15 / height, hspace=0.42, wspace=0.12,
    )  # fmt: skip
    for index, key in enumerate(keys):
        panel = figure.add_subplot(grid[index // 3, index % 3])
        _draw_metric_panel(panel, rows, key, language, show_names=index % 3 == 0)
    _draw_agreement_panel(figure.add_subplot(grid[:, 4]), [row.name for row in rows], agreement, language)
    title = "토크나이저 비교" if language == "ko" else "Tokenizers compared"
    figure.text(0.012, 1 - 0.46 / height, title, fontsize=18, color=TEXT_COLOR)
    figure.text(0.012, 1 - 0.74 / height, subtitle, fontsize=10, color=MUTED_COLOR)
    figure.text(0.012, 0.2 / height, signature, fontsize=8, color=MUTED_COLOR)
    return figure


def _draw_metric_panel(
    panel: Axes, rows: Sequence[TokenizerMetrics], key: str, language: str, *, show_names: bool
) -> None:
    metric = METRICS[key]
    for index, row in enumerate(rows):
        color = SERIES_COLORS[index % len(SERIES_COLORS)]
        value, low, high = row.values[key]
        if value is None:
            panel.text(0.02, index, "–", color=MUTED_COLOR, va="center", transform=panel.get_yaxis_transform())
            continue
        panel.plot([0, value], [index, index], color=color, alpha=0.25, linewidth=7, solid_capstyle="butt", zorder=1)
        panel.plot([value], [index], "o", color=color, markersize=7, zorder=4, clip_on=False)
        if low is not None and high is not None:
            panel.plot([low, high], [index, index], color=TEXT_COLOR, linewidth=1.6, zorder=3, clip_on=False)
        panel.annotate(
            metric.format(value), (max(value, high or value), index), xytext=(9, 0), textcoords="offset points",
            va="center", fontsize=9.5, color=TEXT_COLOR, annotation_clip=False,
        )  # fmt: skip
    ends = [end for row in rows for end in row.values[key] if end is not None]
    panel.set_xlim(0, 1.3 * max([*ends, 1e-9]))
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xticks([])
    panel.set_yticks(range(len(rows)), [row.name if show_names else "" for row in rows])
    panel.set_title(metric.format_label(language), loc="left", fontsize=12, color=TEXT_COLOR, pad=7)
    panel.tick_params(axis="y", length=0, labelsize=10.5, labelcolor=TEXT_COLOR)
    for side, spine in panel.spines.items():
        spine.set_visible(side == "left")
        spine.set_color(GRID_COLOR)
        spine.set_zorder(0)


def _draw_agreement_panel(
    panel: Axes, names: Sequence[str], agreement: Sequence[Sequence[float]], language: str
) -> None:
    count = len(names)
    panel.imshow(agreement, cmap="Blues", vmin=0, vmax=1.25, aspect="equal")
    panel.set_anchor("NW")
    for row, fractions in enumerate(agreement):
        for column, fraction in enumerate(fractions):
            panel.text(
                column, row, f"{fraction:.2f}", ha="center", va="center", fontsize=10 if count < 9 else 7,
                color="white" if fraction > 0.7 else TEXT_COLOR,
            )  # fmt: skip
    wide = count * max(map(len, names)) > 50
    panel.set_xticks(range(count), names, rotation=40 if wide else 0, ha="right" if wide else "center")
    panel.set_yticks(range(count), names)
    panel.tick_params(length=0, labelsize=10, labelcolor=TEXT_COLOR)
    for side in panel.spines.values():
        side.set_visible(False)
    grid_lines = [index - 0.5 for index in range(1, count)]
    panel.set_xticks(grid_lines, minor=True)
    panel.set_yticks(grid_lines, minor=True)
    panel.grid(which="minor", color="white", linewidth=2)
    panel.tick_params(which="minor", length=0)
    title = "어절 안에서 같은 곳을 자른 비율" if language == "ko" else "Boundaries in common inside eojeol"
    panel.set_title(title, loc="left", fontsize=11.5, color=TEXT_COLOR, pad=7)
