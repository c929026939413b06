"""The view as files: CSV with a row an id, safe to open in a spreadsheet, and JSON. Made on demand, never kept.

>>> escape_formula("=1+1"), escape_formula("가"), escape_formula("-")
("'=1+1", '가', "'-")
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from korlm.app.strings.common import lane_name
from korlm.app.view_models import DisplayLane, DisplaySegment, DisplayToken, TextComparison
from korlm.text.hangul import to_compatibility_jamo

CSV_COLUMNS = ("lane", "index", "id", "piece", "start", "end", "bytes", "tag", "sejong", "lemma", "verdict")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(compared: TextComparison, reference: str, language: str) -> str:
    """Return a row for each id of each lane, with a byte order mark so that Excel reads Korean.

    Args:
        compared: the view.
        reference: the lane that verdicts are given against, or nothing.
        language: of the second Kiwi lane's name.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for lane in compared.valid_lanes:
        name = escape_formula(lane_name(lane.name, language))
        for piece, token in _segment_tokens(lane):
            row = _token_row(lane, piece, token, reference)
            writer.writerow(
                [name, *(escape_formula(value) if isinstance(value, str) else value for value in row.values())]
            )
    return "\ufeff" + out.getvalue()


def to_json(compared: TextComparison, reference: str, language: str) -> str:
    """Return the same and the text, the counts and the agreement, as readable JSON."""
    lanes = [
        {
            "name": lane_name(lane.name, language),
            "unit": lane.unit,
            "counts": vars(lane.counts) if lane.counts else None,
            "tokens": [_token_row(lane, piece, token, reference) for piece, token in _segment_tokens(lane)],
            "cuts": sorted(lane.boundaries),
            "lonely": sorted(lane.unique_boundaries),
        }
        for lane in compared.valid_lanes
    ]
    content = {"text": compared.text, "reference": reference, "lanes": lanes, "agreement": compared.agreement}
    if compared.perturbation:
        content |= {"stress": compared.perturbation, "original": compared.original_text}
    return json.dumps(content, ensure_ascii=False, indent=1)


def escape_formula(value: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe goes before what could begin one."""
    return "'" + value if value.startswith(_FORMULA_STARTS) else value


def _segment_tokens(lane: DisplayLane) -> Iterator[tuple[DisplaySegment, DisplayToken]]:
    return ((piece, token) for piece in lane.segments for token in piece.tokens)


def _token_row(lane: DisplayLane, segment: DisplaySegment, token: DisplayToken, reference: str) -> dict[str, Any]:
    return {
        "index": token.position,
        "id": token.id,
        "piece": token.text,
        "start": token.start,
        "end": token.end,
        "bytes": token.data.hex(),
        "tag": segment.tag,
        "sejong": "+".join(morph.sejong for morph in segment.morphemes),
        "lemma": "+".join(to_compatibility_jamo(morph.lemma) for morph in segment.morphemes),
        "verdict": lane.boundary_type(token, reference),
    }
