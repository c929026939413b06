"""Train the retrieve-and-refine model on the bundled intents and dialogues.

    python -m korlm.chat.refine.training --folder runs/chat-refine

The trainer is that of language models; an interrupted run goes on with ``--resume``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from korlm.chat.encoder.model import load_question_encoder
from korlm.chat.refine.bot import RefineBot
from korlm.chat.refine.examples import RefineCorpus, load_refine_corpus
from korlm.chat.refine.model import SPECIAL_TOKENS, RefineModel
from korlm.chat.refine.reranking import RankingWeights, fit_ranking_weights, measure_resemblance
from korlm.corpora.intents import load_intents
from korlm.nn.config import Seq2SeqConfig
from korlm.nn.copy_seq2seq import CopySeq2Seq
from korlm.nn.lm import State
from korlm.storage.artifacts import write_json
from korlm.tokenizers.base import PAD_ID
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.train import train_tokenizer
from korlm.training.config import TrainConfig
from korlm.training.dialogue_batches import PairBatch, PairBatches
from korlm.training.distributed import ProcessGroup
from korlm.training.loss import LMLoss, seq2seq_loss
from korlm.training.progress import TrainingProgressBar
from korlm.training.train import check_training_setup, make_build_info, make_trainer
from korlm.training.trainer import ProgressReport

TOKENIZER, VOCAB_SIZE = "unigram", 4000
NET_OPTIONS: dict[str, Any] = {"cell": "gru", "embedding": 160, "hidden": 256, "dropout": 0.2, "max_length": 256}
_NUM_RANKED_QUESTIONS = 400  # held-out questions on which the weights of the ranking are fitted
TRAIN_OPTIONS: dict[str, Any] = {
    "batch": 64, "epochs": 1.0, "learning_rate": 3e-3, "validations": 4, "average": 0.998, "valid_lines": 0, "bf16": False,
}  # fmt: skip


def copy_loss(
    model: CopySeq2Seq, batch: PairBatch, state: State, config: TrainConfig, *, autocast: bool = False,
    inclusion_probs: torch.Tensor | None = None, teacher_forcing: float = 1.0,
) -> LMLoss:  # fmt: skip
    """Compute the training loss of a batch. See `korlm.training.loss.seq2seq_loss`."""
    if teacher_forcing < 1:
        return seq2seq_loss(model, batch, state, config, teacher_forcing=teacher_forcing)
    memory, decoder_state = model.encode(batch.source, batch.source_lengths)
    nll = model.answer_nll(memory, decoder_state, batch.inputs, batch.targets)
    total = nll[batch.targets != PAD_ID].sum()
    return LMLoss(total / batch.global_tokens, total.detach(), ())


def train_refine_model(
    corpus: RefineCorpus, *, folder: str | Path = "runs/chat-refine", resume: bool = False, overwrite: bool = False,
    precision: str = "int8", report: Callable[[ProgressReport], None] = lambda report: None, vocab_size: int = VOCAB_SIZE,
    tokenizer_name: str = TOKENIZER, ranking_questions: int = _NUM_RANKED_QUESTIONS,
    net_options: dict[str, Any] | None = None, **options: Any,
) -> RefineModel:  # fmt: skip
    """Train a model; return its best checkpoint, by bits per character of the validation answers.

    Args:
        corpus: the examples. The vocabulary is trained on the questions and answers for training.
        folder: for the checkpoints ``last`` and ``best``.
        resume: continue from ``last`` in the folder.
        overwrite: replace a run in the folder.
        precision: of the weights in ``best`` and ``last``.
        report: called regularly with a `ProgressReport`.
        vocab_size: size of the vocabulary.
        tokenizer_name: a name of `korlm.list_tokenizers`.
        ranking_questions: number of held-out questions on which the weights of the ranking are fitted; 0 leaves them out.
        net_options: fields of `Seq2SeqConfig` in place of `NET_OPTIONS`.
        **options: fields of `TrainConfig` in place of `TRAIN_OPTIONS`.

    Raises:
        CorpusError, InputError, TrainingError, ArtifactError: as for `korlm.train_chat`.
    """
    folder, process_group = Path(folder), ProcessGroup()
    training = TrainConfig(**TRAIN_OPTIONS | options)
    check_training_setup(corpus, folder, training, process_group, must_be_new=not (resume or overwrite))
    if resume:
        tokenizer = load_tokenizer(folder / "last" / "tokenizer")
    else:
        texts = dict.fromkeys(chain.from_iterable((e.question, e.answer, *e.history) for e in corpus.train))
        tokenizer = train_tokenizer(tokenizer_name, filter(None, texts), vocab_size=vocab_size, specials=SPECIAL_TOKENS)
    torch.manual_seed(training.seed)
    net_values = NET_OPTIONS | (net_options or {})
    net = CopySeq2Seq(Seq2SeqConfig(tokenizer.vocab_size, **net_values))
    model = RefineModel(tokenizer, net.to(process_group.device))
    pairs = model.encode_examples(corpus.train)
    counts = np.bincount([token for _, answer in pairs for token in answer], minlength=tokenizer.vocab_size)
    net.init_output_bias_from_counts(torch.from_numpy(counts))
    corpus_info = {"name": corpus.name, "sha256": corpus.digest, "examples": len(corpus.train)}
    model_info = {"tokenizer": tokenizer.name, "vocab_size": tokenizer.vocab_size, **net_values}
    model.info = make_build_info("korlm.chat.refine.training", corpus_info, model_info, training, tokenizer)
    batches = PairBatches(pairs, batch_size=training.batch, seed=training.seed)
    trainer = make_trainer(
        model, batches, corpus, training, folder=folder, precision=precision, report=report,
        process_group=process_group, loss_function=copy_loss,
    )  # fmt: skip
    if resume:
        trainer.resume()
    trainer.run()
    if ranking_questions:
        process_group.run_on_main(lambda: choose_ranking_weights(folder / "best", limit=ranking_questions))
    return RefineModel.load(folder / "best")


def choose_ranking_weights(folder: Path, *, limit: int) -> RankingWeights:
    """Fit the weights of the ranking on held-out questions of the training intents, and write them to a model's build information.

    The index lacks these questions. ``limit`` is the maximum number of questions.
    """
    model = RefineModel.load(folder)
    intents = [intent for intent in load_intents() if intent.split == "train"]
    bot = RefineBot(model, intents, held_out=False, encoder=load_question_encoder())
    questions = [(question, intent.answer) for intent in intents for question in intent.valid_questions]
    candidates = []
    for question, answer in questions[:: max(1, len(questions) // limit)]:
        ranked = bot.rank_answers(question)
        candidates.append([(option.features, measure_resemblance(option.text, answer)) for option in ranked])
    weights, figures = fit_ranking_weights(candidates)
    model.info |= {"ranking": asdict(weights), "ranking_figures": figures}
    write_json(folder / "build_info.json", model.info)
    return weights


def train_bundled_model() -> None:
    """Train the bundled model."""
    parser = argparse.ArgumentParser(description=train_refine_model.__doc__)
    parser.add_argument("--folder", default="runs/chat-refine")
    parser.add_argument("--passes", type=int, default=4)
    for name in ("--resume", "--overwrite"):
        parser.add_argument(name, action="store_true")
    args = parser.parse_args()
    corpus = load_refine_corpus(passes=args.passes)
    with TrainingProgressBar(file=sys.stderr) as bar:
        train_refine_model(
            corpus, folder=args.folder, resume=args.resume, overwrite=args.overwrite, report=bar.show_report
        )


if __name__ == "__main__":
    train_bundled_model()
