"""One job of an experiment in a process of its own, whose memory is the run's: ``python -m korlm.experiments.worker``.

The job arrives as a line of JSON on standard input; events leave as lines of JSON on standard output. The process exits
when standard input ends, since the experiment has died then.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from korlm.corpora.registry import Corpus
from korlm.errors import KorlmError
from korlm.experiments.config import TokenizerSpec
from korlm.experiments.folder import SCORED_SPLITS, load_experiment_corpus
from korlm.storage.artifacts import write_json

EmitEvent = Callable[[dict[str, Any]], None]


def run_worker() -> int:
    """Do the job on standard input and return the exit status."""
    # a shell that starts the experiment in the background leaves SIGINT ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # events go to a copy of standard output; what libraries print goes to the log
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events:
        os.dup2(2, 1)

        def emit_event(event: dict[str, Any]) -> None:
            print(json.dumps(event, ensure_ascii=False), file=events, flush=True)

        job = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_exit_with_parent, daemon=True).start()
        try:
            result = execute_job(job, emit_event)
        except KorlmError as error:
            emit_event({"error": type(error).__name__, "ko": error.ko, "en": error.en})
            return 2
        except KeyboardInterrupt:
            result = None
        emit_event({"done": result} if result is not None else {"interrupted": True})
    return 0 if result is not None else 130


def _exit_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _run_vocabulary_job(corpus: Corpus, job: dict[str, Any], emit: EmitEvent) -> dict[str, Any]:
    from korlm.experiments.vocabulary import make_vocabulary

    spec, folder = TokenizerSpec(**job["spec"]), Path(job["folder"])
    return make_vocabulary(corpus, spec, folder, progress=_encoding_reporter(emit))


def _run_baselines_job(corpus: Corpus, job: dict[str, Any], emit: EmitEvent) -> dict[str, Any]:
    from korlm.experiments.baselines import uniform_baseline, xz_baseline

    measure_xz = partial(xz_baseline, max_prime_bytes=job["max_prime_bytes"])
    functions: dict[str, Callable[..., dict[str, Any]]] = {"xz": measure_xz, "uniform": uniform_baseline}
    baselines = {
        name: {split: measure(corpus.train, getattr(corpus, split)) for split in SCORED_SPLITS}
        for name, measure in functions.items()
    }
    write_json(job["file"], baselines)
    return baselines


def _run_training_job(corpus: Corpus, job: dict[str, Any], emit: EmitEvent) -> dict[str, Any] | None:
    from korlm.experiments.execute import execute_run

    def emit_report(report: Any) -> None:
        emit({"report": asdict(report)})

    folder, settings = Path(job["folder"]), job["settings"]
    return execute_run(corpus, folder, settings, report=emit_report, encoding=_encoding_reporter(emit))


def _run_marginal_job(corpus: Corpus, job: dict[str, Any], emit: EmitEvent) -> dict[str, Any]:
    from korlm.experiments.execute import score_marginal_run

    return score_marginal_run(corpus, Path(job["folder"]), job["beam"])


def _encoding_reporter(emit: EmitEvent) -> Callable[[int, int], None]:
    return lambda done, total: emit({"encoding": [done, total]})


_JOB_HANDLERS: dict[str, Callable[[Corpus, dict[str, Any], EmitEvent], dict[str, Any] | None]] = {
    "vocabulary": _run_vocabulary_job,
    "baselines": _run_baselines_job,
    "training": _run_training_job,
    "marginal": _run_marginal_job,
}


def execute_job(job: dict[str, Any], emit: EmitEvent) -> dict[str, Any] | None:
    """Load the corpus of a job and execute it; return its result, or None if it was interrupted."""
    handler = _JOB_HANDLERS[job["kind"]]
    return handler(load_experiment_corpus(**job["corpus"]), job, emit)


if __name__ == "__main__":
    sys.exit(run_worker())
