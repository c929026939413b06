"""The scores of a text as HTML: rows of surprisals under the same characters, a table, and likely segmentations.

>>> "kl-empty" in render_scores(None, "ko")
True
"""

from __future__ import annotations

from markupsafe import Markup

from korlm.app.generate.score import TextScores
from korlm.app.generate.segmentations_view import render_segmentations
from korlm.app.lanes import ViewOptions
from korlm.app.strings.common import translate
from korlm.app.templating import render_notice, render_template
from korlm.app.widgets.lane_view import render_lanes
from korlm.app.widgets.surprisal import render_surprisal_scale

_MAX_BLOCK_CELLS = 8  # cells of a block that fit beside the names of the models on a phone


def render_scores(scores: TextScores | None, language: str) -> str:
    """Return the view of the scores, or a hint if there are none yet."""
    if scores is None:
        return render_notice(translate("empty_score", language), kind="empty")
    if scores.error:
        return render_notice(scores.error.message(language))
    parts: list[str] = [
        render_notice(f"{row.card.name}: {row.error.message(language)}") for row in scores.rows if row.error
    ]
    if scores.pending:
        parts.append(render_notice(translate("scoring", language, names=", ".join(scores.pending)), kind="wait"))
    if rows := scores.valid_rows:
        options = ViewOptions("", "bits", "surface", language)
        lanes = [row.lane for row in rows if row.lane]
        parts += [
            render_surprisal_scale(language, "character"),
            render_lanes(lanes, options, max_cells=_MAX_BLOCK_CELLS, label_key="score_name"),
            _render_table(scores, language),
            render_segmentations(rows, scores.text, language),
        ]
    return render_template("scores", language, parts=[Markup(part) for part in parts])


def _render_table(scores: TextScores, language: str) -> Markup:
    rows = scores.valid_rows
    lowest = min(row.bits_per_character for row in rows)
    num_lines = scores.text.count("\n") + 1
    return render_template(
        "score_table",
        language,
        rows=rows,
        best=[row for row in rows if len(rows) > 1 and row.bits_per_character == lowest],
        highest=max(row.bits_per_character for row in rows) or 1.0,
        mixture_bits=scores.mixture_bits,
        characters=f"{len(scores.text) - num_lines + 1:,}",
        lines=f"{num_lines:,}",
    )
