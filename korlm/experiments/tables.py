"""The tables of a report: rows with baselines, differences, the course exercise; and the rows as CSV and on a terminal.

>>> format_margin((3.0, 3.5)), format_margin(None)
('±0.250', '–')
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from korlm.experiments.folder import SCORED_SPLITS
from korlm.experiments.results import ExperimentResult, ResultRow
from korlm.i18n import localize
from korlm.nn.config import NetConfig
from korlm.reporting.markdown import ReportTable
from korlm.reporting.significance import PairedDifference, ScoreEstimate
from korlm.text.display import format_columns

LOSSY_MARK, FEW_SEEDS_MARK, _NO_VALUE = " †", " ‡", "–"
_BASELINE_LABELS = {"xz": "xz -9e", "uniform": "균등 uniform"}


@dataclass(frozen=True)
class _Column:
    """A column of the results."""

    header: tuple[str, str]  # in Korean and English
    format_cell: Callable[[ResultRow], str]  # returns the text of a row
    split: str = ""  # the split whose bits per character it holds, if any; baselines have a value there
    on_terminal: bool = True  # whether it is one of the columns that fit a terminal


def format_margin(interval: tuple[float, float] | None) -> str:
    """Return half the width of an interval as text."""
    return _NO_VALUE if interval is None else f"±{(interval[1] - interval[0]) / 2:.3f}"


def _format_label(row: ResultRow) -> str:
    return row.label + ("" if row.lossless else LOSSY_MARK)


def _format_memory(num_bytes: int | None) -> str:
    return _NO_VALUE if num_bytes is None else f"{num_bytes / 2**20:,.0f}"


def _format_estimate(estimate: ScoreEstimate) -> list[str]:
    return [f"{estimate.value:.3f}", format_margin(estimate.seeds), format_margin(estimate.lines)]


_OVER_SEEDS, _OVER_LINES = ("시드 95%", "over seeds"), ("줄 95%", "over lines")
_COLUMNS = (
    _Column(("토크나이저", "tokenizer"), _format_label),
    _Column(("셀", "cell"), lambda row: row.cell),
    _Column(("시험 비트/글자", "test bits/char"), lambda row: f"{row.test.value:.3f}", split="test"),
    _Column(_OVER_SEEDS, lambda row: format_margin(row.test.seeds)),
    _Column(_OVER_LINES, lambda row: format_margin(row.test.lines)),
    _Column(("검증 비트/글자", "valid bits/char"), lambda row: f"{row.valid.value:.3f}", split="valid"),
    _Column(_OVER_SEEDS, lambda row: format_margin(row.valid.seeds), on_terminal=False),
    _Column(_OVER_LINES, lambda row: format_margin(row.valid.lines), on_terminal=False),
    _Column(("어휘", "vocabulary"), lambda row: f"{row.vocab_size:,}"),
    _Column(("어휘 밖", "OOV, test"), lambda row: f"{row.unknown['test'] * 100:.2f}%"),
    _Column(("토큰/글자", "tokens/char"), lambda row: f"{row.pieces_per_character['test']:.3f}", on_terminal=False),
    _Column(("임베딩", "embedding"), lambda row: f"{row.parameters['embedding']:,}", on_terminal=False),
    _Column(("순환", "recurrent"), lambda row: f"{row.parameters['recurrent']:,}", on_terminal=False),
    _Column(("매개변수", "parameters"), lambda row: f"{row.parameters['total']:,}"),
    _Column(("폭", "width"), lambda row: f"{row.hidden:,}"),
    _Column(("시드", "seeds"), lambda row: f"{len(row.seeds)}" + (FEW_SEEDS_MARK if row.has_too_few_seeds else "")),
    _Column(("학습 초", "train s"), lambda row: f"{row.seconds:,.0f}", on_terminal=False),
    _Column(("글자/초", "chars/s"), lambda row: f"{row.characters_per_second:,.0f}", on_terminal=False),
    _Column(("토큰당 혼란도", "perplexity/token"), lambda row: f"{row.perplexity:,.1f}", on_terminal=False),
    _Column(("메모리 MB", "memory MB"), lambda row: _format_memory(row.memory), on_terminal=False),
)


def build_results_table(result: ExperimentResult) -> ReportTable:
    """Return the rows, the best first and the lossy last, with the baselines below them."""
    return _build_table(result, _COLUMNS)


def format_result(result: ExperimentResult, folder: Path) -> str:
    """Return the tables as text for a terminal, with the paths of the report and the unfinished runs."""
    tables = [_build_table(result, [column for column in _COLUMNS if column.on_terminal])]
    tables += [table] if (table := build_marginal_table(result)) else []
    parts = [format_columns([[localize(*header) for header in table.headers], *table.rows]) for table in tables]
    paths = f"{folder}/report.html, report.md, table.csv"
    note = localize(f"보고서: {paths}", f"Report: {paths}")
    if result.unfinished_runs:
        names = ", ".join(result.unfinished_runs)
        note += "\n" + localize(f"끝나지 않은 것: {names}", f"Not finished: {names}")
    return "\n\n".join([*parts, f"{note}\n{result.config.signature}"])


def _build_table(result: ExperimentResult, columns: Sequence[_Column]) -> ReportTable:
    sorted_rows = sorted(result.rows, key=lambda row: (not row.lossless, row.test.value))
    rows = [[column.format_cell(row) for column in columns] for row in sorted_rows]
    for name, baseline in (result.baselines or {}).items():
        scores = {split: f"{baseline[split]['bits_per_character']:.3f}" for split in SCORED_SPLITS}
        rows.append([_BASELINE_LABELS[name], *(scores.get(column.split, _NO_VALUE) for column in columns[1:])])
    return ReportTable([column.header for column in columns], rows)


def build_marginal_table(result: ExperimentResult) -> ReportTable | None:
    """Return the rows with a score over all segmentations, the best first, beside the canonical score; None if none has."""
    scored = [(row, row.marginal) for row in result.rows if row.marginal]
    headers = [
        ("토크나이저", "tokenizer"), ("셀", "cell"), ("모든 자르기 비트/글자", "bits/char, all segmentations"), _OVER_SEEDS, _OVER_LINES,
        ("토크나이저의 자르기만", "its own alone"), ("차이", "difference"),
    ]  # fmt: skip
    rows = []
    for row, marginal in sorted(scored, key=lambda entry: entry[1].value):
        difference = round(marginal.value - row.test.value, 3) + 0.0  # no negative zero
        rows.append([row.label, row.cell, *_format_estimate(marginal), f"{row.test.value:.3f}", f"{difference:+.3f}"])
    return ReportTable(headers, rows) if rows else None


def build_difference_matrix(result: ExperimentResult, cell: str) -> ReportTable | None:
    """Return the differences of a cell's tokenizers, row minus column; None with fewer than two to compare."""
    indices = [index for index, row in enumerate(result.rows) if row.cell == cell and row.lossless]
    if len(indices) < 2:
        return None
    indices.sort(key=lambda index: result.rows[index].test.value)
    pairs = {(pair.first, pair.second): pair for pair in result.pairs}
    rows: list[list[str]] = []
    significant_cells = set()
    for first in indices:
        cells = [result.rows[first].label]
        for second in indices:
            if first == second:
                cells.append("")
                continue
            pair = pairs.get((first, second)) or pairs[second, first]
            sign = 1 if (first, second) in pairs else -1
            if pair.significant:
                significant_cells.add((len(rows), len(cells)))
            cells.append(f"{sign * pair.difference:+.3f}{significance_mark(pair)}")
        rows.append(cells)
    headers = [("행 − 열", "row − column"), *((result.rows[index].label, "") for index in indices)]
    return ReportTable(headers, rows, frozenset(significant_cells))


