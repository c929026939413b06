"""What models wrote, as cards side by side: each text's pieces shaded by surprisal, the prompt's bits, copying.

The view is a list of fragments, nested as the page is: what the browser gets while models write is what was added.

>>> card = ModelCard("m", "unigram", "subword", "lstm", 2_500_000, 2.5)
>>> "2.5M" in "".join(flat(board_view(Board("이 ", columns=[Column(card, [Sample(7)])]))))
True
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from korlm.ui.board import BUSY, Board, Column, Sample, Written
from korlm.ui.glyphs import readable, visible
from korlm.ui.plain import ModelCard, Piece
from korlm.ui.render import notice
from korlm.ui.scale import chance, level, scale
from korlm.ui.strings import named, say

Fragments = list[Any]  # strings and lists of fragments
JOINED = "${(value || []).flat(Infinity).join('')}"  # the template that draws them


def flat(fragments: Fragments) -> Iterator[str]:
    """Yield the strings of nested fragments in order."""
    for fragment in fragments:
        if isinstance(fragment, str):
            yield fragment
        else:
            yield from flat(fragment)


def board_view(board: Board | None, language: str = "") -> Fragments:
    """Return the view of a board; without one, what to do."""
    language = language or (board.language if board else "ko")
    refusal = notice(board.refusal.message(language)) if board and board.refusal else ""
    if board is None or not board.columns:
        return [refusal, notice(say("empty_generate", language), kind="empty")]
    heard = [column.heard for column in board.columns if column.heard is not None]
    best = min(heard) if len(heard) > 1 else None
    cards = [_card(board, column, best, language) for column in board.columns]
    failed = escape(say("not_copied", language))
    return [
        refusal,
        f'<div class="kl kl-writing" data-failed="{failed}">{scale(language, "piece")}<div class="kl-cards">',
        cards,
        '</div><div class="kl-tip" role="tooltip" hidden></div><div class="kl-live" role="status" aria-live="polite">'
        "</div></div>",
    ]


def facts(card: ModelCard, language: str) -> str:
    """Return a model's facts as one line."""
    known = [named(card.tokenizer, card.unit, language), card.cell.upper()]
    known.append(say("card_parameters", language, count=short(card.parameters)))
    if card.bits is not None:
        known.append(say("card_bits", language, bits=f"{card.bits:.2f}"))
    return " · ".join(known)


def short(count: int) -> str:
    """Return a count in thousands or millions.

    >>> short(4_021_288), short(52_000)
    ('4.0M', '52K')
    """
    return f"{count / 1e6:.1f}M" if count >= 1_000_000 else f"{count / 1e3:.0f}K"


def _card(board: Board, column: Column, best: float | None, language: str) -> Fragments:
    card, state = column.card, column.state
    busy = "true" if state in BUSY else "false"
    head = (
        f'<article class="kl-card kl-{escape(card.unit)}" aria-busy="{busy}"><header><h3>{escape(card.name)}</h3>'
        f'<span class="kl-state kl-{state}">{escape(say("state_" + state, language))}</span></header>'
    )
    if column.error:
        body: Fragments = [notice(column.error.message(language))]
    else:
        body = [_heard(column, best, language)]
        body += [_sample(board, column, number, language) for number in range(len(column.samples))]
    return [head, body, f"<footer>{escape(facts(card, language))}</footer></article>"]


def _heard(column: Column, best: float | None, language: str) -> str:
    """Return the line with the bits per character of the prompt."""
    if column.prompt is None:
        return '<p class="kl-heard">&nbsp;</p>'
    if column.heard is None:
        return f'<p class="kl-heard">{escape(say("heard_none", language))}</p>'
    told = escape(say("heard", language, bits="\0")).replace("\0", f"<b>{column.heard:.2f}</b>")
    mark = f' <span class="kl-best">{escape(say("heard_best", language))}</span>' if column.heard == best else ""
    return f'<p class="kl-heard">{told}{mark}</p>'


