"""A text under several models: `Scored`, model after model, and its view: rows of surprisals over the same characters.

>>> "kl-empty" in scored_view(None, "ko")
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

from korlm.errors import InputError, KorlmError
from korlm.mixture import mixed_bits
from korlm.ui.aligned import shown_bits
from korlm.ui.limits import MAX_CUT, checked_models, checked_score, unexpected
from korlm.ui.plain import Lane, Look, ModelCard, Piece, Way
from korlm.ui.render import drawing, notice
from korlm.ui.scale import scale
from korlm.ui.service import Service
from korlm.ui.strings import named, say
from korlm.ui.ways import WAYS, ways_view

_log = logging.getLogger(__name__)

_ROOM = 8  # cells of a block: what fits beside the models' names on a telephone


@dataclass(frozen=True)
class Row:
    """One model's score: its pieces over the characters of the text and its line ends, or an error.

    Attributes:
        card: the model.
        pieces: with their bits.
        error: what kept it from a score.
        ways: likely segmentations of each line; none where the text is too long, or the tokenizer lossy.
    """

    card: ModelCard
    pieces: tuple[Piece, ...] = ()
    error: KorlmError | None = None
    ways: tuple[tuple[Way, ...], ...] = ()

    @property
    def bits(self) -> float:
        """The text's code length."""
        return math.fsum(piece.bits or 0.0 for piece in self.pieces)

    @property
    def characters(self) -> int:
        """Code points, one line end a line included."""
        return self.pieces[-1].end if self.pieces else 0

    @property
    def each(self) -> float:
        """Bits per character."""
        return self.bits / max(1, self.characters)


@dataclass(frozen=True)
class Scored:
    """One press of the button: the rows so far, the models that are still to come, or what kept it from any."""

    text: str = ""
    rows: tuple[Row, ...] = ()
    waiting: tuple[str, ...] = ()
    error: KorlmError | None = None

    @property
    def good(self) -> list[Row]:
        """The rows without error."""
        return [row for row in self.rows if not row.error]

    @property
    def mixed(self) -> float:
        """The text's code length under the mixture of these models, line by line."""
        ends = list(accumulate(len(line) + 1 for line in self.text.split("\n")))
        bits = np.zeros((len(self.good), len(ends)))
        for row, own in zip(self.good, bits, strict=True):
            for piece in row.pieces:
                own[bisect_right(ends, piece.start)] += piece.bits or 0.0
        return float(mixed_bits(bits).sum())


def scored(service: Service, names: Sequence[str], text: str) -> Iterator[Scored]:
    """Yield what there is to show: at once, and after each model."""
    try:
        cards = {card.name: card for card in service.models()}
        chosen = checked_models(names, list(cards))
        checked_score(text)
    except KorlmError as error:
        yield Scored(error=error)
        return
    rows: list[Row] = []
    for number, name in enumerate(chosen):
        yield Scored(text, tuple(rows), tuple(chosen[number:]))
        try:
            rows.append(Row(cards[name], service.score(name, text.split("\n")), ways=_ways(service, name, text)))
        except KorlmError as error:
            rows.append(Row(cards[name], error=error))
        except Exception:  # a person sees a sentence, the log sees the trace
            _log.exception("%s failed to score", name)
            rows.append(Row(cards[name], error=unexpected()))
    yield Scored(text, tuple(rows))


def _ways(service: Service, name: str, text: str) -> tuple[tuple[Way, ...], ...]:
    if len(text) > MAX_CUT:
        return ()
    try:
        return service.ways(name, text.split("\n"), WAYS)
    except InputError:  # a lossy tokenizer: the score stands, and there is no more to say
        return ()


