"""The report of an experiment in Korean and English, as Markdown and one HTML page.

It states the budget, the results, which differences are significant, and how everything was measured. Fixed texts
are in ``templates/``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from korlm.experiments import tables
from korlm.experiments.plan import format_duration
from korlm.experiments.plots import render_report_figures
from korlm.experiments.results import ExperimentResult, ResultRow, reversed_pairs
from korlm.reporting.markdown import (
    CodeBlock,
    FigureBlock,
    Heading,
    Paragraph,
    ReportBlock,
    blocks_to_html,
    blocks_to_markdown,
)
from korlm.reporting.plots import has_matplotlib
from korlm.reporting.significance import PairedDifference
from korlm.reporting.templating import fill_template
from korlm.storage.artifacts import write_file, write_json

BilingualText = tuple[str, str]  # Korean, English


def _describe_budget(result: ExperimentResult) -> Iterator[BilingualText]:
    """Yield the corpus and the budget that every run got."""
    config, corpus = result.config, result.metadata["corpus"]
    lines, characters = corpus["lines"], corpus["characters"]
    yield (
        f"말뭉치 {corpus['name']}: 학습 {lines['train']:,}줄 {characters['train']:,}자, 검증 {lines['valid']:,}줄, 시험 "
        f"{lines['test']:,}줄 {characters['test']:,}자 (줄 끝도 한 글자로 셈). 어휘는 학습 글로만 만들었습니다.",
        f"Corpus {corpus['name']}: {lines['train']:,} training lines of {characters['train']:,} characters, "
        f"{lines['valid']:,} validation lines, {lines['test']:,} test lines of {characters['test']:,} characters (line "
        "ends count). Vocabularies were made from the training text alone.",
    )
    if config.parameters:
        ko = f"매개변수 모두 {config.parameters:,.0f}개(은닉 너비를 그에 가장 가깝게 정함)"
        en = f"{config.parameters:,.0f} parameters in all (the hidden width is what comes nearest)"
    else:
        width = result.rows[0].hidden
        ko, en = f"은닉 너비 {width:,} (매개변수의 수는 같지 않음)", f"hidden width {width:,} (parameters differ)"
    length = {
        "characters": (f"배운 글자 {config.characters:,.0f}자", f"{config.characters:,.0f} training characters"),
        "flops": (f"학습 연산 {config.flops:.3g} FLOP", f"{config.flops:.3g} training FLOPs"),
        "minutes": (f"학습 시간 {config.minutes:g}분", f"{config.minutes:g} minutes of training by the clock"),
        "epochs": (f"학습 글을 {config.epochs:g}번 읽기", f"{config.epochs:g} passes over the training text"),
    }[config.budget_kind]
    seeds = _format_range([len(row.seeds) for row in result.rows])
    duration = format_duration(sum(row.seconds * len(row.seeds) for row in result.rows))
    yield (
        f"같게 한 예산: {ko}, {length[0]}. 행마다 시드 {seeds}개, 학습 시간은 모두 {duration}.",
        f"Held equal: {en}; {length[1]}. Seeds a row: {_english_range(seeds)}; {duration} of training in all.",
    )
    yield _describe_actual_budget(result)


def _describe_actual_budget(result: ExperimentResult) -> BilingualText:
    """Return the sizes and lengths that the rows reached: widths are integers, and a run ends with a whole step."""
    rows = result.rows
    weights = _format_range([row.parameters["total"] for row in rows], ",")
    characters = _format_range([row.training_characters for row in rows], ",.0f")
    flops = _format_range([row.flops for row in rows], ".3g")
    seconds = _format_range([row.seconds for row in rows], ",.0f")
    return (
        f"행마다 실제로는: 매개변수 {weights}개, 배운 글자 {characters}자, 학습 연산 {flops} FLOP, 학습 {seconds}초.",
        f"What the rows came to: {_english_range(weights)} parameters, {_english_range(characters)} training characters, "
        f"{_english_range(flops)} training FLOPs, {_english_range(seconds)} seconds of training.",
    )


def _format_range(values: Sequence[float], form: str = "") -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low}~{high}"


def _english_range(text: str) -> str:
    """Return a range as written in English."""
    return text.replace("~", " to ")


def _text_paragraphs(name: str, **values: Any) -> list[Paragraph]:
    """Return the paragraphs of a template, which alternate between Korean and English."""
    text = fill_template("korlm.experiments", f"{name}.jinja", **values)
    paragraphs = [" ".join(paragraph.split("\n")) for paragraph in text.strip().split("\n\n")]
    return [Paragraph(ko, en) for ko, en in zip(paragraphs[::2], paragraphs[1::2], strict=True)]


def _describe_cell_differences(result: ExperimentResult, cell: str) -> Iterator[BilingualText]:
    """Yield which tokenizers of a cell differ significantly."""
    rows = [row for row in result.rows if row.cell == cell and row.lossless]
    pairs = [pair for pair in result.pairs if result.rows[pair.first].cell == result.rows[pair.second].cell == cell]
    best, worst = (choose(rows, key=lambda row: row.test.value) for choose in (min, max))
    significant = [pair for pair in pairs if pair.significant]
    over_lines = (
        f"짝 {len(pairs)}개 가운데 {len(significant)}개의 차이가 유의합니다(Holm 보정 p < 0.05, 표의 ✓).",
        f"Pairs that differ significantly (Holm-adjusted p < 0.05, ✓ in the table): {len(significant)} of {len(pairs)}.",
    )
    if not significant:
        over_lines = (
            f"짝 {len(pairs)}개 가운데 차이가 유의한 것은 없습니다(Holm 보정 p < 0.05).",
            f"None of the {len(pairs)} pairs differ significantly (Holm-adjusted p < 0.05).",
        )
    over_seeds = ("", "")
    if any(pair.seeds for pair in significant):
        count = sum(pair.significant_across_seeds for pair in significant)
        over_seeds = (
            f" 그 가운데 시드에 대한 95% 구간도 0을 벗어나는 것은 {count}개입니다(✓✓).",
            f" The 95 % interval over seeds leaves 0 out as well (✓✓): {count}.",
        )
    yield (
        f"가장 낮은 것은 {best.label} ({best.test.value:.3f}), 가장 높은 것은 {worst.label} ({worst.test.value:.3f})입니다. "
        f"{over_lines[0]}{over_seeds[0]}",
        f"The lowest is {best.label} ({best.test.value:.3f}), the highest {worst.label} ({worst.test.value:.3f}). "
        f"{over_lines[1]}{over_seeds[1]}",
    )
    if tied_labels := _labels_tied_with_best(result, pairs, best):
        names = ", ".join(tied_labels)
        yield (
            f"가장 낮은 {best.label}과(와) 유의한 차이가 없는 것: {names}.",
            f"Not significantly apart from the lowest, {best.label}: {names}.",
        )


def _labels_tied_with_best(result: ExperimentResult, pairs: list[PairedDifference], best: ResultRow) -> list[str]:
    """Return the labels of the rows that do not differ significantly from the best one."""
    labels = []
    for pair in pairs:
        rows = result.rows[pair.first], result.rows[pair.second]
        if best in rows and not pair.significant:
            labels.append(rows[1 - rows.index(best)].label)
    return labels


def _describe_reversed_pairs(result: ExperimentResult) -> Iterator[BilingualText]:
    """Yield the significant differences that the bits over all segmentations reverse."""
    reversals = [_describe_reversed_pair(result, pair) for pair in reversed_pairs(result.pairs, result.marginal_pairs)]
    if reversals:
        ko, en = ("; ".join(texts) for texts in zip(*reversals, strict=True))
        yield f"유의한 차이가 거꾸로 된 짝: {ko}.", f"Significant differences that are turned round: {en}."
    elif result.marginal_pairs:
        yield "유의한 차이가 거꾸로 된 짝은 없습니다.", "No significant difference is turned round."


def _describe_reversed_pair(result: ExperimentResult, pair: PairedDifference) -> BilingualText:
    rows = [result.rows[pair.first], result.rows[pair.second]]
    lower, higher = (f"{row.label} {row.cell}" for row in (rows if pair.difference <= 0 else reversed(rows)))
    low, high = sorted(abs(end) for end in pair.lines or (pair.difference, pair.difference))
    difference = f"{abs(pair.difference):.3f} ({low:.3f}~{high:.3f})"
    return f"{lower}이(가) {higher}보다 {difference} 낮음", f"{lower} under {higher} by {_english_range(difference)}"


_CAPTIONS = {
    "bits": (
        "시험 글의 글자당 비트. 굵은 막대는 글의 줄에 대한 95% 구간, 가는 선은 시드에 대한 95% 구간, 빈 점은 글을 잃는 <unk> 어휘.",
        "Bits per character on the test lines. Thick: 95 % over lines; thin: 95 % over seeds; hollow: a lossy <unk> vocabulary.",
    ),
    "curves-characters": ("배운 글자에 따른 검증 글자당 비트.", "Validation bits per character against training characters."),
    "curves-flops": ("학습에 쓴 연산에 따른 검증 글자당 비트.", "Validation bits per character against training FLOPs."),
    "curves-seconds": ("학습 시간에 따른 검증 글자당 비트.", "Validation bits per character against seconds of training."),
}  # fmt: skip


def write_experiment_report(result: ExperimentResult, folder: Path) -> None:
    """Write ``report.md``, ``report.html``, ``table.csv``, ``result.json``, ``curves.json`` and ``figures/``.

    Without matplotlib there are no figures, and the report states that.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    figures: dict[str, FigureBlock] = {}
    if has_matplotlib():
        for name, (svg, png) in render_report_figures(result).items():
            write_file(folder / "figures" / f"{name}.png", png)
            figures[name] = FigureBlock(svg, f"{name}.png", *_CAPTIONS[name])
    blocks = _build_report_blocks(result, figures)
    write_file(folder / "report.md", blocks_to_markdown(blocks).encode())
    write_file(folder / "report.html", blocks_to_html(blocks, f"korlm: {result.config.signature}").encode())
    table = tables.format_results_csv(result)
    write_file(folder / "table.csv", table.encode("utf-8-sig"))  # Excel reads Hangul by the mark
    write_json(folder / "result.json", result.to_dict())
    write_json(folder / "curves.json", result.curves)


