"""Train a question encoder on sets of paraphrases and on questions with their answers.

    KORLM_CORPORA=... python -m korlm.chat.encoder.training FOLDER

A batch holds pairs of texts that mean the same. Each text must be closer to its partner than to the partners of all other
texts of the batch: the multiple-negatives ranking loss (Henderson et al. 2017, "Efficient natural language response
suggestion"), the cross-entropy of the scaled cosines over the batch, in both directions. Partners of the same meaning are
no negatives. Training starts with the mean of embeddings alone, which is fast; the recurrent term joins later.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from korlm.chat.encoder.model import QuestionEncoder
from korlm.chat.encoder.units import MorphemeUnits, QuestionUnits, TokenizerUnits, analyze_morphemes
from korlm.corpora.intents import load_intents
from korlm.corpora.paraphrases import (
    SHARE_ALIKE,
    ParaphraseSets,
    load_paraphrase_sets,
    load_question_pairs,
    load_songys_answers,
)
from korlm.errors import KorlmError
from korlm.morph.kiwi import KiwiAnalyzer
from korlm.morph.kiwi_embeddings import WIDTH as KIWI_WIDTH
from korlm.morph.kiwi_embeddings import recover_kiwi_embeddings
from korlm.nn.question_encoder import UNKNOWN_ID, QuestionEncoderConfig, QuestionEncoderNet
from korlm.storage.artifacts import check_writable
from korlm.text.normalization import normalize_message
from korlm.tokenizers.train import train_tokenizer
from korlm.training.dialogue_batches import pad_token_ids

T = TypeVar("T")
_WARMUP_STEPS = 50
_MIN_RATE_FRACTION = 0.05
_RARE_PROBABILITY = 1e-3  # of a token; a token that is much more frequent has less weight at first
_NUM_CHUNKS = 4  # a batch is encoded in parts of similar length, to save padding
# How often a batch is drawn from each source; see dev/LOG.md for the mixtures that were tried.
_SOURCE_WEIGHTS = {
    "intents": 4.0, "songys_answers": 1.0, "question_pair": 2.0, "parakqc": 1.0, "stylekqc": 1.0, "ms_chitchat_ko": 2.0,
    "same_text": 3.0, "answers": 3.0,
}  # fmt: skip
_COMPUTED_SOURCES = ("question_pair", "same_text", "answers")  # not from `load_paraphrase_sets`


@dataclass(frozen=True)
class EncoderTrainingConfig:
    """How to train.

    Attributes:
        units: ``kiwi`` (morphemes with restored forms) or a tokenizer that `korlm.train_tokenizer` trains, as ``unigram``.
        vocab_size: of such a tokenizer.
        num_kiwi_words: words of Kiwi's dictionary that get an embedding though no training text has them.
        kiwi_embeddings: start from the embeddings of Kiwi's language model.
        cell: ``gru`` or ``lstm``.
        embedding: width of the embeddings.
        hidden: hidden size per direction.
        output: width of the vectors.
        steps: number of batches.
        mean_steps: the first batches, which train the mean of embeddings alone.
        batch_size: pairs in a batch.
        learning_rate: peak of the cosine schedule.
        scale: factor of the cosines in the loss.
        dropout: dropout rate of the embeddings.
        token_dropout: fraction of a text's tokens that are read as unknown.
        hard_negatives: fraction of the batches of intents that are built from neighboring intents.
        share_alike: also train on corpora under CC BY-SA.
        seed: of all random numbers.
    """

    units: str = "kiwi"
    vocab_size: int = 4000
    num_kiwi_words: int = 12000
    kiwi_embeddings: bool = True
    cell: str = "gru"
    embedding: int = KIWI_WIDTH
    hidden: int = 128
    output: int = 192
    steps: int = 2400
    mean_steps: int = 1600
    batch_size: int = 384
    learning_rate: float = 3e-3
    scale: float = 25.0
    dropout: float = 0.2
    token_dropout: float = 0.15
    hard_negatives: float = 0.0
    share_alike: bool = True
    seed: int = 1


class ParaphraseBatch(NamedTuple):
    """Rows of texts that mean the same, and the number of the meaning of each pair."""

    source: str
    first: Sequence[int]
    second: Sequence[int]
    meanings: Sequence[int]


class TrainingTexts:
    """All training texts, by row, and the sources of pairs.

    Args:
        corpora: sets of paraphrases.
        pairs: pairs of texts of one meaning.
        answers: questions with their answers.
    """

    def __init__(
        self, corpora: Sequence[ParaphraseSets], pairs: Sequence[tuple[str, str]] = (),
        answers: Sequence[tuple[str, str]] = (),
    ) -> None:  # fmt: skip
        self.texts: list[str] = []
        self._rows: dict[str, int] = {}
        self.groups: dict[str, list[list[int]]] = {}
        self.corpora = list(corpora)
        for corpus in corpora:
            self._add_groups(corpus)
        if pairs:
            self.groups["question_pair"] = [[self._add_text(text) for text in pair] for pair in pairs]
        self.answers = [(self._add_text(question), self._add_text(answer)) for question, answer in answers]
        asked = [question for question, _ in self.answers] or [
            row for rows in self.groups.values() for row in chain.from_iterable(rows)
        ]
        self.questions = sorted(set(asked))

    @classmethod
    def load(cls, *, share_alike: bool = True) -> TrainingTexts:
        """Load the corpora and the training intents; with ``share_alike`` also the corpora under CC BY-SA.

        Raises:
            CorpusError: a corpus is not there.
        """
        corpora = [load_paraphrase_sets(name) for name in _SOURCE_WEIGHTS if name not in _COMPUTED_SOURCES]
        answers = load_songys_answers()
        for intent in load_intents():
            if intent.split == "train":
                answers += [(normalize_message(question), intent.answer) for question in intent.questions]
        kept = [corpus for corpus in corpora if share_alike or corpus.license != SHARE_ALIKE]
        return cls(kept, load_question_pairs().train, answers)

    def _add_groups(self, corpus: ParaphraseSets) -> None:
        groups = [sorted({self._add_text(text) for text in group}) for group in corpus.groups]
        self.groups[corpus.name] = [group for group in groups if len(group) > 1]

    def _add_text(self, text: str) -> int:
        if text not in self._rows:
            self._rows[text] = len(self.texts)
            self.texts.append(text)
        return self._rows[text]


class PairSampler:
    """Draws batches of pairs.

    Args:
        texts: the sources.
        batch_size: pairs in a batch.
        rng: the random numbers.
    """

    def __init__(self, texts: TrainingTexts, batch_size: int, rng: random.Random) -> None:
        self.texts, self.batch_size, self.rng = texts, batch_size, rng
        self.neighbors: np.ndarray | None = None  # [intents, k]: of each intent, for hard negatives
        names = [*texts.groups, "same_text", *(["answers"] if texts.answers else [])]
        self._names, self._weights = names, [_SOURCE_WEIGHTS[name] for name in names]

    def draw_batch(self, hard_negatives: float = 0.0) -> ParaphraseBatch:
        """Draw a batch from one source.

        Args:
            hard_negatives: fraction of the batches of intents that are built from an eighth of random intents and seven
                neighbors of each, if `neighbors` is set.
        """
        source = self.rng.choices(self._names, self._weights)[0]
        if source == "same_text":  # differs by dropout alone (Gao et al. 2021, SimCSE)
            rows = self._draw_items(self.texts.questions)
            return ParaphraseBatch(source, rows, rows, rows)
        if source == "answers":
            pairs = self._draw_items(self.texts.answers)
            answers = [answer for _, answer in pairs]
            return ParaphraseBatch(source, [question for question, _ in pairs], answers, answers)
        groups = self.texts.groups[source]
        if source == "intents" and self.neighbors is not None and self.rng.random() < hard_negatives:
            seeds = self.rng.sample(range(len(groups)), self.batch_size // 8)
            chosen = [row for seed in seeds for row in (seed, *self.rng.sample(list(self.neighbors[seed]), 7))]
        else:
            chosen = self._draw_items(range(len(groups)))
        drawn = [self.rng.sample(groups[row], 2) for row in chosen]
        return ParaphraseBatch(source, [first for first, _ in drawn], [second for _, second in drawn], chosen)

    def _draw_items(self, items: Sequence[T]) -> list[T]:
        """Draw a batch of items, without repetition if there are enough."""
        if len(items) < self.batch_size:
            return self.rng.choices(items, k=self.batch_size)
        return self.rng.sample(items, self.batch_size)


def train_question_encoder(
    config: EncoderTrainingConfig, *, texts: TrainingTexts | None = None, report: Callable[[str], None] = print
) -> QuestionEncoder:
    """Train a question encoder on one thread per process as torch is set up.

    Args:
        config: how.
        texts: the training texts; None loads them.
        report: receives a line every 100 steps.

    Raises:
        CorpusError: a corpus is not there; see `korlm.corpora.paraphrases`.
    """
    started = time.time()
    texts = texts or TrainingTexts.load(share_alike=config.share_alike)
    rng = random.Random(config.seed)
    torch.manual_seed(config.seed)
    units, ids = _make_units(config, texts.texts)
    net = QuestionEncoderNet(
        QuestionEncoderConfig(units.vocab_size, config.embedding, config.hidden, config.output, config.cell)
    )
    _initialize_embeddings(net, units, ids, config)
    report(f"{len(texts.texts)} texts, {units.vocab_size} ids, {time.time() - started:.0f} s")
    trainer = _EncoderTrainer(net, ids, PairSampler(texts, config.batch_size, rng), config)
    for step in range(config.steps):
        trainer.run_step(step)
        if (step + 1) % 100 == 0:
            report(f"{step + 1}\t{time.time() - started:.0f} s\t{trainer.describe_losses()}")
    info = {
        "training": asdict(config),
        "texts": len(texts.texts),
        "data": {corpus.name: corpus.license for corpus in texts.corpora}
        | {"songys_chatbot": "MIT", "question_pair": "MIT"},
        "seconds": time.time() - started,
        "command": "python -m korlm.chat.encoder.training",
    }
    return QuestionEncoder(units, net, info=info)


class _EncoderTrainer:
    def __init__(
        self, net: QuestionEncoderNet, ids: Sequence[Sequence[int]], sampler: PairSampler, config: EncoderTrainingConfig
    ) -> None:
        self.net, self.sampler, self.config = net, sampler, config
        self.ids, self.lengths = pad_token_ids(ids)
        tables = [net.embedding.weight, net.importance.weight]
        others = [parameter for name, parameter in net.named_parameters() if name not in _TABLE_NAMES]
        self.optimizer = torch.optim.AdamW(
            [{"params": tables, "weight_decay": 0.0}, {"params": others, "weight_decay": 0.01}],
            lr=config.learning_rate, fused=True,
        )  # fmt: skip
        self.losses: dict[str, list[float]] = defaultdict(list)

    def run_step(self, step: int) -> None:
        """Draw a batch and update the weights."""
        config = self.config
        self.net.train()
        if config.hard_negatives and step % 300 == 0 and step:
            self.sampler.neighbors = self._find_neighbors()
        for group in self.optimizer.param_groups:
            group["lr"] = config.learning_rate * _schedule_rate(step, config.steps)
        batch = self.sampler.draw_batch(config.hard_negatives)
        vectors = self._encode_rows([*batch.first, *batch.second], recurrent=step >= config.mean_steps)
        first, second = vectors[: len(batch.first)], vectors[len(batch.first) :]
        if batch.source == "answers":
            second = self.net.project_answers(second)
        loss = compute_ranking_loss(first, second, batch, config.scale)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.optimizer.step()
        self.losses[batch.source].append(loss.item())

    def describe_losses(self) -> str:
        """Return the mean loss of each source since the last call."""
        line = ", ".join(f"{name} {np.mean(values):.3f}" for name, values in sorted(self.losses.items()))
        self.losses.clear()
        return line

    def _encode_rows(self, rows: Sequence[int], *, recurrent: bool) -> Tensor:
        ids, lengths = self.ids[list(rows)], self.lengths[list(rows)]
        if self.net.training:
            dropped = torch.rand(ids.shape) < self.config.token_dropout
            dropped[:, 0] &= lengths > 1
            ids = ids.masked_fill(dropped & (ids > UNKNOWN_ID), UNKNOWN_ID)
        order = lengths.argsort()
        parts = [
            self.net(
                ids[part, : int(lengths[part].max())], lengths[part], dropout=self.config.dropout, recurrent=recurrent
            )
            for part in order.chunk(_NUM_CHUNKS if recurrent else 1)
        ]
        return torch.cat(parts)[order.argsort()]

    def _find_neighbors(self, k: int = 16) -> np.ndarray:
        groups = self.sampler.texts.groups["intents"]
        self.net.eval()
        with torch.inference_mode():
            centers = torch.stack([self._encode_rows(group, recurrent=False).mean(dim=0) for group in groups])
            centers = F.normalize(centers, dim=1)
            similarities = centers @ centers.T - 2 * torch.eye(len(centers))
        self.net.train()
        return similarities.topk(k, dim=1).indices.numpy()


_TABLE_NAMES = ("embedding.weight", "importance.weight")


def compute_ranking_loss(first: Tensor, second: Tensor, batch: ParaphraseBatch, scale: float) -> Tensor:
    """Return the multiple-negatives ranking loss of unit vectors ``[B, D]``; pairs of one meaning are no negatives.

    >>> vectors = torch.eye(2)
    >>> loss = compute_ranking_loss(vectors, vectors, ParaphraseBatch("same_text", [0, 1], [0, 1], [0, 1]), 20.0)
    >>> loss.item() < 1e-6
    True
    """
    similarities = scale * first @ second.T
    same = torch.zeros(len(first), len(first), dtype=torch.bool)
    for values in (batch.first, batch.second, batch.meanings):
        numbers = torch.tensor(values)
        same |= numbers[:, None] == numbers
    same.fill_diagonal_(False)
    similarities = similarities.masked_fill(same, -torch.inf)
    targets = torch.arange(len(first))
    return (F.cross_entropy(similarities, targets) + F.cross_entropy(similarities.T, targets)) / 2


def _schedule_rate(step: int, steps: int) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return min(1.0, (step + 1) / _WARMUP_STEPS) * (_MIN_RATE_FRACTION + (1 - _MIN_RATE_FRACTION) * cosine)


def _make_units(config: EncoderTrainingConfig, texts: Sequence[str]) -> tuple[QuestionUnits, list[list[int]]]:
    """Return the units and the ids of the texts."""
    if config.units != "kiwi":
        tokens = TokenizerUnits(train_tokenizer(config.units, texts, vocab_size=config.vocab_size))
        return tokens, tokens.encode_batch(texts)
    analyzed = analyze_morphemes(texts)
    counts = Counter(morpheme for morphemes in analyzed for morpheme in morphemes)
    dictionary = KiwiAnalyzer().list_common_morphemes(config.num_kiwi_words)
    known = set(dictionary)
    frequent = [morpheme for morpheme, count in counts.most_common() if count > 1 or morpheme in known]
    units = MorphemeUnits(list(dict.fromkeys([*frequent, *dictionary])))
    return units, units.encode_analyzed(analyzed)


def _initialize_embeddings(
    net: QuestionEncoderNet, units: QuestionUnits, ids: Sequence[Sequence[int]], config: EncoderTrainingConfig
) -> None:
    counts = np.bincount(np.concatenate([np.array(row) for row in ids]), minlength=units.vocab_size)
    probabilities = (counts + 1) / counts.sum()
    with torch.no_grad():
        weights = 0.5 * np.log(_RARE_PROBABILITY / (_RARE_PROBABILITY + probabilities))
        net.importance.weight[1:, 0] = torch.from_numpy(weights[1:])
        if not (isinstance(units, MorphemeUnits) and config.kiwi_embeddings):
            return
        embeddings, is_known = recover_kiwi_embeddings(units.morphemes)
        embeddings -= embeddings[is_known].mean(axis=0)  # all are similar to the mean
        if config.embedding < KIWI_WIDTH:
            embeddings = embeddings @ np.linalg.svd(embeddings[is_known], full_matrices=False)[2][: config.embedding].T
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True) + 1e-9
        rows = torch.from_numpy(np.flatnonzero(is_known)) + net.embedding.num_embeddings - len(units.morphemes)
        net.embedding.weight[rows] = torch.from_numpy(embeddings[is_known].astype(np.float32))


def run_training() -> None:
    """Train as the command line says, and save."""
    parser = argparse.ArgumentParser(
        prog="python -m korlm.chat.encoder.training",
        description="Train a question encoder. EncoderTrainingConfig explains the options.",
    )
    parser.add_argument("folder", type=Path, help="where to save the encoder; an existing folder is replaced")
    defaults = EncoderTrainingConfig()
    for name, value in asdict(defaults).items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=value, help=f"[{value}]")
        else:
            parser.add_argument(option, type=type(value), default=value, help=f"[{value}]")
    values = vars(parser.parse_args())
    folder = values.pop("folder")
    try:
        check_writable(folder)
        encoder = train_question_encoder(EncoderTrainingConfig(**values), report=lambda line: print(line, flush=True))
        encoder.save(folder)
    except KorlmError as error:
        sys.exit(f"korlm: {error}")
    print(json.dumps({"folder": str(folder), "seconds": round(encoder.info["seconds"])}))


if __name__ == "__main__":
    run_training()
