"""Text generation: `generate_texts` returns whole texts, `stream_text` and `stream_steps` yield one as it grows.

`korlm.models.language_model.LanguageModel` and `korlm.chat.model.ChatModel` offer these functions to the user.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from korlm.errors import InputError
from korlm.generation.beam_search import BeamSearch
from korlm.generation.config import GenerationConfig
from korlm.generation.constraints import Constraints
from korlm.generation.prefill import derive_seeds, length_sorted_batches
from korlm.generation.results import GeneratedText, Step, length_normalization
from korlm.generation.sampler import Sampler
from korlm.generation.state import GenerationState, Prompt
from korlm.nn.seq2seq import TextModel
from korlm.tokenizers.base import EOS_ID, Tokenizer


def generate_texts(
    model: TextModel, tokenizer: Tokenizer, prompts: Sequence[str | Prompt], config: GenerationConfig,
    *, alternatives: int | None = None, keep_attention: bool = False, allow_unk: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> list[list[GeneratedText]]:  # fmt: skip
    """Generate ``config.n`` texts after each prompt.

    Args:
        model: a language model or, for encoded prompts, an encoder-decoder; in evaluation mode.
        tokenizer: the model's tokenizer.
        prompts: any strings, or encoded prompts.
        config: the generation options.
        alternatives: number of most probable tokens named in each step; None leaves out the steps and with them the
            bits and scores (0), which is faster.
        keep_attention: the steps of an encoder-decoder keep its attention.
        allow_unk: ``<unk>`` may come. See `Constraints`.
        stopped: called before each step of a beam search; True ends it with the hypotheses at hand.

    Returns:
        The texts of each prompt: samples in order; of a beam search the best first (fewer where it found fewer).

    Raises:
        InputError: an unpaired surrogate, or a forced string that cannot be written.
    """
    constraints = Constraints(
        tokenizer, config, needs_text=alternatives is not None, is_beam_search=config.beams > 1, allow_unk=allow_unk
    )
    encoded = constraints.encode_prompts(prompts)
    options: dict[str, Any] = {"alternatives": alternatives, "keep_attention": keep_attention}
    if config.beams > 1:
        found = [BeamSearch(model, constraints, prompt, **options).run(stopped) for prompt in encoded]
        return [
            [_build_text(constraints, hypothesis.state, hypothesis.score) for hypothesis in group] for group in found
        ]
    states = _sample_in_batches(model, constraints, [prompt for prompt in encoded for _ in range(config.n)], **options)
    texts = [_build_text(constraints, state) for state in states]
    return [texts[first : first + config.n] for first in range(0, len(texts), config.n)]


def stream_text(
    model: TextModel, tokenizer: Tokenizer, prompt: str | Prompt, config: GenerationConfig,
    *, stopped: Callable[[], bool] = lambda: False,
) -> Iterator[str]:  # fmt: skip
    """Return an iterator over the text after a prompt, in parts of whole characters; a beam search yields one part.

    ``stopped`` is called before each token; True ends the text, of a beam search with its best text so far.

    Raises:
        InputError: see `generate_texts`; or ``config.n`` is more than one.
    """
    check_single_text(config)
    if config.beams > 1:
        return (texts[0].text for texts in generate_texts(model, tokenizer, [prompt], config, stopped=stopped) if texts)
    constraints = Constraints(tokenizer, config, needs_text=True)
    return _stream_deltas(model, constraints, constraints.encode_prompts([prompt])[0], stopped)


def stream_steps(
    model: TextModel, tokenizer: Tokenizer, prompt: str | Prompt, config: GenerationConfig,
    *, alternatives: int, keep_attention: bool = False, stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:  # fmt: skip
    """Return an iterator over the steps after a prompt; a beam search yields them at its end. See `stream_text`."""
    check_single_text(config)
    if config.beams > 1:
        results = generate_texts(
            model,
            tokenizer,
            [prompt],
            config,
            alternatives=alternatives,
            keep_attention=keep_attention,
            stopped=stopped,
        )
        return (step for texts in results for text in texts for step in text.steps)
    constraints = Constraints(tokenizer, config, needs_text=True)
    [encoded] = constraints.encode_prompts([prompt])
    seeds = derive_seeds(config.seed, 1)
    sampler = Sampler(model, constraints, [encoded], seeds, alternatives=alternatives, keep_attention=keep_attention)
    return _stream_sampled_steps(sampler, stopped)


def check_single_text(config: GenerationConfig) -> None:
    """Raise an `InputError` if ``config.n`` is more than one."""
    if config.n > 1:
        raise InputError(
            f"여기서는 글을 하나만 냅니다 (n={config.n}). 여럿은 generate에 n을 주어 만드세요.",
            f"This gives one text (n={config.n}). Use generate with n for several.",
        )


def _stream_deltas(
    model: TextModel, constraints: Constraints, prompt: Prompt, stopped: Callable[[], bool]
) -> Iterator[str]:
    sampler = Sampler(model, constraints, [prompt], derive_seeds(constraints.config.seed, 1))
    while sampler.active_states:
        if stopped():
            yield from filter(None, [constraints.finish(sampler.active_states[0], "cancelled")])
            return
        yield from (delta for _, delta in sampler.step() if delta)


def _stream_sampled_steps(sampler: Sampler, stopped: Callable[[], bool]) -> Iterator[Step]:
    while sampler.active_states and not stopped():
        for state, _ in sampler.step():
            yield state.steps[-1]


def _sample_in_batches(
    model: TextModel, constraints: Constraints, prompts: Sequence[Prompt],
    *, alternatives: int | None, keep_attention: bool,
) -> list[GenerationState]:  # fmt: skip
    """Return a finished state for each prompt; the ``n`` repetitions of a prompt get seeds of their own."""
    n = constraints.config.n
    seeds = [seed for _ in range(0, len(prompts), n) for seed in derive_seeds(constraints.config.seed, n)]
    states: dict[int, GenerationState] = {}
    for batch in length_sorted_batches([len(prompt.ids) for prompt in prompts]):
        sampler = Sampler(
            model, constraints, [prompts[index] for index in batch], [seeds[index] for index in batch],
            alternatives=alternatives, keep_attention=keep_attention,
        )  # fmt: skip
        states |= zip(batch, sampler.active_states, strict=True)
        while sampler.active_states:
            sampler.step()
    return [states[index] for index in range(len(prompts))]


def _build_text(constraints: Constraints, state: GenerationState, score: float = 0.0) -> GeneratedText:
    """Return a finished text, without the bytes of an incomplete character; the score of a sample is computed here."""
    ids, reason = state.token_ids, state.finish_reason
    assert reason is not None
    if not state.steps:
        return GeneratedText(state.text, tuple(ids), 0.0, 0.0, score, reason)
    steps = state.steps[: len(ids)]
    dropped = state.steps[len(ids) :]
    if dropped[-1:] and dropped[-1].id == EOS_ID:
        steps.append(dropped.pop())
    if steps and (rest := "".join(step.delta for step in dropped)):
        steps[-1] = replace(steps[-1], delta=steps[-1].delta + rest)
    if constraints.config.beams == 1:
        nll = sum(step.surprisal for step in steps) * math.log(2)
        score = -nll / length_normalization(max(1, len(steps)), constraints.config.length_penalty)
    decoder = constraints.tokenizer.decoder()
    data = b"".join([*map(decoder.push, ids), decoder.finish()])
    num_characters = len(data.decode("utf-8", "replace")) + len(steps) - len(ids)  # the end counts as one
    return GeneratedText.from_steps(state.text, steps, finish_reason=reason, score=score, num_characters=num_characters)
