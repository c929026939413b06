"""The plan of an experiment: what its runs cost, the hidden width that the budget allows, and the time they take.

>>> config = ExperimentConfig("kolaw", ("syllable", "byte"), seeds=1, parameters=1e6, characters=1e6)
>>> [run.hidden for run in plan_runs(config, train_characters=17_000)]
[189, 348]
>>> count_parameters(NetConfig(8000, cell="gru", hidden=512)).total
3370048
>>> fit_hidden_width(4e6, 8000, cell="gru")
651

Tests compare the parameter counts with the models of `korlm.nn` and the FLOPs with `torch.utils.flop_counter`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from korlm.errors import InputError
from korlm.experiments.config import ExperimentConfig, RunSpec, TokenizerSpec
from korlm.experiments.folder import ExperimentFolder, count_characters, load_experiment_corpus
from korlm.i18n import localize
from korlm.nn.config import ADAPTIVE_DIV_VALUE, CELLS, NetConfig
from korlm.text.display import format_columns
from korlm.tokenizers.catalog import DEFAULT_VOCAB_SIZES, TOKENIZER_UNITS

_UNLIMITED_EPOCHS = 1e6  # for runs that a time limit ends
_SPECIAL_AND_BYTE_TOKENS = 260
# rough averages on Korean reviews, for plans before a vocabulary is trained
_TOKENS_PER_CHARACTER = {
    "word": 0.75, "morpheme": 0.6, "subword": 0.5, "morpheme-subword": 0.6, "syllable": 1.0, "jamo": 2.2,
}  # fmt: skip
_BYTES_PER_CHARACTER = 2.4
_CHARACTERS_PER_VOCAB_ENTRY = 8  # of training text, at least: a small text has few words and syllables
_FRACTION_OF_PEAK = 0.4  # of the speed of a matrix product that training reaches
_DEFAULT_OVERHEAD_SECONDS = 60.0  # loading, validating and scoring a run, before any is measured


@dataclass(frozen=True)
class ParameterCounts:
    """Number of weights of a language model by part."""

    embedding: int  # input embeddings, ``V x E``, the tables of hashed n-grams included
    recurrent: int  # matrices and biases of the layers
    output: int  # the rest: projection, output weights (none if tied to the embedding) and biases
    multiplied: int  # weights that each token is multiplied by, tied ones included; embeddings are look-ups

    @property
    def total(self) -> int:
        """All weights; tied ones count once."""
        return self.embedding + self.recurrent + self.output


def count_parameters(config: NetConfig) -> ParameterCounts:
    """Return the number of weights of a model of this shape."""
    gates, hidden, width = CELLS[config.cell] * config.hidden, config.hidden, config.recurrent_width
    matrices, biases = 0, 0
    for layer in range(config.layers):
        matrices += gates * ((width if layer else config.embedding) + width) + config.projection * hidden
        # two biases a gate; with layer norm two gains and two biases a gate, and one of each for an LSTM's c
        biases += 4 * gates + 2 * hidden * (config.cell == "lstm") if config.layer_norm else 2 * gates
    output_width = config.embedding if config.tied else width
    projection = width * output_width if output_width != width else 0
    ngram_tables = (config.ngrams - 1) * config.buckets * config.ngram_width if config.ngrams else 0
    ngram_matrices = config.ngram_width * (config.embedding + output_width) if config.ngrams else 0
    if config.softmax == "adaptive":
        softmax, output_bias = _count_adaptive_softmax(config, output_width), 0
    else:
        softmax, output_bias = config.vocab_size * output_width, config.vocab_size
    projection_bias = output_width if projection else 0
    untied_softmax = 0 if config.tied else softmax
    return ParameterCounts(
        embedding=config.vocab_size * config.embedding + ngram_tables,
        recurrent=matrices + biases,
        output=projection + projection_bias + ngram_matrices + output_bias + untied_softmax,
        multiplied=matrices + projection + ngram_matrices + softmax,
    )


def training_flops_per_token(config: NetConfig) -> int:
    """Return the training FLOPs of one token: 6 for each weight that it is multiplied by.

    The forward pass takes a multiplication and an addition a weight, the backward pass twice that, for the gradients of
    inputs and of weights (Kaplan et al. 2020, "Scaling laws for neural language models"). The matrices of the layers, the
    projection and the whole output count; embedding look-ups, biases, activations, the softmax itself, the optimizer (a
    few per cent) and validation do not. Every cluster of an adaptive softmax counts, so that it is an upper bound.

    >>> training_flops_per_token(NetConfig(8000, cell="gru", hidden=512)) / 6 == 3 * 512 * (256 + 512) + 512 * 256 + 8000 * 256
    True
    """
    return 6 * count_parameters(config).multiplied


def fit_hidden_width(parameters: float, vocab_size: int, **options: Any) -> int:
    """Return the hidden width with the number of weights nearest to ``parameters``; ``options`` are of `NetConfig`.

    Raises:
        InputError: the narrowest model has more weights than that.
    """

    def count_total(hidden: int) -> int:
        return count_parameters(NetConfig(vocab_size, **options, hidden=hidden)).total

    min_width = options.get("projection", 0) + 1
    if options.get("softmax") == "adaptive":
        min_width = max(min_width, ADAPTIVE_DIV_VALUE ** max(2, len(options.get("cutoffs", ()))))
    if (smallest := count_total(min_width)) > parameters:
        raise InputError(
            f"어휘 {vocab_size:,}개만으로 매개변수 {smallest:,}개가 들어 예산 {parameters:,.0f}개를 넘습니다. "
            "어휘나 --embedding을 줄이거나 --parameters를 늘리세요.",
            f"A vocabulary of {vocab_size:,} alone takes {smallest:,} weights, more than the {parameters:,.0f} of the "
            "budget. Use a smaller vocabulary or --embedding, or more --parameters.",
        )
    # a tied model needs no projection at H = E, so its count dips there: the binary search steps over that width
    dip = options.get("embedding", NetConfig.embedding)

    def fits_budget(width: int) -> bool:
        return count_total(width + (width == dip)) <= parameters

    low, high = min_width, 2 * min_width
    while fits_budget(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits_budget(middle) else (low, middle)
    candidates = [width for width in (*range(low - 2, high + 3), dip) if width >= min_width]
    return min(candidates, key=lambda width: (abs(count_total(width) - parameters), width))


def _count_adaptive_softmax(config: NetConfig, width: int) -> int:
    """Return the number of weights of torch's adaptive softmax: a head, and two matrices a cluster."""
    cutoffs = [*config.cutoffs, config.vocab_size]
    weights = (cutoffs[0] + len(config.cutoffs)) * width
    for index, (first, end) in enumerate(pairwise(cutoffs)):
        cluster_width = width // ADAPTIVE_DIV_VALUE ** (index + 1)
        weights += cluster_width * (width + end - first)
    return weights


