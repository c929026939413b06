"""Mixtures of models with different tokenizers, line by line.

The probability of a line under a mixture of ``K`` models is the mean of theirs, ``P(x) = 1/K sum_k P_k(x)``. This is a
distribution over lines whatever the tokenizers are, so its code length is valid too: at most ``log2 K`` bits per line longer
than the best model's, and shorter than any model's where different lines suit different models.

>>> mixture_bits([[10.0, 3.0], [10.0, 40.0]]).round(3).tolist()
[10.0, 4.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from korlm.errors import InputError
from korlm.models.results import MarginalScore, MixtureScore, Score

if TYPE_CHECKING:
    from korlm.models.language_model import LanguageModel


def score_mixture(
    models: Sequence[LanguageModel], lines: Sequence[str], *, beam: int = 0, workers: int = 2
) -> MixtureScore:
    """Score lines under the mixture of models, all with the same weight. See `LanguageModel.score`.

    Args:
        models: at least one; tokenizers may differ.
        lines: see `LanguageModel.score`, as for ``workers``.
        beam: above 0, each model's probability of a line is that of `korlm.score_marginal` with this beam.

    Raises:
        InputError: no model.
        CorpusError: no lines.

    Example:
        >>> import korlm
        >>> models = [korlm.load_model(f"reviews-{name}") for name in ("syllable-lstm", "unigram-lstm")]
        >>> mixture = score_mixture(models, ["정말 재미있다", "ㅋㅋㅋ"])
        >>> mixture.bits_per_character < max(score.bits_per_character for score in mixture.model_scores)
        True
    """
    if not models:
        raise InputError("섞을 모델을 하나 이상 넣으세요.", "Give at least one model to mix.")
    scores = [_score_model(lm, lines, beam, workers) for lm in models]
    bits = np.array([score.bits for score in scores])  # [K, lines]
    mixed = mixture_bits(bits)
    method = f"segmentations:beam{beam}|" if beam else ""
    tokenizers = "+".join(lm.tokenizer.signature for lm in models)
    return MixtureScore(
        bits_per_character=float(mixed.sum()) / scores[0].characters,
        characters=scores[0].characters,
        model_scores=scores,
        mean_responsibilities=(np.exp2(mixed - bits).mean(1) / len(bits)).tolist(),
        signature=f"bpc|eol:1|state:zero|mix:line/{len(models)}|{method}lines:{len(lines)}|{tokenizers}",
    )


def mixture_bits(bits: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """Return the bits of each line under the mixture, ``[lines]``, given those under each model, ``[K, lines]``."""
    model_bits = np.asarray(bits, dtype=np.float64)
    best = model_bits.min(0)
    mixed: np.ndarray = best - np.log2(np.exp2(best - model_bits).mean(0))
    return mixed


def _score_model(lm: LanguageModel, lines: Sequence[str], beam: int, workers: int) -> Score | MarginalScore:
    if not beam:
        return lm.score(lines, workers=workers)
    from korlm.models.marginal import score_marginal  # imports torch, which mixing alone does not need

    return score_marginal(lm, lines, beam=beam, workers=workers)
