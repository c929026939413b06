"""The user's language: Korean, unless the environment names another one.

>>> localize("없음", "none", language="en")
'none'
"""

from __future__ import annotations

import os

LANGUAGES = ("ko", "en")


def user_language() -> str:
    """Return ``"ko"`` or ``"en"`` for this process.

    ``KORLM_LANG`` decides if set, else the locale (``LC_ALL``, ``LC_MESSAGES``, ``LANG``). An unset locale, ``C`` and
    ``POSIX`` (a bare container) count as Korean; any other language than Korean as English.

        >>> user_language() in LANGUAGES
        True
    """
    for variable in ("KORLM_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "").lower()
        if value:
            return "ko" if value.startswith(("ko", "c.", "posix")) or value == "c" else "en"
    return "ko"


def localize(ko: str, en: str, *, language: str | None = None) -> str:
    """Return the text in ``language``; by default in the user's language."""
    return en if (language or user_language()) == "en" else ko
