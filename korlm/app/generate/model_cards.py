"""The panel of model cards: what the chosen models are, what they learnt from, and their known failings.

>>> "LSTM" in render_model_cards([ModelCard("m", "unigram", "subword", "lstm", 2_500_000, 2.5)], "ko")
True
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from korlm.app.model_info import ModelCard
from korlm.app.strings.common import tokenizer_display_name, translate


def render_model_cards(cards: Sequence[ModelCard], language: str) -> str:
    """Return a table: a column a model, a row a fact; on a telephone it scrolls sideways."""
    if not cards:
        return f'<p class="kl kl-said">{escape(translate("no_cards", language))}</p>'
    best = min((card.bits_per_character for card in cards if card.bits_per_character is not None), default=None)
    heads = "".join(f'<th scope="col" class="kl-{escape(card.unit)}">{escape(card.name)}</th>' for card in cards)
    told = [_render_facts(card, card.bits_per_character == best and len(cards) > 1, language) for card in cards]
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{facts[name]}</td>" for facts in told)}</tr>'
        for name in told[0]
    )
    label = escape(translate("model_cards", language))
    return (
        f'<div class="kl kl-scroll" tabindex="0" role="region" aria-label="{label}"><table class="kl-facts"><thead><tr>'
        f"<td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _render_facts(card: ModelCard, best: bool, language: str) -> dict[str, str]:
    """Return the facts of a card by name, as HTML."""
    unknown = translate("fact_unknown", language)
    size = translate("fact_vocabulary", language, count=f"{card.vocab_size:,}")
    own = language == "en"
    learnt = card.corpus[own]
    if card.lines:
        learnt += f", {translate('fact_lines', language, count=f'{card.lines:,}')}"
    values = {
        "fact_tokenizer": f"{tokenizer_display_name(card.tokenizer, card.unit, language)}, {size}",
        "fact_cell": translate("fact_layers", language, cell=card.cell.upper(), layers=card.layers, hidden=card.hidden),
        "fact_parameters": f"{card.num_parameters:,}",
        "fact_bits": _format_bits(card, language),
        "fact_corpus": learnt or unknown,
        "fact_licence": card.license or unknown,
        "fact_failings": f"{card.known_issues[own]} {translate('failing_small', language)}".strip(),
    }
    drawn = {translate(key, language): escape(value) for key, value in values.items()}
    if best:
        name = translate("fact_bits", language)
        drawn[name] = f'<b>{drawn[name]}</b> <span class="kl-best">{escape(translate("best", language))}</span>'
    return drawn


def _format_bits(card: ModelCard, language: str) -> str:
    if card.bits_per_character is None:
        return translate("fact_unknown", language)
    return (
        f"{card.bits_per_character:.3f}"
        if card.has_test_bits
        else translate("fact_bits_valid", language, bits=f"{card.bits_per_character:.3f}")
    )
