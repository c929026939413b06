"""The state of the view as the page's address, and back: a link shows the same view.

>>> build_query(TextComparison("가 나", ("kiwi",)), ViewOptions())
'text=%EA%B0%80+%EB%82%98&t=kiwi&ref=kiwi&color=pos&form=surface&lang=ko'
>>> parse_query({"t": "kiwi,nonsense", "form": "restored"}, ["kiwi", "word"]).names
('kiwi',)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from korlm.app.view_models import KIWI_SWITCHES, KiwiSettings, TextComparison, ViewOptions
from korlm.text.perturbations import PERTURBATIONS

MAX_URL_TEXT = 1_500  # characters of a text that goes into the address: some servers stop at 8 KB, 5 bytes a letter
MAX_URL_USER_WORDS = 600  # characters of the user dictionary
COLOR_MODES = ("pos", "piece")
FORM_MODES = ("surface", "restored")


class UrlState(NamedTuple):
    """What an address asks for; None or empty where it says nothing."""

    text: str | None
    names: tuple[str, ...]
    settings: KiwiSettings
    view_options: ViewOptions
    perturbation: str


def fits_in_url(compared: TextComparison) -> bool:
    """Return whether the text is short enough to be part of the address."""
    return (
        len(compared.original_text or compared.text) <= MAX_URL_TEXT
        and len(compared.settings.words) <= MAX_URL_USER_WORDS
    )


def build_query(compared: TextComparison, view_options: ViewOptions) -> str:
    """Return the view's query, without the text where that is too long."""
    values: dict[str, str] = {}
    if fits_in_url(compared):
        values["text"] = compared.original_text or compared.text
        values |= {"stress": compared.perturbation} if compared.perturbation else {}
    values["t"] = ",".join(compared.names)
    values |= {
        "ref": view_options.reference or "none",
        "color": view_options.color,
        "form": view_options.form,
        "lang": view_options.language,
    }
    settings = compared.settings
    if settings.words.strip() and fits_in_url(compared):
        values["user"] = settings.words
    if any(settings.switches):
        values["kiwi"] = ",".join(name for name, on in zip(KIWI_SWITCHES, settings.switches, strict=True) if on)
    return urlencode(values, safe=",")


def parse_query(query_values: Mapping[str, str], known: Sequence[str]) -> UrlState:
    """Return what a query asks for; whatever is not known or too long is dropped.

    Args:
        query_values: the query's first value of each name.
        known: tokenizers that can be used.
    """
    text = query_values.get("text", "")[:MAX_URL_TEXT]
    names = tuple(name for name in known if name in query_values.get("t", "").replace(" ", "+").split(","))
    switches = query_values.get("kiwi", "").split(",")
    words = query_values.get("user", "")
    settings = KiwiSettings(
        words if len(words) <= MAX_URL_USER_WORDS else "", **{name: name in switches for name in KIWI_SWITCHES}
    )
    reference = query_values.get("ref", "kiwi")
    look = ViewOptions(
        "" if reference == "none" else reference,
        _known_or_default(query_values.get("color"), COLOR_MODES),
        _known_or_default(query_values.get("form"), FORM_MODES),
        _known_or_default(query_values.get("lang"), ("ko", "en")),
    )
    stress = query_values.get("stress", "")
    return UrlState(_drop_surrogates(text), names, settings, look, stress if stress in PERTURBATIONS else "")


def _known_or_default(value: str | None, known: Sequence[str]) -> str:
    return value if value is not None and value in known else known[0]


def _drop_surrogates(text: str) -> str | None:
    """Return a text without unpaired surrogates, or None for nothing."""
    return text.encode("utf-8", "ignore").decode("utf-8") or None
