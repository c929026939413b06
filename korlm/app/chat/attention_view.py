"""The attention of an answer as an HTML table: a row a token of the answer, a column a token of the question.

>>> cell = '<td class="kl-s4" title="밥 → 배: 62%">62</td>'
>>> cell in render_attention_table(("배", "?"), ("밥",), ((0.62, 0.38),), "why-1")
True
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence

from markupsafe import Markup

from korlm.app.templating import render_template
from korlm.app.widgets.visible_characters import make_visible

MAX_ROWS, MAX_COLUMNS = 40, 32
_SHADE_EDGES = (0.05, 0.15, 0.3, 0.5, 0.75)  # weights between the six shades: most weights are small
_BYTE_TOKEN = re.compile("<0x([0-9A-F]{2})>")
_EDGE_TOKEN_SIGNS = {"<s>": "⊢", "</s>": "⊣"}
_MAX_CHARACTER_BYTES = 4  # of UTF-8


def render_attention_table(
    question_tokens: Sequence[str], answer_tokens: Sequence[str], attention: Sequence[Sequence[float]], element_id: str
) -> Markup:
    """Return the table in a box that scrolls by itself.

    ``attention`` is ``[T, S]`` for ``T`` answer and ``S`` question tokens, each row summing to 1; ``element_id``
    prefixes HTML ids.
    """
    question_tokens, answer_tokens, attention = merge_byte_tokens(question_tokens, answer_tokens, attention)
    columns = [display_token(token) for token in question_tokens[:MAX_COLUMNS]]
    rows = [
        (
            display_token(token),
            [(column, weight, bisect_right(_SHADE_EDGES, weight)) for column, weight in zip(columns, weights, strict=False)],
        )
        for token, weights in zip(answer_tokens[:MAX_ROWS], attention, strict=False)
    ]  # fmt: skip
    return render_template(
        "attention",
        element_id=element_id,
        question_tokens=columns,
        rows=rows,
        is_truncated=len(answer_tokens) > MAX_ROWS or len(question_tokens) > MAX_COLUMNS,
        max_rows=MAX_ROWS,
        max_columns=MAX_COLUMNS,
    )


def merge_byte_tokens(
    question_tokens: Sequence[str], answer_tokens: Sequence[str], attention: Sequence[Sequence[float]]
) -> tuple[list[str], list[str], list[list[float]]]:
    """Join the byte tokens of each character, which nobody can read one by one.

    Weights are summed over the bytes of a question's character and averaged over those of an answer's.

    >>> merge_byte_tokens(["<0xEB>", "<0xB7>", "<0x81>", "?"], ["네"], [[0.125, 0.25, 0.125, 0.5]])
    (['뷁', '?'], ['네'], [[0.5, 0.5]])
    """
    columns, rows = _group_into_characters(question_tokens), _group_into_characters(answer_tokens)
    summed = [[sum(weights[index] for index in indices) for _, indices in columns] for weights in attention]
    means = [
        [sum(weights) / len(weights) for weights in zip(*(summed[index] for index in indices), strict=True)]
        for _, indices in rows
        if indices[-1] < len(summed)
    ]
    return [text for text, _ in columns], [text for text, _ in rows], means


def display_token(token: str) -> str:
    """Return a token with visible spaces, and a sign for the start and the end of a sequence.

    >>> display_token(" 밥"), display_token("<s>")
    ('␣밥', '⊢')
    """
    return _EDGE_TOKEN_SIGNS.get(token) or make_visible(token)


def _group_into_characters(tokens: Sequence[str]) -> list[tuple[str, range]]:
    """Return texts with the indices of their tokens; the bytes of one character share a text."""
    groups: list[tuple[str, range]] = []
    start = 0
    while start < len(tokens):
        text, end = tokens[start], start + 1
        for length in range(1, _MAX_CHARACTER_BYTES + 1):
            if character := _decode_byte_tokens(tokens[start : start + length]):
                text, end = character, start + length
                break
        groups.append((text, range(start, end)))
        start = end
    return groups


def _decode_byte_tokens(tokens: Sequence[str]) -> str:
    """Return the character that byte tokens spell; empty if they are not exactly one character's bytes."""
    matches = [_BYTE_TOKEN.fullmatch(token) for token in tokens]
    try:  # 0xFF is in no character
        return bytes(int(match.group(1), 16) if match else 0xFF for match in matches).decode()
    except UnicodeDecodeError:
        return ""
