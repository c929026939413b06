"""The report of an experiment: facts worked out from its runs, in Korean and English, as Markdown and one HTML page."""

from __future__ import annotations

import json
from pathlib import Path

from korlm.artifacts import write_file, write_json
from korlm.experiment.config import ExperimentConfig
from korlm.experiment.figures import can_draw_figures, render_report_figures
from korlm.experiment.findings import (
    describe_baselines,
    describe_budget,
    describe_cell_differences,
    describe_marginal_scores,
    describe_method,
    describe_table_marks,
)
from korlm.experiment.markup import (
    CodeBlock,
    FigureBlock,
    Heading,
    Paragraph,
    ReportBlock,
    blocks_to_html,
    blocks_to_markdown,
)
from korlm.experiment.result import ExperimentResult
from korlm.experiment.tables import (
    build_cell_differences_table,
    build_course_table,
    build_difference_matrix,
    build_marginal_table,
    build_results_table,
    format_results_csv,
)

_CAPTIONS = {
    "bits": (
        "시험 글의 글자당 비트. 굵은 막대는 글의 줄에 대한 95% 구간, 가는 선은 씨앗에 대한 95% 구간, 빈 점은 글을 잃는 <unk> 어휘.",
        "Bits per character on the test lines. Thick: 95 % over lines; thin: 95 % over seeds; hollow: a lossy <unk> vocabulary.",
    ),
    "curves-characters": ("배운 글자에 따른 검증 글자당 비트.", "Validation bits per character against training characters."),
    "curves-flops": ("학습에 쓴 연산에 따른 검증 글자당 비트.", "Validation bits per character against training FLOPs."),
    "curves-seconds": ("학습 시간에 따른 검증 글자당 비트.", "Validation bits per character against seconds of training."),
}  # fmt: skip


def write_experiment_report(result: ExperimentResult, folder: Path) -> None:
    """Write ``report.md``, ``report.html``, ``table.csv``, ``result.json``, ``curves.json`` and ``figures/``.

    Without matplotlib there are no figures, and the report says so.

    Raises:
        ArtifactError: the folder cannot be written.
    """
    drawings: dict[str, FigureBlock] = {}
    if can_draw_figures():
        for name, (svg, png) in render_report_figures(result).items():
            write_file(folder / "figures" / f"{name}.png", png)
            drawings[name] = FigureBlock(svg, f"{name}.png", *_CAPTIONS[name])
    blocks = build_report_blocks(result, drawings)
    write_file(folder / "report.md", blocks_to_markdown(blocks).encode())
    write_file(folder / "report.html", blocks_to_html(blocks, f"korlm: {result.config.signature}").encode())
    write_file(folder / "table.csv", format_results_csv(result).encode("utf-8-sig"))  # Excel reads Hangul by the mark
    write_json(folder / "result.json", result.to_dict())
    write_json(folder / "curves.json", result.curves)


def build_report_blocks(result: ExperimentResult, figures: dict[str, FigureBlock]) -> list[ReportBlock]:
    """Return the report; ``figures`` by the names of `render_report_figures`."""
    config = result.config
    blocks: list[ReportBlock] = [Heading(1, "토크나이저와 셀의 비교", "Tokenizers and cells compared")]
    blocks += [Paragraph(*texts) for texts in describe_budget(result)]
    if result.unfinished_runs:
        blocks.append(_describe_unfinished_runs(result.unfinished_runs))
    blocks += [
        Heading(2, "결과", "Results"),
        build_results_table(result),
        *(Paragraph(*texts) for texts in describe_table_marks(result)),
    ]
    blocks += [figures["bits"]] if figures else []
    if config.preset == "course" or not all(row.lossless for row in result.rows):
        blocks += _build_course_blocks(result)
    if table := build_marginal_table(result):
        heading = Heading(2, "모든 자르기로 재면", "Over all segmentations")
        blocks += [heading, *(Paragraph(*texts) for texts in describe_marginal_scores(result)), table]
    blocks += _build_difference_blocks(result)
    if figures:
        blocks += [Heading(2, "학습 곡선", "Learning curves"), *(figures[name] for name in figures if name != "bits")]
    else:
        blocks.append(
            Paragraph(
                'matplotlib이 없어 그림을 그리지 않았습니다. pip install "korlm[plot]" 한 뒤 --report-only로 다시 쓰세요.',
                'No figures: matplotlib is missing. Run pip install "korlm[plot]", then --report-only.',
            )
        )
    if result.baselines:
        blocks += [Heading(2, "바닥", "Floors"), Paragraph(*describe_baselines(result))]
    blocks += [
        Heading(2, "어떻게 쟀나", "How it was measured"),
        *(Paragraph(*texts) for texts in describe_method(result)),
    ]
    return [*blocks, Heading(2, "설정 그대로", "The exact configuration"), CodeBlock(_format_configuration(result))]


