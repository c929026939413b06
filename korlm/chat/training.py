"""Train a chatbot on question-answer pairs, with the trainer of language models.

>>> import tempfile
>>> from korlm.corpora.dialogues import load_pairs
>>> sizes = {"tokenizer": "syllable", "hidden": 8, "embedding": 8, "epochs": 0.1, "validations": 1}
>>> train_chat(load_pairs("dialogues"), folder=tempfile.mkdtemp(), **sizes).tokenizer.unit
'syllable'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from korlm.chat.architectures import ARCHITECTURES, ChatArchitecture
from korlm.chat.confidence import BigramCoverage, ConfidenceThresholds
from korlm.chat.model import ChatModel
from korlm.chat.weight_transfer import transfer_weights
from korlm.corpora.dialogues import DialoguePair, PairCorpus
from korlm.corpora.registry import Corpus
from korlm.errors import InputError
from korlm.models.registry import load_model
from korlm.nn.seq2seq import Seq2SeqConfig
from korlm.storage.artifacts import read_json, write_json
from korlm.text.josa import quote_with_josa
from korlm.training.config import TokenizerConfig, TrainConfig, split_options
from korlm.training.data import encode_training_corpus
from korlm.training.dialogue_batches import PairBatches
from korlm.training.distributed import ProcessGroup
from korlm.training.train import check_training_setup, make_build_info, make_trainer, write_test_score
from korlm.training.trainer import ProgressReport

_UNSUPPORTED_OPTIONS = ("sampled", "jitter", "activation", "temporal")  # for running text only
KEEP_CHOICES = ("best", "last")
_NUM_THRESHOLD_QUESTIONS = 500  # validation questions from which the thresholds are chosen


def train_chat(
    pairs: PairCorpus,
    *,
    form: str = "encoder-decoder",
    folder: str | Path = "runs/chat",
    start: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    precision: str = "float32",
    keep: str = "best",
    report: Callable[[ProgressReport], None] = lambda report: None,
    **options: Any,
) -> ChatModel:
    """Train a chatbot; return its best checkpoint (by bits per character of the validation answers), or its last.

    After training, the confidence thresholds are chosen on the validation questions. Under ``torchrun`` every process makes
    the same call.

    Args:
        pairs: from `korlm.corpora.dialogues.load_pairs`. A vocabulary is trained on the training pairs alone.
        form: ``encoder-decoder``, or ``language-model``, which reads the conversation in a chat template.
        folder: for the checkpoints ``last`` and ``best``, each a model folder.
        start: a language model (what `korlm.load_model` takes) from which the fitting weights are copied, see
            `korlm.chat.weight_transfer`; None for a random initialization.
        resume: continue from ``last`` in the folder; a finished run only calls ``report``.
        overwrite: replace a run in the folder.
        precision: of the weights in ``best`` and ``last``: ``float32``, ``float16`` or ``int8``.
        keep: ``best``, or ``last``, which puts the final state into ``best``. At the best likelihood a small network tends to
            generic answers; trained longer, its answers are more specific and cost more bits (docs/results/chat.md).
        report: called regularly with a `ProgressReport`.
        **options: the fields of `TokenizerConfig`, `TrainConfig` and `Seq2SeqConfig` (of a language model `NetConfig`).
            The batch size counts pairs.

    Raises:
        CorpusError: too few pairs.
        InputError: an unknown form or option, one out of its range, or one for running text only.
        TrainingError: the loss is not finite.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no matching checkpoint.
    """
    architecture = _find_architecture(form)
    config_class = architecture.config_class
    tokenizer_options, net_options, train_options = split_options(options, TokenizerConfig, config_class, TrainConfig)
    training = TrainConfig(**train_options)
    config_class(10**9, **net_options)  # raises before the vocabulary is trained
    _check_options(training, architecture, keep)
    folder, process_group = Path(folder), ProcessGroup()
    source_model = load_model(start) if start is not None else None
    check_training_setup(pairs, folder, training, process_group, must_be_new=not (resume or overwrite))
    tokenizer_config = TokenizerConfig(**tokenizer_options)
    texts = [text for pair in pairs.train for text in (pair.question, pair.answer)]
    tokenizer, ids = encode_training_corpus(
        tokenizer_config, Corpus(pairs.name, texts, [], []), folder if resume else None, process_group,
        kind=ChatModel.kind, specials=architecture.special_tokens,
    )  # fmt: skip
    torch.manual_seed(training.seed)
    net = architecture.model_class(config_class(tokenizer.vocab_size, **net_options))
    if training.frequencies:
        net.init_output_bias_from_counts(torch.from_numpy(np.bincount(ids, minlength=tokenizer.vocab_size)))
    transfer = transfer_weights(net, tokenizer, source_model) if source_model else None
    familiarity = BigramCoverage.from_questions(pair.question for pair in pairs.train)
    bot = ChatModel(tokenizer, net.to(process_group.device), familiarity=familiarity)
    encoded_pairs = _encode_fitting_pairs(bot, pairs.train)
    corpus_info = {
        "name": pairs.name, "sha256": pairs.digest, "train_pairs": len(pairs.train), "learnt": len(encoded_pairs),
    }  # fmt: skip
    model_info = {**asdict(tokenizer_config), **net_options}
    bot.info = make_build_info("korlm.train_chat", corpus_info, model_info, training, tokenizer, form=architecture.name)
    if transfer:
        bot.info["start"] = {"name": str(start), **transfer._asdict()}
    batches = PairBatches(
        encoded_pairs, batch_size=training.batch, collate=architecture.make_batch, seed=training.seed,
        shard=(process_group.rank, process_group.world_size),
    )  # fmt: skip
    trainer = make_trainer(
        bot, batches, pairs, training, folder=folder, precision=precision, report=report, process_group=process_group,
        loss_function=architecture.loss,
    )  # fmt: skip
    if resume:
        trainer.resume()
    finished_before = trainer.is_finished
    trainer.run()
    if keep == "last" and not _keeps_last(folder, finished_before):
        bot.info["kept"] = "last"
        trainer.save_best()
    process_group.run_on_main(lambda: write_test_score(folder / "best", ChatModel.load, pairs.test))
    process_group.run_on_main(lambda: _choose_thresholds(folder, pairs.valid))
    return ChatModel.load(folder)


def _find_architecture(name: str) -> ChatArchitecture:
    if name not in ARCHITECTURES:
        raise InputError(
            f"{quote_with_josa(name, '이라는/라는')} 구조는 없습니다. {', '.join(ARCHITECTURES)} 가운데 고르세요.",
            f"There is no form '{name}'. Choose from {', '.join(ARCHITECTURES)}.",
        )
    return ARCHITECTURES[name]


def _check_options(training: TrainConfig, architecture: ChatArchitecture, keep: str) -> None:
    if keep not in KEEP_CHOICES:
        raise InputError(
            f"keep에 '{keep}'은(는) 없습니다. {', '.join(KEEP_CHOICES)} 가운데 고르세요.",
            f"There is no keep '{keep}'. Choose from {', '.join(KEEP_CHOICES)}.",
        )
    unsupported = [name for name in _UNSUPPORTED_OPTIONS if getattr(training, name)]
    unsupported += ["smoothing"] if training.smoothing and architecture.config_class is not Seq2SeqConfig else []
    if unsupported:
        raise InputError(
            f"{', '.join(unsupported)}은(는) {architecture.name} 챗봇을 학습할 때는 쓸 수 없습니다. 빼세요.",
            f"{', '.join(unsupported)}: not for training a chatbot of the form {architecture.name}. Leave it out.",
        )


def _encode_fitting_pairs(bot: ChatModel, pairs: Sequence[DialoguePair]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return the ids of the pairs that the model reads and writes without truncation."""
    max_length = getattr(bot.net.config, "max_length", None)
    encoded = bot.encode_pairs(pairs)
    if max_length is None:
        return encoded
    questions = bot.tokenizer.encode_ids([pair.question for pair in pairs])
    lengths = (max(len(question), len(answer)) + 2 for question, (_, answer) in zip(questions, encoded, strict=True))
    return [pair for pair, length in zip(encoded, lengths, strict=True) if length <= max_length]


def _keeps_last(folder: Path, finished: bool) -> bool:
    """Return whether ``best`` already is the last state of a finished run."""
    return finished and read_json(folder / "best" / "build_info.json").get("kept") == "last"


def _choose_thresholds(folder: Path, pairs: Sequence[DialoguePair]) -> None:
    """Choose the confidence thresholds and write them into ``best``, unless it has them."""
    if "limits" in read_json(folder / "best" / "build_info.json"):
        return
    best = ChatModel.load(folder)
    pairs = pairs[:_NUM_THRESHOLD_QUESTIONS]
    replies = best.answer_all([pair.question for pair in pairs], history=[pair.history for pair in pairs])
    surprisals = [reply.confidence.surprisal or 0.0 for reply in replies]
    familiarities = [reply.confidence.familiarity or 0.0 for reply in replies]
    thresholds = ConfidenceThresholds.from_validation(surprisals, familiarities)
    best.info["limits"] = {**asdict(thresholds), "questions": len(pairs)}
    write_json(folder / "best" / "build_info.json", best.info)
