"""Training a language model on lines or a corpus, and the parts that every kind of training shares.

>>> import tempfile
>>> from korlm.corpora.registry import load_corpus
>>> corpus = load_corpus("kolaw", limit=50)
>>> lm = train_model(corpus, folder=tempfile.mkdtemp(), tokenizer="syllable", hidden=8, embedding=8, batch=4)
>>> lm.tokenizer.unit
'syllable'
"""

from __future__ import annotations

import hashlib
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from korlm._version import __version__
from korlm.corpora.registry import Corpus, split_lines
from korlm.errors import ArtifactError, CorpusError, InputError
from korlm.models.base import PretrainedModel
from korlm.models.language_model import LanguageModel
from korlm.models.registry import load_model
from korlm.nn.config import DROPOUT_FIELDS, NetConfig
from korlm.nn.lm import RecurrentLM
from korlm.storage.artifacts import check_writable, read_json, write_json
from korlm.tokenizers.base import Tokenizer
from korlm.training.batching import BatchSource, LineBatches, StreamBatches
from korlm.training.config import TokenizerConfig, TrainConfig, split_options
from korlm.training.data import encode_training_corpus
from korlm.training.distributed import ProcessGroup
from korlm.training.loss import lm_loss
from korlm.training.step import LossFunction
from korlm.training.trainer import ProgressReport, Trainer

_MAX_COUNTED_IDS = 10_000_000  # ids counted for the initial output biases
_OMITTED_INFO_KEYS = ("history", "corpus", "versions")  # of the initial model's build information


class SplitExamples(Protocol):
    """Training and validation examples: a `Corpus`, a `korlm.corpora.dialogues.PairCorpus`, or another type."""

    @property
    def train(self) -> Sequence[Any]:
        """Training examples."""

    @property
    def valid(self) -> Sequence[Any]:
        """Validation examples."""

    @property
    def digest(self) -> str:
        """SHA-256 of all examples."""


@dataclass(frozen=True)
class TrainingPlan:
    """The options of a run, by configuration."""

    tokenizer: TokenizerConfig
    net_options: dict[str, Any]
    training: TrainConfig


def train_model(
    lines: Sequence[str] | Corpus, *, folder: str | Path = "runs/model", start: str | Path | None = None,
    resume: bool = False, overwrite: bool = False, precision: str = "float32",
    report: Callable[[ProgressReport], None] = lambda report: None,
    encoding: Callable[[int, int], None] | None = None, **options: Any,
) -> LanguageModel:  # fmt: skip
    """Train a language model and return its best state (by bits per character on the validation lines).

    Under ``torchrun`` every process makes the same call; streams are split over them, and the first one writes.

    Args:
        lines: training lines (split by hash into train, valid and test) or a corpus with its own splits. The vocabulary
            is trained on the training split alone.
        folder: where checkpoints go: ``last`` and ``best``, each a model folder.
        start: a model (as for `load_model`) that gives the run its weights, shape and vocabulary, and its dropout rates
            unless they are set; by default weights are random.
        resume: continue from ``last`` in the folder; a finished run is left as it is, and ``report`` says so.
        overwrite: start afresh where the folder holds another run.
        precision: of the weights in ``best`` and ``last``: ``float32``, ``float16`` or ``int8``.
        report: called now and then with a `ProgressReport`.
        encoding: called with the number of lines encoded and in all.
        **options: the fields of `TokenizerConfig`, `NetConfig` and `TrainConfig` (``tokenizer="kiwi", cell="gru",
            epochs=2``).

    Raises:
        CorpusError: too little text.
        InputError: an option that is unknown, out of its range, or decided by the ``start`` model.
        TrainingError: the loss is not finite.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no matching checkpoint.
    """
    if isinstance(lines, (str, Path)):
        raise InputError(
            f"줄의 목록이나 말뭉치가 필요합니다. 이름이나 파일이면 load_corpus로 여세요: train_model(load_corpus({str(lines)!r})).",
            f"Expected lines or a corpus. Load a name or file by load_corpus: train_model(load_corpus({str(lines)!r})).",
        )
    plan = parse_training_options(options)
    initial = _load_initial_model(start, options)
    corpus = lines if isinstance(lines, Corpus) else split_lines("lines", lines)
    folder, group, training = Path(folder), ProcessGroup(), plan.training
    check_training_setup(corpus, folder, training, group, must_be_new=not (resume or overwrite))
    tokenizer_source = initial.tokenizer if initial else plan.tokenizer
    tokenizer, ids = encode_training_corpus(tokenizer_source, corpus, folder if resume else None, group, encoding)
    counts = torch.from_numpy(np.bincount(ids[:_MAX_COUNTED_IDS], minlength=tokenizer.vocab_size))
    model = initial.net if initial else _build_model(tokenizer, plan, counts)
    corpus_info = {"name": corpus.name, "sha256": corpus.digest, "train_lines": len(corpus.train)}
    model_info, extra = {**asdict(plan.tokenizer), **plan.net_options}, {}
    if initial:
        model_info = {"tokenizer": tokenizer.name, **asdict(initial.net.config)}
        extra = {"start": initial_model_info(initial)}
    info = make_build_info("korlm.train_model", corpus_info, model_info, training, tokenizer, **extra)
    lm = LanguageModel(tokenizer, model.to(group.device), info=info)
    trainer = make_trainer(
        lm, _make_batches(ids, training, group), corpus, training,
        folder=folder, precision=precision, report=report, process_group=group, counts=counts,
    )  # fmt: skip
    if resume:
        trainer.resume()
    trainer.run()
    group.run_on_main(lambda: write_test_score(folder / "best", load_model, corpus.test))
    return load_model(folder)


