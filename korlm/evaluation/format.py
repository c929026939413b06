"""Tables of tokenizer metrics for a terminal.

>>> from korlm.evaluation.evaluate import evaluate_tokenizers
>>> result = evaluate_tokenizers(["나는 간다", "너"], ["word", "syllable"], resamples=20)
>>> format_metric_tables(result.rows, result.agreement, language="en").splitlines()[1].split()
['unit', 'word', 'syllable']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from korlm.evaluation.metrics import METRIC_GROUPS, METRICS, Metric, TokenizerMetrics
from korlm.evaluation.vocabulary_profile import SCRIPTS
from korlm.i18n import localize
from korlm.reporting.statistics import MetricEstimate
from korlm.text.display import format_columns

_TOKENIZERS_PER_TABLE = 6


def format_metric_tables(
    rows: Sequence[TokenizerMetrics], agreement: Sequence[Sequence[float]], *, language: str | None = None
) -> str:
    """Return aligned tables: a row per metric, a column per tokenizer, at most six tokenizers in a table.

    The agreement is ``[T, T]``, of the boundaries of the same tokenizers; the language is by default the user's.
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
    """Yield rows of cells; a row of one cell is a heading."""
    yield ["", *(row.name for row in rows)]
    yield [localize("단위", "unit", language=language), *(row.unit for row in rows)]
    for group, heading in METRIC_GROUPS.items():
        keys = [key for key in rows[0].values if METRICS[key].group == group]
        if keys:
            yield [localize(*heading, language=language)]
        for key in keys:
            estimates = (_format_estimate(METRICS[key], row.values[key]) for row in rows)
            yield [METRICS[key].format_label(language), *estimates]
    yield [localize("어휘의 글자", "Vocabulary by script", language=language)]
    for script, names in SCRIPTS.items():
        if any(row.scripts[script] for row in rows):
            yield [localize(*names, language=language), *(f"{row.scripts[script]:,}" for row in rows)]
    yield [localize("어휘 토큰의 길이 (글자)", "Vocabulary by length (characters)", language=language)]
    for length in rows[0].lengths:
        yield [length, *(f"{row.lengths[length]:,}" for row in rows)]
    ko, en = "어절 안에서 같은 곳을 자른 비율 (교집합/합집합)", "Boundaries in common inside eojeol (Jaccard)"
    yield [localize(ko, en, language=language)]


def _format_estimate(metric: Metric, estimate: MetricEstimate) -> str:
    if estimate.value is None:
        return "–"
    margin = "" if estimate.margin is None else f" ±{metric.format(estimate.margin)}"
    return metric.format(estimate.value) + margin
