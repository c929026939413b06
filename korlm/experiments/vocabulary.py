"""A row's vocabulary: made from the training split, kept in the experiment's folder, measured once for all its cells.

>>> from korlm.corpora.registry import split_lines
>>> import tempfile
>>> corpus = split_lines("lines", [f"가나다 {number}" for number in range(200)])
>>> facts = make_vocabulary(corpus, TokenizerSpec.parse("syllable"), Path(tempfile.mkdtemp()))
>>> facts["vocab_size"] - 260, facts["unknown"]["test"]  # 가 나 다, a space, ten digits
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
from korlm.experiments.folder import count_characters
from korlm.storage.artifacts import write_json
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer
from korlm.tokenizers.train import train_tokenizer

_UNLIMITED_VOCAB_SIZE = 10**9  # more pieces than any text has
_LINES_PER_BATCH = 2_000


def make_vocabulary(
    corpus: Corpus,
    spec: TokenizerSpec,
    folder: Path,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Make a tokenizer's vocabulary, save it, encode the training text into the cache, and measure it.

    Args:
        corpus: the vocabulary is made from its training split alone.
        spec: which.
        folder: where ``SLUG/`` (the tokenizer) and ``SLUG.json`` (what is returned) go.
        progress: called with training lines encoded and lines in all.

    Returns:
        Plain values: ``vocab_size``, ``signature``, ``lossless``, ``unit``, ``train_pieces`` (one ``</s>`` a line
        included), ``pieces_per_character`` and ``unknown`` (share of the cuts that the vocabulary lacks, before any
        fallback) by split, ``seconds``.
    """
    begun = time.perf_counter()
    tokenizer = _make_tokenizer(spec, corpus.train)
    tokenizer.save(folder / spec.slug)
    trained = len(encode_to_memmap(corpus.train, tokenizer, progress=progress))
    facts: dict[str, Any] = {
        "label": spec.label,
        "unit": tokenizer.unit,
        "vocab_size": tokenizer.vocab_size,
        "signature": tokenizer.signature,
        "lossless": tokenizer.lossless and tokenizer.on_unknown == "fallback",
        "train_pieces": trained,
        "pieces_per_character": {"train": trained / count_characters(corpus.train)},
        "unknown": {},
    }
    for side in ("valid", "test"):
        lines = getattr(corpus, side)
        pieces, cuts, lacking = _count_tokens(tokenizer, lines)
        facts["pieces_per_character"][side] = (pieces + len(lines)) / max(1, count_characters(lines))
        facts["unknown"][side] = lacking / max(1, cuts)
    facts["seconds"] = time.perf_counter() - begun
    write_json(folder / f"{spec.slug}.json", facts)
    return facts


def _make_tokenizer(spec: TokenizerSpec, lines: Sequence[str]) -> Tokenizer:
    if spec.is_folder:
        return load_tokenizer(spec.name)
    if spec.on_unknown == "unk":
        size = spec.vocab_size or _UNLIMITED_VOCAB_SIZE
        return train_tokenizer(spec.name, lines, vocab_size=size, min_count=1, on_unknown="unk")
    return train_tokenizer(spec.name, lines, vocab_size=spec.vocab_size or None)


def _count_tokens(tokenizer: Tokenizer, lines: Sequence[str]) -> tuple[int, int, int]:
    """Return pieces, cuts, and cuts that the vocabulary lacks."""
    pieces = cuts = lacking = 0
    for first in range(0, len(lines), _LINES_PER_BATCH):
        for encoding in tokenizer.encode_batch(lines[first : first + _LINES_PER_BATCH], workers=2):
            pieces += len(encoding.ids)
            cuts += len(encoding.segments)
            lacking += len(tokenizer.oov_segments(encoding))
    return pieces, cuts, lacking
