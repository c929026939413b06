"""Transcripts: the unedited answers of several bots to the same questions.

>>> page = ask_bots(["안녕하세요?"], ["eliza"])
>>> page.answers[0].bot, len(page.answers[0].texts)
('eliza', 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from korlm.chat.evaluation import DECODINGS, check_bots_and_decodings
from korlm.chat.model import ChatModel
from korlm.chat.registry import load_bot
from korlm.chat.reply import Reply
from korlm.corpora.dialogues import DialoguePair
from korlm.i18n import localize


@dataclass(frozen=True)
class BotAnswers:
    """The answers of a bot."""

    bot: str  # the bot's name
    decoding: str  # a name of `korlm.chat.evaluation.DECODINGS`; empty for baselines
    texts: list[str]  # the answers, also where the bot would abstain; one per question
    doubts: list[str]  # the reasons to abstain (see `Reply.abstain_reason`), or empty
    shown: list[str]  # what a user sees: the answers, or that the bot does not know


@dataclass(frozen=True)
class Transcript:
    """Questions and the bots' answers. Prints as Markdown; `to_dict` gives JSON.

    Attributes:
        questions: the questions.
        answers: the answers of each bot and decoding.
    """

    questions: list[str]
    answers: list[BotAnswers]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {"questions": self.questions, "answers": [vars(answers) for answers in self.answers]}

    def __str__(self) -> str:
        lines = []
        for index, question in enumerate(self.questions):
            lines.append(f"{index + 1}. **{question}**")
            for answers in self.answers:
                name = f"`{answers.bot}`" + (f" {answers.decoding}" if answers.decoding else "")
                note = answers.doubts[index] and localize(" *(모른다고 함)*", " *(says that it does not know)*")
                lines.append(f"    - {name}: {answers.texts[index]}{note}")
        return "\n".join(lines)


def ask_bots(
    questions: Sequence[str],
    names: Sequence[str],
    *,
    training_pairs: Sequence[DialoguePair] = (),
    decodings: Sequence[str] = ("greedy",),
    progress: Callable[[str], None] = lambda name: None,
) -> Transcript:
    """Ask bots the same questions, each on its own.

    Args:
        questions: none of them blank.
        names: what `korlm.load_chat` takes.
        training_pairs: the pairs that ``retrieval`` searches.
        decodings: names of `korlm.chat.evaluation.DECODINGS`.
        progress: called with the name and decoding of the next bot.

    Raises:
        InputError: no bot, an unknown decoding, or an empty question.
        KorlmError: a bot cannot be loaded.
    """
    check_bots_and_decodings(names, decodings)
    results = []
    for name in names:
        bot = load_bot(name, training_pairs)
        if not isinstance(bot, ChatModel):
            progress(name)
            results.append(_collect_answers(name, "", bot.reply_all(questions)))
            continue
        for decoding in decodings:
            progress(f"{name} {decoding}")
            results.append(_collect_answers(name, decoding, bot.reply_all(questions, **DECODINGS[decoding])))
    return Transcript(list(questions), results)


def _collect_answers(name: str, decoding: str, replies: Sequence[Reply]) -> BotAnswers:
    texts, doubts = [reply.answer for reply in replies], [reply.abstain_reason for reply in replies]
    return BotAnswers(name, decoding, texts, doubts, [reply.text for reply in replies])