def _build_report_blocks(result: ExperimentResult, figures: dict[str, FigureBlock]) -> list[ReportBlock]:
    """Return the report; ``figures`` by the names of `render_report_figures`."""
    blocks: list[ReportBlock] = [Heading(1, "토크나이저와 셀의 비교", "Tokenizers and cells compared")]
    blocks += _to_paragraphs(_describe_budget(result))
    if names := result.unfinished_runs:
        ko = f"아직 끝나지 않은 학습이 {len(names)}개 있어 이 보고서에 없습니다: {', '.join(names)}."
        blocks.append(Paragraph(ko, f"{len(names)} runs are not finished and missing here: {', '.join(names)}."))
    marks = _text_paragraphs(
        "marks", lossy=not all(row.lossless for row in result.rows), lossy_mark=tables.LOSSY_MARK.strip(),
        few_seeds=any(row.has_too_few_seeds for row in result.rows), few_seeds_mark=tables.FEW_SEEDS_MARK.strip(),
    )  # fmt: skip
    blocks += [Heading(2, "결과", "Results"), tables.build_results_table(result), *marks]
    blocks += [figures["bits"]] if figures else []
    if result.config.preset == "course" or not all(row.lossless for row in result.rows):
        blocks += _build_course_blocks(result)
    if table := tables.build_marginal_table(result):
        blocks += [Heading(2, "모든 자르기로 재면", "Over all segmentations")]
        blocks += _text_paragraphs("marginal", beam=result.config.marginal)
        blocks += [*_to_paragraphs(_describe_reversed_pairs(result)), table]
    blocks += _build_difference_blocks(result)
    if figures:
        blocks += [Heading(2, "학습 곡선", "Learning curves"), *(figures[name] for name in figures if name != "bits")]
    else:
        ko = 'matplotlib이 없어 그림을 그리지 않았습니다. pip install "korlm[plot]" 한 뒤 --report-only로 다시 쓰세요.'
        en = 'No figures: matplotlib is missing. Run pip install "korlm[plot]", then --report-only.'
        blocks.append(Paragraph(ko, en))
    if result.baselines:
        uniform, prime = result.baselines["uniform"]["test"], result.baselines["xz"]["test"]["prime"]
        counts = {"prime": prime, "alphabet": uniform["alphabet"], "unseen": uniform["unseen"]}
        texts = _text_paragraphs("baselines", **{name: f"{count:,}" for name, count in counts.items()})
        blocks += [Heading(2, "바닥", "Floors"), *texts]
    method = _text_paragraphs("method", draws=f"{result.draws:,}", pairs=f"{len(result.pairs):,}")
    blocks += [Heading(2, "어떻게 쟀나", "How it was measured"), *method]
    return [*blocks, Heading(2, "설정 그대로", "The exact configuration"), CodeBlock(_format_configuration(result))]


