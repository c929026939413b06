"""Training a chatbot from pairs: vocabulary, ids, net, and the loop that language models learn by.

>>> import tempfile
>>> from korlm.corpora.pairs import load_pairs
>>> sizes = {"tokenizer": "syllable", "hidden": 8, "embedding": 8, "epochs": 0.1, "validations": 1}
>>> train_chat(load_pairs("dialogues"), folder=tempfile.mkdtemp(), **sizes).tokenizer.unit
'syllable'
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from korlm.chat import ChatModel
from korlm.corpora.pairs import Pair, PairCorpus
from korlm.corpora.sources import Corpus
from korlm.errors import InputError
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
from korlm.runs import check_run, command, measure, origin
from korlm.tokenizers.base import Tokenizer
from korlm.training.config import TokenizerConfig, TrainConfig, sort_options
from korlm.training.distributed import Ranks
from korlm.training.loop import Report, Trainer
from korlm.training.pairs import PairBatches, pair_loss
from korlm.training.reading import read

_FOREIGN = ("sampled", "jitter", "activation", "temporal")  # what only a language model's training knows


def train_chat(
    pairs: PairCorpus,
    *,
    folder: str | Path = "runs/chat",
    resume: bool = False,
    overwrite: bool = False,
    precision: str = "float32",
    report: Callable[[Report], None] = lambda report: None,
    **options: Any,
) -> ChatModel:
    """Train an encoder-decoder and return its best state (by bits per character of the validation answers).

    Under ``torchrun`` every process calls this alike.

    Args:
        pairs: of `korlm.corpora.pairs.load_pairs`. A vocabulary is made from the training pairs alone.
        folder: where checkpoints go: ``last`` and ``best``, each a model folder.
        resume: go on from ``last`` in the folder.
        overwrite: start anew where the folder holds another run.
        precision: of the weights in ``best`` and ``last``: ``float32``, ``float16`` or ``int8``.
        report: called now and then with a `Report`.
        **options: the fields of `TokenizerConfig`, `Seq2SeqConfig` and `TrainConfig`. The batch counts pairs.

    Raises:
        CorpusError: too few pairs.
        InputError: an unknown option, one out of its range, or one that only a language model's training knows.
        TrainingError: the loss is no longer a number.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no fitting checkpoint.
    """
    tokenizing, shape, learning = sort_options(options, TokenizerConfig, Seq2SeqConfig, TrainConfig)
    training = TrainConfig(**learning)
    Seq2SeqConfig(10**9, **shape)
    _refuse(training)
    folder, ranks = Path(folder), Ranks()
    check_run(pairs, folder, training, ranks, taken=not (resume or overwrite))
    lines = [text for pair in pairs.train for text in (pair.question, pair.answer)]
    asked = TokenizerConfig(**tokenizing)
    tokenizer, ids = read(asked, Corpus(pairs.name, lines, [], []), folder if resume else None, ranks, kind="chat")
    torch.manual_seed(training.seed)
    net = Seq2Seq(Seq2SeqConfig(tokenizer.vocab_size, **shape))
    if training.frequencies:
        net.set_frequencies(torch.from_numpy(np.bincount(ids, minlength=tokenizer.vocab_size)))
    fitting = _fitting(pairs.train, tokenizer, net.config.max_length)
    info = {
        "command": command("korlm.train_chat"),
        "corpus": {"name": pairs.name, "sha256": pairs.digest, "train_pairs": len(pairs.train), "learnt": len(fitting)},
        "model": {**asdict(asked), **shape},
        "training": asdict(training),
        "tokenizer": tokenizer.signature,
        **origin(),
    }
    bot = ChatModel(tokenizer, net.to(ranks.device), info=info)
    trainer = _trainer(bot, fitting, pairs, training, folder, precision, report, ranks)
    if resume:
        trainer.resume()
    trainer.run()
    ranks.first_does(lambda: measure(folder, ChatModel.load, pairs.test))
    return ChatModel.load(folder)


def _refuse(training: TrainConfig) -> None:
    strange = [name for name in _FOREIGN if getattr(training, name)]
    strange += ["optimizer=muon"] if training.optimizer == "muon" else []
    if strange:
        raise InputError(
            f"{', '.join(strange)}은(는) 언어 모델을 가르칠 때만 씁니다. 빼세요.",
            f"{', '.join(strange)}: for language models only. Leave it out.",
        )


def _fitting(pairs: Sequence[Pair], tokenizer: Tokenizer, longest: int) -> list[tuple[list[int], list[int]]]:
    """Return the ids of pairs that are no longer than the model."""
    questions = tokenizer.encode_ids([pair.question for pair in pairs])
    answers = tokenizer.encode_ids([pair.answer for pair in pairs])
    return [pair for pair in zip(questions, answers, strict=True) if max(map(len, pair)) + 2 <= longest]


def _trainer(
    bot: ChatModel,
    fitting: Sequence[tuple[list[int], list[int]]],
    pairs: PairCorpus,
    training: TrainConfig,
    folder: Path,
    precision: str,
    report: Callable[[Report], None],
    ranks: Ranks,
) -> Trainer:
    valid = pairs.valid[: training.valid_lines or None]

    def write_model(temporary: Path) -> None:
        bot.info["progress"] = {"step": trainer.progress.step, "seconds": round(trainer.progress.seconds)}
        bot.info["history"] = trainer.progress.history
        bot.write(temporary, precision=precision)

    batches = PairBatches(fitting, batch=training.batch, seed=training.seed, share=(ranks.rank, ranks.number))
    data = hashlib.sha256(f"{pairs.digest}{bot.tokenizer.signature}".encode()).hexdigest()
    trainer = Trainer(
        bot.net, batches, training,
        validate=lambda: bot.score(valid).bits_per_character, write_model=write_model, folder=folder, data=data,
        report=report, ranks=ranks, loss=pair_loss,
    )  # fmt: skip
    return trainer
