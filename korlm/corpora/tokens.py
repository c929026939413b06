"""A split as one array of token ids, each line ended by ``</s>``, cached by content and tokenizer signature.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> token_array(["ab"], byte_tokenizer(), cache=False).tolist()
[101, 102, 2]
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence

import numpy as np

from korlm.artifacts import cache_folder, write_file
from korlm.corpora.sources import content_digest
from korlm.tokenizers.base import EOS_ID, Tokenizer

_BATCH = 10_000


def token_array(
    lines: Sequence[str],
    tokenizer: Tokenizer,
    *,
    workers: int = 2,
    cache: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Encode lines into one stream: ids of a line, ``</s>``, ids of the next.

    Args:
        lines: the text.
        tokenizer: what encodes it.
        workers: the analyzer's threads.
        cache: keep the array under the cache folder and map it into memory the next time.
        progress: called with lines done and lines in all.

    Returns:
        ``[N]`` array of uint16, or uint32 where the vocabulary needs it; read-only where it is mapped.
    """
    key = hashlib.sha256((content_digest(lines) + tokenizer.signature).encode()).hexdigest()[:32]
    path = cache_folder() / "tokens" / f"{key}.npy"
    if cache and path.is_file():
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError):
            path.unlink(missing_ok=True)  # damaged: made again below
    dtype = np.uint16 if tokenizer.vocab_size <= 2**16 else np.uint32
    parts: list[np.ndarray] = [np.empty(0, dtype)]
    for first in range(0, len(lines), _BATCH):
        batch = tokenizer.encode_ids(lines[first : first + _BATCH], workers=workers)
        parts.append(np.fromiter((i for ids in batch for i in (*ids, EOS_ID)), dtype))
        if progress:
            progress(min(first + _BATCH, len(lines)), len(lines))
    array = np.concatenate(parts)
    if cache:
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_file(path, buffer.getvalue())
    return array
