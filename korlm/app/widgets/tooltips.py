"""What is told of a piece where it is pointed at: text, span, ids, bytes, tags explained, dictionary forms, its cut.

>>> piece = DisplaySegment(0, 1, (DisplayToken(9, "했", 0, 1, "했".encode()),), (DisplayMorpheme("하", "하다", "VV"), DisplayMorpheme("었", "었", "EP")))
>>> describe_segment("했다", DisplayLane("kiwi", "morpheme", (piece,)), piece, ViewOptions(language="en")).splitlines()[2:]
['하/VV verb → 하다', '었/EP pre-final ending']
"""

from __future__ import annotations

from korlm.app.strings.common import lane_name, translate
from korlm.app.view_models import DisplayLane, DisplayMorpheme, DisplaySegment, DisplayToken, ViewOptions
from korlm.app.widgets.surprisal import format_probability
from korlm.app.widgets.tag_glosses import explain_tag
from korlm.app.widgets.visible_characters import make_visible
from korlm.text.hangul import to_compatibility_jamo

_MAX_IDS = 12  # ids and bytes that are told one by one; a download has them all
_MAX_BYTES = 24


def describe_segment(
    text: str, lane: DisplayLane, segment: DisplaySegment, view_options: ViewOptions, reference: str = ""
) -> str:
    """Return all that is known of a piece, a line each.

    Args:
        text: the text that was cut.
        lane: the piece's.
        segment: one of its pieces.
        view_options: for the language.
        reference: the lane that cuts are judged against, or nothing.
    """
    language = view_options.language
    span = translate("piece_span", language, start=segment.start, end=segment.end)
    lines = [
        f"‘{make_visible(text[segment.start : segment.end])}’ · {span}",
        *_describe_bits(segment, language),
        _describe_ids(segment, language),
    ]
    lines += [_describe_morpheme(morph, language, lane.name.split("+")[0]) for morph in segment.morphemes]
    if segment.fallback:
        lines.append(translate("piece_fallback", language))
    return "\n".join([*lines, *_describe_boundaries(lane, segment, reference, language)])


def _describe_bits(segment: DisplaySegment, language: str) -> list[str]:
    """Return what a piece costs a model, in all and per character."""
    if segment.bits is None:
        return []
    told = [translate("tip_bits", language, bits=f"{segment.bits:.2f}", chance=format_probability(2.0**-segment.bits))]
    if segment.end - segment.start > 1:
        told.append(translate("tip_each", language, bits=f"{segment.bits_per_character:.2f}"))
    ends = bool(segment.tokens) and not segment.tokens[0].data
    return told + ([translate("tip_line_end", language)] if ends else [])


def _describe_ids(segment: DisplaySegment, language: str) -> str:
    if len(segment.tokens) == 1:
        token = segment.tokens[0]
        known = translate("piece_id", language, ids=token.id)
        return f"{known} · {translate('piece_bytes', language, bytes=_format_bytes(token))}" if token.data else known
    known = " · ".join(f"{make_visible(token.text)} {token.id}" for token in segment.tokens[:_MAX_IDS])
    more = " …" if len(segment.tokens) > _MAX_IDS else ""
    return f"{translate('piece_ids', language, count=len(segment.tokens))}: {known}{more}"


def _format_bytes(token: DisplayToken) -> str:
    return token.data[:_MAX_BYTES].hex(" ").upper() + (" …" if len(token.data) > _MAX_BYTES else "")


def _describe_morpheme(morpheme: DisplayMorpheme, language: str, analyzer: str) -> str:
    line = f"{_display_form(morpheme.form)}/{morpheme.tag}"
    if meaning := explain_tag(morpheme.tag, language, analyzer):
        line += f" {meaning}"
    if morpheme.sejong and morpheme.sejong != morpheme.tag:
        line += " " + translate(
            "piece_sejong", language, tag=f"{morpheme.sejong} {explain_tag(morpheme.sejong, language)}".strip()
        )
    return line + (f" → {_display_form(morpheme.lemma)}" if morpheme.lemma != morpheme.form else "")


def _display_form(form: str) -> str:
    return make_visible(to_compatibility_jamo(form))


def _describe_boundaries(lane: DisplayLane, segment: DisplaySegment, reference: str, language: str) -> list[str]:
    """Return a line for the verdict on the cut before the piece, one where only this lane has it, and those inside."""
    lines = []
    if verdict := lane.boundary_type(segment.tokens[0], reference) if segment.tokens else "":
        told = translate("verdict_" + verdict, language)
        lines.append(translate("piece_cut", language, verdict=told, reference=lane_name(reference, language)))
    inside = [found for token in segment.tokens[1:] if (found := lane.boundary_type(token, reference))]
    if inside:
        counted = ", ".join(
            f"{translate('verdict_' + kind, language)} {inside.count(kind)}" for kind in dict.fromkeys(inside)
        )
        lines.append(translate("piece_inside", language, verdicts=counted))
    return lines + ([translate("piece_lonely", language)] if segment.start in lane.unique_boundaries else [])
