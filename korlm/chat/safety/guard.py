"""The guard that runs before every bot: patterns and a classifier vote on every message.

>>> find_safety_card("나 자살할까").category, find_safety_card("자살골 넣었어")
('suicide', None)
"""

from __future__ import annotations

import re

from korlm.chat.safety.cards import CrisisCategory, SafetyCard, get_safety_card
from korlm.chat.safety.classifier import load_crisis_classifier, split_windows
from korlm.chat.safety.rules import match_rules

# Chosen on the messages of three writers that the classifier had not seen then (dev/LOG.md, 2026-11-29): recall 91, 99
# and 80 %, false alarms on harmless messages that come close 1.1, 0.8 and 2.7 %, on everyday questions 0.1 %.
_PATTERN_LOG_ODDS = 4.0  # what a matching pattern adds to the classifier's log odds
_MIN_LOG_ODDS = 1.0  # with 0, three of 240 turns of ordinary conversations were false alarms
# The guard reads Korean; of English it knows the plainest words alone
_ENGLISH_SUICIDE = re.compile(
    r"\b(?:kill(?:ing)?\s+my\s?self|(?:want\s+to|wanna)\s+die|end(?:ing)?\s+my\s+(?:own\s+)?life|commit(?:ting)?\s+suicide|"
    r"(?:i\s+am|i'?m)\s+suicidal|hurt(?:ing)?\s+my\s?self|cut(?:ting)?\s+my\s?self|take\s+my\s+(?:own\s+)?life)\b",
    re.IGNORECASE,
)
_SHORT_LETTERS = 4  # so few letters say too little without a pattern


def detect_crisis(text: str) -> CrisisCategory | None:
    """Return the category of a crisis message; None if the message is harmless.

    Args:
        text: of any length; a crisis message inside a long harmless text is found, too.
    """
    if _ENGLISH_SUICIDE.search(text):
        return "suicide"
    windows = split_windows(text)
    is_long = len(windows) > 1
    rule_category = next((category for category in map(match_rules, windows) if category), None)
    if rule_category and is_long:
        return rule_category
    if not rule_category and not is_long and len(windows[0]) <= _SHORT_LETTERS:
        return None
    score = load_crisis_classifier().classify(windows)
    log_odds = score.log_odds + (_PATTERN_LOG_ODDS if rule_category else 0.0)
    if log_odds < _MIN_LOG_ODDS:
        return None
    return rule_category or score.category


def find_safety_card(text: str) -> SafetyCard | None:
    """Return the fixed answer to a crisis message; None if the message is harmless."""
    category = detect_crisis(text)
    return get_safety_card(category) if category else None
