"""Score a text under several models: `TextScores` grows by a `ModelScore` a model.

>>> TextScores("가나", (), ("byte",)).valid_rows
[]
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from korlm.app.lanes import Lane
from korlm.app.limits import MAX_SEGMENTATION_TEXT, validate_models, validate_score_text
from korlm.app.model_info import ModelCard
from korlm.app.round_robin import to_visitor_error
from korlm.app.service import Service
from korlm.errors import InputError, KorlmError
from korlm.models.mixture import mixture_bits
from korlm.models.results import Segmentation

SEGMENTATIONS_PER_LINE = 3  # besides the tokenizer's own


@dataclass(frozen=True)
class ModelScore:
    """The score of one model."""

    card: ModelCard  # the model
    lane: Lane | None = None  # the text and its line ends with their surprisals
    error: KorlmError | None = None  # why there is no score
    # likely segmentations of each line; empty for a text that is too long and for a lossy tokenizer
    segmentations: Sequence[Sequence[Segmentation]] = ()

    @property
    def bits(self) -> float:
        """Code length of the text."""
        return math.fsum(self.lane.segment_bits) if self.lane else 0.0

    @property
    def characters(self) -> int:
        """Number of code points, a line end for each line included."""
        return len(self.lane.text) if self.lane else 0

    @property
    def num_tokens(self) -> int:
        """Number of tokens, the line ends included."""
        return len(self.lane.encoding) if self.lane and self.lane.encoding is not None else 0

    @property
    def bits_per_character(self) -> float:
        """Bits per character."""
        return self.bits / max(1, self.characters)


@dataclass(frozen=True)
class TextScores:
    """One press of the button: the rows so far and the models that are still to come, or the error that prevented any."""

    text: str = ""
    rows: tuple[ModelScore, ...] = ()
    pending: tuple[str, ...] = ()
    error: KorlmError | None = None

    @property
    def valid_rows(self) -> list[ModelScore]:
        """The rows without an error."""
        return [row for row in self.rows if not row.error]

    @property
    def mixture_bits(self) -> float:
        """Code length of the text under the mixture of the models, line by line."""
        line_ends = list(accumulate(len(line) + 1 for line in self.text.split("\n")))
        bits = np.zeros((len(self.valid_rows), len(line_ends)))
        for row, line_bits in zip(self.valid_rows, bits, strict=True):
            for segment, segment_bits in row.lane.scored_segments if row.lane else ():
                line_bits[bisect_right(line_ends, segment.start)] += segment_bits
        return float(mixture_bits(bits).sum())


def stream_scores(service: Service, names: Sequence[str], text: str) -> Iterator[TextScores]:
    """Yield the scores so far: at once, and after each model."""
    try:
        cards = {card.name: card for card in service.list_models()}
        chosen = validate_models(names, list(cards))
        validate_score_text(text)
    except KorlmError as error:
        yield TextScores(error=error)
        return
    rows: list[ModelScore] = []
    for index, name in enumerate(chosen):
        yield TextScores(text, tuple(rows), tuple(chosen[index:]))
        try:
            segments = service.score(name, text.split("\n"))
            rows.append(ModelScore(cards[name], segments, segmentations=_find_segmentations(service, name, text)))
        except Exception as error:
            rows.append(ModelScore(cards[name], error=to_visitor_error(error, name)))
    yield TextScores(text, tuple(rows))


def _find_segmentations(service: Service, name: str, text: str) -> Sequence[Sequence[Segmentation]]:
    if len(text) > MAX_SEGMENTATION_TEXT:
        return ()
    try:
        return service.find_segmentations(name, text.split("\n"), SEGMENTATIONS_PER_LINE)
    except InputError:  # a lossy tokenizer has a score but no segmentations
        return ()
