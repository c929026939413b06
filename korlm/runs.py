"""Training a language model from lines or a corpus: vocabulary, ids, net, loop, and the model at the end.

>>> import tempfile
>>> lines = korlm.load_corpus("kolaw", limit=50)
>>> lm = train_model(lines, folder=tempfile.mkdtemp(), tokenizer="syllable", hidden=8, embedding=8, batch=4)
>>> lm.tokenizer.unit
'syllable'
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import torch

import korlm
from korlm.artifacts import cache_folder, check_writable, read_config, write_json
from korlm.corpora.sources import Corpus, content_digest, split_lines
from korlm.corpora.tokens import token_array
from korlm.errors import ArtifactError, CorpusError, InputError, KorlmError
from korlm.lm import LanguageModel
from korlm.models import load_model
from korlm.nn.config import NetConfig
from korlm.nn.recurrent import RecurrentLM
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.names import UNITS
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.training import train_tokenizer
from korlm.training.batching import Batches, LineBatches, StreamBatches
from korlm.training.config import TokenizerConfig, TrainConfig, sort_options
from korlm.training.distributed import Ranks
from korlm.training.loop import Report, Trainer

_COUNTED = 10_000_000  # ids whose frequencies the first biases are taken from


@dataclass(frozen=True)
class Plan:
    """What a run was asked for, sorted."""

    tokenizer: TokenizerConfig
    net: dict[str, Any]
    training: TrainConfig


def train_model(
    lines: Sequence[str] | Corpus,
    *,
    folder: str | Path = "runs/model",
    resume: bool = False,
    overwrite: bool = False,
    precision: str = "float32",
    report: Callable[[Report], None] = lambda report: None,
    encoding: Callable[[int, int], None] | None = None,
    **options: Any,
) -> LanguageModel:
    """Train a language model and return its best state (by bits per character on the validation lines).

    Under ``torchrun`` every process calls this alike; streams are split over them and the first one writes.

    Args:
        lines: training lines (split by hash into train, valid and test) or a corpus with its own splits. A
            vocabulary is made from the training split alone.
        folder: where checkpoints go: ``last`` and ``best``, each a model folder.
        resume: go on from ``last`` in the folder.
        overwrite: start anew where the folder holds another run.
        precision: of the weights in ``best`` and ``last``: ``float32``, ``float16`` or ``int8``.
        report: called now and then with a `Report`.
        encoding: called with lines encoded and lines in all.
        **options: the fields of `TokenizerConfig`, `NetConfig` and `TrainConfig` (``tokenizer="kiwi", cell="gru",
            epochs=2``).

    Raises:
        CorpusError: too little text.
        InputError: an unknown option, or one out of its range.
        TrainingError: the loss is no longer a number.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no fitting checkpoint.
    """
    plan = make_plan(options)
    corpus = lines if isinstance(lines, Corpus) else split_lines("lines", lines)
    folder = Path(folder)
    ranks = Ranks()
    _check(corpus, folder, plan, ranks, taken=not (resume or overwrite))
    tokenizer, ids = _read(plan, corpus, folder if resume else None, ranks, encoding)
    torch.manual_seed(plan.training.seed)
    net = RecurrentLM(NetConfig(tokenizer.vocab_size, **plan.net))
    if plan.training.frequencies:
        net.set_frequencies(torch.from_numpy(np.bincount(ids[:_COUNTED], minlength=tokenizer.vocab_size)))
    lm = LanguageModel(tokenizer, net.to(ranks.device), info=_build_info(corpus, plan, tokenizer))
    trainer = _trainer(lm, _batches(ids, plan.training, ranks), plan.training, corpus, folder, precision, report, ranks)
    if resume:
        trainer.resume()
    trainer.run()
    ranks.first_does(lambda: _measure(folder, corpus))
    return load_model(folder)


def make_plan(options: dict[str, Any]) -> Plan:
    """Sort options into configurations; a wrong one is said before minutes of encoding.

    Raises:
        InputError: an unknown option, or one out of its range.

    >>> make_plan({"tokenizer": "kiwi", "hidden": 64}).net
    {'hidden': 64}
    """
    tokenizer, net, training = sort_options(options, TokenizerConfig, NetConfig, TrainConfig)
    NetConfig(10**9, **net)
    return Plan(TokenizerConfig(**tokenizer), net, TrainConfig(**training))


def _check(corpus: Corpus, folder: Path, plan: Plan, ranks: Ranks, *, taken: bool) -> None:
    if not corpus.train or not corpus.valid:
        raise CorpusError(
            "학습과 검증에 쓸 줄이 모자랍니다. 수십 줄 이상 넣으세요.",
            "Too few lines for training and validation. Give some dozens at least.",
        )
    if plan.training.batch % ranks.number:
        raise InputError(
            f"batch {plan.training.batch}을(를) 프로세스 {ranks.number}개로 나눌 수 없습니다. 그 배수로 하세요.",
            f"A batch of {plan.training.batch} cannot be split over {ranks.number} processes. Use a multiple.",
        )
    check_writable(folder)
    if taken and ranks.agree((folder / "last").exists()):
        raise ArtifactError(
            f"{folder}에 이미 배운 모델이 있습니다. 이어 가려면 --resume, 새로 하려면 --overwrite나 다른 --folder를 쓰세요.",
            f"{folder} already holds a run. --resume goes on with it; --overwrite or another --folder starts anew.",
        )


def _read(
    plan: Plan, corpus: Corpus, run: Path | None, ranks: Ranks, encoding: Callable[[int, int], None] | None
) -> tuple[Tokenizer, np.ndarray]:
    """Return the vocabulary and the ids of the training lines; the first process makes them, the others take them
    from the cache."""

    def read() -> tuple[Tokenizer, np.ndarray]:
        tokenizer = _tokenizer(plan.tokenizer, corpus, run)
        return tokenizer, token_array(corpus.train, tokenizer, progress=encoding if ranks.first else None)

    made = read() if ranks.first else None
    signature = ranks.agree(made[0].signature if made else None)
    found = made or read()
    if found[0].signature != signature:
        raise ArtifactError(
            "프로세스마다 어휘가 다릅니다. 캐시 폴더(KORLM_CACHE)를 함께 쓰게 하거나 토크나이저 폴더를 --tokenizer로 주세요.",
            "The processes have different vocabularies. Share a cache folder (KORLM_CACHE), or give a tokenizer folder.",
        )
    return found


def _batches(ids: np.ndarray, training: TrainConfig, ranks: Ranks) -> Batches:
    share = (ranks.rank, ranks.number)
    if training.bptt:
        return StreamBatches(
            ids, batch=training.batch, bptt=training.bptt, jitter=training.jitter, seed=training.seed, share=share
        )
    return LineBatches(ids, batch=training.batch, packed=training.layout == "packed", seed=training.seed, share=share)


def _trainer(
    lm: LanguageModel,
    batches: Batches,
    training: TrainConfig,
    corpus: Corpus,
    folder: Path,
    precision: str,
    report: Callable[[Report], None],
    ranks: Ranks,
) -> Trainer:
    valid = corpus.valid[: training.valid_lines or None]

    def validate() -> float:
        return lm.score(valid).bits_per_character

    def write_model(temporary: Path) -> None:
        lm.info["progress"] = {"step": trainer.progress.step, "seconds": round(trainer.progress.seconds)}
        lm.info["history"] = trainer.progress.history
        lm.write(temporary, precision=precision)

    data = hashlib.sha256(f"{corpus.digest}{lm.tokenizer.signature}".encode()).hexdigest()
    trainer = Trainer(
        lm.net, batches, training,
        validate=validate, write_model=write_model, folder=folder, data=data, report=report, ranks=ranks,
    )  # fmt: skip
    return trainer


def _measure(folder: Path, corpus: Corpus) -> None:
    """Write the figures of the best state on the test lines beside it."""
    if not corpus.test:
        return
    best = load_model(folder)
    score = best.score(corpus.test)
    bits = round(score.bits_per_character, 4)
    best.info["test"] = {"bits_per_character": bits, "characters": score.characters, "signature": score.signature}
    write_json(folder / "best" / "build_info.json", best.info)


def _tokenizer(config: TokenizerConfig, corpus: Corpus, run: Path | None) -> Tokenizer:
    if run is not None:
        read_config(run / "last", "model")  # says so where there is nothing to go on from
        return load_tokenizer(run / "last" / "tokenizer")
    if Path(config.tokenizer).is_dir() or config.tokenizer not in UNITS:  # a folder, or on the Hub
        return _fit(load_tokenizer(config.tokenizer))
    return _made(config, corpus)


def _made(config: TokenizerConfig, corpus: Corpus) -> Tokenizer:
    """Return the vocabulary of the training lines: made, or kept from an earlier run on the same lines.

    It takes minutes for 600,000 reviews, and every run on them wants the same one.
    """
    asked = f"{content_digest(corpus.train)}|{config.tokenizer}|{config.vocab_size}|{korlm.__version__}"
    folder = cache_folder() / "tokenizers" / hashlib.sha256(asked.encode()).hexdigest()[:32]
    if folder.is_dir():
        with contextlib.suppress(KorlmError):  # damaged: made again below
            kept = load_tokenizer(folder)
            if kept.signature == read_config(folder, "tokenizer")["signature"]:  # no newer analyzer since
                return kept
    tokenizer = train_tokenizer(config.tokenizer, corpus.train, vocab_size=config.vocab_size or None)
    with contextlib.suppress(KorlmError):  # a cache that cannot be written is no reason to stop
        tokenizer.save(folder)
    return tokenizer


def _fit(tokenizer: Tokenizer) -> Tokenizer:
    if tokenizer.specials.get("</s>") != EOS_ID:
        raise InputError(
            f"{tokenizer.name}의 ID 배치(</s>가 {EOS_ID}번이 아님)로는 배울 수 없습니다. korlm.train_tokenizer로 만든 것을 쓰세요.",
            f"The ids of {tokenizer.name} (</s> is not {EOS_ID}) cannot be trained on. Use one of korlm.train_tokenizer.",
        )
    return tokenizer


def _build_info(corpus: Corpus, plan: Plan, tokenizer: Tokenizer) -> dict[str, Any]:
    by_hand = sys.argv[0].endswith(("korlm", "__main__.py"))
    return {
        "command": "korlm " + shlex.join(sys.argv[1:]) if by_hand else "korlm.train_model",
        "corpus": {"name": corpus.name, "sha256": corpus.digest, "train_lines": len(corpus.train)},
        "model": {**asdict(plan.tokenizer), **plan.net},
        "training": asdict(plan.training),
        "tokenizer": tokenizer.signature,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {"korlm": korlm.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }
