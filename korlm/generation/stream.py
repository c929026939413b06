"""Piece by piece from a net: ids as they are chosen, and the text that is certain so far."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from korlm.generation.config import SamplingConfig
from korlm.generation.sampling import choose
from korlm.nn.recurrent import RecurrentLM
from korlm.text.stable import StableText
from korlm.text.utf8 import allowed_next, is_complete
from korlm.tokenizers.base import BYTE_IDS, EOS_ID, SPECIALS, Tokenizer


def stream_ids(
    net: RecurrentLM,
    context: Sequence[int],
    config: SamplingConfig,
    *,
    first: Tensor | None = None,
    byte_ids: Mapping[int, int] = BYTE_IDS,
    blocked: Collection[int] = range(len(SPECIALS)),
) -> Iterator[int]:
    """Yield the ids that follow a context, up to ``</s>`` (not yielded) or ``config.max_tokens``.

    Lone bytes are chosen so that they are UTF-8, and yielded once their character is whole; one that the limit cuts
    short is left out.

    Args:
        net: the language model, in evaluation mode.
        context: ids of the prompt, ``</s>`` before them.
        config: how to sample.
        first: ``[V]`` booleans: which ids may come first; all by default.
        byte_ids: ids of lone bytes by byte.
        blocked: ids that never come, ``</s>`` excepted.
    """
    generator = torch.Generator().manual_seed(secrets.randbits(63) if config.seed is None else config.seed)
    device = net.embedding.weight.device
    begun = b""  # bytes of a character under way
    byte_of = {number: byte for byte, number in byte_ids.items()}
    open_ids = torch.ones(net.embedding.weight.shape[0], dtype=torch.bool)
    open_ids[[number for number in (*blocked, *byte_of) if number != EOS_ID]] = False
    with torch.inference_mode():
        hidden, state = net(torch.tensor([list(context)], device=device))
        hidden = hidden[:, -1]
    for index in range(config.max_tokens):
        with torch.inference_mode():
            logits = _permitted(net.logits(hidden[0]).cpu(), begun, byte_ids, open_ids)
            if index == 0 and first is not None:
                logits[~first] = -torch.inf
            chosen = choose(logits, config, generator)
        if chosen == EOS_ID:
            return
        if chosen in byte_of:
            begun += bytes([byte_of[chosen]])
            if is_complete(begun):
                yield from (byte_ids[byte] for byte in begun)
                begun = b""
        else:
            yield chosen
        with torch.inference_mode():
            hidden, state = net.step(torch.tensor([chosen], device=device), state)


def _permitted(logits: Tensor, begun: bytes, byte_ids: Mapping[int, int], open_ids: Tensor) -> Tensor:
    """Return ``[V]`` logits with -inf for what may not come next: specials, and bytes that would not be UTF-8."""
    permitted = torch.full_like(logits, -torch.inf) if begun else logits.masked_fill(~open_ids, -torch.inf)
    numbers = [byte_ids[byte] for byte in allowed_next(begun) if byte in byte_ids]
    permitted[numbers] = logits[numbers]
    return permitted


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
    heal = prompt.endswith(" ") and tokenizer.unit in ("word", "morpheme", "subword", "morpheme-subword")
    ids = tokenizer.encode_ids([prompt[:-1] if heal else prompt])[0]
    first = torch.tensor([token.startswith(b" ") for token in tokenizer.token_bytes]) if heal else None
    text, decoder = StableText(), tokenizer.decoder()
    blocked = tokenizer.specials.values()
    chosen_ids = stream_ids(net, [EOS_ID, *ids], config, first=first, byte_ids=tokenizer.byte_ids, blocked=blocked)
    for chosen in chosen_ids:
        data = decoder.push(chosen)
        if heal and data:  # the space of the prompt
            data, heal = data[1:], False
        if delta := text.push(data):
            yield delta
        if stopped():
            break
    if rest := text.push(decoder.finish()) + text.finish():
        yield rest
