"""Visible names of characters that a font does not show.

>>> character_glyph("가"), character_glyph("\\n"), character_glyph("\\u200d")
(Glyph(text='가', kind=''), Glyph(text='↵', kind='sign'), Glyph(text='ZWJ', kind='sign'))
"""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple

_SIGNS = {
    "\t": "⇥", "\n": "↵", "\r": "CR", "\x1b": "ESC", "\x7f": "DEL", "\x85": "NEL", "\xa0": "NBSP", "\xad": "SHY",
    "\u034f": "CGJ", "\u061c": "ALM", "\u115f": "HCF", "\u1160": "HJF", "\u180e": "MVS", "\u200b": "ZWSP",
    "\u200c": "ZWNJ", "\u200d": "ZWJ", "\u200e": "LRM", "\u200f": "RLM", "\u2028": "LSEP", "\u2029": "PSEP",
    "\u202a": "LRE", "\u202b": "RLE", "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u202f": "NNBSP",
    "\u2060": "WJ", "\u2066": "LRI", "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI", "\u2800": "BLANK",
    "\u3000": "IDSP", "\u3164": "HF", "\ufeff": "BOM", "\uffa0": "HWHF",
}  # fmt: skip
_CONTROL_ABBREVIATIONS = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC"
)
_CONTROL_NAMES = [*_CONTROL_ABBREVIATIONS.split(), "FS", "GS", "RS", "US"]


class Glyph(NamedTuple):
    """The content of a cell."""

    text: str  # empty for the space, whose mark the style sheet draws
    kind: str = ""  # ``""`` for the character itself, ``"space"``, or ``"sign"`` for the name of an invisible character


@functools.lru_cache(maxsize=8192)
def character_glyph(character: str) -> Glyph:
    """Return the glyph of one code point."""
    if character == " ":
        return Glyph("", "space")
    if character in _SIGNS:
        return Glyph(_SIGNS[character], "sign")
    if ord(character) < 32:
        return Glyph(_CONTROL_NAMES[ord(character)], "sign")
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Mc"):
        code_point = ord(character)
        if 0xFE00 <= code_point <= 0xFE0F:
            return Glyph(f"VS{code_point - 0xFDFF}", "sign")
        return Glyph(_code_point_hex(character), "sign") if code_point >= 0xE0100 else Glyph("◌" + character)
    if category in ("Cc", "Cf", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"):
        return Glyph(_code_point_hex(character), "sign")
    return Glyph(character)


def make_visible(text: str) -> str:
    """Return ``text`` with ␣ for spaces and the names of invisible characters in ``⟨⟩``."""
    return "".join(map(_visible_character, text))


@functools.lru_cache(maxsize=8192)
def _visible_character(character: str) -> str:
    glyph = character_glyph(character)
    return "␣" if glyph.kind == "space" else f"⟨{glyph.text}⟩" if glyph.kind else character


def name_control_characters(text: str) -> str:
    """Return ``text`` with the names of control characters, for prose."""
    return "".join(c if c.isprintable() or c in "\n\t\u200d" else make_visible(c) for c in text)


def _code_point_hex(character: str) -> str:
    return f"{ord(character):04X}"
