"""What is told of a piece where it is pointed at: text, span, ids, bytes, tags explained, dictionary forms, its cut.

>>> piece = Piece(0, 1, (Token(9, "했", 0, 1, "했".encode()),), (Morph("하", "하다", "VV"), Morph("었", "었", "EP")))
>>> describe("했다", Lane("kiwi", "morpheme", (piece,)), piece, Look(language="en")).splitlines()[2:]
['하/VV verb → 하다', '었/EP pre-final ending']
"""

from __future__ import annotations

from korlm.text.hangul import shown
from korlm.ui.glosses import gloss
from korlm.ui.glyphs import visible
from korlm.ui.plain import Lane, Look, Morph, Piece, Token
from korlm.ui.scale import chance
from korlm.ui.strings import lane_name, say

_IDS = 12  # ids and bytes that are told one by one; a download has them all
_BYTES = 24


def describe(text: str, lane: Lane, piece: Piece, look: Look, reference: str = "") -> str:
    """Return all that is known of a piece, a line each.

    Args:
        text: the text that was cut.
        lane: the piece's.
        piece: one of its pieces.
        look: for the language.
        reference: the lane that cuts are judged against, or nothing.
    """
    language = look.language
    span = say("piece_span", language, start=piece.start, end=piece.end)
    lines = [f"‘{visible(text[piece.start : piece.end])}’ · {span}", *_bits(piece, language), _ids(piece, language)]
    lines += [_morph(morph, language, lane.name.split("+")[0]) for morph in piece.morphemes]
    if piece.fallback:
        lines.append(say("piece_fallback", language))
    return "\n".join([*lines, *_cut(lane, piece, reference, language)])


def _bits(piece: Piece, language: str) -> list[str]:
    """Return what a piece costs a model, in all and per character."""
    if piece.bits is None:
        return []
    told = [say("tip_bits", language, bits=f"{piece.bits:.2f}", chance=chance(2.0**-piece.bits))]
    if piece.end - piece.start > 1:
        told.append(say("tip_each", language, bits=f"{piece.each:.2f}"))
    ends = bool(piece.tokens) and not piece.tokens[0].data
    return told + ([say("tip_line_end", language)] if ends else [])


def _ids(piece: Piece, language: str) -> str:
    if len(piece.tokens) == 1:
        token = piece.tokens[0]
        known = say("piece_id", language, ids=token.id)
        return f"{known} · {say('piece_bytes', language, bytes=_hex(token))}" if token.data else known
    known = " · ".join(f"{visible(token.text)} {token.id}" for token in piece.tokens[:_IDS])
    more = " …" if len(piece.tokens) > _IDS else ""
    return f"{say('piece_ids', language, count=len(piece.tokens))}: {known}{more}"


def _hex(token: Token) -> str:
    return token.data[:_BYTES].hex(" ").upper() + (" …" if len(token.data) > _BYTES else "")


def _morph(morph: Morph, language: str, analyzer: str) -> str:
    line = f"{_form(morph.form)}/{morph.tag}"
    if meaning := gloss(morph.tag, language, analyzer):
        line += f" {meaning}"
    if morph.sejong and morph.sejong != morph.tag:
        line += " " + say("piece_sejong", language, tag=f"{morph.sejong} {gloss(morph.sejong, language)}".strip())
    return line + (f" → {_form(morph.lemma)}" if morph.lemma != morph.form else "")


def _form(form: str) -> str:
    return visible(shown(form))


def _cut(lane: Lane, piece: Piece, reference: str, language: str) -> list[str]:
    """Return a line for the verdict on the cut before the piece, one where only this lane has it, and those inside."""
    lines = []
    if verdict := lane.verdict(piece.tokens[0], reference) if piece.tokens else "":
        told = say("verdict_" + verdict, language)
        lines.append(say("piece_cut", language, verdict=told, reference=lane_name(reference, language)))
    inside = [found for token in piece.tokens[1:] if (found := lane.verdict(token, reference))]
    if inside:
        counted = ", ".join(
            f"{say('verdict_' + kind, language)} {inside.count(kind)}" for kind in dict.fromkeys(inside)
        )
        lines.append(say("piece_inside", language, verdicts=counted))
    return lines + ([say("piece_lonely", language)] if piece.start in lane.lonely else [])
