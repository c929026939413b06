"""Models by name, and training one from lines or a corpus.

>>> "reviews-unigram-lstm" in list_models()
True
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

import korlm
from korlm.artifacts import cache_folder, check_writable, data_folder, read_config, write_json
from korlm.corpora.sources import Corpus, content_digest, split_lines
from korlm.corpora.tokens import token_array
from korlm.errors import ArtifactError, CorpusError, InputError, KorlmError, UnknownNameError
from korlm.lm import LanguageModel
from korlm.nn.recurrent import NetConfig, RecurrentLM
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.training import train_tokenizer
from korlm.training.batching import WindowBatches
from korlm.training.config import ModelConfig, TrainConfig
from korlm.training.loop import Report, Trainer


def list_models() -> list[str]:
    """Return the names of the bundled models."""
    return sorted(path.parent.name for path in (data_folder() / "models").glob("*/config.json"))


def load_model(name: str | Path) -> LanguageModel:
    """Load a model: a bundled name, a folder, or the folder of a training run (its best checkpoint).

    Raises:
        UnknownNameError: neither a name nor a folder.
        ArtifactError: the folder is corrupt, foreign, or holds a pickle.

    Example:
        >>> load_model("reviews-syllable-lstm").tokenizer.unit
        'syllable'
    """
    if str(name) in list_models():
        return LanguageModel.load(data_folder() / "models" / str(name))
    folder = Path(name)
    if not folder.is_dir():
        raise UnknownNameError(
            f"'{name}'이라는 모델도 폴더도 없습니다. 쓸 수 있는 이름: {', '.join(list_models()) or '없음'}.",
            f"There is no model and no folder '{name}'. Names: {', '.join(list_models()) or 'none'}.",
        )
    return LanguageModel.load(folder / "best" if (folder / "best").is_dir() else folder)


def train_model(
    lines: Sequence[str] | Corpus,
    *,
    folder: str | Path = "runs/model",
    resume: bool = False,
    overwrite: bool = False,
    half: bool = False,
    report: Callable[[Report], None] = lambda report: None,
    encoding: Callable[[int, int], None] | None = None,
    **options: Any,
) -> LanguageModel:
    """Train a language model and return its best state (by bits per character on the validation lines).

    Args:
        lines: training lines (split by hash into train, valid and test) or a corpus with its own splits. A
            vocabulary is made from the training split alone.
        folder: where checkpoints go: ``last`` and ``best``, each a model folder.
        resume: go on from ``last`` in the folder.
        overwrite: start anew where the folder holds another run.
        half: write the weights of ``best`` and ``last`` as float16.
        report: called now and then with a `Report`.
        encoding: called with lines encoded and lines in all.
        **options: the fields of `ModelConfig` and `TrainConfig` (``tokenizer="kiwi", cell="gru", epochs=2``).

    Raises:
        CorpusError: too little text.
        InputError: an option out of its range.
        TrainingError: the loss is no longer a number.
        ArtifactError: the folder cannot be written, holds another run (without ``resume`` or ``overwrite``), or (with
            ``resume``) holds no fitting checkpoint.
    """
    model_options = {name: value for name, value in options.items() if name in ModelConfig.__dataclass_fields__}
    training = TrainConfig(**{name: value for name, value in options.items() if name not in model_options})
    config = ModelConfig(**model_options)
    shape = {key: value for key, value in asdict(config).items() if key not in ("tokenizer", "vocab_size")}
    NetConfig(1, **shape)  # a wrong shape is said before minutes of encoding
    corpus = lines if isinstance(lines, Corpus) else split_lines("lines", lines)
    folder = Path(folder)
    _check(corpus, folder, taken=not (resume or overwrite))
    tokenizer = _tokenizer(config, corpus, folder if resume else None)
    ids = token_array(corpus.train, tokenizer, progress=encoding)
    batches = WindowBatches(ids, batch=training.batch, window=training.window)
    torch.manual_seed(training.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = RecurrentLM(NetConfig(tokenizer.vocab_size, **shape)).to(device)
    lm = LanguageModel(tokenizer, net, info=_build_info(corpus, config, training, tokenizer))
    trainer = _trainer(lm, batches, training, corpus, folder, half, report)
    if resume:
        trainer.resume()
    trainer.run()
    best = load_model(folder)
    if corpus.test:
        best.info["test"] = _figures(best, corpus.test)
        write_json(folder / "best" / "build_info.json", best.info)
    return best


def _check(corpus: Corpus, folder: Path, *, taken: bool) -> None:
    if not corpus.train or not corpus.valid:
        raise CorpusError(
            "학습과 검증에 쓸 줄이 모자랍니다. 수십 줄 이상 넣으세요.",
            "Too few lines for training and validation. Give some dozens at least.",
        )
    check_writable(folder)
    if taken and (folder / "last").exists():
        raise ArtifactError(
            f"{folder}에 이미 배운 모델이 있습니다. 이어 가려면 --resume, 새로 하려면 --overwrite나 다른 --folder를 쓰세요.",
            f"{folder} already holds a run. --resume goes on with it; --overwrite or another --folder starts anew.",
        )


def _trainer(
    lm: LanguageModel,
    batches: WindowBatches,
    training: TrainConfig,
    corpus: Corpus,
    folder: Path,
    half: bool,
    report: Callable[[Report], None],
) -> Trainer:
    valid = corpus.valid[: training.valid_lines or None]

    def validate() -> float:
        return lm.score(valid).bits_per_character

    def write_model(temporary: Path) -> None:
        lm.info["progress"] = {"step": trainer.progress.step, "seconds": round(trainer.progress.seconds)}
        lm.info["history"] = trainer.progress.history
        lm.write(temporary, half=half)

    data = hashlib.sha256(f"{corpus.digest}{lm.tokenizer.signature}".encode()).hexdigest()
    trainer = Trainer(
        lm.net, batches, training,
        validate=validate, write_model=write_model, folder=folder, data=data, report=report,
    )  # fmt: skip
    return trainer


def _figures(lm: LanguageModel, lines: Sequence[str]) -> dict[str, Any]:
    score = lm.score(lines)
    bits = round(score.bits_per_character, 4)
    return {"bits_per_character": bits, "characters": score.characters, "signature": score.signature}


def _tokenizer(config: ModelConfig, corpus: Corpus, run: Path | None) -> Tokenizer:
    if run is not None:
        read_config(run / "last", "model")  # says so where there is nothing to go on from
        return load_tokenizer(run / "last" / "tokenizer")
    if Path(config.tokenizer).is_dir():
        return _fit(load_tokenizer(config.tokenizer))
    return _made(config, corpus)


def _made(config: ModelConfig, corpus: Corpus) -> Tokenizer:
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


def _build_info(corpus: Corpus, config: ModelConfig, training: TrainConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "command": "korlm " + shlex.join(sys.argv[1:])
        if sys.argv[0].endswith(("korlm", "__main__.py"))
        else "korlm.train_model",
        "corpus": {"name": corpus.name, "sha256": corpus.digest, "train_lines": len(corpus.train)},
        "model": asdict(config),
        "training": asdict(training),
        "tokenizer": tokenizer.signature,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "versions": {"korlm": korlm.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }
