"""The progress bar of a training run: share done, pieces a second, loss, validation, time left."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any

from tqdm import tqdm

from korlm.i18n import localize
from korlm.training.trainer import ProgressReport


class TrainingProgressBar:
    """Shows encoding and training on a terminal; pass `encoding` and `report` to `korlm.train_model`."""

    def __init__(self, *, file: IO[str] = sys.stderr) -> None:
        self._file = file
        self._bar: Any = None
        self._stage = ""

    def __enter__(self) -> TrainingProgressBar:
        self._switch_stage("vocabulary", localize("어휘 만드는 중…", "making the vocabulary…"), 1, "{desc}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def encoding(self, done: int, total: int) -> None:
        """Show lines encoded."""
        self._switch_stage(
            "encoding", localize("자르는 중", "encoding"), total, "{l_bar}{bar}| {n_fmt}/{total_fmt} [{remaining}]"
        )
        self._bar.update(done - self._bar.n)

    def report(self, report: ProgressReport) -> None:
        """Show a training report."""
        if report.finished_before:
            return self._tell_finished()
        # tqdm's own estimate starts anew at --resume; the report's counts the whole run
        self._switch_stage("training", localize("학습", "training"), 1000, "{l_bar}{bar}| {unit}")
        self._bar.n = round(report.share * 1000)
        left = tqdm.format_interval(report.seconds_left) if report.seconds_left < 1e6 else "?"
        speed = localize("조각/초", "pieces/s")
        parts = [f"{report.pieces_per_second:,.0f} {speed}", f"{localize('손실', 'loss')} {report.loss:.3f}"]
        if report.valid is not None:
            parts.append(f"{localize('검증', 'valid')} {report.valid:.3f} {localize('비트/글자', 'bits/char')}")
        self._bar.unit = ", ".join([*parts, f"{localize('남은 시간', 'left')} {left}"])  # a postfix begins with a comma
        self._bar.refresh()

    def _tell_finished(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""
        ko = "이미 끝난 학습입니다. 아무것도 바꾸지 않았습니다. 더 배우게 하려면 --epochs를 늘리세요."
        en = "This run is already finished; nothing was changed. Raise --epochs to train further."
        print(localize(ko, en), file=self._file, flush=True)

    def _switch_stage(self, stage: str, label: str, total: int, layout: str) -> None:
        if self._stage != stage:
            if self._bar is not None:
                self._bar.close()
            first = os.environ.get("RANK", "0") == "0"  # under torchrun one process shows
            self._bar = tqdm(
                disable=not first,
                total=total,
                desc=label,
                bar_format=layout,
                file=self._file,
                leave=stage == "training",
            )
            self._stage = stage


class MultiRunProgressBar:
    """Shows on one line how far several runs are."""

    def __init__(self, *, file: IO[str] = sys.stderr) -> None:
        self._bar = tqdm(bar_format="{desc}", file=file, leave=False)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def update(self, fractions_done: Mapping[str, float]) -> None:
        """Show the share of each that is done, 0 to 1."""
        self._bar.set_description_str(" · ".join(f"{name} {share:.0%}" for name, share in fractions_done.items()))
