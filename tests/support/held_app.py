"""The real ``app.py``, with a way to hold the models while they write, for tests that stop them.

While the file named by ``KORLM_HOLD_FILE`` exists, no task takes more steps than the number in it: a test finds a text
in the middle on every machine.
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from weakref import WeakKeyDictionary

from korlm.app.round_robin import Task
from support import ROOT

hold_file = Path(os.environ["KORLM_HOLD_FILE"])
take_step = Task.take_step
num_steps: WeakKeyDictionary[Task, int] = WeakKeyDictionary()


def max_steps() -> float:
    try:
        return int(hold_file.read_text())
    except FileNotFoundError:
        return float("inf")


def take_held_step(task: Task) -> bool:
    is_loading = task.loading is not None and task.loading.is_alive()
    if not is_loading and num_steps.get(task, 0) >= max_steps():
        return True
    num_steps[task] = num_steps.get(task, 0) + (not is_loading)
    return take_step(task)


Task.take_step = take_held_step  # type: ignore[method-assign]
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
