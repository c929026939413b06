"""What a run reads: its vocabulary, made from the training lines or given, and the ids of those lines."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import korlm
from korlm.artifacts import cache_folder, read_config
from korlm.corpora.lines import content_digest
from korlm.corpora.sources import Corpus
from korlm.corpora.tokens import token_array
from korlm.errors import ArtifactError, InputError, KorlmError
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.names import UNITS
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.training import train_tokenizer
from korlm.training.config import TokenizerConfig
from korlm.training.distributed import Ranks


def read(
    asked: TokenizerConfig | Tokenizer,
    corpus: Corpus,
    run: Path | None,
    ranks: Ranks,
    encoding: Callable[[int, int], None] | None = None,
    *,
    kind: str = "model",
    specials: Sequence[str] = (),
) -> tuple[Tokenizer, np.ndarray]:
    """Return the vocabulary and the ids of the training lines; the first process makes them, the others take them
    from the cache.

    Args:
        asked: which vocabulary: to be made or loaded, or a tokenizer that there is.
        corpus: whose training lines it is.
        run: the folder of a run to go on with, whose vocabulary it is then.
        ranks: the processes.
        encoding: called with lines encoded and lines in all.
        kind: of the folders of such a run.
        specials: further special tokens of a vocabulary that is to be made.
    """

    def make() -> tuple[Tokenizer, np.ndarray]:
        tokenizer = _tokenizer(asked, corpus, run, kind, specials)
        return tokenizer, token_array(corpus.train, tokenizer, progress=encoding if ranks.first else None)

    made = make() if ranks.first else None
    signature = ranks.agree(made[0].signature if made else None)
    found = made or make()
    if found[0].signature != signature:
        raise ArtifactError(
            "프로세스마다 어휘가 다릅니다. 캐시 폴더(KORLM_CACHE)를 함께 쓰게 하거나 토크나이저 폴더를 --tokenizer로 주세요.",
            "The processes have different vocabularies. Share a cache folder (KORLM_CACHE), or give a tokenizer folder.",
        )
    return found


def _tokenizer(
    asked: TokenizerConfig | Tokenizer, corpus: Corpus, run: Path | None, kind: str, specials: Sequence[str]
) -> Tokenizer:
    if run is not None:
        read_config(run / "last", kind)  # says so where there is nothing to go on from
        return load_tokenizer(run / "last" / "tokenizer")
    if isinstance(asked, Tokenizer):
        return _fit(asked)
    if Path(asked.tokenizer).is_dir() or asked.tokenizer not in UNITS:  # a folder, or on the Hub
        return _fit(load_tokenizer(asked.tokenizer))
    return _made(asked, corpus, specials)


def _made(config: TokenizerConfig, corpus: Corpus, specials: Sequence[str]) -> Tokenizer:
    """Return the vocabulary of the training lines: made, or kept from an earlier run on the same lines.

    It takes minutes for 600,000 reviews, and every run on them wants the same one.
    """
    asked = "|".join(
        map(str, (content_digest(corpus.train), config.tokenizer, config.vocab_size, korlm.__version__, *specials))
    )
    folder = cache_folder() / "tokenizers" / hashlib.sha256(asked.encode()).hexdigest()[:32]
    if folder.is_dir():
        with contextlib.suppress(KorlmError):  # damaged: made again below
            kept = load_tokenizer(folder)
            if kept.signature == read_config(folder, "tokenizer")["signature"]:  # no newer analyzer since
                return kept
    tokenizer = train_tokenizer(config.tokenizer, corpus.train, vocab_size=config.vocab_size or None, specials=specials)
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
