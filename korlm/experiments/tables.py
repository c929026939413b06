"""The tables of a report: the rows with their floors, the differences as a matrix, the course exercise, the CSV.

>>> format_margin((3.0, 3.5)), format_margin(None)
('±0.250', '–')
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from korlm.experiments.results import ExperimentResult, ResultRow
from korlm.nn.config import NetConfig
from korlm.reporting.markdown import ReportTable
from korlm.reporting.significance import PairedDifference, ScoreEstimate

LOSSY_MARK, FEW_SEEDS_MARK = " †", " ‡"
_RESULTS_HEADERS = (
    ("토크나이저", "tokenizer"), ("셀", "cell"), ("시험 비트/글자", "test bits/char"), ("씨앗 95%", "over seeds"),
    ("줄 95%", "over lines"), ("검증 비트/글자", "valid bits/char"), ("씨앗 95%", "over seeds"), ("줄 95%", "over lines"),
    ("어휘", "vocabulary"), ("어휘 밖", "OOV, test"), ("조각/글자", "pieces/char"), ("임베딩", "embedding"),
    ("순환", "recurrent"), ("매개변수", "parameters"), ("폭", "width"), ("씨앗", "seeds"), ("학습 초", "train s"),
    ("글자/초", "chars/s"), ("조각당 혼란도", "perplexity/piece"), ("메모리 MB", "memory MB"),
)  # fmt: skip


def format_margin(interval: tuple[float, float] | None) -> str:
    """Return half an interval as text."""
    return "–" if interval is None else f"±{(interval[1] - interval[0]) / 2:.3f}"


def build_results_table(result: ExperimentResult) -> ReportTable:
    """Return the rows, the best first and the lossy last, with the floors under them."""
    rows = [_format_row(row) for row in sorted(result.rows, key=lambda row: (not row.lossless, row.test.value))]
    if result.baselines:
        for name, label in (("xz", "xz -9e"), ("uniform", "균등 uniform")):
            valid, test = (f"{result.baselines[name][side]['bits_per_character']:.3f}" for side in ("valid", "test"))
            rows.append([label, "–", test, "–", "–", valid, *["–"] * (len(_RESULTS_HEADERS) - 6)])
    return ReportTable(_RESULTS_HEADERS, rows)


def _format_row(row: ResultRow) -> list[str]:
    def format_estimate(side: ScoreEstimate) -> list[str]:
        return [f"{side.value:.3f}", format_margin(side.seeds), format_margin(side.lines)]

    return [
        row.label + ("" if row.lossless else LOSSY_MARK), row.cell, *format_estimate(row.test), *format_estimate(row.valid),
        f"{row.vocab_size:,}", f"{row.unknown['test'] * 100:.2f}%", f"{row.pieces_per_character['test']:.3f}",
        f"{row.parameters['embedding']:,}", f"{row.parameters['recurrent']:,}", f"{row.parameters['total']:,}",
        f"{row.hidden:,}", f"{len(row.seeds)}" + (FEW_SEEDS_MARK if row.has_too_few_seeds else ""), f"{row.seconds:,.0f}",
        f"{row.characters_per_second:,.0f}", f"{row.perplexity:,.1f}",
        "–" if row.memory is None else f"{row.memory / 2**20:,.0f}",
    ]  # fmt: skip


def build_marginal_table(result: ExperimentResult) -> ReportTable | None:
    """Return the rows that were measured over all segmentations, the best first, beside their own; None where none was."""
    rows = [row for row in result.rows if row.marginal]
    rows.sort(key=lambda row: row.marginal.value if row.marginal else 0.0)
    heads = [
        ("토크나이저", "tokenizer"), ("셀", "cell"), ("모든 자르기 비트/글자", "bits/char, all segmentations"), ("씨앗 95%", "over seeds"),
        ("줄 95%", "over lines"), ("토크나이저의 자르기만", "its own alone"), ("차이", "difference"),
    ]  # fmt: skip
    cells = [
        [row.label, row.cell, f"{found.value:.3f}", format_margin(found.seeds), format_margin(found.lines), f"{row.test.value:.3f}",
         f"{round(found.value - row.test.value, 3) + 0.0:+.3f}"]
        for row in rows if (found := row.marginal)
    ]  # fmt: skip
    return ReportTable(heads, cells) if cells else None


def build_difference_matrix(result: ExperimentResult, cell: str) -> ReportTable | None:
    """Return the differences of a cell's tokenizers, row less column; None with fewer than two to compare."""
    places = [index for index, row in enumerate(result.rows) if row.cell == cell and row.lossless]
    if len(places) < 2:
        return None
    places.sort(key=lambda index: result.rows[index].test.value)
    found = {(pair.first, pair.second): pair for pair in result.pairs}
    rows: list[list[str]] = []
    marked = set()
    for number, first in enumerate(places):
        cells = [result.rows[first].label]
        for column, second in enumerate(places):
            if first == second:
                cells.append("")
                continue
            pair = found.get((first, second)) or found[second, first]
            sign = 1 if (first, second) in found else -1
            cells.append(f"{sign * pair.difference:+.3f}{significance_mark(pair)}")
            if pair.significant:
                marked.add((number, column + 1))
        rows.append(cells)
    heads = [("행 − 열", "row − column"), *((result.rows[place].label, "") for place in places)]
    return ReportTable(heads, rows, frozenset(marked))


