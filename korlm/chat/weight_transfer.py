"""What a chatbot's net begins with: the pieces, and where they fit the layers, of a language model that read more text.

Twelve thousand pairs are little to learn words from. A language model that read 600,000 film reviews knows which of them
are alike; its embedding is copied piece by piece (by text, so that the two vocabularies may differ), and its recurrent
layers where cell and width are the same. What it lacks keeps its random start (figures: docs/LOG.md).

>>> from korlm.nn.config import NetConfig
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> bytes_alone, with_turns = byte_tokenizer(), byte_tokenizer(("<user>", "<bot>"))
>>> old, new = (RecurrentLM(NetConfig(one.vocab_size, embedding=8, hidden=8)) for one in (bytes_alone, with_turns))
>>> transfer_weights(new, with_turns, LanguageModel(bytes_alone, old)).pieces == bytes_alone.vocab_size
True
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from korlm.errors import InputError
from korlm.models.language_model import LanguageModel
from korlm.nn.lm import RecurrentLM
from korlm.nn.seq2seq import Seq2Seq
from korlm.tokenizers.base import Tokenizer


class TransferReport(NamedTuple):
    """What a net took over.

    Attributes:
        pieces: how many rows of the embedding.
        weights: names of the other weights.
    """

    pieces: int
    weights: tuple[str, ...]


@torch.no_grad()
def transfer_weights(model: Seq2Seq | RecurrentLM, tokenizer: Tokenizer, source_model: LanguageModel) -> TransferReport:
    """Copy what fits of a language model into a new net.

    Args:
        model: changed in place.
        tokenizer: whose pieces the net's are.
        source_model: the language model.

    Raises:
        InputError: its embedding has another width.
    """
    there, here = source_model.net.embedding.weight, model.embedding.weight
    if there.shape[1] != here.shape[1]:
        raise InputError(
            f"시작 모델의 임베딩 너비는 {there.shape[1]}입니다. embedding을 {there.shape[1]}(으)로 맞추세요.",
            f"The model to start from has an embedding of width {there.shape[1]}. Set embedding to {there.shape[1]}.",
        )
    places = {source_model.tokenizer.token_text(number): number for number in range(source_model.tokenizer.vocab_size)}
    both = [
        (number, places[text])
        for number in range(tokenizer.vocab_size)
        if (text := tokenizer.token_text(number)) in places
    ]
    mine, theirs = (torch.tensor(numbers, device=here.device) for numbers in zip(*both, strict=True))
    here[mine] = there[theirs].to(here)
    own, weights = dict(model.named_parameters()), []
    # what follows the layers of an encoder-decoder is another thing than what follows those of a language model
    parts = ("layers.", "project.") if isinstance(model, RecurrentLM) else ("layers.",)
    for name, weight in source_model.net.named_parameters():
        if name.startswith(parts) and name in own and own[name].shape == weight.shape:
            own[name].copy_(weight)
            weights.append(name)
    return TransferReport(len(both), tuple(weights))
