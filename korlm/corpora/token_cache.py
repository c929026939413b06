"""Encode the lines of a split into one array of token ids, cached by content and tokenizer signature.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> encode_to_memmap(["ab"], byte_tokenizer(), cache=False).tolist()
[101, 102, 2]
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from korlm.corpora.memmap import lines_sha256
from korlm.corpora.streaming import batch_by_characters
from korlm.errors import ArtifactError
from korlm.storage.cache import cache_path
from korlm.storage.npy import AppendableNpy
from korlm.tokenizers.base import EOS_ID, Tokenizer


def encode_to_memmap(
    lines: Sequence[str],
    tokenizer: Tokenizer,
    *,
    workers: int = 2,
    cache: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """Encode lines into one array: the ids of each line, followed by ``</s>``.

    Args:
        lines: the text.
        tokenizer: encodes the lines.
        workers: the analyzer's threads.
        cache: keep the array in the cache folder and return it memory-mapped; if the folder is not writable, the array
            is held in memory.
        progress: called with the number of lines done and in all.

    Returns:
        ``[N]``, uint16, or uint32 if the vocabulary needs it; read-only if memory-mapped.

    Raises:
        ArtifactError: the disk is full.
    """
    path = cache_path("tokens", lines_sha256(lines), tokenizer.signature, suffix=".npy")
    if cache and path.is_file():
        try:
            return np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, OSError):
            path.unlink(missing_ok=True)  # damaged: encoded again below
    arrays = _encode_batches(lines, tokenizer, workers, progress)
    if not cache or not _is_writable_folder(path.parent):
        return np.concatenate([np.empty(0, id_dtype(tokenizer)), *arrays])
    try:
        _write_npy(path, id_dtype(tokenizer), arrays)
    except ArtifactError:
        raise
    except OSError as error:
        raise ArtifactError(
            f"{path}에 쓰지 못했습니다 ({error.strerror}). 디스크에 자리를 만들거나 KORLM_CACHE로 다른 폴더를 정하세요.",
            f"Cannot write {path} ({error.strerror}). Make room on the disk, or name another folder by KORLM_CACHE.",
        ) from error
    return np.load(path, mmap_mode="r", allow_pickle=False)


def id_dtype(tokenizer: Tokenizer) -> np.dtype:
    """Return the smallest type that holds every id of a tokenizer: little-endian uint16 or uint32."""
    return np.dtype("<u2" if tokenizer.vocab_size <= 2**16 else "<u4")


def _encode_batches(
    lines: Sequence[str], tokenizer: Tokenizer, workers: int, progress: Callable[[int, int], None] | None
) -> Iterator[np.ndarray]:
    num_done = 0
    for batch in batch_by_characters(lines):
        yield tokenizer.encode_array(batch, workers=workers, eos=EOS_ID).ids.astype(id_dtype(tokenizer))
        num_done += len(batch)
        if progress:
            progress(num_done, len(lines))


def _write_npy(path: Path, dtype: np.dtype, arrays: Iterator[np.ndarray]) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    os.close(handle)
    try:
        with closing(AppendableNpy(Path(name), dtype)) as file:
            for array in arrays:
                file.append(array)
            file.finish()
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _is_writable_folder(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
