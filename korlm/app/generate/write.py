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

from korlm.app.generate.sampling_controls import INTEGER_OPTIONS, SLIDER_RANGES
from korlm.app.generate.state import ACTIVE_STATES, GenerationJob, ModelColumn, TextSample
from korlm.app.limits import (
    MAX_SAMPLES,
    MAX_SEED,
    MAX_TOKENS,
    validate_models,
    validate_number,
    validate_prompt,
    validate_total_tokens,
)
from korlm.app.round_robin import advance_task, sleep_until_round_end
from korlm.app.service import Service

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GenerationRequest:
    """What the controls say.

    Attributes:
        models: names.
        prompt: how the texts begin.
        seed: of the first text; further ones add 1.
        samples: texts a model.
        max_tokens: most pieces of a text.
        options: those of `korlm.app.generate.sampling_controls.RANGES`.
    """

    models: tuple[str, ...]
    prompt: str
    seed: float | None
    samples: float | None
    max_tokens: float | None
    options: Mapping[str, float | None]


def create_job(service: Service, request: GenerationRequest, language: str) -> GenerationJob:
    """Return a board on which every text waits.

    Raises:
        InputError: a limit is passed; the message says which.
        UnknownNameError: a model that is none of ours.
    """
    known = {card.name: card for card in service.list_models()}
    names = validate_models(request.models, list(known))
    validate_prompt(request.prompt)
    seed = validate_number(request.seed, ("시드", "Seed"), 0, MAX_SEED)
    count = validate_number(request.samples, ("글의 수", "Samples"), 1, MAX_SAMPLES)
    options: dict[str, Any] = {
        "max_tokens": validate_number(request.max_tokens, ("최대 조각", "Most pieces"), 1, MAX_TOKENS)
    }
    for name, span in SLIDER_RANGES.items():
        value = request.options.get(name)
        if name in INTEGER_OPTIONS:
            options[name] = validate_number(value, (name, name), int(span.low), int(span.high))
        else:
            options[name] = float(span.low if value is None else value)
    beam = options["beams"] > 1
    count = min(count, options["beams"]) if beam else count
    validate_total_tokens(len(names), count, options["max_tokens"])
    columns = [
        ModelColumn(known[name], [TextSample(None if beam else seed + number) for number in range(count)])
        for name in names
    ]
    return GenerationJob(request.prompt, options, columns, language)


def generate_rounds(service: Service, job: GenerationJob) -> Iterator[None]:
    """Write a board; yield after each round, in which every text that goes on took a piece."""
    job.has_started = True
    loading = {index: service.load_in_background(column.card.name) for index, column in enumerate(job.columns)}
    going: list[tuple[ModelColumn, Iterator[None]]] = []
    for index, column in enumerate(job.columns):
        going += [(column, _write_steps(service, job, column, sample)) for sample in _independent_samples(job, column)]
        for sample in column.samples:
            sample.state = "loading" if loading[index] else "writing"
    waiting = {id(job.columns[index]): thread for index, thread in loading.items() if thread}
    while going and not job.stop_requested:
        started = time.monotonic()
        ready = [entry for entry in going if not _is_loading(waiting.get(id(entry[0])))]
        ended = [entry for entry in ready if not _advance_sample(*entry)]
        going = [entry for entry in going if entry not in ended and not entry[0].error]
        yield
        sleep_until_round_end(started)


def _is_loading(thread: Any) -> bool:
    return thread is not None and thread.is_alive()


def _independent_samples(job: GenerationJob, column: ModelColumn) -> list[TextSample | None]:
    """Return the texts that are written each by itself; a beam finds all of a model's at once."""
    return [None] if job.options["beams"] > 1 else list(column.samples)


def _write_steps(
    service: Service, job: GenerationJob, column: ModelColumn, sample: TextSample | None
) -> Iterator[None]:
    """Write one text (or all that a beam finds), a piece a step."""
    if column.prompt_segments is None:
        column.prompt_segments = service.score(column.card.name, [job.scored_prompt])[:-1] if job.scored_prompt else ()
        yield
    if sample is None:
        yield from _write_beam(service, job, column)
        return
    options = {**job.options, "seed": sample.seed}
    count = 0
    for wrote in service.stream_tokens(column.card.name, job.prompt, stopped=lambda: job.stop_requested, **options):
        if job.stop_requested:
            return
        sample.append(wrote)
        count += 1
        yield
    sample.reached_limit = not sample.has_ended and count >= job.options["max_tokens"]
    sample.state = "stopped" if job.stop_requested else "done"


def _write_beam(service: Service, job: GenerationJob, column: ModelColumn) -> Iterator[None]:
    found = service.beam_search(column.card.name, job.prompt, len(column.samples), **job.options)
    del column.samples[max(1, len(found)) :]
    for sample, text in zip(column.samples, found, strict=False):
        for wrote in text:
            sample.append(wrote)
        sample.reached_limit = not sample.has_ended and len(text) >= job.options["max_tokens"]
    for sample in column.samples:
        sample.state = "done"
    yield


def _advance_sample(column: ModelColumn, steps: Iterator[None]) -> bool:
    """Let a text take a piece; return whether it goes on."""
    goes_on, error = advance_task(steps, lambda _: _log.exception("%s failed to write", column.card.name))
    if error is None:
        return goes_on
    column.error = error
    for sample in column.samples:
        sample.state = "stopped" if sample.state in ACTIVE_STATES else sample.state
    return False
