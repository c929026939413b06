"""How a board is written: models load beside each other, and every text takes one piece in turn.

    board = begin(service, Asked(("reviews-unigram-lstm",), "이 영화는", 7, 1, 60, {"temperature": 0.0}), "ko")
    for _ in rounds(service, board): ...

Each round is short, so that visitors whose boards are written at the same time progress together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from korlm.ui.board import BUSY, Board, Column, Sample
from korlm.ui.limits import (
    MAX_SAMPLES,
    MAX_SEED,
    MAX_TOKENS,
    checked_models,
    checked_number,
    checked_pieces,
    checked_prompt,
)
from korlm.ui.presets import RANGES, WHOLE
from korlm.ui.service import Service
from korlm.ui.strands import rest, take

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What the controls say.

    Attributes:
        models: names.
        prompt: how the texts begin.
        seed: of the first text; further ones add 1.
        samples: texts a model.
        max_tokens: most pieces of a text.
        options: those of `korlm.ui.presets.RANGES`.
    """

    models: tuple[str, ...]
    prompt: str
    seed: float | None
    samples: float | None
    max_tokens: float | None
    options: Mapping[str, float | None]


def begin(service: Service, asked: Asked, language: str) -> Board:
    """Return a board on which every text waits.

    Raises:
        InputError: a limit is passed; the message says which.
        UnknownNameError: a model that is none of ours.
    """
    known = {card.name: card for card in service.models()}
    names = checked_models(asked.models, list(known))
    checked_prompt(asked.prompt)
    seed = checked_number(asked.seed, ("시드", "Seed"), 0, MAX_SEED)
    count = checked_number(asked.samples, ("글의 수", "Samples"), 1, MAX_SAMPLES)
    options: dict[str, Any] = {
        "max_tokens": checked_number(asked.max_tokens, ("최대 조각", "Most pieces"), 1, MAX_TOKENS)
    }
    for name, span in RANGES.items():
        value = asked.options.get(name)
        if name in WHOLE:
            options[name] = checked_number(value, (name, name), int(span.low), int(span.high))
        else:
            options[name] = float(span.low if value is None else value)
    beam = options["beams"] > 1
    count = min(count, options["beams"]) if beam else count
    checked_pieces(len(names), count, options["max_tokens"])
    columns = [
        Column(known[name], [Sample(None if beam else seed + number) for number in range(count)]) for name in names
    ]
    return Board(asked.prompt, options, columns, language)


def rounds(service: Service, board: Board) -> Iterator[None]:
    """Write a board; yield after each round, in which every text that goes on took a piece."""
    board.begun = True
    loading = {index: service.prepare(column.card.name) for index, column in enumerate(board.columns)}
    going: list[tuple[Column, Iterator[None]]] = []
    for index, column in enumerate(board.columns):
        going += [(column, _strand(service, board, column, sample)) for sample in _strands(board, column)]
        for sample in column.samples:
            sample.state = "loading" if loading[index] else "writing"
    waiting = {id(board.columns[index]): thread for index, thread in loading.items() if thread}
    while going and not board.stopped:
        started = time.monotonic()
        ready = [entry for entry in going if not _waits(waiting.get(id(entry[0])))]
        ended = [entry for entry in ready if not _step(*entry)]
        going = [entry for entry in going if entry not in ended and not entry[0].error]
        yield
        rest(started)


def _waits(thread: Any) -> bool:
    return thread is not None and thread.is_alive()


def _strands(board: Board, column: Column) -> list[Sample | None]:
    """Return the texts that are written each by itself; a beam finds all of a model's at once."""
    return [None] if board.options["beams"] > 1 else list(column.samples)


def _strand(service: Service, board: Board, column: Column, sample: Sample | None) -> Iterator[None]:
    """Write one text (or all that a beam finds), a piece a step."""
    if column.prompt is None:
        column.prompt = service.score(column.card.name, [board.scored])[:-1] if board.scored else ()
        yield
    if sample is None:
        yield from _search(service, board, column)
        return
    options = {**board.options, "seed": sample.seed}
    count = 0
    for wrote in service.steps(column.card.name, board.prompt, stopped=lambda: board.stopped, **options):
        if board.stopped:
            return
        sample.take(wrote)
        count += 1
        yield
    sample.limit = not sample.ended and count >= board.options["max_tokens"]
    sample.state = "stopped" if board.stopped else "done"


def _search(service: Service, board: Board, column: Column) -> Iterator[None]:
    found = service.best(column.card.name, board.prompt, len(column.samples), **board.options)
    del column.samples[max(1, len(found)) :]
    for sample, text in zip(column.samples, found, strict=False):
        for wrote in text:
            sample.take(wrote)
        sample.limit = not sample.ended and len(text) >= board.options["max_tokens"]
    for sample in column.samples:
        sample.state = "done"
    yield


def _step(column: Column, strand: Iterator[None]) -> bool:
    """Let a text take a piece; return whether it goes on."""
    goes_on, error = take(strand, lambda _: _log.exception("%s failed to write", column.card.name))
    if error is None:
        return goes_on
    column.error = error
    for sample in column.samples:
        sample.state = "stopped" if sample.state in BUSY else sample.state
    return False
