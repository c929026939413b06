"""The likely segmentations of a scored text under each model, as HTML.

>>> differing_tokens(["하", "늘"], ["하늘", "이"]), differing_tokens(["가", "나"], ["가", "다"])
([True, True], [False, True])
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

from markupsafe import Markup

from korlm.app.generate.score import ModelScore
from korlm.app.limits import MAX_SEGMENTATION_TEXT
from korlm.app.templating import render_template
from korlm.app.widgets.surprisal import format_probability
from korlm.models.results import Segmentation

_MAX_LINES = 4


def render_segmentations(scores: Sequence[ModelScore], text: str, language: str) -> Markup:
    """Return the section of the segmentations of a scored text, empty if no model has any."""
    if len(text) > MAX_SEGMENTATION_TEXT:
        return render_template("segmentations_too_long", language, most=f"{MAX_SEGMENTATION_TEXT:,}")
    models = [_model_values(score, text) for score in scores if score.segmentations]
    if not models:
        return Markup("")
    return render_template(
        "segmentations",
        language,
        models=models,
        max_lines=_MAX_LINES,
        is_truncated=text.count("\n") >= _MAX_LINES,
        format_probability=format_probability,
    )


def differing_tokens(tokenizer_tokens: Sequence[str], tokens: Sequence[str]) -> list[bool]:
    """Return for each token whether the tokenizer's own segmentation lacks it at this place."""
    differs = [True] * len(tokens)
    for match in SequenceMatcher(None, tokenizer_tokens, tokens, autojunk=False).get_matching_blocks():
        differs[match.b : match.b + match.size] = [False] * match.size
    return differs


def _model_values(score: ModelScore, text: str) -> dict[str, Any]:
    num_characters = len(text) + 1  # a line end for each line
    # the bits of the tokenizer's own segmentation exceed those of the sum by -log2 of its probability given the text
    log_probs = [
        math.log2(segmentation.probability)
        for line in score.segmentations
        for segmentation in line
        if segmentation.is_canonical
    ]
    return {
        "card": score.card,
        "marginal": (score.bits + math.fsum(log_probs)) / num_characters,
        "canonical": score.bits / num_characters,
        "lines": [list(_line_values(line)) for line in score.segmentations[:_MAX_LINES] if line[0].tokens],
    }


def _line_values(line: Sequence[Segmentation]) -> Iterator[tuple[Segmentation, list[tuple[str, str]]]]:
    """Yield each segmentation with the text and the CSS classes of its tokens."""
    tokenizer_tokens = next(segmentation.tokens for segmentation in line if segmentation.is_canonical)
    for segmentation in line:
        differs = differing_tokens(tokenizer_tokens, segmentation.tokens)
        yield segmentation, list(map(_token_values, segmentation.tokens, differs))


def _token_values(token: str, differs: bool) -> tuple[str, str]:
    """Return a token's text, without the spaces before its box unless it is a space, and its CSS classes."""
    text = token.lstrip(" ") or "␣"
    return text, " ".join(["w"] * (text != token) + ["n"] * differs)
