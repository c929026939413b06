"""Statistics of each line and tokenizer as integer arrays: counted once, so that totals and resamples cost little.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> statistics, agreements = collect_statistics(["나는 간다", "가"], [load_tokenizer("syllable")])
>>> statistics[0].columns["ids"].tolist(), statistics[0].columns["whole"].tolist(), agreements.tolist()
([5, 1], [0, 1], [[1.0]])
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from korlm.corpora.token_cache import id_dtype
from korlm.evaluation.boundaries import segment_boundaries
from korlm.evaluation.gold.alignment import GoldSentence
from korlm.evaluation.gold.scores import GoldCounts, reference_eojeols, score_sentence
from korlm.text.spans import Span, eojeol_spans
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.encoding import Encoding

TEXT_COLUMNS = ("lines", "characters", "bytes", "eojeol", "ids", "segments", "unknown", "byte_ids", "whole")
_BATCH_LINES = 2_000  # lines whose encodings are held at once: about 40 MB
_MAX_UNMERGED_BATCHES = 64  # batches of types that are kept apart before they are merged
RENYI_ALPHA = 2.5


@dataclass
class CorpusStatistics:
    """What one tokenizer made of the lines.

    Attributes:
        columns: for each name ``[lines]`` integers: `TEXT_COLUMNS`, and the fields of `GoldCounts` where gold was
            given; after `add_entropy_columns` also ``surprisal`` and ``power`` (floats).
        ids: all ids, line after line, in the smallest type that holds the vocabulary.
        id_counts: ``[V]`` how often each id occurs.
        num_types: distinct segments.
        num_unknown_types: those of them that the vocabulary lacks.
    """

    columns: dict[str, np.ndarray]
    ids: np.ndarray
    id_counts: np.ndarray
    num_types: int
    num_unknown_types: int


@dataclass
class _StatisticsBuilder:
    """The growing statistics of one tokenizer."""

    tokenizer: Tokenizer
    rows: list[np.ndarray] = field(default_factory=list)
    ids: list[np.ndarray] = field(default_factory=list)
    known_types: list[np.ndarray] = field(default_factory=list)
    unknown_types: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dtype = id_dtype(self.tokenizer)

    def add_batch(self, encodings: Sequence[Encoding], gold: Sequence[GoldCounts]) -> np.ndarray:
        """Count a batch; return its cuts as places in the batch's text, one character between lines."""
        known: set[str] = set()
        lacking: set[str] = set()
        rows, places, offset = [], [], 0
        for index, encoding in enumerate(encodings):
            unknown = self.tokenizer.oov_segments(encoding)
            for number, stretch in enumerate(encoding.segment_texts):
                (lacking if number in unknown else known).add(stretch)
            rows.append((*self._count_line(encoding, len(unknown)), *(gold[index] if gold else ())))
            places += [offset + cut for cut in segment_boundaries(encoding)]
            offset += len(encoding.text) + 1
        self.rows.append(np.array(rows, np.int32))
        self.ids.append(np.fromiter((i for encoding in encodings for i in encoding.ids), self.dtype))
        self.known_types, self.unknown_types = (
            _append_types(self.known_types, known),
            _append_types(self.unknown_types, lacking),
        )
        return np.array(sorted(places), np.int64)

    def _count_line(self, encoding: Encoding, unknown: int) -> tuple[int, ...]:
        text, eojeol = encoding.text, eojeol_spans(encoding.text)
        return (
            1,
            len(text),
            len(text.encode()),
            len(eojeol),
            len(encoding.ids),
            len(encoding.segments),
            unknown,
            sum(number in self.tokenizer.byte_token_ids for number in encoding.ids),
            count_whole_eojeols(encoding.spans, eojeol),
        )

    def build(self, names: Sequence[str]) -> CorpusStatistics:
        table = np.concatenate(self.rows)
        ids = np.concatenate(self.ids)
        unknown = np.unique(np.concatenate(self.unknown_types))
        types = np.unique(np.concatenate([*self.known_types, unknown]))
        counts = np.bincount(ids, minlength=self.tokenizer.vocab_size)
        columns = {name: np.ascontiguousarray(table[:, index]) for index, name in enumerate(names)}
        return CorpusStatistics(columns, ids, counts, len(types), len(unknown))


