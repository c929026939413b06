"""Words in both languages at once, of which the page shows one: for views that the server does not remember.

>>> bilingual_text("send")
'<span class="kl-ko">보내기</span><span class="kl-en">Send</span>'

The style sheet hides the words that are not in the page's language, so that the switch needs no second request with what a
visitor wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from korlm.errors import KorlmError
from korlm.language import LANGUAGES
from korlm.ui.glyphs import name_control_characters
from korlm.ui.strings import translate


def bilingual_text(key: str, **values: object) -> str:
    """Return a text of `korlm.ui.strings` in both languages, as HTML."""
    return bilingual_html(lambda language: translate(key, language, **values))


def bilingual_html(text_in: Callable[[str], str]) -> str:
    """Return what is told in each language, as HTML."""
    told = {language: escape(name_control_characters(text_in(language))) for language in LANGUAGES}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "".join(f'<span class="kl-{language}">{text}</span>' for language, text in told.items())


def bilingual_notice(message: str | KorlmError, kind: str = "error") -> str:
    """Return a notice: the key of a text, or an error. See `korlm.ui.render.notice`."""
    role = "alert" if kind == "error" else "status"
    shown = bilingual_html(message.message) if isinstance(message, KorlmError) else bilingual_text(message)
    return f'<div class="kl kl-notice kl-{kind}" role="{role}">{shown}</div>'
