"""A text under several models: `TextScores`, model after model, and its view: rows of surprisals over the same characters.

>>> "kl-empty" in render_scores(None, "ko")
True
"""

from __future__ import annotations

import logging
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

import numpy as np

from korlm.app.generate.segmentations_view import SEGMENTATIONS_PER_LINE, render_segmentations
from korlm.app.limits import MAX_SEGMENTATION_TEXT, unexpected_error, validate_models, validate_score_text
from korlm.app.service import Service
from korlm.app.strings.common import tokenizer_display_name, translate
from korlm.app.view_models import DisplayLane, DisplaySegment, LikelySegmentation, ModelCard, ViewOptions
from korlm.app.widgets.lane_view import render_lanes, render_notice
from korlm.app.widgets.surprisal import render_surprisal_scale, round_preserving_sum
from korlm.errors import InputError, KorlmError
from korlm.models.mixture import mixture_bits

_log = logging.getLogger(__name__)

_MAX_BLOCK_CELLS = 8  # cells of a block: what fits beside the models' names on a telephone


@dataclass(frozen=True)
class ModelScore:
    """One model's score: its pieces over the characters of the text and its line ends, or an error.

    Attributes:
        card: the model.
        segments: with their bits.
        error: what kept it from a score.
        segmentations: likely segmentations of each line; none where the text is too long, or the tokenizer lossy.
    """

    card: ModelCard
    segments: tuple[DisplaySegment, ...] = ()
    error: KorlmError | None = None
    segmentations: tuple[tuple[LikelySegmentation, ...], ...] = ()

    @property
    def bits(self) -> float:
        """The text's code length."""
        return math.fsum(piece.bits or 0.0 for piece in self.segments)

    @property
    def characters(self) -> int:
        """Code points, one line end a line included."""
        return self.segments[-1].end if self.segments else 0

    @property
    def bits_per_character(self) -> float:
        """Bits per character."""
        return self.bits / max(1, self.characters)


@dataclass(frozen=True)
class TextScores:
    """One press of the button: the rows so far, the models that are still to come, or what kept it from any."""

    text: str = ""
    rows: tuple[ModelScore, ...] = ()
    pending: tuple[str, ...] = ()
    error: KorlmError | None = None

    @property
    def valid_rows(self) -> list[ModelScore]:
        """The rows without error."""
        return [row for row in self.rows if not row.error]

    @property
    def mixture_bits(self) -> float:
        """The text's code length under the mixture of these models, line by line."""
        ends = list(accumulate(len(line) + 1 for line in self.text.split("\n")))
        bits = np.zeros((len(self.valid_rows), len(ends)))
        for row, own in zip(self.valid_rows, bits, strict=True):
            for piece in row.segments:
                own[bisect_right(ends, piece.start)] += piece.bits or 0.0
        return float(mixture_bits(bits).sum())


def stream_scores(service: Service, names: Sequence[str], text: str) -> Iterator[TextScores]:
    """Yield what there is to show: at once, and after each model."""
    try:
        cards = {card.name: card for card in service.list_models()}
        chosen = validate_models(names, list(cards))
        validate_score_text(text)
    except KorlmError as error:
        yield TextScores(error=error)
        return
    rows: list[ModelScore] = []
    for number, name in enumerate(chosen):
        yield TextScores(text, tuple(rows), tuple(chosen[number:]))
        try:
            rows.append(
                ModelScore(
                    cards[name],
                    service.score(name, text.split("\n")),
                    segmentations=_find_segmentations(service, name, text),
                )
            )
        except KorlmError as error:
            rows.append(ModelScore(cards[name], error=error))
        except Exception:  # a person sees a sentence, the log sees the trace
            _log.exception("%s failed to score", name)
            rows.append(ModelScore(cards[name], error=unexpected_error()))
    yield TextScores(text, tuple(rows))


def _find_segmentations(service: Service, name: str, text: str) -> tuple[tuple[LikelySegmentation, ...], ...]:
    if len(text) > MAX_SEGMENTATION_TEXT:
        return ()
    try:
        return service.find_segmentations(name, text.split("\n"), SEGMENTATIONS_PER_LINE)
    except InputError:  # a lossy tokenizer: the score stands, and there is no more to say
        return ()


