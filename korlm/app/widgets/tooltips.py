"""The tooltip of a segment: text, span, token ids, bytes, tags, lemmas and the boundary before it.

>>> from korlm.tokenizers.registry import load_tokenizer
>>> from korlm.app.lanes import build_lane
>>> describe_segment(build_lane("byte", "가", load_tokenizer("byte")), 0, ViewOptions(language="en"))
'‘가’ · characters 0–1\\n3 tokens: <0xEA> 238 · <0xB0> 180 · <0x80> 132'
"""

from __future__ import annotations

import functools

from korlm.app.lanes import Lane, ViewOptions
from korlm.app.strings.common import lane_name, translate
from korlm.app.widgets.surprisal import format_probability
from korlm.app.widgets.tag_glosses import explain_tag
from korlm.app.widgets.visible_characters import make_visible
from korlm.morph.base import Morpheme
from korlm.text.hangul import to_compatibility_jamo

_MAX_IDS = 12  # the download has all of them
_MAX_BYTES = 24


def describe_segment(lane: Lane, index: int, view_options: ViewOptions, reference: str = "") -> str:
    """Return the lines of the tooltip of a lane's segment; boundaries are against the lane ``reference``, if any."""
    language, segment = view_options.language, lane.segments[index]
    span = translate("piece_span", language, start=segment.start, end=segment.end)
    lines = [
        f"‘{make_visible(lane.text[segment.start : segment.end])}’ · {span}",
        *_describe_bits(lane, index, language),
        _describe_tokens(lane, index, language),
    ]
    lines += [_describe_morpheme(morpheme, language, lane.name.split("+")[0]) for morpheme in segment.morphemes]
    if index in lane.oov_segments:
        lines.append(translate("piece_fallback", language))
    return "\n".join([*lines, *_describe_boundaries(lane, index, reference, language)])


def _describe_bits(lane: Lane, index: int, language: str) -> list[str]:
    """Return the surprisal of a segment, in all and per character."""
    if not lane.segment_bits:
        return []
    bits, tokens = lane.segment_bits[index], lane.token_indices[index]
    length = lane.segments[index].end - lane.segments[index].start
    lines = [translate("tip_bits", language, bits=f"{bits:.2f}", chance=format_probability(2.0**-bits))]
    if length > 1:
        lines.append(translate("tip_each", language, bits=f"{bits / length:.2f}"))
    if tokens and not lane.token_bytes[tokens[0]]:
        lines.append(translate("tip_line_end", language))
    return lines


def _describe_tokens(lane: Lane, index: int, language: str) -> str:
    assert lane.encoding is not None
    tokens, ids = lane.token_indices[index], lane.encoding.ids
    if len(tokens) == 1:
        token_id = translate("piece_id", language, ids=ids[tokens[0]])
        data = lane.token_bytes[tokens[0]]
        return f"{token_id} · {translate('piece_bytes', language, bytes=_format_bytes(data))}" if data else token_id
    listed = " · ".join(f"{make_visible(lane.encoding.tokens[token])} {ids[token]}" for token in tokens[:_MAX_IDS])
    ellipsis = " …" if len(tokens) > _MAX_IDS else ""
    return f"{translate('piece_ids', language, count=len(tokens))}: {listed}{ellipsis}"


def _format_bytes(data: bytes) -> str:
    return data[:_MAX_BYTES].hex(" ").upper() + (" …" if len(data) > _MAX_BYTES else "")


def _describe_morpheme(morpheme: Morpheme, language: str, analyzer: str) -> str:
    line = f"{_display_form(morpheme.form)}/{morpheme.tag}"
    if gloss := explain_tag(morpheme.tag, language, analyzer):
        line += f" {gloss}"
    if morpheme.sejong and morpheme.sejong != morpheme.tag:
        sejong = f"{morpheme.sejong} {explain_tag(morpheme.sejong, language)}".strip()
        line += " " + translate("piece_sejong", language, tag=sejong)
    return line + (f" → {_display_form(morpheme.lemma)}" if morpheme.lemma != morpheme.form else "")


def _display_form(form: str) -> str:
    return make_visible(to_compatibility_jamo(form))


def _describe_boundaries(lane: Lane, index: int, reference: str, language: str) -> list[str]:
    """Return lines for the type of the boundary before a segment, those inside it, and one that no other lane has."""
    tokens = lane.token_indices[index]
    lines = _describe_types(lane.boundary_types.get(reference, ())[tokens.start : tokens.stop], reference, language)
    if lane.segments[index].start in lane.unique_boundaries:
        return [*lines, translate("piece_lonely", language)]
    return lines


@functools.lru_cache(maxsize=4096)
def _describe_types(types: tuple[str, ...], reference: str, language: str) -> list[str]:
    lines = []
    if types and types[0]:
        verdict = translate("verdict_" + types[0], language)
        lines.append(translate("piece_cut", language, verdict=verdict, reference=lane_name(reference, language)))
    if inside := [boundary_type for boundary_type in types[1:] if boundary_type]:
        verdicts = ", ".join(
            f"{translate('verdict_' + boundary_type, language)} {inside.count(boundary_type)}"
            for boundary_type in dict.fromkeys(inside)
        )
        lines.append(translate("piece_inside", language, verdicts=verdicts))
    return lines
