"""What an experiment found: rows (a tokenizer and a cell, over its seeds), pairs of rows, floors, learning curves.

All of it is worked out from the finished runs in the folder; nothing is asked of corpus or models.

What an experiment's rows cost over all segmentations: figures with intervals, and pairs tested as those of their own are.

>>> reversed_pairs([PairedDifference(0, 1, 0.03, None, 0.0, 0.01, None)], [PairedDifference(0, 1, -0.05, None, 0.0, 0.01, None)])[0].difference
-0.05
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from korlm.errors import InputError
from korlm.experiments.config import ExperimentConfig
from korlm.experiments.folder import SCORED_SPLITS, ExperimentFolder
from korlm.reporting.significance import (
    PairedDifference,
    ScoreEstimate,
    bootstrap_scores,
    compare_pairs,
    estimate_score,
)


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


MIN_SEEDS_FOR_INTERVAL = 3
_DRAWS_PER_PAIR = 100  # so that the smallest p, 2 / draws, is 0.02 after Holm


@dataclass(frozen=True)
class ResultRow:
    """A tokenizer and a cell; figures of runs are means over seeds.

    Attributes:
        label: the tokenizer.
        cell: of the net.
        seeds: of the finished runs.
        unit: of the tokenizer.
        vocab_size: ids.
        lossless: False for the classical ``<unk>``: its bits do not pay for the whole text, so they compare with no other row.
        unknown: share of the cuts that the vocabulary lacks, by split.
        pieces_per_character: one ``</s>`` a line and its character included, by split.
        hidden: width of the net.
        parameters: ``embedding``, ``recurrent``, ``output``, ``total``.
        seconds: of training.
        pieces: learnt from.
        training_characters: that those pieces stand for.
        flops: of training.
        memory: the most that a run held, bytes, or None where the system does not say.
        valid: bits per character; so is `test`.
        each: bits per character of each seed on ``test``.
        marginal: bits per character on ``test`` over all segmentations (`korlm.score_marginal`), or None where not measured.
        perplexity: a piece, on ``test``; comparable only within one vocabulary.
    """

    label: str
    cell: str
    seeds: list[int]
    unit: str
    vocab_size: int
    lossless: bool
    unknown: dict[str, float]
    pieces_per_character: dict[str, float]
    hidden: int
    parameters: dict[str, int]
    seconds: float
    pieces: float
    training_characters: float
    flops: float
    memory: int | None
    valid: ScoreEstimate
    test: ScoreEstimate
    each: list[float]
    perplexity: float
    marginal: ScoreEstimate | None = None

    @property
    def characters_per_second(self) -> float:
        """Training characters a second."""
        return self.training_characters / max(self.seconds, 1e-9)

    @property
    def has_too_few_seeds(self) -> bool:
        """Whether there are too few for an interval over seeds."""
        return len(self.seeds) < MIN_SEEDS_FOR_INTERVAL


@dataclass(frozen=True)
class ExperimentResult:
    """All that a report says.

    Attributes:
        config: what was asked for.
        metadata: ``experiment.json``.
        rows: in the order of the configuration; those without a finished run are left out.
        pairs: tested differences: all tokenizers within a cell, all cells of a tokenizer.
        marginal_pairs: the same over all segmentations, of the rows that were measured so.
        baselines: of `korlm.experiments.baselines`, or None where they are not measured yet.
        curves: for each run its label, cell, seed and points.
        unfinished_runs: names of the runs that are not finished.
        draws: of the bootstrap over test lines.
    """

    config: ExperimentConfig
    metadata: dict[str, Any]
    rows: list[ResultRow]
    pairs: list[PairedDifference]
    marginal_pairs: list[PairedDifference]
    baselines: dict[str, Any] | None
    curves: list[dict[str, Any]]
    unfinished_runs: list[str]
    draws: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: all but the curves."""
        return {
            "signature": self.config.signature,
            "config": self.config.to_dict(),
            "corpus": self.metadata["corpus"],
            "rows": [{**asdict(row), "characters_per_second": row.characters_per_second} for row in self.rows],
            "pairs": [self._pair_to_dict(pair) for pair in self.pairs],
            "pairs_marginal": [self._pair_to_dict(pair) for pair in self.marginal_pairs],
            "floors": self.baselines,
            "missing": self.unfinished_runs,
            "draws": self.draws,
        }

    def _pair_to_dict(self, pair: PairedDifference) -> dict[str, Any]:
        first, second = self.rows[pair.first], self.rows[pair.second]
        return {
            **asdict(pair),
            "first": [first.label, first.cell],
            "second": [second.label, second.cell],
            "significant": pair.significant,
            "beyond_seeds": pair.significant_across_seeds,
        }


