"""The whole view under the controls: notices, the drawing, its legend, counts and what the lanes say together.

>>> "kl-empty" in render_comparison(None, ViewOptions())
True
"""

from __future__ import annotations

from html import escape

from korlm.app.compare.charts import render_charts
from korlm.app.compare.tables import format_change, render_counts_table
from korlm.app.strings.common import lane_name, translate
from korlm.app.url_state import build_query, fits_in_url
from korlm.app.view_models import TextComparison, ViewOptions
from korlm.app.widgets.lane_view import MAX_DRAWN_CHARACTERS, render_lanes, render_notice
from korlm.app.widgets.legend import render_legend


def render_comparison(compared: TextComparison | None, view_options: ViewOptions) -> str:
    """Return the view's HTML.

    Args:
        compared: what the button brought; None where it was not pressed.
        view_options: how to draw it. A reference that is not there gives way to one that is.
    """
    language = view_options.language
    if compared is None or (not compared.text and not compared.error):
        return render_notice(translate("empty", language), kind="empty")
    if compared.error:
        return render_notice(compared.error.message(language))
    reference = compared.choose_reference(view_options.reference)
    parts = _render_notices(compared, language)
    if good := compared.valid_lanes:
        parts += [
            render_lanes(compared.text, good, view_options, reference),
            render_legend(good, view_options, reference),
        ]
    parts.append(_render_kiwi_change(compared, language))
    parts.append(render_counts_table(compared.text, compared.lanes, language, compared.ids_before))
    parts.append(render_charts(compared, view_options, reference))
    return (
        f'<div class="kl-view" data-query="{escape(build_query(compared, view_options))}" data-linked="{_link_status(compared, language)}"'
        f' data-failed="{escape(translate("not_copied", language))}">{"".join(parts)}'
        '<div class="kl-live" role="status" aria-live="polite"></div></div>'
    )


def _link_status(compared: TextComparison, language: str) -> str:
    return escape(translate("linked" if fits_in_url(compared) else "linked_without", language))


def _render_notices(compared: TextComparison, language: str) -> list[str]:
    parts: list[str] = [
        render_notice(f"{lane_name(lane.name, language)}: {lane.error.message(language)}")
        for lane in compared.lanes
        if lane.error
    ]
    if compared.pending:
        names = ", ".join(lane_name(name, language) for name in compared.pending)
        parts.append(render_notice(translate("waiting", language, names=names), kind="wait"))
    if len(compared.text) > MAX_DRAWN_CHARACTERS:
        values = {"shown": f"{MAX_DRAWN_CHARACTERS:,}", "total": f"{len(compared.text):,}"}
        parts.append(render_notice(translate("drawn", language, **values), kind="note"))
    return parts


def _render_kiwi_change(compared: TextComparison, language: str) -> str:
    """Return what the visitor's settings changed, as a sentence, where both Kiwi lanes are there."""
    known = {lane.name: lane.counts for lane in compared.lanes if lane.counts}
    before, after = known.get("kiwi"), known.get(compared.settings.lane_name)
    if not before or not after:
        return ""
    told = translate(
        "own_change", language, name=lane_name(compared.settings.lane_name, language), pieces=f"{before.pieces:,} → {after.pieces:,}",
        more=format_change(before.pieces, after.pieces, language), ids=f"{before.ids:,} → {after.ids:,}",
        much=format_change(before.ids, after.ids, language),
    )  # fmt: skip
    return render_notice(told, kind="own")