def significance_mark(pair: PairedDifference) -> str:
    """Return ``✓`` for a difference that is significant over lines, ``✓✓`` if over seeds as well."""
    return " ✓✓" if pair.significant_across_seeds else " ✓" if pair.significant else ""


def build_cell_differences_table(result: ExperimentResult) -> ReportTable | None:
    """Return the differences between the cells of each tokenizer, or None if there are none."""
    headers = [("토크나이저", "tokenizer"), ("셀", "cells"), ("차이", "difference"), _OVER_LINES, ("p (Holm)", "")]
    rows: list[list[str]] = []
    significant_cells = set()
    for pair in result.pairs:
        first, second = result.rows[pair.first], result.rows[pair.second]
        if first.cell == second.cell:
            continue
        if pair.significant:
            significant_cells.add((len(rows), headers.index(("차이", "difference"))))
        low, high = pair.lines or (float("nan"), float("nan"))
        difference = f"{pair.difference:+.3f}{significance_mark(pair)}"
        interval = f"{low:+.3f} ~ {high:+.3f}"
        rows.append([first.label, f"{first.cell} − {second.cell}", difference, interval, f"{pair.adjusted:.4f}"])
    return ReportTable(headers, rows, frozenset(significant_cells)) if rows else None


def embedding_width(result: ExperimentResult) -> int:
    """Return the embedding width of the runs."""
    return int(result.config.options.get("embedding", NetConfig.embedding))


