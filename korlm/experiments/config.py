"""The configuration of an experiment: corpus, tokenizers, cells, seeds, and the budget that every run gets.

>>> config = ExperimentConfig("kolaw", ("syllable@2", "unigram:4000"), cells=("gru", "lstm"), seeds=1, parameters=4e6)
>>> [run.name for run in config.run_specs()]
['syllable-gru-7', 'syllable-lstm-7', 'unigram-4000-gru-7', 'unigram-4000-lstm-7', 'syllable-gru-8', 'syllable-lstm-8']
>>> ExperimentConfig.from_dict(config.to_dict()) == config
True
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from korlm.errors import InputError, MissingDependencyError
from korlm.nn.config import CELLS, NetConfig
from korlm.text.josa import quote_with_josa
from korlm.tokenizers.catalog import TOKENIZER_UNITS, install_hint, unknown_tokenizer_error
from korlm.training.config import TrainConfig

LENGTH_BUDGETS = ("characters", "flops", "minutes")  # a budget names one at most
EXTENDABLE_FIELDS = ("tokenizers", "cells", "seeds", "resamples", "marginal")  # may change between runs in one folder
_RESERVED_FIELDS = ("vocab_size", "cell", "seed", "minutes")  # set by the experiment itself
_SPEC_PATTERN = re.compile(r"(?P<tokenizer>.+?)(?:@(?P<seeds>\d+))?")
_TOKENIZER_PATTERN = re.compile(r"(?P<name>.+?)(?P<unk>-unk)?(?::(?P<size>\d+))?")

# PyTorch's examples/word_language_model as its README runs it (`--epochs 6`): LSTM of 2 x 200, SGD at 20, annealed by 4
# if an epoch does not improve. korlm leaves out blank lines everywhere; there each is an <eos>.
_COURSE_OPTIONS = {
    "embedding": 200, "hidden": 200, "layers": 2, "dropout": 0.2, "tied": False, "initialisation": "uniform",
    "forget_bias": 0.0, "frequencies": False, "batch": 20, "bptt": 35, "epochs": 6.0, "optimizer": "sgd",
    "learning_rate": 20.0, "anneal": 4.0, "schedule": "constant", "warmup": 0.0, "weight_decay": 0.0, "clip": 0.25,
    "validations": 6, "valid_lines": 0,
}  # fmt: skip
_COURSE_TOKENIZERS = ("word-unk", "unigram:8000")
EXPERIMENT_PRESETS: dict[str, dict[str, Any]] = {  # course: the exercise of a first lecture on language models
    "course": dict(corpus="wikitext2", tokenizers=_COURSE_TOKENIZERS, cells=("lstm",), options=_COURSE_OPTIONS)
}


@dataclass(frozen=True)
class TokenizerSpec:
    """A tokenizer of an experiment, typed as ``NAME[-unk][:SIZE][@SEEDS]``.

    >>> TokenizerSpec.parse("unigram:8000@3")
    TokenizerSpec(name='unigram', vocab_size=8000, on_unknown='fallback', seeds=3)
    >>> TokenizerSpec.parse("word-unk").label
    'word-unk'
    """

    name: str  # a name of `korlm.list_tokenizers`, any ``analyzer+subword``, or the folder of a trained tokenizer
    # vocabulary size; 0 for the default of the name (with ``-unk``: every token of the training text)
    vocab_size: int = 0
    on_unknown: str = "fallback"  # ``fallback``, or ``unk`` for ``-unk``: the classical vocabulary, which is lossy
    seeds: int = 0  # number of seeds of its rows; 0 for the experiment's number

    @classmethod
    def parse(cls, text: str) -> TokenizerSpec:
        """Parse a tokenizer as typed.

        Raises:
            InputError: an empty name, ``:0`` or ``@0``.
        """
        spec = _SPEC_PATTERN.fullmatch(text.strip())
        tokenizer = _TOKENIZER_PATTERN.fullmatch(spec["tokenizer"]) if spec else None
        if not spec or not tokenizer or 0 in (int(tokenizer["size"] or 1), int(spec["seeds"] or 1)):
            raise InputError(
                f"'{text}'은(는) 토크나이저를 적는 꼴이 아닙니다. 이름[:어휘 크기][@시드 수]로 쓰세요 (예: unigram:8000@3).",
                f"'{text}' is not a tokenizer. Write NAME[:SIZE][@SEEDS], such as unigram:8000@3.",
            )
        seeds = int(spec["seeds"] or 0)
        if tokenizer["name"] not in TOKENIZER_UNITS:  # a folder: ":8" at its end is part of its name
            return cls(spec["tokenizer"], seeds=seeds)
        on_unknown = "unk" if tokenizer["unk"] else "fallback"
        return cls(tokenizer["name"], int(tokenizer["size"] or 0), on_unknown, seeds)

    @property
    def label(self) -> str:
        """Name of the tokenizer's rows: everything but the seeds."""
        name = self.name + ("-unk" if self.on_unknown == "unk" else "")
        return f"{name}:{self.vocab_size}" if self.vocab_size else name

    @property
    def slug(self) -> str:
        """The label as a file name; that of a folder ends in a hash, since two paths may end alike."""
        if not self.is_folder:
            return re.sub(r"[^\w.+-]+", "-", self.label)
        stem = re.sub(r"[^\w.+-]+", "-", Path(self.name).name)[:40]
        return f"{stem}-{hashlib.sha256(self.label.encode()).hexdigest()[:6]}"

    @property
    def is_folder(self) -> bool:
        """Whether the name is a folder's path; the folder may be gone once its vocabulary is copied."""
        return self.name not in TOKENIZER_UNITS