def render_scores(scores: TextScores | None, language: str) -> str:
    """Return the view's HTML."""
    if scores is None:
        return render_notice(translate("empty_score", language), kind="empty")
    if scores.error:
        return render_notice(scores.error.message(language))
    parts = [render_notice(f"{row.card.name}: {row.error.message(language)}") for row in scores.rows if row.error]
    if scores.pending:
        parts.append(render_notice(translate("scoring", language, names=", ".join(scores.pending)), kind="wait"))
    if scores.valid_rows:
        look = ViewOptions("", "bits", "surface", language)
        lanes = [_score_lane(row) for row in scores.valid_rows]
        drawn = render_lanes(scores.text + "\n", lanes, look, max_cells=_MAX_BLOCK_CELLS, label_key="score_name")
        parts += [render_surprisal_scale(language, "character"), drawn, _render_table(scores, language)]
        parts.append(
            render_segmentations(
                [(row.card, row.segmentations, row.bits) for row in scores.valid_rows], scores.text, language
            )
        )
    failed = escape(translate("not_copied", language))
    return f'<div class="kl kl-scored" data-failed="{failed}">{"".join(parts)}</div>'


def _score_lane(row: ModelScore) -> DisplayLane:
    shown = zip(row.segments, round_preserving_sum(row.segments), strict=True)
    pieces = tuple(piece._replace(caption=f"{bits:.1f}") for piece, bits in shown)
    return DisplayLane(row.card.name, row.card.unit, pieces)


def _render_table(scores: TextScores, language: str) -> str:
    rows = scores.valid_rows
    lowest = min(row.bits_per_character for row in rows)
    most = max(row.bits_per_character for row in rows) or 1.0
    keys = ("col_model", "col_each", "col_bits", "col_tokens")
    heads = "".join(f'<th scope="col" role="columnheader">{escape(translate(key, language))}</th>' for key in keys)
    body = "".join(
        _render_row(row, len(rows) > 1 and row.bits_per_character == lowest, row.bits_per_character / most, language)
        for row in rows
    )
    lines = scores.text.count("\n") + 1
    size = translate("score_size", language, characters=f"{len(scores.text) - lines + 1:,}", lines=f"{lines:,}")
    caption = f"<caption>{escape(translate('score_table', language))} <span>{escape(size)}</span></caption>"
    return (
        f'<table class="kl kl-counts kl-scores" role="table">{caption}<thead role="rowgroup"><tr role="row">{heads}</tr>'
        f'</thead><tbody role="rowgroup">{body}</tbody>{_render_mixture(scores, most, language)}</table>'
        f'<p class="kl-said">{escape(translate("score_note", language))}</p>'
    )


def _render_mixture(scores: TextScores, highest: float, language: str) -> str:
    """Return the table's foot, where there is more than one model to mix."""
    if len(scores.valid_rows) < 2:
        return ""
    bits = scores.mixture_bits
    each = bits / max(1, scores.valid_rows[0].characters)
    cells = _render_cells(each, bits, "–", each / highest, language)
    name, how = escape(translate("mixture", language)), escape(translate("mixture_how", language))
    head = f'<th scope="row" role="rowheader"><b>{name}</b> <span>{how}</span></th>'
    return f'<tfoot role="rowgroup"><tr role="row" class="kl-mixed" data-bits="{bits!r}">{head}{cells}</tr></tfoot>'


def _render_row(row: ModelScore, best: bool, bar_fraction: float, language: str) -> str:
    mark = f'<span class="kl-best">{escape(translate("best", language))}</span> ' if best else ""
    ids = sum(len(piece.tokens) for piece in row.segments)
    unit = escape(tokenizer_display_name(row.card.tokenizer, row.card.unit, language))
    drawn = _render_cells(row.bits_per_character, row.bits, f"{ids:,}", bar_fraction, language, mark)
    return (
        f'<tr role="row" class="kl-{escape(row.card.unit)}" data-bits="{row.bits!r}"><th scope="row" role="rowheader"><b>'
        f"{escape(row.card.name)}</b> <span>{unit}</span></th>{drawn}</tr>"
    )


def _render_cells(
    bits_per_character: float, bits: float, num_tokens: str, bar_fraction: float, language: str, mark: str = ""
) -> str:
    bar = f'<span class="kl-bar" style="width:{100 * bar_fraction:.0f}%"></span>'
    values = f"{mark}<b>{bits_per_character:.3f}</b>{bar}", f"{bits:,.1f}", num_tokens
    return "".join(
        f'<td role="cell" data-head="{escape(translate(key, language))}">{value}</td>'
        for key, value in zip(("col_each", "col_bits", "col_tokens"), values, strict=True)
    )
