"""Texts from a net: `generate_texts` gives whole ones, `stream_text` and `stream_steps` one as it comes.

Nothing here knows of files or screens; `korlm.models.language_model.LanguageModel` gives these functions to the user.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from korlm.errors import InputError
from korlm.generation.beam_search import BeamSearch
from korlm.generation.config import GenerationConfig
from korlm.generation.constraints import Constraints, Prompt
from korlm.generation.prefill import compute_continuation_logits, derive_seeds
from korlm.generation.results import GeneratedText, Step, length_normalization, token_info
from korlm.generation.sampler import Sampler
from korlm.generation.state import GenerationState
from korlm.nn.seq2seq import TextModel
from korlm.tokenizers.base import EOS_ID, Tokenizer

_BATCH_SIZE = 64  # texts in a batch


def generate_texts(
    model: TextModel, tokenizer: Tokenizer, prompts: Sequence[str | Prompt], config: GenerationConfig,
    *, alternatives: int | None = None, allow_unk: bool = False, stopped: Callable[[], bool] = lambda: False,
) -> list[list[GeneratedText]]:  # fmt: skip
    """Write ``config.n`` texts after each prompt.

    Args:
        model: a language model or, for prompts made ready, an encoder-decoder; in evaluation mode.
        tokenizer: its tokenizer.
        prompts: any strings, or prompts made ready.
        config: how.
        alternatives: how many of the likeliest pieces each step names; None leaves out the steps and with them the
            bits and scores (0), which is quicker.
        allow_unk: ``<unk>`` may come. See `Constraints`.
        stopped: asked before each step of a beam; True ends it with what it has.

    Returns:
        For each prompt its texts: samples by number, of a beam the best first (fewer where the beam found fewer).

    Raises:
        InputError: an unpaired surrogate, or a forced string that cannot be written.
    """
    rules = Constraints(
        tokenizer, config, needs_text=alternatives is not None, is_beam_search=config.beams > 1, allow_unk=allow_unk
    )
    ready = rules.encode_prompts(prompts)
    if config.beams > 1:
        return [_run_beam_search(model, rules, prompt, alternatives, stopped) for prompt in ready]
    rows = _sample_in_batches(model, rules, [prompt for prompt in ready for _ in range(config.n)], alternatives)
    texts = [_build_generated_text(row, alternatives is not None) for row in rows]
    return [texts[first : first + config.n] for first in range(0, len(texts), config.n)]


def stream_text(
    model: TextModel, tokenizer: Tokenizer, prompt: str | Prompt, config: GenerationConfig,
    *, stopped: Callable[[], bool] = lambda: False,
) -> Iterator[str]:  # fmt: skip
    """Return the text that follows a prompt, in stretches that never end inside a character; a beam's in one.

    Args:
        model: a language model or, for a prompt made ready, an encoder-decoder; in evaluation mode.
        tokenizer: its tokenizer.
        prompt: any string, also an empty one, or a prompt made ready.
        config: how.
        stopped: asked before each piece; True ends the text. A beam then gives the best that it has.

    Raises:
        InputError: see `generate_texts`; or more than one text is asked for.
    """
    check_single_text(config)
    if config.beams > 1:
        return (texts[0].text for texts in generate_texts(model, tokenizer, [prompt], config, stopped=stopped) if texts)
    rules = Constraints(tokenizer, config, needs_text=True)
    return _stream_deltas(model, rules, rules.encode_prompts([prompt])[0], stopped)


def stream_steps(
    model: TextModel, tokenizer: Tokenizer, prompt: str | Prompt, config: GenerationConfig,
    *, alternatives: int, stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:  # fmt: skip
    """Return the pieces that follow a prompt as they are chosen; a beam's at its end. See `stream_text`."""
    check_single_text(config)
    if config.beams > 1:
        found = generate_texts(model, tokenizer, [prompt], config, alternatives=alternatives, stopped=stopped)
        return (step for texts in found for text in texts for step in text.steps)
    rules = Constraints(tokenizer, config, needs_text=True)
    return _stream_sampled_steps(model, rules, rules.encode_prompts([prompt])[0], alternatives, stopped)


def check_single_text(config: GenerationConfig) -> None:
    """Raise an `InputError` where more than one text is asked for."""
    if config.n > 1:
        raise InputError(
            f"여기서는 글을 하나만 냅니다 (n={config.n}). 여럿은 generate_n으로 만드세요.",
            f"This gives one text (n={config.n}). Use generate_n for several.",
        )


