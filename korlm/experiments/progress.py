"""How an experiment is told while it runs: a line a run with the time left for all, and the bar of the running one."""

from __future__ import annotations

import math
import sys
from typing import IO, Any

from korlm.experiments.plan import PlannedRun, format_duration
from korlm.i18n import localize


class NullProgress:
    """What an experiment tells as it goes; this one says nothing. The base of `ConsoleProgress`."""

    def on_stage_begin(self, ko: str, en: str) -> None:
        """A vocabulary is made, the floors are measured, the report is written."""

    def on_run_begin(self, run: PlannedRun, number: int, total: int, seconds_left: float) -> None:
        """A run begins, the ``number``-th of ``total``, with ``seconds_left`` seconds for all that are left."""

    def on_job_event(self, event: dict[str, Any], run: PlannedRun | None) -> None:
        """A job says how far it is; ``run`` is None for one that is not a run."""

    def on_run_skip(self, run: PlannedRun, number: int, total: int) -> None:
        """A run is finished already."""

    def on_run_end(self, run: PlannedRun, result: dict[str, Any], seconds_left: float) -> None:
        """A run is finished, with ``seconds_left`` seconds for the others."""

    def on_job_end(self, run: PlannedRun | None) -> None:
        """A job has ended, well or not."""


class ConsoleProgress(NullProgress):
    """Lines and a bar on a terminal; of runs side by side a bar that says how far each is."""

    def __init__(self, *, file: IO[str] | None = None) -> None:
        self._file = file or sys.stderr
        self._bar: Any = None
        self._fractions: dict[str, float] = {}  # of the runs that run now

    def on_stage_begin(self, ko: str, en: str) -> None:
        self._print_line(localize(ko, en))

    def on_run_skip(self, run: PlannedRun, number: int, total: int) -> None:
        self._print_line(f"[{number}/{total}] {_run_label(run)}: " + localize("이미 끝남", "finished already"))

    def on_run_begin(self, run: PlannedRun, number: int, total: int, seconds_left: float) -> None:
        about = localize(
            f"폭 {run.hidden:,}, 매개변수 {run.parameters:,}, 남은 시간 모두 {_format_time_left(seconds_left)}",
            f"width {run.hidden:,}, {run.parameters:,} parameters, {_format_time_left(seconds_left)} left for all",
        )
        self._print_line(f"[{number}/{total}] {_run_label(run)}: {about}")
        self._fractions[_run_label(run)] = 0.0

    def on_job_event(self, event: dict[str, Any], run: PlannedRun | None) -> None:
        from korlm.training.progress import MultiRunProgressBar, TrainingProgressBar
        from korlm.training.trainer import ProgressReport

        if run is not None and "report" in event:
            self._fractions[_run_label(run)] = event["report"]["share"]
        several = len(self._fractions) > 1
        if self._bar is None or several != isinstance(self._bar, MultiRunProgressBar):
            self._close_bar()
            self._bar = MultiRunProgressBar(file=self._file) if several else TrainingProgressBar(file=self._file)
        if isinstance(self._bar, MultiRunProgressBar):
            self._bar.update(self._fractions)
        elif "encoding" in event:
            self._bar.encoding(*event["encoding"])
        else:
            self._bar.report(ProgressReport(**event["report"]))

    def on_run_end(self, run: PlannedRun, result: dict[str, Any], seconds_left: float) -> None:
        self._close_bar()
        valid, test = (result[side]["bits_per_character"] for side in ("valid", "test"))
        said = localize(
            f"검증 {valid:.4f}, 시험 {test:.4f} 비트/글자, {format_duration(result['wall_seconds'])} 걸림, 남은 시간 모두 {_format_time_left(seconds_left)}",
            f"valid {valid:.4f}, test {test:.4f} bits/character, took {format_duration(result['wall_seconds'])}, "
            f"{_format_time_left(seconds_left)} left for all",
        )
        self._print_line(f"    {_run_label(run)}: {said}")

    def on_job_end(self, run: PlannedRun | None) -> None:
        if run is not None:
            self._fractions.pop(_run_label(run), None)
        self._close_bar()

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _print_line(self, text: str) -> None:
        self._close_bar()
        print(text, file=self._file, flush=True)


def _run_label(run: PlannedRun) -> str:
    return f"{run.run_spec.tokenizer_spec.label} {run.run_spec.cell} {localize('씨앗', 'seed')} {run.run_spec.seed}"


def _format_time_left(seconds: float) -> str:
    return format_duration(seconds) if math.isfinite(seconds) else "?"
