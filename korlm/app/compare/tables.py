"""The table of counts under the lanes: a row a tokenizer, on a telephone a card a tokenizer.

>>> format_change(12, 19, "en"), format_change(12, 12, "en")
('▲ +58 %', '= 0 %')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from korlm.app.strings.common import lane_name, translate
from korlm.app.view_models import DisplayLane, LaneCounts

_COLUMNS = ("col_pieces", "col_ids", "col_per_eojeol", "col_per_id", "col_fallback", "col_bytes", "col_vocabulary")


def render_counts_table(
    text: str, lanes: Sequence[DisplayLane], language: str, ids_before: Mapping[str, int] | None = None
) -> str:
    """Return the table for the lanes that were cut; nothing where there are none.

    Args:
        text: what was counted.
        lanes: of all tokenizers.
        language: ``"ko"`` or ``"en"``.
        ids_before: for each lane its ids on the text as it was before it was stressed.
    """
    good = [(lane, lane.counts) for lane in lanes if lane.counts]
    if not good:
        return ""
    most = max(max(counts.ids for _, counts in good), *(ids_before or {"": 0}).values(), 1)
    heads = "".join(f'<th scope="col" role="columnheader">{escape(translate(key, language))}</th>' for key in _COLUMNS)
    corner = f'<th scope="col" role="columnheader">{escape(translate("col_tokenizer", language))}</th>'
    tools = f'<th scope="col" role="columnheader">{escape(translate("col_copy", language))}</th>'
    rows = "".join(
        _render_row(lane, counts, most, language, (ids_before or {}).get(lane.name)) for lane, counts in good
    )
    size = translate("text_size", language, characters=f"{len(text):,}", eojeol=f"{len(text.split()):,}")
    caption = f"<caption>{escape(translate('table_name', language))} <span>{escape(size)}</span></caption>"
    # The roles stay where the style sheet takes rows out of table layout on narrow screens.
    return (
        f'<table class="kl kl-counts" role="table">{caption}<thead role="rowgroup"><tr role="row">{corner}{heads}'
        f'{tools}</tr></thead><tbody role="rowgroup">{rows}</tbody></table>'
    )


def format_change(before: int, after: int, language: str) -> str:
    """Return how much more or less, with a sign that needs no colour."""
    if before == after:
        return "= 0 %"
    sign = "▲" if after > before else "▼"
    if not before:
        return f"{sign} {translate('from_none', language)}"
    return f"{sign} {100 * (after - before) / before:+.0f} %".replace("-", "−")


def _render_row(lane: DisplayLane, counts: LaneCounts, most: int, language: str, ids_before: int | None) -> str:
    values = (
        f"{counts.pieces:,}",
        f"{counts.ids:,}",
        _format_ratio(counts.ids_per_eojeol),
        _format_ratio(counts.characters_per_id),
        f"{counts.fallback:,}",
        f"{counts.byte_ids:,}",
        f"{counts.vocabulary:,}",
    )
    extra = {"col_ids": _render_change(ids_before, counts.ids, language) + _render_bar(counts.ids / most)}
    cells = "".join(
        f'<td role="cell" data-head="{escape(translate(key, language))}">{value}{extra.get(key, "")}</td>'
        for key, value in zip(_COLUMNS, values, strict=True)
    )
    shown = lane_name(lane.name, language)
    spoken = translate("unit_" + lane.unit, language)
    unit = "" if spoken == shown else escape(spoken)
    name = f'<th scope="row" role="rowheader"><b>{escape(shown)}</b> <span>{unit}</span></th>'
    return f'<tr role="row" class="kl-{lane.unit}">{name}{cells}{_render_copy_cell(lane, shown, language)}</tr>'


def _render_change(before: int | None, after: int, language: str) -> str:
    if before is None:
        return ""
    kind = "up" if after > before else "down" if after < before else "same"
    was = f"{before:,} → {after:,}"
    return f'<span class="kl-delta kl-{kind}">{was} · {escape(format_change(before, after, language))}</span>'


def _render_bar(fraction: float) -> str:
    return f'<span class="kl-bar" style="width:{100 * fraction:.0f}%"></span>'


def _render_copy_cell(lane: DisplayLane, shown: str, language: str) -> str:
    ids = " ".join(str(token.id) for piece in lane.segments for token in piece.tokens)
    label = escape(translate("copy_label", language, name=shown))
    done = escape(translate("copied", language, name=shown, count=f"{sum(len(p.tokens) for p in lane.segments):,}"))
    return (
        f'<td role="cell" class="kl-tools"><button type="button" class="kl-tool" data-copy="{ids}" data-done="{done}" '
        f'aria-label="{label}">{escape(translate("copy", language))}</button></td>'
    )


def _format_ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
