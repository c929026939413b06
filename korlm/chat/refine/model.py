"""`RefineModel`: the network of retrieve and refine with its tokenizer, and how its source is laid out.

The source is one sequence: ``<s> <user> turn <bot> turn <question> question <answer> answer ... </s>``, with the last two turns and the
retrieved answers, the best first. For the reverse likelihood ``p(question | answer)`` the same network reads ``<s> <reverse> answer </s>``.

>>> from korlm.nn.config import Seq2SeqConfig
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> tokenizer = byte_tokenizer(SPECIAL_TOKENS)
>>> model = RefineModel(tokenizer, CopySeq2Seq(Seq2SeqConfig(tokenizer.vocab_size, embedding=8, hidden=16)))
>>> [source] = model.encode_sources([RefineExample("A", "", ("B", "C"), ("D",))])
>>> [tokenizer.token_text(token_id) for token_id in source]
['<s>', '<user>', '<0x42>', '<bot>', '<0x43>', '<question>', '<0x41>', '<answer>', '<0x44>', '</s>']
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from korlm.chat.refine.examples import RefineExample
from korlm.errors import ArtifactError, CorpusError
from korlm.generation.prefill import length_sorted_batches
from korlm.models.base import PretrainedModel
from korlm.models.results import Score
from korlm.models.scoring import bits_per_character
from korlm.nn.config import Seq2SeqConfig
from korlm.nn.copy_seq2seq import CopySeq2Seq
from korlm.tokenizers.base import BOS_ID, EOS_ID, Tokenizer
from korlm.training.dialogue_batches import collate_pairs, pad_token_ids

SPECIAL_TOKENS = ("<user>", "<bot>", "<question>", "<answer>", "<reverse>")
_MAX_TURN_TOKENS = 40  # of a turn, the question or an answer; the rest is not read
_MAX_ANSWER_TOKENS = 80  # that are scored and learned


class RefineModel(PretrainedModel[CopySeq2Seq]):
    """A trained network that writes an answer given the question, the last two turns and retrieved answers.

    Args:
        tokenizer: with `SPECIAL_TOKENS`.
        net: the network; put into evaluation mode.
        info: the build information (``build_info.json``).

    Raises:
        ArtifactError: the vocabulary has another size, or lacks the special tokens.
    """

    kind = "refine"

    def __init__(self, tokenizer: Tokenizer, net: CopySeq2Seq, *, info: dict[str, Any] | None = None) -> None:
        super().__init__(tokenizer, net, info=info)
        if missing := [token for token in SPECIAL_TOKENS if token not in tokenizer.specials]:
            raise ArtifactError(
                f"{tokenizer.name}의 어휘에 {', '.join(missing)} 토큰이 없습니다. 그것을 specials로 넣어 만든 토크나이저를 쓰세요.",
                f"The vocabulary of {tokenizer.name} lacks {', '.join(missing)}. Use a tokenizer made with them as specials.",
            )

    @classmethod
    def make_net(cls, config: dict[str, Any]) -> CopySeq2Seq:
        """Return a network of the shape in a ``config.json``."""
        return CopySeq2Seq(Seq2SeqConfig(**config))

    def encode_sources(self, examples: Sequence[RefineExample]) -> list[tuple[int, ...]]:
        """Return the input ids of each example; its answer is not read."""
        layouts = [list(_iter_source_parts(example)) for example in examples]
        encoded = iter(self.tokenizer.encode_ids([text for layout in layouts for _, text in layout]))
        specials = self.tokenizer.specials
        return [
            (
                BOS_ID,
                *(token for name, _ in layout for token in (specials[name], *next(encoded)[:_MAX_TURN_TOKENS])),
                EOS_ID,
            )
            for layout in layouts
        ]

    def encode_examples(self, examples: Sequence[RefineExample]) -> list[tuple[tuple[int, ...], list[int]]]:
        """Return the input ids and the answer ids (without ``</s>``) of each example; of long answers the beginning."""
        answers = self.tokenizer.encode_ids([example.answer for example in examples])
        beginnings = [ids[:_MAX_ANSWER_TOKENS] for ids in answers]
        return list(zip(self.encode_sources(examples), beginnings, strict=True))

    @torch.inference_mode()
    def score_options(self, example: RefineExample, answers: Sequence[str]) -> list[np.ndarray]:
        """Return the surprisals in bits of several answers to one question, ``</s>`` last, as `score_answers`.

        The source is encoded once.
        """
        [source] = self.encode_sources([example])
        encoded = self.tokenizer.encode_ids(answers)
        inputs, _ = pad_token_ids([[BOS_ID, *ids] for ids in encoded])
        targets, lengths = pad_token_ids([[*ids, EOS_ID] for ids in encoded])
        memory, state = self.net.encode(torch.tensor([source]), torch.tensor([len(source)]))
        rows = torch.zeros(len(answers), dtype=torch.long)
        state = tuple(part.index_select(1, rows) for part in state)
        bits = self.net.answer_nll(memory.select_rows(rows), state, inputs, targets).double().numpy() / math.log(2)
        return [row[:length] for row, length in zip(bits, lengths.tolist(), strict=True)]

    @torch.inference_mode()
    def score_answers(self, examples: Sequence[RefineExample]) -> list[np.ndarray]:
        """Return the surprisals in bits of the tokens of each answer, ``</s>`` last, without dropout."""
        pairs = self.encode_examples(examples)
        surprisals: list[np.ndarray] = [np.empty(0)] * len(pairs)
        was_training, device = self.net.training, self.net.embedding.weight.device
        self.net.eval()
        for indices in length_sorted_batches([len(answer) for _, answer in pairs]):
            batch = collate_pairs([pairs[index] for index in indices]).to(device)
            memory, state = self.net.encode(batch.source, batch.source_lengths)
            bits = self.net.answer_nll(memory, state, batch.inputs, batch.targets).double().cpu().numpy() / math.log(2)
            for row, index in enumerate(indices):
                surprisals[index] = bits[row, : len(pairs[index][1]) + 1]
        self.net.train(was_training)
        return surprisals

    def score(self, examples: Sequence[RefineExample]) -> Score:
        """Compute the bits per character of the answers, each answer's end included.

        Raises:
            CorpusError: no examples.
        """
        if not examples:
            raise CorpusError("잴 보기가 없습니다.", "There are no examples to score.")
        surprisals = self.score_answers(examples)
        characters = sum(len(example.answer) + 1 for example in examples)
        return Score(
            bits_per_character=bits_per_character(
                sum(float(row.sum()) for row in surprisals) * math.log(2), characters
            ),
            characters=characters,
            num_tokens=sum(map(len, surprisals)),
            surprisals=surprisals,
            signature=f"bpc|eol:1|given:question+retrieved|pairs:{len(examples)}|{self.tokenizer.signature}",
        )


def _iter_source_parts(example: RefineExample) -> Iterator[tuple[str, str]]:
    """Yield the special token before each text of the source, and the text."""
    if not example.question:
        yield "<reverse>", example.retrieved[0]
        return
    yield from zip(("<user>", "<bot>"), example.history[-2:], strict=False)
    yield "<question>", example.question
    yield from (("<answer>", answer) for answer in example.retrieved)
