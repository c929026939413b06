"""One job of an experiment in a process of its own, so that its memory is its own: ``python -m korlm.experiment.worker``.

The job comes as a line of JSON on standard input, and what happens goes out as lines of JSON. Where standard input ends,
the experiment has died, and so does this.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from korlm.corpora.registry import Corpus
from korlm.errors import KorlmError
from korlm.experiments.config import TokenizerSpec
from korlm.experiments.folder import load_experiment_corpus
from korlm.storage.artifacts import write_json

EmitEvent = Callable[[dict[str, Any]], None]


def run_worker() -> int:
    """Do the job that standard input names; return the exit status."""
    # the experiment stops a job by SIGINT; a shell that starts one in the background leaves that ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # nothing but our lines may go to the experiment: what libraries print goes to the log
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events:
        os.dup2(2, 1)

        def emit_event(event: dict[str, Any]) -> None:
            print(json.dumps(event, ensure_ascii=False), file=events, flush=True)

        job = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_exit_with_parent, daemon=True).start()
        try:
            result = _JOB_HANDLERS[job["kind"]](job, emit_event)
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


def _run_vocabulary_job(job: dict[str, Any], emit: EmitEvent) -> dict[str, Any]:
    from korlm.experiments.vocabulary import make_vocabulary

    spec = TokenizerSpec(**job["spec"])
    return make_vocabulary(_load_job_corpus(job), spec, Path(job["folder"]), progress=_encoding_reporter(emit))


def _run_baselines_job(job: dict[str, Any], emit: EmitEvent) -> dict[str, Any]:
    from korlm.experiments.baselines import uniform_baseline, xz_baseline

    corpus = _load_job_corpus(job)
    sides = {"valid": corpus.valid, "test": corpus.test}
    floors = {
        "xz": {side: xz_baseline(corpus.train, lines, max_prime_bytes=job["prime"]) for side, lines in sides.items()},
        "uniform": {side: uniform_baseline(corpus.train, lines) for side, lines in sides.items()},
    }
    write_json(job["file"], floors)
    return floors


def _run_training_job(job: dict[str, Any], emit: EmitEvent) -> dict[str, Any] | None:
    from korlm.experiments.execute import execute_run

    asked, folder = job["asked"], Path(job["folder"])
    return execute_run(
        _load_job_corpus(job),
        folder,
        asked,
        report=lambda said: emit({"report": asdict(said)}),
        encoding=_encoding_reporter(emit),
    )


def _run_marginal_job(job: dict[str, Any], emit: EmitEvent) -> dict[str, Any]:
    from korlm.experiments.execute import score_marginal_run

    return score_marginal_run(_load_job_corpus(job), Path(job["folder"]), job["beam"])


def _load_job_corpus(job: dict[str, Any]) -> Corpus:
    return load_experiment_corpus(**job["corpus"])


def _encoding_reporter(emit: EmitEvent) -> Callable[[int, int], None]:
    return lambda done, total: emit({"encoding": [done, total]})


_JOB_HANDLERS: dict[str, Callable[[dict[str, Any], EmitEvent], dict[str, Any] | None]] = {
    "vocabulary": _run_vocabulary_job,
    "floors": _run_baselines_job,
    "cell": _run_training_job,
    "marginal": _run_marginal_job,
}

if __name__ == "__main__":
    sys.exit(run_worker())
