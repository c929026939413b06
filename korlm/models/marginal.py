"""What a text costs over all its segmentations, not only the one that the tokenizer gives.

A model over pieces gives a text as much probability as it gives to all the sequences of pieces that spell it, together. Bits
per character of the tokenizer's own sequence are an upper bound of the text's. How far off it is depends on the tokenization:
a morphological analyzer that errs, or cuts one phrase now so and now so, makes its model pay for what the text does not say.

>>> from korlm.nn.lm import NetConfig, RecurrentLM
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> lm = LanguageModel(byte_tokenizer(), RecurrentLM(NetConfig(260, hidden=8)))
>>> found = score_marginal(lm, ["가나"])  # bytes: there is only one way
>>> round(found.bits_per_character / found.canonical_score.bits_per_character, 4), found.canonical_probabilities.round(3).tolist()
(1.0, [1.0])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from korlm.errors import InputError
from korlm.models.language_model import LanguageModel, Score
from korlm.models.segmentation_search import SegmentationSearchResult, sum_segmentations

DEFAULT_BEAM_SIZE = 8  # 16 lower bits per character by 0.0005, 64 by 0.0009 (docs/LOG.md)


@dataclass(frozen=True)
class MarginalScore:
    """What lines cost over all segmentations that were found.

    Attributes:
        bits_per_character: total code length in bits over `characters`; at most that of `canonical_score`.
        characters: code points of the lines, and one end-of-line character a line.
        canonical_score: the score of the tokenizer's own segmentations.
        bits: code length of each line, ``[lines]``.
        best_bits: code length of each line by its likeliest segmentation alone, ``[lines]``; what a coder reaches that may
            choose, but must send one.
        canonical_probabilities: how probable the tokenizer's own segmentation is, given the line, ``[lines]``.
        signature: what was measured and how.
    """

    bits_per_character: float
    characters: int
    canonical_score: Score = field(repr=False)
    bits: np.ndarray = field(repr=False)
    best_bits: np.ndarray = field(repr=False)
    canonical_probabilities: np.ndarray = field(repr=False)
    signature: str


@dataclass(frozen=True)
class Segmentation:
    """One way to cut a text.

    Attributes:
        pieces: the text of each piece; ``<0xEA>`` for a lone byte.
        ids: their ids.
        bits: code length, the end of the text included.
        share: how probable it is, given the text.
        canonical_score: the tokenizer gives it.
    """

    pieces: list[str]
    ids: list[int]
    bits: float
    share: float
    own: bool


def score_marginal(
    lm: LanguageModel,
    lines: Sequence[str],
    *,
    beam: int = DEFAULT_BEAM_SIZE,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> MarginalScore:
    """Measure lines over their segmentations. See `korlm.models.language_model.LanguageModel.score` for those of the tokenizer alone.

    What is returned is an upper bound of ``-log2 P(text)``, as there are more segmentations than can be followed up: see
    `korlm.models.segmentation_search`. It takes six to eight times as long as `LanguageModel.score`.

    Args:
        lm: a model over a lossless tokenizer.
        lines: the text, a line each, without line ends.
        beam: ways to come to one place in the text that are followed up, at least 1.
        workers: the analyzer's threads.
        progress: called with lines done and lines in all.

    Raises:
        CorpusError: no lines.
        InputError: a lossy tokenizer, or a beam below 1.

    Example:
        >>> import korlm
        >>> found = korlm.score_marginal(korlm.load_model("reviews-kiwi-lstm"), ["졸기대했었는데개실망"])
        >>> found.bits_per_character < found.canonical_score.bits_per_character
        True
    """
    own, found = _search_segmentations(lm, lines, beam, workers=workers, progress=progress)
    bits = np.minimum([one.nll / np.log(2) for one in found], own.bits)  # which only rounding can have it pass
    return MarginalScore(
        bits_per_character=float(bits.sum()) / own.characters,
        characters=own.characters,
        canonical_score=own,
        bits=bits,
        best_bits=np.minimum([one.best_segmentations[0][0] / np.log(2) for one in found], own.bits),
        canonical_probabilities=np.exp2(bits - own.bits),
        signature=own.signature.replace("|lines:", f"|segmentations:beam{beam}|lines:", 1),
    )


def likely_segmentations(lm: LanguageModel, text: str, n: int = 5, *, beam: int = 32) -> list[Segmentation]:
    """Return the ways to cut a text that a model finds likeliest, the best first, and the tokenizer's own.

    Args:
        lm: a model over a lossless tokenizer.
        text: one line.
        n: how many at most; a short text may have fewer. The tokenizer's own comes last where it is not among them.
        beam: see `score_marginal`; at least ``n`` are followed up.

    Raises:
        InputError: a lossy tokenizer, or a number below 1.

    Example:
        >>> import korlm
        >>> for cut in korlm.likely_segmentations(korlm.load_model("reviews-kiwi-lstm"), "졸기대했었는데", 1):
        ...     print(f"{cut.share:.2f} {cut.own}", " ".join(cut.pieces))
        0.97 False 졸 기대 했었 는데
        0.00 True 졸 기 대 했 었 는데
    """
    if n < 1:
        raise InputError(f"n에 쓸 수 없는 값입니다: {n}. 1 이상으로 하세요.", f"n cannot be {n}. Give at least 1.")
    _, (found,) = _search_segmentations(lm, [text], max(beam, n) if beam > 0 else beam, n=n, exact=False)
    return [
        Segmentation(
            [lm.tokenizer.token_text(number) for number in ids], list(ids),
            nats / float(np.log(2)), float(np.exp(found.nll - nats)), own,
        )
        for nats, ids, own in found.best_segmentations
    ]  # fmt: skip


def _search_segmentations(
    lm: LanguageModel,
    lines: Sequence[str],
    beam: int,
    *,
    n: int = 1,
    exact: bool = True,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Score, list[SegmentationSearchResult]]:
    if beam < 1:
        raise InputError(
            f"beam에 쓸 수 없는 값입니다: {beam}. 1 이상으로 하세요.", f"beam cannot be {beam}. Give at least 1."
        )
    lattices = lm.lattice_builder
    ids = lm.encode_lines(lines, workers=workers)
    own = lm.score_ids(lines, ids)
    nats = [line * np.log(2) for line in own.surprisals]
    found = sum_segmentations(
        lm.net, map(lattices.build, lines), ids, nats, beam=beam, n=n, exact=exact, progress=progress
    )
    return own, found