def _stream_deltas(
    model: TextModel, constraints: Constraints, prompt: Prompt, stopped: Callable[[], bool]
) -> Iterator[str]:
    sampler = Sampler(model, constraints, [prompt], derive_seeds(constraints.config.seed, 1))
    while sampler.active_states:
        if stopped():
            rest = sampler.active_states[0].finish("asked")
            if rest:
                yield rest
            return
        for _, delta in sampler.step():
            if delta:
                yield delta


def _stream_sampled_steps(
    model: TextModel, constraints: Constraints, prompt: Prompt, alternatives: int, stopped: Callable[[], bool]
) -> Iterator[Step]:
    sampler = Sampler(model, constraints, [prompt], derive_seeds(constraints.config.seed, 1), alternatives=alternatives)
    while sampler.active_states and not stopped():
        for row, _ in sampler.step():
            yield row.steps[-1]


def _sample_in_batches(
    model: TextModel, constraints: Constraints, prompts: Sequence[Prompt], alternatives: int | None
) -> list[GenerationState]:
    """Return a finished text for each prompt; one that stands several times in a row gets further seeds."""
    n = constraints.config.n
    seeds = [seed for _ in range(0, len(prompts), n) for seed in derive_seeds(constraints.config.seed, n)]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index].ids))  # few lengths in a batch
    rows: dict[int, GenerationState] = {}
    for first in range(0, len(order), _BATCH_SIZE):
        own = order[first : first + _BATCH_SIZE]
        chosen = [prompts[index] for index in own]
        sampler = Sampler(model, constraints, chosen, [seeds[index] for index in own], alternatives=alternatives)
        rows |= dict(zip(own, sampler.active_states, strict=True))
        while sampler.active_states:
            sampler.step()
    return [rows[index] for index in range(len(prompts))]


def _build_generated_text(row: GenerationState, with_steps: bool) -> GeneratedText:
    """Return a finished text; the bytes of a character that was cut short are left out."""
    steps = row.steps[: len(row.token_ids)] + [step for step in row.steps[-1:] if step.id == EOS_ID]
    ids = row.token_ids
    if not with_steps:
        return GeneratedText(row.text, tuple(ids), 0.0, 0.0, 0.0, row.finish_reason)
    nats = -sum(step.surprisal for step in steps) * math.log(2)
    score = nats / length_normalization(max(1, len(steps)), row.constraints.config.length_penalty)
    return GeneratedText.from_steps(
        row.text, steps, finish_reason=row.finish_reason, score=score, num_characters=_count_characters(row, len(steps))
    )


def _count_characters(row: GenerationState, num_steps: int) -> int:
    """Return the characters of a row's pieces, the end counted as one where it is among the steps."""
    decoder = row.constraints.tokenizer.decoder()
    data = b"".join([*map(decoder.push, row.token_ids), decoder.finish()])
    return len(data.decode("utf-8", "replace")) + num_steps - len(row.token_ids)


def _run_beam_search(
    model: TextModel,
    constraints: Constraints,
    prompt: Prompt,
    alternatives: int | None,
    stopped: Callable[[], bool],
) -> list[GeneratedText]:
    results = []
    for hypothesis in BeamSearch(model, constraints, prompt).run(stopped):
        row = hypothesis.state
        if alternatives is None:
            results.append(GeneratedText(row.text, tuple(row.token_ids), 0.0, 0.0, hypothesis.score, row.finish_reason))
            continue
        steps = _recompute_steps(model, constraints, prompt, row, alternatives)
        characters = _count_characters(row, len(steps))
        results.append(
            GeneratedText.from_steps(
                row.text, steps, finish_reason=row.finish_reason, score=hypothesis.score, num_characters=characters
            )
        )
    return results


def _recompute_steps(
    model: TextModel, constraints: Constraints, prompt: Prompt, finished_state: GenerationState, alternatives: int
) -> list[Step]:
    """Return the steps of a text that a beam found, by one run of the net over it."""
    numbers = [*finished_state.token_ids, *([EOS_ID] if finished_state.finish_reason in ("end", "blocked") else [])]
    logits = compute_continuation_logits(model, prompt.ids, numbers)
    row = GenerationState(constraints, prompt)
    notes = token_info(logits, numbers, [1.0] * len(numbers), alternatives, constraints.tokenizer)
    steps = [Step(*note, row.append(note.id)) for note in notes]
    if steps and not row.finish_reason:  # bytes of an unfinished character are not among the steps
        steps[-1] = Step(*notes[-1], steps[-1].delta + row.finish(finished_state.finish_reason))
    return steps
