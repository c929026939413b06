"""A worker of `korlm experiment` that waits in the middle of its training run, for tests that stop it there.

Half-way through it writes ``held`` (its process id) into the run's folder and waits until Ctrl-C has reached it, or until
it is killed, so that a test stops it at the same step on every machine.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from korlm.experiments import worker
from korlm.storage.artifacts import write_json

train_cell = worker._JOB_HANDLERS["cell"]


def held_cell(job: dict[str, Any], emit: worker.EmitEvent) -> dict[str, Any] | None:
    from korlm.training.trainer import Trainer

    train_step = Trainer._step

    def step(self: Trainer, share: float) -> None:
        held = Path(job["folder"]) / "held"
        if share >= 0.5 and not held.exists():
            handler = signal.getsignal(
                signal.SIGINT
            )  # the trainer's, which puts another in its place when it is called
            write_json(held, os.getpid())
            while signal.getsignal(signal.SIGINT) == handler:
                time.sleep(0.01)
        train_step(self, share)

    Trainer._step = step  # type: ignore[method-assign]
    return train_cell(job, emit)


worker._JOB_HANDLERS["cell"] = held_cell
sys.exit(worker.run_worker())
