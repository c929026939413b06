"""The state of the view as the query string of the page, and back: a link shows the same view.

>>> build_query(TextComparison("가 나", ("kiwi",)), ViewOptions())
'text=%EA%B0%80+%EB%82%98&t=kiwi&ref=kiwi&color=pos&form=surface&lang=ko'
>>> parse_query({"t": "kiwi,nonsense", "form": "restored"}, ["kiwi", "word"]).names
('kiwi',)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from korlm.app.lanes import KIWI_SWITCHES, KiwiSettings, TextComparison, ViewOptions
from korlm.text.perturbations import PERTURBATIONS

MAX_URL_TEXT = 1_500  # characters of a text in the address: some servers stop at 8 KB, 5 bytes a letter
MAX_URL_USER_WORDS = 600  # characters of the user dictionary
COLOR_MODES = ("pos", "piece")
FORM_MODES = ("surface", "restored")


class UrlState(NamedTuple):
    """The values of a query string; None or empty for those that are not in it."""

    text: str | None
    names: tuple[str, ...]
    settings: KiwiSettings
    view_options: ViewOptions
    perturbation: str


def fits_in_url(comparison: TextComparison) -> bool:
    """Return whether the text and the user words are short enough for the address."""
    return (
        len(comparison.original_text or comparison.text) <= MAX_URL_TEXT
        and len(comparison.settings.words) <= MAX_URL_USER_WORDS
    )


def build_query(comparison: TextComparison, view_options: ViewOptions) -> str:
    """Return the query string of a view, without a text that is too long."""
    values: dict[str, str] = {}
    if fits_in_url(comparison):
        values["text"] = comparison.original_text or comparison.text
        values |= {"stress": comparison.perturbation} if comparison.perturbation else {}
    values["t"] = ",".join(comparison.names)
    values |= {
        "ref": view_options.reference or "none",
        "color": view_options.color,
        "form": view_options.form,
        "lang": view_options.language,
    }
    settings = comparison.settings
    if settings.words.strip() and fits_in_url(comparison):
        values["user"] = settings.words
    if any(settings.switches):
        values["kiwi"] = ",".join(name for name, on in zip(KIWI_SWITCHES, settings.switches, strict=True) if on)
    return urlencode(values, safe=",")


def parse_query(query_values: Mapping[str, str], known: Sequence[str]) -> UrlState:
    """Parse the first value of each name; unknown and too long values, and tokenizers not in ``known``, are dropped."""
    text = query_values.get("text", "")[:MAX_URL_TEXT]
    names = tuple(name for name in known if name in query_values.get("t", "").replace(" ", "+").split(","))
    switches = query_values.get("kiwi", "").split(",")
    words = query_values.get("user", "")
    settings = KiwiSettings(
        words if len(words) <= MAX_URL_USER_WORDS else "", **{name: name in switches for name in KIWI_SWITCHES}
    )
    reference = query_values.get("ref", "kiwi")
    view_options = ViewOptions(
        "" if reference == "none" else reference,
        known_or_default(query_values.get("color"), COLOR_MODES),
        known_or_default(query_values.get("form"), FORM_MODES),
        known_or_default(query_values.get("lang"), ("ko", "en")),
    )
    perturbation = query_values.get("stress", "")
    return UrlState(
        _drop_surrogates(text), names, settings, view_options, perturbation if perturbation in PERTURBATIONS else ""
    )


def known_or_default(value: object, known: Sequence[str]) -> str:
    """Return a value that is one of ``known``, or else the first of these.

    >>> known_or_default("piece", COLOR_MODES), known_or_default(None, COLOR_MODES)
    ('piece', 'pos')
    """
    return value if isinstance(value, str) and value in known else known[0]


def _drop_surrogates(text: str) -> str | None:
    """Return a text without unpaired surrogates, or None if it is empty."""
    return text.encode("utf-8", "ignore").decode("utf-8") or None
