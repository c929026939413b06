"""What ``korlm experiment`` does with its options: plan, run or report, and what it prints.

``korlm experiment reviews --tokenizers kiwi,unigram:8000@3 --cells gru,lstm --parameters 6e6 --minutes 5`` ends up here.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from korlm.comparison.output import format_columns
from korlm.experiment.config import ExperimentConfig
from korlm.experiment.options import build_experiment_config
from korlm.language import localize


def run_experiment_from_options(options: argparse.Namespace) -> str:
    """Plan, run or report an experiment.

    Args:
        options: those of ``korlm experiment``, as `argparse` parsed them.

    Returns:
        What to print: a table, or JSON.

    Raises:
        KorlmError: as `run_experiment` and `report_experiment` do.
    """
    from korlm.experiment.run import report_experiment, run_experiment
    from korlm.experiment.show import ConsoleProgress

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
    from korlm.experiment.plan import TimeEstimator, format_run_plan, plan_runs
    from korlm.experiment.store import ExperimentFolder
    from korlm.experiment.texts import count_characters, load_experiment_corpus

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
    from korlm.experiment.tables import build_marginal_table, build_results_table

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
