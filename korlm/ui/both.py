"""Words in both languages at once, of which the page shows one: for views that the server does not remember.

>>> both("send")
'<span class="kl-ko">보내기</span><span class="kl-en">Send</span>'

The style sheet hides the words that are not in the page's language, so that the switch needs no second request with what a
visitor wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from korlm.errors import KorlmError
from korlm.language import LANGUAGES
from korlm.ui.glyphs import readable
from korlm.ui.strings import say


def both(key: str, **values: object) -> str:
    """Return a text of `korlm.ui.strings` in both languages, as HTML."""
    return spoken(lambda language: say(key, language, **values))


def spoken(tell: Callable[[str], str]) -> str:
    """Return what is told in each language, as HTML."""
    told = {language: escape(readable(tell(language))) for language in LANGUAGES}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "".join(f'<span class="kl-{language}">{text}</span>' for language, text in told.items())


def told(message: str | KorlmError, kind: str = "error") -> str:
    """Return a notice: the key of a text, or an error. See `korlm.ui.render.notice`."""
    role = "alert" if kind == "error" else "status"
    shown = spoken(message.message) if isinstance(message, KorlmError) else both(message)
    return f'<div class="kl kl-notice kl-{kind}" role="{role}">{shown}</div>'
