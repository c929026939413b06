"""`ChatModel`: a tokenizer and a net as one object that answers, scores, saves and loads.

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

from korlm.chat.architectures import ARCHITECTURES, compute_answer_bits, compute_attention, get_architecture
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

_MAX_HISTORY_TOKENS = 128  # pieces of the turns that a language model reads
_NO_REPEAT_NGRAM = {
    "syllable": 10,
    "jamo": 20,
    "byte": 30,
}  # pieces that do not come twice in an answer; 4 of longer ones


class _EncodedQuestion(NamedTuple):
    """A question made ready."""

    encoding: Encoding
    input_ids: tuple[int, ...]


class ChatModel(PretrainedModel[Seq2Seq | RecurrentLM]):
    """A bot that learnt: an encoder-decoder, or a language model that is given the conversation in a template.

    Args:
        tokenizer: cuts and joins text.
        net: answers; put into evaluation mode.
        info: what made it (``build_info.json``), shown in cards; ``thresholds`` of it say when it does not know.
        familiarity: of its training questions.

    Raises:
        ArtifactError: the vocabulary has another size, or lacks the special tokens that a language model needs.
    """

    kind = "chat"

    def __init__(
        self, tokenizer: Tokenizer, net: Seq2Seq | RecurrentLM, *,
        info: dict[str, Any] | None = None, familiarity: BigramCoverage | None = None,
    ) -> None:  # fmt: skip
        super().__init__(tokenizer, net, info=info)
        self.architecture = get_architecture(net)
        self.familiarity = familiarity
        self.encode_history([[]])

    @classmethod
    def make_net(cls, config: dict[str, Any]) -> Seq2Seq | RecurrentLM:
        """Return a net of the shape in a ``config.json``."""
        form = ARCHITECTURES["encoder-decoder" if "attention" in config else "language-model"]
        return form.model_class(form.config_class(**config))

    @property
    def thresholds(self) -> ConfidenceThresholds | None:
        """When the bot does not know; None for never."""
        found = self.info.get("limits")
        return ConfidenceThresholds(found["surprisal"], found["familiarity"]) if found else None

    def encode_history(self, turns: Sequence[Sequence[int]]) -> tuple[int, ...]:
        """Return what the net reads before it answers the last of some turns, ids each."""
        longest = self.net.config.max_length if isinstance(self.net, Seq2Seq) else _MAX_HISTORY_TOKENS
        return self.architecture.encode_history(self.tokenizer, turns, longest)

    def score(self, pairs: Sequence[DialoguePair]) -> Score:
        """Measure the answers of pairs, given their questions, each answer's end included.

        Args:
            pairs: at least one; an answer beyond the model's length is measured too.

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

    def encode_pairs(self, pairs: Sequence[DialoguePair]) -> list[tuple[tuple[int, ...], list[int]]]:
        """Return what the net reads before each answer, and the answer's ids without ``</s>``."""
        turns = [[*pair.history, pair.question, pair.answer] for pair in pairs]
        ids = iter(self.tokenizer.encode_ids([turn for some in turns for turn in some], workers=2))
        found = [[next(ids) for _ in some] for some in turns]
        return [(self.encode_history(own[:-1]), own[-1]) for own in found]

    def reply(self, text: str, *, history: Sequence[str] = (), abstain: bool = True, **options: Any) -> Reply:
        """Answer.

        Args:
            text: what the person says; what goes beyond the model's length is not read.
            history: the turns before, the person's first; an encoder-decoder does not read them.
            abstain: say so where the bot does not know; False gives its own words all the same.
            **options: the fields of `GenerationConfig`; by default greedy, without a stretch that comes twice. With
                ``beams``, ``n`` candidates are kept.

        Raises:
            InputError: an option out of its range, an unpaired surrogate, or nothing but blanks.

        Example:
            >>> from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
            >>> from korlm.tokenizers.segmented import byte_tokenizer
            >>> bot = ChatModel(byte_tokenizer(), Seq2Seq(Seq2SeqConfig(260, embedding=8, hidden=16)))
            >>> reply = bot.reply("안녕하세요?", max_tokens=9)
            >>> reply.attention.shape == (len(reply.tokens), len(reply.question_tokens))
            True
        """
        return self.reply_all([text], history=[history], abstain=abstain, **options)[0]

    def reply_all(
        self, texts: Sequence[str], *, history: Sequence[Sequence[str]] | None = None, abstain: bool = True,
        **options: Any,
    ) -> list[Reply]:  # fmt: skip
        """Answer several questions side by side, each by itself. See `reply`."""
        config = self._build_config(options)
        asked = self._encode_questions(texts, history or [()] * len(texts))
        prompts = [Prompt(one.input_ids, is_reply=True) for one in asked]
        found = generate_texts(
            self.net, self.tokenizer, prompts, config, alternatives=0, allow_unk=self._copies_unknown_words
        )
        return [self._finish_reply(one, candidates, abstain) for one, candidates in zip(asked, found, strict=True)]

    def stream_replies(
        self, text: str, *, history: Sequence[str] = (), abstain: bool = True,
        stopped: Callable[[], bool] = lambda: False, **options: Any,
    ) -> Iterator[Reply]:  # fmt: skip
        """Return the answer as it grows, never half a syllable, and last the finished one. See `reply`.

        A beam's, several candidates and one with words to copy come at once.

        Args:
            text: what the person says.
            history: the turns before.
            abstain: say so where the bot does not know, at the end.
            stopped: asked before each piece; True ends the answer, which then stands as it is.
            **options: as for `reply`.
        """
        config = self._build_config(options)
        (asked,) = self._encode_questions([text], [history])
        prompt = Prompt(asked.input_ids, is_reply=True)
        if config.beams > 1 or config.n > 1 or self._copies_unknown_words:
            found = generate_texts(
                self.net,
                self.tokenizer,
                [prompt],
                config,
                alternatives=0,
                allow_unk=self._copies_unknown_words,
                stopped=stopped,
            )
            return iter([self._finish_reply(asked, found[0], abstain and not stopped())])
        return self._stream_growing_replies(asked, prompt, config, abstain, stopped)

    def stream(self, text: str, **options: Any) -> Iterator[str]:
        """Yield what `replies` adds to the answer, the net's own words."""
        check_single_text(
            build_generation_config(
                {name: value for name, value in options.items() if name not in ("before", "stopped")}
            )
        )
        return self._answer_deltas(self.stream_replies(text, abstain=False, **options))

    def write(self, folder: Path, *, precision: str = "float32") -> None:
        """Write the model's files into an existing folder. See `save`."""
        super().write(folder, precision=precision)
        if self.familiarity:
            self.familiarity.write(folder)

    @classmethod
    def load(cls, folder: str | Path) -> ChatModel:
        """Read a folder that `save` wrote, or the best state of a run. See `PretrainedModel.load`."""
        best = Path(folder) / "best"
        folder = best if best.is_dir() else Path(folder)
        bot = super().load(folder)
        bot.familiarity = BigramCoverage.read(folder)
        return bot

    @property
    def _copies_unknown_words(self) -> bool:
        """Whether the vocabulary writes ``<unk>``, for which a word is to be copied."""
        return self.tokenizer.on_unknown == "unk" and isinstance(self.net, Seq2Seq)

    def _build_config(self, options: dict[str, Any]) -> GenerationConfig:
        usual = {"temperature": 0, "min_tokens": 1, "no_repeat_ngram": _NO_REPEAT_NGRAM.get(self.tokenizer.unit, 4)}
        config = build_generation_config(usual | options)
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
            _EncodedQuestion(own, self.encode_history([*turns, own.ids]))
            for own, turns in zip(encodings, earlier, strict=True)
        ]

    def _stream_growing_replies(
        self,
        question: _EncodedQuestion,
        prompt: Prompt,
        config: GenerationConfig,
        abstain: bool,
        stopped: Callable[[], bool],
    ) -> Iterator[Reply]:
        steps: list[Step] = []
        for step in stream_steps(self.net, self.tokenizer, prompt, config, alternatives=0, stopped=stopped):
            steps.append(step)
            yield self._build_reply(question, "".join(step.delta for step in steps), steps)
        ended = bool(steps) and steps[-1].id == EOS_ID
        reason: FinishReason = "eos" if ended else "cancelled" if stopped() else "length"
        nats = -sum(step.surprisal for step in steps) * math.log(2)
        score = nats / length_normalization(max(1, len(steps)), config.length_penalty)
        text = "".join(step.delta for step in steps)
        yield self._finish_reply(
            question,
            [GeneratedText.from_steps(text, steps, finish_reason=reason, score=score)],
            abstain and not stopped(),
        )

    def _finish_reply(self, question: _EncodedQuestion, candidates: Sequence[GeneratedText], abstain: bool) -> Reply:
        """Return the finished reply: its words copied, its attention, and whether it is said."""
        best, ids = candidates[0], [step.id for step in candidates[0].steps]
        looked = compute_attention(self.net, question.input_ids, ids) if isinstance(self.net, Seq2Seq) and ids else None
        text = best.text
        if looked is not None and self.tokenizer.unk_id in best.ids and self._copies_unknown_words:
            text = copy_words(self.tokenizer, best.ids, looked, question.encoding)
        reply = self._build_reply(question, text, best.steps)
        doubt = reply.confidence.abstain_reason if abstain else ""
        return replace(
            reply,
            text=ABSTAIN_TEXTS.get(doubt, reply.answer),
            attention=looked,
            candidates=tuple(candidates),
            finished=True,
        )

    def _build_reply(self, question: _EncodedQuestion, text: str, steps: Sequence[Step]) -> Reply:
        surprisal = sum(step.surprisal for step in steps) / max(1, len(steps))
        familiar = self.familiarity(question.encoding.text) if self.familiarity else None
        return Reply(
            text.strip(),
            text.strip(),
            Confidence(surprisal, familiar, self.thresholds),
            question_tokens=tuple(map(self.tokenizer.token_text, question.input_ids)),
            tokens=tuple(step.text for step in steps),
            finished=False,
        )

    @staticmethod
    def _answer_deltas(replies: Iterator[Reply]) -> Iterator[str]:
        said = ""
        for reply in replies:
            if len(reply.answer) > len(said):
                yield reply.answer[len(said) :]
                said = reply.answer