@dataclass(frozen=True)
class RunSpec:
    """One training run of an experiment."""

    tokenizer: TokenizerSpec
    cell: str
    seed: int

    @property
    def name(self) -> str:
        """Name of the run's folder."""
        return f"{self.tokenizer.slug}-{self.cell}-{self.seed}"


@dataclass(frozen=True)
class ExperimentConfig:
    """The configuration of an experiment, as stored in ``experiment.json``.

    Attributes:
        corpus: a name or file for `korlm.load_corpus`; `column` and `limit` are its options.
        tokenizers: see `TokenizerSpec`; vocabularies are trained on the training split.
        cells: values of `NetConfig.cell`.
        seeds: runs of each row, unless its tokenizer sets a number; below 3 a row has no interval over seeds.
        seed: the first seed; the others follow.
        parameters: budget of weights, tied ones counted once; the hidden width is fitted to it. 0: ``hidden`` as given.
        characters: budget of training characters, one line end a line included.
        flops: budget of training FLOPs, by `korlm.experiments.plan.training_flops_per_token`.
        minutes: budget of wall-clock training time of each run, without validation.
        score_lines: number of first lines of valid and of test to score; 0: all.
        options: fields of `NetConfig` and `TrainConfig` for every run.
        resamples: bootstrap resamples over lines.
        marginal: beam of `korlm.score_marginal`, to score the test lines over all segmentations as well; 0: not.
        xz_bytes: maximum number of bytes at the end of the training text that prime xz.
        preset: name of the preset it was built from.

    Raises:
        InputError: a value out of range, or two that exclude each other.
    """

    corpus: str
    tokenizers: tuple[str, ...]
    cells: tuple[str, ...] = ("lstm",)
    seeds: int = 3
    seed: int = 7
    parameters: float = 0.0
    characters: float = 0.0
    flops: float = 0.0
    minutes: float = 0.0
    column: str | int | None = None
    limit: int | None = None
    score_lines: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    resamples: int = 10_000
    marginal: int = 0
    xz_bytes: int = 2**24
    preset: str = ""

    def __post_init__(self) -> None:
        for name in ("tokenizers", "cells"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("parameters", *LENGTH_BUDGETS):  # 4_000_000 and 4e6 are one experiment
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "options", _coerce_float_options(self.options))
        _check_tokenizers_and_cells(self.tokenizer_specs, self.cells, self.seeds)
        _check_budget(self)
        _check_options(self)

    @property
    def tokenizer_specs(self) -> list[TokenizerSpec]:
        """The tokenizers, parsed."""
        return [TokenizerSpec.parse(text) for text in self.tokenizers]

    @property
    def corpus_arguments(self) -> dict[str, Any]:
        """Arguments of `korlm.experiments.folder.load_experiment_corpus`."""
        return {"name": self.corpus, **{key: getattr(self, key) for key in ("column", "limit", "score_lines")}}

    @property
    def budget_kind(self) -> str:
        """The budget that ends a run: ``characters``, ``flops``, ``minutes``, or ``epochs``."""
        return next((name for name in LENGTH_BUDGETS if getattr(self, name)), "epochs")

    @property
    def epochs(self) -> float:
        """Passes over the corpus, if no other budget ends a run."""
        return float(self.options.get("epochs", TrainConfig.epochs))

    @property
    def signature(self) -> str:
        """A short text that identifies the experiment: corpus, budget, and a hash of all that decides its figures."""
        parts = [f"exp|corpus:{Path(self.corpus).name}"]
        parts += [f"{name}:{getattr(self, name):g}" for name in ("parameters", *LENGTH_BUDGETS) if getattr(self, name)]
        parts += [f"epochs:{self.epochs:g}"] if self.budget_kind == "epochs" else []
        return "|".join([*parts, f"config:{self.digest[:8]}"])

    @property
    def digest(self) -> str:
        """SHA-256 of the values that must not change between two runs in one folder."""
        fixed = {key: value for key, value in self.to_dict().items() if key not in EXTENDABLE_FIELDS}
        return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()

    def run_specs(self) -> Iterator[RunSpec]:
        """Yield the training runs: the first seed of every row before the second seed of any."""
        specs = self.tokenizer_specs
        for index in range(max(spec.seeds or self.seeds for spec in specs)):
            for spec in specs:
                for cell in self.cells:
                    if index < (spec.seeds or self.seeds):
                        yield RunSpec(spec, cell, self.seed + index)

    def check_installed(self) -> None:
        """Check before any work that every tokenizer exists and can run, and that SciPy is installed if needed.

        Raises:
            UnknownNameError: neither a name nor a folder.
            MissingDependencyError: an analyzer or SciPy is missing; the message names the command that installs it.
        """
        from korlm.reporting.statistics import MIN_SEEDS, require_scipy  # loads NumPy

        if max(spec.seeds or self.seeds for spec in self.tokenizer_specs) >= MIN_SEEDS:
            require_scipy()
        for spec in self.tokenizer_specs:
            if spec.is_folder and not Path(spec.name).is_dir():
                raise unknown_tokenizer_error(spec.name, or_folder=True)
            if command := "" if spec.is_folder else install_hint(spec.name):
                raise MissingDependencyError(
                    f"{spec.name}을(를) 쓰려면 먼저 하세요: {command}", f"{spec.name} needs this first: {command}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # lists for tuples
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ExperimentConfig:
        """Return the configuration that `to_dict` returned."""
        return cls(**values)


def option_fields() -> list[Field[Any]]:
    """Return the fields of `NetConfig` and `TrainConfig` that an experiment accepts as options."""
    return [entry for kind in (NetConfig, TrainConfig) for entry in fields(kind) if entry.name not in _RESERVED_FIELDS]


def merge_preset(name: str, overrides: dict[str, Any]) -> dict[str, Any]:
    """Return fields of `ExperimentConfig`: the overrides over those of a preset.

    >>> values = merge_preset("course", {"minutes": 5.0, "options": {"dropout": 0.5}})
    >>> values["options"]["dropout"], "epochs" in values["options"]
    (0.5, False)
    """
    preset = EXPERIMENT_PRESETS.get(name, {})
    given_options = overrides.get("options", {})
    options = {**preset.get("options", {}), **given_options}
    if any(overrides.get(budget) for budget in LENGTH_BUDGETS) and "epochs" not in given_options:
        options.pop("epochs", None)
    if overrides.get("parameters") and "hidden" not in given_options:
        options.pop("hidden", None)
    return {**preset, **overrides, "options": options, "preset": name}


def _coerce_float_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with integers as floats where the field is one, so that 6 and 6.0 are one experiment."""
    float_names = {entry.name for entry in option_fields() if entry.metadata["kind"] is float}
    return {name: float(v) if name in float_names and isinstance(v, int) else v for name, v in options.items()}


def _check_tokenizers_and_cells(tokenizer_specs: list[TokenizerSpec], cells: tuple[str, ...], seeds: int) -> None:
    if unknown_cell := next((cell for cell in cells if cell not in CELLS), None):
        raise InputError(
            f"{quote_with_josa(unknown_cell, '이라는/라는')} 셀은 없습니다. {', '.join(CELLS)} 가운데 고르세요.",
            f"There is no cell '{unknown_cell}'. Choose from {', '.join(CELLS)}.",
        )
    slugs = [spec.slug for spec in tokenizer_specs]
    if not slugs or not cells or seeds < 1 or len(set(slugs)) < len(slugs) or len(set(cells)) < len(cells):
        raise InputError(
            "토크나이저와 셀은 하나 이상, 서로 다르게, seeds는 1 이상이어야 합니다.",
            "Give at least one tokenizer and cell, each once, and seeds of at least 1.",
        )


def _check_budget(config: ExperimentConfig) -> None:
    for name in ("parameters", *LENGTH_BUDGETS):
        if not 0 <= getattr(config, name) < float("inf"):
            raise InputError(f"{name}은(는) 0 이상이어야 합니다.", f"{name} must be at least 0.")
    if len(given := [name for name in LENGTH_BUDGETS if getattr(config, name)]) > 1:
        raise InputError(
            f"{' · '.join(given)}은(는) 함께 같게 할 수 없습니다. 하나만 주세요.",
            f"{' and '.join(given)} cannot both be held equal. Give one.",
        )
    if config.parameters and "hidden" in config.options:
        raise InputError(
            "--parameters가 은닉 너비를 정하므로 --hidden과 함께 쓸 수 없습니다. 하나만 주세요.",
            "--parameters chooses the hidden width, so --hidden does not go with it. Give one.",
        )
    if given and "epochs" in config.options:
        raise InputError(
            f"--{given[0]}이(가) 학습의 길이를 정하므로 --epochs와 함께 쓸 수 없습니다. 하나만 주세요.",
            f"--{given[0]} says how long a run is, so --epochs does not go with it. Give one.",
        )
    if config.flops and config.options.get("softmax") == "adaptive":
        raise InputError(
            "adaptive softmax의 연산 수는 글에 따라 달라 --flops로 같게 할 수 없습니다. --characters나 --minutes를 쓰세요.",
            "The cost of an adaptive softmax depends on the text: --flops cannot hold it equal. Use --characters or "
            "--minutes.",
        )


def _check_options(config: ExperimentConfig) -> None:
    known = {entry.name for entry in option_fields()}
    if unknown := [name for name in config.options if name not in known]:
        raise InputError(
            f"모르는 선택지입니다: {', '.join(unknown)}. 쓸 수 있는 것: {', '.join(sorted(known))}.",
            f"Unknown option: {', '.join(unknown)}. Options: {', '.join(sorted(known))}.",
        )
    limit = 1 if config.limit is None else config.limit
    below_one = min(config.xz_bytes, limit) < 1
    if config.resamples < 100 or below_one or min(config.score_lines, config.seed, config.marginal) < 0:
        raise InputError(
            "resamples는 100, xz_bytes와 limit은 1, score_lines와 seed와 marginal은 0 이상이어야 합니다.",
            "resamples must be at least 100, xz_bytes and limit 1, score_lines, seed and marginal 0.",
        )
    train_fields = {entry.name for entry in fields(TrainConfig)}
    TrainConfig(**{name: value for name, value in config.options.items() if name in train_fields})
    net_options = {name: value for name, value in config.options.items() if name not in train_fields}
    if config.parameters:  # the width is fitted later
        net_options["hidden"] = 2**30
    for cell in config.cells:
        NetConfig(10**9, cell=cell, **net_options)
