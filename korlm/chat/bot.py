"""`ChatBot`: what all bots share. A safety guard sees every message before the bot does.

>>> from korlm.chat.registry import load_chat
>>> bot = load_chat("eliza")
>>> bot.reply("여행을 가고 싶어요.").text
'여행을 가고 싶은 까닭이 뭐예요?'
>>> bot.reply("죽고 싶어요.").abstain_reason
'crisis'
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from korlm._deprecation import deprecated_keywords
from korlm.chat.reply import Reply
from korlm.chat.safety.guard import find_safety_card
from korlm.corpora.dialogues import check_question
from korlm.errors import InputError
from korlm.text.normalization import normalize_message
from korlm.text.spans import check_list

_renamed_keywords = deprecated_keywords(before="history", careful="abstain")


class ChatBot(ABC):
    """A bot that answers messages. Subclasses implement `answer_all`, and `stream_answer` if they can stream."""

    @abstractmethod
    def answer_all(
        self, texts: Sequence[str], *, history: Sequence[Sequence[str]], abstain: bool = True, **options: Any
    ) -> list[Reply]:
        """Answer several messages without the safety guard; for measuring a bot. See `reply_all`."""

    def stream_answer(
        self, text: str, *, history: Sequence[str] = (), abstain: bool = True,
        stopped: Callable[[], bool] = lambda: False, **options: Any,
    ) -> Iterator[Reply]:  # fmt: skip
        """Yield the answer as it grows, without the safety guard. See `stream_replies`."""
        return iter(self.answer_all([text], history=[history], abstain=abstain, **options))

    @_renamed_keywords
    def reply(self, text: str, *, history: Sequence[str] = (), abstain: bool = True, **options: Any) -> Reply:
        """Answer a message.

        Args:
            text: the user's message, of any length; the part beyond a model's maximum length is not read. It is normalized
                as the training data are (`korlm.text.normalization.normalize_message`).
            history: the earlier turns, the user's first; an encoder-decoder does not read them.
            abstain: say that the bot does not know where its confidence is low; False always gives its answer. The safety
                guard answers crisis messages in both cases.
            **options: of a trained bot, the fields of `GenerationConfig`; the default is greedy, without repeated n-grams.
                With ``beams``, ``n`` candidates are kept.

        Raises:
            InputError: an option out of its range, an unpaired surrogate, or a text in which nothing can be seen.

        Example:
            >>> from korlm.chat.registry import load_chat
            >>> reply = load_chat("chat-syllable-gru").reply("안녕하세요?", max_tokens=9)
            >>> reply.attention.shape == (len(reply.tokens), len(reply.question_tokens))
            True
        """
        return self.reply_all([text], history=[history], abstain=abstain, **options)[0]

    @_renamed_keywords
    def reply_all(
        self, texts: Sequence[str], *, history: Sequence[Sequence[str]] | None = None, abstain: bool = True,
        **options: Any,
    ) -> list[Reply]:  # fmt: skip
        """Answer several messages in a batch, each on its own. See `reply`.

        Args:
            texts: the messages.
            history: the earlier turns of each message; by default none.
            abstain: see `reply`.
            **options: see `reply`.

        Raises:
            InputError: as `reply`; or another number of histories than messages.
        """
        check_list(texts, "text")
        histories = [()] * len(texts) if history is None else list(map(_normalize_history, history))
        if len(histories) != len(texts):
            raise InputError(
                f"말은 {len(texts)}개인데 앞말(history)은 {len(histories)}개입니다. 말마다 하나씩 주세요.",
                f"There are {len(texts)} messages, but {len(histories)} histories. Give one for each message.",
            )
        messages = list(map(_normalize_question, texts))
        cards = list(map(find_safety_card, texts))  # not the messages: line ends separate sentences for the guard
        harmless = [index for index, card in enumerate(cards) if card is None]
        answers = iter(
            self.answer_all(
                [messages[index] for index in harmless], history=[histories[index] for index in harmless],
                abstain=abstain, **options,
            )
        )  # fmt: skip
        return [next(answers) if card is None else Reply.from_safety_card(card) for card in cards]

    @_renamed_keywords
    def stream_replies(
        self, text: str, *, history: Sequence[str] = (), abstain: bool = True,
        stopped: Callable[[], bool] = lambda: False, **options: Any,
    ) -> Iterator[Reply]:  # fmt: skip
        """Yield the answer as it grows, never half a syllable; the last one is finished. See `reply`.

        With a beam search, several candidates or words to copy, and by bots that do not generate, only the finished answer
        is yielded. ``stopped`` is called before each token; True ends the answer, which is then given as it is.
        """
        message, turns = _normalize_question(text), _normalize_history(history)
        if card := find_safety_card(text):
            return iter([Reply.from_safety_card(card)])
        return self.stream_answer(message, history=turns, abstain=abstain, stopped=stopped, **options)


def _normalize_question(text: str) -> str:
    message = normalize_message(text)
    check_question(message)
    return message


def _normalize_history(history: Sequence[str]) -> tuple[str, ...]:
    check_list(history, "turn")
    return tuple(map(normalize_message, history))


def reject_generation_options(bot: str, options: Mapping[str, Any]) -> None:
    """Raise an `InputError` if a bot that does not generate is given generation options."""
    if options:
        raise InputError(
            f"{bot}에는 정할 수 있는 것이 없는데 {', '.join(options)}을(를) 받았습니다. 옵션 없이 부르세요.",
            f"{bot} has no options, but was given {', '.join(options)}. Call it without options.",
        )
