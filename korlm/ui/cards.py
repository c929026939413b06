"""What models wrote, as cards side by side: the prompt, the continuation, and what is known of the model.

>>> card = ModelCard("m", "unigram", "subword", "lstm", 2_500_000, 2.5)
>>> "2.5M" in board_view(Board("이 ", 7, [Column(card, "영화", "done")]), "ko")
True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from korlm.errors import KorlmError
from korlm.ui.glyphs import readable
from korlm.ui.plain import ModelCard
from korlm.ui.strings import named, say


@dataclass
class Column:
    """One model's text so far; `state` is ``loading``, ``writing``, ``done``, ``stopped`` or ``error``."""

    card: ModelCard
    text: str = ""
    state: str = "loading"
    error: KorlmError | None = None


@dataclass
class Board:
    """One press of the button: shared by the generator that writes it and the handler that stops it."""

    prompt: str
    seed: int
    columns: list[Column] = field(default_factory=list)
    stopped: bool = False

    def stop(self) -> None:
        """Ask the models to end, and mark those that had not."""
        self.stopped = True
        for column in self.columns:
            if column.state in ("loading", "writing"):
                column.state = "stopped"


def board_view(board: Board, language: str) -> str:
    """Return the cards."""
    cards = "".join(_card(board, column, language) for column in board.columns)
    return f'<div class="kl kl-cards">{cards}</div>'


def facts(card: ModelCard, language: str) -> str:
    """Return a model's facts as one line."""
    known = [named(card.tokenizer, card.unit, language), card.cell.upper()]
    known.append(say("card_parameters", language, count=_short(card.parameters)))
    if card.bits is not None:
        known.append(say("card_bits", language, bits=f"{card.bits:.2f}"))
    return " · ".join(known)


def _card(board: Board, column: Column, language: str) -> str:
    state = escape(say("state_" + column.state, language))
    if column.error:
        body = f'<p class="kl-notice kl-error" role="alert">{escape(readable(column.error.message(language)))}</p>'
    else:
        nothing = column.state == "done" and not column.text
        rest = f" <em>{escape(say('nothing_written', language))}</em>" if nothing else escape(readable(column.text))
        caret = '<span class="kl-caret" aria-hidden="true"></span>' if column.state in ("loading", "writing") else ""
        body = f'<p class="kl-text"><span class="kl-prompt">{escape(readable(board.prompt))}</span><span>{rest}</span>{caret}</p>'
    seed = escape(say("card_seed", language, seed=board.seed))
    busy = "true" if column.state in ("loading", "writing") else "false"
    return (
        f'<article class="kl-card kl-{escape(column.card.unit)}" aria-busy="{busy}">'
        f'<header><h3>{escape(column.card.name)}</h3><span class="kl-state kl-{column.state}">{state}</span></header>'
        f"{body}<footer>{escape(facts(column.card, language))} · {seed}</footer></article>"
    )


def _short(count: int) -> str:
    return f"{count / 1e6:.1f}M" if count >= 1_000_000 else f"{count / 1e3:.0f}K"
