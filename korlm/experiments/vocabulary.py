"""The vocabulary of an experiment's tokenizer: trained on the training split, stored in the experiment's folder.

>>> from korlm.corpora.registry import split_lines
>>> import tempfile
>>> corpus = split_lines("lines", [f"가나다 {number}" for number in range(200)])
>>> info = make_vocabulary(corpus, TokenizerSpec.parse("syllable"), Path(tempfile.mkdtemp()))
>>> info["vocab_size"] - 260, info["unknown"]["test"]  # 가 나 다, a space, ten digits
(14, 0.0)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from korlm.corpora.registry import Corpus
from korlm.corpora.token_cache import encode_to_memmap
from korlm.experiments.config import TokenizerSpec
from korlm.experiments.folder import SCORED_SPLITS, count_characters
from korlm.storage.artifacts import write_json
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.train import train_tokenizer

_UNLIMITED_VOCAB_SIZE = 10**9
_LINES_PER_BATCH = 2_000


def make_vocabulary(
    corpus: Corpus, spec: TokenizerSpec, folder: Path, *, progress: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Train a tokenizer's vocabulary, save it, encode the training text into the cache, and compute statistics.

    Args:
        corpus: the vocabulary is trained on its training split alone.
        spec: the tokenizer.
        folder: destination of ``SLUG/`` (the tokenizer) and ``SLUG.json`` (the returned statistics).
        progress: called with the numbers of training lines encoded and of all training lines.

    Returns:
        Plain values: ``vocab_size``, ``signature``, ``lossless``, ``unit``, ``train_pieces`` (tokens, one ``</s>`` a line
        included), ``pieces_per_character`` and ``unknown`` (fraction of segments not in the vocabulary, before any
        fallback) by split, ``seconds``.
    """
    start = time.perf_counter()
    tokenizer = _make_tokenizer(spec, corpus.train)
    tokenizer.save(folder / spec.slug)
    train_tokens = len(encode_to_memmap(corpus.train, tokenizer, progress=progress))
    info: dict[str, Any] = {
        "label": spec.label,
        "unit": tokenizer.unit,
        "vocab_size": tokenizer.vocab_size,
        "signature": tokenizer.signature,
        "lossless": tokenizer.lossless and tokenizer.on_unknown == "fallback",
        "train_pieces": train_tokens,
        "pieces_per_character": {"train": train_tokens / count_characters(corpus.train)},
        "unknown": {},
    }
    for split in SCORED_SPLITS:
        lines = getattr(corpus, split)
        tokens, segments, oov_segments = _count_tokens(tokenizer, lines)
        info["pieces_per_character"][split] = (tokens + len(lines)) / max(1, count_characters(lines))
        info["unknown"][split] = oov_segments / max(1, segments)
    info["seconds"] = time.perf_counter() - start
    write_json(folder / f"{spec.slug}.json", info)
    return info


def _make_tokenizer(spec: TokenizerSpec, lines: Sequence[str]) -> Tokenizer:
    if spec.is_folder:
        return load_tokenizer(spec.name)
    if spec.on_unknown == "unk":
        vocab_size = spec.vocab_size or _UNLIMITED_VOCAB_SIZE
        return train_tokenizer(spec.name, lines, vocab_size=vocab_size, min_count=1, on_unknown="unk")
    return train_tokenizer(spec.name, lines, vocab_size=spec.vocab_size or None)


def _count_tokens(tokenizer: Tokenizer, lines: Sequence[str]) -> tuple[int, int, int]:
    """Return the numbers of tokens, of segments, and of segments not in the vocabulary."""
    tokens = segments = oov_segments = 0
    for start in range(0, len(lines), _LINES_PER_BATCH):
        for encoding in tokenizer.encode_batch(lines[start : start + _LINES_PER_BATCH], workers=2):
            tokens += len(encoding.ids)
            segments += len(encoding.segments)
            oov_segments += len(tokenizer.oov_segments(encoding))
    return tokens, segments, oov_segments
