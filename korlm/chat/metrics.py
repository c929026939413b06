"""Metrics of answers: against reference answers, and of the answers themselves.

>>> from korlm.corpora.dialogues import DialoguePair
>>> known = [DialoguePair("밥 먹었어요?", "네, 먹었어요."), DialoguePair("졸려요.", "얼른 주무세요.")]
>>> row = evaluate_answers(["얼른 주무세요."], [DialoguePair("잠이 와요.", "그럼 주무세요.")], known, resamples=50)
>>> row["copied"].value, round(row["length"].value)
(1.0, 8)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from typing import Any

import numpy as np

from korlm.corpora.dialogues import DialoguePair
from korlm.corpora.near_duplicates import normalize_for_matching
from korlm.errors import CorpusError, MissingDependencyError
from korlm.morph.mecab import mecab_surfaces
from korlm.reporting.statistics import MetricEstimate, bootstrap_indices, bootstrap_mean, bootstrap_statistic

NUM_GENERIC_ANSWERS = 50  # the most frequent training answers count as dull
DEFAULT_RESAMPLES = 1000
_INSTALL_COMMAND = 'pip install "korlm[metrics]"'


def evaluate_answers(
    answers: Sequence[str],
    pairs: Sequence[DialoguePair],
    training_pairs: Sequence[DialoguePair],
    *,
    resamples: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, MetricEstimate]:
    """Compute the metrics of a bot's answers.

    Args:
        answers: one per pair.
        pairs: the pairs whose answers are the references.
        training_pairs: the pairs that the bot was trained on.
        resamples: number of bootstrap resamples of the questions.
        seed: of the resamples.

    Returns:
        ``bleu`` (Papineni et al. 2002, 0 to 100, over MeCab-ko's tokens), ``chrf`` (Popović 2015, 0 to 100),
        ``distinct_1`` and ``distinct_2`` (Li et al. 2016: distinct tokens, or pairs of them, over all of them),
        ``length`` (mean characters), ``dull`` (fraction among the `NUM_GENERIC_ANSWERS` most frequent training answers),
        ``copied`` (fraction among the training answers, disregarding spaces and punctuation), each with its interval.

    Raises:
        CorpusError: no pairs.
        MissingDependencyError: sacrebleu or MeCab is not installed.
    """
    if not pairs:
        raise CorpusError("잴 대화가 없습니다.", "There are no pairs to measure.")
    tokens = [mecab_surfaces(answer) for answer in answers]
    training_answers = Counter(normalize_for_matching(pair.answer) for pair in training_pairs)
    generic = {text for text, _ in training_answers.most_common(NUM_GENERIC_ANSWERS)}
    normalized = [normalize_for_matching(answer) for answer in answers]
    draws = bootstrap_indices(len(pairs), resamples=resamples, seed=seed)
    columns = {
        "length": [len(answer) for answer in answers],
        "dull": [text in generic for text in normalized],
        "copied": [text in training_answers for text in normalized],
    }
    metrics = _score_against_references(answers, tokens, [pair.answer for pair in pairs], resamples)
    metrics |= {f"distinct_{size}": _estimate_distinct(tokens, size, draws) for size in (1, 2)}
    return metrics | {name: bootstrap_mean(np.array(column, dtype=float), draws) for name, column in columns.items()}


def metrics_signature(num_pairs: int, resamples: int = DEFAULT_RESAMPLES) -> str:
    """Return sacrebleu's signatures of BLEU and chrF, with the tokenizer, the number of pairs and the resamples.

    sacrebleu's own ``ko-mecab`` needs a package that overwrites a module of python-mecab-ko, so the texts are tokenized by
    the latter before they reach sacrebleu. The two dictionaries are builds of the same one, but tokenize 3.6 % of the texts
    of Songys' data differently: the signature names ours, and the figures are not comparable with ``tok:ko-mecab``.
    """
    bleu, chrf = _load_metrics()
    for metric in (bleu, chrf):
        metric.corpus_score(["가"], [["가"]])
    dictionary = version("python-mecab-ko-dic")
    return f"BLEU|{bleu.get_signature()}|pretok:python-mecab-ko-dic:{dictionary} chrF|{chrf.get_signature()} pairs:{num_pairs}|bs:{resamples}"


def _load_metrics() -> tuple[Any, Any]:
    try:
        from sacrebleu import BLEU, CHRF
    except ImportError as error:
        raise MissingDependencyError(
            f"BLEU와 chrF를 재려면 sacrebleu가 있어야 합니다. 다음 명령으로 설치하세요: {_INSTALL_COMMAND}",
            f"Measuring BLEU and chrF takes sacrebleu. Install it with: {_INSTALL_COMMAND}",
        ) from error
    return BLEU(tokenize="none", force=True), CHRF()  # forced: no warning about tokenized texts


def _score_against_references(
    answers: Sequence[str], tokens: Sequence[Sequence[str]], references: Sequence[str], resamples: int
) -> dict[str, MetricEstimate]:
    bleu, chrf = _load_metrics()
    tokenized = [" ".join(row) for row in tokens]
    tokenized_references = [" ".join(mecab_surfaces(reference)) for reference in references]
    inputs = (("bleu", bleu, tokenized, tokenized_references), ("chrf", chrf, answers, references))
    estimates = {}
    for name, metric, hypotheses, metric_references in inputs:
        score = metric.corpus_score(hypotheses, [metric_references], n_bootstrap=resamples)
        # the interval is public in the JSON alone, which has none where all resamples score 0
        interval = json.loads(score.format(width=12, signature="v:1", is_json=True))
        mean, half = interval.get("confidence_mean", 0.0), interval.get("confidence_var", 0.0)
        estimates[name] = MetricEstimate(float(score.score), mean - half, mean + half)
    return estimates


def _estimate_distinct(tokens: Sequence[Sequence[str]], size: int, draws: np.ndarray) -> MetricEstimate:
    ngrams = [list(zip(*(row[start:] for start in range(size)), strict=False)) for row in tokens]
    vocabulary = {ngram: index for index, ngram in enumerate(dict.fromkeys(chain.from_iterable(ngrams)))}
    ids = [np.array([vocabulary[ngram] for ngram in row], dtype=np.int64) for row in ngrams]

    def distinct_ratio(rows: np.ndarray) -> float:
        drawn = np.concatenate([ids[row] for row in rows])
        return len(np.unique(drawn)) / max(1, len(drawn))

    return bootstrap_statistic(distinct_ratio, draws[:200])
