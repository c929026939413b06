"""A comparison as files: CSV with a row per token, safe to open in a spreadsheet, and JSON.

>>> escape_formula("=1+1"), escape_formula("가"), escape_formula("-")
("'=1+1", '가', "'-")
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from korlm.app.lanes import Lane, TextComparison
from korlm.app.strings.common import lane_name
from korlm.evaluation.token_counts import TokenCounts
from korlm.text.hangul import to_compatibility_jamo

CSV_COLUMNS = ("lane", "index", "id", "piece", "start", "end", "bytes", "tag", "sejong", "lemma", "verdict")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(comparison: TextComparison, reference: str, language: str) -> str:
    """Return CSV with a row for each token of each lane, and a byte order mark so that Excel reads Korean.

    Boundaries are compared with the lane ``reference``, if any; ``language`` is that of the second Kiwi lane's name.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for lane in comparison.valid_lanes:
        name = escape_formula(lane_name(lane.name, language))
        for row in _token_rows(lane, reference):
            cells = (escape_formula(value) if isinstance(value, str) else value for value in row.values())
            writer.writerow([name, *cells])
    return "\ufeff" + out.getvalue()


def to_json(comparison: TextComparison, reference: str, language: str) -> str:
    """Return JSON with the same rows, the text, the counts and the agreement."""
    lanes = [
        {
            "name": lane_name(lane.name, language),
            "unit": lane.unit,
            "counts": _counts_to_dict(lane.counts, lane.vocab_size) if lane.counts else None,
            "tokens": list(_token_rows(lane, reference)),
            "cuts": sorted(lane.boundaries),
            "lonely": sorted(lane.unique_boundaries),
        }
        for lane in comparison.valid_lanes
    ]
    content = {"text": comparison.text, "reference": reference, "lanes": lanes, "agreement": comparison.agreement}
    if comparison.perturbation:
        content |= {"stress": comparison.perturbation, "original": comparison.original_text}
    return json.dumps(content, ensure_ascii=False, indent=1)


def escape_formula(value: str) -> str:
    """Return a cell with an apostrophe before anything that a spreadsheet could take for a formula."""
    return "'" + value if value.startswith(_FORMULA_STARTS) else value


def _token_rows(lane: Lane, reference: str) -> Iterator[dict[str, Any]]:
    assert lane.encoding is not None
    encoding = lane.encoding
    tokens = zip(encoding.ids, encoding.tokens, encoding.spans, strict=True)
    for index, (token_id, token, (start, end)) in enumerate(tokens):
        segment = encoding.segments[encoding.segment_of[index]]
        yield {
            "index": index,
            "id": token_id,
            "piece": token,
            "start": start,
            "end": end,
            "bytes": lane.token_bytes[index].hex(),
            "tag": segment.tag or "",
            "sejong": "+".join(morpheme.sejong for morpheme in segment.morphemes),
            "lemma": "+".join(to_compatibility_jamo(morpheme.lemma) for morpheme in segment.morphemes),
            "verdict": lane.boundary_type(index, reference),
        }


def _counts_to_dict(counts: TokenCounts, vocab_size: int) -> dict[str, Any]:
    return {
        "pieces": counts.segments,
        "ids": counts.ids,
        "ids_per_eojeol": counts.fertility if counts.eojeol else None,
        "characters_per_id": counts.characters_per_id if counts.ids else None,
        "byte_ids": counts.byte_ids,
        "fallback": counts.unknown_segments,
        "vocabulary": vocab_size,
    }
