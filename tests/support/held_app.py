"""The real ``app.py``, with a way to hold the models while they write, for tests that stop them.

While the file named by ``KORLM_HOLD_FILE`` exists, no task takes more than `HELD_STEPS` steps: a text is stopped in the
middle on every machine.
"""

from __future__ import annotations

import os
import runpy
from pathlib import Path
from weakref import WeakKeyDictionary

from korlm.app.round_robin import Task
from support import ROOT

HELD_STEPS = 4

hold_file = Path(os.environ["KORLM_HOLD_FILE"])
take_step = Task.take_step
num_steps: WeakKeyDictionary[Task, int] = WeakKeyDictionary()


def take_held_step(task: Task) -> bool:
    num_steps[task] = num_steps.get(task, 0) + 1
    return (num_steps[task] > HELD_STEPS and hold_file.exists()) or take_step(task)


Task.take_step = take_held_step  # type: ignore[method-assign]
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
