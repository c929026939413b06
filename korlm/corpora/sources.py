"""Corpora by name or path, and splits by hash of the line.

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

from korlm.artifacts import data_folder
from korlm.corpora.cache import SPLITS, Splits, held, kept, split_digest
from korlm.corpora.download import wikitext2
from korlm.corpora.files import read_file
from korlm.corpora.lines import StoredLines
from korlm.errors import CorpusError, UnknownNameError
from korlm.text.spans import check_text

BUNDLED = ("kolaw", "kobill")


@dataclass(frozen=True)
class Corpus:
    """Lines in three splits; those of a large corpus stay on disk (see `korlm.corpora.lines`).

    Attributes:
        name: the name or path that it was loaded by.
        train: training lines, without line ends; so are `valid` and `test`.
        known: its digest, where that is known.
    """

    name: str
    train: Sequence[str] = field(repr=False)
    valid: Sequence[str] = field(repr=False)
    test: Sequence[str] = field(repr=False)
    known: str = field(default="", repr=False, compare=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all lines with their splits: the ``data hash`` of a model made from it."""
        return self.known or split_digest((self.train, self.valid, self.test))


def split_of(line: str, *, valid: float = 0.05, test: float = 0.05) -> str:
    """Return the split of a line, by its hash alone: equal lines share a side, and adding lines moves none.

    >>> split_of("대한민국은 민주공화국이다.")
    'test'
    """
    digest = hashlib.blake2b(line.encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    return "test" if place < test else "valid" if place < test + valid else "train"


def split_lines(name: str, lines: Iterable[str]) -> Corpus:
    """Split lines by hash, 90 : 5 : 5.

    Raises:
        CorpusError: no lines.
    """
    return _corpus(name, held(_by_hash(lines)))


def _by_hash(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    return ((split_of(check_text(line)), line) for line in lines)


def _corpus(name: str, splits: Splits) -> Corpus:
    if not (splits.train or splits.valid or splits.test):
        raise CorpusError(
            f"말뭉치 '{name}'이(가) 비었습니다. 글이 든 파일을 쓰세요.",
            f"The corpus '{name}' is empty. Use a file with text.",
        )
    return Corpus(name, splits.train, splits.valid, splits.test, splits.digest)


def load_corpus(name: str | Path, *, column: str | int | None = None, limit: int | None = None) -> Corpus:
    """Load a corpus: ``kolaw`` or ``kobill`` (bundled), ``reviews`` (through ``KORLM_CORPORA``), ``wikitext2`` (through
    ``KORLM_CORPORA``, else fetched into the cache), or a local file.

    Args:
        name: the name, or the path of a .txt, .tsv, .csv or .jsonl file (also .gz).
        column: the field that holds the text; see `korlm.corpora.files.read_file`.
        limit: at most so many training lines.

    Raises:
        UnknownNameError: neither a name nor a file.
        CorpusError: unreadable or empty, or it cannot be fetched.
    """
    if name in BUNDLED:
        files = sorted((data_folder() / "corpora" / str(name)).glob("*.txt"))
        corpus = split_lines(str(name), (line.strip() for path in files for line in read_file(path)))
    elif name == "reviews":
        corpus = _reviews()
    elif name == "wikitext2":
        corpus = _wikitext2()
    elif Path(name).is_file():
        path = Path(name)
        splits = kept([path], f"lines {column!r}", lambda: _by_hash(read_file(path, column=column)))
        corpus = _corpus(str(name), splits)
    else:
        raise UnknownNameError(
            f"'{name}'이라는 말뭉치도 파일도 없습니다. 쓸 수 있는 이름: {', '.join(BUNDLED)}, reviews, wikitext2.",
            f"There is no corpus and no file '{name}'. Names: {', '.join(BUNDLED)}, reviews, wikitext2.",
        )
    if limit is not None:
        train = corpus.train
        some = train.first(limit) if isinstance(train, StoredLines) else train[:limit]
        corpus = Corpus(corpus.name, some, corpus.valid, corpus.test)
    return corpus


def _reviews() -> Corpus:
    root = os.environ.get("KORLM_CORPORA", "")
    folder = Path(root) / "nsmc_reviews"
    if not root or not folder.is_dir():
        raise CorpusError(
            "영화평 말뭉치를 찾지 못했습니다. nsmc_reviews/{train,valid,test}.tsv.gz가 든 폴더를 KORLM_CORPORA로 알려 주세요.",
            "The reviews were not found. Set KORLM_CORPORA to the folder that holds "
            "nsmc_reviews/{train,valid,test}.tsv.gz.",
        )
    return _given("reviews", {side: folder / f"{side}.tsv.gz" for side in SPLITS}, partial(read_file, column=2))


def _wikitext2() -> Corpus:
    """Lines as they stand there, but for the space at their end: each begins with one, so every word is ``" word"``."""
    return _given("wikitext2", wikitext2(), lambda path: (line.rstrip() for line in read_file(path)))


def _given(name: str, files: Mapping[str, Path], read: Callable[[Path], Iterable[str]]) -> Corpus:
    """Return a corpus whose splits are files of their own."""

    def lines() -> Iterator[tuple[str, str]]:
        return ((side, line) for side, path in files.items() for line in read(path))

    return _corpus(name, kept(list(files.values()), name, lines))
