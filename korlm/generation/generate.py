"""Texts from a net: `write` gives whole ones, `stream_text` and `stream_steps` one as it comes.

Nothing here knows of files or screens; `korlm.lm.LanguageModel` gives these functions to the user.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from korlm.errors import InputError
from korlm.generation.beam import BeamSearch
from korlm.generation.config import SamplingConfig
from korlm.generation.context import Net, reread, sample_seeds
from korlm.generation.notes import take_notes
from korlm.generation.results import Generated, Step, length_norm
from korlm.generation.row import Row
from korlm.generation.rules import Prompt, Rules
from korlm.generation.sampler import Sampler
from korlm.tokenizers.base import EOS_ID, Tokenizer

_TOGETHER = 64  # texts in a batch


def write(
    net: Net, tokenizer: Tokenizer, prompts: Sequence[str | Prompt], config: SamplingConfig,
    *, alternatives: int | None = None, unknown: bool = False, stopped: Callable[[], bool] = lambda: False,
) -> list[list[Generated]]:  # fmt: skip
    """Write ``config.n`` texts after each prompt.

    Args:
        net: a language model or, for prompts made ready, an encoder-decoder; in evaluation mode.
        tokenizer: its tokenizer.
        prompts: any strings, or prompts made ready.
        config: how.
        alternatives: how many of the likeliest pieces each step names; None leaves out the steps and with them the
            bits and scores (0), which is quicker.
        unknown: ``<unk>`` may come. See `Rules`.
        stopped: asked before each step of a beam; True ends it with what it has.

    Returns:
        For each prompt its texts: samples by number, of a beam the best first (fewer where the beam found fewer).

    Raises:
        InputError: an unpaired surrogate, or a forced string that cannot be written.
    """
    rules = Rules(tokenizer, config, textual=alternatives is not None, searching=config.beams > 1, unknown=unknown)
    ready = rules.read(prompts)
    if config.beams > 1:
        return [_search(net, rules, prompt, alternatives, stopped) for prompt in ready]
    rows = _sample(net, rules, [prompt for prompt in ready for _ in range(config.n)], alternatives)
    texts = [_generated(row, alternatives is not None) for row in rows]
    return [texts[first : first + config.n] for first in range(0, len(texts), config.n)]


def stream_text(
    net: Net, tokenizer: Tokenizer, prompt: str | Prompt, config: SamplingConfig,
    *, stopped: Callable[[], bool] = lambda: False,
) -> Iterator[str]:  # fmt: skip
    """Return the text that follows a prompt, in stretches that never end inside a character; a beam's in one.

    Args:
        net: a language model or, for a prompt made ready, an encoder-decoder; in evaluation mode.
        tokenizer: its tokenizer.
        prompt: any string, also an empty one, or a prompt made ready.
        config: how.
        stopped: asked before each piece; True ends the text. A beam then gives the best that it has.

    Raises:
        InputError: see `write`; or more than one text is asked for.
    """
    check_one(config)
    if config.beams > 1:
        return (texts[0].text for texts in write(net, tokenizer, [prompt], config, stopped=stopped) if texts)
    rules = Rules(tokenizer, config, textual=True)
    return _deltas(net, rules, rules.read([prompt])[0], stopped)


def stream_steps(
    net: Net, tokenizer: Tokenizer, prompt: str | Prompt, config: SamplingConfig,
    *, alternatives: int, stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Step]:  # fmt: skip
    """Return the pieces that follow a prompt as they are chosen; a beam's at its end. See `stream_text`."""
    check_one(config)
    if config.beams > 1:
        found = write(net, tokenizer, [prompt], config, alternatives=alternatives, stopped=stopped)
        return (step for texts in found for text in texts for step in text.steps)
    rules = Rules(tokenizer, config, textual=True)
    return _steps(net, rules, rules.read([prompt])[0], alternatives, stopped)


def check_one(config: SamplingConfig) -> None:
    """Raise an `InputError` where more than one text is asked for."""
    if config.n > 1:
        raise InputError(
            f"여기서는 글을 하나만 냅니다 (n={config.n}). 여럿은 generate_n으로 만드세요.",
            f"This gives one text (n={config.n}). Use generate_n for several.",
        )


