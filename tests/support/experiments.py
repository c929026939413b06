"""What the tests of `korlm experiment` share: jobs done in this process, and what a run must come to again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from korlm.experiments import worker


def done_here(job: dict[str, Any], *, hear: Callable[[dict[str, Any]], None], **_: Any) -> dict[str, Any]:
    """Do a job in this process, which spares the 3 s of another torch, by way of JSON as in another."""
    said: list[dict[str, Any]] = []

    def emit(event: dict[str, Any]) -> None:
        said.append(json.loads(json.dumps(event)))
        hear(said[-1])

    job = json.loads(json.dumps(job))
    result = json.loads(json.dumps(worker._JOB_HANDLERS[job["kind"]](job, emit)))
    assert job["kind"] != "cell" or any("report" in event for event in said)
    return dict(result)


@contextmanager
def jobs_here() -> Iterator[None]:
    """Have `run_experiment` do its jobs in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("korlm.experiments.run.run_job", done_here)
        yield


def run_of(folder: Path, label: str, cell: str, seed: int) -> dict[str, Any]:
    slug = label.replace(":", "-")
    return dict(json.loads((folder / "runs" / f"{slug}-{cell}-{seed}" / "result.json").read_text()))


def figures(run: dict[str, Any]) -> dict[str, Any]:
    """What of a run must not hang on the clock."""
    history = [(entry["step"], entry["pieces"], entry["valid_bpc"]) for entry in run["history"]]
    return {
        "history": history,
        **{key: run[key] for key in ("valid", "test", "parameters", "pieces", "flops", "options")},
    }
