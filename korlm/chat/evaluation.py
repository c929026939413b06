"""Bots against each other: each bot and decoding answers the same test questions, and stands in one table.

>>> from korlm.corpora.dialogues import load_pairs
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

from korlm.chat.baselines.eliza import ElizaBot
from korlm.chat.baselines.retrieval import RetrievalBot
from korlm.chat.metrics import DEFAULT_RESAMPLES, evaluate_answers, metrics_signature
from korlm.chat.model import ChatModel
from korlm.chat.registry import load_chat
from korlm.corpora.dialogues import DialoguePair, PairCorpus
from korlm.errors import InputError
from korlm.i18n import localize
from korlm.reporting.statistics import MetricEstimate

DECODINGS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam": {"beams": 5},
    "sampling": {"temperature": 0.8, "top_p": 0.9, "seed": 7},
}
ELIZA, RETRIEVAL = "eliza", "retrieval"
METRICS = ("bleu", "chrf", "distinct_1", "distinct_2", "length", "dull", "copied")


@dataclass(frozen=True)
class BotResult:
    """A bot under one decoding.

    Attributes:
        bot: its name.
        decoding: a name of `DECODINGS`; empty for bots that do not decode.
        tokenizer: of a learnt bot.
        parameters: of a learnt bot.
        bits: bits per character of the reference answers given their questions; None where the bot has no model.
        refused: share of the questions that it says it does not know; None where it never does.
        astray: the same of questions with their syllables shuffled, which it should not know.
        figures: of `korlm.chat.metrics.measure`, over its own words, also where they would be refused.
    """

    bot: str
    decoding: str
    tokenizer: str
    parameters: int
    bits: float | None
    refused: float | None
    astray: float | None
    figures: dict[str, MetricEstimate]


@dataclass(frozen=True)
class BotComparison:
    """A table of bots. Prints as text; `to_dict` gives JSON.

    Attributes:
        name: of the pairs.
        num_questions: how many.
        signature: what the figures were made with.
        rows: the bots.
    """

    name: str
    num_questions: int
    signature: str
    rows: list[BotResult]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: each figure as ``[value, low, high]``."""
        rows = [{**vars(row), "figures": {name: list(one) for name, one in row.figures.items()}} for row in self.rows]
        return {"pairs": self.name, "questions": self.num_questions, "signature": self.signature, "rows": rows}

    def __str__(self) -> str:
        head = [localize("봇", "bot"), localize("디코딩", "decoding"), *(_METRIC_LABELS[name]() for name in METRICS)]
        head += [localize("비트/글자", "bits/char"), localize("모른다", "refused"), localize("뒤섞은 것", "shuffled")]
        lines = [head, ["---"] * 2 + ["---:"] * (len(head) - 2), *map(_format_result, self.rows)]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return f"{table}\n\n{self.signature}"


def compare_bots(
    pairs: PairCorpus,
    names: Sequence[str],
    *,
    decodings: Sequence[str] = tuple(DECODINGS),
    limit: int | None = None,
    resamples: int = DEFAULT_RESAMPLES,
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
    check_bots_and_decodings(names, decodings)
    asked = pairs.test[:limit]
    rows = []
    for name in names:
        if name in (ELIZA, RETRIEVAL):
            progress(name)
            answer = baseline_bot(name, pairs.train)
            answers = [answer(pair.question) for pair in asked]
            rows.append(
                BotResult(
                    name,
                    "",
                    "",
                    0,
                    None,
                    None,
                    None,
                    evaluate_answers(answers, asked, pairs.train, resamples=resamples),
                )
            )
            continue
        bot = load_chat(name)
        for decoding in decodings:
            progress(f"{name} {decoding}")
            rows.append(_evaluate_bot(name, bot, decoding, pairs, asked, resamples))
    return BotComparison(pairs.name, len(asked), metrics_signature(len(asked), resamples), rows)


def check_bots_and_decodings(names: Sequence[str], decodings: Sequence[str]) -> None:
    """Raise an `InputError` where there are no bots, or a decoding is none of `DECODINGS`."""
    if not names:
        raise InputError("봇이 없습니다. 하나 이상 고르세요.", "There are no bots. Choose one at least.")
    if strange := set(decodings) - set(DECODINGS):
        raise InputError(
            f"'{min(strange)}'이라는 디코딩은 없습니다. {', '.join(DECODINGS)} 가운데 고르세요.",
            f"There is no decoding '{min(strange)}'. Choose from {', '.join(DECODINGS)}.",
        )


def baseline_bot(name: str, training_pairs: Sequence[DialoguePair]) -> Callable[[str], str]:
    """Return what answers as a bot that is no net: ``eliza``, or ``retrieval`` in known pairs."""
    if name == RETRIEVAL:
        search = RetrievalBot(training_pairs)
        return lambda question: search.find_nearest(question).answer
    return ElizaBot().reply


def _evaluate_bot(
    name: str, bot: ChatModel, decoding: str, pairs: PairCorpus, test_pairs: Sequence[DialoguePair], resamples: int
) -> BotResult:
    options = DECODINGS[decoding]
    questions, before = [pair.question for pair in test_pairs], [pair.history for pair in test_pairs]
    replies = bot.reply_all(questions, history=before, abstain=False, **options)
    shuffled = bot.reply_all(
        [_shuffle_syllables(question) for question in questions], history=before, abstain=False, **options
    )
    doubted = [[bool(reply.confidence.abstain_reason) for reply in some] for some in (replies, shuffled)]
    refused, astray = (sum(some) / len(some) if bot.thresholds else None for some in doubted)
    return BotResult(
        name, decoding, bot.tokenizer.name, bot.parameters, bot.score(test_pairs).bits_per_character, refused, astray,
        evaluate_answers([reply.answer for reply in replies], test_pairs, pairs.train, resamples=resamples),
    )  # fmt: skip


def _shuffle_syllables(text: str) -> str:
    letters = list(text)
    random.Random(text).shuffle(letters)
    return "".join(letters).strip() or text


_METRIC_LABELS = {
    "bleu": lambda: "BLEU",
    "chrf": lambda: "chrF",
    "distinct_1": lambda: "distinct-1",
    "distinct_2": lambda: "distinct-2",
    "length": lambda: localize("길이", "length"),
    "dull": lambda: localize("흔한 답", "dull"),
    "copied": lambda: localize("배운 그대로", "copied"),
}


def _format_result(row: BotResult) -> list[str]:
    cells = [row.bot, row.decoding or "–"]
    for name in METRICS:
        figure = row.figures[name]
        half = figure.margin or 0.0
        if name in ("dull", "copied"):
            cells.append(f"{figure.value:.1%} ± {100 * half:.1f}")
        else:
            cells.append(
                f"{figure.value:.3f} ± {half:.3f}" if name[-1].isdigit() else f"{figure.value:.1f} ± {half:.1f}"
            )
    cells.append("–" if row.bits is None else f"{row.bits:.3f}")
    return [*cells, *("–" if share is None else f"{share:.1%}" for share in (row.refused, row.astray))]