def parse_training_options(options: dict[str, Any]) -> TrainingPlan:
    """Split options by configuration and check them, before minutes of encoding.

    Raises:
        InputError: an option that is unknown or out of its range.

    >>> parse_training_options({"tokenizer": "kiwi", "hidden": 64}).net_options
    {'hidden': 64}
    """
    tokenizer, net, training = split_options(options, TokenizerConfig, NetConfig, TrainConfig)
    NetConfig(10**9, **net)
    plan = TrainingPlan(TokenizerConfig(**tokenizer), net, TrainConfig(**training))
    if plan.training.smoothing:
        raise InputError(
            "smoothing은 챗봇(인코더-디코더)을 학습할 때만 씁니다. 빼세요.",
            "smoothing is for chatbots (encoder-decoders) only. Leave it out.",
        )
    return plan


def check_training_setup(
    corpus: SplitExamples, folder: Path, training: TrainConfig, process_group: ProcessGroup, *, must_be_new: bool
) -> None:
    """Check what would otherwise stop a run after minutes.

    Raises:
        CorpusError: no training or no validation examples.
        InputError: a batch that cannot be split over the processes.
        ArtifactError: the folder cannot be written, or (with ``must_be_new``) holds a run.
    """
    if not corpus.train or not corpus.valid:
        raise CorpusError(
            "학습과 검증에 쓸 줄이 모자랍니다. 수십 줄 이상 넣으세요.",
            "Too few lines for training and validation. Give some dozens at least.",
        )
    if training.batch % process_group.world_size:
        raise InputError(
            f"batch {training.batch}을(를) 프로세스 {process_group.world_size}개로 나눌 수 없습니다. 그 배수로 하세요.",
            f"A batch of {training.batch} cannot be split over {process_group.world_size} processes. Use a multiple.",
        )
    check_writable(folder)
    if must_be_new and process_group.broadcast_object((folder / "last").exists()):
        raise ArtifactError(
            f"{folder}에 이미 배운 모델이 있습니다. 이어 가려면 --resume, 새로 하려면 --overwrite나 다른 --folder를 쓰세요.",
            f"{folder} already holds a run. --resume goes on with it; --overwrite or another --folder starts over.",
        )


