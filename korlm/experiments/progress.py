"""Progress of an experiment on a terminal: a line a run with the remaining time, and a bar of the current one."""

from __future__ import annotations

import math
import sys
from typing import IO, Any

from korlm.experiments.folder import SCORED_SPLITS
from korlm.experiments.plan import PlannedRun, format_duration
from korlm.i18n import localize


class NullProgress:
    """Callbacks of `korlm.experiments.run.run_experiment` that do nothing; the base of `ConsoleProgress`."""

    def on_stage_begin(self, ko: str, en: str) -> None:
        """Called before a vocabulary is trained, the baselines are measured or the report is written."""

    def on_run_begin(self, run: PlannedRun, number: int, total: int, seconds_left: float) -> None:
        """Called before the run ``number`` of ``total``, with the remaining seconds of all runs."""

    def on_job_event(self, event: dict[str, Any], run: PlannedRun | None) -> None:
        """Called with the events of a job; ``run`` is None if the job is not a training run."""

    def on_run_skip(self, run: PlannedRun, number: int, total: int) -> None:
        """Called for a run that is finished already."""

    def on_run_end(self, run: PlannedRun, result: dict[str, Any], seconds_left: float) -> None:
        """Called after a run, with the remaining seconds of the others."""

    def on_job_end(self, run: PlannedRun | None) -> None:
        """Called after a job, successful or not."""


class ConsoleProgress(NullProgress):
    """Prints lines and a progress bar; runs side by side share one bar."""

    def __init__(self, *, file: IO[str] | None = None) -> None:
        self._file = file or sys.stderr
        self._bar: Any = None
        self._fractions: dict[str, float] = {}  # of the current runs

    def on_stage_begin(self, ko: str, en: str) -> None:
        self._print_line(localize(ko, en))

    def on_run_skip(self, run: PlannedRun, number: int, total: int) -> None:
        self._print_line(f"[{number}/{total}] {_run_label(run)}: " + localize("이미 끝남", "finished already"))

    def on_run_begin(self, run: PlannedRun, number: int, total: int, seconds_left: float) -> None:
        text = localize(
            f"폭 {run.hidden:,}, 매개변수 {run.parameters:,}, 남은 시간 모두 {_format_time_left(seconds_left)}",
            f"width {run.hidden:,}, {run.parameters:,} parameters, {_format_time_left(seconds_left)} left for all",
        )
        self._print_line(f"[{number}/{total}] {_run_label(run)}: {text}")
        self._fractions[_run_label(run)] = 0.0

    def on_job_event(self, event: dict[str, Any], run: PlannedRun | None) -> None:
        from korlm.training.progress import MultiRunProgressBar, TrainingProgressBar
        from korlm.training.trainer import ProgressReport

        if run is not None and "report" in event:
            self._fractions[_run_label(run)] = event["report"]["fraction_done"]
        is_shared = len(self._fractions) > 1
        if self._bar is None or is_shared != isinstance(self._bar, MultiRunProgressBar):
            self._close_bar()
            self._bar = MultiRunProgressBar(file=self._file) if is_shared else TrainingProgressBar(file=self._file)
        if isinstance(self._bar, MultiRunProgressBar):
            self._bar.update(self._fractions)
        elif "encoding" in event:
            self._bar.show_encoding(*event["encoding"])
        else:
            self._bar.show_report(ProgressReport(**event["report"]))

    def on_run_end(self, run: PlannedRun, result: dict[str, Any], seconds_left: float) -> None:
        self._close_bar()
        valid, test = (result[split]["bits_per_character"] for split in SCORED_SPLITS)
        duration, left = format_duration(result["wall_seconds"]), _format_time_left(seconds_left)
        text = localize(
            f"검증 {valid:.4f}, 시험 {test:.4f} 비트/글자, {duration} 걸림, 남은 시간 모두 {left}",
            f"valid {valid:.4f}, test {test:.4f} bits/character, took {duration}, {left} left for all",
        )
        self._print_line(f"    {_run_label(run)}: {text}")

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
    return f"{run.tokenizer.label} {run.cell} {localize('시드', 'seed')} {run.seed}"


def _format_time_left(seconds: float) -> str:
    return format_duration(seconds) if math.isfinite(seconds) else "?"
