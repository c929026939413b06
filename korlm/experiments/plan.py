"""What each run of an experiment will be: its net's width, its length, and the time that it will take.

>>> config = ExperimentConfig("kolaw", ("syllable", "byte"), seeds=1, parameters=1e6, characters=1e6)
>>> [run.hidden for run in plan_runs(config, train_characters=17_000)]
[189, 348]

What a net costs: weights by part, floating-point operations a piece, and the width that a budget buys.

The formulas stand beside `korlm.nn`; a test holds the first against the nets themselves and the second against
`torch.utils.flop_counter`.

>>> count_parameters(NetConfig(8000, cell="gru", hidden=512)).total
3370048
>>> fit_hidden_width(4e6, 8000, cell="gru")
651
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

from korlm.errors import InputError
from korlm.experiments.config import ExperimentConfig, RunSpec
from korlm.i18n import localize
from korlm.nn.config import ADAPTIVE_DIV_VALUE, CELLS, NetConfig
from korlm.text.display import format_columns
from korlm.tokenizers.catalog import DEFAULT_VOCAB_SIZES, TOKENIZER_UNITS


@dataclass(frozen=True)
class ParameterCounts:
    """Weights of a net.

    Attributes:
        embedding: input embeddings, ``V x E``, the tables of hashed n-grams included.
        recurrent: matrices and biases of the layers.
        output: what is left: projection, output weights (none where they are the embedding's) and biases.
        multiplied: those that a piece is multiplied by, tied ones included; embeddings are look-ups.
    """

    embedding: int
    recurrent: int
    output: int
    multiplied: int

    @property
    def total(self) -> int:
        """Weights in all; tied ones count once."""
        return self.embedding + self.recurrent + self.output


def count_parameters(config: NetConfig) -> ParameterCounts:
    """Return the weights of a net of this shape."""
    gates, hidden, width = CELLS[config.cell] * config.hidden, config.hidden, config.recurrent_width
    matrices, biases = 0, 0
    for layer in range(config.layers):
        matrices += gates * ((width if layer else config.embedding) + width) + config.projection * hidden
        # two biases a gate; normalised, two gains and two biases a gate, and for an LSTM's c one of each
        biases += 4 * gates + 2 * hidden * (config.cell == "lstm") if config.layer_norm else 2 * gates
    final = config.embedding if config.tied else width
    project = width * final if final != width else 0
    grams = (config.ngrams - 1) * config.buckets * config.ngram_width if config.ngrams else 0
    gram_matrices = config.ngram_width * (config.embedding + final) if config.ngrams else 0
    softmax = _count_adaptive_softmax(config, final) if config.softmax == "adaptive" else config.vocab_size * final
    bias = 0 if config.softmax == "adaptive" else config.vocab_size
    return ParameterCounts(
        embedding=config.vocab_size * config.embedding + grams,
        recurrent=matrices + biases,
        output=project + (final if project else 0) + gram_matrices + bias + (0 if config.tied else softmax),
        multiplied=matrices + project + gram_matrices + softmax,
    )


def training_flops_per_token(config: NetConfig) -> int:
    """Return the floating-point operations of training on one piece: 6 for each weight that it is multiplied by.

    Forward a multiplication and an addition a weight; backward twice that, for the gradients of inputs and of weights
    (Kaplan et al. 2020, "Scaling laws for neural language models"). Counted are the matrices of the layers, the
    projection and the whole output; not counted are look-ups of embeddings, biases, activations, the softmax itself and
    the optimiser (some per cent), nor what validation costs. Of an adaptive softmax every cluster is counted, so that
    it is an upper bound.

    >>> training_flops_per_token(NetConfig(8000, cell="gru", hidden=512)) / 6 == 3 * 512 * (256 + 512) + 512 * 256 + 8000 * 256
    True
    """
    return 6 * count_parameters(config).multiplied


def fit_hidden_width(parameters: float, vocab_size: int, **options: Any) -> int:
    """Return the hidden width whose net has the number of weights nearest to ``parameters``.

    Args:
        parameters: the budget.
        vocab_size: ``V``.
        **options: the other fields of `NetConfig`.

    Raises:
        InputError: the narrowest net has more weights than that.
    """

    def count_total(hidden: int) -> int:
        return count_parameters(NetConfig(vocab_size, **options, hidden=hidden)).total

    least = options.get("projection", 0) + 1
    if options.get("softmax") == "adaptive":
        least = max(least, ADAPTIVE_DIV_VALUE ** max(2, len(options.get("cutoffs", ()))))
    if (smallest := count_total(least)) > parameters:
        raise InputError(
            f"어휘 {vocab_size:,}개만으로 매개변수 {smallest:,}개가 들어 예산 {parameters:,.0f}개를 넘습니다. "
            "어휘나 --embedding을 줄이거나 --parameters를 늘리세요.",
            f"A vocabulary of {vocab_size:,} alone takes {smallest:,} weights, more than the {parameters:,.0f} of the "
            "budget. Use a smaller vocabulary or --embedding, or more --parameters.",
        )
    # at H = E a tied net needs no projection, so its weights dip there: the search steps over that width
    dip = options.get("embedding", NetConfig.embedding)

    def fits_budget(width: int) -> bool:
        return count_total(width + (width == dip)) <= parameters

    low, high = least, 2 * least
    while fits_budget(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits_budget(middle) else (low, middle)
    near = [width for width in (*range(low - 2, high + 3), dip) if width >= least]
    return min(near, key=lambda width: (abs(count_total(width) - parameters), width))


def _count_adaptive_softmax(config: NetConfig, width: int) -> int:
    """Return the weights of torch's adaptive softmax: a head, and two matrices a cluster."""
    cutoffs = [*config.cutoffs, config.vocab_size]
    weights = (cutoffs[0] + len(config.cutoffs)) * width
    for index, (first, end) in enumerate(pairwise(cutoffs)):
        narrow = width // ADAPTIVE_DIV_VALUE ** (index + 1)
        weights += narrow * (width + end - first)
    return weights


_UNLIMITED_EPOCHS = 1e6  # passes over the corpus, where the clock ends a run
# rough, of Korean reviews; used before a vocabulary is made, in plans only
_TOKENS_PER_CHARACTER = {
    "word": 0.75,
    "morpheme": 0.6,
    "subword": 0.5,
    "morpheme-subword": 0.6,
    "syllable": 1.0,
    "jamo": 2.2,
}
_BYTES_PER_CHARACTER = 2.4
_CHARACTERS_PER_VOCAB_ENTRY = 8  # of training text, at the least: little text has few words and syllables
_FRACTION_OF_PEAK = 0.4  # of a bare matrix product's speed that training reaches
_DEFAULT_OVERHEAD_SECONDS = 60.0  # seconds of loading, validating and scoring a run, before any is measured


@dataclass(frozen=True)
class PlannedRun:
    """One run, with what the budget makes of it.

    Attributes:
        run_spec: which.
        vocab_size: ids; a guess where `vocab_size_is_exact` is False.
        vocab_size_is_exact: whether the vocabulary is made already.
        hidden: width of the net.
        parameters: weights in all.
        training_flops_per_token: see `korlm.experiments.plan`.
        epochs: passes over the training text; without end where the clock ends the run.
        training_tokens: that it will learn from, or None where the clock ends it.
        minutes: time limit, or 0.
    """

    run_spec: RunSpec
    vocab_size: int
    vocab_size_is_exact: bool
    hidden: int
    parameters: int
    flops_per_token: int
    epochs: float
    training_tokens: float | None
    minutes: float

    def training_options(self, config: ExperimentConfig) -> dict[str, Any]:
        """Return the options of `korlm.train_model`, the tokenizer aside."""
        own = {"cell": self.run_spec.cell, "seed": self.run_spec.seed, "hidden": self.hidden}
        return {**config.options, **own, "epochs": self.epochs, "minutes": self.minutes}

    def estimate_seconds(self, flops_per_second: float, overhead_seconds: float) -> float:
        """Return an estimate of the whole run's time.

        Args:
            flops_per_second: floating-point operations a second.
            overhead_seconds: seconds beside training.
        """
        training = (
            60 * self.minutes
            if self.training_tokens is None
            else self.training_tokens * self.flops_per_token / flops_per_second
        )
        return training + overhead_seconds


def plan_runs(
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
    return [plan_run(config, run, train_characters, found.get(run.tokenizer_spec.slug)) for run in config.run_specs()]


def plan_run(
    config: ExperimentConfig, run_spec: RunSpec, train_characters: int, vocabulary_info: Mapping[str, Any] | None
) -> PlannedRun:
    """Return one run; see `plan_runs`."""
    vocab_size, train_pieces = (
        (vocabulary_info["vocab_size"], float(vocabulary_info["train_pieces"]))
        if vocabulary_info
        else _guess_vocabulary(run_spec, train_characters)
    )
    names = {entry.name for entry in fields(NetConfig)}
    shape = {name: value for name, value in config.options.items() if name in names} | {"cell": run_spec.cell}
    if config.parameters:
        shape["hidden"] = fit_hidden_width(config.parameters, vocab_size, **shape)
    net = NetConfig(vocab_size, **shape)
    cost = training_flops_per_token(net)
    epochs = {
        "characters": config.characters / train_characters,
        "flops": config.flops / cost / train_pieces,
        "minutes": _UNLIMITED_EPOCHS,
        "epochs": config.epochs,
    }[config.budget_kind]
    pieces = None if config.minutes else epochs * train_pieces
    return PlannedRun(
        run_spec,
        vocab_size,
        vocabulary_info is not None,
        net.hidden,
        count_parameters(net).total,
        cost,
        epochs,
        pieces,
        config.minutes,
    )


def _guess_vocabulary(run_spec: RunSpec, train_characters: int) -> tuple[int, float]:
    if run_spec.tokenizer_spec.name not in TOKENIZER_UNITS or run_spec.tokenizer_spec.name == "byte":
        return 260, train_characters * _BYTES_PER_CHARACTER
    unit = TOKENIZER_UNITS[run_spec.tokenizer_spec.name]
    size = run_spec.tokenizer_spec.vocab_size or DEFAULT_VOCAB_SIZES[unit]
    return min(size, 260 + train_characters // _CHARACTERS_PER_VOCAB_ENTRY), train_characters * _TOKENS_PER_CHARACTER[
        unit
    ]


class TimeEstimator:
    """How fast runs go: measured on those that are finished, guessed from a matrix product before."""

    def __init__(self, results: Sequence[Mapping[str, Any]] = ()) -> None:
        self._flops = self._seconds = self._overhead_seconds = 0.0
        self._run_count = 0
        for result in results:
            self.add(result)

    def add(self, result: Mapping[str, Any]) -> None:
        """Take in a finished run's ``result.json``."""
        self._flops += result["flops"]
        self._seconds += result["seconds"]
        self._overhead_seconds += max(
            0.0, result["wall_seconds"] - result["seconds"]
        )  # a resumed run's is but the last part
        self._run_count += 1

    @property
    def has_measurements(self) -> bool:
        """Whether any run is finished."""
        return self._run_count > 0

    def remaining_seconds(self, runs: Sequence[PlannedRun]) -> float:
        """Return the seconds that runs will take, one after the other."""
        if not runs:
            return 0.0
        rate = (
            self._flops / self._seconds
            if self._run_count and self._seconds
            else _measure_peak_flops() * _FRACTION_OF_PEAK
        )
        overhead = self._overhead_seconds / self._run_count if self._run_count else _DEFAULT_OVERHEAD_SECONDS
        return sum(run.estimate_seconds(rate, overhead) for run in runs)


def _measure_peak_flops() -> float:
    """Return the operations a second of a float32 matrix product here."""
    left, right = np.ones((256, 512), np.float32), np.ones((512, 1024), np.float32)
    _ = left @ right
    begun, rounds = time.perf_counter(), 0
    while time.perf_counter() - begun < 0.1:
        _ = left @ right
        rounds += 1
    return rounds * 2.0 * left.size * 1024 / (time.perf_counter() - begun)


def format_run_plan(runs: Sequence[PlannedRun], estimator: TimeEstimator, finished_names: Sequence[str]) -> str:
    """Return the runs as a table for a terminal, a line for each tokenizer and cell."""
    heads = localize(
        "토크나이저 어휘 셀 폭 매개변수 씨앗 끝남 한번에", "tokenizer vocabulary cell width parameters seeds done each"
    )
    lines = [heads.split()]
    rows: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in runs:
        rows.setdefault((run.run_spec.tokenizer_spec.label, run.run_spec.cell), []).append(run)
    for (label, cell), same in rows.items():
        first = same[0]
        done = sum(run.run_spec.name in finished_names for run in same)
        size = ("" if first.vocab_size_is_exact else "≈") + f"{first.vocab_size:,}"
        each = format_duration(estimator.remaining_seconds([first]))
        lines.append([label, size, cell, f"{first.hidden:,}", f"{first.parameters:,}", str(len(same)), str(done), each])
    left = format_duration(
        estimator.remaining_seconds([run for run in runs if run.run_spec.name not in finished_names])
    )
    ko = f"모두 {len(runs)}번, 남은 시간 {left}" + ("" if estimator.has_measurements else " (어림)")
    en = f"{len(runs)} runs, time left {left}" + ("" if estimator.has_measurements else " (a guess)")
    note = localize(ko, en)
    if not all(run.vocab_size_is_exact for run in runs):
        note += "\n" + localize(
            "≈: 아직 만들지 않은 어휘의 가장 큰 크기. 폭은 만든 뒤에 정해집니다. 어휘를 만드는 시간은 세지 않았습니다.",
            "≈: the largest size of a vocabulary not made yet; widths are settled once it is. Making it is not counted.",
        )
    return f"{format_columns(lines)}\n\n{note}"


def format_duration(seconds: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> format_duration(3725)
    '1:02:05'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
