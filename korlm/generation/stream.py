"""Piece by piece from a net: ids as they are chosen, and the text that is certain so far."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from korlm.generation.sampling import SamplingConfig, choose
from korlm.nn.recurrent import RecurrentLM
from korlm.text.stable import StableText
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID, UNK_ID, Tokenizer

_NEVER = [PAD_ID, BOS_ID, UNK_ID]


def stream_ids(
    net: RecurrentLM, context: Sequence[int], config: SamplingConfig, *, first: Tensor | None = None
) -> Iterator[int]:
    """Yield the ids that follow a context, up to ``</s>`` (not yielded) or ``config.max_tokens``.

    Args:
        net: the language model, in evaluation mode.
        context: ids of the prompt, ``</s>`` before them.
        config: how to sample.
        first: ``[V]`` booleans: which ids may come first; all by default.
    """
    generator = torch.Generator().manual_seed(secrets.randbits(63) if config.seed is None else config.seed)
    device = net.embedding.weight.device
    with torch.inference_mode():
        hidden, state = net(torch.tensor([list(context)], device=device))
        hidden = hidden[:, -1]
    for index in range(config.max_tokens):
        with torch.inference_mode():
            logits = net.logits(hidden[0]).cpu()
            logits[_NEVER] = -torch.inf
            if index == 0 and first is not None:
                logits[~first] = -torch.inf
            chosen = choose(logits, config, generator)
        if chosen == EOS_ID:
            return
        yield chosen
        with torch.inference_mode():
            hidden, state = net.step(torch.tensor([chosen], device=device), state)


def stream_text(
    net: RecurrentLM,
    tokenizer: Tokenizer,
    prompt: str,
    config: SamplingConfig,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[str]:
    """Yield the text that follows a prompt, in stretches that never end inside a character.

    A prompt that ends in a space is cut before it, and the first piece must then begin with a space: pieces carry the
    space before them, so the net has never seen a lone space before a word (token healing).

    Args:
        net: the language model, in evaluation mode.
        tokenizer: its tokenizer.
        prompt: any string, also an empty one.
        config: how to sample.
        stopped: asked before each piece; True ends the text.
    """
    heal = prompt.endswith(" ") and tokenizer.unit in ("word", "morpheme", "subword")
    ids = tokenizer.encode_ids([prompt[:-1] if heal else prompt])[0]
    first = torch.tensor([token.startswith(b" ") for token in tokenizer.token_bytes]) if heal else None
    text = StableText()
    for index, chosen in enumerate(stream_ids(net, [EOS_ID, *ids], config, first=first)):
        data = tokenizer.token_bytes[chosen]
        if delta := text.push(data[1:] if heal and index == 0 else data):
            yield delta
        if stopped():
            break
    if rest := text.finish():
        yield rest