def _sample(board: Board, column: Column, number: int, language: str) -> Fragments:
    sample = column.samples[number]
    label = escape(say("text_name", language, model=column.card.name))
    busy = sample.state in BUSY
    caret = '<span class="kl-caret" aria-hidden="true"></span>' if busy else ""
    nothing = "" if busy or sample.text else say("nothing_written" if sample.ended else "nothing_yet", language)
    told = f" <em>{escape(nothing)}</em>" if nothing else ""
    return [
        f'<section class="kl-sample"><div class="kl-text" role="list" aria-label="{label}">',
        _prompt(board, column, language),
        _pieces(sample, language),
        f"{told}{caret}</div>{_foot(board, column, number, language)}</section>",
    ]


def _prompt(board: Board, column: Column, language: str) -> str:
    """Return the prompt, shaded by what each piece cost the model."""
    if not column.prompt:
        return f'<span class="kl-prompt">{escape(readable(board.prompt))}</span>'
    drawn = "".join(_read(board.prompt, piece, language) for piece in column.prompt)
    rest = escape(readable(board.prompt[column.prompt[-1].end :]))
    return f'<span class="kl-prompt">{drawn}{rest}</span>'


def _read(prompt: str, piece: Piece, language: str) -> str:
    text, bits = prompt[piece.start : piece.end], piece.bits or 0.0
    lines = [f"‘{visible(text)}’ · {_bits(bits, language)}", say("tip_prompt", language)]
    return _box(text, bits, lines, "")


def _pieces(sample: Sample, language: str) -> list[str]:
    """Return the pieces that were written; each is drawn once in a language."""
    drawn = sample.drawn.setdefault(language, [])
    drawn += [_written(written, language) for written in sample.written[len(drawn) :]]
    return list(drawn)


def _written(written: Written, language: str) -> str:
    last = written.pieces[-1]
    name = say("tip_end", language) if written.ends and not written.text else f"‘{visible(written.text)}’"
    lines = [f"{name} · {_bits(written.bits, language)}"]
    if len(written.pieces) > 1:
        lines.append(say("tip_pieces", language, count=len(written.pieces)))
        lines += [say("tip_piece", language, piece=visible(p.text), bits=f"{p.bits:.2f}") for p in written.pieces[:8]]
    elif last.drawn < 1:
        lines.append(say("tip_drawn", language, chance=chance(last.drawn)))
    if last.others:
        lines.append(say("tip_others", language))
        lines += [
            f"{say('tip_end', language) if text == '</s>' else visible(text)}\t{chance(p)}" for text, p in last.others
        ]
    return _box(written.text or say("mark_end", language), written.bits, lines, "" if written.text else " kl-end")


def _box(text: str, bits: float, lines: list[str], kinds: str) -> str:
    label = escape("\n".join(lines))
    return (
        f'<span class="kl-w kl-s{level(bits)}{kinds}" role="listitem" tabindex="-1" aria-label="{label}">'
        f"{escape(readable(text))}</span>"
    )


def _bits(bits: float, language: str) -> str:
    return say("tip_bits", language, bits=f"{bits:.2f}", chance=chance(2.0**-bits))


def _foot(board: Board, column: Column, number: int, language: str) -> str:
    """Return what is known of a text, and the button that copies it."""
    sample = column.samples[number]
    known = []
    if len(column.samples) > 1 or sample.seed is not None:
        known.append(
            say("card_rank", language, rank=number + 1)
            if sample.seed is None
            else say("card_seed", language, seed=sample.seed)
        )
    if sample.each is not None:
        known.append(say("wrote", language, bits=f"{sample.each:.2f}"))
    if sample.state not in BUSY:
        ended = "end" if sample.ended else "limit" if sample.limit else "stopped" if sample.state == "stopped" else ""
        known += [say("ended_" + ended, language)] if ended else []
    copied = escape((board.prompt + sample.text).replace("\0", ""))
    label = escape(say("copy_text_label", language, model=column.card.name))
    done = escape(say("text_copied", language, model=column.card.name))
    return (
        f'<p class="kl-foot"><span>{escape(" · ".join(known))}</span><button type="button" class="kl-tool" '
        f'data-copy="{copied}" data-done="{done}" aria-label="{label}">{escape(say("copy_text", language))}</button></p>'
    )
