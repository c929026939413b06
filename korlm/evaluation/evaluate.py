"""`evaluate_tokenizers`: intrinsic metrics of tokenizers on the same lines, with intervals and a signature.

>>> result = evaluate_tokenizers(["나는 간다", "너는 온다"], ["word", "syllable"], resamples=10)
>>> result["syllable"].values["ids_per_eojeol"].value
2.5
>>> result.signature.split("|")[:3]
['eval', 'lines:2', 'chars:10']

Statistics of each line come first and are added up after (as sacrebleu does: Post 2018), so that a bootstrap over lines
costs little; each resample is the same for all tokenizers, so that differences are paired.
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
    """Measure tokenizers on the same lines; `korlm.evaluation.metrics.METRICS` defines each figure.

    Args:
        lines: the text, a line a sentence; blank lines are left out. None takes the gold sentences' texts.
        names: tokenizer names, folders or tokenizers.
        gold: a ``.conllu`` file (also ``.gz``) or sentences of `read_gold`, for the fit to gold morphemes.
        width: the embedding's width, for the count of its parameters.
        resamples: bootstrap draws over lines; percentile intervals come from them.
        seed: of the draws.
        workers: the tokenizers' threads or processes.
        confidence: of the intervals, between 0 and 1.
        progress: called with lines done and lines in all, gold sentences among them.

    Raises:
        InputError: no tokenizer, one named twice, or a number out of its range.
        CorpusError: no text, or a gold file that cannot be used.
        UnknownNameError, AnalyzerError, MissingDependencyError: as `load_tokenizer` and `Tokenizer.encode_batch` do.

    Example:
        >>> evaluate_tokenizers(["나는 간다"], ["word"], resamples=2).to_csv().split(",")[:3]
        ['name', 'unit', 'ids']
    """
    check_evaluation_options(width=width, resamples=resamples, confidence=confidence)
    tokenizers = load_named_tokenizers(names)
    sentences = read_gold(gold) if isinstance(gold, (str, Path)) else list(gold or [])
    texts = _nonblank_texts(lines, sentences)
    draw = _Bootstrap(width, resamples, seed)
    same = lines is None
    report = _ProgressOffset(progress, len(texts) + (0 if same else len(sentences)))
    measured = list(tokenizers.values())
    own, shares = collect_statistics(
        texts, measured, gold=sentences if same else (), workers=workers, progress=report.callback_from(0)
    )
    found = draw.compute_metrics(own, measured, TEXT_KEYS)
    if sentences:
        gold_texts = [sentence.text for sentence in sentences]
        at = report.callback_from(len(texts))
        fitted = (
            own if same else collect_statistics(gold_texts, measured, gold=sentences, workers=workers, progress=at)[0]
        )
        found |= draw.compute_metrics(fitted, measured, GOLD_KEYS)
    told = f"boot:{resamples}|seed:{seed}|ci:{confidence * 100:g}"
    return Evaluation(
        rows=tuple(
            _tokenizer_metrics(name, tokenizer, {key: one.to_estimate(index, confidence) for key, one in found.items()})
            for index, (name, tokenizer) in enumerate(tokenizers.items())
        ),
        agreement=tuple(tuple(map(float, row)) for row in shares),
        signature=_evaluation_signature(texts, told, _gold_name(gold), sentences),
        lines=len(texts),
        characters=sum(map(len, texts)),
        confidence=confidence,
        gold=_gold_summary(sentences, fitted[0]) if sentences else {},
        samples={key: one.samples for key, one in found.items() if one.samples is not None},
    )


class _MetricValues(NamedTuple):
    """A metric of all tokenizers: ``[T]`` values and, where it is resampled, ``[T, R]`` samples."""

    values: np.ndarray
    samples: np.ndarray | None

    def to_estimate(self, index: int, confidence: float) -> MetricEstimate:
        value = float(self.values[index])
        ends = percentile_interval(self.samples[index], confidence) if self.samples is not None else None
        return MetricEstimate(value if np.isfinite(value) else None, *(ends or (None, None)))


class _Bootstrap(NamedTuple):
    """What turns statistics into figures."""

    width: int
    resamples: int
    seed: int

    def compute_metrics(
        self, statistics: Sequence[CorpusStatistics], tokenizers: Sequence[Tokenizer], keys: Sequence[str]
    ) -> dict[str, _MetricValues]:
        """Work out metrics of the totals and of every resample."""
        for one in statistics:
            add_entropy_columns(one)
        names = list(statistics[0].columns)
        columns = [one.columns[name] for one in statistics for name in names]
        drawn = bootstrap_sums(columns, resamples=self.resamples, seed=self.seed)
        values: dict[str, list[float]] = {key: [] for key in keys}
        samples: dict[str, list[np.ndarray]] = {key: [] for key in keys if METRICS[key].has_interval}
        for index, (one, tokenizer) in enumerate(zip(statistics, tokenizers, strict=True)):
            totals = {name: float(one.columns[name].sum()) for name in names}
            fixed = {
                "vocab_size": tokenizer.vocab_size,
                "width": self.width,
                "types": one.num_types,
                "unknown_types": one.num_unknown_types,
                "power_mean": totals["power"] / max(totals["ids"], 1),
            }
            resampled = dict(zip(names, drawn[:, index * len(names) : (index + 1) * len(names)].T, strict=True))
            for key in keys:
                values[key].append(METRICS[key].compute(totals | fixed))
                if key in samples:
                    samples[key].append(METRICS[key].compute(resampled | fixed))
        return {
            key: _MetricValues(np.array(values[key]), np.stack(samples[key]) if key in samples else None)
            for key in keys
        }


def _tokenizer_metrics(name: str, tokenizer: Tokenizer, values: dict[str, MetricEstimate]) -> TokenizerMetrics:
    scripts, lengths = vocabulary_scripts(tokenizer), vocabulary_lengths(tokenizer)
    return TokenizerMetrics(name, tokenizer.unit, tokenizer.signature, values, scripts, lengths)


class _ProgressOffset(NamedTuple):
    """Hands progress on, counted over lines and gold sentences together."""

    progress: Callable[[int, int], None] | None
    total: int

    def callback_from(self, offset: int) -> Callable[[int, int], None]:
        return lambda done, _: self.progress(offset + done, self.total) if self.progress else None


def load_named_tokenizers(names: Sequence[str | Path | Tokenizer]) -> dict[str, Tokenizer]:
    """Return tokenizers by a name each of its own: two of one name get their vocabulary sizes, then numbers.

    Raises:
        InputError: none, or one named twice.
    """
    if not names:
        raise InputError("토크나이저를 하나 이상 고르세요.", "Choose at least one tokenizer.")
    keys = [name if isinstance(name, Tokenizer) else str(name) for name in names]
    if twice := [key for index, key in enumerate(keys) if key in keys[:index]]:
        name = getattr(twice[0], "name", twice[0])
        raise InputError(
            f"토크나이저 '{name}'을(를) 두 번 적었습니다. 하나만 남기세요.",
            f"The tokenizer '{name}' is named twice. Name it once.",
        )
    loaded = [name if isinstance(name, Tokenizer) else load_tokenizer(name) for name in names]
    found: dict[str, Tokenizer] = {}
    for tokenizer in loaded:
        alike = sum(other.name == tokenizer.name for other in loaded)
        label = tokenizer.name if alike == 1 else f"{tokenizer.name}:{tokenizer.vocab_size}"
        number = 2
        while label in found:
            label = f"{label.split('#')[0]}#{number}"
            number += 1
        found[label] = tokenizer
    return found


def check_evaluation_options(*, width: int, resamples: int, confidence: float) -> None:
    """Raise an `InputError` for an option out of its range."""
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
    texts = [line for line in lines if line.strip()] if lines is not None else [one.text for one in sentences]
    if not texts:
        raise CorpusError("말뭉치가 비었습니다. 글이 든 줄을 주세요.", "The corpus is empty. Give lines with text.")
    return texts


def _gold_summary(sentences: Sequence[GoldSentence], statistics: CorpusStatistics) -> dict[str, int]:
    """Return what the gold holds: the same for all tokenizers."""
    counted = {
        name: int(statistics.columns[name].sum())
        for name in ("gold_eojeol", "gold_boundaries", "in_syllable_boundaries", "gold_forms")
    }
    return {
        "sentences": len(sentences),
        "tokens": sum(sentence.num_tokens for sentence in sentences),
        "unplaced_tokens": sum(sentence.num_unaligned for sentence in sentences),
        "eojeol": sum(len(sentence.eojeol) for sentence in sentences),
        "certain_eojeol": counted["gold_eojeol"],
        "boundaries": counted["gold_boundaries"],
        "boundaries_inside_syllables": counted["in_syllable_boundaries"],
        "forms": counted["gold_forms"],
    }


def _evaluation_signature(texts: Sequence[str], settings: str, gold: str, sentences: Sequence[GoldSentence]) -> str:
    parts = [f"eval|lines:{len(texts)}|chars:{sum(map(len, texts))}|sha:{lines_sha256(texts)[:8]}", settings]
    parts += [f"gold:{gold}|gsha:{_gold_digest(sentences)}|tie:skip"] if sentences else []
    return "|".join([*parts, f"korlm:{__version__}"])


def _gold_name(gold: str | Path | Sequence[GoldSentence] | None) -> str:
    return Path(gold).name.split(".")[0] if isinstance(gold, (str, Path)) else "sentences"


def _gold_digest(sentences: Sequence[GoldSentence]) -> str:
    return lines_sha256(f"{one.text}\t{[(m.form, m.start, m.end) for m in one.morphemes]}" for one in sentences)[:8]
