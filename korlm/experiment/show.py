"""How an experiment is told while it runs: a line a run with the time left for all, and the bar of the running one."""

from __future__ import annotations

import math
import sys
from typing import IO, Any

from korlm.experiment.plan import PlannedRun, clock
from korlm.language import pick


class Silent:
    """What an experiment tells as it goes; this one says nothing. The base of `Telling`."""

    def stage(self, ko: str, en: str) -> None:
        """A vocabulary is made, the floors are measured, the report is written."""

    def begin(self, run: PlannedRun, number: int, total: int, left: float) -> None:
        """A run begins, the ``number``-th of ``total``, with ``left`` seconds for all that are left."""

    def hear(self, event: dict[str, Any], run: PlannedRun | None) -> None:
        """A job says how far it is; ``run`` is None for one that is not a run."""

    def skip(self, run: PlannedRun, number: int, total: int) -> None:
        """A run is finished already."""

    def end(self, run: PlannedRun, result: dict[str, Any], left: float) -> None:
        """A run is finished, with ``left`` seconds for the others."""

    def close(self, run: PlannedRun | None) -> None:
        """A job has ended, well or not."""


class Telling(Silent):
    """Lines and a bar on a terminal; of runs side by side a bar that says how far each is."""

    def __init__(self, *, file: IO[str] | None = None) -> None:
        self._file = file or sys.stderr
        self._bar: Any = None
        self._shares: dict[str, float] = {}  # of the runs that run now

    def stage(self, ko: str, en: str) -> None:
        self._print(pick(ko, en))

    def skip(self, run: PlannedRun, number: int, total: int) -> None:
        self._print(f"[{number}/{total}] {_name(run)}: " + pick("이미 끝남", "finished already"))

    def begin(self, run: PlannedRun, number: int, total: int, left: float) -> None:
        about = pick(
            f"폭 {run.hidden:,}, 매개변수 {run.parameters:,}, 남은 시간 모두 {_left(left)}",
            f"width {run.hidden:,}, {run.parameters:,} parameters, {_left(left)} left for all",
        )
        self._print(f"[{number}/{total}] {_name(run)}: {about}")
        self._shares[_name(run)] = 0.0

    def hear(self, event: dict[str, Any], run: PlannedRun | None) -> None:
        from korlm.training.loop import Report
        from korlm.training.show import SeveralBar, TrainingBar

        if run is not None and "report" in event:
            self._shares[_name(run)] = event["report"]["share"]
        several = len(self._shares) > 1
        if self._bar is None or several != isinstance(self._bar, SeveralBar):
            self._drop()
            self._bar = SeveralBar(file=self._file) if several else TrainingBar(file=self._file)
        if isinstance(self._bar, SeveralBar):
            self._bar.show(self._shares)
        elif "encoding" in event:
            self._bar.encoding(*event["encoding"])
        else:
            self._bar.report(Report(**event["report"]))

    def end(self, run: PlannedRun, result: dict[str, Any], left: float) -> None:
        self._drop()
        valid, test = (result[side]["bits_per_character"] for side in ("valid", "test"))
        said = pick(
            f"검증 {valid:.4f}, 시험 {test:.4f} 비트/글자, {clock(result['wall_seconds'])} 걸림, 남은 시간 모두 {_left(left)}",
            f"valid {valid:.4f}, test {test:.4f} bits/character, took {clock(result['wall_seconds'])}, "
            f"{_left(left)} left for all",
        )
        self._print(f"    {_name(run)}: {said}")

    def close(self, run: PlannedRun | None) -> None:
        if run is not None:
            self._shares.pop(_name(run), None)
        self._drop()

    def _drop(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def _print(self, text: str) -> None:
        self._drop()
        print(text, file=self._file, flush=True)


def _name(run: PlannedRun) -> str:
    return f"{run.run.spec.label} {run.run.cell} {pick('씨앗', 'seed')} {run.run.seed}"


def _left(seconds: float) -> str:
    return clock(seconds) if math.isfinite(seconds) else "?"
