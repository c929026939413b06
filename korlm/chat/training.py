"""Training a chatbot from pairs: vocabulary, ids, net, and the loop that language models learn by.

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
from korlm.training.config import TokenizerConfig, TrainConfig, split_options
from korlm.training.data import encode_training_corpus
from korlm.training.dialogue_batches import PairBatches
from korlm.training.distributed import ProcessGroup
from korlm.training.train import check_training_setup, make_build_info, make_trainer, write_test_score
from korlm.training.trainer import ProgressReport

_UNSUPPORTED_OPTIONS = ("sampled", "jitter", "activation", "temporal")  # what only the training on running text knows
KEEP_CHOICES = ("best", "last")
_NUM_THRESHOLD_QUESTIONS = 500  # validation questions that the limits are chosen by


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
    """Train a chatbot and return its best state (by bits per character of the validation answers), or its last.

    When it has learnt, the limits beyond which it says that it does not know are chosen on the validation questions.
    Under ``torchrun`` every process calls this alike.

    Args:
        pairs: of `korlm.corpora.dialogues.load_pairs`. A vocabulary is made from the training pairs alone.
        form: ``encoder-decoder``, or ``language-model``: one that is given the conversation in a template.
        folder: where checkpoints go: ``last`` and ``best``, each a model folder.
        start: a language model (what `korlm.load_model` takes) whose pieces, and where they fit layers, the net begins
            with; see `korlm.chat.weight_transfer`. By default fresh weights.
        resume: go on from ``last`` in the folder; a run that is finished is left as it is, and ``report`` is told.
        overwrite: start anew where the folder holds another run.
        precision: of the weights in ``best`` and ``last``: ``float32``, ``float16`` or ``int8``.
        keep: ``best``, or ``last``: the state at the end is put into ``best``. Likelihood soon has a small net say what
            fits everywhere; one that learns on gives more to the point, and dearer, answers (docs/LOG.md).
        report: called now and then with a `ProgressReport`.
        **options: the fields of `TokenizerConfig`, `TrainConfig` and `Seq2SeqConfig` (of a language model `NetConfig`).
            The batch counts pairs.

    Raises:
        CorpusError: too few pairs.
        InputError: an unknown form or option, one out of its range, or one that only running text is trained with.
        TrainingError: the loss is no longer a number.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no fitting checkpoint.
    """
    kind = _find_architecture(form)
    tokenizing, shape, learning = split_options(options, TokenizerConfig, kind.config_class, TrainConfig)
    training = TrainConfig(**learning)
    kind.config_class(10**9, **shape)
    _check_options(training, kind, keep)
    folder, ranks = Path(folder), ProcessGroup()
    known = load_model(start) if start is not None else None
    check_training_setup(pairs, folder, training, ranks, must_be_new=not (resume or overwrite))
    asked = TokenizerConfig(**tokenizing)
    tokenizer, ids = encode_training_corpus(
        asked,
        _vocabulary_corpus(pairs),
        folder if resume else None,
        ranks,
        kind=ChatModel.kind,
        specials=kind.special_tokens,
    )
    torch.manual_seed(training.seed)
    net = kind.model_class(kind.config_class(tokenizer.vocab_size, **shape))
    if training.frequencies:
        net.init_output_bias_from_counts(torch.from_numpy(np.bincount(ids, minlength=tokenizer.vocab_size)))
    taken = transfer_weights(net, tokenizer, known) if known else None
    familiarity = BigramCoverage.from_questions(pair.question for pair in pairs.train)
    bot = ChatModel(tokenizer, net.to(ranks.device), familiarity=familiarity)
    fitting = _encode_fitting_pairs(bot, pairs.train)
    corpus_info = {
        "name": pairs.name, "sha256": pairs.digest, "train_pairs": len(pairs.train), "learnt": len(fitting),
    }  # fmt: skip
    model_info = {**asdict(asked), **shape}
    bot.info = make_build_info("korlm.train_chat", corpus_info, model_info, training, tokenizer, form=kind.name)
    if taken:
        bot.info["start"] = {"name": str(start), **taken._asdict()}
    batches = PairBatches(
        fitting, batch_size=training.batch, collate=bot.architecture.make_batch, seed=training.seed,
        shard=(ranks.rank, ranks.world_size),
    )  # fmt: skip
    trainer = make_trainer(
        bot, batches, pairs, training, folder=folder, precision=precision, report=report, process_group=ranks,
        loss_function=bot.architecture.loss,
    )  # fmt: skip
    if resume:
        trainer.resume()
    finished_before = trainer.is_finished
    trainer.run()
    if keep == "last" and not _keeps_last(folder, finished_before):
        bot.info["kept"] = "last"
        trainer.save_best()
    ranks.run_on_main(lambda: write_test_score(folder / "best", ChatModel.load, pairs.test))
    ranks.run_on_main(lambda: _choose_thresholds(folder, pairs.valid))
    return ChatModel.load(folder)


def _find_architecture(name: str) -> ChatArchitecture:
    if name not in ARCHITECTURES:
        raise InputError(
            f"'{name}'이라는 꼴은 없습니다. {', '.join(ARCHITECTURES)} 가운데 고르세요.",
            f"There is no form '{name}'. Choose from {', '.join(ARCHITECTURES)}.",
        )
    return ARCHITECTURES[name]


def _check_options(training: TrainConfig, architecture: ChatArchitecture, keep: str) -> None:
    if keep not in KEEP_CHOICES:
        raise InputError(
            f"keep에 '{keep}'은(는) 없습니다. {', '.join(KEEP_CHOICES)} 가운데 고르세요.",
            f"There is no keep '{keep}'. Choose from {', '.join(KEEP_CHOICES)}.",
        )
    strange = [name for name in _UNSUPPORTED_OPTIONS if getattr(training, name)]
    strange += ["smoothing"] if training.smoothing and architecture.config_class is not Seq2SeqConfig else []
    if strange:
        raise InputError(
            f"{', '.join(strange)}은(는) {architecture.name} 챗봇을 가르칠 때는 쓸 수 없습니다. 빼세요.",
            f"{', '.join(strange)}: not for training a chatbot of the form {architecture.name}. Leave it out.",
        )


def _vocabulary_corpus(pairs: PairCorpus) -> Corpus:
    """Return what the vocabulary is made from: the training questions and answers."""
    return Corpus(pairs.name, [text for pair in pairs.train for text in (pair.question, pair.answer)], [], [])


def _encode_fitting_pairs(bot: ChatModel, pairs: Sequence[DialoguePair]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return the ids of pairs that are no longer than the model: nothing of the question is cut off, nor of the answer."""
    longest = getattr(bot.net.config, "max_length", None)
    found = bot.encode_pairs(pairs)
    if longest is None:
        return found
    questions = bot.tokenizer.encode_ids([pair.question for pair in pairs])
    return [pair for pair, own in zip(found, questions, strict=True) if max(len(own), len(pair[1])) + 2 <= longest]


def _keeps_last(folder: Path, finished: bool) -> bool:
    """Return whether ``best`` is the last state of a finished run already."""
    return finished and read_json(folder / "best" / "build_info.json").get("kept") == "last"


def _choose_thresholds(folder: Path, pairs: Sequence[DialoguePair]) -> None:
    """Choose when the bot does not know, and write it beside the best state, where that has not been done."""
    if "limits" in read_json(folder / "best" / "build_info.json"):
        return
    best = ChatModel.load(folder)
    asked = pairs[:_NUM_THRESHOLD_QUESTIONS]
    sure = [
        reply.confidence
        for reply in best.reply_all([pair.question for pair in asked], history=[pair.history for pair in asked])
    ]
    limits = ConfidenceThresholds.from_validation(
        [one.surprisal for one in sure], [one.familiarity or 0.0 for one in sure]
    )
    best.info["limits"] = {**asdict(limits), "questions": len(asked)}
    write_json(folder / "best" / "build_info.json", best.info)
