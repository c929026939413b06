"""The scores of a text as HTML: rows of surprisals under the same characters, and a table.

>>> "kl-empty" in render_scores(None, "ko")
True
"""

from __future__ import annotations

from html import escape

from korlm.app.generate.score import ModelScore, TextScores
from korlm.app.generate.segmentations_view import render_segmentations
from korlm.app.strings.common import tokenizer_display_name, translate
from korlm.app.view_models import DisplayLane, ViewOptions
from korlm.app.widgets.lane_view import render_lanes, render_notice
from korlm.app.widgets.surprisal import render_surprisal_scale, round_preserving_sum

_MAX_BLOCK_CELLS = 8  # cells of a block: what fits beside the models' names on a telephone


def render_scores(scores: TextScores | None, language: str) -> str:
    """Return the view's HTML."""
    if scores is None:
        return render_notice(translate("empty_score", language), kind="empty")
    if scores.error:
        return render_notice(scores.error.message(language))
    parts: list[str] = [
        render_notice(f"{row.card.name}: {row.error.message(language)}") for row in scores.rows if row.error
    ]
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
