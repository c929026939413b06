"""Corpora by name or path, and splits by hash of the line.

>>> corpus = load_corpus("kolaw")
>>> len(corpus.train) > len(corpus.valid) > 0
True
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from korlm.artifacts import data_folder
from korlm.corpora.cache import kept
from korlm.corpora.download import wikitext2
from korlm.corpora.files import read_file
from korlm.errors import CorpusError, UnknownNameError
from korlm.text.spans import check_text

BUNDLED = ("kolaw", "kobill")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Corpus:
    """Lines in three splits.

    Attributes:
        name: the name or path that it was loaded by.
        train: training lines, without line ends; so are `valid` and `test`.
    """

    name: str
    train: list[str] = field(repr=False)
    valid: list[str] = field(repr=False)
    test: list[str] = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all lines with their splits: the ``data hash`` of a model made from it."""
        return content_digest([*self.train, "\0valid", *self.valid, "\0test", *self.test])


def content_digest(lines: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of lines, each ended by a newline."""
    digest = hashlib.sha256()
    rest = iter(lines)
    while batch := list(islice(rest, 10_000)):  # 4 times as quick as line by line
        digest.update("\n".join([*batch, ""]).encode())
    return digest.hexdigest()


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
    sides: dict[str, list[str]] = {side: [] for side in SPLITS}
    for line in lines:
        sides[split_of(check_text(line))].append(line)
    if not any(sides.values()):
        raise CorpusError(
            f"말뭉치 '{name}'이(가) 비었습니다. 글이 든 파일을 쓰세요.",
            f"The corpus '{name}' is empty. Use a file with text.",
        )
    return Corpus(name, **sides)


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
        corpus = Corpus(str(name), **kept([Path(name)], f"lines {column!r}", lambda: _file(name, column)))
    else:
        raise UnknownNameError(
            f"'{name}'이라는 말뭉치도 파일도 없습니다. 쓸 수 있는 이름: {', '.join(BUNDLED)}, reviews, wikitext2.",
            f"There is no corpus and no file '{name}'. Names: {', '.join(BUNDLED)}, reviews, wikitext2.",
        )
    if limit is not None:
        corpus = Corpus(corpus.name, corpus.train[:limit], corpus.valid, corpus.test)
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
    files = {side: folder / f"{side}.tsv.gz" for side in SPLITS}

    def read() -> dict[str, list[str]]:
        return {side: list(read_file(path, column=2)) for side, path in files.items()}

    return Corpus("reviews", **kept(list(files.values()), "reviews", read))


def _wikitext2() -> Corpus:
    """Lines as they stand there, but for the space at their end: each begins with one, so every word is ``" word"``."""
    files = wikitext2()

    def read() -> dict[str, list[str]]:
        return {side: [line.rstrip() for line in read_file(path)] for side, path in files.items()}

    return Corpus("wikitext2", **kept(list(files.values()), "wikitext2", read))


def _file(name: str | Path, column: str | int | None) -> dict[str, list[str]]:
    corpus = split_lines(str(name), read_file(name, column=column))
    return {side: getattr(corpus, side) for side in SPLITS}
