"""The data of a run: its vocabulary, trained on the training lines or given, and the ids of those lines."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from korlm._version import __version__
from korlm.corpora.memmap import lines_sha256
from korlm.corpora.registry import Corpus
from korlm.corpora.token_cache import encode_to_memmap
from korlm.errors import ArtifactError, InputError, KorlmError
from korlm.storage.artifacts import read_artifact_config
from korlm.storage.cache import cache_path
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.catalog import TOKENIZER_UNITS
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.train import train_tokenizer
from korlm.training.config import TokenizerConfig
from korlm.training.distributed import ProcessGroup


def encode_training_corpus(
    tokenizer_source: TokenizerConfig | Tokenizer, corpus: Corpus, resume_folder: Path | None,
    process_group: ProcessGroup, progress: Callable[[int, int], None] | None = None, *, kind: str = "model",
    specials: Sequence[str] = (),
) -> tuple[Tokenizer, np.ndarray]:  # fmt: skip
    """Return the tokenizer of a run and the ids of the training lines; the main process makes them, the others read the cache.

    Args:
        tokenizer_source: the configuration of a tokenizer to train or load, or a tokenizer.
        corpus: the corpus; only its training lines are used.
        resume_folder: the folder of a run to resume, whose tokenizer is used then.
        progress: called with the number of lines encoded and in all.
        kind: kind of the model folders of the run.
        specials: further special tokens of a vocabulary that is trained.

    Raises:
        ArtifactError: the processes have different vocabularies, or there is nothing to resume from.
        InputError: the tokenizer's ids are not those that models are trained on.
    """

    def prepare_data() -> tuple[Tokenizer, np.ndarray]:
        tokenizer = _resolve_tokenizer(tokenizer_source, corpus, resume_folder, kind, specials)
        return tokenizer, encode_to_memmap(
            corpus.train, tokenizer, progress=progress if process_group.is_main else None
        )

    of_main = prepare_data() if process_group.is_main else None
    signature = process_group.broadcast_object(of_main[0].signature if of_main else None)
    tokenizer, ids = of_main or prepare_data()
    if tokenizer.signature != signature:
        raise ArtifactError(
            "프로세스마다 어휘가 다릅니다. 캐시 폴더(KORLM_CACHE)를 함께 쓰게 하거나 토크나이저 폴더를 --tokenizer로 주세요.",
            "The processes have different vocabularies. Share a cache folder (KORLM_CACHE), or give a tokenizer folder.",
        )
    return tokenizer, ids


def _resolve_tokenizer(
    tokenizer_source: TokenizerConfig | Tokenizer, corpus: Corpus, resume_folder: Path | None, kind: str,
    specials: Sequence[str],
) -> Tokenizer:  # fmt: skip
    if resume_folder is not None:
        read_artifact_config(resume_folder / "last", kind)  # raises if there is nothing to resume from
        return load_tokenizer(resume_folder / "last" / "tokenizer")
    if isinstance(tokenizer_source, Tokenizer):
        return _require_eos_id(tokenizer_source)
    name = tokenizer_source.tokenizer
    if Path(name).is_dir() or name not in TOKENIZER_UNITS:  # a folder, or on the Hub
        return _require_eos_id(load_tokenizer(name))
    return _train_or_load_cached(tokenizer_source, corpus, specials)


def _train_or_load_cached(config: TokenizerConfig, corpus: Corpus, specials: Sequence[str]) -> Tokenizer:
    """Return a tokenizer trained on the training lines, or the cached one of an earlier run on the same lines.

    Training takes minutes for 600,000 reviews, and every run on them needs the same tokenizer.
    """
    identity = lines_sha256(corpus.train), config.tokenizer, config.vocab_size, __version__, *specials
    folder = cache_path("tokenizers", *identity)
    if folder.is_dir():
        with contextlib.suppress(KorlmError):  # damaged: trained again below
            cached = load_tokenizer(folder)
            # another signature: the analyzer has changed since
            if cached.signature == read_artifact_config(folder, "tokenizer")["signature"]:
                return cached
    tokenizer = train_tokenizer(config.tokenizer, corpus.train, vocab_size=config.vocab_size or None, specials=specials)
    with contextlib.suppress(KorlmError):  # a cache that cannot be written does not stop the run
        tokenizer.save(folder)
    return tokenizer


def _require_eos_id(tokenizer: Tokenizer) -> Tokenizer:
    if tokenizer.specials.get("</s>") != EOS_ID:
        raise InputError(
            f"{tokenizer.name}의 ID 배치(</s>가 {EOS_ID}번이 아님)로는 배울 수 없습니다. korlm.train_tokenizer로 만든 것을 쓰세요.",
            f"The ids of {tokenizer.name} (</s> is not {EOS_ID}) cannot be trained on. Use one of korlm.train_tokenizer.",
        )
    return tokenizer