def significance_mark(pair: PairedDifference) -> str:
    """Return ``✓`` where the lines tell two rows apart, ``✓✓`` where the seeds do as well."""
    return " ✓✓" if pair.significant_across_seeds else " ✓" if pair.significant else ""


def build_cell_differences_table(result: ExperimentResult) -> ReportTable | None:
    """Return the differences of each tokenizer's cells, or None where there are none."""
    rows: list[list[str]] = []
    marked = set()
    for pair in result.pairs:
        first, second = result.rows[pair.first], result.rows[pair.second]
        if first.cell != second.cell:
            if pair.significant:
                marked.add((len(rows), 2))
            low, high = pair.lines or (float("nan"), float("nan"))
            rows.append(
                [first.label, f"{first.cell} − {second.cell}", f"{pair.difference:+.3f}{significance_mark(pair)}",
                 f"{low:+.3f} ~ {high:+.3f}", f"{pair.adjusted:.4f}"]
            )  # fmt: skip
    heads = [
        ("토크나이저", "tokenizer"),
        ("셀", "cells"),
        ("차이", "difference"),
        ("줄 95%", "over lines"),
        ("p (Holm)", ""),
    ]
    return ReportTable(heads, rows, frozenset(marked)) if rows else None


def build_course_table(result: ExperimentResult) -> ReportTable:
    """Return the exercise: embeddings of each row, OOV, and perplexity a piece beside bits per character."""
    width = result.config.options.get("embedding", NetConfig.embedding)
    distinct = result.metadata["corpus"]["words"]["distinct"]
    rows = [["낱말 (교과서) words (textbook)", "–", f"{distinct:,}", f"{distinct * width:,}", *["–"] * 4]]
    rows += [
        [
            row.label + ("" if row.lossless else LOSSY_MARK), row.cell, f"{row.vocab_size:,}",
            f"{row.vocab_size * width:,}", f"{row.unknown['valid'] * 100:.2f}%", f"{row.unknown['test'] * 100:.2f}%",
            f"{row.perplexity:,.1f}", f"{row.test.value:.3f}",
        ]
        for row in result.rows
    ]  # fmt: skip
    heads = [
        ("토크나이저", "tokenizer"), ("셀", "cell"), ("어휘", "vocabulary"), (f"임베딩 (너비 {width:,})", f"embedding, width {width:,}"),
        ("어휘 밖, 검증", "OOV, valid"), ("어휘 밖, 시험", "OOV, test"), ("조각당 혼란도", "perplexity/piece"),
        ("비트/글자", "bits/char"),
    ]  # fmt: skip
    return ReportTable(heads, rows)


def format_results_csv(result: ExperimentResult) -> str:
    """Return the rows and floors as CSV, with all their digits."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    heads = ["tokenizer", "cell", "unit", "lossless", "seeds", "vocab_size", "unknown_valid", "unknown_test",
             "pieces_per_character", "embedding", "recurrent", "output", "parameters", "hidden", "seconds",
             "training_characters", "flops", "characters_per_second", "perplexity_per_piece", "memory_bytes",
             "test_marginal"]  # fmt: skip
    ends = [f"{side}_{name}" for side in ("valid", "test") for name in _ESTIMATE_COLUMNS]
    writer.writerow([*heads, *ends])
    for row in result.rows:
        weights = [row.parameters[name] for name in ("embedding", "recurrent", "output", "total")]
        writer.writerow(
            [row.label, row.cell, row.unit, row.lossless, len(row.seeds), row.vocab_size, row.unknown["valid"],
             row.unknown["test"], row.pieces_per_character["test"], *weights, row.hidden, row.seconds,
             row.training_characters, row.flops, row.characters_per_second, row.perplexity, row.memory,
             row.marginal.value if row.marginal else "", *_estimate_values(row.valid), *_estimate_values(row.test)]
        )  # fmt: skip
    for name, sides in (result.baselines or {}).items():
        valid, test = ([sides[side]["bits_per_character"], *[""] * 4] for side in ("valid", "test"))
        writer.writerow([name, *[""] * (len(heads) - 1), *valid, *test])
    return buffer.getvalue()


_ESTIMATE_COLUMNS = ("bits_per_character", "seeds_low", "seeds_high", "lines_low", "lines_high")


def _estimate_values(estimate: ScoreEstimate) -> Sequence[float | str]:
    return [estimate.value, *(estimate.seeds or ("", "")), *(estimate.lines or ("", ""))]
