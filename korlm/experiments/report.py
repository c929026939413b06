"""The report of an experiment in Korean and English, as Markdown and one HTML page.

It states the budget, the results, which differences are significant, and how everything was measured.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from korlm.experiments.plan import format_duration
from korlm.experiments.plots import render_report_figures
from korlm.experiments.results import ExperimentResult, ResultRow, reversed_pairs
from korlm.experiments.tables import (
    FEW_SEEDS_MARK,
    LOSSY_MARK,
    build_cell_differences_table,
    build_course_table,
    build_difference_matrix,
    build_marginal_table,
    build_results_table,
    embedding_width,
    format_results_csv,
)
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
from korlm.storage.artifacts import write_file, write_json

BilingualText = tuple[str, str]  # Korean, English


def describe_budget(result: ExperimentResult) -> Iterator[BilingualText]:
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
        f"같게 한 예산: {ko}, {length[0]}. 행마다 씨앗 {seeds}개, 학습 시간은 모두 {duration}.",
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


def describe_table_marks(result: ExperimentResult) -> Iterator[BilingualText]:
    """Yield the meaning of the marks that occur in the main table."""
    if not all(row.lossless for row in result.rows):
        yield (
            f"{LOSSY_MARK.strip()} 모르는 것을 <unk>로 적어 글을 잃는 어휘입니다. 글자당 비트가 글 전체의 값이 아니므로 다른 행과 견줄 수 없습니다.",
            f"{LOSSY_MARK.strip()} This vocabulary writes what it lacks as <unk> and loses text: its bits do not pay for all of "
            "the text, so they compare with no other row.",
        )
    if any(row.has_too_few_seeds for row in result.rows):
        yield (
            f"{FEW_SEEDS_MARK.strip()} 씨앗이 셋보다 적어 씨앗에 대한 구간이 없습니다.",
            f"{FEW_SEEDS_MARK.strip()} Fewer than three seeds: no interval over seeds.",
        )
    yield (
        "글자당 비트는 낮을수록 좋습니다. 조각당 혼란도는 어휘가 같을 때만 견줄 수 있습니다.",
        "Fewer bits per character are better. Perplexity a piece compares only within one vocabulary.",
    )


def describe_cell_differences(result: ExperimentResult, cell: str) -> Iterator[BilingualText]:
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
            f" 그 가운데 씨앗에 대한 95% 구간도 0을 벗어나는 것은 {count}개입니다(✓✓).",
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


def describe_marginal_scores(result: ExperimentResult) -> Iterator[BilingualText]:
    """Yield the meaning of the bits over all segmentations, and the differences that they reverse."""
    yield (
        "모델은 토크나이저가 낸 자르기만이 아니라 같은 글이 되는 다른 자르기에도 확률을 줍니다. 글의 확률은 그 모두의 합이므로, 토크나이저의 자르기 하나로 잰 "
        "비트는 그보다 높습니다. 여기서는 가장 그럴듯한 자르기들의 확률을 더했고(자리마다 길 "
        f"{result.config.marginal}개의 빔), 그 합도 참값의 위쪽 한계입니다.",
        "A model believes not only in the tokenizer's own segmentation, but also in others that spell the same text. The "
        "text's probability is their sum, so bits of the own one alone are too many. Summed here are the likeliest (a beam "
        f"of {result.config.marginal} ways to each place); that sum, too, bounds the true figure from above.",
    )
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


def describe_baselines(baselines: dict[str, Any]) -> BilingualText:
    """Return how the baselines were measured."""
    uniform = baselines["uniform"]["test"]
    primed, alphabet, unseen = baselines["xz"]["test"]["prime"], uniform["alphabet"], uniform["unseen"]
    return (
        f"xz: 학습 글의 끝 {primed:,}바이트 뒤에 잴 글을 이어 압축한 크기에서 학습 글만 압축한 크기를 뺐습니다 (LZMA2, preset 9 extreme, "
        f"사전이 모두를 담음, UTF-8, 줄마다 줄바꿈 하나). 균등: 학습 글의 글자와 줄 끝과 벗어남, {alphabet:,}개가 모두 같은 확률이고, 학습 글에 "
        f"없는 글자는 벗어남에 21비트를 더 냅니다 (시험 글에 {unseen:,}자).",
        f"xz: the compressed size of the last {primed:,} bytes of the training text with the measured lines after them, "
        "less that of those bytes alone (LZMA2, preset 9 extreme, a dictionary that holds it all, UTF-8, a line feed a "
        f"line). Uniform: the characters of the training text, the line end and an escape, {alphabet:,} symbols, are equally "
        f"likely; a character that the training text lacks costs the escape and 21 bits ({unseen:,} in test).",
    )


def describe_method(result: ExperimentResult) -> Iterator[BilingualText]:
    """Yield how the figures were computed."""
    draws, pairs = result.draws, len(result.pairs)
    yield (
        "글자당 비트는 각 줄을 영 상태에서 읽은 부호 길이의 합을 글자 수(줄 끝 하나를 한 글자로)로 나눈 것이고, 검증이 가장 좋았던 때의 가중치로 "
        "쟀습니다. 행의 값은 씨앗의 평균입니다.",
        "Bits per character is the code length of every line, read from the zero state, over its characters (one line end a "
        "line counted), under the weights of the best validation. A row's figure is the mean over its seeds.",
    )
    yield (
        "씨앗에 대한 구간은 Student의 t (짝은 Welch), 줄에 대한 구간은 씨앗의 평균을 줄째 다시 뽑은 붓스트랩입니다. 짝의 검정은 같은 줄을 함께 "
        f"뽑은 붓스트랩 {draws:,}번의 양쪽 p이고, 이 보고서의 짝 {pairs:,}개 모두에 Holm 보정을 했습니다. 줄에 대한 검정은 씨앗에서 오는 "
        "흔들림을 담지 않으므로, 씨앗에 대한 구간을 함께 보세요.",
        "Intervals over seeds are Student's t (Welch's for pairs), those over lines a bootstrap of the seeds' mean over "
        f"lines. A pair's p is two-sided, from {draws:,} bootstrap draws of lines shared by both, corrected by Holm over all "
        f"{pairs:,} pairs of this report. A test over lines does not hold what varies from seed to seed: read it with the "
        "intervals over seeds.",
    )
    yield (
        "어휘 밖은 어휘가 통째로 갖지 않은 조각의 비율로, 음절과 바이트로 내려가기 전에 셉니다. FLOP은 조각 하나에 곱하는 가중치의 6배(앞으로 2, "
        "뒤로 4)이고 임베딩은 곱하지 않습니다. 학습 초는 걸음만 세고 검증과 저장은 뺍니다. 메모리는 학습 프로세스 하나의 최댓값으로 파이썬과 "
        "torch를 담습니다.",
        "OOV is the share of cuts that the vocabulary does not have whole, before the fallback to syllables and bytes. FLOPs "
        "are 6 for each weight that a piece is multiplied by (2 forward, 4 backward); embeddings are look-ups. Training "
        "seconds count steps alone, neither validation nor saving. Memory is the peak of a training process, Python and "
        "torch included.",
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
    write_file(folder / "table.csv", format_results_csv(result).encode("utf-8-sig"))  # Excel reads Hangul by the mark
    write_json(folder / "result.json", result.to_dict())
    write_json(folder / "curves.json", result.curves)


def _build_report_blocks(result: ExperimentResult, figures: dict[str, FigureBlock]) -> list[ReportBlock]:
    """Return the report; ``figures`` by the names of `render_report_figures`."""
    blocks: list[ReportBlock] = [Heading(1, "토크나이저와 셀의 비교", "Tokenizers and cells compared")]
    blocks += _to_paragraphs(describe_budget(result))
    if names := result.unfinished_runs:
        ko = f"아직 끝나지 않은 학습이 {len(names)}개 있어 이 보고서에 없습니다: {', '.join(names)}."
        blocks.append(Paragraph(ko, f"{len(names)} runs are not finished and missing here: {', '.join(names)}."))
    marks = _to_paragraphs(describe_table_marks(result))
    blocks += [Heading(2, "결과", "Results"), build_results_table(result), *marks]
    blocks += [figures["bits"]] if figures else []
    if result.config.preset == "course" or not all(row.lossless for row in result.rows):
        blocks += _build_course_blocks(result)
    if table := build_marginal_table(result):
        heading = Heading(2, "모든 자르기로 재면", "Over all segmentations")
        blocks += [heading, *_to_paragraphs(describe_marginal_scores(result)), table]
    blocks += _build_difference_blocks(result)
    if figures:
        blocks += [Heading(2, "학습 곡선", "Learning curves"), *(figures[name] for name in figures if name != "bits")]
    else:
        ko = 'matplotlib이 없어 그림을 그리지 않았습니다. pip install "korlm[plot]" 한 뒤 --report-only로 다시 쓰세요.'
        en = 'No figures: matplotlib is missing. Run pip install "korlm[plot]", then --report-only.'
        blocks.append(Paragraph(ko, en))
    if result.baselines:
        blocks += [Heading(2, "바닥", "Floors"), Paragraph(*describe_baselines(result.baselines))]
    blocks += [Heading(2, "어떻게 쟀나", "How it was measured"), *_to_paragraphs(describe_method(result))]
    return [*blocks, Heading(2, "설정 그대로", "The exact configuration"), CodeBlock(_format_configuration(result))]


def _to_paragraphs(texts: Iterable[BilingualText]) -> list[Paragraph]:
    return [Paragraph(ko, en) for ko, en in texts]


def _build_difference_blocks(result: ExperimentResult) -> list[ReportBlock]:
    if not result.pairs:
        return []
    blocks: list[ReportBlock] = [Heading(2, "차이", "Differences")]
    for cell in result.config.cells:
        if table := build_difference_matrix(result, cell):
            paragraphs = _to_paragraphs(describe_cell_differences(result, cell))
            blocks += [Heading(3, cell, "by tokenizer"), *paragraphs, table]
    if table := build_cell_differences_table(result):
        blocks += [Heading(3, "셀", "Between cells"), table]
    return blocks


def _build_course_blocks(result: ExperimentResult) -> list[ReportBlock]:
    words = result.metadata["corpus"]["words"]
    width = embedding_width(result)
    distinct, written, unseen = words["distinct"], words["written_unk"], words["unseen"]
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
    metadata = result.metadata
    values = {
        "signature": result.config.signature,
        "config": result.config.to_dict(),
        "corpus": {name: metadata["corpus"][name] for name in ("name", "sha256", "lines", "characters")},
        **{name: metadata[name] for name in ("command", "versions", "machine", "made")},
    }
    return json.dumps(values, ensure_ascii=False, indent=1)
