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
advance_task = Task.advance
num_steps: WeakKeyDictionary[Task, int] = WeakKeyDictionary()


def advance_held_task(task: Task) -> bool:
    num_steps[task] = num_steps.get(task, 0) + 1
    return num_steps[task] > HELD_STEPS and hold_file.exists() or advance_task(task)


Task.advance = advance_held_task  # type: ignore[method-assign]
runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
