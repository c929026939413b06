"""What the chat tab asks of the rooms above: which bots there are, loaded bots, answers as plain values.

    >>> [bot.name for bot in Talk().bots()][-2:]
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

from korlm.artifacts import data_folder
from korlm.corpora.facts import corpus_facts
from korlm.tokenizers.names import UNITS
from korlm.ui.facts import read_cards
from korlm.ui.limits import unknown_bot
from korlm.ui.said import Bot, Choice, Said
from korlm.ui.shelf import Shelf

if TYPE_CHECKING:
    from korlm.bots.eliza import Eliza
    from korlm.chat.model import ChatModel
    from korlm.chat.reply import Reply

_log = logging.getLogger(__name__)

_FIRST = ("chat-kiwi-gru", "chat-syllable-gru", "chat-unigram-gru", "chat-unigram-lm")  # in this order, then others
_REPLAYED = 50  # turns that ELIZA goes through again, so that its answers take turns
_READ = 8  # turns before that a language model is given; it reads at most 128 pieces of them


class Talk:
    """The bots. Safe to share between threads and visitors.

    Args:
        folder: where the learnt ones are; the bundled models by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        cards = read_cards(folder or data_folder() / "models", UNITS, corpus_facts, kind="chat")
        order = {name: place for place, name in enumerate(_FIRST)}
        cards.sort(key=lambda card: (order.get(card.name, len(order)), card.name))
        learnt = [Bot(card.name, "net" if card.attention else "lm", card, card.lines) for card in cards]
        self._bots = {bot.name: bot for bot in (*learnt, Bot("eliza", "eliza"), Bot("retrieval", "retrieval"))}
        self._shelf = Shelf(self._ready)

    def bots(self) -> list[Bot]:
        """Return the bots: those that learnt, read from their small files alone, then ELIZA and retrieval."""
        return list(self._bots.values())

    def bot(self, name: str) -> Bot:
        """Return the bot of a name.

        Raises:
            UnknownNameError: there is none; a path is no name here.
        """
        if name not in self._bots:
            raise unknown_bot(name)
        return self._bots[name]

    def prepare(self, name: str) -> threading.Thread | None:
        """Load a bot in a thread, which is returned; None where it is loaded."""
        if name in self._shelf:
            return None
        thread = threading.Thread(target=self._quietly, args=(name,), daemon=True)
        thread.start()
        return thread

    def answers(
        self, name: str, text: str, before: Sequence[str] = (), *, careful: bool = True,
        stopped: Callable[[], bool] = lambda: False, **options: Any,
    ) -> Iterator[Said]:  # fmt: skip
        """Yield a bot's answer as it grows; the last one is finished.

        Args:
            name: from `bots`.
            text: what the person says.
            before: the turns before, the person's first, alternating.
            careful: the bot says so where it does not know.
            stopped: asked before each piece; True ends the answer.
            **options: the fields of `SamplingConfig`, for bots that learnt.

        Raises:
            InputError: nothing but blanks, an unpaired surrogate, or an option out of its range.
            KorlmError: the bot cannot be loaded.
        """
        bot = self.bot(name)
        loaded = self._shelf.get(name)
        if bot.kind == "eliza":
            yield _ruled(loaded(), text, before)
        elif bot.kind == "retrieval":
            found = loaded.nearest(text)
            yield Said(found.answer, True, own=found.answer, nearest=found.question, similarity=found.similarity)
        else:
            options["before"] = tuple(before[-_READ:]) if bot.kind == "lm" else ()  # an encoder-decoder reads none
            yield from _learnt(loaded, text, careful, stopped, options)

    def warm(self, after: threading.Thread | None = None) -> threading.Thread:
        """Load all bots in a thread, once another one has ended; return the thread."""
        thread = threading.Thread(target=self._warm, args=(after,), name="korlm-warm-chat", daemon=True)
        thread.start()
        return thread

    def _warm(self, after: threading.Thread | None) -> None:
        if after:
            after.join()
        for name in self._bots:
            self._quietly(name)

    def _ready(self, name: str) -> Any:
        bot = self.bot(name)
        if bot.kind == "eliza":
            from korlm.bots.eliza import Eliza

            Eliza().reply("안녕하세요")  # starts Kiwi, which all of them share
            return Eliza
        if bot.kind == "retrieval":
            from korlm.bots.retrieval import Retrieval
            from korlm.corpora.pairs import load_pairs

            pairs = load_pairs("dialogues").train
            self._bots[name] = Bot(name, bot.kind, pairs=len(pairs))
            return Retrieval(pairs)
        from korlm.chat.names import load_chat

        loaded = load_chat(name)
        loaded.reply("안녕하세요", max_tokens=1)  # starts the analyzer
        return loaded

    def _quietly(self, name: str) -> None:
        try:
            self._shelf.get(name)
        except Exception as error:  # the visitor who asks for it is told; a warm-up tells only the log
            _log.warning("%s is not ready: %s", name, error)


def _ruled(bot: Eliza, text: str, before: Sequence[str]) -> Said:
    """Return ELIZA's answer, after it went through the turns before once more: it keeps nothing of a visitor."""
    for turn in before[::2][-_REPLAYED:]:
        if turn.strip():
            bot.reply(turn)
    # which rule fitted is told by its own count of the answers given
    counts = Counter(bot._given)
    answer = bot.reply(text)
    rule = next(iter(Counter(bot._given) - counts), "")
    return Said(answer, True, own=answer, rule=rule)


def _learnt(
    bot: ChatModel, text: str, careful: bool, stopped: Callable[[], bool], options: dict[str, Any]
) -> Iterator[Said]:
    shown = ""
    for reply in bot.replies(text, careful=careful, stopped=stopped, **options):
        if reply.finished:
            yield _finished(reply)
        else:
            # words that it may take back are not shown as long as it doubts them
            shown = shown if careful and reply.confidence.doubt else reply.answer
            yield Said(shown)


def _finished(reply: Reply) -> Said:
    limits = reply.confidence.limits
    looked = () if reply.attention is None else tuple(map(tuple, reply.attention.tolist()))
    return Said(
        reply.text,
        True,
        own=reply.answer,
        doubt=reply.confidence.doubt,
        surprisal=reply.confidence.surprisal,
        familiarity=reply.confidence.familiarity,
        limits=(limits.surprisal, limits.familiarity) if limits else None,
        heard=reply.question_pieces,
        pieces=reply.pieces,
        attention=looked,
        choices=tuple(Choice(one.text.strip(), one.score, one.bits) for one in reply.candidates),
    )
