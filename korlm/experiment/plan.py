"""What each run of an experiment will be: its net's width, its length, and the time that it will take.

>>> config = ExperimentConfig("kolaw", ("syllable", "byte"), seeds=1, parameters=1e6, characters=1e6)
>>> [run.hidden for run in plan(config, train_characters=17_000)]
[189, 348]
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from korlm.comparison.output import aligned
from korlm.experiment.config import Cell, ExperimentConfig
from korlm.experiment.cost import flops_per_piece, parts, width_for
from korlm.language import pick
from korlm.nn.config import NetConfig
from korlm.tokenizers.names import DEFAULT_SIZES, UNITS

_ENDLESS = 1e6  # passes over the corpus, where the clock ends a run
# rough, of Korean reviews; used before a vocabulary is made, in plans only
_PIECES = {"word": 0.75, "morpheme": 0.6, "subword": 0.5, "morpheme-subword": 0.6, "syllable": 1.0, "jamo": 2.2}
_BYTES_PER_CHARACTER = 2.4
_CHARACTERS_AN_ENTRY = 8  # of training text, at the least: little text has few words and syllables
_SHARE_OF_PEAK = 0.4  # of a bare matrix product's speed that training reaches
_OVERHEAD = 60.0  # seconds of loading, validating and scoring a run, before any is measured


@dataclass(frozen=True)
class PlannedRun:
    """One run, with what the budget makes of it.

    Attributes:
        run: which.
        vocab_size: ids; a guess where `known` is False.
        known: whether the vocabulary is made already.
        hidden: width of the net.
        parameters: weights in all.
        flops_per_piece: see `korlm.experiment.cost`.
        epochs: passes over the training text; without end where the clock ends the run.
        pieces: that it will learn from, or None where the clock ends it.
        minutes: time limit, or 0.
    """

    run: Cell
    vocab_size: int
    known: bool
    hidden: int
    parameters: int
    flops_per_piece: int
    epochs: float
    pieces: float | None
    minutes: float

    def training_options(self, config: ExperimentConfig) -> dict[str, Any]:
        """Return the options of `korlm.train_model`, the tokenizer aside."""
        own = {"cell": self.run.cell, "seed": self.run.seed, "hidden": self.hidden}
        return {**config.options, **own, "epochs": self.epochs, "minutes": self.minutes}

    def seconds(self, rate: float, overhead: float) -> float:
        """Return an estimate of the whole run's time.

        Args:
            rate: floating-point operations a second.
            overhead: seconds beside training.
        """
        training = 60 * self.minutes if self.pieces is None else self.pieces * self.flops_per_piece / rate
        return training + overhead


def plan(
    config: ExperimentConfig, *, train_characters: int, vocabularies: Mapping[str, Mapping[str, Any]] | None = None
) -> list[PlannedRun]:
    """Return the runs of an experiment.

    Args:
        config: the experiment.
        train_characters: of the training split, line ends included.
        vocabularies: what `make_vocabulary` returned, by slug; sizes of the others are guessed.

    Raises:
        InputError: a vocabulary alone exceeds the budget.
    """
    found = vocabularies or {}
    return [plan_run(config, run, train_characters, found.get(run.spec.slug)) for run in config.runs()]


def plan_run(config: ExperimentConfig, run: Cell, characters: int, facts: Mapping[str, Any] | None) -> PlannedRun:
    """Return one run; see `plan`."""
    vocab_size, train_pieces = (facts["vocab_size"], float(facts["train_pieces"])) if facts else _guess(run, characters)
    names = {entry.name for entry in fields(NetConfig)}
    shape = {name: value for name, value in config.options.items() if name in names} | {"cell": run.cell}
    if config.parameters:
        shape["hidden"] = width_for(config.parameters, vocab_size, **shape)
    net = NetConfig(vocab_size, **shape)
    cost = flops_per_piece(net)
    epochs = {
        "characters": config.characters / characters,
        "flops": config.flops / cost / train_pieces,
        "minutes": _ENDLESS,
        "epochs": config.epochs,
    }[config.clock]
    pieces = None if config.minutes else epochs * train_pieces
    return PlannedRun(
        run, vocab_size, facts is not None, net.hidden, parts(net).total, cost, epochs, pieces, config.minutes
    )


def _guess(run: Cell, characters: int) -> tuple[int, float]:
    if run.spec.name not in UNITS or run.spec.name == "byte":
        return 260, characters * _BYTES_PER_CHARACTER
    unit = UNITS[run.spec.name]
    size = run.spec.vocab_size or DEFAULT_SIZES[unit]
    return min(size, 260 + characters // _CHARACTERS_AN_ENTRY), characters * _PIECES[unit]


class Pace:
    """How fast runs go: measured on those that are finished, guessed from a matrix product before."""

    def __init__(self, results: Sequence[Mapping[str, Any]] = ()) -> None:
        self._flops = self._seconds = self._beside = 0.0
        self._runs = 0
        for result in results:
            self.add(result)

    def add(self, result: Mapping[str, Any]) -> None:
        """Take in a finished run's ``result.json``."""
        self._flops += result["flops"]
        self._seconds += result["seconds"]
        self._beside += max(0.0, result["wall_seconds"] - result["seconds"])  # a resumed run's is but the last part
        self._runs += 1

    @property
    def measured(self) -> bool:
        """Whether any run is finished."""
        return self._runs > 0

    def left(self, runs: Sequence[PlannedRun]) -> float:
        """Return the seconds that runs will take, one after the other."""
        if not runs:
            return 0.0
        rate = self._flops / self._seconds if self._runs and self._seconds else _peak() * _SHARE_OF_PEAK
        overhead = self._beside / self._runs if self._runs else _OVERHEAD
        return sum(run.seconds(rate, overhead) for run in runs)


