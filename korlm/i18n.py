"""Which language a person reads: Korean unless their settings name another one.

>>> localize("없음", "none", language="en")
'none'
"""

from __future__ import annotations

import os

LANGUAGES = ("ko", "en")


def user_language() -> str:
    """Return ``"ko"`` or ``"en"`` for this process.

    ``KORLM_LANG`` decides where it is set; else the locale (``LC_ALL``, ``LC_MESSAGES``, ``LANG``). An unset
    locale, ``C`` and ``POSIX`` (the bare container) count as Korean, any named language but Korean as English.

        >>> user_language() in LANGUAGES
        True
    """
    for variable in ("KORLM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "").lower()
        if value:
            return "ko" if value.startswith(("ko", "c.", "posix")) or value == "c" else "en"
    return "ko"


def localize(ko: str, en: str, *, language: str | None = None) -> str:
    """Return the text in ``language`` (the person's own by default)."""
    return en if (language or user_language()) == "en" else ko