def build_course_table(result: ExperimentResult) -> ReportTable:
    """Return the course exercise: embedding sizes, OOV, and perplexity a token beside bits per character."""
    width = embedding_width(result)
    distinct = result.metadata["corpus"]["words"]["distinct"]
    headers = [
        ("토크나이저", "tokenizer"), ("셀", "cell"), ("어휘", "vocabulary"), (f"임베딩 (너비 {width:,})", f"embedding, width {width:,}"),
        ("어휘 밖, 검증", "OOV, valid"), ("어휘 밖, 시험", "OOV, test"), ("토큰당 혼란도", "perplexity/token"),
        ("비트/글자", "bits/char"),
    ]  # fmt: skip
    rows = [["낱말 (교과서) words (textbook)", _NO_VALUE, f"{distinct:,}", f"{distinct * width:,}", *[_NO_VALUE] * 4]]
    for row in result.rows:
        oov = [f"{row.unknown[split] * 100:.2f}%" for split in SCORED_SPLITS]
        sizes = [f"{row.vocab_size:,}", f"{row.vocab_size * width:,}"]
        rows.append([_format_label(row), row.cell, *sizes, *oov, f"{row.perplexity:,.1f}", f"{row.test.value:.3f}"])
    return ReportTable(headers, rows)


def format_results_csv(result: ExperimentResult) -> str:
    """Return the rows and baselines as CSV, with all their digits."""
    records = [_csv_record(row) for row in result.rows]
    for name, scores in (result.baselines or {}).items():
        bits = {f"{split}_bits_per_character": scores[split]["bits_per_character"] for split in SCORED_SPLITS}
        records.append({"tokenizer": name, **bits})
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(records[0]), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return buffer.getvalue()


def _csv_record(row: ResultRow) -> dict[str, Any]:
    record: dict[str, Any] = {
        "tokenizer": row.label, "cell": row.cell, "unit": row.unit, "lossless": row.lossless, "seeds": len(row.seeds),
        "vocab_size": row.vocab_size, "unknown_valid": row.unknown["valid"], "unknown_test": row.unknown["test"],
        "pieces_per_character": row.pieces_per_character["test"], "embedding": row.parameters["embedding"],
        "recurrent": row.parameters["recurrent"], "output": row.parameters["output"], "parameters": row.parameters["total"],
        "hidden": row.hidden, "seconds": row.seconds, "training_characters": row.training_characters, "flops": row.flops,
        "characters_per_second": row.characters_per_second, "perplexity_per_piece": row.perplexity,
        "memory_bytes": row.memory, "test_marginal": row.marginal.value if row.marginal else "",
    }  # fmt: skip
    for split in SCORED_SPLITS:
        estimate: ScoreEstimate = getattr(row, split)
        record[f"{split}_bits_per_character"] = estimate.value
        for name, interval in (("seeds", estimate.seeds), ("lines", estimate.lines)):
            record[f"{split}_{name}_low"], record[f"{split}_{name}_high"] = interval or ("", "")
    return record
