"""How good a bot's answers are: against the answers that people wrote, and by themselves.

>>> from korlm.corpora.dialogues import DialoguePair
>>> known = [DialoguePair("밥 먹었어요?", "네, 먹었어요."), DialoguePair("졸려요.", "얼른 주무세요.")]
>>> row = evaluate_answers(["얼른 주무세요."], [DialoguePair("잠이 와요.", "그럼 주무세요.")], known, resamples=50)
>>> row["copied"].value, round(row["length"].value)
(1.0, 8)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from korlm.corpora.dialogues import DialoguePair
from korlm.corpora.near_duplicates import normalize_for_matching
from korlm.errors import CorpusError, MissingDependencyError
from korlm.morph.mecab import mecab_surfaces
from korlm.reporting.statistics import MetricEstimate, bootstrap_indices, bootstrap_mean, bootstrap_statistic

NUM_GENERIC_ANSWERS = 50  # the training answers that are dull: those given most often
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
    """Measure answers to the questions of pairs.

    Args:
        answers: a bot's, one a pair.
        pairs: whose answers are the references.
        training_pairs: the pairs that it learnt from.
        resamples: bootstrap draws of questions.
        seed: of the draws.

    Returns:
        ``bleu`` (Papineni et al. 2002, 0 to 100, over MeCab-ko's tokens), ``chrf`` (Popović 2015, 0 to 100),
        ``distinct_1`` and ``distinct_2`` (Li et al. 2016: distinct tokens, or pairs of them, over all of them),
        ``length`` (mean characters), ``dull`` (share that is one of the `NUM_GENERIC_ANSWERS` commonest training answers), ``copied``
        (share that stands among the training answers, but for spaces and signs), each with its interval.

    Raises:
        CorpusError: no pairs.
        MissingDependencyError: sacrebleu or MeCab is not installed.
    """
    if not pairs:
        raise CorpusError("잴 대화가 없습니다.", "There are no pairs to measure.")
    tokens = [mecab_surfaces(answer) for answer in answers]
    learnt = Counter(normalize_for_matching(pair.answer) for pair in training_pairs)
    common = {text for text, _ in learnt.most_common(NUM_GENERIC_ANSWERS)}
    said = [normalize_for_matching(answer) for answer in answers]
    draws = bootstrap_indices(len(pairs), resamples=resamples, seed=seed)
    columns = {
        "length": [len(answer) for answer in answers],
        "dull": [text in common for text in said],
        "copied": [text in learnt for text in said],
    }
    found = _score_against_references(answers, tokens, [pair.answer for pair in pairs], resamples)
    found |= {f"distinct_{size}": _estimate_distinct(tokens, size, draws) for size in (1, 2)}
    return found | {name: bootstrap_mean(np.array(column, dtype=float), draws) for name, column in columns.items()}


def metrics_signature(num_pairs: int, resamples: int = DEFAULT_RESAMPLES) -> str:
    """Return what the figures against references were made with, as sacrebleu says it.

    sacrebleu's own ``ko-mecab`` needs a package that overwrites a module of python-mecab-ko, so that the texts are cut by
    the latter before sacrebleu sees them. The two dictionaries are builds of the same one, but cut 3.6 % of the texts of
    Songys' data otherwise (docs/LOG.md): the signature names ours, and the figures compare with none of ``tok:ko-mecab``.
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
    return BLEU(tokenize="none", force=True), CHRF()  # forced: it warns of texts that are cut


def _score_against_references(
    answers: Sequence[str], tokens: Sequence[Sequence[str]], references: Sequence[str], resamples: int
) -> dict[str, MetricEstimate]:
    bleu, chrf = _load_metrics()
    cut = [" ".join(mecab_surfaces(reference)) for reference in references]
    parts = (("bleu", bleu, [" ".join(own) for own in tokens], cut), ("chrf", chrf, answers, references))
    found = {}
    for name, metric, hypotheses, goals in parts:
        score = metric.corpus_score(hypotheses, [goals], n_bootstrap=resamples)
        mean, half = float(score._mean), float(score._ci)
        found[name] = MetricEstimate(float(score.score), mean - half, mean + half)
    return found


def _estimate_distinct(tokens: Sequence[Sequence[str]], size: int, draws: np.ndarray) -> MetricEstimate:
    grams = [list(zip(*(own[start:] for start in range(size)), strict=False)) for own in tokens]
    numbers: dict[tuple[str, ...], int] = {}
    ids = [np.array([numbers.setdefault(gram, len(numbers)) for gram in own], dtype=np.int64) for own in grams]

    def distinct_ratio(rows: np.ndarray) -> float:
        drawn = np.concatenate([ids[row] for row in rows])
        return len(np.unique(drawn)) / max(1, len(drawn))

    return bootstrap_statistic(distinct_ratio, draws[:200])