def collect_statistics(
    lines: Sequence[str],
    tokenizers: Sequence[Tokenizer],
    *,
    gold: Sequence[GoldSentence] = (),
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[CorpusStatistics], np.ndarray]:
    """Encode lines batch by batch, count, and drop the encodings.

    Memory grows by about 36 bytes a line, 2 to 4 bytes an id and 8 bytes a type, for each tokenizer.

    Args:
        lines: at least one.
        tokenizers: all of them read the same batch, so that their cuts can be compared.
        gold: the gold sentences of ``lines``, in the same order, or none.
        workers: the tokenizers' threads or processes.
        progress: called with lines done and lines in all.

    Returns:
        The statistics of each tokenizer, and ``[T, T]`` shares of common cuts inside eojeol over all lines.
    """
    tallies = [_StatisticsBuilder(tokenizer) for tokenizer in tokenizers]
    shared = np.zeros((len(tallies), len(tallies)), np.int64)
    for first in range(0, len(lines), _BATCH_LINES):
        batch = lines[first : first + _BATCH_LINES]
        ready = [reference_eojeols(sentence) for sentence in gold[first : first + _BATCH_LINES]]
        places = []
        for tally in tallies:
            encodings = tally.tokenizer.encode_batch(batch, workers=workers)
            scores = (
                [score_sentence(encoding, one) for encoding, one in zip(encodings, ready, strict=True)] if gold else []
            )
            places.append(tally.add_batch(encodings, scores))
        shared += [[len(np.intersect1d(one, other, assume_unique=True)) for other in places] for one in places]
        if progress:
            progress(min(first + _BATCH_LINES, len(lines)), len(lines))
    names = (*TEXT_COLUMNS, *(GoldCounts._fields if gold else ()))
    return [tally.build(names) for tally in tallies], _jaccard_matrix(shared)


def add_entropy_columns(statistics: CorpusStatistics) -> None:
    """Add to each line the sums over its ids that entropy's first-order change depends on.

    With ``p`` the share of an id in all lines: ``surprisal`` is the sum of ``-log2 p`` (bits), ``power`` the sum of
    ``p ** (alpha - 1)``, so that their means over ids are Shannon's entropy and ``sum(p ** alpha)``.
    """
    share = statistics.id_counts / statistics.id_counts.sum()
    with np.errstate(divide="ignore"):
        surprisal = np.where(share > 0, -np.log2(share), 0.0)
    ends = np.cumsum(statistics.columns["ids"], dtype=np.int64)
    for name, weight in (("surprisal", surprisal), ("power", share ** (RENYI_ALPHA - 1))):
        running = np.concatenate([[0.0], np.cumsum(weight[statistics.ids])])
        statistics.columns[name] = np.diff(running[np.concatenate([[0], ends])])


def count_whole_eojeols(spans: Sequence[Span], eojeol: Sequence[Span]) -> int:
    """Return how many eojeol are covered by one id alone.

    >>> count_whole_eojeols([(0, 2), (2, 4), (4, 5)], [(0, 2), (3, 5)])
    1
    """
    starts = [start for start, _ in spans]
    whole = 0
    for start, end in eojeol:
        last = bisect_right(starts, start) - 1  # the last id that begins at the eojeol or before
        alone = last >= 0 and spans[last][1] >= end and (last == 0 or spans[last - 1][1] <= start)
        whole += alone and (last + 1 == len(starts) or starts[last + 1] >= end)
    return whole


def _append_types(hashes: list[np.ndarray], types: set[str]) -> list[np.ndarray]:
    """Keep types as 64-bit hashes: one in 10^7 chances that two of two million meet."""
    hashes = [*hashes, np.fromiter(map(hash, types), np.int64, len(types))]
    return [np.unique(np.concatenate(hashes))] if len(hashes) > _MAX_UNMERGED_BATCHES else hashes


def _jaccard_matrix(shared: np.ndarray) -> np.ndarray:
    made = np.diag(shared)
    either = made[:, None] + made[None, :] - shared
    return np.where(either > 0, shared / np.maximum(either, 1), 1.0)
