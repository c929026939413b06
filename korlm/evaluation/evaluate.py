"""Intrinsic evaluation of tokenizers on the same lines, with confidence intervals and a signature.

>>> result = evaluate_tokenizers(["나는 간다", "너는 온다"], ["word", "syllable"], resamples=10)
>>> result["syllable"].values["ids_per_eojeol"].value
2.5
>>> result.signature.split("|")[:3]
['eval', 'lines:2', 'chars:10']

Statistics are collected per line and summed afterwards (as sacrebleu does: Post 2018), so that a bootstrap over lines is
cheap. All tokenizers share the resamples, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from korlm._version import __version__
from korlm.corpora.memmap import lines_sha256
from korlm.errors import CorpusError, InputError
from korlm.evaluation.corpus_statistics import CorpusStatistics, add_entropy_columns, collect_statistics
from korlm.evaluation.gold.alignment import GoldSentence, read_gold
from korlm.evaluation.metrics import GOLD_KEYS, METRICS, TEXT_KEYS, TokenizerMetrics
from korlm.evaluation.result import Evaluation
from korlm.evaluation.vocabulary_profile import vocabulary_lengths, vocabulary_scripts
from korlm.reporting.statistics import MetricEstimate, bootstrap_sums, percentile_interval
from korlm.text.spans import check_list
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer


def evaluate_tokenizers(
    lines: Sequence[str] | None,
    names: Sequence[str | Path | Tokenizer],
    *,
    gold: str | Path | Sequence[GoldSentence] | None = None,
    width: int = 256,
    resamples: int = 1000,
    seed: int = 0,
    workers: int = 2,
    confidence: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate tokenizers on the same lines; `korlm.evaluation.metrics.METRICS` defines the metrics.

    Args:
        lines: the text, one sentence a line; blank lines are ignored. None takes the texts of the gold sentences.
        names: tokenizer names, folders or tokenizers.
        gold: a ``.conllu`` file (also ``.gz``) or sentences of `read_gold`, for the agreement with gold morphemes.
        width: embedding width, for the number of embedding parameters.
        resamples: number of bootstrap resamples of the lines, for percentile intervals.
        seed: seed of the resamples.
        workers: number of the tokenizers' threads or processes.
        confidence: confidence level of the intervals, between 0 and 1.
        progress: called with the number of lines done and in all, including gold sentences.

    Raises:
        InputError: no tokenizer, one named twice, or an option out of its range.
        CorpusError: no text, or an invalid gold file.
        UnknownNameError, AnalyzerError, MissingDependencyError: as `load_tokenizer` and `Tokenizer.encode_batch` do.

    Example:
        >>> evaluate_tokenizers(["나는 간다"], ["word"], resamples=2).to_csv().split(",")[:3]
        ['name', 'unit', 'ids']
    """
    check_evaluation_options(width=width, resamples=resamples, confidence=confidence)
    tokenizers = load_named_tokenizers(names)
    sentences = read_gold(gold) if isinstance(gold, (str, Path)) else list(gold or [])
    texts = _nonblank_texts(lines, sentences)
    same_lines = lines is None
    total = len(texts) + (0 if same_lines else len(sentences))
    options = {"width": width, "resamples": resamples, "seed": seed}
    models = list(tokenizers.values())

    def report_after(offset: int) -> Callable[[int, int], None]:
        return lambda done, _: progress(offset + done, total) if progress else None

    statistics, agreement = collect_statistics(
        texts, models, gold=sentences if same_lines else (), workers=workers, progress=report_after(0)
    )
    metrics = _compute_metrics(statistics, models, TEXT_KEYS, **options)
    if sentences:
        gold_statistics = statistics
        if not same_lines:
            gold_statistics, _ = collect_statistics(
                [sentence.text for sentence in sentences], models,
                gold=sentences, workers=workers, progress=report_after(len(texts)),
            )  # fmt: skip
        metrics |= _compute_metrics(gold_statistics, models, GOLD_KEYS, **options)
    settings = f"boot:{resamples}|seed:{seed}|ci:{confidence * 100:g}"
    return Evaluation(
        rows=tuple(
            TokenizerMetrics(
                name, tokenizer.unit, tokenizer.signature,
                {key: values.to_estimate(index, confidence) for key, values in metrics.items()},
                vocabulary_scripts(tokenizer), vocabulary_lengths(tokenizer),
            )
            for index, (name, tokenizer) in enumerate(tokenizers.items())
        ),
        agreement=tuple(tuple(map(float, row)) for row in agreement),
        signature=_evaluation_signature(texts, settings, gold, sentences),
        lines=len(texts),
        characters=sum(map(len, texts)),
        confidence=confidence,
        gold=_gold_summary(sentences, gold_statistics[0]) if sentences else {},
        samples={key: values.samples for key, values in metrics.items() if values.samples is not None},
    )  # fmt: skip


class _MetricValues(NamedTuple):
    """A metric of all tokenizers, ``[T]``, and its values in the resamples, ``[T, R]``, or None."""

    values: np.ndarray
    samples: np.ndarray | None

    def to_estimate(self, index: int, confidence: float) -> MetricEstimate:
        value = float(self.values[index])
        interval = percentile_interval(self.samples[index], confidence) if self.samples is not None else None
        return MetricEstimate(value if np.isfinite(value) else None, *(interval or (None, None)))


