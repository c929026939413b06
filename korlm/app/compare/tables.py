"""The table of token counts below the lanes: a row per tokenizer, on a phone a card per tokenizer.

>>> format_change(12, 19, "en"), format_change(12, 12, "en")
('▲ +58 %', '= 0 %')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from korlm.app.lanes import Lane
from korlm.app.strings.common import translate
from korlm.app.templating import render_template
from korlm.evaluation.token_counts import TokenCounts


class CountsRow(NamedTuple):
    """One row of the table."""

    lane: Lane  # the lane
    values: dict[str, str]  # formatted counts by column
    num_tokens: int  # number of tokens
    ids_before: int | None  # number of tokens of the original text, or None without a perturbation
    change: str  # formatted change of the number of tokens

    @property
    def token_ids(self) -> str:
        """The token ids, for the clipboard."""
        return "" if self.lane.encoding is None else " ".join(map(str, self.lane.encoding.ids))


def render_counts_table(lanes: Sequence[Lane], language: str, ids_before: Mapping[str, int] | None = None) -> Markup:
    """Render the counts of the lanes that have any; nothing if none has.

    ``ids_before`` has for each lane the number of tokens of the text before a perturbation.
    """
    ids_before = ids_before or {}
    rows = [_counts_row(lane, lane.counts, ids_before.get(lane.name), language) for lane in lanes if lane.counts]
    if not rows:
        return Markup()
    most = max(1, *(row.num_tokens for row in rows), *ids_before.values())
    return render_template("counts_table", language, rows=rows, counts=rows[0].lane.counts, most=most)


def format_change(before: int, after: int, language: str) -> str:
    """Format a relative change with a sign that needs no color."""
    if before == after:
        return "= 0 %"
    sign = "▲" if after > before else "▼"
    if not before:
        return f"{sign} {translate('from_none', language)}"
    return f"{sign} {100 * (after - before) / before:+.0f} %".replace("-", "−")


def _counts_row(lane: Lane, counts: TokenCounts, ids_before: int | None, language: str) -> CountsRow:
    values = {
        "col_pieces": f"{counts.segments:,}",
        "col_ids": f"{counts.ids:,}",
        "col_per_eojeol": f"{counts.fertility:.2f}" if counts.eojeol else "–",
        "col_per_id": f"{counts.characters_per_id:.2f}" if counts.ids else "–",
        "col_fallback": f"{counts.unknown_segments:,}",
        "col_bytes": f"{counts.byte_ids:,}",
        "col_vocabulary": f"{lane.vocab_size:,}",
    }
    change = "" if ids_before is None else format_change(ids_before, counts.ids, language)
    return CountsRow(lane, values, counts.ids, ids_before, change)