def _peak() -> float:
    """Return the operations a second of a float32 matrix product here."""
    left, right = np.ones((256, 512), np.float32), np.ones((512, 1024), np.float32)
    _ = left @ right
    begun, rounds = time.perf_counter(), 0
    while time.perf_counter() - begun < 0.1:
        _ = left @ right
        rounds += 1
    return rounds * 2.0 * left.size * 1024 / (time.perf_counter() - begun)


def show_plan(runs: Sequence[PlannedRun], pace: Pace, finished: Sequence[str]) -> str:
    """Return the runs as a table for a terminal, a line for each tokenizer and cell."""
    heads = pick(
        "토크나이저 어휘 셀 폭 매개변수 씨앗 끝남 한번에", "tokenizer vocabulary cell width parameters seeds done each"
    )
    lines = [heads.split()]
    rows: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in runs:
        rows.setdefault((run.run.spec.label, run.run.cell), []).append(run)
    for (label, cell), same in rows.items():
        first = same[0]
        done = sum(run.run.name in finished for run in same)
        size = ("" if first.known else "≈") + f"{first.vocab_size:,}"
        each = clock(pace.left([first]))
        lines.append([label, size, cell, f"{first.hidden:,}", f"{first.parameters:,}", str(len(same)), str(done), each])
    left = clock(pace.left([run for run in runs if run.run.name not in finished]))
    ko = f"모두 {len(runs)}번, 남은 시간 {left}" + ("" if pace.measured else " (어림)")
    en = f"{len(runs)} runs, time left {left}" + ("" if pace.measured else " (a guess)")
    note = pick(ko, en)
    if not all(run.known for run in runs):
        note += "\n" + pick(
            "≈: 아직 만들지 않은 어휘의 가장 큰 크기. 폭은 만든 뒤에 정해집니다. 어휘를 만드는 시간은 세지 않았습니다.",
            "≈: the largest size of a vocabulary not made yet; widths are settled once it is. Making it is not counted.",
        )
    return f"{aligned(lines)}\n\n{note}"


def clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> clock(3725)
    '1:02:05'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
