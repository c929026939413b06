"""The view below the controls: notices, the lanes, their legend, the counts and the charts.

>>> "kl-empty" in render_comparison(None, ViewOptions())
True
"""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from korlm.app.compare.charts import render_charts
from korlm.app.compare.tables import format_change, render_counts_table
from korlm.app.lanes import TextComparison, ViewOptions
from korlm.app.strings.common import lane_name, translate
from korlm.app.templating import render_notice, render_template
from korlm.app.url_state import build_query, fits_in_url
from korlm.app.widgets.lane_view import MAX_DRAWN_CHARACTERS, render_lanes
from korlm.app.widgets.legend import render_legend


def render_comparison(comparison: TextComparison | None, view_options: ViewOptions) -> Markup:
    """Render the whole view; None before the first request. Another reference replaces one that is not there."""
    language = view_options.language
    if comparison is None or (not comparison.text and not comparison.error):
        return render_notice(translate("empty", language), kind="empty")
    if comparison.error:
        return render_notice(comparison.error.message(language))
    reference = comparison.choose_reference(view_options.reference)
    lanes = comparison.valid_lanes
    return render_template(
        "comparison",
        language,
        query=build_query(comparison, view_options),
        fits_in_url=fits_in_url(comparison),
        parts=[
            *_render_notices(comparison, language),
            *([render_lanes(lanes, view_options, reference), render_legend(lanes, view_options, reference)] if lanes else []),
            _render_kiwi_change(comparison, language),
            render_counts_table(comparison.lanes, language, comparison.ids_before),
            render_charts(comparison, view_options, reference),
        ],
    )  # fmt: skip


def _render_notices(comparison: TextComparison, language: str) -> Iterator[Markup]:
    for lane in comparison.lanes:
        if lane.error:
            yield render_notice(f"{lane_name(lane.name, language)}: {lane.error.message(language)}")
    if comparison.pending:
        names = ", ".join(lane_name(name, language) for name in comparison.pending)
        yield render_notice(translate("waiting", language, names=names), kind="wait")
    if len(comparison.text) > MAX_DRAWN_CHARACTERS:
        values = {"shown": f"{MAX_DRAWN_CHARACTERS:,}", "total": f"{len(comparison.text):,}"}
        yield render_notice(translate("drawn", language, **values), kind="note")


def _render_kiwi_change(comparison: TextComparison, language: str) -> Markup:
    """Render what the visitor's Kiwi options changed, if both Kiwi lanes are there."""
    counts = {lane.name: lane.counts for lane in comparison.lanes if lane.counts}
    custom_lane = comparison.settings.lane_name
    before, after = counts.get("kiwi"), counts.get(custom_lane)
    if not before or not after:
        return Markup()
    values = {"name": lane_name(custom_lane, language)}
    for key, change_key, count in (("pieces", "more", "segments"), ("ids", "much", "ids")):
        counts_of_both = getattr(before, count), getattr(after, count)
        values |= {key: "{:,} → {:,}".format(*counts_of_both), change_key: format_change(*counts_of_both, language)}
    return render_notice(translate("own_change", language, **values), kind="own")
