"""The results of scoring text under language models. This module does not import torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from korlm._deprecation import DeprecatedAlias


@dataclass(frozen=True)
class Score:
    """The code length of a text under a model.

    Attributes:
        bits_per_character: total code length in bits over `characters`.
        characters: code points of the lines, plus one end-of-line character per line.
        num_tokens: tokens predicted, including one ``</s>`` per line.
        surprisals: for each line the bits of each token, ``</s>`` last.
        signature: what was measured and how, so that the figure can be reproduced.
    """

    bits_per_character: float
    characters: int
    num_tokens: int
    surprisals: list[np.ndarray] = field(repr=False)
    signature: str

    pieces = DeprecatedAlias("num_tokens")

    @property
    def bits(self) -> np.ndarray:
        """Code length of each line, ``[lines]``."""
        return np.array([float(line.sum()) for line in self.surprisals])


@dataclass(frozen=True)
class MarginalScore:
    """The code length of lines over all segmentations that the search found. See `Score`.

    Attributes:
        bits_per_character: at most that of `canonical_score`.
        canonical_score: the score of the tokenizer's own segmentations.
        bits: code length of each line, ``[lines]``.
        best_bits: code length of each line by its likeliest segmentation alone, ``[lines]``; what a coder achieves that
            may choose one, but must send it.
        canonical_probabilities: probability of the tokenizer's own segmentation given the line, ``[lines]``.
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
    """One segmentation of a text.

    Attributes:
        tokens: the text of each token; ``<0xEA>`` for a single byte.
        ids: the token ids.
        bits: code length, including the end of the text.
        probability: probability given the text.
        is_canonical: it is the segmentation of the tokenizer.
    """

    tokens: list[str]
    ids: list[int]
    bits: float
    probability: float
    is_canonical: bool

    pieces = DeprecatedAlias("tokens")
    share = DeprecatedAlias("probability")
    own = DeprecatedAlias("is_canonical")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, under the keys of format version 1."""
        return {
            "pieces": self.tokens,
            "ids": self.ids,
            "bits": self.bits,
            "share": self.probability,
            "own": self.is_canonical,
        }


@dataclass(frozen=True)
class MixtureScore:
    """The code length of lines under a mixture of models. See `Score`.

    Attributes:
        model_scores: the score of each model alone.
        mean_responsibilities: weight of each model in the mixture, the mean over the lines of ``P_k(x) / sum_j P_j(x)``;
            they sum to 1.
    """

    bits_per_character: float
    characters: int
    model_scores: Sequence[Score | MarginalScore] = field(repr=False)
    mean_responsibilities: list[float]
    signature: str
