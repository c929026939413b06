"""The view as files: CSV with a row an id, safe to open in a spreadsheet, and JSON. Made on demand, never kept.

>>> guarded("=1+1"), guarded("가"), guarded("-")
("'=1+1", '가', "'-")
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from korlm.text.hangul import shown
from korlm.ui.plain import Compared, Lane, Piece, Token
from korlm.ui.strings import lane_name

COLUMNS = ("lane", "index", "id", "piece", "start", "end", "bytes", "tag", "sejong", "lemma", "verdict")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(compared: Compared, reference: str, language: str) -> str:
    """Return a row for each id of each lane, with a byte order mark so that Excel reads Korean.

    Args:
        compared: the view.
        reference: the lane that verdicts are given against, or nothing.
        language: of the second Kiwi lane's name.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for lane in compared.good:
        name = guarded(lane_name(lane.name, language))
        for piece, token in _tokens(lane):
            row = _row(lane, piece, token, reference)
            writer.writerow([name, *(guarded(value) if isinstance(value, str) else value for value in row.values())])
    return "\ufeff" + out.getvalue()


def to_json(compared: Compared, reference: str, language: str) -> str:
    """Return the same and the text, the counts and the agreement, as readable JSON."""
    lanes = [
        {
            "name": lane_name(lane.name, language),
            "unit": lane.unit,
            "counts": vars(lane.counts) if lane.counts else None,
            "tokens": [_row(lane, piece, token, reference) for piece, token in _tokens(lane)],
            "cuts": sorted(lane.cuts),
            "lonely": sorted(lane.lonely),
        }
        for lane in compared.good
    ]
    content = {"text": compared.text, "reference": reference, "lanes": lanes, "agreement": compared.agreement}
    if compared.stress:
        content |= {"stress": compared.stress, "original": compared.original}
    return json.dumps(content, ensure_ascii=False, indent=1)


def guarded(value: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe goes before what could begin one."""
    return "'" + value if value.startswith(_FORMULA) else value


def _tokens(lane: Lane) -> Iterator[tuple[Piece, Token]]:
    return ((piece, token) for piece in lane.pieces for token in piece.tokens)


def _row(lane: Lane, piece: Piece, token: Token, reference: str) -> dict[str, Any]:
    return {
        "index": token.place,
        "id": token.id,
        "piece": token.text,
        "start": token.start,
        "end": token.end,
        "bytes": token.data.hex(),
        "tag": piece.tag,
        "sejong": "+".join(morph.sejong for morph in piece.morphemes),
        "lemma": "+".join(shown(morph.lemma) for morph in piece.morphemes),
        "verdict": lane.verdict(token, reference),
    }