def make_trainer(
    model: PretrainedModel[Any], batches: BatchSource, corpus: SplitExamples, training: TrainConfig, *,
    folder: Path, precision: str, report: Callable[[ProgressReport], None], process_group: ProcessGroup,
    counts: torch.Tensor | None = None, loss_function: LossFunction = lm_loss,
) -> Trainer:  # fmt: skip
    """Return the trainer of a language model or chatbot, validated by its score. See `train_model` and `Trainer`."""
    valid = corpus.valid[: training.valid_lines or None]

    def write_model(temporary: Path) -> None:
        model.info["progress"] = {"step": trainer.state.step, "seconds": trainer.state.seconds}
        model.info["history"] = trainer.state.history
        model.write(temporary, precision=precision)

    trainer = Trainer(
        model.net, batches, training,
        validate=lambda: model.score(valid).bits_per_character, write_model=write_model, folder=folder,
        data_digest=hashlib.sha256(f"{corpus.digest}{model.tokenizer.signature}".encode()).hexdigest(),
        report=report, process_group=process_group, counts=counts, loss_function=loss_function,
    )  # fmt: skip
    return trainer


def write_test_score(folder: Path, load: Callable[[Path], PretrainedModel[Any]], examples: Sequence[Any]) -> None:
    """Add a model's score on the test examples to its build information, unless it has one or there are no examples."""
    if not examples or "test" in read_json(folder / "build_info.json"):
        return
    model = load(folder)
    score = model.score(examples)
    bits = round(score.bits_per_character, 4)
    model.info["test"] = {"bits_per_character": bits, "characters": score.characters, "signature": score.signature}
    write_json(folder / "build_info.json", model.info)


def make_build_info(
    function_name: str, corpus_info: dict[str, Any], model_info: dict[str, Any], training: TrainConfig,
    tokenizer: Tokenizer, **extra: Any,
) -> dict[str, Any]:  # fmt: skip
    """Return the build information of a model to be trained (``build_info.json``)."""
    return {
        "command": command_line(function_name), "corpus": corpus_info, "model": model_info, "training": asdict(training),
        **extra, "tokenizer": tokenizer.signature, **environment_info(),
    }  # fmt: skip


def initial_model_info(lm: LanguageModel) -> dict[str, Any]:
    """Return the part of an initial model's build information that is kept."""
    return {name: value for name, value in lm.info.items() if name not in _OMITTED_INFO_KEYS}


def command_line(function_name: str) -> str:
    """Return the command line of this process, or the name of the function that was called."""
    is_command = sys.argv[0].endswith(("korlm", "__main__.py"))
    return "korlm " + shlex.join(sys.argv[1:]) if is_command else function_name


def environment_info() -> dict[str, Any]:
    """Return the time, versions and machine that make a model."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"korlm": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }


def _load_initial_model(start: str | Path | None, options: dict[str, Any]) -> LanguageModel | None:
    """Return the initial model of a run with the dropout rates that were set, or None for random weights."""
    if start is None:
        return None
    if fixed := [option for option in options if option not in (*TrainConfig.__dataclass_fields__, *DROPOUT_FIELDS)]:
        raise InputError(
            f"{', '.join(fixed)}은(는) 시작 모델({start})이 정합니다. 빼거나, 시작 모델 없이 새로 배우세요.",
            f"{', '.join(fixed)}: the model to start from ({start}) decides that. Leave it out, or start afresh.",
        )
    initial = load_model(start)
    rates = {option: value for option, value in options.items() if option in DROPOUT_FIELDS}
    initial.net.config = replace(initial.net.config, **rates)
    return initial


def _build_model(tokenizer: Tokenizer, plan: TrainingPlan, counts: torch.Tensor) -> RecurrentLM:
    torch.manual_seed(plan.training.seed)
    model = RecurrentLM(NetConfig(tokenizer.vocab_size, **plan.net_options))
    if plan.training.frequencies:
        model.init_output_bias_from_counts(counts)
    return model


def _make_batches(ids: np.ndarray, training: TrainConfig, process_group: ProcessGroup) -> BatchSource:
    batch, seed, shard = training.batch, training.seed, (process_group.rank, process_group.world_size)
    if training.bptt:
        return StreamBatches(ids, batch_size=batch, bptt=training.bptt, jitter=training.jitter, seed=seed, shard=shard)
    return LineBatches(ids, batch_size=batch, packed=training.layout == "packed", seed=seed, shard=shard)