@dataclass(frozen=True)
class PlannedRun(RunSpec):
    """One training run, with the shape and the length that its budget allows."""

    vocab_size: int  # vocabulary size; a guess unless `vocab_size_is_exact`
    vocab_size_is_exact: bool  # whether the vocabulary is trained already
    hidden: int  # hidden width
    parameters: int  # number of weights
    flops_per_token: int  # see `training_flops_per_token`
    epochs: float  # passes over the training text; unlimited if a time limit ends the run
    training_tokens: float | None  # tokens to train on, or None if a time limit ends the run
    minutes: float  # time limit, or 0

    def training_options(self, config: ExperimentConfig) -> dict[str, Any]:
        """Return the options of `korlm.train_model`, without the tokenizer."""
        run_options = {name: getattr(self, name) for name in ("cell", "seed", "hidden", "epochs", "minutes")}
        return {**config.options, **run_options}

    @property
    def training_flops(self) -> float:
        """FLOPs of the training; 0 if a time limit ends it."""
        return (self.training_tokens or 0) * self.flops_per_token


def plan_runs(
    config: ExperimentConfig, *, train_characters: int, vocabularies: Mapping[str, Mapping[str, Any]] | None = None
) -> list[PlannedRun]:
    """Return the runs of an experiment.

    Args:
        config: the experiment.
        train_characters: number of characters of the training split, line ends included.
        vocabularies: results of `make_vocabulary`, by slug; the sizes of the others are guessed.

    Raises:
        InputError: a vocabulary alone exceeds the budget.
    """
    known = vocabularies or {}
    return [plan_run(config, run, train_characters, known.get(run.tokenizer.slug)) for run in config.run_specs()]


