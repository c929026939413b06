"""The guard that runs before every bot: rules first, then a small classifier for what the rules miss.

>>> find_safety_card("나 자살할까").category, find_safety_card("자살골 넣었어")
('suicide', None)
"""

from __future__ import annotations

from korlm.chat.safety.cards import CrisisCategory, SafetyCard, get_safety_card
from korlm.chat.safety.rules import match_rules


def detect_crisis(text: str) -> CrisisCategory | None:
    """Return the category of a crisis message; None if the message is harmless.

    Args:
        text: of any length; a crisis message inside a long harmless text is found, too.
    """
    return match_rules(text)


def find_safety_card(text: str) -> SafetyCard | None:
    """Return the fixed answer to a crisis message; None if the message is harmless."""
    category = detect_crisis(text)
    return get_safety_card(category) if category else None
