"""Initialize a chatbot with the embedding, and where they fit the layers, of a language model.

Twelve thousand pairs are too few to learn words from. A language model of 600,000 film reviews knows which words are alike:
its embedding is copied token by token (by text, so that the vocabularies may differ), and its recurrent layers if cell and
width are the same. All other weights keep their random initialization (figures: docs/results/chat.md).

>>> from korlm.nn.config import NetConfig
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> bytes_alone, with_turns = byte_tokenizer(), byte_tokenizer(("<user>", "<bot>"))
>>> old, new = (RecurrentLM(NetConfig(tokenizer.vocab_size, embedding=8, hidden=8)) for tokenizer in (bytes_alone, with_turns))
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
    """The copied weights."""

    pieces: int  # number of rows of the embedding
    weights: tuple[str, ...]  # names of the other weights


@torch.no_grad()
def transfer_weights(model: Seq2Seq | RecurrentLM, tokenizer: Tokenizer, source_model: LanguageModel) -> TransferReport:
    """Copy the fitting weights of a language model into a network, in place; ``tokenizer`` is the network's.

    Raises:
        InputError: the embeddings have different widths.
    """
    source, target = source_model.net.embedding.weight, model.embedding.weight
    if source.shape[1] != target.shape[1]:
        raise InputError(
            f"시작 모델의 임베딩 너비는 {source.shape[1]}입니다. embedding을 {source.shape[1]}(으)로 맞추세요.",
            f"The model to start from has an embedding of width {source.shape[1]}. Set embedding to {source.shape[1]}.",
        )
    source_vocabulary = source_model.tokenizer
    source_ids = {source_vocabulary.token_text(token_id): token_id for token_id in range(source_vocabulary.vocab_size)}
    texts = map(tokenizer.token_text, range(tokenizer.vocab_size))
    shared = [(token_id, source_ids[text]) for token_id, text in enumerate(texts) if text in source_ids]
    target_rows, source_rows = (torch.tensor(ids, device=target.device) for ids in zip(*shared, strict=True))
    target[target_rows] = source[source_rows].to(target)
    parameters, copied = dict(model.named_parameters()), []
    # the projection after an encoder-decoder's layers has another input than that of a language model
    prefixes = ("layers.", "project.") if isinstance(model, RecurrentLM) else ("layers.",)
    for name, weight in source_model.net.named_parameters():
        if name.startswith(prefixes) and name in parameters and parameters[name].shape == weight.shape:
            parameters[name].copy_(weight)
            copied.append(name)
    return TransferReport(len(shared), tuple(copied))
