"""The results of an experiment: rows (a tokenizer and a cell, over its seeds), pairs of rows, baselines, learning curves.

All of it is computed from the finished runs in the folder, without the corpus and the models.

>>> reversed_pairs([PairedDifference(0, 1, 0.03, None, 0.0, 0.01, None)], [PairedDifference(0, 1, -0.05, None, 0.0, 0.01, None)])[0].difference
-0.05
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations, product
from operator import ne
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
from korlm.reporting.statistics import MIN_SEEDS

_DRAWS_PER_PAIR = 100  # so that the smallest p, 2 / draws, is 0.02 after Holm's correction
_MAX_VALID_DRAWS = 1000  # of intervals; tests need more


@dataclass(frozen=True)
class ResultRow:
    """The results of a tokenizer and a cell; figures of runs are means over seeds.

    Attributes:
        label: the tokenizer.
        cell: the recurrent cell.
        seeds: seeds of the finished runs.
        unit: unit of the tokenizer.
        vocab_size: vocabulary size.
        lossless: False for the classical ``<unk>``, whose bits do not cover the whole text and compare with no other row.
        unknown: by split, the fraction of segments not in the vocabulary.
        pieces_per_character: by split, tokens a character; ``</s>`` and the line end count.
        hidden: hidden width.
        parameters: ``embedding``, ``recurrent``, ``output``, ``total``.
        seconds: training time.
        pieces: training tokens.
        training_characters: characters of those tokens.
        flops: training FLOPs.
        memory: peak memory of a run in bytes, or None if the system does not report it.
        valid: bits per character on valid.
        test: bits per character on test.
        each: bits per character of each seed on test.
        perplexity: perplexity a token on test; comparable only within one vocabulary.
        marginal: bits per character on test over all segmentations (`korlm.score_marginal`), or None if not scored.
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
        """Whether there are too few seeds for an interval over seeds."""
        return len(self.seeds) < MIN_SEEDS


