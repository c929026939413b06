"""Bots against each other: each bot and decoding answers the same test questions, and stands in one table.

>>> from korlm.corpora.pairs import load_pairs
>>> pairs = load_pairs("dialogues")
>>> [row] = compare_bots(pairs, ["retrieval"], limit=20, resamples=20).rows
>>> row.bot, row.bits is None
('retrieval', True)
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from korlm.bots.eliza import Eliza
from korlm.bots.retrieval import Retrieval
from korlm.chat.evaluation import RESAMPLES, Figure, measure, signature
from korlm.chat.model import ChatModel
from korlm.chat.names import load_chat
from korlm.corpora.pairs import Pair, PairCorpus
from korlm.errors import InputError
from korlm.language import pick

DECODINGS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam": {"beams": 5},
    "sampling": {"temperature": 0.8, "top_p": 0.9, "seed": 7},
}
RULES, SEARCH = "eliza", "retrieval"
FIGURES = ("bleu", "chrf", "distinct_1", "distinct_2", "length", "dull", "copied")


@dataclass(frozen=True)
class Row:
    """A bot under one decoding.

    Attributes:
        bot: its name.
        decoding: a name of `DECODINGS`; empty for bots that do not decode.
        tokenizer: of a learnt bot.
        parameters: of a learnt bot.
        bits: bits per character of the reference answers given their questions; None where the bot has no model.
        refused: share of the questions that it says it does not know; None where it never does.
        astray: the same of questions with their syllables shuffled, which it should not know.
        figures: of `korlm.chat.evaluation.measure`, over its own words, also where they would be refused.
    """

    bot: str
    decoding: str
    tokenizer: str
    parameters: int
    bits: float | None
    refused: float | None
    astray: float | None
    figures: dict[str, Figure]


@dataclass(frozen=True)
class BotComparison:
    """A table of bots. Prints as text; `to_dict` gives JSON.

    Attributes:
        name: of the pairs.
        questions: how many.
        signature: what the figures were made with.
        rows: the bots.
    """

    name: str
    questions: int
    signature: str
    rows: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: each figure as ``[value, low, high]``."""
        rows = [{**vars(row), "figures": {name: list(one) for name, one in row.figures.items()}} for row in self.rows]
        return {"pairs": self.name, "questions": self.questions, "signature": self.signature, "rows": rows}

    def __str__(self) -> str:
        head = [pick("봇", "bot"), pick("디코딩", "decoding"), *(_LABELS[name]() for name in FIGURES)]
        head += [pick("비트/글자", "bits/char"), pick("모른다", "refused"), pick("뒤섞은 것", "shuffled")]
        lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2), *map(_cells, self.rows)]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"{table}\n\n{self.signature}"


def compare_bots(
    pairs: PairCorpus,
    names: Sequence[str],
    *,
    decodings: Sequence[str] = tuple(DECODINGS),
    limit: int | None = None,
    resamples: int = RESAMPLES,
    progress: Callable[[str], None] = lambda name: None,
) -> BotComparison:
    """Have bots answer the test questions of pairs, and measure the answers.

    Args:
        pairs: the corpus that the bots learnt from; its test questions are asked, its training pairs are what
            ``retrieval`` looks in and what counts as copied.
        names: what `korlm.load_chat` takes, ``eliza`` and ``retrieval``.
        decodings: names of `DECODINGS`.
        limit: at most so many questions.
        resamples: bootstrap draws.
        progress: called with what is about to be asked.

    Raises:
        InputError: no bot, or an unknown decoding.
        KorlmError: a bot cannot be loaded.
    """
    check_round(names, decodings)
    asked = pairs.test[:limit]
    rows = []
    for name in names:
        if name in (RULES, SEARCH):
            progress(name)
            answer = unlearnt(name, pairs.train)
            answers = [answer(pair.question) for pair in asked]
            rows.append(
                Row(name, "", "", 0, None, None, None, measure(answers, asked, pairs.train, resamples=resamples))
            )
            continue
        bot = load_chat(name)
        for decoding in decodings:
            progress(f"{name} {decoding}")
            rows.append(_learnt(name, bot, decoding, pairs, asked, resamples))
    return BotComparison(pairs.name, len(asked), signature(len(asked), resamples), rows)


def check_round(names: Sequence[str], decodings: Sequence[str]) -> None:
    """Raise an `InputError` where there are no bots, or a decoding is none of `DECODINGS`."""
    if not names:
        raise InputError("봇이 없습니다. 하나 이상 고르세요.", "There are no bots. Choose one at least.")
    if strange := set(decodings) - set(DECODINGS):
        raise InputError(
            f"'{min(strange)}'이라는 디코딩은 없습니다. {', '.join(DECODINGS)} 가운데 고르세요.",
            f"There is no decoding '{min(strange)}'. Choose from {', '.join(DECODINGS)}.",
        )


def unlearnt(name: str, known: Sequence[Pair]) -> Callable[[str], str]:
    """Return what answers as a bot that is no net: ``eliza``, or ``retrieval`` in known pairs."""
    if name == SEARCH:
        search = Retrieval(known)
        return lambda question: search.nearest(question).answer
    return Eliza().reply


def _learnt(name: str, bot: ChatModel, decoding: str, pairs: PairCorpus, asked: Sequence[Pair], resamples: int) -> Row:
    options = DECODINGS[decoding]
    questions, before = [pair.question for pair in asked], [pair.before for pair in asked]
    replies = bot.reply_all(questions, before=before, careful=False, **options)
    shuffled = bot.reply_all([_shuffled(question) for question in questions], before=before, careful=False, **options)
    doubted = [[bool(reply.confidence.doubt) for reply in some] for some in (replies, shuffled)]
    refused, astray = (sum(some) / len(some) if bot.limits else None for some in doubted)
    return Row(
        name, decoding, bot.tokenizer.name, bot.parameters, bot.score(asked).bits_per_character, refused, astray,
        measure([reply.answer for reply in replies], asked, pairs.train, resamples=resamples),
    )  # fmt: skip


def _shuffled(text: str) -> str:
    letters = list(text)
    random.Random(text).shuffle(letters)
    return "".join(letters).strip() or text


_LABELS = {
    "bleu": lambda: "BLEU",
    "chrf": lambda: "chrF",
    "distinct_1": lambda: "distinct-1",
    "distinct_2": lambda: "distinct-2",
    "length": lambda: pick("길이", "length"),
    "dull": lambda: pick("흔한 답", "dull"),
    "copied": lambda: pick("배운 그대로", "copied"),
}


def _cells(row: Row) -> list[str]:
    cells = [row.bot, row.decoding or "–"]
    for name in FIGURES:
        figure = row.figures[name]
        half = (figure.high - figure.low) / 2
        if name in ("dull", "copied"):
            cells.append(f"{figure.value:.1%} ± {100 * half:.1f}")
        else:
            cells.append(
                f"{figure.value:.3f} ± {half:.3f}" if name[-1].isdigit() else f"{figure.value:.1f} ± {half:.1f}"
            )
    cells.append("–" if row.bits is None else f"{row.bits:.3f}")
    return [*cells, *("–" if share is None else f"{share:.1%}" for share in (row.refused, row.astray))]
