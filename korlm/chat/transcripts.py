"""Bots side by side, read rather than measured: each answers the same questions, and nothing is chosen or edited.

>>> page = ask_bots(["안녕하세요?"], ["eliza"])
>>> page.answers[0].bot, len(page.answers[0].texts)
('eliza', 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from korlm.chat.evaluation import DECODINGS, ELIZA, RETRIEVAL, baseline_bot, check_bots_and_decodings
from korlm.chat.registry import load_chat
from korlm.corpora.dialogues import DialoguePair
from korlm.i18n import localize


@dataclass(frozen=True)
class BotAnswers:
    """What a bot says.

    Attributes:
        bot: its name.
        decoding: a name of `korlm.chat.evaluation.DECODINGS`; empty for bots that do not decode.
        texts: its own words, one a question.
        doubts: where it would not have said them: ``question``, ``answer`` (see `korlm.chat.confidence`), or empty.
    """

    bot: str
    decoding: str
    texts: list[str]
    doubts: list[str]


@dataclass(frozen=True)
class Transcript:
    """Questions and what bots answer. Prints as Markdown; `to_dict` gives JSON.

    Attributes:
        questions: what was asked.
        answers: of each bot and decoding.
    """

    questions: list[str]
    answers: list[BotAnswers]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"questions": self.questions, "answers": [vars(one) for one in self.answers]}

    def __str__(self) -> str:
        lines = []
        for number, question in enumerate(self.questions):
            lines.append(f"{number + 1}. **{question}**")
            for one in self.answers:
                name = f"`{one.bot}`" + (f" {one.decoding}" if one.decoding else "")
                doubt = one.doubts[number] and localize(" *(모른다고 함)*", " *(says that it does not know)*")
                lines.append(f"    - {name}: {one.texts[number]}{doubt}")
        return "\n".join(lines)


def ask_bots(
    questions: Sequence[str],
    names: Sequence[str],
    *,
    training_pairs: Sequence[DialoguePair] = (),
    decodings: Sequence[str] = ("greedy",),
    progress: Callable[[str], None] = lambda name: None,
) -> Transcript:
    """Ask bots the same questions, each by itself.

    Args:
        questions: at least a letter each.
        names: what `korlm.load_chat` takes, ``eliza`` and ``retrieval``.
        training_pairs: the pairs that ``retrieval`` looks in.
        decodings: names of `korlm.chat.evaluation.DECODINGS`.
        progress: called with what is about to be asked.

    Raises:
        InputError: no bot, an unknown decoding, or an empty question.
        KorlmError: a bot cannot be loaded.
    """
    check_bots_and_decodings(names, decodings)
    found = []
    for name in names:
        if name in (ELIZA, RETRIEVAL):
            progress(name)
            answer = baseline_bot(name, training_pairs)
            found.append(BotAnswers(name, "", [answer(one) for one in questions], [""] * len(questions)))
            continue
        bot = load_chat(name)
        for decoding in decodings:
            progress(f"{name} {decoding}")
            replies = bot.reply_all(questions, **DECODINGS[decoding])
            texts, doubts = [one.answer for one in replies], [one.confidence.abstain_reason for one in replies]
            found.append(BotAnswers(name, decoding, texts, doubts))
    return Transcript(list(questions), found)
