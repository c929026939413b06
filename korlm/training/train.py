"""Training a language model from lines or a corpus: vocabulary, ids, net, loop, and the model at the end.

>>> import tempfile
>>> lines = korlm.load_corpus("kolaw", limit=50)
>>> lm = train_model(lines, folder=tempfile.mkdtemp(), tokenizer="syllable", hidden=8, embedding=8, batch=4)
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
from typing import Any

import numpy as np
import torch

from korlm._version import __version__
from korlm.corpora.dialogues import PairCorpus
from korlm.corpora.registry import Corpus, split_lines
from korlm.errors import ArtifactError, CorpusError, InputError
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
from korlm.training.trainer import ProgressReport, Trainer

_MAX_COUNTED_IDS = 10_000_000  # ids whose frequencies the first biases are taken from
_OMITTED_INFO_KEYS = (
    "history",
    "corpus",
    "versions",
)  # what build information leaves out of that of the model begun with


@dataclass(frozen=True)
class TrainingPlan:
    """What a run was asked for, sorted."""

    tokenizer: TokenizerConfig
    net_options: dict[str, Any]
    training: TrainConfig


def train_model(
    lines: Sequence[str] | Corpus,
    *,
    folder: str | Path = "runs/model",
    start: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    precision: str = "float32",
    report: Callable[[ProgressReport], None] = lambda report: None,
    encoding: Callable[[int, int], None] | None = None,
    **options: Any,
) -> LanguageModel:
    """Train a language model and return its best state (by bits per character on the validation lines).

    Under ``torchrun`` every process calls this alike; streams are split over them and the first one writes.

    Args:
        lines: training lines (split by hash into train, valid and test) or a corpus with its own splits. A
            vocabulary is made from the training split alone.
        folder: where checkpoints go: ``last`` and ``best``, each a model folder.
        start: a model (what `load_model` takes) whose weights, shape and vocabulary the run begins with, and its dropouts
            where none are given; by default fresh weights.
        resume: go on from ``last`` in the folder; a run that is finished is left as it is, and ``report`` is told.
        overwrite: start anew where the folder holds another run.
        precision: of the weights in ``best`` and ``last``: ``float32``, ``float16`` or ``int8``.
        report: called now and then with a `ProgressReport`.
        encoding: called with lines encoded and lines in all.
        **options: the fields of `TokenizerConfig`, `NetConfig` and `TrainConfig` (``tokenizer="kiwi", cell="gru",
            epochs=2``).

    Raises:
        CorpusError: too little text.
        InputError: an unknown option, one out of its range, or with ``start`` one of the net's or the vocabulary's.
        TrainingError: the loss is no longer a number.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no fitting checkpoint.
    """
    plan = parse_training_options(options)
    begun = _load_initial_model(start, options)
    corpus = lines if isinstance(lines, Corpus) else split_lines("lines", lines)
    folder = Path(folder)
    ranks = ProcessGroup()
    check_training_setup(corpus, folder, plan.training, ranks, must_be_new=not (resume or overwrite))
    asked = begun.tokenizer if begun else plan.tokenizer
    tokenizer, ids = encode_training_corpus(asked, corpus, folder if resume else None, ranks, encoding)
    counts = torch.from_numpy(np.bincount(ids[:_MAX_COUNTED_IDS], minlength=tokenizer.vocab_size))
    net = begun.net if begun else _build_model(tokenizer, plan, counts)
    lm = LanguageModel(tokenizer, net.to(ranks.device), info=_make_build_info(corpus, plan, tokenizer, begun))
    trainer = _make_trainer(lm, ids, counts, plan.training, corpus, folder, precision, report, ranks)
    if resume:
        trainer.resume()
    trainer.run()
    ranks.run_on_main(lambda: write_test_score(folder / "best", load_model, corpus.test))
    return load_model(folder)


def parse_training_options(options: dict[str, Any]) -> TrainingPlan:
    """Sort options into configurations; a wrong one is said before minutes of encoding.

    Raises:
        InputError: an unknown option, or one out of its range.

    >>> parse_training_options({"tokenizer": "kiwi", "hidden": 64}).net_options
    {'hidden': 64}
    """
    tokenizer, net, training = split_options(options, TokenizerConfig, NetConfig, TrainConfig)
    NetConfig(10**9, **net)
    plan = TrainingPlan(TokenizerConfig(**tokenizer), net, TrainConfig(**training))
    if plan.training.smoothing:
        raise InputError(
            "smoothing은 챗봇(인코더-디코더)을 가르칠 때만 씁니다. 빼세요.",
            "smoothing is for chatbots (encoder-decoders) only. Leave it out.",
        )
    return plan


def check_training_setup(
    corpus: Corpus | PairCorpus, folder: Path, training: TrainConfig, process_group: ProcessGroup, *, must_be_new: bool
) -> None:
    """Say now what would stop a run after minutes.

    Raises:
        CorpusError: nothing to learn from, or to validate on.
        InputError: a batch that cannot be split over the processes.
        ArtifactError: the folder cannot be written, or (``must_be_new``) holds a run.
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
            f"{folder} already holds a run. --resume goes on with it; --overwrite or another --folder starts anew.",
        )