def _to_paragraphs(texts: Iterable[BilingualText]) -> list[Paragraph]:
    return [Paragraph(ko, en) for ko, en in texts]


def _build_difference_blocks(result: ExperimentResult) -> list[ReportBlock]:
    if not result.pairs:
        return []
    blocks: list[ReportBlock] = [Heading(2, "차이", "Differences")]
    for cell in result.config.cells:
        if table := tables.build_difference_matrix(result, cell):
            paragraphs = _to_paragraphs(_describe_cell_differences(result, cell))
            blocks += [Heading(3, cell, "by tokenizer"), *paragraphs, table]
    if table := tables.build_cell_differences_table(result):
        blocks += [Heading(3, "셀", "Between cells"), table]
    return blocks


def _build_course_blocks(result: ExperimentResult) -> list[ReportBlock]:
    words, width = result.metadata["corpus"]["words"], tables.embedding_width(result)
    unseen, written = (
        {split: f"{fraction * 100:.2f}" for split, fraction in words[name].items()}
        for name in ("unseen", "written_unk")
    )
    sizes = {"distinct": words["distinct"], "width": width, "embedding": words["distinct"] * width}
    sizes_text = {name: f"{size:,}" for name, size in sizes.items()}
    heading = Heading(2, "수업의 문제: 낱말과 서브워드", "The course exercise: words against subwords")
    texts = _text_paragraphs("course", unseen=unseen, written=written, **sizes_text)
    return [heading, *texts, tables.build_course_table(result), *_text_paragraphs("course_marks")]


def _format_configuration(result: ExperimentResult) -> str:
    metadata = result.metadata
    values = {
        "signature": result.config.signature,
        "config": result.config.to_dict(),
        "corpus": {name: metadata["corpus"][name] for name in ("name", "sha256", "lines", "characters")},
        **{name: metadata[name] for name in ("command", "versions", "machine", "made")},
    }
    return json.dumps(values, ensure_ascii=False, indent=1)
