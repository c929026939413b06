"""The bots of the chat tab: which there are, loading them, and their answers.

    >>> [bot.name for bot in ChatService().list_bots()][:4]
    ['intents', 'eliza', 'retrieval', 'chat-kiwi-gru']

Importing this module loads neither torch nor an analyzer. Nothing that a visitor writes outlives the answer to it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from korlm.app.limits import unlisted_error
from korlm.app.model_info import ModelCard, read_model_cards
from korlm.app.pool import LazyCache
from korlm.storage.artifacts import data_folder
from korlm.text.normalization import normalize_message

if TYPE_CHECKING:
    from korlm.chat.baselines.eliza import ElizaBot
    from korlm.chat.model import ChatModel
    from korlm.chat.reply import Reply

_DISPLAY_ORDER = ("chat-kiwi-gru", "chat-syllable-gru", "chat-unigram-gru")  # of encoder-decoders; then all others
_MAX_REPLAYED_TURNS = 50  # earlier turns that ELIZA answers again, so that its answers take turns


@dataclass(frozen=True)
class BotInfo:
    """A bot that can be chosen."""

    name: str  # its name
    kind: str  # ``net`` (encoder-decoder), or its name
    card: ModelCard | None = None  # the model card of a trained bot
    pairs: int = 0  # number of question-answer pairs that it was trained on or searches; 0 if unknown

    @property
    def is_trained(self) -> bool:
        """Whether the bot is an encoder-decoder, which streams its answer and has generation options."""
        return self.kind == "net"


class ChatService:
    """The bots. Safe to share between threads and visitors.

    Args:
        folder: folder of the trained bots; by default that of the bundled models.
        loaded: further encoder-decoder bots, by name.
    """

    def __init__(self, folder: Path | None = None, *, loaded: Mapping[str, ChatModel] | None = None) -> None:
        cards = read_model_cards(folder or data_folder() / "models", kind="chat")
        order = {name: index for index, name in enumerate(_DISPLAY_ORDER)}
        cards.sort(key=lambda card: (order.get(card.name, len(order)), card.name))
        # without language models: the bundled one repeats itself (docs/results/chat.md)
        trained = [BotInfo(card.name, "net", card, card.lines) for card in cards if card.is_encoder_decoder]
        trained += [BotInfo(name, "net") for name in loaded or ()]
        bots = [
            BotInfo("intents", "intents"),  # the best one, on which the tab opens; then the history of the field:
            BotInfo("eliza", "eliza"),
            BotInfo("retrieval", "retrieval"),
            *trained,
            BotInfo("refine", "refine"),
        ]
        self._bots = {bot.name: bot for bot in bots}
        self._loaded_bots: LazyCache[Any] = LazyCache(self._load_bot, loaded)

    def list_bots(self) -> list[BotInfo]:
        """Return the bots: the best one, then those of the field's history. Trained ones are not loaded for it."""
        return list(self._bots.values())

    def get_bot(self, name: str) -> BotInfo:
        """Return the bot of a name.

        Raises:
            UnknownNameError: there is none. A path is not a name here.
        """
        if name not in self._bots:
            raise unlisted_error("bot", name)
        return self._bots[name]

    def is_loaded(self, name: str) -> bool:
        """Return whether a bot can answer at once."""
        return name in self._loaded_bots

    def load_in_background(self, name: str) -> threading.Thread | None:
        """Load a bot in a thread and return the thread; None if the bot is loaded."""
        return self._loaded_bots.load_in_background(name)

    def start_warm_up(self, after: threading.Thread | None = None) -> threading.Thread | None:
        """Load all bots in a thread, once another thread has ended; return the thread."""
        return self._loaded_bots.load_in_background(*self._bots, after=after)

    def stream_answers(
        self, name: str, text: str, history: Sequence[str] = (), *, abstain: bool = True,
        stopped: Callable[[], bool] = lambda: False, **options: Any,
    ) -> Iterator[Reply]:  # fmt: skip
        """Yield a bot's answer as it grows, ``text`` being what to show; the last one is finished.

        Args:
            name: from `list_bots`.
            text: the visitor's message.
            history: the earlier turns, alternating, the visitor's first.
            abstain: let the bot say that it does not know.
            stopped: called before each token; True ends the answer.
            **options: the fields of `GenerationConfig`, for trained bots.

        Raises:
            InputError: a blank text, an unpaired surrogate, or an option out of its range.
            KorlmError: the bot cannot be loaded.
        """
        bot = self.get_bot(name)
        loaded = self._loaded_bots.get(name)
        if bot.kind == "eliza":
            yield _eliza_answer(loaded(), text, history)
        elif bot.is_trained:
            yield from _stream_model_answers(loaded, text, abstain, stopped, options)
        else:
            yield loaded.reply(text, history=history, abstain=abstain)

    def _load_bot(self, name: str) -> Any:
        bot = self.get_bot(name)
        if bot.kind == "eliza":
            from korlm.chat.baselines.eliza import ElizaBot

            ElizaBot().reply("안녕하세요")  # starts Kiwi, which all instances share
            return ElizaBot
        if bot.kind == "retrieval":
            from korlm.chat.baselines.retrieval import RetrievalBot
            from korlm.corpora.dialogues import load_pairs

            pairs = load_pairs("dialogues").train
            self._bots[name] = replace(bot, pairs=len(pairs))
            return RetrievalBot(pairs)
        from korlm.chat.registry import load_chat

        loaded: Any = load_chat(name)
        if bot.is_trained:
            loaded.reply("안녕하세요", max_tokens=1)  # starts the analyzer
        else:
            self._bots[name] = replace(bot, pairs=len(loaded.index))
            loaded.reply("안녕하세요")  # starts Kiwi
        return loaded


def _eliza_answer(bot: ElizaBot, text: str, history: Sequence[str]) -> Reply:
    """Return ELIZA's answer after it has answered the earlier turns again: it remembers nothing of a visitor."""
    for turn in history[::2][-_MAX_REPLAYED_TURNS:]:
        if normalize_message(turn):
            bot.reply(turn)
    return bot.reply(text)


def _stream_model_answers(
    bot: ChatModel, text: str, abstain: bool, stopped: Callable[[], bool], options: dict[str, Any]
) -> Iterator[Reply]:
    shown = ""  # an encoder-decoder does not read earlier turns
    for reply in bot.stream_replies(text, abstain=abstain, stopped=stopped, **options):
        if reply.finished:
            yield reply
        else:
            if not (abstain and reply.abstain_reason):  # doubtful words may be withheld in the end
                shown = reply.answer
            yield replace(reply, text=shown)