def _deltas(net: Net, rules: Rules, prompt: Prompt, stopped: Callable[[], bool]) -> Iterator[str]:
    sampler = Sampler(net, rules, [prompt], sample_seeds(rules.config.seed, 1))
    while sampler.rows:
        if stopped():
            rest = sampler.rows[0].end("asked")
            if rest:
                yield rest
            return
        for _, delta in sampler.step():
            if delta:
                yield delta


def _steps(net: Net, rules: Rules, prompt: Prompt, alternatives: int, stopped: Callable[[], bool]) -> Iterator[Step]:
    sampler = Sampler(net, rules, [prompt], sample_seeds(rules.config.seed, 1), alternatives=alternatives)
    while sampler.rows and not stopped():
        for row, _ in sampler.step():
            yield row.steps[-1]


def _sample(net: Net, rules: Rules, prompts: Sequence[Prompt], alternatives: int | None) -> list[Row]:
    """Return a finished text for each prompt; one that stands several times in a row gets further seeds."""
    n = rules.config.n
    seeds = [seed for _ in range(0, len(prompts), n) for seed in sample_seeds(rules.config.seed, n)]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index].ids))  # few lengths in a batch
    rows: dict[int, Row] = {}
    for first in range(0, len(order), _TOGETHER):
        own = order[first : first + _TOGETHER]
        chosen = [prompts[index] for index in own]
        sampler = Sampler(net, rules, chosen, [seeds[index] for index in own], alternatives=alternatives)
        rows |= dict(zip(own, sampler.rows, strict=True))
        while sampler.rows:
            sampler.step()
    return [rows[index] for index in range(len(prompts))]


def _generated(row: Row, informed: bool) -> Generated:
    """Return a finished text; the bytes of a character that was cut short are left out."""
    steps = row.steps[: len(row.ids)] + [step for step in row.steps[-1:] if step.id == EOS_ID]
    ids = row.ids
    if not informed:
        return Generated(row.text, tuple(ids), 0.0, 0.0, 0.0, row.reason)
    nats = -sum(step.surprisal for step in steps) * math.log(2)
    score = nats / length_norm(max(1, len(steps)), row.rules.config.length_penalty)
    return Generated.of(row.text, steps, reason=row.reason, score=score, characters=_characters(row, len(steps)))


def _characters(row: Row, steps: int) -> int:
    """Return the characters of a row's pieces, the end counted as one where it is among the steps."""
    decoder = row.rules.tokenizer.decoder()
    data = b"".join([*map(decoder.push, row.ids), decoder.finish()])
    return len(data.decode("utf-8", "replace")) + steps - len(row.ids)


def _search(
    net: Net, rules: Rules, prompt: Prompt, alternatives: int | None, stopped: Callable[[], bool]
) -> list[Generated]:
    results = []
    for hypothesis in BeamSearch(net, rules, prompt).run(stopped):
        row = hypothesis.row
        if alternatives is None:
            results.append(Generated(row.text, tuple(row.ids), 0.0, 0.0, hypothesis.score, row.reason))
            continue
        steps = _explained(net, rules, prompt, row, alternatives)
        characters = _characters(row, len(steps))
        results.append(Generated.of(row.text, steps, reason=row.reason, score=hypothesis.score, characters=characters))
    return results


def _explained(net: Net, rules: Rules, prompt: Prompt, found: Row, alternatives: int) -> list[Step]:
    """Return the steps of a text that a beam found, by one run of the net over it."""
    numbers = [*found.ids, *([EOS_ID] if found.reason in ("end", "blocked") else [])]
    logits = reread(net, prompt.ids, numbers)
    row = Row(rules, prompt)
    notes = take_notes(logits, numbers, [1.0] * len(numbers), alternatives, rules.tokenizer)
    steps = [Step(*note, row.take(note.id)) for note in notes]
    if steps and not row.reason:  # bytes of an unfinished character are not among the steps
        steps[-1] = Step(*notes[-1], steps[-1].delta + row.end(found.reason))
    return steps
