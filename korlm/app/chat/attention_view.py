"""The attention of an answer as a table: a row for each piece of the answer, a column for each of the question.

>>> "<td class=\\"kl-s4\\" title=\\"밥 → 배: 62%\\">62</td>" in render_attention_table(("배", "?"), ("밥",), ((0.62, 0.38),), "why-1")
True
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from html import escape

from korlm.app.localize import bilingual_text
from korlm.app.widgets.visible_characters import make_visible

MAX_ROWS, MAX_COLUMNS = 40, 32  # what is drawn at most
_SHADE_EDGES = (0.05, 0.15, 0.3, 0.5, 0.75)  # shares between the six shades: most are small
_BYTE_TOKEN = re.compile("<0x([0-9A-F]{2})>")
_EDGE_TOKEN_SIGNS = {"<s>": "⊢", "</s>": "⊣"}  # the edges of a text, as one sign: they are looked at, too


def render_attention_table(
    question_tokens: Sequence[str], answer_tokens: Sequence[str], attention: Sequence[Sequence[float]], element_id: str
) -> str:
    """Return the table in a box that scrolls by itself.

    Args:
        question_tokens: pieces of the question.
        answer_tokens: those of the answer.
        attention: a row for each of ``answer_tokens``, each with a share for each of ``question_tokens``.
        element_id: an id that is this table's alone.
    """
    question_tokens, answer_tokens, attention = merge_byte_tokens(question_tokens, answer_tokens, attention)
    heads = "".join(f'<th scope="col">{render_token(one)}</th>' for one in question_tokens[:MAX_COLUMNS])
    rows = "".join(
        f'<tr><th scope="row">{render_token(one)}</th>{_render_cells(one, question_tokens, shares)}</tr>'
        for one, shares in zip(answer_tokens[:MAX_ROWS], attention, strict=False)
    )
    cut = len(answer_tokens) > MAX_ROWS or len(question_tokens) > MAX_COLUMNS
    note = f" {bilingual_text('heat_cut', rows=MAX_ROWS, columns=MAX_COLUMNS)}" if cut else ""
    return (
        f'<section class="kl-section"><h4 id="{element_id}-heat">{bilingual_text("heat")}</h4><div class="kl-scroll kl-heatbox" '
        f'tabindex="0" role="region" aria-labelledby="{element_id}-heat"><table class="kl-heat"><thead><tr><td></td>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div><p>{bilingual_text('heat_axes')}{note}</p></section>"
    )


def merge_byte_tokens(
    question_tokens: Sequence[str], answer_tokens: Sequence[str], attention: Sequence[Sequence[float]]
) -> tuple[list[str], list[str], list[list[float]]]:
    """Return pieces and attention with the bytes of a character as one piece: nobody reads a syllable by its bytes.

    Shares of the bytes of a question's character add up; those of an answer's character are their mean.

    >>> merge_byte_tokens(["<0xEB>", "<0xB7>", "<0x81>", "?"], ["네"], [[0.125, 0.25, 0.125, 0.5]])
    (['뷁', '?'], ['네'], [[0.5, 0.5]])
    """
    columns, rows = _group_into_characters(question_tokens), _group_into_characters(answer_tokens)
    summed = [[sum(shares[place] for place in places) for _, places in columns] for shares in attention]
    means = [
        [sum(shares) / len(shares) for shares in zip(*(summed[place] for place in places), strict=True)]
        for _, places in rows
        if places[-1] < len(summed)
    ]
    return [text for text, _ in columns], [text for text, _ in rows], means


def _group_into_characters(tokens: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Return texts, each with the places of its pieces: the bytes that make a character up are one."""
    made: list[tuple[str, list[int]]] = []
    at = 0
    while at < len(tokens):
        runs = (
            (length, _decode_byte_tokens(tokens[at : at + length])) for length in range(1, 5)
        )  # UTF-8 takes four at most
        length, text = next(((length, text) for length, text in runs if text), (1, tokens[at]))
        made.append((text, list(range(at, at + length))))
        at += length
    return made


def _decode_byte_tokens(tokens: Sequence[str]) -> str:
    """Return the character that some bytes are; nothing where they are none, or no bytes."""
    found = [_BYTE_TOKEN.fullmatch(one) for one in tokens]
    try:
        return bytes(int(one.group(1), 16) if one else 0xFF for one in found).decode()  # 0xFF is in no character
    except UnicodeDecodeError:
        return ""


def render_token(text: str) -> str:
    """Return a piece to be read, as HTML: a space in it is seen, the edges of a text are signs.

    >>> render_token(" 밥"), render_token("<s>"), render_token("<b>")
    ('␣밥', '⊢', '&lt;b&gt;')
    """
    return escape(_EDGE_TOKEN_SIGNS.get(text) or make_visible(text))


def _render_cells(answer_token: str, question_tokens: Sequence[str], weights: Sequence[float]) -> str:
    return "".join(
        f'<td class="kl-s{bisect_right(_SHADE_EDGES, share)}" title="{render_token(answer_token)} → {render_token(one)}: {share:.0%}">'
        f"{100 * share:.0f}</td>"
        for one, share in zip(question_tokens[:MAX_COLUMNS], weights, strict=False)
    )