def plan_run(
    config: ExperimentConfig, run_spec: RunSpec, train_characters: int, vocabulary_info: Mapping[str, Any] | None
) -> PlannedRun:
    """Return one run; see `plan_runs`."""
    if vocabulary_info:
        vocab_size, train_tokens = vocabulary_info["vocab_size"], float(vocabulary_info["train_pieces"])
    else:
        vocab_size, train_tokens = _guess_vocabulary(run_spec.tokenizer, train_characters)
    net_fields = {entry.name for entry in fields(NetConfig)}
    net_options = {name: value for name, value in config.options.items() if name in net_fields}
    net_options["cell"] = run_spec.cell
    if config.parameters:
        net_options["hidden"] = fit_hidden_width(config.parameters, vocab_size, **net_options)
    net = NetConfig(vocab_size, **net_options)
    flops_per_token = training_flops_per_token(net)
    epochs = {
        "characters": config.characters / train_characters,
        "flops": config.flops / flops_per_token / train_tokens,
        "minutes": _UNLIMITED_EPOCHS,
        "epochs": config.epochs,
    }[config.budget_kind]
    return PlannedRun(
        **vars(run_spec),
        vocab_size=vocab_size,
        vocab_size_is_exact=vocabulary_info is not None,
        hidden=net.hidden,
        parameters=count_parameters(net).total,
        flops_per_token=flops_per_token,
        epochs=epochs,
        training_tokens=None if config.minutes else epochs * train_tokens,
        minutes=config.minutes,
    )


def _guess_vocabulary(spec: TokenizerSpec, train_characters: int) -> tuple[int, float]:
    """Return a rough vocabulary size and number of training tokens; a folder counts as bytes."""
    unit = TOKENIZER_UNITS.get(spec.name, "byte")
    if unit == "byte":
        return _SPECIAL_AND_BYTE_TOKENS, train_characters * _BYTES_PER_CHARACTER
    largest = _SPECIAL_AND_BYTE_TOKENS + train_characters // _CHARACTERS_PER_VOCAB_ENTRY
    vocab_size = min(spec.vocab_size or DEFAULT_VOCAB_SIZES[unit], largest)
    return vocab_size, train_characters * _TOKENS_PER_CHARACTER[unit]


class TimeEstimator:
    """Estimates the time of runs from ``result.json`` of finished ones, or from the speed of a matrix product."""

    def __init__(self, results: Iterable[Mapping[str, Any]] = ()) -> None:
        self._flops = self._seconds = self._overhead_seconds = 0.0
        self._run_count = 0
        for result in results:
            self.add(result)

    def add(self, result: Mapping[str, Any]) -> None:
        """Add the ``result.json`` of a finished run."""
        self._flops += result["flops"]
        self._seconds += result["seconds"]
        # wall_seconds of a resumed run covers its last part only
        self._overhead_seconds += max(0.0, result["wall_seconds"] - result["seconds"])
        self._run_count += 1

    @property
    def has_measurements(self) -> bool:
        """Whether any run is finished."""
        return self._run_count > 0

    def remaining_seconds(self, runs: Iterable[PlannedRun]) -> float:
        """Return the seconds that runs will take, one after the other."""
        runs = list(runs)
        if not runs:
            return 0.0
        flops_per_second = self._flops / self._seconds if self._seconds else _measure_peak_flops() * _FRACTION_OF_PEAK
        overhead = self._overhead_seconds / self._run_count if self._run_count else _DEFAULT_OVERHEAD_SECONDS
        return sum(run.training_flops / flops_per_second + 60 * run.minutes + overhead for run in runs)


