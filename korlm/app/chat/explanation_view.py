"""The panel under a chat: how sure the bot was, where it looked, which answers it weighed; or its rule or nearest question.

>>> "kl-empty" in render_explanation(1)
True
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, cast

from korlm.app.chat.attention_view import render_attention_table
from korlm.app.chat.pending import PendingAnswer
from korlm.app.chat.service import BotInfo
from korlm.app.generate.view import abbreviate_count
from korlm.app.localize import bilingual_html, bilingual_notice, bilingual_text
from korlm.app.strings.common import translate
from korlm.app.widgets.visible_characters import name_control_characters

if TYPE_CHECKING:
    from korlm.chat.baselines.retrieval import RetrievalResult
    from korlm.chat.confidence import Confidence
    from korlm.chat.reply import Reply


def bot_name(bot: BotInfo, language: str) -> str:
    """Return what a bot is called.

    >>> bot_name(BotInfo("eliza", "eliza"), "en")
    'ELIZA (rules)'
    """
    if bot.card is None:
        return translate("bot_" + bot.kind, language)
    unit = translate("unit_" + bot.card.unit, language)
    return translate("bot_" + bot.kind, language, unit=unit, cell=bot.card.cell.upper())


def render_explanation(number: int, answer: PendingAnswer | None = None) -> str:
    """Return the panel of a column.

    Args:
        number: of the column, from 1.
        answer: what it answers or has answered; None before the first message.
    """
    if answer is None:
        return f'<div class="kl kl-why"><h3>{bilingual_text("why")}</h3>{bilingual_notice("why_empty", "empty")}</div>'
    way = f" · {bilingual_text('decoding_' + answer.decoding)}" if answer.bot.is_trained else ""
    who = bilingual_html(lambda language: bot_name(answer.bot, language))
    head = f"<header><h3>{bilingual_text('why')}</h3><b>{who}{way}</b></header>"
    return (
        f'<div class="kl kl-why kl-{answer.state}">{head}{_render_body(number, answer)}{_render_bot_facts(answer.bot)}'
        f'<div class="kl-told">{_render_state(answer)}</div></div>'
    )


def _render_state(answer: PendingAnswer) -> str:
    if answer.error:
        return bilingual_notice(answer.error)
    if answer.is_busy:
        return bilingual_notice(f"why_{answer.state}", "wait")
    return bilingual_notice("why_stopped", "note") if answer.state == "stopped" else ""


def _render_body(number: int, answer: PendingAnswer) -> str:
    explanation = answer.answer.explanation
    if explanation is None:
        return ""
    if answer.bot.kind == "eliza":
        rule = bilingual_text(f"rule_{explanation}") if explanation else "–"
        return f'<section class="kl-section"><h4>{bilingual_text("rule")}</h4><b>{rule}</b><p>{bilingual_text("rule_note")}</p></section>'
    if answer.bot.kind == "retrieval":
        return _render_nearest(cast("RetrievalResult", explanation), answer.bot)
    reply = cast("Reply", explanation)
    parts = [_render_confidence(reply), _render_attention(reply, f"why-{number}"), _render_candidates(reply)]
    return f'<div class="kl-parts-of">{"".join(parts)}</div>'


def confidence_level(confidence: Confidence) -> str:
    """Return ``unknown`` without thresholds, ``no`` beyond one, ``so`` near one, else ``yes``."""
    if confidence.limits is None:
        return "unknown"
    if confidence.abstain_reason:
        return "no"
    familiarity = 1.0 if confidence.familiarity is None else confidence.familiarity
    is_clear = confidence.surprisal <= 0.6 * confidence.limits.surprisal
    return "yes" if is_clear and familiarity >= (1 + confidence.limits.familiarity) / 2 else "so"


def _render_confidence(reply: Reply) -> str:
    limits = reply.confidence.limits
    most, least = (limits.surprisal, limits.familiarity) if limits else (None, None)
    surprisal, familiarity = reply.confidence.surprisal, reply.confidence.familiarity
    level = confidence_level(reply.confidence)
    width = max(8.0, surprisal, (most or 0.0) * 1.25)
    bits = bilingual_text("meter_bits", bits=f"{surprisal:.2f}")
    limit = bilingual_text("meter_most", limit=f"{most:.2f}") if most is not None else ""
    meters = _render_meter("surprisal", bits, surprisal / width, None if most is None else most / width, limit)
    if familiarity is not None:
        limit = bilingual_text("meter_least", limit=f"{least:.0%}") if least is not None else ""
        meters += _render_meter("familiarity", f"{familiarity:.0%}", familiarity, least, limit)
    return (
        f'<section class="kl-section"><h4>{bilingual_text("confidence")} <span class="kl-sure kl-sure-{level}">'
        f'{bilingual_text("sure_" + level)}</span></h4><ul class="kl-meters">{meters}</ul>{_render_abstention(reply)}</section>'
    )


def _render_abstention(reply: Reply) -> str:
    if reply.confidence.limits is None:
        return f"<p>{bilingual_text('sure_none')}</p>"
    if not reply.confidence.abstain_reason:
        return ""
    if reply.text == reply.answer:
        return f"<p>{bilingual_text('doubt_spoken')}</p>"
    own = escape(name_control_characters(reply.answer)) or bilingual_text("no_words")
    return f'<p>{bilingual_text("doubt_" + reply.confidence.abstain_reason)}</p><p class="kl-own"><b>{bilingual_text("unsaid")}</b> <q>{own}</q></p>'


def _render_meter(name: str, value: str, fraction: float, limit: float | None, told_limit: str) -> str:
    """Return a figure with a bar, on which the limit is a tick; all it says stands beside it in words."""
    good = limit is not None and (fraction <= limit if name == "surprisal" else fraction >= limit)
    judged = "plain" if limit is None else "good" if good else "bad"
    tick = "" if limit is None else f'<i style="left:{100 * min(limit, 1.0):.1f}%"></i>'
    bar = f'<span class="kl-{judged}" style="width:{100 * min(fraction, 1.0):.1f}%"></span>'
    return (
        f'<li><span class="kl-what">{bilingual_text("meter_" + name)}</span><b>{value}</b>'
        f'<div class="kl-meter" aria-hidden="true">{bar}{tick}</div><small>{told_limit}</small></li>'
    )


def _render_attention(reply: Reply, element_id: str) -> str:
    if reply.attention is not None and len(reply.attention):
        return render_attention_table(reply.question_tokens, reply.tokens, reply.attention.tolist(), element_id)
    return (
        f'<section class="kl-section"><h4>{bilingual_text("heat")}</h4><p>{bilingual_text("heat_none")}</p></section>'
    )


def _render_candidates(reply: Reply) -> str:
    title = f'<section class="kl-section"><h4>{bilingual_text("options")}</h4>'
    if len(reply.candidates) < 2:
        return f"{title}<p>{bilingual_text('options_one')}</p></section>"
    heads = "".join(
        f'<th scope="col">{bilingual_text(key)}</th>' for key in ("col_rank", "col_answer", "col_score", "col_bits")
    )
    rows = "".join(
        f'<tr><td>{rank}</td><th scope="row">{escape(name_control_characters(one.text.strip())) or bilingual_text("no_words")}</th>'
        f"<td>{one.score:.2f}</td><td>{one.bits:.1f}</td></tr>"
        for rank, one in enumerate(reply.candidates, 1)
    )
    return (
        f'{title}<table class="kl-choices"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        f"<p>{bilingual_text('options_note')}</p></section>"
    )


def _render_nearest(nearest: RetrievalResult, bot: BotInfo) -> str:
    question = escape(name_control_characters(nearest.question))
    found = f"<q>{question}</q>" if nearest.similarity else bilingual_text("nearest_none")
    meter = _render_meter("similarity", f"{nearest.similarity:.2f}", nearest.similarity, None, "")
    note = bilingual_text("nearest_note", count=f"{bot.pairs:,}")
    return (
        f'<section class="kl-section"><h4>{bilingual_text("nearest")}</h4><div class="kl-found">{found}</div>'
        f'<ul class="kl-meters">{meter}</ul><p>{note}</p></section>'
    )


def _render_bot_facts(bot: BotInfo) -> str:
    if bot.card is None:
        return ""
    card = bot.card
    values = {
        "parameters": abbreviate_count(card.num_parameters),
        "vocabulary": f"{card.vocab_size:,}",
        "layers": card.layers,
        "hidden": card.hidden,
        "pairs": f"{bot.pairs:,}",
    }
    return f"<footer>{bilingual_text('bot_facts', **values)}</footer>"
