"""Jobs in processes of their own, from the experiment's side: start, follow, interrupt; and the lock of the folder.

Ctrl-C reaches a job once, so that a training run saves its state; a second Ctrl-C ends it at once.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import korlm.errors
from korlm.errors import ArtifactError, KorlmError, TrainingError

try:
    import fcntl
except ImportError:  # Windows: two experiments in one folder are not prevented
    fcntl = None  # type: ignore[assignment]

_WORKER = (sys.executable, "-m", "korlm.experiments.worker")
_LOCK_TIMEOUT = 20.0  # seconds for the job of a killed experiment to exit


class JobGroup:
    """The processes of the jobs that run now, to interrupt or kill all of them."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._interrupted = False

    def add(self, process: subprocess.Popen[str]) -> None:
        """Add a started process; it is interrupted at once if the group already is."""
        with self._lock:
            self._processes.add(process)
            if self._interrupted:
                process.send_signal(signal.SIGINT)

    def discard(self, process: subprocess.Popen[str]) -> None:
        """Remove a finished process."""
        with self._lock:
            self._processes.discard(process)

    def interrupt_all(self) -> None:
        """Send SIGINT to all, so that they save and exit."""
        with self._lock:
            self._interrupted = True
            for process in self._processes:
                process.send_signal(signal.SIGINT)

    def kill_all(self) -> None:
        """Kill all at once."""
        with self._lock:
            for process in self._processes:
                process.kill()


def run_job(
    job: dict[str, Any],
    *,
    log: Path,
    lock_descriptor: int | None = None,
    on_event: Callable[[dict[str, Any]], None],
    job_group: JobGroup | None = None,
    threads: int = 0,
) -> dict[str, Any]:
    """Run a job of `korlm.experiments.worker` and return its result.

    Args:
        job: plain values.
        log: file for its standard error.
        lock_descriptor: from `folder_lock`; the job inherits it, so that the lock holds while any job runs.
        on_event: called with the job's events.
        job_group: the group to join; in a thread, which Ctrl-C does not reach, only the group can interrupt the job.
        threads: number of threads unless ``OMP_NUM_THREADS`` is set; 0 leaves it to torch.

    Raises:
        KorlmError: the job's own error, or a `TrainingError` if it died without one.
        KeyboardInterrupt: it was interrupted.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as log_file:
        process = subprocess.Popen(
            _WORKER,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log_file, text=True, encoding="utf-8",
            env=_job_environment(threads), start_new_session=True, pass_fds=() if lock_descriptor is None else (lock_descriptor,),
        )  # fmt: skip
        job_group = job_group or JobGroup()
        job_group.add(process)
        last_event: dict[str, Any] = {}
        try:
            assert process.stdin and process.stdout
            try:
                process.stdin.write(json.dumps(job, ensure_ascii=False) + "\n")
                process.stdin.flush()
                for line in process.stdout:
                    last_event = json.loads(line)
                    if "report" in last_event or "encoding" in last_event:
                        on_event(last_event)
            except BrokenPipeError:  # it died at once: the log says why
                pass
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                for _ in process.stdout:  # until it has saved
                    pass
                raise
            process.wait()
        finally:
            job_group.discard(process)
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(BrokenPipeError):
                        pipe.close()
    return _job_result(last_event, process.returncode, log)


def _job_environment(threads: int) -> dict[str, str]:
    """Return the environment of this process, with korlm's parent folder on ``PYTHONPATH``."""
    root = str(Path(korlm.errors.__file__).resolve().parents[1])
    thread_limit = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    python_path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {**thread_limit, **os.environ, "PYTHONPATH": python_path}


def _job_result(last_event: dict[str, Any], status: int, log: Path) -> dict[str, Any]:
    if "done" in last_event:
        return dict(last_event["done"])
    if "interrupted" in last_event:
        raise KeyboardInterrupt
    if "error" in last_event:
        error_type = getattr(korlm.errors, last_event["error"], KorlmError)
        raise error_type(last_event["ko"], last_event["en"])
    raise TrainingError(
        f"작업이 말없이 끝났습니다 (상태 {status}). {log}의 끝을 보세요. 메모리가 모자랐다면 --parameters나 --batch를 줄이세요.",
        f"A job died (status {status}). See the end of {log}. If memory ran out, lower --parameters or --batch.",
    )


@contextmanager
def folder_lock(folder: Path) -> Iterator[int | None]:
    """Lock an experiment's folder and yield the lock's descriptor, which its jobs inherit.

    Raises:
        ArtifactError: another experiment holds the lock, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ArtifactError(
            f"{folder}에 쓰지 못했습니다 ({reason}). 다른 --folder를 쓰세요.",
            f"Cannot write {folder} ({reason}). Use another --folder.",
        ) from error
    try:
        yield _acquire_lock(descriptor, folder)
    finally:
        os.close(descriptor)


def _acquire_lock(descriptor: int, folder: Path) -> int | None:
    if fcntl is None:
        return None
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise ArtifactError(
                    f"다른 실험이 {folder}에서 돌고 있습니다. 끝나기를 기다리거나 다른 --folder를 쓰세요.",
                    f"Another experiment is at work in {folder}. Wait for it, or use another --folder.",
                ) from None
            time.sleep(0.2)
        except OSError:  # a file system without locks
            return descriptor
