"""The legend of the lanes: only signs that are drawn.

>>> "kl-legend" in render_legend([], ViewOptions(), "")
True
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from korlm.app.lanes import Lane, ViewOptions
from korlm.app.templating import render_template
from korlm.app.widgets.token_cells import BOUNDARY_CLASSES, TAG_GROUPS, segment_tag_groups


def render_legend(lanes: Sequence[Lane], view_options: ViewOptions, reference: str) -> Markup:
    """Render the legend of the lanes: lines, boundary types against the reference, colors, cells."""
    types_by_reference: dict[str, set[str]] = {}
    for lane in lanes:
        for name, lane_types in lane.boundary_types.items():
            types_by_reference.setdefault(name, set()).update(lane_types)
    all_types = set().union(*types_by_reference.values())
    units = {lane.unit for lane in lanes}
    groups: set[str] = set()
    if view_options.color == "pos":
        groups.update(*(segment_tag_groups(lane, index) for lane in lanes for index in range(len(lane.segments))))
    return render_template(
        "legend",
        view_options.language,
        has_several_lanes=len(lanes) > 1,
        has_unique_boundaries=any(lane.unique_boundaries for lane in lanes),
        has_oov=any(lane.oov_segments for lane in lanes),
        has_bytes="inside_bytes" in all_types or "byte" in units,
        has_jamo="inside_syllable" in all_types or "jamo" in units,
        reference=reference,
        boundary_classes={
            name: mark for name, mark in BOUNDARY_CLASSES.items() if name in types_by_reference.get(reference, ())
        },
        groups=[group for group in TAG_GROUPS if group in groups],
    )
