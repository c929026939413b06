"""Several models as one, line by line: a mixture of distributions over texts, though each cuts them its own way.

The probability of a line under a mixture of ``K`` models is the mean of theirs, ``P(x) = 1/K sum_k P_k(x)``. That is a
distribution over lines whatever the models' pieces are, so its code length is one, too: at most ``log2 K`` bits a line longer
than the best model's, and shorter than any of theirs where lines differ in which model they suit.

>>> mixture_bits([[10.0, 3.0], [10.0, 40.0]]).round(3).tolist()
[10.0, 4.0]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from korlm.errors import InputError

if TYPE_CHECKING:
    from korlm.models.language_model import LanguageModel, Score
    from korlm.models.marginal import MarginalScore


@dataclass(frozen=True)
class MixtureScore:
    """What lines cost under a mixture of models.

    Attributes:
        bits_per_character: total code length in bits over `characters`.
        characters: code points of the lines, and one end-of-line character a line.
        model_scores: the score of each model by itself.
        mean_responsibilities: how much of the mixture each model was, mean over the lines of ``P_k(x) / sum_j P_j(x)``; they sum to 1.
        signature: what was measured and how.
    """

    bits_per_character: float
    characters: int
    model_scores: Sequence[Score | MarginalScore] = field(repr=False)
    mean_responsibilities: list[float]
    signature: str


def score_mixture(
    models: Sequence[LanguageModel], lines: Sequence[str], *, beam: int = 0, workers: int = 2
) -> MixtureScore:
    """Measure lines under the mixture of models, all with the same weight. See `korlm.models.language_model.LanguageModel.score`.

    Args:
        models: at least one; tokenizers may differ.
        lines: the text, a line each, without line ends.
        beam: over 0, each model's probability of a line is that of `korlm.score_marginal` with this beam.
        workers: the analyzers' threads.

    Raises:
        InputError: no model.
        CorpusError: no lines.

    Example:
        >>> import korlm
        >>> models = [korlm.load_model(f"reviews-{name}") for name in ("syllable-lstm", "unigram-lstm")]
        >>> found = score_mixture(models, ["정말 재미있다", "ㅋㅋㅋ"])
        >>> found.bits_per_character < max(one.bits_per_character for one in found.model_scores)
        True
    """
    if not models:
        raise InputError("섞을 모델을 하나 이상 넣으세요.", "Give at least one model to mix.")
    alone = [_score_model(lm, lines, beam, workers) for lm in models]
    bits = np.array([score.bits for score in alone])  # [K, lines]
    mixed = mixture_bits(bits)
    how = f"segmentations:beam{beam}|" if beam else ""
    cuts = "+".join(lm.tokenizer.signature for lm in models)
    return MixtureScore(
        bits_per_character=float(mixed.sum()) / alone[0].characters,
        characters=alone[0].characters,
        model_scores=alone,
        mean_responsibilities=(np.exp2(mixed - bits).mean(1) / len(bits)).tolist(),
        signature=f"bpc|eol:1|state:zero|mix:line/{len(models)}|{how}lines:{len(lines)}|{cuts}",
    )


def _score_model(lm: LanguageModel, lines: Sequence[str], beam: int, workers: int) -> Score | MarginalScore:
    if not beam:
        return lm.score(lines, workers=workers)
    from korlm.models.marginal import score_marginal  # torch, which mixing alone does without

    return score_marginal(lm, lines, beam=beam, workers=workers)


def mixture_bits(bits: Sequence[Sequence[float]] | np.ndarray) -> np.ndarray:
    """Return each line's bits under the mixture, ``[lines]``.

    Args:
        bits: of each line under each model, ``[K, lines]``.
    """
    each = np.asarray(bits, dtype=np.float64)
    best = each.min(0)
    mixed: np.ndarray = best - np.log2(np.exp2(best - each).mean(0))
    return mixed
