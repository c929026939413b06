"""The whole view under the controls: notices, the drawing, its legend, counts and what the lanes say together.

>>> "kl-empty" in compared_view(None, Look())
True
"""

from __future__ import annotations

from html import escape

from korlm.ui.address import linkable, query
from korlm.ui.counts import change, counts_table
from korlm.ui.figures import figures
from korlm.ui.legend import legend
from korlm.ui.plain import Compared, Look
from korlm.ui.render import DRAWN, drawing, notice
from korlm.ui.strings import lane_name, say


def compared_view(compared: Compared | None, look: Look) -> str:
    """Return the view's HTML.

    Args:
        compared: what the button brought; None where it was not pressed.
        look: how to draw it. A reference that is not there gives way to one that is.
    """
    language = look.language
    if compared is None or (not compared.text and not compared.error):
        return notice(say("empty", language), kind="empty")
    if compared.error:
        return notice(compared.error.message(language))
    reference = compared.reference(look.reference)
    parts = _notices(compared, language)
    if good := compared.good:
        parts += [drawing(compared.text, good, look, reference), legend(good, look, reference)]
    parts.append(_own_words(compared, language))
    parts.append(counts_table(compared.text, compared.lanes, language, compared.before))
    parts.append(figures(compared, look, reference))
    return (
        f'<div class="kl-view" data-query="{escape(query(compared, look))}" data-linked="{_linked(compared, language)}"'
        f' data-failed="{escape(say("not_copied", language))}">{"".join(parts)}'
        '<div class="kl-live" role="status" aria-live="polite"></div></div>'
    )


def _linked(compared: Compared, language: str) -> str:
    return escape(say("linked" if linkable(compared) else "linked_without", language))


def _notices(compared: Compared, language: str) -> list[str]:
    parts = [
        notice(f"{lane_name(lane.name, language)}: {lane.error.message(language)}")
        for lane in compared.lanes
        if lane.error
    ]
    if compared.waiting:
        names = ", ".join(lane_name(name, language) for name in compared.waiting)
        parts.append(notice(say("waiting", language, names=names), kind="wait"))
    if len(compared.text) > DRAWN:
        values = {"shown": f"{DRAWN:,}", "total": f"{len(compared.text):,}"}
        parts.append(notice(say("drawn", language, **values), kind="note"))
    return parts


def _own_words(compared: Compared, language: str) -> str:
    """Return what the visitor's settings changed, as a sentence, where both Kiwi lanes are there."""
    known = {lane.name: lane.counts for lane in compared.lanes if lane.counts}
    before, after = known.get("kiwi"), known.get(compared.settings.lane)
    if not before or not after:
        return ""
    told = say(
        "own_change", language, name=lane_name(compared.settings.lane, language), pieces=f"{before.pieces:,} → {after.pieces:,}",
        more=change(before.pieces, after.pieces, language), ids=f"{before.ids:,} → {after.ids:,}",
        much=change(before.ids, after.ids, language),
    )  # fmt: skip
    return notice(told, kind="own")
