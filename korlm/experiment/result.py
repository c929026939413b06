"""What an experiment found: rows (a tokenizer and a cell, over its seeds), pairs of rows, floors, learning curves.

All of it is worked out from the finished runs in the folder; nothing is asked of corpus or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from korlm.errors import InputError
from korlm.experiment.config import ExperimentConfig
from korlm.experiment.marginal import collect_marginals
from korlm.experiment.statistics import Measured, Pair, bootstrap, compare_pairs, measure
from korlm.experiment.store import SIDES, Store

ENOUGH_SEEDS = 3
_DRAWS_A_PAIR = 100  # so that the smallest p, 2 / draws, is 0.02 after Holm


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
    valid: Measured
    test: Measured
    each: list[float]
    perplexity: float
    marginal: Measured | None = None

    @property
    def characters_per_second(self) -> float:
        """Training characters a second."""
        return self.training_characters / max(self.seconds, 1e-9)

    @property
    def few_seeds(self) -> bool:
        """Whether there are too few for an interval over seeds."""
        return len(self.seeds) < ENOUGH_SEEDS


@dataclass(frozen=True)
class ExperimentResult:
    """All that a report says.

    Attributes:
        config: what was asked for.
        said: ``experiment.json``.
        rows: in the order of the configuration; those without a finished run are left out.
        pairs: tested differences: all tokenizers within a cell, all cells of a tokenizer.
        summed: the same over all segmentations, of the rows that were measured so.
        floors: of `korlm.experiment.floors`, or None where they are not measured yet.
        curves: for each run its label, cell, seed and points.
        missing: names of the runs that are not finished.
        draws: of the bootstrap over test lines.
    """

    config: ExperimentConfig
    said: dict[str, Any]
    rows: list[ResultRow]
    pairs: list[Pair]
    summed: list[Pair]
    floors: dict[str, Any] | None
    curves: list[dict[str, Any]]
    missing: list[str]
    draws: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: all but the curves."""
        return {
            "signature": self.config.signature,
            "config": self.config.to_dict(),
            "corpus": self.said["corpus"],
            "rows": [{**asdict(row), "characters_per_second": row.characters_per_second} for row in self.rows],
            "pairs": [self._pair(pair) for pair in self.pairs],
            "pairs_marginal": [self._pair(pair) for pair in self.summed],
            "floors": self.floors,
            "missing": self.missing,
            "draws": self.draws,
        }

    def _pair(self, pair: Pair) -> dict[str, Any]:
        first, second = self.rows[pair.first], self.rows[pair.second]
        return {
            **asdict(pair),
            "first": [first.label, first.cell],
            "second": [second.label, second.cell],
            "significant": pair.significant,
            "beyond_seeds": pair.beyond_seeds,
        }


def collect(store: Store) -> ExperimentResult:
    """Return what the finished runs of a folder say.

    Raises:
        ArtifactError: the folder holds no experiment, or it is damaged.
        InputError: no run is finished.
    """
    config, said = store.read()
    results = {run.name: store.result(run.name) for run in config.runs()}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in config.runs():
        if result := results[run.name]:
            groups.setdefault((run.spec.slug, run.cell), []).append(result)
    if not groups:
        raise InputError(
            f"{store.folder}에 끝난 학습이 없어 보고서를 쓸 수 없습니다. 먼저 korlm experiment를 돌리세요.",
            f"No run of {store.folder} is finished, so there is nothing to report. Run korlm experiment first.",
        )
    order = [(spec.slug, cell) for spec in config.specs for cell in config.cells if (spec.slug, cell) in groups]
    ordered = [groups[key] for key in order]
    bits = {side: [_bits(store, results, side) for results in ordered] for side in SIDES}
    counts = {side: store.characters(side) for side in SIDES}
    facts = [store.vocabulary(slug) or {} for slug, _ in order]
    pairs = _pairs(order, [found["lossless"] for found in facts])
    # intervals do with few draws; of a pair no p is under 2 / draws, which Holm multiplies by the number of pairs
    draws = {"valid": min(1000, config.resamples), "test": max(config.resamples, _DRAWS_A_PAIR * len(pairs))}
    resampled = {side: bootstrap(bits[side], counts[side], resamples=draws[side]) for side in SIDES}
    summed, again = collect_marginals(store, config.marginal, ordered, pairs, draws=draws["test"])
    rows = []
    for index in range(len(order)):
        measured = {side: measure(bits[side][index], counts[side], resampled[side][:, index]) for side in SIDES}
        each = (bits["test"][index].sum(axis=1) / counts["test"].sum()).tolist()
        rows.append(_row(facts[index], ordered[index], measured, each, summed[index]))
    tested = compare_pairs(bits["test"], counts["test"], resampled["test"], pairs)
    curves = [_curve(result, found) for found, group in zip(facts, ordered, strict=True) for result in group]
    missing = [name for name, result in results.items() if result is None]
    return ExperimentResult(config, said, rows, tested, again, store.floors(), curves, missing, draws["test"])


def _bits(store: Store, results: Sequence[dict[str, Any]], side: str) -> np.ndarray:
    return np.stack([store.bits(result["name"], side) for result in results])


def _pairs(order: Sequence[tuple[str, str]], lossless: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the pairs that are tested: one thing apart, the tokenizer or the cell; none that is lossy.

    >>> _pairs([("byte", "gru"), ("byte", "lstm"), ("jamo", "lstm"), ("word-unk", "gru")], [True, True, True, False])
    [(0, 1), (1, 2)]
    """
    usable = [index for index, whole in enumerate(lossless) if whole]
    return [
        (one, other)
        for one, other in combinations(usable, 2)
        if (order[one][0] == order[other][0]) != (order[one][1] == order[other][1])
    ]


def _row(
    facts: dict[str, Any],
    results: Sequence[dict[str, Any]],
    measured: dict[str, Measured],
    each: list[float],
    marginal: Measured | None,
) -> ResultRow:
    first = results[0]
    pieces = _mean(results, "pieces")
    memory = [result["memory"] for result in results if result["memory"]]
    bits_per_piece = float(np.mean([result["test"]["bits_per_piece"] for result in results]))
    return ResultRow(
        label=first["label"],
        cell=first["cell"],
        seeds=[result["seed"] for result in results],
        unit=facts["unit"],
        vocab_size=facts["vocab_size"],
        lossless=facts["lossless"],
        unknown=facts["unknown"],
        pieces_per_character=facts["pieces_per_character"],
        hidden=first["net"]["hidden"],
        parameters={name: first["parameters"][name] for name in ("embedding", "recurrent", "output", "total")},
        seconds=_mean(results, "seconds"),
        pieces=pieces,
        training_characters=pieces / facts["pieces_per_character"]["train"],
        flops=_mean(results, "flops"),
        memory=max(memory) if memory else None,
        valid=measured["valid"],
        test=measured["test"],
        each=each,
        perplexity=2.0**bits_per_piece,
        marginal=marginal,
    )


def _mean(results: Sequence[dict[str, Any]], name: str) -> float:
    return float(np.mean([result[name] for result in results]))


def _curve(result: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    per_character = facts["pieces_per_character"]["train"]
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
