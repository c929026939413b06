"""Compare bots: each bot answers the same test questions with each decoding, in one table.

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

from korlm.chat.metrics import DEFAULT_RESAMPLES, evaluate_answers, metrics_signature
from korlm.chat.model import ChatModel
from korlm.chat.registry import load_bot
from korlm.corpora.dialogues import DialoguePair, PairCorpus
from korlm.errors import InputError
from korlm.i18n import localize
from korlm.reporting.markdown import format_pipe_table
from korlm.reporting.statistics import MetricEstimate
from korlm.text.josa import quote_with_josa

DECODINGS: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam": {"beams": 5},
    "sampling": {"temperature": 0.8, "top_p": 0.9, "seed": 7},
}
METRICS = ("bleu", "chrf", "distinct_1", "distinct_2", "length", "dull", "copied")


@dataclass(frozen=True)
class BotResult:
    """The figures of a bot with one decoding."""

    bot: str  # the bot's name
    decoding: str  # a name of `DECODINGS`; empty for baselines
    tokenizer: str  # of a trained bot
    parameters: int  # of a trained bot
    bits: float | None  # bits per character of the reference answers given their questions; None for baselines
    refused: float | None  # fraction of the questions on which the bot abstains; None if it never does
    astray: float | None  # the same for questions with shuffled syllables, on which it should abstain
    # of `korlm.chat.metrics.evaluate_answers`, over its answers, also where it would abstain
    figures: dict[str, MetricEstimate]


@dataclass(frozen=True)
class BotComparison:
    """A table of bots. Prints as text; `to_dict` gives JSON.

    Attributes:
        name: of the corpus.
        num_questions: number of test questions.
        signature: versions and settings of the metrics.
        rows: one per bot and decoding.
    """

    name: str
    num_questions: int
    signature: str
    rows: list[BotResult]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: each figure as ``[value, low, high]``."""
        rows = [
            {**vars(row), "figures": {name: list(value) for name, value in row.figures.items()}} for row in self.rows
        ]
        return {"pairs": self.name, "questions": self.num_questions, "signature": self.signature, "rows": rows}

    def __str__(self) -> str:
        head = [localize("봇", "bot"), localize("디코딩", "decoding"), *(_METRIC_LABELS[name]() for name in METRICS)]
        head += [localize("비트/글자", "bits/char"), localize("모른다", "refused"), localize("뒤섞은 것", "shuffled")]
        table = format_pipe_table([head, *map(_format_result, self.rows)], num_text_columns=2)
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
    """Evaluate the bots' answers to the test questions of a corpus.

    Args:
        pairs: the corpus of the bots: its test questions are asked; ``retrieval`` searches its training pairs, and their
            answers count as copied.
        names: what `korlm.load_chat` takes.
        decodings: names of `DECODINGS`.
        limit: maximum number of questions.
        resamples: number of bootstrap resamples.
        progress: called with the name and decoding of the next bot.

    Raises:
        InputError: no bot, or an unknown decoding.
        KorlmError: a bot cannot be loaded.
    """
    check_bots_and_decodings(names, decodings)
    test_pairs = pairs.test[:limit]
    rows = []
    for name in names:
        bot = load_bot(name, pairs.train)
        if not isinstance(bot, ChatModel):
            progress(name)
            replies = bot.answer_all(
                [pair.question for pair in test_pairs], history=[pair.history for pair in test_pairs], abstain=False
            )
            answers = [reply.answer for reply in replies]
            figures = evaluate_answers(answers, test_pairs, pairs.train, resamples=resamples)
            rows.append(BotResult(name, "", "", 0, None, None, None, figures))
            continue
        for decoding in decodings:
            progress(f"{name} {decoding}")
            rows.append(_evaluate_bot(name, bot, decoding, pairs, test_pairs, resamples))
    return BotComparison(pairs.name, len(test_pairs), metrics_signature(len(test_pairs), resamples), rows)


def check_bots_and_decodings(names: Sequence[str], decodings: Sequence[str]) -> None:
    """Raise an `InputError` if there are no bots or a decoding is not in `DECODINGS`."""
    if not names:
        raise InputError("봇이 없습니다. 하나 이상 고르세요.", "There are no bots. Choose one at least.")
    if strange := set(decodings) - set(DECODINGS):
        raise InputError(
            f"{quote_with_josa(min(strange), '이라는/라는')} 디코딩은 없습니다. {', '.join(DECODINGS)} 가운데 고르세요.",
            f"There is no decoding '{min(strange)}'. Choose from {', '.join(DECODINGS)}.",
        )


def _evaluate_bot(
    name: str, bot: ChatModel, decoding: str, pairs: PairCorpus, test_pairs: Sequence[DialoguePair], resamples: int
) -> BotResult:
    options: dict[str, Any] = DECODINGS[decoding] | {"abstain": False, "history": [pair.history for pair in test_pairs]}
    questions = [pair.question for pair in test_pairs]
    replies = bot.answer_all(questions, **options)
    replies_to_shuffled = bot.answer_all(list(map(_shuffle_syllables, questions)), **options)
    refused, astray = (
        sum(not reply.is_confident for reply in group) / len(group) if bot.thresholds else None
        for group in (replies, replies_to_shuffled)
    )
    return BotResult(
        name, decoding, bot.tokenizer.name, bot.parameters, bot.score(test_pairs).bits_per_character, refused, astray,
        evaluate_answers([reply.answer for reply in replies], test_pairs, pairs.train, resamples=resamples),
    )  # fmt: skip


def _shuffle_syllables(text: str) -> str:
    syllables = list(text)
    random.Random(text).shuffle(syllables)
    return "".join(syllables).strip() or text


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
        value, half = row.figures[name].value, row.figures[name].margin or 0.0
        if name in ("dull", "copied"):
            cells.append(f"{value:.1%} ± {100 * half:.1f}")
        else:
            digits = 3 if name[-1].isdigit() else 1
            cells.append(f"{value:.{digits}f} ± {half:.{digits}f}")
    cells.append("–" if row.bits is None else f"{row.bits:.3f}")
    return [*cells, *("–" if fraction is None else f"{fraction:.1%}" for fraction in (row.refused, row.astray))]
