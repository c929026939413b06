"""Recognize a crisis message by patterns, on text without spaces, punctuation and zero-width characters.

>>> match_rules("요즘 자꾸 죽 고 싶 어"), match_rules("배고파 죽겠어")
('suicide', None)
>>> match_rules("약 몇 알까지 먹어도 돼?"), match_rules("비가 창문을 때려요")
('medication', None)
"""

from __future__ import annotations

from korlm.chat.safety.abuse_patterns import CHILD_ABUSE_RULES, SEXUAL_VIOLENCE_RULES
from korlm.chat.safety.cards import CrisisCategory
from korlm.chat.safety.emergency_patterns import EMERGENCY_RULES
from korlm.chat.safety.idioms import IDIOMS
from korlm.chat.safety.medication_patterns import MEDICATION_RULES
from korlm.chat.safety.normalizing import list_views
from korlm.chat.safety.suicide_patterns import SUICIDE_RULES
from korlm.chat.safety.violence_patterns import VIOLENCE_RULES

# The first rule that matches decides: what needs the fastest help comes first.
_RULES = (
    *EMERGENCY_RULES, *SUICIDE_RULES, *SEXUAL_VIOLENCE_RULES, *CHILD_ABUSE_RULES, *VIOLENCE_RULES, *MEDICATION_RULES,
)  # fmt: skip


def match_rules(text: str) -> CrisisCategory | None:
    """Return the category of the first rule that matches a text; None if none does."""
    views = list_views(text, IDIOMS)
    return next((rule.category for rule in _RULES if any(map(rule.find_match, views))), None)