def collect_results(store: ExperimentFolder) -> ExperimentResult:
    """Return what the finished runs of a folder say.

    Raises:
        ArtifactError: the folder holds no experiment, or it is damaged.
        InputError: no run is finished.
    """
    config, said = store.read_metadata()
    results = {run.name: store.load_result(run.name) for run in config.run_specs()}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in config.run_specs():
        if result := results[run.name]:
            groups.setdefault((run.tokenizer_spec.slug, run.cell), []).append(result)
    if not groups:
        raise InputError(
            f"{store.path}에 끝난 학습이 없어 보고서를 쓸 수 없습니다. 먼저 korlm experiment를 돌리세요.",
            f"No run of {store.path} is finished, so there is nothing to report. Run korlm experiment first.",
        )
    order = [
        (spec.slug, cell) for spec in config.tokenizer_specs for cell in config.cells if (spec.slug, cell) in groups
    ]
    ordered = [groups[key] for key in order]
    bits = {side: [_stack_bits(store, results, side) for results in ordered] for side in SCORED_SPLITS}
    counts = {side: store.load_character_counts(side) for side in SCORED_SPLITS}
    facts = [store.load_vocabulary_info(slug) or {} for slug, _ in order]
    pairs = _comparable_pairs(order, [found["lossless"] for found in facts])
    # intervals do with few draws; of a pair no p is under 2 / draws, which Holm multiplies by the number of pairs
    draws = {"valid": min(1000, config.resamples), "test": max(config.resamples, _DRAWS_PER_PAIR * len(pairs))}
    resampled = {side: bootstrap_scores(bits[side], counts[side], resamples=draws[side]) for side in SCORED_SPLITS}
    summed, again = collect_marginal_scores(store, config.marginal, ordered, pairs, draws=draws["test"])
    rows = []
    for index in range(len(order)):
        measured = {
            side: estimate_score(bits[side][index], counts[side], resampled[side][:, index]) for side in SCORED_SPLITS
        }
        each = (bits["test"][index].sum(axis=1) / counts["test"].sum()).tolist()
        rows.append(_build_row(facts[index], ordered[index], measured, each, summed[index]))
    tested = compare_pairs(bits["test"], counts["test"], resampled["test"], pairs)
    curves = [_build_curve(result, found) for found, group in zip(facts, ordered, strict=True) for result in group]
    missing = [name for name, result in results.items() if result is None]
    return ExperimentResult(config, said, rows, tested, again, store.load_baselines(), curves, missing, draws["test"])


def _stack_bits(store: ExperimentFolder, results: Sequence[dict[str, Any]], split: str) -> np.ndarray:
    return np.stack([store.load_bits(result["name"], split) for result in results])


def _comparable_pairs(order: Sequence[tuple[str, str]], lossless: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the pairs that are tested: one thing apart, the tokenizer or the cell; none that is lossy.

    >>> _comparable_pairs([("byte", "gru"), ("byte", "lstm"), ("jamo", "lstm"), ("word-unk", "gru")], [True, True, True, False])
    [(0, 1), (1, 2)]
    """
    usable = [index for index, whole in enumerate(lossless) if whole]
    return [
        (one, other)
        for one, other in combinations(usable, 2)
        if (order[one][0] == order[other][0]) != (order[one][1] == order[other][1])
    ]


def _build_row(
    vocabulary_info: dict[str, Any],
    results: Sequence[dict[str, Any]],
    estimates: dict[str, ScoreEstimate],
    seed_scores: list[float],
    marginal: ScoreEstimate | None,
) -> ResultRow:
    first = results[0]
    pieces = _mean_of_field(results, "pieces")
    memory = [result["memory"] for result in results if result["memory"]]
    bits_per_piece = float(np.mean([result["test"]["bits_per_piece"] for result in results]))
    return ResultRow(
        label=first["label"],
        cell=first["cell"],
        seeds=[result["seed"] for result in results],
        unit=vocabulary_info["unit"],
        vocab_size=vocabulary_info["vocab_size"],
        lossless=vocabulary_info["lossless"],
        unknown=vocabulary_info["unknown"],
        pieces_per_character=vocabulary_info["pieces_per_character"],
        hidden=first["net"]["hidden"],
        parameters={name: first["parameters"][name] for name in ("embedding", "recurrent", "output", "total")},
        seconds=_mean_of_field(results, "seconds"),
        pieces=pieces,
        training_characters=pieces / vocabulary_info["pieces_per_character"]["train"],
        flops=_mean_of_field(results, "flops"),
        memory=max(memory) if memory else None,
        valid=estimates["valid"],
        test=estimates["test"],
        each=seed_scores,
        perplexity=2.0**bits_per_piece,
        marginal=marginal,
    )


def _mean_of_field(results: Sequence[dict[str, Any]], name: str) -> float:
    return float(np.mean([result[name] for result in results]))


def _build_curve(result: dict[str, Any], vocabulary_info: dict[str, Any]) -> dict[str, Any]:
    per_character = vocabulary_info["pieces_per_character"]["train"]
    points = [
        {
            "characters": entry["pieces"] / per_character,
            "flops": entry["pieces"] * result["flops_per_piece"],
            "seconds": entry["seconds"],
            "valid_bpc": entry["valid_bpc"],
        }
        for entry in result["history"]
    ]
    return {"label": result["label"], "cell": result["cell"], "seed": result["seed"], "points": points}
