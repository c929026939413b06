"""Words in both languages at once, of which the page shows one: for views that the server does not remember.

>>> bilingual_text("send")
'<span class="kl-ko">보내기</span><span class="kl-en">Send</span>'

The style sheet hides the words that are not in the page's language, so that the switch needs no second request with what a
visitor wrote.

One register of what must change when the language does: (component, property, text).

>>> wording = LocalizedComponents()
>>> wording.add(gr.Textbox(), label="text").label
'글'
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block

from korlm.app.strings.common import translate
from korlm.app.widgets.visible_characters import name_control_characters
from korlm.errors import KorlmError
from korlm.i18n import LANGUAGES


def bilingual_text(key: str, **values: object) -> str:
    """Return a text of `korlm.app.strings.common` in both languages, as HTML."""
    return bilingual_html(lambda language: translate(key, language, **values))


def bilingual_html(text_in: Callable[[str], str]) -> str:
    """Return what is told in each language, as HTML."""
    told = {language: escape(name_control_characters(text_in(language))) for language in LANGUAGES}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "".join(f'<span class="kl-{language}">{text}</span>' for language, text in told.items())


def bilingual_notice(message: str | KorlmError, kind: str = "error") -> str:
    """Return a notice: the key of a text, or an error. See `korlm.app.widgets.lane_view.notice`."""
    role = "alert" if kind == "error" else "status"
    shown = bilingual_html(message.message) if isinstance(message, KorlmError) else bilingual_text(message)
    return f'<div class="kl kl-notice kl-{kind}" role="{role}">{shown}</div>'


_Block = TypeVar("_Block", bound=Block)
TextSource = str | Callable[[str], Any]  # a key of `korlm.app.strings.common`, or a function of the language


class LocalizedComponents:
    """Components with the properties that are words."""

    def __init__(self) -> None:
        self._entries: list[tuple[Block, dict[str, TextSource]]] = []

    @property
    def components(self) -> list[Block]:
        """The components, in the order of `updates`."""
        return [component for component, _ in self._entries]

    def add(self, component: _Block, **texts: TextSource) -> _Block:
        """Register a component, give it its Korean words and return it.

        Args:
            component: any Gradio block.
            **texts: for each property (``label``, ``placeholder``, ``value``, ``choices``) its text.
        """
        self._entries.append((component, texts))
        for name, value in _localize_properties(texts, "ko").items():
            setattr(component, name, value)
        return component

    def language_updates(self, language: str) -> list[dict[str, Any]]:
        """Return an update for each of `components`."""
        return [gr.update(**_localize_properties(texts, language)) for _, texts in self._entries]


def _localize_properties(texts: dict[str, TextSource], language: str) -> dict[str, Any]:
    return {
        name: translate(text, language) if isinstance(text, str) else text(language) for name, text in texts.items()
    }
