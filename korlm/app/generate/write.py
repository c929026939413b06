"""Write the texts of a job: models load in parallel, and all texts grow by a token a round.

job = create_job(service, GenerationRequest(("reviews-unigram-lstm",), "이 영화는", 7, 1, 60, {"temperature": 0.0}), "ko")
for _ in generate_rounds(service, job): ...
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from korlm.app.generate.sampling_controls import INTEGER_OPTIONS, SLIDER_RANGES
from korlm.app.generate.state import GenerationJob, ModelColumn, TextSample
from korlm.app.limits import (
    MAX_SAMPLES,
    MAX_SEED,
    MAX_TOKENS,
    validate_models,
    validate_number,
    validate_prompt,
    validate_total_tokens,
)
from korlm.app.round_robin import Task, run_rounds
from korlm.app.service import Service


@dataclass(frozen=True)
class GenerationRequest:
    """The values of the controls."""

    models: tuple[str, ...]  # names of the models
    prompt: str  # the beginning of the texts
    seed: float | None  # of the first text; each further one adds 1
    samples: float | None  # number of texts a model
    max_tokens: float | None  # most tokens of a text
    options: Mapping[str, float | None]  # values of `SLIDER_RANGES`


def create_job(service: Service, request: GenerationRequest, language: str) -> GenerationJob:
    """Return a job whose texts all wait.

    Raises:
        InputError: a value exceeds its limit; the message says which.
        UnknownNameError: an unknown model.
    """
    cards = {card.name: card for card in service.list_models()}
    names = validate_models(request.models, list(cards))
    validate_prompt(request.prompt)
    seed = validate_number(request.seed, ("시드", "Seed"), 0, MAX_SEED)
    num_samples = validate_number(request.samples, ("글의 수", "Samples"), 1, MAX_SAMPLES)
    options: dict[str, Any] = {
        "max_tokens": validate_number(request.max_tokens, ("최대 조각", "Most pieces"), 1, MAX_TOKENS)
    }
    for name, bounds in SLIDER_RANGES.items():
        value = request.options.get(name)
        if name in INTEGER_OPTIONS:
            options[name] = validate_number(value, (name, name), int(bounds.low), int(bounds.high))
        else:
            options[name] = float(bounds.low if value is None else value)
    is_beam = options["beams"] > 1
    num_samples = min(num_samples, options["beams"]) if is_beam else num_samples
    validate_total_tokens(len(names), num_samples, options["max_tokens"])
    columns = [
        ModelColumn(cards[name], [TextSample(None if is_beam else seed + index) for index in range(num_samples)])
        for name in names
    ]
    return GenerationJob(request.prompt, options, columns, language)


def generate_rounds(service: Service, job: GenerationJob) -> Iterator[None]:
    """Write all texts of a job; yield after each round, in which every unfinished text grew by a token."""
    job.has_started = True
    tasks = []
    for column in job.columns:
        thread = service.load_in_background(column.card.name)
        for sample in column.samples:
            sample.state = "loading" if thread else "writing"
        # a beam search writes all texts of a model at once
        all_steps = (
            [_beam_steps(service, job, column)]
            if job.options["beams"] > 1
            else [_sample_steps(service, job, column, sample) for sample in column.samples]
        )
        tasks += [Task(steps, column.card.name, column.set_error, thread) for steps in all_steps]
    return run_rounds(tasks, lambda: job.stop_requested)


def _sample_steps(service: Service, job: GenerationJob, column: ModelColumn, sample: TextSample) -> Iterator[None]:
    def is_stopped() -> bool:
        return job.stop_requested or column.error is not None

    yield from _prompt_steps(service, job, column)
    if is_stopped():
        return
    num_tokens = 0
    options = {**job.options, "seed": sample.seed}
    for token in service.stream_tokens(column.card.name, job.prompt, stopped=is_stopped, **options):
        if is_stopped():
            return
        sample.append(token)
        num_tokens += 1
        yield
    sample.reached_limit = not sample.has_ended and num_tokens >= job.options["max_tokens"]
    sample.state = "stopped" if is_stopped() else "done"


def _beam_steps(service: Service, job: GenerationJob, column: ModelColumn) -> Iterator[None]:
    yield from _prompt_steps(service, job, column)
    texts = service.beam_search(column.card.name, job.prompt, len(column.samples), **job.options)
    del column.samples[max(1, len(texts)) :]
    for sample, tokens in zip(column.samples, texts, strict=False):
        for token in tokens:
            sample.append(token)
        sample.reached_limit = not sample.has_ended and len(tokens) >= job.options["max_tokens"]
    for sample in column.samples:
        sample.state = "done"
    yield


def _prompt_steps(service: Service, job: GenerationJob, column: ModelColumn) -> Iterator[None]:
    """Score the prompt once a model."""
    if column.prompt_segments is None and not column.error:
        column.prompt_segments = (
            service.score(column.card.name, [job.scored_prompt]).scored_segments[:-1] if job.scored_prompt else ()
        )
        yield