def _load_initial_model(start: str | Path | None, options: dict[str, Any]) -> LanguageModel | None:
    """Return the model that a run begins with, with the dropouts asked for, or None for fresh weights."""
    if start is None:
        return None
    given = [option for option in options if option not in (*TrainConfig.__dataclass_fields__, *DROPOUT_FIELDS)]
    if given:
        raise InputError(
            f"{', '.join(given)}은(는) 시작 모델({start})이 정합니다. 빼거나, 시작 모델 없이 새로 배우세요.",
            f"{', '.join(given)}: the model to start from ({start}) decides that. Leave it out, or start afresh.",
        )
    begun = load_model(start)
    dropouts = {option: value for option, value in options.items() if option in DROPOUT_FIELDS}
    begun.net.config = replace(begun.net.config, **dropouts)
    return begun


def _build_model(tokenizer: Tokenizer, plan: TrainingPlan, counts: torch.Tensor) -> RecurrentLM:
    torch.manual_seed(plan.training.seed)
    net = RecurrentLM(NetConfig(tokenizer.vocab_size, **plan.net_options))
    if plan.training.frequencies:
        net.init_output_bias_from_counts(counts)
    return net


def _make_batches(ids: np.ndarray, training: TrainConfig, process_group: ProcessGroup) -> BatchSource:
    share = (process_group.rank, process_group.world_size)
    if training.bptt:
        return StreamBatches(
            ids, batch=training.batch, bptt=training.bptt, jitter=training.jitter, seed=training.seed, shard=share
        )
    return LineBatches(ids, batch=training.batch, packed=training.layout == "packed", seed=training.seed, shard=share)


def _make_trainer(
    lm: LanguageModel,
    ids: np.ndarray,
    counts: torch.Tensor,
    training: TrainConfig,
    corpus: Corpus,
    folder: Path,
    precision: str,
    report: Callable[[ProgressReport], None],
    process_group: ProcessGroup,
) -> Trainer:
    valid = corpus.valid[: training.valid_lines or None]

    def validate() -> float:
        return lm.score(valid).bits_per_character

    def write_model(temporary: Path) -> None:
        lm.info["progress"] = {"step": trainer.state.step, "seconds": trainer.state.seconds}
        lm.info["history"] = trainer.state.history
        lm.write(temporary, precision=precision)

    data = hashlib.sha256(f"{corpus.digest}{lm.tokenizer.signature}".encode()).hexdigest()
    trainer = Trainer(
        lm.net, _make_batches(ids, training, process_group), training,
        validate=validate, write_model=write_model, folder=folder, data_digest=data, report=report, process_group=process_group, counts=counts,
    )  # fmt: skip
    return trainer


def write_test_score(folder: Path, load: Callable[[Path], Any], examples: Sequence[Any]) -> None:
    """Write the figures of a model's folder on the test examples beside it, where there are any and it has none yet."""
    if not examples or "test" in read_json(folder / "build_info.json"):
        return
    model = load(folder)
    score = model.score(examples)
    bits = round(score.bits_per_character, 4)
    model.info["test"] = {"bits_per_character": bits, "characters": score.characters, "signature": score.signature}
    write_json(folder / "build_info.json", model.info)


def _make_build_info(
    corpus: Corpus, plan: TrainingPlan, tokenizer: Tokenizer, start_model: LanguageModel | None
) -> dict[str, Any]:
    return {
        "command": command_line("korlm.train_model"),
        "corpus": {"name": corpus.name, "sha256": corpus.digest, "train_lines": len(corpus.train)},
        "model": {"tokenizer": tokenizer.name, **asdict(start_model.net.config)}
        if start_model
        else {**asdict(plan.tokenizer), **plan.net_options},
        "training": asdict(plan.training),
        **({"start": initial_model_info(start_model)} if start_model else {}),
        "tokenizer": tokenizer.signature,
        **environment_info(),
    }


def initial_model_info(lm: LanguageModel) -> dict[str, Any]:
    """Return what build information tells of a model that was begun with."""
    return {name: part for name, part in lm.info.items() if name not in _OMITTED_INFO_KEYS}


def command_line(function_name: str) -> str:
    """Return what was typed, or the function that was called."""
    typed = sys.argv[0].endswith(("korlm", "__main__.py"))
    return "korlm " + shlex.join(sys.argv[1:]) if typed else function_name


def environment_info() -> dict[str, Any]:
    """Return when and with what a model is made."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"korlm": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }
