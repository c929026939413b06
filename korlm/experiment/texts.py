"""What an experiment reads: its corpus, and the corpus in counts.

>>> len(load_experiment_corpus("kolaw", limit=40, score_lines=10).test)
10
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from korlm.corpora.sources import Corpus, load_corpus


def load_experiment_corpus(
    name: str, *, column: str | int | None = None, limit: int | None = None, score_lines: int = 0
) -> Corpus:
    """Return the corpus of an experiment.

    Args:
        name: as `korlm.load_corpus` takes it; so are ``column`` and ``limit``.
        column: of a table.
        limit: of training lines.
        score_lines: keep so many first lines of valid and of test; 0: all.

    Raises:
        KorlmError: as `korlm.load_corpus` does.
    """
    corpus = load_corpus(name, column=column, limit=limit)
    if not score_lines:
        return corpus
    return Corpus(corpus.name, corpus.train, corpus.valid[:score_lines], corpus.test[:score_lines])


def count_characters(lines: Sequence[str]) -> int:
    """Return the characters of lines, one line end a line included.

    >>> count_characters(["가나", "다"])
    5
    """
    return sum(map(len, lines)) + len(lines)


def word_statistics(corpus: Corpus) -> dict[str, Any]:
    """Return what the classical count of a word-level model needs.

    Returns:
        ``distinct``: words of the training text between spaces, and one for the end of a line (33,278 of WikiText-2);
        ``unseen``: by split, the share of its words that the training text does not have; ``written_unk``: the share
        that stands as ``<unk>`` in the text already.
    """
    seen = {word for line in corpus.train for word in line.split()}
    shares: dict[str, Any] = {"distinct": len(seen) + 1, "unseen": {}, "written_unk": {}}
    for side in ("valid", "test"):
        every = [word for line in getattr(corpus, side) for word in line.split()]
        shares["unseen"][side] = sum(word not in seen for word in every) / max(1, len(every))
        shares["written_unk"][side] = every.count("<unk>") / max(1, len(every))
    return shares
