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

from korlm.artifacts import read_json, write_json
from korlm.chat.beginning import begin_with
from korlm.chat.confidence import Familiarity, Limits
from korlm.chat.forms import FORMS, Form
from korlm.chat.model import ChatModel
from korlm.corpora.pairs import Pair, PairCorpus
from korlm.corpora.sources import Corpus
from korlm.errors import InputError
from korlm.models import load_model
from korlm.nn.seq2seq import Seq2SeqConfig
from korlm.runs import check_run, command, measure, origin
from korlm.tokenizers.base import Tokenizer
from korlm.training.config import TokenizerConfig, TrainConfig, sort_options
from korlm.training.distributed import Ranks
from korlm.training.loop import Report, Trainer
from korlm.training.pairs import PairBatches
from korlm.training.reading import read

_FOREIGN = ("sampled", "jitter", "activation", "temporal")  # what only the training on running text knows
KEPT = ("best", "last")
_ASKED = 500  # validation questions that the limits are chosen by


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
    report: Callable[[Report], None] = lambda report: None,
    **options: Any,
) -> ChatModel:
    """Train a chatbot and return its best state (by bits per character of the validation answers), or its last.

    When it has learnt, the limits beyond which it says that it does not know are chosen on the validation questions.
    Under ``torchrun`` every process calls this alike.

    Args:
        pairs: of `korlm.corpora.pairs.load_pairs`. A vocabulary is made from the training pairs alone.
        form: ``encoder-decoder``, or ``language-model``: one that is given the conversation in a template.
        folder: where checkpoints go: ``last`` and ``best``, each a model folder.
        start: a language model (what `korlm.load_model` takes) whose pieces, and where they fit layers, the net begins
            with; see `korlm.chat.beginning`. By default fresh weights.
        resume: go on from ``last`` in the folder; a run that is finished is left as it is, and ``report`` is told.
        overwrite: start anew where the folder holds another run.
        precision: of the weights in ``best`` and ``last``: ``float32``, ``float16`` or ``int8``.
        keep: ``best``, or ``last``: the state at the end is put into ``best``. Likelihood soon has a small net say what
            fits everywhere; one that learns on gives more to the point, and dearer, answers (docs/LOG.md).
        report: called now and then with a `Report`.
        **options: the fields of `TokenizerConfig`, `TrainConfig` and `Seq2SeqConfig` (of a language model `NetConfig`).
            The batch counts pairs.

    Raises:
        CorpusError: too few pairs.
        InputError: an unknown form or option, one out of its range, or one that only running text is trained with.
        TrainingError: the loss is no longer a number.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no fitting checkpoint.
    """
    kind = _form(form)
    tokenizing, shape, learning = sort_options(options, TokenizerConfig, kind.shape, TrainConfig)
    training = TrainConfig(**learning)
    kind.shape(10**9, **shape)
    _refuse(training, kind, keep)
    folder, ranks = Path(folder), Ranks()
    known = load_model(start) if start is not None else None
    check_run(pairs, folder, training, ranks, taken=not (resume or overwrite))
    asked = TokenizerConfig(**tokenizing)
    tokenizer, ids = read(
        asked, _lines(pairs), folder if resume else None, ranks, kind=ChatModel.kind, specials=kind.specials
    )
    torch.manual_seed(training.seed)
    net = kind.net(kind.shape(tokenizer.vocab_size, **shape))
    if training.frequencies:
        net.set_frequencies(torch.from_numpy(np.bincount(ids, minlength=tokenizer.vocab_size)))
    taken = begin_with(net, tokenizer, known) if known else None
    familiarity = Familiarity.of(pair.question for pair in pairs.train)
    bot = ChatModel(tokenizer, net.to(ranks.device), familiarity=familiarity)
    fitting = _fitting(bot, pairs.train)
    bot.info = _build_info(pairs, kind, len(fitting), {**asdict(asked), **shape}, training, tokenizer)
    if taken:
        bot.info["start"] = {"name": str(start), **taken._asdict()}
    trainer = _trainer(bot, fitting, pairs, training, folder, precision, report, ranks)
    if resume:
        trainer.resume()
    finished_before = trainer.finished
    trainer.run()
    if keep == "last" and not _keeps_last(folder, finished_before):
        bot.info["kept"] = "last"
        trainer.keep()
    ranks.first_does(lambda: measure(folder / "best", ChatModel.load, pairs.test))
    ranks.first_does(lambda: _choose_limits(folder, pairs.valid))
    return ChatModel.load(folder)


