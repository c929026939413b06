"""What the chat tab asks of the rooms above: which bots there are, loaded bots, answers as plain values.

    >>> [bot.name for bot in ChatService().list_bots()][-2:]
    ['eliza', 'retrieval']

Importing this loads neither torch nor an analyzer. Nothing that a visitor says outlives the answer to it.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from korlm.app.limits import unlisted_bot_error
from korlm.app.model_info import read_model_cards
from korlm.app.pool import LazyCache
from korlm.app.view_models import BotInfo, BotReply, CandidateAnswer
from korlm.corpora.dataset_info import get_dataset_info
from korlm.storage.artifacts import data_folder
from korlm.tokenizers.catalog import TOKENIZER_UNITS

if TYPE_CHECKING:
    from korlm.chat.baselines.eliza import ElizaBot
    from korlm.chat.model import ChatModel
    from korlm.chat.reply import Reply

_log = logging.getLogger(__name__)

_DISPLAY_ORDER = (
    "chat-kiwi-gru",
    "chat-syllable-gru",
    "chat-unigram-gru",
    "chat-unigram-lm",
)  # in this order, then others
_MAX_REPLAYED_TURNS = 50  # turns that ELIZA goes through again, so that its answers take turns
_MAX_HISTORY_TURNS = 8  # turns before that a language model is given; it reads at most 128 pieces of them


class ChatService:
    """The bots. Safe to share between threads and visitors.

    Args:
        folder: where the learnt ones are; the bundled models by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        cards = read_model_cards(folder or data_folder() / "models", TOKENIZER_UNITS, get_dataset_info, kind="chat")
        order = {name: place for place, name in enumerate(_DISPLAY_ORDER)}
        cards.sort(key=lambda card: (order.get(card.name, len(order)), card.name))
        learnt = [BotInfo(card.name, "net" if card.is_encoder_decoder else "lm", card, card.lines) for card in cards]
        self._bots = {bot.name: bot for bot in (*learnt, BotInfo("eliza", "eliza"), BotInfo("retrieval", "retrieval"))}
        self._loaded_bots = LazyCache(self._load_bot)

    def list_bots(self) -> list[BotInfo]:
        """Return the bots: those that learnt, read from their small files alone, then ELIZA and retrieval."""
        return list(self._bots.values())

    def get_bot(self, name: str) -> BotInfo:
        """Return the bot of a name.

        Raises:
            UnknownNameError: there is none; a path is no name here.
        """
        if name not in self._bots:
            raise unlisted_bot_error(name)
        return self._bots[name]

    def load_in_background(self, name: str) -> threading.Thread | None:
        """Load a bot in a thread, which is returned; None where it is loaded."""
        if name in self._loaded_bots:
            return None
        thread = threading.Thread(target=self._load_or_log, args=(name,), daemon=True)
        thread.start()
        return thread

    def stream_answers(
        self, name: str, text: str, history: Sequence[str] = (), *, abstain: bool = True,
        stopped: Callable[[], bool] = lambda: False, **options: Any,
    ) -> Iterator[BotReply]:  # fmt: skip
        """Yield a bot's answer as it grows; the last one is finished.

        Args:
            name: from `bots`.
            text: what the person says.
            history: the turns before, the person's first, alternating.
            abstain: the bot says so where it does not know.
            stopped: asked before each piece; True ends the answer.
            **options: the fields of `SamplingConfig`, for bots that learnt.

        Raises:
            InputError: nothing but blanks, an unpaired surrogate, or an option out of its range.
            KorlmError: the bot cannot be loaded.
        """
        bot = self.get_bot(name)
        loaded = self._loaded_bots.get(name)
        if bot.kind == "eliza":
            yield _eliza_reply(loaded(), text, history)
        elif bot.kind == "retrieval":
            found = loaded.nearest(text)
            yield BotReply(found.answer, True, answer=found.answer, nearest=found.question, similarity=found.similarity)
        else:
            options["before"] = (
                tuple(history[-_MAX_HISTORY_TURNS:]) if bot.kind == "lm" else ()
            )  # an encoder-decoder reads none
            yield from _stream_model_replies(loaded, text, abstain, stopped, options)

    def start_warm_up(self, after: threading.Thread | None = None) -> threading.Thread:
        """Load all bots in a thread, once another one has ended; return the thread."""
        thread = threading.Thread(target=self._warm_up, args=(after,), name="korlm-warm-chat", daemon=True)
        thread.start()
        return thread

    def _warm_up(self, after: threading.Thread | None) -> None:
        if after:
            after.join()
        for name in self._bots:
            self._load_or_log(name)

    def _load_bot(self, name: str) -> Any:
        bot = self.get_bot(name)
        if bot.kind == "eliza":
            from korlm.chat.baselines.eliza import ElizaBot

            ElizaBot().reply("안녕하세요")  # starts Kiwi, which all of them share
            return ElizaBot
        if bot.kind == "retrieval":
            from korlm.chat.baselines.retrieval import RetrievalBot
            from korlm.corpora.dialogues import load_pairs

            pairs = load_pairs("dialogues").train
            self._bots[name] = BotInfo(name, bot.kind, pairs=len(pairs))
            return RetrievalBot(pairs)
        from korlm.chat.registry import load_chat

        loaded = load_chat(name)
        loaded.reply("안녕하세요", max_tokens=1)  # starts the analyzer
        return loaded

    def _load_or_log(self, name: str) -> None:
        try:
            self._loaded_bots.get(name)
        except Exception as error:  # the visitor who asks for it is told; a warm-up tells only the log
            _log.warning("%s is not ready: %s", name, error)


def _eliza_reply(bot: ElizaBot, text: str, history: Sequence[str]) -> BotReply:
    """Return ELIZA's answer, after it went through the turns before once more: it keeps nothing of a visitor."""
    for turn in history[::2][-_MAX_REPLAYED_TURNS:]:
        if turn.strip():
            bot.reply(turn)
    # which rule fitted is told by its own count of the answers given
    counts = Counter(bot.rule_counts)
    answer = bot.reply(text)
    rule = next(iter(Counter(bot.rule_counts) - counts), "")
    return BotReply(answer, True, answer=answer, rule=rule)


def _stream_model_replies(
    bot: ChatModel, text: str, abstain: bool, stopped: Callable[[], bool], options: dict[str, Any]
) -> Iterator[BotReply]:
    shown = ""
    for reply in bot.stream_replies(text, abstain=abstain, stopped=stopped, **options):
        if reply.finished:
            yield _final_reply(reply)
        else:
            # words that it may take back are not shown as long as it doubts them
            shown = shown if abstain and reply.confidence.abstain_reason else reply.answer
            yield BotReply(shown)


def _final_reply(reply: Reply) -> BotReply:
    limits = reply.confidence.limits
    looked = () if reply.attention is None else tuple(map(tuple, reply.attention.tolist()))
    return BotReply(
        reply.text,
        True,
        answer=reply.answer,
        abstain_reason=reply.confidence.abstain_reason,
        surprisal=reply.confidence.surprisal,
        familiarity=reply.confidence.familiarity,
        thresholds=(limits.surprisal, limits.familiarity) if limits else None,
        question_tokens=reply.question_tokens,
        answer_tokens=reply.tokens,
        attention=looked,
        candidates=tuple(CandidateAnswer(one.text.strip(), one.score, one.bits) for one in reply.candidates),
    )