@dataclass(frozen=True)
class ExperimentResult:
    """The results of an experiment; a report states nothing else.

    Attributes:
        config: the configuration.
        metadata: ``experiment.json``.
        rows: in the order of the configuration; rows without a finished run are left out.
        pairs: tested differences: all tokenizers within a cell, all cells of a tokenizer.
        marginal_pairs: the same over all segmentations, of the rows that have such a score.
        baselines: from `korlm.experiments.baselines`, or None if not measured yet.
        curves: label, cell, seed and points of each run.
        unfinished_runs: names of the runs that are not finished.
        draws: bootstrap draws over test lines.
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
        """Return plain values for JSON, without the curves."""
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
        rows = {"first": self.rows[pair.first], "second": self.rows[pair.second]}
        names = {place: [row.label, row.cell] for place, row in rows.items()}
        verdicts = {"significant": pair.significant, "beyond_seeds": pair.significant_across_seeds}
        return asdict(pair) | names | verdicts


def collect_results(store: ExperimentFolder) -> ExperimentResult:
    """Compute the results from the finished runs of a folder.

    Raises:
        ArtifactError: the folder holds no experiment, or it is damaged.
        InputError: no run is finished.
    """
    config, metadata = store.read_metadata()
    results = {run.name: store.load_result(run.name) for run in config.run_specs()}
    by_row: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for run in config.run_specs():
        if result := results[run.name]:
            by_row[run.tokenizer.slug, run.cell].append(result)
    keys = [key for key in product((spec.slug for spec in config.tokenizer_specs), config.cells) if key in by_row]
    if not keys:
        raise InputError(
            f"{store.path}에 끝난 학습이 없어 보고서를 쓸 수 없습니다. 먼저 korlm experiment를 돌리세요.",
            f"No run of {store.path} is finished, so there is nothing to report. Run korlm experiment first.",
        )
    rows_results = [by_row[key] for key in keys]
    bits = {
        split: [np.stack([store.load_bits(result["name"], split) for result in row]) for row in rows_results]
        for split in SCORED_SPLITS
    }
    counts = {split: store.load_character_counts(split) for split in SCORED_SPLITS}
    vocabularies = [store.load_vocabulary_info(slug) or {} for slug, _ in keys]
    pairs = _comparable_pairs(keys, [info["lossless"] for info in vocabularies])
    # p is at least 2 / draws, which Holm's correction multiplies by the number of pairs
    test_draws = max(config.resamples, _DRAWS_PER_PAIR * len(pairs))
    draws = {"valid": min(_MAX_VALID_DRAWS, config.resamples), "test": test_draws}
    resampled = {split: bootstrap_scores(bits[split], counts[split], resamples=draws[split]) for split in SCORED_SPLITS}
    marginal_scores, marginal_pairs = _collect_marginal_scores(store, config.marginal, rows_results, pairs, test_draws)
    rows, curves = [], []
    for index, (info, row_results) in enumerate(zip(vocabularies, rows_results, strict=True)):
        estimates = {
            split: estimate_score(bits[split][index], counts[split], resampled[split][:, index])
            for split in SCORED_SPLITS
        }
        seed_scores = (bits["test"][index].sum(axis=1) / counts["test"].sum()).tolist()
        rows.append(_build_row(info, row_results, estimates, seed_scores, marginal_scores[index]))
        curves += [_build_curve(result, info) for result in row_results]
    return ExperimentResult(
        config,
        metadata,
        rows,
        pairs=compare_pairs(bits["test"], counts["test"], resampled["test"], pairs),
        marginal_pairs=marginal_pairs,
        baselines=store.load_baselines(),
        curves=curves,
        unfinished_runs=[name for name, result in results.items() if result is None],
        draws=test_draws,
    )


def reversed_pairs(
    pairs: Sequence[PairedDifference], marginal_pairs: Sequence[PairedDifference]
) -> list[PairedDifference]:
    """Return the marginal pairs that contradict the pair of canonical segmentations, both differences significant."""
    canonical = {(pair.first, pair.second): pair for pair in pairs}
    return [
        pair
        for pair in marginal_pairs
        if (other := canonical.get((pair.first, pair.second))) is not None
        and pair.significant and other.significant and pair.difference * other.difference < 0
    ]  # fmt: skip


def _collect_marginal_scores(
    store: ExperimentFolder,
    beam: int,
    rows_results: Sequence[Sequence[dict[str, Any]]],
    pairs: Sequence[tuple[int, int]],
    draws: int,
) -> tuple[list[ScoreEstimate | None], list[PairedDifference]]:
    """Return each row's bits per character over all segmentations, None if a seed is not scored, and the tested pairs.

    ``pairs`` are indices of rows, which are compared if both are scored; ``draws`` are bootstrap draws over test lines.
    """
    bits_by_row: dict[int, np.ndarray] = {}
    for index, row_results in enumerate(rows_results):
        bits_of_seeds = [store.load_marginal_bits(result["name"], beam) for result in row_results]
        if all(bits is not None for bits in bits_of_seeds):
            bits_by_row[index] = np.stack([bits for bits in bits_of_seeds if bits is not None])
    estimates: list[ScoreEstimate | None] = [None] * len(rows_results)
    if not bits_by_row:
        return estimates, []
    counts, bits = store.load_character_counts("test"), list(bits_by_row.values())
    resampled = bootstrap_scores(bits, counts, resamples=draws)
    column = {index: place for place, index in enumerate(bits_by_row)}
    for index, row_bits in bits_by_row.items():
        estimates[index] = estimate_score(row_bits, counts, resampled[:, column[index]])
    scored = [(first, second) for first, second in pairs if first in column and second in column]
    tested = compare_pairs(bits, counts, resampled, [(column[first], column[second]) for first, second in scored])
    return estimates, [
        replace(pair, first=first, second=second) for pair, (first, second) in zip(tested, scored, strict=True)
    ]


def _comparable_pairs(keys: Sequence[tuple[str, str]], lossless: Sequence[bool]) -> list[tuple[int, int]]:
    """Return the pairs of lossless rows that differ in one thing, the tokenizer or the cell.

    >>> _comparable_pairs([("byte", "gru"), ("byte", "lstm"), ("jamo", "lstm"), ("word-unk", "gru")], [True, True, True, False])
    [(0, 1), (1, 2)]
    """
    usable = [index for index, is_lossless in enumerate(lossless) if is_lossless]
    return [(row, other) for row, other in combinations(usable, 2) if sum(map(ne, keys[row], keys[other])) == 1]


def _build_row(
    vocabulary_info: dict[str, Any],
    results: Sequence[dict[str, Any]],
    estimates: dict[str, ScoreEstimate],
    seed_scores: list[float],
    marginal: ScoreEstimate | None,
) -> ResultRow:
    first = results[0]
    vocabulary_keys = ("unit", "vocab_size", "lossless", "unknown", "pieces_per_character")
    mean_keys = ("seconds", "pieces", "flops")
    means: dict[str, Any] = {key: float(np.mean([result[key] for result in results])) for key in mean_keys}
    bits_per_token = float(np.mean([result["test"]["bits_per_piece"] for result in results]))
    return ResultRow(
        label=first["label"],
        cell=first["cell"],
        seeds=[result["seed"] for result in results],
        **{name: vocabulary_info[name] for name in vocabulary_keys},
        hidden=first["net"]["hidden"],
        parameters={name: first["parameters"][name] for name in ("embedding", "recurrent", "output", "total")},
        **means,
        training_characters=means["pieces"] / vocabulary_info["pieces_per_character"]["train"],
        memory=max((result["memory"] for result in results if result["memory"]), default=None),
        valid=estimates["valid"],
        test=estimates["test"],
        each=seed_scores,
        perplexity=2.0**bits_per_token,
        marginal=marginal,
    )


def _build_curve(result: dict[str, Any], vocabulary_info: dict[str, Any]) -> dict[str, Any]:
    """Return the learning curve of a run: validation bits per character against characters, FLOPs and seconds."""
    tokens_per_character = vocabulary_info["pieces_per_character"]["train"]
    points = [
        {
            "characters": entry["pieces"] / tokens_per_character, "flops": entry["pieces"] * result["flops_per_piece"],
            "seconds": entry["seconds"], "valid_bpc": entry["valid_bpc"],
        }
        for entry in result["history"]
    ]  # fmt: skip
    return {**{name: result[name] for name in ("label", "cell", "seed")}, "points": points}
