"""Load corpora by name or path, in splits that depend on the hash of each line.

>>> corpus = load_corpus("kolaw")
>>> len(corpus.train) > len(corpus.valid) > 0
True
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

from korlm.corpora.download import download_wikitext2
from korlm.corpora.files import read_lines
from korlm.corpora.memmap import SPLITS, MemmapLines, Splits, cached_splits, in_memory_splits, split_digest
from korlm.errors import CorpusError, UnknownNameError
from korlm.storage.artifacts import data_folder
from korlm.storage.names import check_name
from korlm.text.josa import quote_with_josa
from korlm.text.spans import check_list, check_text

BUNDLED_CORPORA = ("kolaw", "kobill")


@dataclass(frozen=True)
class Corpus:
    """Lines in three splits; those of a large corpus are memory-mapped (`korlm.corpora.memmap`).

    Attributes:
        name: the name or path that it was loaded by.
        train: training lines, without line ends; `valid` and `test` likewise.
        known_digest: its digest, if known.
    """

    name: str
    train: Sequence[str] = field(repr=False)
    valid: Sequence[str] = field(repr=False)
    test: Sequence[str] = field(repr=False)
    known_digest: str = field(default="", repr=False, compare=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all lines with their splits: the ``data hash`` of a model trained on it."""
        return self.known_digest or split_digest((self.train, self.valid, self.test))


def assign_split(line: str, *, valid: float = 0.05, test: float = 0.05) -> str:
    """Return the split of a line, which depends on its hash alone.

    Equal lines are in the same split, and adding lines moves no other line.

    >>> assign_split("대한민국은 민주공화국이다.")
    'test'
    """
    digest = hashlib.blake2b(line.encode(), digest_size=8).digest()
    fraction = int.from_bytes(digest, "big") / 2**64
    return "test" if fraction < test else "valid" if fraction < test + valid else "train"


def split_lines(name: str, lines: Iterable[str]) -> Corpus:
    """Split lines by hash, 90 : 5 : 5.

    Raises:
        CorpusError: no lines.
        InputError: a single string, or a line that is not one.
    """
    check_list(lines, "line")
    return _build_corpus(name, in_memory_splits(_assign_splits(lines)))


def _assign_splits(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((assign_split(check_text(line)), line) for line in lines)


def _build_corpus(name: str, splits: Splits) -> Corpus:
    if not (splits.train or splits.valid or splits.test):
        raise CorpusError(
            f"말뭉치 '{name}'이(가) 비었습니다. 글이 든 파일을 쓰세요.",
            f"The corpus '{name}' is empty. Use a file with text.",
        )
    return Corpus(name, splits.train, splits.valid, splits.test, splits.digest)


def load_corpus(name: str | Path, *, column: str | int | None = None, limit: int | None = None) -> Corpus:
    """Load a corpus.

    Args:
        name: ``kolaw`` or ``kobill`` (bundled), ``reviews`` (from ``KORLM_CORPORA``), ``wikitext2`` (from
            ``KORLM_CORPORA``, else downloaded into the cache), or a .txt, .tsv, .csv or .jsonl file (also .gz).
        column: the field that holds the text; see `korlm.corpora.files.read_lines`.
        limit: maximum number of training lines.

    Raises:
        UnknownNameError: neither a name nor a file.
        InputError: neither a str nor a Path, or empty.
        CorpusError: unreadable or empty, or it cannot be downloaded.
    """
    check_name(name, f"{', '.join(BUNDLED_CORPORA)}, reviews, wikitext2")
    if name in BUNDLED_CORPORA:
        paths = sorted((data_folder() / "corpora" / str(name)).glob("*.txt"))
        corpus = split_lines(str(name), (line.strip() for path in paths for line in read_lines(path)))
    elif name == "reviews":
        corpus = _load_reviews()
    elif name == "wikitext2":
        # lines lose the space at their end, not the one at their start: every word is " word"
        files = download_wikitext2()
        corpus = _load_presplit("wikitext2", files, lambda path: (line.rstrip() for line in read_lines(path)))
    elif Path(name).is_file():
        path = Path(name)
        splits = cached_splits([path], f"lines {column!r}", lambda: _assign_splits(read_lines(path, column=column)))
        corpus = _build_corpus(str(name), splits)
    else:
        raise UnknownNameError(
            f"{quote_with_josa(name, '이라는/라는')} 말뭉치도 파일도 없습니다. 쓸 수 있는 이름: {', '.join(BUNDLED_CORPORA)}, reviews, wikitext2.",
            f"There is no corpus and no file '{name}'. Names: {', '.join(BUNDLED_CORPORA)}, reviews, wikitext2.",
        )
    if limit is not None:
        train = corpus.train
        first_lines = train.head(limit) if isinstance(train, MemmapLines) else train[:limit]
        corpus = Corpus(corpus.name, first_lines, corpus.valid, corpus.test)
    return corpus


def _load_reviews() -> Corpus:
    root = os.environ.get("KORLM_CORPORA", "")
    folder = Path(root) / "nsmc_reviews"
    if not root or not folder.is_dir():
        raise CorpusError(
            "영화평 말뭉치를 찾지 못했습니다. nsmc_reviews/{train,valid,test}.tsv.gz가 든 폴더를 KORLM_CORPORA로 알려 주세요.",
            "The reviews were not found. Set KORLM_CORPORA to the folder that holds "
            "nsmc_reviews/{train,valid,test}.tsv.gz.",
        )
    files = {split: folder / f"{split}.tsv.gz" for split in SPLITS}
    return _load_presplit("reviews", files, partial(read_lines, column=2))


def _load_presplit(name: str, files: Mapping[str, Path], read_split: Callable[[Path], Iterable[str]]) -> Corpus:
    """Return a corpus that has one file a split."""

    def iter_split_lines() -> Iterator[tuple[str, str]]:
        return ((split, line) for split, path in files.items() for line in read_split(path))

    return _build_corpus(name, cached_splits(list(files.values()), name, iter_split_lines))
