"""`ChatModel`: a tokenizer and an encoder-decoder as one object that answers, scores, saves and loads.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> bot = ChatModel(byte_tokenizer(), Seq2Seq(Seq2SeqConfig(260, embedding=8, hidden=16)))
>>> bot.score([Pair("뭐 해요?", "쉬어요.")]).characters
5
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from korlm.corpora.pairs import Pair, check_question
from korlm.errors import CorpusError
from korlm.generation.config import SamplingConfig, sampling_of
from korlm.generation.generate import stream_text, write
from korlm.generation.results import Generated
from korlm.lm import Score
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
from korlm.saved import SavedModel
from korlm.tokenizers.base import BOS_ID, EOS_ID, PAD_ID
from korlm.training.pairs import make_batch
from korlm.training.scoring import bits_per_character

_TOGETHER = 64  # pairs scored side by side


@dataclass(frozen=True)
class Reply:
    """An answer and how it came.

    Attributes:
        text: the answer.
        surprisal: mean bits a piece of it, its end counted: how sure the model was of its words.
        question_pieces: what the encoder read, ``<s>`` and ``</s>`` first and last.
        pieces: of the answer, ``</s>`` last where it ended.
        attention: ``[pieces, question pieces]`` float32, each row summing to 1: where the decoder looked.
        candidates: the answers of the beam or the samples, the best first; the first one is this.
    """

    text: str
    surprisal: float
    question_pieces: tuple[str, ...]
    pieces: tuple[str, ...]
    attention: np.ndarray = field(repr=False)
    candidates: tuple[Generated, ...] = field(repr=False)


class ChatModel(SavedModel[Seq2Seq]):
    """An encoder-decoder over the pieces of a tokenizer.

    Args:
        tokenizer: cuts and joins text.
        net: answers; put into evaluation mode.
        info: what made it (``build_info.json``), shown in cards.
    """

    kind = "chat"

    @classmethod
    def make_net(cls, config: dict[str, Any]) -> Seq2Seq:
        """Return a net of the shape in a ``config.json``."""
        return Seq2Seq(Seq2SeqConfig(**config))

    @torch.inference_mode()
    def score(self, pairs: Sequence[Pair]) -> Score:
        """Measure the answers of pairs, given their questions, each answer's end included.

        Args:
            pairs: at least one; what goes beyond the model's length is measured too.

        Raises:
            CorpusError: no pairs.
        """
        if not pairs:
            raise CorpusError("잴 대화가 없습니다.", "There are no pairs to score.")
        questions = self.tokenizer.encode_ids([pair.question for pair in pairs])
        answers = self.tokenizer.encode_ids([pair.answer for pair in pairs])
        order = sorted(range(len(pairs)), key=lambda index: len(answers[index]))
        surprisals: list[np.ndarray] = [np.empty(0)] * len(pairs)
        was_training = self.net.training
        self.net.eval()
        for first in range(0, len(order), _TOGETHER):
            chosen = order[first : first + _TOGETHER]
            batch = make_batch([(questions[index], answers[index]) for index in chosen]).to(self._device)
            memory, state = self.net.encode(batch.source, batch.source_lengths)
            hidden, _, _ = self.net.decode(memory, batch.inputs, state)
            nats = self.net.nats(hidden, batch.targets, reduction="none", ignore_index=PAD_ID)
            for index, row in zip(chosen, nats.double().cpu().numpy(), strict=True):
                surprisals[index] = row[: len(answers[index]) + 1] / math.log(2)
        self.net.train(was_training)
        characters = sum(len(pair.answer) + 1 for pair in pairs)
        bits = sum(float(row.sum()) for row in surprisals)
        return Score(
            bits_per_character=bits_per_character(bits * math.log(2), characters),
            characters=characters,
            pieces=sum(map(len, surprisals)),
            surprisals=surprisals,
            signature=f"bpc|eol:1|given:question|pairs:{len(pairs)}|{self.tokenizer.signature}",
        )

    def reply(self, text: str, **options: Any) -> Reply:
        """Answer.

        Args:
            text: what the person says; what goes beyond the model's length is not read.
            **options: the fields of `SamplingConfig`; by default greedy. With ``beams``, ``n`` candidates are kept.

        Raises:
            InputError: an option out of its range, an unpaired surrogate, or nothing but blanks.

        Example:
            >>> from korlm.tokenizers.byte import byte_tokenizer
            >>> bot = ChatModel(byte_tokenizer(), Seq2Seq(Seq2SeqConfig(260, embedding=8, hidden=16)))
            >>> reply = bot.reply("안녕하세요?", max_tokens=9)
            >>> reply.attention.shape == (len(reply.pieces), len(reply.question_pieces))
            True
        """
        config = self._config(text, options)
        (found,) = write(self.net, self.tokenizer, [text], config, alternatives=0)
        best = found[0]
        question = self.tokenizer.encode_ids([text])[0][: self.net.config.max_length - 2]
        ids = [step.id for step in best.steps]
        return Reply(
            text=best.text.strip(),
            surprisal=sum(step.surprisal for step in best.steps) / max(1, len(best.steps)),
            question_pieces=("<s>", *map(self.tokenizer.token_text, question), "</s>"),
            pieces=tuple(step.text for step in best.steps),
            attention=self._attention(question, ids),
            candidates=tuple(found),
        )

    def stream(self, text: str, *, stopped: Callable[[], bool] = lambda: False, **options: Any) -> Iterator[str]:
        """Yield the answer as it comes, never half a syllable. See `reply`."""
        return stream_text(self.net, self.tokenizer, text, self._config(text, options), stopped=stopped)

    @classmethod
    def load(cls, folder: str | Path) -> ChatModel:
        """Read a folder that `save` wrote, or the best state of a run. See `SavedModel.load`."""
        best = Path(folder) / "best"
        return super().load(best if best.is_dir() else folder)

    @property
    def _device(self) -> torch.device:
        return self.net.embedding.weight.device

    def _config(self, text: str, options: dict[str, Any]) -> SamplingConfig:
        check_question(text)
        config = sampling_of({"temperature": 0, **options})
        longest = self.net.config.max_length - 1  # the answer's </s> counted
        return replace(config, max_tokens=min(config.max_tokens, longest), min_tokens=min(config.min_tokens, longest))

    @torch.inference_mode()
    def _attention(self, question: Sequence[int], ids: Sequence[int]) -> np.ndarray:
        source = torch.tensor([[BOS_ID, *question, EOS_ID]], device=self._device)
        memory, state = self.net.encode(source, torch.tensor([source.shape[1]]))
        inputs = torch.tensor([[BOS_ID, *ids[:-1]]], device=self._device)
        _, weights, _ = self.net.decode(memory, inputs, state)
        found: np.ndarray = weights[0, : len(ids)].float().cpu().numpy()
        return found
