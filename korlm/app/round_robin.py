"""Round-robin scheduling: models that write at the same time take turns, one token each a round.

>>> letters = []
>>> tasks = [Task((letters.append(letter) for letter in word), word, print) for word in ("ab", "xyz")]
>>> len(list(run_rounds(tasks, lambda: False))), "".join(letters)
(4, 'axbyz')
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from korlm.app.limits import unexpected_error
from korlm.errors import KorlmError

_log = logging.getLogger(__name__)

ROUND_SECONDS = 0.05  # a token takes a few ms; a slower pace can be read, and leaves time to stop


@dataclass(frozen=True)
class Task:
    """Work that advances by one step a round."""

    steps: Iterator[None]  # does one step for each item
    name: str  # what is working, for the log
    on_error: Callable[[KorlmError], None]  # receives the error that ended the task, ready to be shown to a visitor
    loading: threading.Thread | None = None  # the thread that loads the model; no step is taken before it has ended

    def take_step(self) -> bool:
        """Take a step unless the model is still loading; return whether the task goes on."""
        if self.loading and self.loading.is_alive():
            return True
        try:
            next(self.steps)
        except StopIteration:
            return False
        except Exception as error:
            self.on_error(to_visitor_error(error, self.name))
            return False
        return True


def run_rounds(tasks: Iterable[Task], stopped: Callable[[], bool]) -> Iterator[None]:
    """Advance every task by one step a round, and yield after each round, until all have ended or ``stopped()``.

    A round lasts at least `ROUND_SECONDS`, so that the rounds of several visitors alternate.
    """
    running = list(tasks)
    while running and not stopped():
        started = time.monotonic()
        running = [task for task in running if task.take_step()]
        yield
        time.sleep(max(0.0, ROUND_SECONDS - (time.monotonic() - started)))


def limit_frame_rate(rounds: Iterable[None], frame_seconds: Callable[[], float]) -> Iterator[None]:
    """Run all rounds, but yield only those that come at least ``frame_seconds()`` after the last one yielded."""
    due = 0.0
    for _ in rounds:
        if time.monotonic() >= due:
            yield
            due = time.monotonic() + frame_seconds()


def to_visitor_error(error: Exception, name: str) -> KorlmError:
    """Return the error to show to a visitor, and log one that is not ours.

    The log gets its type and traceback but not its message, which may quote what the visitor wrote.
    """
    if isinstance(error, KorlmError):
        return error
    _log.error("%s failed: %s\n%s", name, type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
    return unexpected_error()
