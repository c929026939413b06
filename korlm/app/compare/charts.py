"""What the lanes say together: verdicts of each lane's cuts, the spread of token counts, agreement of cuts.

>>> min_median_max([3, 9, 4])
(3, 4, 9)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from statistics import median_low

from korlm.app.strings.common import lane_name, translate
from korlm.app.view_models import BOUNDARY_TYPES, DisplayLane, TextComparison, ViewOptions
from korlm.app.widgets.legend import render_boundary_mark


def render_charts(compared: TextComparison, view_options: ViewOptions, reference: str) -> str:
    """Return the three sections; those that need more lanes than there are stay out."""
    lanes = [lane for lane in compared.valid_lanes if lane.counts]
    parts = [render_boundary_types(lanes, view_options, reference)] if reference else []
    if len(lanes) > 1:
        parts += [
            render_agreement_table(lanes, compared.agreement, view_options.language),
            render_count_spread(lanes, view_options.language),
        ]
    return f'<div class="kl kl-figures">{"".join(parts)}</div>' if parts else ""


def render_boundary_types(lanes: Sequence[DisplayLane], view_options: ViewOptions, reference: str) -> str:
    """Return for each lane how its cuts stand against the reference: a bar and the numbers."""
    language = view_options.language
    title = escape(translate("verdicts_name", language, reference=lane_name(reference, language)))
    rows = "".join(
        _render_boundary_types_row(lane, Counter(lane.boundary_types.get(reference, ())), language) for lane in lanes
    )
    note = escape(translate("verdicts_note", language))
    return f'<section class="kl-section"><h3>{title}</h3><ul class="kl-verdicts">{rows}</ul><p>{note}</p></section>'


def _render_boundary_types_row(lane: DisplayLane, counts: Counter[str], language: str) -> str:
    total = sum(counts[verdict] for verdict in BOUNDARY_TYPES)
    bar = "".join(
        f'<span class="kl-part k-{verdict}" style="flex-grow:{counts[verdict]}"></span>'
        for verdict in BOUNDARY_TYPES
        if counts[verdict]
    )
    shown = "".join(
        f'<span class="{"kl-none" if not counts[verdict] else ""}">{render_boundary_mark(verdict)}'
        f"{escape(translate('verdict_' + verdict, language))} <b>{counts[verdict]:,}</b></span>"
        for verdict in BOUNDARY_TYPES
    )
    empty = "" if total else f"<em>{escape(translate('no_cuts', language))}</em>"
    return (
        f'<li><b class="kl-of">{escape(lane_name(lane.name, language))}</b><span class="kl-parts" aria-hidden="true">'
        f'{bar}</span><span class="kl-numbers">{empty or shown}</span></li>'
    )


def render_agreement_table(lanes: Sequence[DisplayLane], agreement: Sequence[Sequence[float]], language: str) -> str:
    """Return the share of common cuts of each two lanes as a table of shaded cells with numbers in them."""
    names = [escape(lane_name(lane.name, language)) for lane in lanes]
    heads = "".join(f'<th scope="col">{name}</th>' for name in names)
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(_render_agreement_cell(share, i == j) for j, share in enumerate(row))}</tr>'
        for i, (name, row) in enumerate(zip(names, agreement, strict=True))
    )
    title, note = escape(translate("agreement_name", language)), escape(translate("agreement_note", language))
    return (
        f'<section class="kl-section"><h3>{title}</h3><div class="kl-scroll" tabindex="0" role="region" '
        f'aria-label="{title}"><table class="kl-heat"><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody>'
        f"</table></div><p>{note}</p></section>"
    )


def _render_agreement_cell(agreement: float, same: bool) -> str:
    level = round(agreement * 5)  # five steps of shade; the number is what counts
    return '<td class="kl-same">–</td>' if same else f'<td class="kl-s{level}">{100 * agreement:.0f}</td>'


def render_count_spread(lanes: Sequence[DisplayLane], language: str) -> str:
    """Return the token counts of all lanes on one axis, with fewest, median and most in a sentence."""
    counted = sorted((lane.counts.ids, lane_name(lane.name, language), lane.unit) for lane in lanes if lane.counts)
    low, middle, high = min_median_max([ids for ids, _, _ in counted])
    least = ", ".join(name for ids, name, _ in counted if ids == low)
    most = ", ".join(name for ids, name, _ in counted if ids == high)
    times = f"{high / low:.1f}" if low else "–"
    told = translate("spread", language, low=low, least=least, high=high, most=most, middle=middle, times=times)
    title = escape(translate("spread_name", language))
    rows = "".join(_render_spread_row(ids, name, unit, high) for ids, name, unit in counted)
    return f'<section class="kl-section kl-broad"><h3>{title}</h3><ol class="kl-spread">{rows}</ol><p>{escape(told)}</p></section>'


def min_median_max(counts: Sequence[int]) -> tuple[int, int, int]:
    """Return the fewest, the median (the lower of two) and the most."""
    return min(counts), median_low(counts), max(counts)


def _render_spread_row(ids: int, name: str, unit: str, most: int) -> str:
    at = 100 * ids / (most or 1)
    return (
        f'<li class="kl-{unit}"><b class="kl-of">{escape(name)}</b><span class="kl-axis" aria-hidden="true">'
        f'<span style="width:{at:.1f}%"></span></span><span class="kl-ids">{ids:,}</span></li>'
    )
