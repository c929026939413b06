"""A worker of `korlm experiment` that waits in the middle of its training run, for tests that stop it there.

It writes ``held`` (its process id) into the run's folder and waits until it is interrupted or killed, so that a test stops
it at the same step on every machine.
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

execute_job = worker.execute_job


def execute_held_job(job: dict[str, Any], emit: worker.EmitEvent) -> dict[str, Any] | None:
    from korlm.training.trainer import Trainer

    train_step = Trainer._step

    def step(self: Trainer, share: float) -> None:
        held = Path(job["folder"]) / "held"
        if share >= 0.5 and not held.exists():
            handler = signal.getsignal(signal.SIGINT)  # the trainer's, which replaces itself when it is called
            write_json(held, os.getpid())
            while signal.getsignal(signal.SIGINT) == handler:
                time.sleep(0.01)
        train_step(self, share)

    Trainer._step = step  # type: ignore[method-assign]
    return execute_job(job, emit)


worker.execute_job = execute_held_job  # type: ignore[assignment]
sys.exit(worker.run_worker())
