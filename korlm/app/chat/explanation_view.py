"""The explanation below a chat as HTML: confidence, attention and candidates, the nearest questions, or a rule.

>>> "kl-empty" in render_explanation(1)
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from korlm.app.chat.attention_view import render_attention_table
from korlm.app.chat.confidence_view import render_confidence
from korlm.app.chat.pending import PendingAnswer
from korlm.app.chat.retrieval_view import render_answer_diff, render_nearest_questions
from korlm.app.chat.service import BotInfo
from korlm.app.model_info import abbreviate_count
from korlm.app.strings.chat import CHAT_TEXTS
from korlm.app.strings.common import translate
from korlm.app.templating import bilingual_html, bilingual_text, render_bilingual_notice, render_template
from korlm.chat.follow_ups import NO_OTHER_ANSWER
from korlm.i18n import localize

if TYPE_CHECKING:
    from korlm.chat.safety.cards import Hotline, SafetyCard

_MAX_QUESTION = 80  # characters of the question that are shown


def bot_name(bot: BotInfo, language: str) -> str:
    """Return the display name of a bot.

    >>> bot_name(BotInfo("eliza", "eliza"), "en")
    'ELIZA: rules (1966)'
    """
    if bot.card is None:
        return translate(f"bot_{bot.kind}", language)
    unit = translate(f"unit_{bot.card.unit}", language)
    return translate(f"bot_{bot.kind}", language, unit=unit, cell=bot.card.cell.upper())


def render_explanation(number: int, pending: PendingAnswer | None = None, answer_number: int = 0) -> Markup:
    """Return the explanation of an answer.

    Args:
        number: the column, from 1.
        pending: the answer; None before the first one.
        answer_number: number of answers before it; the page marks the bubble.
    """
    if pending is None:
        notice = render_bilingual_notice("explanation_empty", "empty")
        return render_template("explanation_empty", notice=notice, answer_number="")
    return render_template(
        "explanation",
        pending=pending,
        answer_number=answer_number,
        question=_shorten_question(pending.question),
        title=bilingual_html(lambda language: bot_name(pending.bot, language)),
        body=_render_body(number, pending),
        facts=_bot_facts(pending.bot),
        notice=_render_state(pending),
    )


def render_missing_explanation(answer_number: int) -> Markup:
    """Return what to show at an answer of which the session kept nothing."""
    notice = render_bilingual_notice("explanation_missing", "empty")
    return render_template("explanation_empty", notice=notice, answer_number=answer_number)


def render_answer_label(pending: PendingAnswer) -> Markup:
    """Return the label of an answer that the bot is not sure of, or that is not its own; empty for all others."""
    reply = pending.answer
    if reply is None or pending.state != "done" or reply.is_confident:
        return Markup()
    if reply.text == NO_OTHER_ANSWER:
        return bilingual_text("label_no_other")
    is_given_anyway = reply.text == reply.answer and reply.abstain_reason in ("question", "answer")
    return bilingual_text("label_unsure" if is_given_anyway else f"label_{reply.abstain_reason}")


def render_safety_card(card: SafetyCard) -> Markup:
    """Return the card with the fixed answer to a crisis message and the telephone numbers as links."""
    hotlines = [(hotline.number, _localize_hotline(hotline)) for hotline in card.hotlines]
    return render_template("safety_card", text=card.text, hotlines=hotlines)


def _shorten_question(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_QUESTION else line[: _MAX_QUESTION - 1] + "…"


def _localize_hotline(hotline: Hotline) -> Markup:
    return bilingual_html(lambda language: localize(*hotline.name, language=language))


def _render_state(pending: PendingAnswer) -> str:
    if pending.error:
        return render_bilingual_notice(pending.error)
    if pending.is_busy:
        return render_bilingual_notice(f"explanation_{pending.state}", "wait")
    return render_bilingual_notice("explanation_stopped", "note") if pending.state == "stopped" else ""


def _render_body(number: int, pending: PendingAnswer) -> str:
    bot, reply = pending.bot, pending.answer
    if reply is None or not reply.finished:
        return ""
    if reply.safety_card:
        return render_bilingual_notice("explanation_crisis", "note")
    if bot.kind == "eliza" or reply.rule:
        return render_template("eliza_rule", rule=reply.rule)
    sections = []
    if reply.nearest:
        # a general answer to what the bot cannot know is that of no question
        is_general = reply.abstain_reason == "unanswerable" and reply.answer != reply.nearest.answer
        chosen = None if is_general else reply.nearest
        matches = reply.nearest_matches or (reply.nearest,)
        sections.append(render_nearest_questions(matches, chosen, query=_shorten_question(reply.query)))
        if chosen and reply.answer != chosen.answer:
            sections.append(render_answer_diff(chosen.answer, reply.answer))
    sections.append(render_confidence(reply))
    if reply.attention is not None and len(reply.attention):
        attention = reply.attention.tolist()
        sections.append(render_attention_table(reply.question_tokens, reply.tokens, attention, f"why-{number}"))
    if bot.is_trained or reply.candidates:
        has_bits = any(candidate.bits for candidate in reply.candidates)
        sections.append(render_template("candidates", candidates=reply.candidates, has_bits=has_bits))
    if (key := f"note_{bot.kind}") in CHAT_TEXTS:
        sections.append(Markup("<p>{}</p>").format(bilingual_text(key, count=f"{bot.pairs:,}")))
    return Markup("").join(sections)


def _bot_facts(bot: BotInfo) -> dict[str, object]:
    card = bot.card
    if card is None:
        return {}
    return {
        "parameters": abbreviate_count(card.num_parameters),
        "vocabulary": f"{card.vocab_size:,}",
        "layers": card.layers,
        "hidden": card.hidden,
        "pairs": f"{bot.pairs:,}",
    }
