"""An evaluation as a table for a terminal, where Hangul takes two columns.

>>> from korlm.evaluation.evaluate import evaluate_tokenizers
>>> result = evaluate_tokenizers(["나는 간다", "너"], ["word", "syllable"], resamples=20)
>>> format_evaluation(result, language="en").splitlines()[0]
'2 lines, 6 characters, ± is half the 95 % interval'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from korlm.evaluation.compare import display_width, pad_left
from korlm.evaluation.metrics import METRIC_GROUPS, METRICS, Metric
from korlm.evaluation.result import Evaluation, MetricEstimate, TokenizerMetrics
from korlm.evaluation.vocabulary_profile import SCRIPTS
from korlm.i18n import localize

_TOKENIZERS_PER_TABLE = 6  # tokenizers side by side; further ones go below
_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


def format_evaluation(evaluation: Evaluation, *, language: str | None = None) -> str:
    """Return the figures as aligned text: a line a metric, a column a tokenizer.

    Args:
        evaluation: what to print.
        language: ``"ko"`` or ``"en"``; the person's own by default.
    """
    parts = [_format_header(evaluation, language)]
    for first in range(0, len(evaluation.rows), _TOKENIZERS_PER_TABLE):
        rows = evaluation.rows[first : first + _TOKENIZERS_PER_TABLE]
        body = list(_table_rows(evaluation, rows, language))
        parts.append(format_columns(body))
    parts.append("\n".join([evaluation.signature, *(f"{row.name}: {row.signature}" for row in evaluation.rows)]))
    return "\n\n".join(parts)


def _format_header(evaluation: Evaluation, language: str | None) -> str:
    lines, characters, sure = evaluation.lines, evaluation.characters, f"{evaluation.confidence * 100:g}"
    text = localize(
        f"{lines:,}줄 {characters:,}자, ±는 {sure}% 신뢰 구간의 절반",
        f"{lines:,} lines, {characters:,} characters, ± is half the {sure} % interval",
        language=language,
    )
    if gold := evaluation.gold:
        text += "\n" + localize(
            f"정답: {gold['sentences']:,}문장 {gold['eojeol']:,}어절, 그 가운데 형태소의 자리가 확실한 {gold['certain_eojeol']:,}어절로 잼. "
            f"경계 {gold['boundaries']:,}곳, 음절 안이라 글자 자리가 없는 경계 {gold['boundaries_inside_syllables']:,}곳(따로 셈)",
            f"gold: {gold['sentences']:,} sentences, {gold['eojeol']:,} eojeol, of which {gold['certain_eojeol']:,} with "
            f"morphemes surely placed count. {gold['boundaries']:,} boundaries; "
            f"{gold['boundaries_inside_syllables']:,} inside syllables have no offset and are counted apart",
            language=language,
        )
    return text


def _table_rows(evaluation: Evaluation, rows: Sequence[TokenizerMetrics], language: str | None) -> Iterator[list[str]]:
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
    for other, shares in zip(evaluation.rows, evaluation.agreement, strict=True):
        yield [other.name, *(f"{shares[evaluation.rows.index(row)]:.3f}" for row in rows)]


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


def format_columns(lines: Sequence[Sequence[str]]) -> str:
    """Return lines of cells in columns, the first to the left, the others to the right; a lone cell is a heading.

    >>> print(format_columns([["가", "나"], ["a", "12"]]))
    가  나
    a   12
    """
    cells = [line for line in lines if len(line) > 1]
    widths = [max(display_width(line[index]) for line in cells) for index in range(len(cells[0]))]
    written = []
    for line in lines:
        if len(line) == 1:
            written.append(f"\n[{line[0]}]")
            continue
        first = line[0] + " " * (widths[0] - display_width(line[0]))
        rest = (pad_left(cell, width) for cell, width in zip(line[1:], widths[1:], strict=True))
        written.append("  ".join([first, *rest]))
    return "\n".join(written)
