"""The progress bar of a training run: fraction done, tokens per second, loss, validation, remaining time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Self

from tqdm import tqdm

from korlm.i18n import localize
from korlm.reporting.progress import StagedProgressBar
from korlm.training.trainer import ProgressReport


class TrainingProgressBar(StagedProgressBar):
    """Show encoding and training on a terminal; pass `show_encoding` and `show_report` to `korlm.train_model`.

    Under torchrun only the first process shows it.
    """

    def __enter__(self) -> Self:
        self._start_stage("vocabulary", localize("어휘 만드는 중…", "making the vocabulary…"), "{desc}")
        return self

    def show_encoding(self, done: int, total: int) -> None:
        """Show the number of encoded lines."""
        layout = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{remaining}]"
        bar = self._start_stage("encoding", localize("자르는 중", "encoding"), layout, total=total)
        bar.update(done - bar.n)

    def show_report(self, report: ProgressReport) -> None:
        """Show a training report."""
        if report.finished_before:
            self.close()
            ko = "이미 끝난 학습입니다. 아무것도 바꾸지 않았습니다. 더 배우게 하려면 --epochs를 늘리세요."
            en = "This run is already finished; nothing was changed. Raise --epochs to train further."
            return print(localize(ko, en), file=self._file, flush=True)
        # tqdm's own estimate restarts at --resume; the report's covers the whole run
        layout = "{l_bar}{bar}| {unit}"
        bar = self._start_stage("training", localize("학습", "training"), layout, total=1000, leave=True)
        bar.n = round(report.fraction_done * 1000)
        remaining = tqdm.format_interval(report.seconds_left) if report.seconds_left < 1e6 else "?"
        speed = localize("토큰/초", "tokens/s")
        parts = [f"{report.pieces_per_second:,.0f} {speed}", f"{localize('손실', 'loss')} {report.loss:.3f}"]
        if report.valid is not None:
            parts.append(f"{localize('검증', 'valid')} {report.valid:.3f} {localize('비트/글자', 'bits/char')}")
        parts.append(f"{localize('남은 시간', 'left')} {remaining}")
        bar.unit = ", ".join(parts)  # a postfix would begin with a comma
        bar.refresh()

    def _start_stage(self, stage: str, label: str, layout: str, *, total: int = 1, leave: bool = False) -> tqdm:
        first = os.environ.get("RANK", "0") == "0"
        return self.start_stage(stage, label, layout, total=total, leave=leave, disable=not first)


class MultiRunProgressBar(StagedProgressBar):
    """Show the progress of several runs on one line."""

    def update(self, fractions_done: Mapping[str, float]) -> None:
        """Show the fraction done of each run, 0 to 1."""
        text = " · ".join(f"{name} {fraction:.0%}" for name, fraction in fractions_done.items())
        self.start_stage("runs", "", "{desc}").set_description_str(text)
