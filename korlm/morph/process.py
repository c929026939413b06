"""A worker process at the end of two pipes, with a time limit on every answer.

>>> import sys
>>> worker = KonlpyWorker([sys.executable, "-c", "pass"])
>>> try: worker.receive(10)
... except WorkerCrashed: print("it ended")
it ended
>>> worker.stop()
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import tempfile
import threading
import weakref
from pathlib import Path
from typing import IO, Any

from korlm.morph.konlpy_worker import read_frame, write_frame


class WorkerTimeout(Exception):
    """The worker did not answer in time."""


class WorkerCrashed(Exception):
    """The worker's pipe is closed."""


class KonlpyWorker:
    """A worker process; a thread speaks with it, so that a time limit works on any system."""

    def __init__(self, command: list[str]) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # what Java prints; closed with the object
        self._requests: queue.SimpleQueue[list[str] | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Any] = queue.SimpleQueue()
        root = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"},
            start_new_session=True,  # the person's Ctrl-C is for this process, which stops the worker itself
        )
        arguments = (self.process, self._requests, self._replies)
        threading.Thread(target=_exchange_messages, args=arguments, daemon=True, name="korlm-konlpy").start()
        # Runs once: at stop(), when the object is collected, or when the interpreter exits. The worker also ends by
        # itself when its standard input closes, however this process dies.
        self.stop = weakref.finalize(self, _kill_process, self.process, self._requests, os.getpid())

    def send(self, texts: list[str]) -> None:
        """Ask for the analysis of ``texts``; as many replies follow."""
        self._requests.put(texts)

    def receive(self, seconds: float) -> Any:
        """Return the next message, or raise `WorkerTimeout` or `WorkerCrashed`."""
        try:
            message = self._replies.get(timeout=seconds)
        except queue.Empty:
            raise WorkerTimeout from None
        if message is None:
            raise WorkerCrashed
        return message

    def log_tail(self) -> str:
        """Return the last line of what the process printed, at most 300 characters."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 2_000))
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _exchange_messages(
    process: subprocess.Popen[bytes], requests: queue.SimpleQueue[Any], replies: queue.SimpleQueue[Any]
) -> None:
    """Write requests and read replies until either end closes; the last reply is None. Knows no `KonlpyWorker`."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(OSError, ValueError), process.stdout as output, process.stdin as entry:
        message = read_frame(output)  # "ready"
        while message is not None:
            replies.put(message)
            texts = requests.get()
            if texts is None:
                break
            write_frame(entry, texts)
            for _ in range(len(texts) - 1):
                replies.put(read_frame(output))
            message = read_frame(output)
    replies.put(None)


def _kill_process(process: subprocess.Popen[bytes], requests: queue.SimpleQueue[Any], owner_pid: int) -> None:
    """Kill the process and collect it; a forked child leaves its parent's worker alone."""
    if os.getpid() == owner_pid:
        process.kill()
        process.wait()
        requests.put(None)
