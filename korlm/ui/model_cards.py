"""The panel of model cards: what the chosen models are, what they learnt from, and their known failings.

>>> "LSTM" in cards_view([ModelCard("m", "unigram", "subword", "lstm", 2_500_000, 2.5)], "ko")
True
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from korlm.ui.plain import ModelCard
from korlm.ui.strings import named, say


def cards_view(cards: Sequence[ModelCard], language: str) -> str:
    """Return a table: a column a model, a row a fact; on a telephone it scrolls sideways."""
    if not cards:
        return f'<p class="kl kl-said">{escape(say("no_cards", language))}</p>'
    best = min((card.bits for card in cards if card.bits is not None), default=None)
    heads = "".join(f'<th scope="col" class="kl-{escape(card.unit)}">{escape(card.name)}</th>' for card in cards)
    told = [_facts(card, card.bits == best and len(cards) > 1, language) for card in cards]
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{facts[name]}</td>" for facts in told)}</tr>'
        for name in told[0]
    )
    label = escape(say("model_cards", language))
    return (
        f'<div class="kl kl-scroll" tabindex="0" role="region" aria-label="{label}"><table class="kl-facts"><thead><tr>'
        f"<td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _facts(card: ModelCard, best: bool, language: str) -> dict[str, str]:
    """Return the facts of a card by name, as HTML."""
    unknown = say("fact_unknown", language)
    size = say("fact_vocabulary", language, count=f"{card.vocabulary:,}")
    own = language == "en"
    learnt = card.corpus[own]
    if card.lines:
        learnt += f", {say('fact_lines', language, count=f'{card.lines:,}')}"
    values = {
        "fact_tokenizer": f"{named(card.tokenizer, card.unit, language)}, {size}",
        "fact_cell": say("fact_layers", language, cell=card.cell.upper(), layers=card.layers, hidden=card.hidden),
        "fact_parameters": f"{card.parameters:,}",
        "fact_bits": _bits(card, language),
        "fact_corpus": learnt or unknown,
        "fact_licence": card.licence or unknown,
        "fact_failings": f"{card.failing[own]} {say('failing_small', language)}".strip(),
    }
    drawn = {say(key, language): escape(value) for key, value in values.items()}
    if best:
        name = say("fact_bits", language)
        drawn[name] = f'<b>{drawn[name]}</b> <span class="kl-best">{escape(say("best", language))}</span>'
    return drawn


def _bits(card: ModelCard, language: str) -> str:
    if card.bits is None:
        return say("fact_unknown", language)
    return f"{card.bits:.3f}" if card.tested else say("fact_bits_valid", language, bits=f"{card.bits:.3f}")
