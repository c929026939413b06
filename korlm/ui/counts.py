"""The table of counts under the lanes: a row a tokenizer, on a telephone a card a tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from korlm.ui.plain import Counts, Lane
from korlm.ui.strings import say

_COLUMNS = ("col_pieces", "col_ids", "col_per_eojeol", "col_per_id", "col_fallback", "col_bytes", "col_vocabulary")


def counts_table(text: str, lanes: Sequence[Lane], language: str) -> str:
    """Return the table for the lanes that were cut; nothing where there are none."""
    good = [(lane, lane.counts) for lane in lanes if lane.counts]
    if not good:
        return ""
    most = max(counts.ids for _, counts in good) or 1
    heads = "".join(f'<th scope="col" role="columnheader">{escape(say(key, language))}</th>' for key in _COLUMNS)
    corner = f'<th scope="col" role="columnheader">{escape(say("col_tokenizer", language))}</th>'
    rows = "".join(_row(lane, counts, most, language) for lane, counts in good)
    size = say("text_size", language, characters=f"{len(text):,}", eojeol=f"{len(text.split()):,}")
    caption = f"<caption>{escape(say('table_name', language))} <span>{escape(size)}</span></caption>"
    # The roles stay where the style sheet takes rows out of table layout on narrow screens.
    return (
        f'<table class="kl kl-counts" role="table">{caption}<thead role="rowgroup"><tr role="row">{corner}{heads}</tr>'
        f'</thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def _row(lane: Lane, counts: Counts, most: int, language: str) -> str:
    values = (
        f"{counts.pieces:,}",
        f"{counts.ids:,}",
        _ratio(counts.ids_per_eojeol),
        _ratio(counts.characters_per_id),
        f"{counts.fallback:,}",
        f"{counts.byte_ids:,}",
        f"{counts.vocabulary:,}",
    )
    cells = "".join(_cell(key, value, counts.ids / most, language) for key, value in zip(_COLUMNS, values, strict=True))
    spoken = say("unit_" + lane.unit, language)
    unit = "" if spoken == lane.name else escape(spoken)
    name = f'<th scope="row" role="rowheader"><b>{escape(lane.name)}</b> <span>{unit}</span></th>'
    return f'<tr role="row" class="kl-{lane.unit}">{name}{cells}</tr>'


def _cell(key: str, value: str, share: float, language: str) -> str:
    bar = f'<span class="kl-bar" style="width:{100 * share:.0f}%"></span>' if key == "col_ids" else ""
    return f'<td role="cell" data-head="{escape(say(key, language))}">{value}{bar}</td>'


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
