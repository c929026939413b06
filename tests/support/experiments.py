"""Helpers of the tests of `korlm experiment`: jobs in this process, and the figures that a run must reproduce."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from korlm.experiments import worker


def run_job_here(job: dict[str, Any], *, on_event: Callable[[dict[str, Any]], None], **_: Any) -> dict[str, Any]:
    """Run a job in this process, which saves the 3 s of another torch; values pass through JSON as between processes."""
    events: list[dict[str, Any]] = []

    def emit(event: dict[str, Any]) -> None:
        events.append(json.loads(json.dumps(event)))
        on_event(events[-1])

    job = json.loads(json.dumps(job))
    result = json.loads(json.dumps(worker.execute_job(job, emit)))
    assert job["kind"] != "training" or any("report" in event for event in events)
    return dict(result)


@pytest.fixture(scope="module")
def jobs_in_this_process() -> Iterator[None]:
    """Make `run_experiment` run its jobs in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("korlm.experiments.run.run_job", run_job_here)
        yield


def load_run(folder: Path, label: str, cell: str, seed: int) -> dict[str, Any]:
    """Return the ``result.json`` of a run."""
    slug = label.replace(":", "-")
    return dict(json.loads((folder / "runs" / f"{slug}-{cell}-{seed}" / "result.json").read_text()))


def reproducible_figures(run: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a run that do not depend on the clock."""
    history = [(entry["step"], entry["pieces"], entry["valid_bpc"]) for entry in run["history"]]
    names = ("valid", "test", "parameters", "pieces", "flops", "options")
    return {"history": history, **{name: run[name] for name in names}}