def _form(name: str) -> Form:
    if name not in FORMS:
        raise InputError(
            f"'{name}'이라는 꼴은 없습니다. {', '.join(FORMS)} 가운데 고르세요.",
            f"There is no form '{name}'. Choose from {', '.join(FORMS)}.",
        )
    return FORMS[name]


def _refuse(training: TrainConfig, form: Form, keep: str) -> None:
    if keep not in KEPT:
        raise InputError(
            f"keep에 '{keep}'은(는) 없습니다. {', '.join(KEPT)} 가운데 고르세요.",
            f"There is no keep '{keep}'. Choose from {', '.join(KEPT)}.",
        )
    strange = [name for name in _FOREIGN if getattr(training, name)]
    strange += ["optimizer=muon"] if training.optimizer == "muon" and form.shape is Seq2SeqConfig else []
    strange += ["smoothing"] if training.smoothing and form.shape is not Seq2SeqConfig else []
    if strange:
        raise InputError(
            f"{', '.join(strange)}은(는) {form.name} 챗봇을 가르칠 때는 쓸 수 없습니다. 빼세요.",
            f"{', '.join(strange)}: not for training a chatbot of the form {form.name}. Leave it out.",
        )


def _lines(pairs: PairCorpus) -> Corpus:
    """Return what the vocabulary is made from: the training questions and answers."""
    return Corpus(pairs.name, [text for pair in pairs.train for text in (pair.question, pair.answer)], [], [])


def _fitting(bot: ChatModel, pairs: Sequence[Pair]) -> list[tuple[tuple[int, ...], list[int]]]:
    """Return the ids of pairs that are no longer than the model: nothing of the question is cut off, nor of the answer."""
    longest = getattr(bot.net.config, "max_length", None)
    found = bot.ids_of(pairs)
    if longest is None:
        return found
    questions = bot.tokenizer.encode_ids([pair.question for pair in pairs])
    return [pair for pair, own in zip(found, questions, strict=True) if max(len(own), len(pair[1])) + 2 <= longest]


def _build_info(
    pairs: PairCorpus, form: Form, learnt: int, model: dict[str, Any], training: TrainConfig, tokenizer: Tokenizer
) -> dict[str, Any]:
    return {
        "command": command("korlm.train_chat"),
        "corpus": {"name": pairs.name, "sha256": pairs.digest, "train_pairs": len(pairs.train), "learnt": learnt},
        "form": form.name,
        "model": model,
        "training": asdict(training),
        "tokenizer": tokenizer.signature,
        **origin(),
    }


def _trainer(
    bot: ChatModel,
    fitting: Sequence[tuple[Sequence[int], Sequence[int]]],
    pairs: PairCorpus,
    training: TrainConfig,
    folder: Path,
    precision: str,
    report: Callable[[Report], None],
    ranks: Ranks,
) -> Trainer:
    valid = pairs.valid[: training.valid_lines or None]

    def write_model(temporary: Path) -> None:
        bot.info["progress"] = {"step": trainer.progress.step, "seconds": trainer.progress.seconds}
        bot.info["history"] = trainer.progress.history
        bot.write(temporary, precision=precision)

    share = (ranks.rank, ranks.number)
    batches = PairBatches(fitting, batch=training.batch, make=bot.form.make, seed=training.seed, share=share)
    data = hashlib.sha256(f"{pairs.digest}{bot.tokenizer.signature}".encode()).hexdigest()
    trainer = Trainer(
        bot.net, batches, training,
        validate=lambda: bot.score(valid).bits_per_character, write_model=write_model, folder=folder, data=data,
        report=report, ranks=ranks, loss=bot.form.loss,
    )  # fmt: skip
    return trainer


def _keeps_last(folder: Path, finished: bool) -> bool:
    """Return whether ``best`` is the last state of a finished run already."""
    return finished and read_json(folder / "best" / "build_info.json").get("kept") == "last"


def _choose_limits(folder: Path, pairs: Sequence[Pair]) -> None:
    """Choose when the bot does not know, and write it beside the best state, where that has not been done."""
    if "limits" in read_json(folder / "best" / "build_info.json"):
        return
    best = ChatModel.load(folder)
    asked = pairs[:_ASKED]
    sure = [
        reply.confidence
        for reply in best.reply_all([pair.question for pair in asked], before=[pair.before for pair in asked])
    ]
    limits = Limits.of([one.surprisal for one in sure], [one.familiarity or 0.0 for one in sure])
    best.info["limits"] = {**asdict(limits), "questions": len(asked)}
    write_json(folder / "best" / "build_info.json", best.info)
