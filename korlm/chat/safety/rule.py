"""A rule of the safety guard: a pattern, and the words nearby that make a match harmless."""

from __future__ import annotations

import re
from dataclasses import dataclass

from korlm.chat.safety.cards import CrisisCategory
from korlm.chat.safety.normalizing import soften_spelling

_REACH_BEFORE, _REACH_AFTER = 10, 10


@dataclass(frozen=True)
class CrisisRule:
    """A rule.

    Attributes:
        category: the category of a message that the rule matches.
        pattern: what to search in a view of the message (see ``normalizing``).
        unless: words that make a match harmless if they stand in it or close to it.
    """

    category: CrisisCategory
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None

    def find_match(self, view: str) -> re.Match[str] | None:
        """Return the first match in a view that no harmless word stands by."""
        for match in self.pattern.finditer(view):
            if self.unless is None:
                return match
            if not self.unless.search(view, max(0, match.start() - _REACH_BEFORE), match.end() + _REACH_AFTER):
                return match
        return None


def make_rules(category: CrisisCategory, *rows: tuple[str] | tuple[str, str]) -> tuple[CrisisRule, ...]:
    """Return a rule for each row: a pattern, and possibly the words that make it harmless; both in usual spelling."""
    return tuple(
        CrisisRule(category, *(re.compile(soften_spelling(text)) for text in row), *([None] * (2 - len(row))))
        for row in rows
    )
