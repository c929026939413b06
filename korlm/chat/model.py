"""`ChatModel`: a tokenizer and a network as one object that answers, scores, saves and loads.

>>> from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> bot = ChatModel(byte_tokenizer(), Seq2Seq(Seq2SeqConfig(260, embedding=8, hidden=16)))
>>> bot.score([DialoguePair("뭐 해요?", "쉬어요.")]).characters
5
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from korlm._deprecation import DeprecatedAlias
from korlm.chat.architectures import ARCHITECTURES, compute_answer_bits, get_architecture
from korlm.chat.bot import ChatBot
from korlm.chat.confidence import BigramCoverage, Confidence, ConfidenceThresholds
from korlm.chat.copy_mechanism import copy_words
from korlm.chat.reply import ABSTAIN_TEXTS, Reply
from korlm.corpora.dialogues import DialoguePair, check_question
from korlm.errors import CorpusError
from korlm.generation.config import GenerationConfig, build_generation_config
from korlm.generation.generate import check_single_text, generate_texts, stream_steps
from korlm.generation.results import FinishReason, GeneratedText, Step, length_normalization
from korlm.generation.state import Prompt
from korlm.models.base import PretrainedModel
from korlm.models.results import Score
from korlm.models.scoring import bits_per_character
from korlm.nn.lm import RecurrentLM
from korlm.nn.seq2seq import Seq2Seq
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.encoding import Encoding

_MAX_HISTORY_TOKENS = 128  # that a language model reads
_NO_REPEAT_NGRAM = {"syllable": 10, "jamo": 20, "byte": 30}  # default size by unit; 4 for longer tokens


class _EncodedQuestion(NamedTuple):
    encoding: Encoding
    input_ids: tuple[int, ...]

    @property
    def prompt(self) -> Prompt:
        return Prompt(self.input_ids, is_reply=True)


class ChatModel(ChatBot, PretrainedModel[Seq2Seq | RecurrentLM]):
    """A trained bot: an encoder-decoder, or a language model that reads the conversation in a chat template.

    Args:
        tokenizer: the tokenizer.
        net: the network; put into evaluation mode.
        info: the build information (``build_info.json``); its ``limits`` are the thresholds of confidence.
        familiarity: bigrams of the training questions.

    Raises:
        ArtifactError: the vocabulary has another size, or lacks the special tokens that a language model needs.
    """

    kind = "chat"
    replies = DeprecatedAlias("stream_replies")
    limits = DeprecatedAlias("thresholds")
    given = DeprecatedAlias("encode_history")
    ids_of = DeprecatedAlias("encode_pairs")
    form = DeprecatedAlias("architecture")

    def __init__(
        self, tokenizer: Tokenizer, net: Seq2Seq | RecurrentLM, *,
        info: dict[str, Any] | None = None, familiarity: BigramCoverage | None = None,
    ) -> None:  # fmt: skip
        super().__init__(tokenizer, net, info=info)
        self.architecture = get_architecture(net)
        self.familiarity = familiarity
        self.encode_history([[]])  # raises if special tokens are missing

    @classmethod
    def make_net(cls, config: dict[str, Any]) -> Seq2Seq | RecurrentLM:
        """Return a network of the shape in a ``config.json``."""
        architecture = ARCHITECTURES["encoder-decoder" if "attention" in config else "language-model"]
        return architecture.model_class(architecture.config_class(**config))

    @property
    def thresholds(self) -> ConfidenceThresholds | None:
        """The values beyond which the bot abstains; None if it never does."""
        limits = self.info.get("limits")
        return ConfidenceThresholds(limits["surprisal"], limits["familiarity"]) if limits else None

    def encode_history(self, turns: Sequence[Sequence[int]]) -> tuple[int, ...]:
        """Return the input ids for an answer to the last of some turns, given as ids."""
        max_length = self.net.config.max_length if isinstance(self.net, Seq2Seq) else _MAX_HISTORY_TOKENS
        return self.architecture.encode_history(self.tokenizer, turns, max_length)

    def encode_pairs(self, pairs: Sequence[DialoguePair]) -> list[tuple[tuple[int, ...], list[int]]]:
        """Return the input ids and the answer ids (without ``</s>``) of each pair."""
        dialogues = [[*pair.history, pair.question, pair.answer] for pair in pairs]
        ids = iter(self.tokenizer.encode_ids([turn for turns in dialogues for turn in turns], workers=2))
        encoded = [[next(ids) for _ in turns] for turns in dialogues]
        return [(self.encode_history(turns), answer) for *turns, answer in encoded]

    def score(self, pairs: Sequence[DialoguePair]) -> Score:
        """Compute the bits per character of the answers given their questions, each answer's end included.

        Args:
            pairs: at least one; an answer longer than the model's maximum is scored too.

        Raises:
            CorpusError: no pairs.
        """
        if not pairs:
            raise CorpusError("잴 대화가 없습니다.", "There are no pairs to score.")
        surprisals = compute_answer_bits(self.net, self.encode_pairs(pairs))
        characters = sum(len(pair.answer) + 1 for pair in pairs)
        bits = sum(float(row.sum()) for row in surprisals)
        return Score(
            bits_per_character=bits_per_character(bits * math.log(2), characters),
            characters=characters,
            num_tokens=sum(map(len, surprisals)),
            surprisals=surprisals,
            signature=f"bpc|eol:1|given:question|pairs:{len(pairs)}|{self.tokenizer.signature}",
        )

    def answer_all(
        self, texts: Sequence[str], *, history: Sequence[Sequence[str]] = (), abstain: bool = True, **options: Any
    ) -> list[Reply]:
        """Answer several messages in a batch, without the safety guard. See `reply`."""
        config = self._build_config(options)
        if not texts:
            return []
        questions = self._encode_questions(texts, history or [()] * len(texts))
        results = self._generate(questions, config)
        return [self._finish_reply(*row, abstain) for row in zip(questions, results, strict=True)]

    def stream_answer(
        self, text: str, *, history: Sequence[str] = (), abstain: bool = True,
        stopped: Callable[[], bool] = lambda: False, **options: Any,
    ) -> Iterator[Reply]:  # fmt: skip
        """Yield the answer as it grows, without the safety guard. See `stream_replies`."""
        config = self._build_config(options)
        [question] = self._encode_questions([text], [history])
        if config.beams > 1 or config.n > 1 or self._copies_unknown_words:
            [candidates] = self._generate([question], config, stopped)
            return iter([self._finish_reply(question, candidates, abstain and not stopped())])
        return self._stream_growing_replies(question, config, abstain, stopped)

    def stream(self, text: str, **options: Any) -> Iterator[str]:
        """Yield the answer in parts; the bot does not abstain. See `stream_replies`."""
        not_generation = ("history", "before", "stopped")
        check_single_text(self._build_config({key: options[key] for key in options if key not in not_generation}))
        return self._answer_deltas(self.stream_replies(text, abstain=False, **options))

    def write(self, folder: Path, *, precision: str = "float32") -> None:
        """Write the model's files into an existing folder. See `save`."""
        super().write(folder, precision=precision)
        if self.familiarity:
            self.familiarity.write(folder)

    @classmethod
    def load(cls, folder: str | Path) -> ChatModel:
        """Load a folder that `save` wrote, or the best checkpoint of a run. See `PretrainedModel.load`."""
        best = Path(folder) / "best"
        folder = best if best.is_dir() else Path(folder)
        bot = super().load(folder)
        bot.familiarity = BigramCoverage.read(folder)
        return bot

    @property
    def _copies_unknown_words(self) -> bool:
        """Whether a generated ``<unk>`` is replaced by a word of the question."""
        return self.tokenizer.on_unknown == "unk" and isinstance(self.net, Seq2Seq)

    def _build_config(self, options: dict[str, Any]) -> GenerationConfig:
        defaults = {"temperature": 0, "min_tokens": 1, "no_repeat_ngram": _NO_REPEAT_NGRAM.get(self.tokenizer.unit, 4)}
        config = build_generation_config(defaults | options)
        if not isinstance(self.net, Seq2Seq):
            return config
        longest = self.net.config.max_length - 1  # the answer's </s> counted
        return replace(config, max_tokens=min(config.max_tokens, longest), min_tokens=min(config.min_tokens, longest))

    def _encode_questions(self, texts: Sequence[str], histories: Sequence[Sequence[str]]) -> list[_EncodedQuestion]:
        for text in texts:
            check_question(text)
        encodings = self.tokenizer.encode_batch(texts)
        earlier = [self.tokenizer.encode_ids(turns[: len(turns) // 2 * 2]) for turns in histories]
        return [
            _EncodedQuestion(encoding, self.encode_history([*turns, encoding.ids]))
            for encoding, turns in zip(encodings, earlier, strict=True)
        ]

    def _generate(
        self, questions: Sequence[_EncodedQuestion], config: GenerationConfig,
        stopped: Callable[[], bool] = lambda: False,
    ) -> list[list[GeneratedText]]:  # fmt: skip
        return generate_texts(
            self.net, self.tokenizer, [question.prompt for question in questions], config, alternatives=0,
            keep_attention=True, allow_unk=self._copies_unknown_words, stopped=stopped,
        )  # fmt: skip

    def _stream_growing_replies(
        self, question: _EncodedQuestion, config: GenerationConfig, abstain: bool, stopped: Callable[[], bool]
    ) -> Iterator[Reply]:
        steps: list[Step] = []
        text = ""
        for step in stream_steps(
            self.net, self.tokenizer, question.prompt, config, alternatives=0, keep_attention=True, stopped=stopped
        ):
            steps.append(step)
            text += step.delta
            yield self._build_reply(question, text, steps)
        ended = bool(steps) and steps[-1].id == EOS_ID
        reason: FinishReason = "eos" if ended else "cancelled" if stopped() else "length"
        nll = sum(step.surprisal for step in steps) * math.log(2)
        score = -nll / length_normalization(max(1, len(steps)), config.length_penalty)
        candidate = GeneratedText.from_steps(text, steps, finish_reason=reason, score=score)
        yield self._finish_reply(question, [candidate], abstain and not stopped())

    def _finish_reply(self, question: _EncodedQuestion, candidates: Sequence[GeneratedText], abstain: bool) -> Reply:
        """Return the finished reply: with copied words and attention, or with a polite text in place of the answer."""
        best = candidates[0]
        rows = [step.attention for step in best.steps if step.attention is not None]
        attention = np.stack(rows) if rows else None
        text = best.text
        if attention is not None and self.tokenizer.unk_id in best.ids and self._copies_unknown_words:
            text = copy_words(self.tokenizer, best.ids, attention, question.encoding)
        reply = self._build_reply(question, text, best.steps)
        shown = ABSTAIN_TEXTS.get(reply.abstain_reason, reply.answer) if abstain else reply.answer
        return replace(reply, text=shown, attention=attention, candidates=tuple(candidates), finished=True)

    def _build_reply(self, question: _EncodedQuestion, text: str, steps: Sequence[Step]) -> Reply:
        surprisal = sum(step.surprisal for step in steps) / max(1, len(steps))
        familiarity = self.familiarity(question.encoding.text) if self.familiarity else None
        return Reply(
            text.strip(),
            text.strip(),
            Confidence(surprisal, familiarity, self.thresholds),
            question_tokens=tuple(map(self.tokenizer.token_text, question.input_ids)),
            tokens=tuple(step.text for step in steps),
            finished=False,
        )

    @staticmethod
    def _answer_deltas(replies: Iterator[Reply]) -> Iterator[str]:
        yielded = ""
        for reply in replies:
            if len(reply.answer) > len(yielded):
                yield reply.answer[len(yielded) :]
                yielded = reply.answer
