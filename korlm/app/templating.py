"""Jinja templates of the app's HTML, and texts in both languages at once.

>>> bilingual_text("send")
Markup('<span class="kl-ko">보내기</span><span class="kl-en">Send</span>')

Everything that a template outputs is escaped unless it is `Markup`, which `render_template` returns: the result of one
template can be a value of another.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup, escape

from korlm.app.strings.common import lane_name, tokenizer_display_name, translate, unit_label
from korlm.app.widgets.visible_characters import make_visible, name_control_characters
from korlm.errors import KorlmError
from korlm.i18n import LANGUAGES


class JoinLines(Extension):
    """Drop the line breaks of a template and their indentation: the tokens of a lane are inline elements.

    A line break inside a tag or before a word becomes one space.

    >>> Environment(extensions=[JoinLines]).from_string('<p>\\n  <b\\n    id="x">가</b>\\n</p>').render()
    '<p><b id="x">가</b></p>'
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Return the source as one line."""
        return re.sub(r"\s*\n\s*", " ", re.sub(r"\s*\n\s*(?=[<{]|$)", "", source))


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates", encoding="utf-8"),
    autoescape=True,
    undefined=StrictUndefined,
    extensions=[JoinLines],
)
_ENVIRONMENT.filters |= {
    "visible": make_visible,
    "prose": lambda text: text if isinstance(text, Markup) else name_control_characters(text),
}


def render_template(name: str, language: str = "ko", **values: object) -> Markup:
    """Render ``templates/NAME.html.jinja``.

    Args:
        name: the template.
        language: bound to the template's functions ``t(key, **values)``, ``lane_name(lane)``,
            ``unit_label(name, unit)`` and ``tokenizer_display_name(name, unit)``. ``bilingual(key, **values)`` gives
            both languages.
        **values: the template's variables.
    """
    functions = {
        "t": functools.partial(translate, language=language),
        "lane_name": functools.partial(lane_name, language=language),
        "tokenizer_display_name": functools.partial(tokenizer_display_name, language=language),
        "unit_label": functools.partial(unit_label, language=language),
        "bilingual": bilingual_text,
        "language": language,
    }
    return Markup(_ENVIRONMENT.get_template(f"{name}.html.jinja").render(functions | values))


def bilingual_text(key: str, **values: object) -> Markup:
    """Return a text of `korlm.app.strings` in both languages, of which the style sheet hides one.

    Views that the server does not remember are written like this: switching the language needs no second request with
    what a visitor wrote.
    """
    return bilingual_html(lambda language: translate(key, language, **values))


def bilingual_html(text_in: Callable[[str], str]) -> Markup:
    """Return the text that ``text_in`` gives for each language, as HTML; once where all are equal."""
    texts = {language: escape(name_control_characters(text_in(language))) for language in LANGUAGES}
    if len(set(texts.values())) == 1:
        return texts[LANGUAGES[0]]
    return Markup("").join(
        Markup('<span class="kl-{}">{}</span>').format(language, text) for language, text in texts.items()
    )


def render_notice(message: str | Markup, *, kind: str = "error") -> Markup:
    """Render a short message; ``kind`` is ``error``, ``wait``, ``note``, ``own`` or ``empty``."""
    return render_template("notice", message=message, kind=kind)


def render_bilingual_notice(message: str | KorlmError, kind: str = "error") -> Markup:
    """Render the key of a text, or an error, as a notice in both languages."""
    text = bilingual_html(message.message) if isinstance(message, KorlmError) else bilingual_text(message)
    return render_notice(text, kind=kind)