def _compute_metrics(
    statistics: Sequence[CorpusStatistics],
    tokenizers: Sequence[Tokenizer],
    keys: Sequence[str],
    *,
    width: int,
    resamples: int,
    seed: int,
) -> dict[str, _MetricValues]:
    """Compute metrics of the corpus and of every resample."""
    for corpus in statistics:
        add_entropy_columns(corpus)
    names = list(statistics[0].columns)
    columns = [corpus.columns[name] for corpus in statistics for name in names]
    sums = bootstrap_sums(columns, resamples=resamples, seed=seed)
    values: dict[str, list[float]] = {key: [] for key in keys}
    samples: dict[str, list[np.ndarray]] = {key: [] for key in keys if METRICS[key].has_interval}
    for index, (corpus, tokenizer) in enumerate(zip(statistics, tokenizers, strict=True)):
        totals = {name: float(corpus.columns[name].sum()) for name in names}
        constants = {
            "vocab_size": tokenizer.vocab_size,
            "width": width,
            "types": corpus.num_types,
            "unknown_types": corpus.num_unknown_types,
            "power_mean": totals["power"] / max(totals["ids"], 1),
        }
        resampled = dict(zip(names, sums[:, index * len(names) : (index + 1) * len(names)].T, strict=True))
        for key in keys:
            values[key].append(METRICS[key].compute(totals | constants))
            if key in samples:
                samples[key].append(METRICS[key].compute(resampled | constants))
    return {
        key: _MetricValues(np.array(values[key]), np.stack(samples[key]) if key in samples else None) for key in keys
    }


def load_named_tokenizers(names: Sequence[str | Path | Tokenizer]) -> dict[str, Tokenizer]:
    """Return tokenizers by unique names: those of the same name get their vocabulary size, then a number.

    Raises:
        InputError: no tokenizer, or one named twice.
    """
    check_list(names, '"kiwi"')
    if not names:
        raise InputError("토크나이저를 하나 이상 고르세요.", "Choose at least one tokenizer.")
    keys = [name.signature if isinstance(name, Tokenizer) else str(name) for name in names]
    if duplicates := [name for index, name in enumerate(names) if keys[index] in keys[:index]]:
        name = getattr(duplicates[0], "name", duplicates[0])
        raise InputError(
            f"토크나이저 '{name}'을(를) 두 번 적었습니다. 하나만 남기세요.",
            f"The tokenizer '{name}' is named twice. Name it once.",
        )
    loaded = [name if isinstance(name, Tokenizer) else load_tokenizer(name) for name in names]
    named: dict[str, Tokenizer] = {}
    for tokenizer in loaded:
        unique = sum(other.name == tokenizer.name for other in loaded) == 1
        base = label = tokenizer.name if unique else f"{tokenizer.name}:{tokenizer.vocab_size}"
        number = 2
        while label in named:
            label = f"{base}#{number}"
            number += 1
        named[label] = tokenizer
    return named


def check_evaluation_options(*, width: int, resamples: int, confidence: float) -> None:
    """Raise an `InputError` if an option is out of its range."""
    for name, value in (("width", width), ("resamples", resamples)):
        if value < 1:
            raise InputError(
                f"{name}은(는) 1 이상이어야 합니다 (받은 값: {value}).", f"{name} must be at least 1, not {value}."
            )
    if not 0 < confidence < 1:
        raise InputError(
            f"confidence는 0과 1 사이여야 합니다 (받은 값: {confidence}).",
            f"confidence must be between 0 and 1, not {confidence}.",
        )


def _nonblank_texts(lines: Sequence[str] | None, sentences: Sequence[GoldSentence]) -> list[str]:
    if lines is None and not sentences:
        raise InputError("잴 글이 없습니다. lines나 gold를 주세요.", "There is no text to measure. Give lines or gold.")
    texts = [line for line in lines if line.strip()] if lines is not None else [sentence.text for sentence in sentences]
    if not texts:
        raise CorpusError("말뭉치가 비었습니다. 글이 든 줄을 주세요.", "The corpus is empty. Give lines with text.")
    return texts


def _gold_summary(sentences: Sequence[GoldSentence], statistics: CorpusStatistics) -> dict[str, int]:
    """Return the counts of the gold sentences, which are the same for all tokenizers."""
    totals = {name: int(column.sum()) for name, column in statistics.columns.items()}
    return {
        "sentences": len(sentences),
        "tokens": sum(sentence.num_tokens for sentence in sentences),
        "unplaced_tokens": sum(sentence.num_unaligned for sentence in sentences),
        "eojeol": sum(len(sentence.eojeol) for sentence in sentences),
        "certain_eojeol": totals["gold_eojeol"],
        "boundaries": totals["gold_boundaries"],
        "boundaries_inside_syllables": totals["in_syllable_boundaries"],
        "forms": totals["gold_forms"],
    }


def _evaluation_signature(
    texts: Sequence[str],
    settings: str,
    gold: str | Path | Sequence[GoldSentence] | None,
    sentences: Sequence[GoldSentence],
) -> str:
    parts = [f"eval|lines:{len(texts)}|chars:{sum(map(len, texts))}|sha:{lines_sha256(texts)[:8]}", settings]
    if sentences:
        name = Path(gold).name.split(".")[0] if isinstance(gold, (str, Path)) else "sentences"
        digest = lines_sha256(f"{s.text}\t{[(m.form, m.start, m.end) for m in s.morphemes]}" for s in sentences)[:8]
        parts.append(f"gold:{name}|gsha:{digest}|tie:skip")
    return "|".join([*parts, f"korlm:{__version__}"])
