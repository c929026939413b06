"""The metrics of `evaluate_tokenizers`: one registry for tables, CSV, JSON and plots.

>>> METRICS["ids_per_eojeol"].compute({"ids": 12.0, "eojeol": 4.0})
3.0
>>> METRICS["renyi_efficiency"].better is None
True

Metrics are computed from sums over lines, so that a bootstrap only needs the sums of a resample. Sums are floats, or
arrays with a float per resample.

Sources: Rust et al. (2021), "How Good is Your Tokenizer?"; Park et al. (2020), "An Empirical Study of Tokenization
Strategies for Various Korean NLP Tasks"; Zouhar et al. (2023), "Tokenization and the Noiseless Channel" (but see Cognetta
et al. (2024), "Two Counterexamples to Tokenization and the Noiseless Channel": its efficiency can rise while a model
gets worse, so neither direction is called better); Virpioja et al. (2011), "Empirical Comparison of Evaluation Methods for
Unsupervised Learning of Morphology"; Zeman et al. (2018), "CoNLL 2018 Shared Task".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from korlm.evaluation.corpus_statistics import RENYI_ALPHA
from korlm.i18n import localize
from korlm.reporting.statistics import MetricEstimate

MetricSums = Mapping[str, Any]  # floats, or arrays with a float per resample
MetricUnit = Literal["count", "ratio", "share", "bits"]
_ARROWS = {"higher": " ↑", "lower": " ↓", None: ""}


@dataclass(frozen=True)
class Metric:
    """A metric of a tokenizer."""

    key: str  # its name in CSV and JSON
    ko: str  # its label in Korean
    en: str  # its label in English
    unit: MetricUnit  # ``count``, ``ratio``, ``share`` (0 to 1, shown in percent) or ``bits``
    better: Literal["higher", "lower"] | None  # ``higher``, ``lower``, or None where neither is better in itself
    source: str  # the paper that defines or uses it, or empty
    meaning: str  # the definition
    group: str  # ``length``, ``vocabulary``, ``distribution``, ``boundaries`` or ``forms``: its place in the table
    compute: Callable[[MetricSums], Any] = field(repr=False)  # computes it from sums
    has_interval: bool = True  # whether it has a confidence interval

    def format_label(self, language: str | None) -> str:
        """Return the label, with an arrow that shows which direction is better."""
        return localize(self.ko, self.en, language=language) + _ARROWS[self.better]

    def format(self, value: float) -> str:
        """Return a value in the digits of its unit.

        >>> METRICS["oov"].format(0.0123), METRICS["ids"].format(1234.0), METRICS["entropy"].format(7.0)
        ('1.23%', '1,234', '7.000')
        """
        if self.unit == "share":
            return f"{value * 100:.2f}%"
        return f"{value:,.0f}" if self.unit == "count" else f"{value:.3f}"


@dataclass(frozen=True)
class TokenizerMetrics:
    """The metrics of one tokenizer."""

    name: str  # the tokenizer's name, made unique
    unit: str  # its segmentation unit
    signature: str  # the tokenizer's signature (`Tokenizer.signature`)
    values: dict[str, MetricEstimate]  # an estimate for each key of `METRICS` that was computed
    scripts: dict[str, int]  # number of vocabulary entries in each script
    lengths: dict[str, int]  # number of vocabulary entries of 1, 2, ... characters


METRIC_GROUPS = {
    "length": ("길이", "Length"),
    "vocabulary": ("어휘", "Vocabulary"),
    "distribution": ("토큰의 분포", "Distribution of tokens"),
    "boundaries": ("정답 형태소 경계 (언어학적 적합도, 품질이 아님)", "Gold boundaries (linguistic fit, not quality)"),
    "forms": ("정답 형태소 원형", "Gold forms, restored"),
}


def safe_ratio(numerator: Any, denominator: Any) -> Any:
    """Return a ratio, nan where the denominator is 0.

    >>> safe_ratio(1.0, 4.0), safe_ratio(1.0, 0.0)
    (0.25, nan)
    """
    numerator, denominator = np.asarray(numerator, float), np.asarray(denominator, float)
    undefined = np.full(np.broadcast(numerator, denominator).shape, np.nan)
    ratio = np.divide(numerator, denominator, out=undefined, where=denominator != 0)
    return ratio if ratio.ndim else float(ratio)


def _ratio_of(numerator: str, denominator: str) -> Callable[[MetricSums], Any]:
    return lambda sums: safe_ratio(sums[numerator], sums[denominator])


def _f1_of(hits: str, predicted: str, gold: str) -> Callable[[MetricSums], Any]:
    return lambda sums: safe_ratio(2 * sums[hits], sums[predicted] + sums[gold])


def shannon_entropy(sums: MetricSums) -> Any:
    """Return Shannon's entropy in bits per token: the mean surprisal under the token probabilities in all lines.

    For a resample this is the first-order change (its cross-entropy with the probabilities in all lines): the plug-in
    entropy of a resample is biased low, because rare tokens drop out.
    """
    return safe_ratio(sums["surprisal"], sums["ids"])


def renyi_entropy(sums: MetricSums) -> Any:
    """Return Rényi's entropy of order 2.5 in bits: ``log2(sum(p ** alpha)) / (1 - alpha)``.

    For a resample this is the first-order change of it.
    """
    base = sums["power_mean"]  # sum(p ** alpha) over all lines
    change = safe_ratio(sums["power"], sums["ids"]) / base - 1
    return (np.log(base) + RENYI_ALPHA * change) / np.log(2) / (1 - RENYI_ALPHA)


def renyi_efficiency(counts: np.ndarray, vocab_size: int, *, alpha: float = RENYI_ALPHA) -> float:
    """Return the Rényi entropy of a token distribution divided by ``log |V|`` (Zouhar et al. 2023).

    Args:
        counts: the frequency of each token id.
        vocab_size: ``|V|``, special tokens and bytes included.
        alpha: the order; 1 is Shannon's entropy.

    Example:
        >>> import numpy as np
        >>> round(renyi_efficiency(np.array([5, 5, 5, 5]), 4), 12)
        1.0
    """
    probs = counts[counts > 0] / counts.sum()
    entropy = -(probs * np.log(probs)).sum() if alpha == 1 else np.log((probs**alpha).sum()) / (1 - alpha)
    return float(entropy / np.log(vocab_size))


_RUST, _PARK, _ZOUHAR = "Rust et al. 2021", "Park et al. 2020", "Zouhar et al. 2023"
_VIRPIOJA, _ZEMAN = "Virpioja et al. 2011", "Zeman et al. 2018"
_ALL_METRICS = (
    Metric("ids", "토큰", "tokens", "count", None, "", "ids in all", "length", lambda sums: sums["ids"], False),
    Metric("ids_per_line", "토큰/문장", "tokens/line", "ratio", None, _PARK, "ids per line: the paper's average length",
           "length", _ratio_of("ids", "lines")),
    Metric("ids_per_eojeol", "토큰/어절", "tokens/eojeol", "ratio", None, _RUST, "ids per eojeol: fertility",
           "length", _ratio_of("ids", "eojeol")),
    Metric("ids_per_character", "토큰/글자", "tokens/char", "ratio", None, "", "ids per character",
           "length", _ratio_of("ids", "characters")),
    Metric("characters_per_id", "글자/토큰", "chars/token", "ratio", None, "", "characters per id",
           "length", _ratio_of("characters", "ids")),
    Metric("bytes_per_id", "바이트/토큰", "bytes/token", "ratio", None, "", "UTF-8 bytes per id",
           "length", _ratio_of("bytes", "ids")),
    Metric("characters_per_eojeol", "글자/어절", "chars/eojeol", "ratio", None, "",
           "characters per eojeol, spaces counted: of the text, the same for all", "length", _ratio_of("characters", "eojeol")),
    Metric("bytes_per_eojeol", "바이트/어절", "bytes/eojeol", "ratio", None, "",
           "UTF-8 bytes per eojeol, spaces counted: of the text, the same for all", "length", _ratio_of("bytes", "eojeol")),
    Metric("whole_eojeol", "통째인 어절", "whole eojeol", "share", None, _RUST,
           "eojeol that are one id (the complement of the proportion of continued words)", "length", _ratio_of("whole", "eojeol")),
    Metric("vocab_size", "어휘 크기", "vocabulary", "count", None, "", "ids, special tokens and bytes included",
           "vocabulary", lambda sums: sums["vocab_size"], False),
    Metric("embedding", "임베딩 매개변수", "embedding params", "count", None, "", "vocabulary size times the width",
           "vocabulary", lambda sums: sums["vocab_size"] * sums["width"], False),
    Metric("oov", "어휘 밖 조각", "OOV pieces", "share", "lower", _PARK,
           "segments that the vocabulary lacks, before the fallback", "vocabulary", _ratio_of("unknown", "segments")),
    Metric("oov_types", "어휘 밖 종류", "OOV types", "share", "lower", "",
           "the same of distinct segments", "vocabulary", _ratio_of("unknown_types", "types"), False),
    Metric("byte_ids", "바이트 토큰", "byte tokens", "share", None, "", "ids that are a lone byte",
           "vocabulary", _ratio_of("byte_ids", "ids")),
    Metric("entropy", "엔트로피", "entropy", "bits", None, "Shannon 1948", "Shannon entropy of the ids, bits per id",
           "distribution", shannon_entropy),
    Metric("shannon_efficiency", "섀넌 효율", "Shannon efficiency", "share", None, _ZOUHAR,
           "Shannon entropy over log2 of the vocabulary size", "distribution",
           lambda sums: shannon_entropy(sums) / np.log2(sums["vocab_size"])),
    Metric("renyi_efficiency", "레니 효율 (α=2.5)", "Rényi eff. (α=2.5)", "share", None, _ZOUHAR,
           "Rényi entropy of order 2.5 over log2 of the vocabulary size", "distribution",
           lambda sums: renyi_entropy(sums) / np.log2(sums["vocab_size"])),
    Metric("boundary_precision", "경계 정밀도", "boundary precision", "share", "higher", _VIRPIOJA,
           "boundaries that are gold boundaries; boundaries inside eojeol, by character offset", "boundaries", _ratio_of("correct_boundaries", "boundaries")),
    Metric("boundary_recall", "경계 재현율", "boundary recall", "share", "higher", _VIRPIOJA,
           "gold boundaries that are cut; those inside a syllable are left out", "boundaries", _ratio_of("correct_boundaries", "gold_boundaries")),
    Metric("boundary_f1", "경계 F1", "boundary F1", "share", "higher", _VIRPIOJA, "harmonic mean of the two",
           "boundaries", _f1_of("correct_boundaries", "boundaries", "gold_boundaries")),
    Metric("tie_recall", "음절 안 경계 재현율", "in-syllable recall", "share", "higher", "",
           "gold boundaries inside a syllable that is split between its jamo", "boundaries",
           _ratio_of("recalled_in_syllable", "in_syllable_boundaries")),
    Metric("exact_eojeol", "경계가 모두 맞은 어절", "exact eojeol", "share", "higher", "",
           "eojeol whose boundaries are exactly the gold ones", "boundaries", _ratio_of("exact", "gold_eojeol")),
    Metric("inside_morpheme", "형태소 안을 자른 토큰", "splits in morphemes", "share", "lower", "",
           "tokens that begin between two characters of a morpheme", "boundaries",
           _ratio_of("inside_morpheme", "gold_ids")),
    Metric("inside_syllable", "음절 안을 자른 토큰", "splits in syllables", "share", None, "",
           "tokens that begin between two jamo of a syllable", "boundaries",
           _ratio_of("inside_syllable", "gold_ids")),
    Metric("inside_bytes", "글자의 바이트를 자른 토큰", "splits in bytes", "share", "lower", "",
           "tokens that begin between two bytes of a character", "boundaries", _ratio_of("inside_bytes", "gold_ids")),
    Metric("form_precision", "원형 정밀도", "form precision", "share", "higher", _ZEMAN,
           "forms of the analysis (or surface pieces) that are gold forms of their eojeol, in order", "forms",
           _ratio_of("common_forms", "forms")),
    Metric("form_recall", "원형 재현율", "form recall", "share", "higher", _ZEMAN, "gold forms that are found", "forms",
           _ratio_of("common_forms", "gold_forms")),
    Metric("form_f1", "원형 F1", "form F1", "share", "higher", _ZEMAN, "harmonic mean of the two", "forms",
           _f1_of("common_forms", "forms", "gold_forms")),
)  # fmt: skip
METRICS = {metric.key: metric for metric in _ALL_METRICS}
GOLD_KEYS = tuple(metric.key for metric in _ALL_METRICS if metric.group in ("boundaries", "forms"))
TEXT_KEYS = tuple(metric.key for metric in _ALL_METRICS if metric.key not in GOLD_KEYS)
