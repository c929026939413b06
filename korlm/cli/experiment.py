"""``korlm experiment``: compare tokenizers and cells at an equal budget.

korlm experiment reviews --tokenizers kiwi,unigram:8000@3 --cells gru,lstm --parameters 6e6 --minutes 5
"""

from __future__ import annotations

import shlex
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from korlm.cli.arguments import add_column_option, add_field, add_option, parse_column, parse_names
from korlm.cli.output import print_json
from korlm.errors import InputError
from korlm.experiments.config import EXPERIMENT_PRESETS, ExperimentConfig, merge_preset, option_fields
from korlm.i18n import localize

HELP = ("같은 예산으로 토크나이저와 셀을 견준다", "compare tokenizers and cells at an equal budget")
_DEFAULT_TOKENIZERS, _DEFAULT_CELLS = "word,kiwi,unigram,syllable", "lstm"
_INTEGER_OPTIONS = (
    ("seeds", "토크나이저와 셀마다 쓸 시드의 수 [3]", "seeds of each tokenizer and cell [3]"),
    ("seed", "첫 시드 [7]", "the first random seed [7]"),
    ("limit", "학습 줄 수의 한도", "maximum number of training lines"),
    ("score_lines", "잴 valid·test 줄 수 (0: 모두)", "lines of valid and test to score (0: all)"),
    ("resamples", "부트스트랩 횟수 [10000]", "bootstrap draws [10000]"),
    ("marginal", "모든 자르기로도 잴 때의 빔 (0: 안 함)", "beam, to measure over all segmentations as well (0: not)"),
    ("xz_bytes", "xz가 미리 읽을 바이트 [16777216]", "bytes that prime xz [16777216]"),
)
_BUDGET_OPTIONS = (
    ("parameters", "매개변수 모두 (은닉 너비를 거기에 맞춤)", "parameters in all (the hidden width is fitted)"),
    ("characters", "배울 글자 수", "training characters"),
    ("flops", "학습 연산 수", "training FLOPs"),
    ("minutes", "한 번에 학습할 시간 (분)", "minutes of training a run"),
)


def add_arguments(parser: ArgumentParser) -> None:
    ko, en = "말뭉치 이름(kolaw, kobill, reviews, wikitext2)이나 파일", "corpus name (reviews, wikitext2, ...) or file"
    add_option(parser, "corpus", ko, en, nargs="?")
    add_option(parser, "--folder", "실험의 폴더", "the experiment's folder", default="runs/experiment")
    add_column_option(parser)
    ko = f"쉼표로 나눈 이름[-unk][:어휘 크기][@시드 수]나 폴더 [{_DEFAULT_TOKENIZERS}]"
    en = f"NAME[-unk][:SIZE][@SEEDS] or folders, comma-separated [{_DEFAULT_TOKENIZERS}]"
    add_option(parser, "--tokenizers", ko, en)
    add_option(parser, "--cells", f"쉼표로 나눈 셀 [{_DEFAULT_CELLS}]", f"cells, comma-separated [{_DEFAULT_CELLS}]")
    ko = "정해 둔 실험 (course: WikiText-2를 낱말과 서브워드로)"
    en = "an experiment by name (course: WikiText-2 by words and subwords)"
    add_option(parser, "--preset", ko, en, choices=tuple(EXPERIMENT_PRESETS))
    ko = "--parameters와, 다른 셋 가운데 하나. 그 셋이 없으면 --epochs만큼 읽는다."
    en = "--parameters, and one of the other three; without those, --epochs."
    budget_title = localize("모든 학습에 같게 하는 예산", "the budget that is held equal")
    budget = parser.add_argument_group(budget_title, localize(ko, en))
    for group, kind, options in ((parser, int, _INTEGER_OPTIONS), (budget, float, _BUDGET_OPTIONS)):
        for name, ko, en in options:
            add_option(group, f"--{name.replace('_', '-')}", ko, en, type=kind, metavar="N")
    add_option(parser, "--jobs", "나란히 돌릴 학습의 수 [1]", "runs side by side [1]", type=int, default=1, metavar="N")
    add_option(parser, "--plan", "할 일과 시간만 보인다", "show what would be run", action="store_true")
    ko, en = "끝난 것으로 보고서만", "the report alone, of what is finished"
    add_option(parser, "--report-only", ko, en, action="store_true")
    settings = parser.add_argument_group(localize("모든 학습에 같은 설정", "settings of every run"))
    for entry in option_fields():
        add_field(settings, entry, default=entry.default, suppress_default=True)


def run(args: Namespace) -> None:
    """Plan an experiment, run it, or write its report again."""
    from korlm.experiments.plan import plan_experiment
    from korlm.experiments.progress import ConsoleProgress
    from korlm.experiments.run import report_experiment, run_experiment
    from korlm.experiments.tables import format_result

    folder = Path(args.folder)
    if args.report_only:
        result = report_experiment(folder)
    else:
        config = _build_config(args)
        if args.plan:
            plan = plan_experiment(config, folder)
            return print_json(plan.to_list()) if args.json else print(plan)
        command_line = "korlm " + shlex.join(sys.argv[1:])
        try:
            result = run_experiment(
                config, folder, jobs=args.jobs, progress=ConsoleProgress(), command_line=command_line
            )
        except KeyboardInterrupt:
            ko = "멈췄습니다. 같은 명령을 다시 하면 이어서 합니다."
            print(localize(ko, "Stopped. The same command goes on."), file=sys.stderr)
            raise
    print_json(result.to_dict()) if args.json else print(format_result(result, folder))


def _build_config(args: Namespace) -> ExperimentConfig:
    """Return the experiment: the given options over those of the preset over the defaults.

    Raises:
        InputError: no corpus, or as `ExperimentConfig` raises.
    """
    names = ["corpus", *(name for name, _, _ in (*_INTEGER_OPTIONS, *_BUDGET_OPTIONS))]
    given: dict[str, Any] = {name: value for name in names if (value := getattr(args, name)) is not None}
    given |= {name: tuple(parse_names(text)) for name in ("tokenizers", "cells") if (text := getattr(args, name))}
    if args.column is not None:
        given["column"] = parse_column(args.column)
    given["options"] = {entry.name: getattr(args, entry.name) for entry in option_fields() if hasattr(args, entry.name)}
    values = merge_preset(args.preset or "", given)
    if "corpus" not in values:
        raise InputError(
            "말뭉치를 주세요: korlm experiment kolaw, 또는 --preset course.",
            "Give a corpus: korlm experiment kolaw, or --preset course.",
        )
    defaults = {"tokenizers": parse_names(_DEFAULT_TOKENIZERS), "cells": parse_names(_DEFAULT_CELLS)}
    return ExperimentConfig(**{**defaults, **values})
