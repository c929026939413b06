"""The model cards as HTML: architecture, training corpus, scores and known issues of the chosen models.

>>> "LSTM" in render_model_cards([ModelCard("m", "unigram", "subword", "lstm", 2_500_000, 2.5)], "ko")
True
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from korlm.app.model_info import ModelCard
from korlm.app.strings.common import tokenizer_display_name, translate
from korlm.app.templating import render_template


def render_model_cards(cards: Sequence[ModelCard], language: str) -> Markup:
    """Return a table with a column a model and a row a fact; on a telephone it scrolls sideways."""
    if not cards:
        return render_template("paragraph", language, key="no_cards")
    lowest = min((card.bits_per_character for card in cards if card.bits_per_character is not None), default=None)
    best = [index for index, card in enumerate(cards) if card.bits_per_character == lowest and len(cards) > 1]
    facts = [_card_facts(card, language) for card in cards]
    return render_template("model_cards", language, cards=cards, facts=facts, best=best)


def _card_facts(card: ModelCard, language: str) -> dict[str, str]:
    """Return the value of each fact, by the key of its name."""
    is_english = language == "en"
    unknown = translate("fact_unknown", language)
    size = translate("fact_vocabulary", language, count=f"{card.vocab_size:,}")
    corpus = card.corpus[is_english]
    if card.lines:
        corpus += f", {translate('fact_lines', language, count=f'{card.lines:,}')}"
    return {
        "fact_tokenizer": f"{tokenizer_display_name(card.tokenizer, card.unit, language)}, {size}",
        "fact_cell": translate("fact_layers", language, cell=card.cell.upper(), layers=card.layers, hidden=card.hidden),
        "fact_parameters": f"{card.num_parameters:,}",
        "fact_bits": _format_bits(card, language),
        "fact_corpus": corpus or unknown,
        "fact_license": card.license or unknown,
        "fact_known_issues": f"{card.known_issues[is_english]} {translate('issue_small_model', language)}".strip(),
    }


def _format_bits(card: ModelCard, language: str) -> str:
    if card.bits_per_character is None:
        return translate("fact_unknown", language)
    bits = f"{card.bits_per_character:.3f}"
    return bits if card.has_test_bits else translate("fact_bits_valid", language, bits=bits)
