"""Statistics of each line and tokenizer as integer arrays: counted once, summed for totals and resamples.

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
_BATCH_LINES = 2_000  # lines whose encodings are in memory at once: about 40 MB
_MAX_UNMERGED_BATCHES = 64  # batches of types before they are merged
RENYI_ALPHA = 2.5


@dataclass
class CorpusStatistics:
    """Statistics of a corpus under one tokenizer.

    Attributes:
        columns: named columns of integers, each ``[lines]``: `TEXT_COLUMNS`, and the fields of `GoldCounts` if there is
            gold; after `add_entropy_columns` also ``surprisal`` and ``power`` (floats).
        ids: all token ids, line after line, in the smallest type that fits the vocabulary.
        id_counts: ``[V]``, the frequency of each token id.
        num_types: number of distinct segments.
        num_unknown_types: number of distinct out-of-vocabulary segments.
    """

    columns: dict[str, np.ndarray]
    ids: np.ndarray
    id_counts: np.ndarray
    num_types: int
    num_unknown_types: int


@dataclass
class _StatisticsBuilder:
    """The statistics of one tokenizer while they are collected."""

    tokenizer: Tokenizer
    rows: list[np.ndarray] = field(default_factory=list)
    ids: list[np.ndarray] = field(default_factory=list)
    known_types: list[np.ndarray] = field(default_factory=list)
    unknown_types: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dtype = id_dtype(self.tokenizer)

    def add_batch(self, encodings: Sequence[Encoding], gold: Sequence[GoldCounts]) -> np.ndarray:
        """Count a batch; return its segment boundaries as offsets in the batch's text, one character between lines."""
        known: set[str] = set()
        unknown: set[str] = set()
        rows, boundaries, offset = [], [], 0
        for line, encoding in enumerate(encodings):
            oov = self.tokenizer.oov_segments(encoding)
            for index, segment in enumerate(encoding.segment_texts):
                (unknown if index in oov else known).add(segment)
            rows.append((*self._count_line(encoding, len(oov)), *(gold[line] if gold else ())))
            boundaries += [offset + boundary for boundary in segment_boundaries(encoding)]
            offset += len(encoding.text) + 1
        self.rows.append(np.array(rows, np.int32))
        self.ids.append(np.fromiter((i for encoding in encodings for i in encoding.ids), self.dtype))
        self.known_types = _append_types(self.known_types, known)
        self.unknown_types = _append_types(self.unknown_types, unknown)
        return np.array(sorted(boundaries), np.int64)

    def _count_line(self, encoding: Encoding, num_oov: int) -> tuple[int, ...]:
        """Return the values of `TEXT_COLUMNS`."""
        text, eojeol = encoding.text, eojeol_spans(encoding.text)
        num_bytes = sum(token_id in self.tokenizer.byte_token_ids for token_id in encoding.ids)
        return (
            1, len(text), len(text.encode()), len(eojeol), len(encoding.ids), len(encoding.segments), num_oov, num_bytes,
            count_whole_eojeols(encoding.spans, eojeol),
        )  # fmt: skip

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
    """Encode lines batch by batch and count them; the encodings are not kept.

    Memory grows by about 36 bytes a line, 2 to 4 bytes an id and 8 bytes a type, for each tokenizer.

    Args:
        lines: at least one line.
        tokenizers: all of them encode the same batch, so that their boundaries can be compared.
        gold: the gold sentences of ``lines``, in the same order, or none.
        workers: number of the tokenizers' threads or processes.
        progress: called with the number of lines done and in all.

    Returns:
        The statistics of each tokenizer, and the boundary agreement inside eojeol over all lines, ``[T, T]``.
    """
    builders = [_StatisticsBuilder(tokenizer) for tokenizer in tokenizers]
    common = np.zeros((len(builders), len(builders)), np.int64)
    for first in range(0, len(lines), _BATCH_LINES):
        batch = lines[first : first + _BATCH_LINES]
        references = [reference_eojeols(sentence) for sentence in gold[first : first + _BATCH_LINES]]
        boundaries = []
        for builder in builders:
            encodings = builder.tokenizer.encode_batch(batch, workers=workers)
            scores = list(map(score_sentence, encodings, references))
            boundaries.append(builder.add_batch(encodings, scores))
        common += [[len(np.intersect1d(a, b, assume_unique=True)) for b in boundaries] for a in boundaries]
        if progress:
            progress(min(first + _BATCH_LINES, len(lines)), len(lines))
    names = (*TEXT_COLUMNS, *(GoldCounts._fields if gold else ()))
    return [builder.build(names) for builder in builders], _jaccard_matrix(common)


def add_entropy_columns(statistics: CorpusStatistics) -> None:
    """Add to each line the sums over its tokens of which the entropies are computed.

    With ``p`` the probability of a token in all lines, ``surprisal`` is the sum of ``-log2 p`` (bits) and ``power`` the
    sum of ``p ** (alpha - 1)``: their means over tokens are Shannon's entropy and ``sum(p ** alpha)``.
    """
    probs = statistics.id_counts / statistics.id_counts.sum()
    with np.errstate(divide="ignore"):
        surprisal = np.where(probs > 0, -np.log2(probs), 0.0)
    ends = np.cumsum(statistics.columns["ids"], dtype=np.int64)
    for name, weight in (("surprisal", surprisal), ("power", probs ** (RENYI_ALPHA - 1))):
        running = np.concatenate([[0.0], np.cumsum(weight[statistics.ids])])
        statistics.columns[name] = np.diff(running[np.concatenate([[0], ends])])


def count_whole_eojeols(spans: Sequence[Span], eojeol: Sequence[Span]) -> int:
    """Return the number of eojeol that are exactly one token.

    >>> count_whole_eojeols([(0, 2), (2, 4), (4, 5)], [(0, 2), (3, 5)])
    1
    """
    starts = [start for start, _ in spans]
    whole = 0
    for start, end in eojeol:
        last = bisect_right(starts, start) - 1  # the last token that starts at or before the eojeol
        alone = last >= 0 and spans[last][1] >= end and (last == 0 or spans[last - 1][1] <= start)
        whole += alone and (last + 1 == len(starts) or starts[last + 1] >= end)
    return whole


def _append_types(hashes: list[np.ndarray], types: set[str]) -> list[np.ndarray]:
    """Add types as 64-bit hashes; the probability of a collision among two million is 10^-7."""
    hashes = [*hashes, np.fromiter(map(hash, types), np.int64, len(types))]
    return [np.unique(np.concatenate(hashes))] if len(hashes) > _MAX_UNMERGED_BATCHES else hashes


def _jaccard_matrix(common: np.ndarray) -> np.ndarray:
    sizes = np.diag(common)
    union = sizes[:, None] + sizes[None, :] - common
    return np.where(union > 0, common / np.maximum(union, 1), 1.0)
