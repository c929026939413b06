"""Scores over all segmentations of a text, not only the one of the tokenizer.

The probability of a text under a model over tokens is the sum over all token sequences that spell it. Bits per character of
the tokenizer's own sequence are an upper bound on the text's. The gap depends on the tokenization: a morphological analyzer
that makes errors, or segments a phrase inconsistently, makes its model spend probability on what the text does not contain.

>>> from korlm.nn.lm import NetConfig, RecurrentLM
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> lm = LanguageModel(byte_tokenizer(), RecurrentLM(NetConfig(260, hidden=8)))
>>> score = score_marginal(lm, ["가나"])  # bytes: there is only one segmentation
>>> round(score.bits_per_character / score.canonical_score.bits_per_character, 4), score.canonical_probabilities.round(3).tolist()
(1.0, [1.0])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from korlm.errors import InputError
from korlm.models.language_model import LanguageModel
from korlm.models.results import MarginalScore, Score, Segmentation
from korlm.models.segmentation_search import SegmentationSearchResult, sum_segmentations

DEFAULT_BEAM_SIZE = 8  # 16 lowers bits per character by 0.0005, 64 by 0.0009 (dev/LOG.md)


def score_marginal(
    lm: LanguageModel, lines: Sequence[str], *, beam: int = DEFAULT_BEAM_SIZE, workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> MarginalScore:  # fmt: skip
    """Score lines over their segmentations; `LanguageModel.score` uses that of the tokenizer alone.

    The result is an upper bound on ``-log2 P(text)``, as not all segmentations can be searched: see
    `korlm.models.segmentation_search`. It takes six to eight times as long as `LanguageModel.score`.

    Args:
        lm: a model over a lossless tokenizer.
        lines: see `LanguageModel.score`, as for ``workers`` and ``progress``.
        beam: paths kept at each position of the text, at least 1.

    Raises:
        CorpusError: no lines.
        InputError: a lossy tokenizer, or a beam below 1.

    Example:
        >>> import korlm
        >>> score = korlm.score_marginal(korlm.load_model("reviews-kiwi-lstm"), ["졸기대했었는데개실망"])
        >>> score.bits_per_character < score.canonical_score.bits_per_character
        True
    """
    canonical, results = _search_segmentations(lm, lines, beam, workers=workers, progress=progress)
    bits = np.minimum([result.nll / np.log(2) for result in results], canonical.bits)  # only rounding can exceed it
    return MarginalScore(
        bits_per_character=float(bits.sum()) / canonical.characters,
        characters=canonical.characters,
        canonical_score=canonical,
        bits=bits,
        best_bits=np.minimum([result.best_segmentations[0][0] / np.log(2) for result in results], canonical.bits),
        canonical_probabilities=np.exp2(bits - canonical.bits),
        signature=canonical.signature.replace("|lines:", f"|segmentations:beam{beam}|lines:", 1),
    )


def likely_segmentations(lm: LanguageModel, text: str, n: int = 5, *, beam: int = 32) -> list[Segmentation]:
    """Return the likeliest segmentations of a text, best first, and the tokenizer's own.

    Args:
        lm: a model over a lossless tokenizer.
        text: one line.
        n: the maximum number; a short text may have fewer. The tokenizer's own comes last if it is not among them.
        beam: see `score_marginal`; at least ``n`` paths are kept.

    Raises:
        InputError: a lossy tokenizer, or a number below 1.

    Example:
        >>> import korlm
        >>> for segmentation in korlm.likely_segmentations(korlm.load_model("reviews-kiwi-lstm"), "졸기대했었는데", 1):
        ...     print(f"{segmentation.probability:.2f} {segmentation.is_canonical}", " ".join(segmentation.tokens))
        0.97 False 졸 기대 했었 는데
        0.00 True 졸 기 대 했 었 는데
    """
    if n < 1:
        raise InputError(f"n에 쓸 수 없는 값입니다: {n}. 1 이상으로 하세요.", f"n cannot be {n}. Give at least 1.")
    _, (result,) = _search_segmentations(lm, [text], max(beam, n) if beam > 0 else beam, n=n, exact=False)
    return [
        Segmentation(
            list(map(lm.tokenizer.token_text, ids)), list(ids),
            nll / float(np.log(2)), float(np.exp(result.nll - nll)), is_canonical,
        )
        for nll, ids, is_canonical in result.best_segmentations
    ]  # fmt: skip


def _search_segmentations(
    lm: LanguageModel, lines: Sequence[str], beam: int, *, n: int = 1, exact: bool = True, workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Score, list[SegmentationSearchResult]]:  # fmt: skip
    if beam < 1:
        raise InputError(
            f"beam에 쓸 수 없는 값입니다: {beam}. 1 이상으로 하세요.", f"beam cannot be {beam}. Give at least 1."
        )
    builder = lm.lattice_builder
    ids = lm.encode_lines(lines, workers=workers)
    canonical = lm.score_ids(lines, ids)
    nlls = [line * np.log(2) for line in canonical.surprisals]
    results = sum_segmentations(
        lm.net, map(builder.build, lines), ids, nlls, beam=beam, n=n, exact=exact, progress=progress
    )
    return canonical, results
