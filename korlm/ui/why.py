"""The panel under a chat: how sure the bot was, where it looked, which answers it weighed; or its rule or nearest question.

>>> "kl-empty" in why_view(1)
True
"""

from __future__ import annotations

from html import escape

from korlm.ui.both import both, spoken, told
from korlm.ui.cards import short
from korlm.ui.chatting import Column
from korlm.ui.glyphs import readable
from korlm.ui.heat import heat
from korlm.ui.said import Bot, Said
from korlm.ui.strings import say


def bot_name(bot: Bot, language: str) -> str:
    """Return what a bot is called.

    >>> bot_name(Bot("eliza", "eliza"), "en")
    'ELIZA (rules)'
    """
    if bot.card is None:
        return say("bot_" + bot.kind, language)
    unit = say("unit_" + bot.card.unit, language)
    return say("bot_" + bot.kind, language, unit=unit, cell=bot.card.cell.upper())


def why_view(place: int, column: Column | None = None) -> str:
    """Return the panel of a column.

    Args:
        place: of the column, from 1.
        column: what it answers or has answered; None before the first message.
    """
    if column is None:
        return f'<div class="kl kl-why"><h3>{both("why")}</h3>{told("why_empty", "empty")}</div>'
    way = f" · {both('decoding_' + column.decoding)}" if column.bot.learnt else ""
    who = spoken(lambda language: bot_name(column.bot, language))
    head = f"<header><h3>{both('why')}</h3><b>{who}{way}</b></header>"
    return (
        f'<div class="kl kl-why kl-{column.state}">{head}{_body(place, column)}{_facts(column.bot)}'
        f'<div class="kl-told">{_state(column)}</div></div>'
    )


def _state(column: Column) -> str:
    if column.error:
        return told(column.error)
    if column.busy:
        return told(f"why_{column.state}", "wait")
    return told("why_stopped", "note") if column.state == "stopped" else ""


def _body(place: int, column: Column) -> str:
    said, name = column.said, f"why-{place}"
    if not said.finished:
        return ""
    if column.bot.kind == "eliza":
        rule = both(f"rule_{said.rule}") if said.rule else "–"
        return f'<section class="kl-section"><h4>{both("rule")}</h4><b>{rule}</b><p>{both("rule_note")}</p></section>'
    if column.bot.kind == "retrieval":
        return _nearest(column)
    parts = [_confidence(said), _looked(said, name), _choices(said)]
    return f'<div class="kl-parts-of">{"".join(parts)}</div>'


def _confidence(said: Said) -> str:
    most, least = said.limits or (None, None)
    surprisal, familiarity = said.surprisal or 0.0, said.familiarity
    width = max(8.0, surprisal, (most or 0.0) * 1.25)
    bits = both("meter_bits", bits=f"{surprisal:.2f}")
    limit = both("meter_most", limit=f"{most:.2f}") if most is not None else ""
    meters = _meter("surprisal", bits, surprisal / width, None if most is None else most / width, limit)
    if familiarity is not None:
        limit = both("meter_least", limit=f"{least:.0%}") if least is not None else ""
        meters += _meter("familiarity", f"{familiarity:.0%}", familiarity, least, limit)
    return (
        f'<section class="kl-section"><h4>{both("confidence")} <span class="kl-sure kl-sure-{said.sure}">'
        f'{both("sure_" + said.sure)}</span></h4><ul class="kl-meters">{meters}</ul>{_doubt(said)}</section>'
    )


def _doubt(said: Said) -> str:
    if said.limits is None:
        return f"<p>{both('sure_none')}</p>"
    if not said.doubt:
        return ""
    if not said.unsaid:
        return f"<p>{both('doubt_spoken')}</p>"
    own = escape(readable(said.own)) or both("no_words")
    return f'<p>{both("doubt_" + said.doubt)}</p><p class="kl-own"><b>{both("unsaid")}</b> <q>{own}</q></p>'


def _meter(name: str, value: str, share: float, limit: float | None, told_limit: str) -> str:
    """Return a figure with a bar, on which the limit is a tick; all it says stands beside it in words."""
    good = limit is not None and (share <= limit if name == "surprisal" else share >= limit)
    judged = "plain" if limit is None else "good" if good else "bad"
    tick = "" if limit is None else f'<i style="left:{100 * min(limit, 1.0):.1f}%"></i>'
    bar = f'<span class="kl-{judged}" style="width:{100 * min(share, 1.0):.1f}%"></span>'
    return (
        f'<li><span class="kl-what">{both("meter_" + name)}</span><b>{value}</b>'
        f'<div class="kl-meter" aria-hidden="true">{bar}{tick}</div><small>{told_limit}</small></li>'
    )


def _looked(said: Said, name: str) -> str:
    if said.attention:
        return heat(said.heard, said.pieces, said.attention, name)
    return f'<section class="kl-section"><h4>{both("heat")}</h4><p>{both("heat_none")}</p></section>'


def _choices(said: Said) -> str:
    title = f'<section class="kl-section"><h4>{both("options")}</h4>'
    if len(said.choices) < 2:
        return f"{title}<p>{both('options_one')}</p></section>"
    heads = "".join(f'<th scope="col">{both(key)}</th>' for key in ("col_rank", "col_answer", "col_score", "col_bits"))
    rows = "".join(
        f'<tr><td>{rank}</td><th scope="row">{escape(readable(one.text)) or both("no_words")}</th>'
        f"<td>{one.score:.2f}</td><td>{one.bits:.1f}</td></tr>"
        for rank, one in enumerate(said.choices, 1)
    )
    return (
        f'{title}<table class="kl-choices"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>'
        f"<p>{both('options_note')}</p></section>"
    )


def _nearest(column: Column) -> str:
    said = column.said
    found = f"<q>{escape(readable(said.nearest))}</q>" if said.similarity else both("nearest_none")
    meter = _meter("similarity", f"{said.similarity:.2f}", said.similarity, None, "")
    note = both("nearest_note", count=f"{column.bot.pairs:,}")
    return (
        f'<section class="kl-section"><h4>{both("nearest")}</h4><div class="kl-found">{found}</div>'
        f'<ul class="kl-meters">{meter}</ul><p>{note}</p></section>'
    )


def _facts(bot: Bot) -> str:
    if bot.card is None:
        return ""
    card = bot.card
    values = {
        "parameters": short(card.parameters),
        "vocabulary": f"{card.vocabulary:,}",
        "layers": card.layers,
        "hidden": card.hidden,
        "pairs": f"{bot.pairs:,}",
    }
    return f"<footer>{both('bot_facts', **values)}</footer>"