def _describe_unfinished_runs(names: list[str]) -> Paragraph:
    shown = ", ".join(names)
    return Paragraph(
        f"아직 끝나지 않은 학습이 {len(names)}개 있어 이 보고서에 없습니다: {shown}.",
        f"{len(names)} runs are not finished and missing here: {shown}.",
    )


def _build_difference_blocks(result: ExperimentResult) -> list[ReportBlock]:
    if not result.pairs:
        return []
    blocks: list[ReportBlock] = [Heading(2, "차이", "Differences")]
    for cell in result.config.cells:
        if table := build_difference_matrix(result, cell):
            blocks += [
                Heading(3, cell, "by tokenizer"),
                *(Paragraph(*texts) for texts in describe_cell_differences(result, cell)),
                table,
            ]
    if table := build_cell_differences_table(result):
        blocks += [Heading(3, "셀", "Between cells"), table]
    return blocks


def _build_course_blocks(result: ExperimentResult) -> list[ReportBlock]:
    words = result.metadata["corpus"]["words"]
    width = result.config.options.get("embedding", 256)
    distinct, written = words["distinct"], words["written_unk"]
    unseen = words["unseen"]
    ko = (
        f"학습 글의 서로 다른 낱말과 줄 끝은 {distinct:,}개이고, 너비 {width:,}이면 임베딩의 매개변수는 "
        f"{distinct:,} × {width:,} = {distinct * width:,}개입니다. korlm의 어휘는 여기에 특수 토큰을 더합니다. "
        f"학습 글에 없는 낱말은 검증 {unseen['valid'] * 100:.2f}%, 시험 {unseen['test'] * 100:.2f}%이고, 글에 이미 "
        f"<unk>로 적힌 낱말은 검증 {written['valid'] * 100:.2f}%, 시험 {written['test'] * 100:.2f}%입니다."
    )
    en = (
        f"The training text has {distinct:,} distinct words, the line end included; at width {width:,} that makes "
        f"{distinct:,} × {width:,} = {distinct * width:,} embedding parameters. korlm's vocabulary adds its special "
        f"tokens. Words that the training text lacks: {unseen['valid'] * 100:.2f} % of valid, "
        f"{unseen['test'] * 100:.2f} % of test; written <unk> in the text already: {written['valid'] * 100:.2f} % and "
        f"{written['test'] * 100:.2f} %."
    )
    note = Paragraph(
        "†가 붙은 행은 모르는 낱말을 <unk> 하나로 적어 글을 잃으므로, 그 글자당 비트는 다른 행과 견줄 수 없습니다. 조각당 "
        "혼란도는 같은 어휘 안에서만 견줄 수 있습니다.",
        "Rows marked † write each unknown word as one <unk> and lose text, so their bits per character compare with no "
        "other row. Perplexity a piece compares only within one vocabulary.",
    )
    heading = Heading(2, "수업의 문제: 낱말과 서브워드", "The course exercise: words against subwords")
    return [heading, Paragraph(ko, en), build_course_table(result), note]


def _format_configuration(result: ExperimentResult) -> str:
    said = result.metadata
    about = {name: said[name] for name in ("command", "versions", "machine", "made")}
    corpus = {name: said["corpus"][name] for name in ("name", "sha256", "lines", "characters")}
    config: ExperimentConfig = result.config
    whole = {"signature": config.signature, "config": config.to_dict(), "corpus": corpus, **about}
    return json.dumps(whole, ensure_ascii=False, indent=1)