def _measure_peak_flops() -> float:
    """Measure the FLOPs a second of a float32 matrix product on this machine."""
    left, right = np.ones((256, 512), np.float32), np.ones((512, 1024), np.float32)
    _ = left @ right
    start, rounds = time.perf_counter(), 0
    while time.perf_counter() - start < 0.1:
        _ = left @ right
        rounds += 1
    return rounds * 2.0 * left.size * right.shape[1] / (time.perf_counter() - start)


@dataclass(frozen=True)
class ExperimentPlan:
    """The runs of an experiment with their estimated time; ``str()`` is a table for a terminal."""

    runs: Sequence[PlannedRun]  # in the order of execution
    finished_names: Collection[str]  # names of the finished runs
    estimator: TimeEstimator  # estimates their time

    def to_list(self) -> list[dict[str, Any]]:
        """Return plain values for JSON, a run an entry."""
        return [
            {
                "name": run.name, "vocab_size": run.vocab_size, "known": run.vocab_size_is_exact, "hidden": run.hidden,
                "parameters": run.parameters, "flops_per_piece": run.flops_per_token,
                "seconds": self.estimator.remaining_seconds([run]), "finished": run.name in self.finished_names,
            }
            for run in self.runs
        ]  # fmt: skip

    def __str__(self) -> str:
        ko = "토크나이저 어휘 셀 폭 매개변수 시드 끝남 한번에"
        lines = [localize(ko, "tokenizer vocabulary cell width parameters seeds done each").split()]
        runs_by_row: dict[tuple[str, str], list[PlannedRun]] = {}
        for run in self.runs:
            runs_by_row.setdefault((run.tokenizer.label, run.cell), []).append(run)
        for (label, cell), row_runs in runs_by_row.items():
            first = row_runs[0]
            num_finished = sum(run.name in self.finished_names for run in row_runs)
            lines.append([
                label, f"{'' if first.vocab_size_is_exact else '≈'}{first.vocab_size:,}", cell, f"{first.hidden:,}",
                f"{first.parameters:,}", str(len(row_runs)), str(num_finished),
                format_duration(self.estimator.remaining_seconds([first])),
            ])  # fmt: skip
        unfinished = (run for run in self.runs if run.name not in self.finished_names)
        remaining = format_duration(self.estimator.remaining_seconds(unfinished))
        guess = "" if self.estimator.has_measurements else localize(" (어림)", " (a guess)")
        ko, en = f"모두 {len(self.runs)}번, 남은 시간 {remaining}", f"{len(self.runs)} runs, time left {remaining}"
        note = localize(ko, en) + guess
        if not all(run.vocab_size_is_exact for run in self.runs):
            note += "\n" + localize(
                "≈: 아직 만들지 않은 어휘의 가장 큰 크기. 폭은 만든 뒤에 정해집니다. 어휘를 만드는 시간은 세지 않았습니다.",
                "≈: the largest size of a vocabulary not made yet; widths are settled once it is. Making it is not counted.",
            )
        return f"{format_columns(lines)}\n\n{note}"


def plan_experiment(config: ExperimentConfig, folder: str | Path) -> ExperimentPlan:
    """Return the plan of an experiment in a folder, which need not exist.

    Raises:
        KorlmError: as `korlm.experiments.run.run_experiment` raises before its first run.
    """
    config.check_installed()
    store = ExperimentFolder(folder)
    store.check_compatible(config)
    corpus = load_experiment_corpus(**config.corpus_arguments)
    slugs = [spec.slug for spec in config.tokenizer_specs]
    vocabularies = {slug: info for slug in slugs if (info := store.load_vocabulary_info(slug))}
    runs = plan_runs(config, train_characters=count_characters(corpus.train), vocabularies=vocabularies)
    results = {run.name: result for run in runs if (result := store.load_result(run.name))}
    return ExperimentPlan(runs, set(results), TimeEstimator(results.values()))


def format_duration(seconds: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> format_duration(3725)
    '1:02:05'
    """
    total = round(seconds)
    return f"{total // 3600}:{total // 60 % 60:02}:{total % 60:02}"
