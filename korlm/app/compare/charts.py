"""Charts of the lanes together: boundary types of each lane, agreement of the boundaries, spread of token counts.

>>> min_median_max([3, 9, 4])
(3, 4, 9)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median_low

from markupsafe import Markup

from korlm.app.lanes import Lane, TextComparison, ViewOptions
from korlm.app.strings.common import lane_name
from korlm.app.templating import render_template
from korlm.app.widgets.token_cells import BOUNDARY_CLASSES


def render_charts(comparison: TextComparison, view_options: ViewOptions, reference: str) -> Markup:
    """Render the charts; those that need several lanes are left out for one lane."""
    lanes = [lane for lane in comparison.valid_lanes if lane.counts]
    if not reference and len(lanes) < 2:
        return Markup()
    return render_template(
        "charts",
        view_options.language,
        lanes=lanes,
        reference=reference,
        boundary_classes=BOUNDARY_CLASSES,
        type_counts=[Counter(lane.boundary_types.get(reference, ())) for lane in lanes],
        agreement=comparison.agreement,
        shade=lambda fraction: round(5 * fraction),
        spread=_count_spread(lanes, view_options.language) if len(lanes) > 1 else None,
    )


def _count_spread(lanes: Sequence[Lane], language: str) -> dict[str, object]:
    """Return the lanes sorted by number of tokens, and the values of the sentence about them."""
    counted = sorted((lane.counts.ids, lane_name(lane.name, language), lane.unit) for lane in lanes if lane.counts)
    low, middle, high = min_median_max([num_tokens for num_tokens, _, _ in counted])
    least, most = (", ".join(name for count, name, _ in counted if count == end) for end in (low, high))
    times = f"{high / low:.1f}" if low else "–"
    summary = {"low": low, "least": least, "high": high, "most": most, "middle": middle, "times": times}
    return {"rows": counted, "most": high or 1, "summary": summary}


def min_median_max(counts: Sequence[int]) -> tuple[int, int, int]:
    """Return the minimum, the median (the lower of two) and the maximum."""
    return min(counts), median_low(counts), max(counts)
