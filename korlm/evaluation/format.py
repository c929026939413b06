"""Tables of tokenizer metrics for a terminal.

>>> print(format_columns([["word", "2.0"], ["어절", "12"]]))
word  2.0
어절   12
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from korlm.evaluation.metrics import METRIC_GROUPS, METRICS, Metric, TokenizerMetrics
from korlm.evaluation.vocabulary_profile import SCRIPTS
from korlm.i18n import localize
from korlm.reporting.statistics import MetricEstimate
from korlm.text.display import format_columns

_TOKENIZERS_PER_TABLE = 6  # tokenizers side by side; further ones go below
_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


def format_metric_tables(
    rows: Sequence[TokenizerMetrics], agreement: Sequence[Sequence[float]], *, language: str | None = None
) -> str:
    """Return aligned tables with a row per metric and a column per tokenizer, at most six tokenizers in a table.

    Args:
        rows: the figures of each tokenizer.
        agreement: ``[T, T]``, the boundary agreement of the same tokenizers.
        language: ``"ko"`` or ``"en"``; by default the user's.
    """
    tables = []
    for first in range(0, len(rows), _TOKENIZERS_PER_TABLE):
        columns = slice(first, first + _TOKENIZERS_PER_TABLE)
        boundary_rows = [
            [row.name, *(f"{fraction:.3f}" for fraction in fractions[columns])]
            for row, fractions in zip(rows, agreement, strict=True)
        ]
        tables.append(format_columns([*_table_rows(rows[columns], language), *boundary_rows]))
    return "\n\n".join(tables)


def _table_rows(rows: Sequence[TokenizerMetrics], language: str | None) -> Iterator[list[str]]:
    """Yield lines of cells; a line of one cell is a heading."""
    yield ["", *(row.name for row in rows)]
    yield [localize("단위", "unit", language=language), *(row.unit for row in rows)]
    for group, heading in METRIC_GROUPS.items():
        keys = [key for key in rows[0].values if METRICS[key].group == group]
        if keys:
            yield [localize(*heading, language=language)]
        for key in keys:
            yield [
                _metric_label(METRICS[key], language),
                *(_format_estimate(METRICS[key], row.values[key]) for row in rows),
            ]
    yield [localize("어휘의 글자", "Vocabulary by script", language=language)]
    for script, names in SCRIPTS.items():
        if any(row.scripts[script] for row in rows):
            yield [localize(*names, language=language), *(f"{row.scripts[script]:,}" for row in rows)]
    yield [localize("어휘 조각의 길이 (글자)", "Vocabulary by length (characters)", language=language)]
    for length in rows[0].lengths:
        yield [length, *(f"{row.lengths[length]:,}" for row in rows)]
    yield [
        localize(
            "어절 안에서 같은 곳을 자른 비율 (교집합/합집합)",
            "Share of common cuts inside eojeol (Jaccard)",
            language=language,
        )
    ]


def _metric_label(metric: Metric, language: str | None) -> str:
    return localize(metric.ko, metric.en, language=language) + _ARROWS[metric.better]


def _format_estimate(metric: Metric, estimate: MetricEstimate) -> str:
    if estimate.value is None:
        return "–"
    write = metric_formatter(metric)
    return write(estimate.value) + (f" ±{write(estimate.margin)}" if estimate.margin is not None else "")


def metric_formatter(metric: Metric) -> Callable[[float], str]:
    """Return how a metric's figures are written.

    >>> metric_formatter(METRICS["oov"])(0.0123), metric_formatter(METRICS["ids"])(1234.0), metric_formatter(METRICS["entropy"])(7.0)
    ('1.23%', '1,234', '7.000')
    """
    if metric.unit == "share":
        return lambda value: f"{value * 100:.2f}%"
    return (lambda value: f"{value:,.0f}") if metric.unit == "count" else (lambda value: f"{value:.3f}")
