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

from korlm.artifacts import write_json
from korlm.corpora.sources import Corpus
from korlm.errors import KorlmError
from korlm.experiment.spec import TokenizerSpec
from korlm.experiment.texts import load_texts

Emit = Callable[[dict[str, Any]], None]


def main() -> int:
    """Do the job that standard input names; return the exit status."""
    # the experiment stops a job by SIGINT; a shell that starts one in the background leaves that ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # nothing but our lines may go to the experiment: what libraries print goes to the log
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as events:
        os.dup2(2, 1)

        def emit(event: dict[str, Any]) -> None:
            print(json.dumps(event, ensure_ascii=False), file=events, flush=True)

        job = json.loads(sys.stdin.buffer.readline())
        threading.Thread(target=_die_with_the_experiment, daemon=True).start()
        try:
            result = _JOBS[job["kind"]](job, emit)
        except KorlmError as error:
            emit({"error": type(error).__name__, "ko": error.ko, "en": error.en})
            return 2
        except KeyboardInterrupt:
            result = None
        emit({"done": result} if result is not None else {"interrupted": True})
    return 0 if result is not None else 130


def _die_with_the_experiment() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _vocabulary(job: dict[str, Any], emit: Emit) -> dict[str, Any]:
    from korlm.experiment.vocabulary import make_vocabulary

    spec = TokenizerSpec(**job["spec"])
    return make_vocabulary(_corpus(job), spec, Path(job["folder"]), progress=_encoding(emit))


def _floors(job: dict[str, Any], emit: Emit) -> dict[str, Any]:
    from korlm.experiment.floors import primed_xz, uniform

    corpus = _corpus(job)
    sides = {"valid": corpus.valid, "test": corpus.test}
    floors = {
        "xz": {side: primed_xz(corpus.train, lines, prime=job["prime"]) for side, lines in sides.items()},
        "uniform": {side: uniform(corpus.train, lines) for side, lines in sides.items()},
    }
    write_json(job["file"], floors)
    return floors


def _cell(job: dict[str, Any], emit: Emit) -> dict[str, Any] | None:
    from korlm.experiment.cell import run_cell

    asked, folder = job["asked"], Path(job["folder"])
    return run_cell(
        _corpus(job), folder, asked, report=lambda said: emit({"report": asdict(said)}), encoding=_encoding(emit)
    )


def _marginal(job: dict[str, Any], emit: Emit) -> dict[str, Any]:
    from korlm.experiment.cell import sum_cell

    return sum_cell(_corpus(job), Path(job["folder"]), job["beam"])


def _corpus(job: dict[str, Any]) -> Corpus:
    return load_texts(**job["corpus"])


def _encoding(emit: Emit) -> Callable[[int, int], None]:
    return lambda done, total: emit({"encoding": [done, total]})


_JOBS: dict[str, Callable[[dict[str, Any], Emit], dict[str, Any] | None]] = {
    "vocabulary": _vocabulary,
    "floors": _floors,
    "cell": _cell,
    "marginal": _marginal,
}

if __name__ == "__main__":
    sys.exit(main())
