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

from korlm.comparison.output import aligned
from korlm.experiment.config import ExperimentConfig
from korlm.experiment.options import read_config
from korlm.language import pick


def experiment(options: argparse.Namespace) -> str:
    """Plan, run or report an experiment.

    Args:
        options: those of ``korlm experiment``, as `argparse` parsed them.

    Returns:
        What to print: a table, or JSON.

    Raises:
        KorlmError: as `run_experiment` and `report` do.
    """
    from korlm.experiment.run import report, run_experiment
    from korlm.experiment.show import Telling

    folder = Path(options.folder)
    if options.report_only:
        result = report(folder)
    else:
        config = read_config(options)
        if options.plan:
            return _plan(config, folder, as_json=options.json)
        command = "korlm " + shlex.join(sys.argv[1:])
        try:
            result = run_experiment(config, folder, jobs=options.jobs, progress=Telling(), command=command)
        except KeyboardInterrupt:
            ko = "멈췄습니다. 같은 명령을 다시 하면 이어서 합니다."
            print(pick(ko, "Stopped. The same command goes on."), file=sys.stderr)
            raise
    if options.json:
        return json.dumps(result.to_dict(), ensure_ascii=False)
    return _table(result, folder)


def _plan(config: ExperimentConfig, folder: Path, *, as_json: bool) -> str:
    from korlm.experiment.plan import Pace, plan, show_plan
    from korlm.experiment.store import Store
    from korlm.experiment.texts import characters, load_texts

    config.check_installed()
    store = Store(folder)
    store.check(config)
    corpus = load_texts(**config.texts)
    vocabularies = {spec.slug: facts for spec in config.specs if (facts := store.vocabulary(spec.slug))}
    runs = plan(config, train_characters=characters(corpus.train), vocabularies=vocabularies)
    results = {run.run.name: result for run in runs if (result := store.result(run.run.name))}
    pace = Pace(list(results.values()))
    if not as_json:
        return show_plan(runs, pace, list(results))
    return json.dumps(
        [
            {
                "name": run.run.name, "vocab_size": run.vocab_size, "known": run.known, "hidden": run.hidden,
                "parameters": run.parameters, "flops_per_piece": run.flops_per_piece, "seconds": pace.left([run]),
                "finished": run.run.name in results,
            }
            for run in runs
        ],
        ensure_ascii=False,
    )  # fmt: skip


def _table(result: Any, folder: Path) -> str:
    from korlm.experiment.tables import main_table, marginal_table

    table = main_table(result)
    shown = (0, 1, 2, 3, 4, 5, 8, 9, 13, 14, 15)  # what fits a terminal; the report has all
    lines = [[pick(*table.heads[column]) for column in shown]]
    lines += [[row[column] for column in shown] for row in table.rows]
    summed = marginal_table(result)
    further = [[pick(*head) for head in summed.heads], *summed.rows] if summed else []
    where = pick(
        f"보고서: {folder}/report.html, report.md, table.csv", f"Report: {folder}/report.html, report.md, table.csv"
    )
    if result.missing:
        where += "\n" + pick(
            f"끝나지 않은 것: {', '.join(result.missing)}", f"Not finished: {', '.join(result.missing)}"
        )
    tables = "\n\n".join(aligned(part) for part in (lines, further) if part)
    return f"{tables}\n\n{where}\n{result.config.signature}"
