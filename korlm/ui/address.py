"""The state of the view as the page's address, and back: a link shows the same view.

>>> query(Compared("가 나", ("kiwi",)), Look())
'text=%EA%B0%80+%EB%82%98&t=kiwi&ref=kiwi&color=pos&form=surface&lang=ko'
>>> read({"t": "kiwi,nonsense", "form": "restored"}, ["kiwi", "word"]).names
('kiwi',)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from korlm.text.stress import STRESSES
from korlm.ui.plain import SWITCHES, Compared, KiwiSettings, Look

MAX_LINKED = 1_500  # characters of a text that goes into the address: some servers stop at 8 KB, 5 bytes a letter
MAX_WORDS_LINKED = 600  # characters of the user dictionary
COLORS = ("pos", "piece")
FORMS = ("surface", "restored")


class Asked(NamedTuple):
    """What an address asks for; None or empty where it says nothing."""

    text: str | None
    names: tuple[str, ...]
    settings: KiwiSettings
    look: Look
    stress: str


def linkable(compared: Compared) -> bool:
    """Return whether the text is short enough to be part of the address."""
    return len(compared.original or compared.text) <= MAX_LINKED and len(compared.settings.words) <= MAX_WORDS_LINKED


def query(compared: Compared, look: Look) -> str:
    """Return the view's query, without the text where that is too long."""
    values: dict[str, str] = {}
    if linkable(compared):
        values["text"] = compared.original or compared.text
        values |= {"stress": compared.stress} if compared.stress else {}
    values["t"] = ",".join(compared.names)
    values |= {"ref": look.reference or "none", "color": look.color, "form": look.form, "lang": look.language}
    settings = compared.settings
    if settings.words.strip() and linkable(compared):
        values["user"] = settings.words
    if any(settings.switches):
        values["kiwi"] = ",".join(name for name, on in zip(SWITCHES, settings.switches, strict=True) if on)
    return urlencode(values, safe=",")


def read(values: Mapping[str, str], known: Sequence[str]) -> Asked:
    """Return what a query asks for; whatever is not known or too long is dropped.

    Args:
        values: the query's first value of each name.
        known: tokenizers that can be used.
    """
    text = values.get("text", "")[:MAX_LINKED]
    names = tuple(name for name in known if name in values.get("t", "").replace(" ", "+").split(","))
    switches = values.get("kiwi", "").split(",")
    words = values.get("user", "")
    settings = KiwiSettings(
        words if len(words) <= MAX_WORDS_LINKED else "", **{name: name in switches for name in SWITCHES}
    )
    reference = values.get("ref", "kiwi")
    look = Look(
        "" if reference == "none" else reference,
        _one_of(values.get("color"), COLORS),
        _one_of(values.get("form"), FORMS),
        _one_of(values.get("lang"), ("ko", "en")),
    )
    stress = values.get("stress", "")
    return Asked(_writable(text), names, settings, look, stress if stress in STRESSES else "")


def _one_of(value: str | None, known: Sequence[str]) -> str:
    return value if value is not None and value in known else known[0]


def _writable(text: str) -> str | None:
    """Return a text without unpaired surrogates, or None for nothing."""
    return text.encode("utf-8", "ignore").decode("utf-8") or None
