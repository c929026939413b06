"""Jobs in processes of their own, seen from the experiment: start one, hear of it, stop it, die with it; and the lock.

Ctrl-C reaches a job once, so that a training run saves where it is; a second one ends it at once.
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
except ImportError:  # Windows: nothing keeps two experiments from one folder
    fcntl = None  # type: ignore[assignment]

_WORKER = (sys.executable, "-m", "korlm.experiments.worker")
_LOCK_TIMEOUT = 20.0  # seconds that a killed experiment's job may take to die


class JobGroup:
    """The processes of the jobs that run now, so that all of them can be told to save and stop."""

    def __init__(self) -> None:
        self._processes: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._interrupted = False

    def add(self, process: subprocess.Popen[str]) -> None:
        """Take in a process that has begun; one that comes too late is stopped at once."""
        with self._lock:
            self._processes.add(process)
            if self._interrupted:
                process.send_signal(signal.SIGINT)

    def discard(self, process: subprocess.Popen[str]) -> None:
        """Forget a process that has ended."""
        with self._lock:
            self._processes.discard(process)

    def interrupt_all(self) -> None:
        """Have all save and stop."""
        with self._lock:
            self._interrupted = True
            for process in self._processes:
                process.send_signal(signal.SIGINT)

    def kill_all(self) -> None:
        """End all at once."""
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
        log: where its standard error goes.
        lock_descriptor: of `folder_lock`, held by the job as well, so that none works on in a folder that another experiment took.
        on_event: called with the job's events.
        job_group: those that run beside it; in a thread that Ctrl-C does not reach, it alone can stop the job.
        threads: of its products, where ``OMP_NUM_THREADS`` does not say; 0 leaves that to torch.

    Raises:
        KorlmError: the job's own error, or a `TrainingError` where it died without one.
        KeyboardInterrupt: it was stopped.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as errors:
        process = subprocess.Popen(
            _WORKER,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8",
            env=_job_environment(threads), start_new_session=True, pass_fds=() if lock_descriptor is None else (lock_descriptor,),
        )  # fmt: skip
        job_group = job_group or JobGroup()
        job_group.add(process)
        last: dict[str, Any] = {}
        try:
            assert process.stdin and process.stdout
            try:
                process.stdin.write(json.dumps(job, ensure_ascii=False) + "\n")
                process.stdin.flush()
                for line in process.stdout:
                    last = json.loads(line)
                    if "report" in last or "encoding" in last:
                        on_event(last)
            except BrokenPipeError:  # it died at once: the log says why
                pass
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                for _ in process.stdout:  # it saves
                    pass
                raise
            process.wait()
        finally:
            job_group.discard(process)
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe and not pipe.closed:
                    _close_pipe(pipe)
    return _job_result(last, process.returncode, log)


def _close_pipe(pipe: Any) -> None:
    with suppress(BrokenPipeError):
        pipe.close()


def _job_environment(threads: int) -> dict[str, str]:
    """Return this process's environment, with the folder that korlm is in on the path."""
    home = str(Path(korlm.errors.__file__).resolve().parents[1])
    few = {"OMP_NUM_THREADS": str(threads)} if threads else {}
    return {**few, **os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}


def _job_result(last_event: dict[str, Any], status: int, log: Path) -> dict[str, Any]:
    if "done" in last_event:
        return dict(last_event["done"])
    if "interrupted" in last_event:
        raise KeyboardInterrupt
    if "error" in last_event:
        kind = getattr(korlm.errors, last_event["error"], KorlmError)
        raise kind(last_event["ko"], last_event["en"])
    raise TrainingError(
        f"작업이 말없이 끝났습니다 (상태 {status}). {log}의 끝을 보세요. 메모리가 모자랐다면 --parameters나 --batch를 줄이세요.",
        f"A job died (status {status}). See the end of {log}. If memory ran out, lower --parameters or --batch.",
    )


@contextmanager
def folder_lock(folder: Path) -> Iterator[int | None]:
    """Yield the descriptor of a lock on an experiment's folder, which its jobs hold too.

    Raises:
        ArtifactError: another experiment is at work there, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ArtifactError(
            f"{folder}에 쓰지 못했습니다 ({reason}). 다른 --folder를 쓰세요.",
            f"Cannot write {folder} ({reason}). Use another --folder.",
        ) from error
    try:
        yield _acquire_lock(handle, folder)
    finally:
        os.close(handle)


def _acquire_lock(handle: int, folder: Path) -> int | None:
    if fcntl is None:
        return None
    until = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() > until:
                raise ArtifactError(
                    f"다른 실험이 {folder}에서 돌고 있습니다. 끝나기를 기다리거나 다른 --folder를 쓰세요.",
                    f"Another experiment is at work in {folder}. Wait for it, or use another --folder.",
                ) from None
            time.sleep(0.2)
        except OSError:  # a file system without locks
            return handle
