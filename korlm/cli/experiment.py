"""What ``korlm experiment`` does with its options: plan, run or report, and what it prints.

``korlm experiment reviews --tokenizers kiwi,unigram:8000@3 --cells gru,lstm --parameters 6e6 --minutes 5`` ends up here.

The options of ``korlm experiment``, and the `ExperimentConfig` that they make.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from korlm.errors import InputError
from korlm.experiments.config import EXPERIMENT_PRESETS, ExperimentConfig, merge_preset, option_fields
from korlm.i18n import localize
from korlm.text.display import format_columns

_DEFAULT_TOKENIZERS, _DEFAULT_CELLS = "word,kiwi,unigram,syllable", "lstm"
_NUMERIC_OPTIONS = (
    ("seeds", int, "토크나이저와 셀마다 쓸 씨앗의 수 [3]", "seeds of each tokenizer and cell [3]"),
    ("seed", int, "첫 씨앗 [7]", "the first random seed [7]"),
    ("limit", int, "학습 줄 수의 한도", "at most so many training lines"),
    ("score-lines", int, "잴 valid·test 줄 수 (0: 모두)", "lines of valid and test to score (0: all)"),
    ("resamples", int, "부트스트랩 횟수 [10000]", "bootstrap draws [10000]"),
    (
        "marginal",
        int,
        "모든 자르기로도 잴 때의 빔 (0: 안 함)",
        "beam, to measure over all segmentations as well (0: not)",
    ),
    ("xz-bytes", int, "xz가 미리 읽을 바이트 [16777216]", "bytes that prime xz [16777216]"),
)
_PRESET_HELP = (
    "정해 둔 실험 (course: WikiText-2를 낱말과 서브워드로)",
    "an experiment by name (course: WikiText-2 by words and subwords)",
)
_BUDGET_OPTIONS = (
    ("parameters", float, "매개변수 모두 (은닉 너비를 거기에 맞춤)", "parameters in all (the hidden width is fitted)"),
    ("characters", float, "배울 글자 수", "training characters"),
    ("flops", float, "학습 연산 수", "training FLOPs"),
    ("minutes", float, "한 번에 학습할 시간 (분)", "minutes of training a run"),
)


def add_experiment_options(parser: argparse.ArgumentParser) -> None:
    """Add the options; those that were not given leave nothing behind, so that a preset can fill them."""
    parser.add_argument(
        "corpus",
        nargs="?",
        help=localize(
            "말뭉치 이름(kolaw, kobill, reviews, wikitext2)이나 파일", "corpus name (reviews, wikitext2, ...) or file"
        ),
    )
    parser.add_argument("--folder", default="runs/experiment", help=localize("실험의 폴더", "the experiment's folder"))
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))
    parser.add_argument(
        "--tokenizers",
        help=localize(
            f"쉼표로 나눈 이름[-unk][:어휘 크기][@씨앗 수]나 폴더 [{_DEFAULT_TOKENIZERS}]",
            f"NAME[-unk][:SIZE][@SEEDS] or folders, comma-separated [{_DEFAULT_TOKENIZERS}]",
        ),
    )
    parser.add_argument(
        "--cells", help=localize(f"쉼표로 나눈 셀 [{_DEFAULT_CELLS}]", f"cells, comma-separated [{_DEFAULT_CELLS}]")
    )
    parser.add_argument("--preset", choices=tuple(EXPERIMENT_PRESETS), help=localize(*_PRESET_HELP))
    budget = parser.add_argument_group(
        localize("모든 학습에 같게 하는 예산", "the budget that is held equal"),
        localize(
            "--parameters와, 다른 셋 가운데 하나. 그 셋이 없으면 --epochs만큼 읽는다.",
            "--parameters, and one of the other three; without those, --epochs.",
        ),
    )
    for group, numbers in ((parser, _NUMERIC_OPTIONS), (budget, _BUDGET_OPTIONS)):
        for name, kind, ko, en in numbers:
            group.add_argument(f"--{name}", type=kind, help=localize(ko, en), metavar="N")
    parser.add_argument(
        "--jobs", type=int, default=1, help=localize("나란히 돌릴 학습의 수 [1]", "runs side by side [1]"), metavar="N"
    )
    parser.add_argument("--plan", action="store_true", help=localize("할 일과 시간만 보인다", "show what would be run"))
    parser.add_argument(
        "--report-only",
        action="store_true",
        help=localize("끝난 것으로 보고서만", "the report alone, of what is finished"),
    )
    fields = parser.add_argument_group(localize("모든 학습에 같은 설정", "settings of every run"))
    for entry in option_fields():
        ko, en = entry.metadata["ko"], entry.metadata["en"]
        name, text = f"--{entry.name.replace('_', '-')}", f"{localize(ko, en)} [{entry.default}]".replace("%", "%%")
        how: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text}
        if isinstance(entry.default, bool):
            fields.add_argument(name, action=argparse.BooleanOptionalAction, **how)
            continue
        how["action"] = "append" if isinstance(entry.default, tuple) else "store"
        fields.add_argument(name, type=entry.metadata["kind"], metavar="X", **how)


def build_experiment_config(options: argparse.Namespace) -> ExperimentConfig:
    """Return the experiment that was asked for.

    Raises:
        InputError: no corpus, or as `ExperimentConfig` does.
        UnknownNameError: a tokenizer that is none.
    """
    asked: dict[str, Any] = {}
    for name in ("corpus", *(number[0].replace("-", "_") for number in (*_NUMERIC_OPTIONS, *_BUDGET_OPTIONS))):
        if (value := getattr(options, name)) is not None:
            asked[name] = value
    for name in ("tokenizers", "cells"):
        if given := getattr(options, name):
            asked[name] = tuple(part.strip() for part in given.split(",") if part.strip())
    if options.column is not None:
        asked["column"] = int(options.column) if options.column.isdigit() else options.column
    names = [entry.name for entry in option_fields()]
    asked["options"] = {name: getattr(options, name) for name in names if hasattr(options, name)}
    chosen = merge_preset(options.preset or "", asked)
    if "corpus" not in chosen:
        raise InputError(
            "말뭉치를 주세요: korlm experiment kolaw, 또는 --preset course.",
            "Give a corpus: korlm experiment kolaw, or --preset course.",
        )
    defaults = {"tokenizers": tuple(_DEFAULT_TOKENIZERS.split(",")), "cells": tuple(_DEFAULT_CELLS.split(","))}
    return ExperimentConfig(**{**defaults, **chosen})


def run_experiment_from_options(options: argparse.Namespace) -> str:
    """Plan, run or report an experiment.

    Args:
        options: those of ``korlm experiment``, as `argparse` parsed them.

    Returns:
        What to print: a table, or JSON.

    Raises:
        KorlmError: as `run_experiment` and `report_experiment` do.
    """
    from korlm.experiments.progress import ConsoleProgress
    from korlm.experiments.run import report_experiment, run_experiment

    folder = Path(options.folder)
    if options.report_only:
        result = report_experiment(folder)
    else:
        config = build_experiment_config(options)
        if options.plan:
            return _format_plan(config, folder, as_json=options.json)
        command = "korlm " + shlex.join(sys.argv[1:])
        try:
            result = run_experiment(config, folder, jobs=options.jobs, progress=ConsoleProgress(), command_line=command)
        except KeyboardInterrupt:
            ko = "멈췄습니다. 같은 명령을 다시 하면 이어서 합니다."
            print(localize(ko, "Stopped. The same command goes on."), file=sys.stderr)
            raise
    if options.json:
        return json.dumps(result.to_dict(), ensure_ascii=False)
    return _format_result(result, folder)


def _format_plan(config: ExperimentConfig, folder: Path, *, as_json: bool) -> str:
    from korlm.experiments.folder import ExperimentFolder, count_characters, load_experiment_corpus
    from korlm.experiments.plan import TimeEstimator, format_run_plan, plan_runs

    config.check_installed()
    store = ExperimentFolder(folder)
    store.check_compatible(config)
    corpus = load_experiment_corpus(**config.corpus_arguments)
    vocabularies = {
        spec.slug: facts for spec in config.tokenizer_specs if (facts := store.load_vocabulary_info(spec.slug))
    }
    runs = plan_runs(config, train_characters=count_characters(corpus.train), vocabularies=vocabularies)
    results = {run.run_spec.name: result for run in runs if (result := store.load_result(run.run_spec.name))}
    pace = TimeEstimator(list(results.values()))
    if not as_json:
        return format_run_plan(runs, pace, list(results))
    return json.dumps(
        [
            {
                "name": run.run_spec.name, "vocab_size": run.vocab_size, "known": run.vocab_size_is_exact, "hidden": run.hidden,
                "parameters": run.parameters, "flops_per_piece": run.flops_per_token, "seconds": pace.remaining_seconds([run]),
                "finished": run.run_spec.name in results,
            }
            for run in runs
        ],
        ensure_ascii=False,
    )  # fmt: skip


def _format_result(result: Any, folder: Path) -> str:
    from korlm.experiments.tables import build_marginal_table, build_results_table

    table = build_results_table(result)
    shown = (0, 1, 2, 3, 4, 5, 8, 9, 13, 14, 15)  # what fits a terminal; the report has all
    lines = [[localize(*table.headers[column]) for column in shown]]
    lines += [[row[column] for column in shown] for row in table.rows]
    summed = build_marginal_table(result)
    further = [[localize(*head) for head in summed.headers], *summed.rows] if summed else []
    where = localize(
        f"보고서: {folder}/report.html, report.md, table.csv", f"Report: {folder}/report.html, report.md, table.csv"
    )
    if result.missing:
        where += "\n" + localize(
            f"끝나지 않은 것: {', '.join(result.missing)}", f"Not finished: {', '.join(result.missing)}"
        )
    tables = "\n\n".join(format_columns(part) for part in (lines, further) if part)
    return f"{tables}\n\n{where}\n{result.config.signature}"