def scored_view(found: Scored | None, language: str) -> str:
    """Return the view's HTML."""
    if found is None:
        return notice(say("empty_score", language), kind="empty")
    if found.error:
        return notice(found.error.message(language))
    parts = [notice(f"{row.card.name}: {row.error.message(language)}") for row in found.rows if row.error]
    if found.waiting:
        parts.append(notice(say("scoring", language, names=", ".join(found.waiting)), kind="wait"))
    if found.good:
        look = Look("", "bits", "surface", language)
        lanes = [_lane(row) for row in found.good]
        drawn = drawing(found.text + "\n", lanes, look, room=_ROOM, label="score_name")
        parts += [scale(language, "character"), drawn, _table(found, language)]
        parts.append(ways_view([(row.card, row.ways, row.bits) for row in found.good], found.text, language))
    failed = escape(say("not_copied", language))
    return f'<div class="kl kl-scored" data-failed="{failed}">{"".join(parts)}</div>'


def _lane(row: Row) -> Lane:
    shown = zip(row.pieces, shown_bits(row.pieces), strict=True)
    pieces = tuple(piece._replace(under=f"{bits:.1f}") for piece, bits in shown)
    return Lane(row.card.name, row.card.unit, pieces)


def _table(found: Scored, language: str) -> str:
    rows = found.good
    lowest = min(row.each for row in rows)
    most = max(row.each for row in rows) or 1.0
    keys = ("col_model", "col_each", "col_bits", "col_tokens")
    heads = "".join(f'<th scope="col" role="columnheader">{escape(say(key, language))}</th>' for key in keys)
    body = "".join(_line(row, len(rows) > 1 and row.each == lowest, row.each / most, language) for row in rows)
    lines = found.text.count("\n") + 1
    size = say("score_size", language, characters=f"{len(found.text) - lines + 1:,}", lines=f"{lines:,}")
    caption = f"<caption>{escape(say('score_table', language))} <span>{escape(size)}</span></caption>"
    return (
        f'<table class="kl kl-counts kl-scores" role="table">{caption}<thead role="rowgroup"><tr role="row">{heads}</tr>'
        f'</thead><tbody role="rowgroup">{body}</tbody>{_mixture(found, most, language)}</table>'
        f'<p class="kl-said">{escape(say("score_note", language))}</p>'
    )


def _mixture(found: Scored, most: float, language: str) -> str:
    """Return the table's foot, where there is more than one model to mix."""
    if len(found.good) < 2:
        return ""
    bits = found.mixed
    each = bits / max(1, found.good[0].characters)
    cells = _cells(each, bits, "–", each / most, language)
    name, how = escape(say("mixture", language)), escape(say("mixture_how", language))
    head = f'<th scope="row" role="rowheader"><b>{name}</b> <span>{how}</span></th>'
    return f'<tfoot role="rowgroup"><tr role="row" class="kl-mixed" data-bits="{bits!r}">{head}{cells}</tr></tfoot>'


def _line(row: Row, best: bool, share: float, language: str) -> str:
    mark = f'<span class="kl-best">{escape(say("best", language))}</span> ' if best else ""
    ids = sum(len(piece.tokens) for piece in row.pieces)
    unit = escape(named(row.card.tokenizer, row.card.unit, language))
    drawn = _cells(row.each, row.bits, f"{ids:,}", share, language, mark)
    return (
        f'<tr role="row" class="kl-{escape(row.card.unit)}" data-bits="{row.bits!r}"><th scope="row" role="rowheader"><b>'
        f"{escape(row.card.name)}</b> <span>{unit}</span></th>{drawn}</tr>"
    )


def _cells(each: float, bits: float, pieces: str, share: float, language: str, mark: str = "") -> str:
    bar = f'<span class="kl-bar" style="width:{100 * share:.0f}%"></span>'
    values = f"{mark}<b>{each:.3f}</b>{bar}", f"{bits:,.1f}", pieces
    return "".join(
        f'<td role="cell" data-head="{escape(say(key, language))}">{value}</td>'
        for key, value in zip(("col_each", "col_bits", "col_tokens"), values, strict=True)
    )
