"""What an experiment's rows cost over all segmentations: figures with intervals, and pairs tested as those of their own are.

>>> reversed_pairs([PairedDifference(0, 1, 0.03, None, 0.0, 0.01, None)], [PairedDifference(0, 1, -0.05, None, 0.0, 0.01, None)])[0].difference
-0.05
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from korlm.experiment.statistics import PairedDifference, ScoreEstimate, bootstrap_scores, compare_pairs, estimate_score
from korlm.experiment.store import ExperimentFolder


def collect_marginal_scores(
    store: ExperimentFolder,
    beam: int,
    rows: Sequence[Sequence[dict[str, Any]]],
    pairs: Sequence[tuple[int, int]],
    *,
    draws: int,
) -> tuple[list[ScoreEstimate | None], list[PairedDifference]]:
    """Return each row's bits per character over all segmentations, None where a seed is not measured, and its pairs.

    Args:
        store: the experiment's folder.
        beam: what was measured with.
        rows: the results of each row's seeds.
        pairs: of rows, those to be tested where both are measured.
        draws: of the bootstrap over test lines.
    """
    found = [[store.load_marginal_bits(result["name"], beam) for result in results] for results in rows]
    seeds = [[bits for bits in own if bits is not None] for own in found]
    known = {index: np.stack(own) for index, own in enumerate(seeds) if len(own) == len(rows[index])}
    measured: list[ScoreEstimate | None] = [None] * len(rows)
    if not known:
        return measured, []
    counts, bits = store.load_character_counts("test"), list(known.values())
    resampled = bootstrap_scores(bits, counts, resamples=draws)
    for column, (index, own) in enumerate(known.items()):
        measured[index] = estimate_score(own, counts, resampled[:, column])
    place = {index: column for column, index in enumerate(known)}
    usable = [(first, second) for first, second in pairs if first in place and second in place]
    tested = compare_pairs(bits, counts, resampled, [(place[first], place[second]) for first, second in usable])
    return measured, [
        replace(pair, first=first, second=second) for pair, (first, second) in zip(tested, usable, strict=True)
    ]


def reversed_pairs(
    pairs: Sequence[PairedDifference], marginal_pairs: Sequence[PairedDifference]
) -> list[PairedDifference]:
    """Return the pairs over all segmentations that say the opposite of those over the own ones, both significant."""
    before = {(pair.first, pair.second): pair for pair in pairs}
    return [
        pair
        for pair in marginal_pairs
        if (other := before.get((pair.first, pair.second))) is not None
        and pair.significant and other.significant and pair.difference * other.difference < 0
    ]  # fmt: skip
