"""The components whose texts change with the language.

>>> localized = LocalizedComponents()
>>> localized.add(gr.Textbox(), label="text").label
'글'
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block

from korlm.app.strings.common import translate

_Block = TypeVar("_Block", bound=Block)
TextSource = str | Callable[[str], Any]  # a key of `korlm.app.strings`, or a function of the language
UNQUEUED: dict[str, Any] = {"show_progress": "hidden", "queue": False}  # options of events that are quick


class LocalizedComponents:
    """Gradio components with the properties that hold text."""

    def __init__(self) -> None:
        self._entries: list[tuple[Block, dict[str, TextSource]]] = []

    @property
    def components(self) -> list[Block]:
        """The components, in the order of `language_updates`."""
        return [component for component, _ in self._entries]

    def add(self, component: _Block, **texts: TextSource) -> _Block:
        """Register a block, give its ``label``, ``placeholder``, ``value`` or ``choices`` in Korean, and return it."""
        self._entries.append((component, texts))
        for name, value in _localize_properties(texts, "ko").items():
            setattr(component, name, value)
        return component

    def language_updates(self, language: str) -> list[dict[str, Any]]:
        """Return the Gradio update of each of `components`."""
        return [gr.update(**_localize_properties(texts, language)) for _, texts in self._entries]


def _localize_properties(texts: dict[str, TextSource], language: str) -> dict[str, Any]:
    return {
        name: translate(text, language) if isinstance(text, str) else text(language) for name, text in texts.items()
    }
