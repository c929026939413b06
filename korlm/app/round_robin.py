"""Work that several texts or bots share: each is a strand, an iterator that takes one piece when asked.

>>> advance_task(iter([None]), lambda error: None), advance_task(iter([]), lambda error: None)
((True, None), (False, None))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from korlm.app.limits import unexpected_error
from korlm.errors import KorlmError

ROUND_SECONDS = 0.05  # a net takes a few ms for a piece: slow enough to be read, and to be stopped


def advance_task(task: Iterator[None], log_error: Callable[[Exception], None]) -> tuple[bool, KorlmError | None]:
    """Let a strand take a piece; return whether it goes on, and the error that a person is shown where it failed.

    Args:
        task: what takes the piece.
        log_error: called with an error that nobody foresaw, while it is handled.
    """
    try:
        next(task)
        return True, None
    except StopIteration:
        return False, None
    except KorlmError as error:
        return False, error
    except Exception as error:  # a person sees a sentence, the log sees where
        log_error(error)
        return False, unexpected_error()


def sleep_until_round_end(started: float) -> None:
    """Wait until a round of all strands, begun at a second of the monotonic clock, has lasted `ROUND_SECONDS`."""
    time.sleep(max(0.0, ROUND_SECONDS - (time.monotonic() - started)))
