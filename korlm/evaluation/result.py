"""The result of `evaluate_tokenizers`: metrics with intervals as a table, JSON, CSV or plot.

>>> from korlm.evaluation.evaluate import evaluate_tokenizers
>>> result = evaluate_tokenizers(["나는 간다", "너"], ["word", "syllable"], resamples=20)
>>> result.names, result["word"].values["ids_per_line"]
(['word', 'syllable'], MetricEstimate(value=1.5, low=1.0, high=2.0))
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from korlm.errors import UnknownNameError
from korlm.evaluation.format import format_metric_tables
from korlm.evaluation.metrics import METRICS, TokenizerMetrics
from korlm.evaluation.plot import plot_metrics
from korlm.i18n import localize
from korlm.reporting.statistics import MetricEstimate, percentile_interval
from korlm.text.josa import quote_with_josa


@dataclass(frozen=True)
class Evaluation:
    """Metrics of tokenizers on the same lines; ``str()`` is a table.

    Attributes:
        rows: the metrics of each tokenizer.
        agreement: ``[T, T]``, the boundary agreement inside eojeol over all lines.
        signature: the settings that determine the figures: lines, content, resamples, gold, version.
        lines: number of lines.
        characters: number of code points, without line ends.
        confidence: confidence level of the intervals.
        gold: counts of the gold sentences, eojeol and boundaries; empty without gold.
        samples: for each metric with an interval, its values in the resamples, ``[T, R]``.
    """

    rows: tuple[TokenizerMetrics, ...]
    agreement: tuple[tuple[float, ...], ...]
    signature: str
    lines: int
    characters: int
    confidence: float
    gold: dict[str, int] = field(default_factory=dict)
    samples: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def names(self) -> list[str]:
        """The tokenizers' names, in order."""
        return [row.name for row in self.rows]

    def __getitem__(self, name: str) -> TokenizerMetrics:
        if row := next((row for row in self.rows if row.name == name), None):
            return row
        raise UnknownNameError(
            f"'{name}'은(는) 잰 토크나이저가 아닙니다. 잰 것: {', '.join(self.names)}.",
            f"'{name}' was not measured. Measured: {', '.join(self.names)}.",
        )

    def difference(self, key: str, first: str, second: str) -> MetricEstimate:
        """Return a metric of ``first`` minus that of ``second``, with the interval of the paired resamples.

        An interval without 0 means that the two differ on lines like these.

        Raises:
            UnknownNameError: a tokenizer or metric that was not measured.

        Example:
            >>> from korlm.evaluation.evaluate import evaluate_tokenizers
            >>> result = evaluate_tokenizers(["나는 간다", "너"], ["word", "syllable"], resamples=20)
            >>> result.difference("ids_per_eojeol", "syllable", "syllable")
            MetricEstimate(value=0.0, low=0.0, high=0.0)
        """
        estimates, other_estimates = self[first].values, self[second].values
        if key not in estimates:
            raise UnknownNameError(
                f"{quote_with_josa(key, '이라는/라는')} 값은 없습니다. 있는 것: {', '.join(estimates)}.",
                f"There is no figure '{key}'. There are: {', '.join(estimates)}.",
            )
        value, other_value = estimates[key].value, other_estimates[key].value
        if value is None or other_value is None:
            return MetricEstimate(None)
        interval = None
        if key in self.samples:
            samples = dict(zip(self.names, self.samples[key], strict=True))
            interval = percentile_interval(samples[first] - samples[second], self.confidence)
        return MetricEstimate(value - other_value, *(interval or (None, None)))

    def __str__(self) -> str:
        return self.format()

    def format(self, *, language: str | None = None) -> str:
        """Return the metrics as aligned tables: a row per metric, a column per tokenizer.

        Args:
            language: ``"ko"`` or ``"en"``; by default the user's.
        """
        tables = format_metric_tables(self.rows, self.agreement, language=language)
        signatures = "\n".join([self.signature, *(f"{row.name}: {row.signature}" for row in self.rows)])
        return "\n\n".join([self._format_header(language), tables, signatures])

    def _format_header(self, language: str | None) -> str:
        confidence = f"{self.confidence * 100:g}"
        text = localize(
            f"{self.lines:,}줄 {self.characters:,}자, ±는 {confidence}% 신뢰 구간의 절반",
            f"{self.lines:,} lines, {self.characters:,} characters, ± is half the {confidence} % interval",
            language=language,
        )
        if gold := self.gold:
            text += "\n" + localize(
                f"정답: {gold['sentences']:,}문장 {gold['eojeol']:,}어절, 그 가운데 형태소의 자리가 확실한 {gold['certain_eojeol']:,}어절로 잼. "
                f"경계 {gold['boundaries']:,}곳, 음절 안이라 글자 자리가 없는 경계 {gold['boundaries_inside_syllables']:,}곳(따로 셈)",
                f"gold: {gold['sentences']:,} sentences, {gold['eojeol']:,} eojeol, of which {gold['certain_eojeol']:,} with "
                f"morphemes surely placed count. {gold['boundaries']:,} boundaries; "
                f"{gold['boundaries_inside_syllables']:,} inside syllables have no offset and are counted apart",
                language=language,
            )
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the corpus, and the metrics of each tokenizer with intervals."""
        metric_fields = ("ko", "en", "unit", "better", "source", "meaning")
        return {
            **{name: getattr(self, name) for name in ("signature", "lines", "characters", "confidence")},
            "gold": dict(self.gold),
            "tokenizers": [
                {
                    **{name: getattr(row, name) for name in ("name", "unit", "signature")},
                    "metrics": {key: estimate._asdict() for key, estimate in row.values.items()},
                    "vocabulary_by_script": dict(row.scripts),
                    "vocabulary_by_length": dict(row.lengths),
                }
                for row in self.rows
            ],
            "agreement": [list(row) for row in self.agreement],
            "metrics": {
                key: {name: getattr(METRICS[key], name) for name in metric_fields} for key in self.rows[0].values
            },
        }

    def to_csv(self) -> str:
        """Return a row per tokenizer: metrics, ends of the intervals (``_low``, ``_high``), scripts, lengths, signatures."""
        rows: list[dict[str, Any]] = []
        for row, agreement in zip(self.rows, self.agreement, strict=True):
            cells: dict[str, Any] = {"name": row.name, "unit": row.unit}
            for key, estimate in row.values.items():
                cells[key] = estimate.value
                if METRICS[key].has_interval:
                    cells |= {f"{key}_low": estimate.low, f"{key}_high": estimate.high}
            cells |= {f"script_{script}": count for script, count in row.scripts.items()}
            cells |= {f"length_{length}": count for length, count in row.lengths.items()}
            cells |= {f"agreement_{name}": fraction for name, fraction in zip(self.names, agreement, strict=True)}
            rows.append(cells | {"tokenizer": row.signature, "evaluation": self.signature})
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()

    def plot(self, path: str | Path) -> None:
        """Plot the main metrics with their intervals, and the boundary agreement, as a .png, .svg or .pdf file.

        Raises:
            MissingDependencyError: matplotlib is not installed.
            InputError: another suffix.
            ArtifactError: the file cannot be written.
        """
        confidence = f"{self.confidence * 100:g}%"
        subtitle = (
            f"{self.lines:,}줄 {self.characters:,}자. 점은 값, 검은 줄은 {confidence} 신뢰 구간(문장 부트스트랩), 점보다 좁으면 보이지 않음",
            f"{self.lines:,} lines, {self.characters:,} characters. Dots are figures, black lines {confidence} intervals "
            "(bootstrap over lines), hidden where narrower than the dot",
        )
        plot_metrics(self.rows, self.agreement, path, subtitle=subtitle, signature=self.signature)
