"""Blind judgments of answers by readers: sheets to fill in, and what they say of each bot.

Readers mark each answer as sensible and as specific; SSA is the mean of the two rates (Adiwardana et al. 2020, "Towards a
human-like open-domain chatbot"). Whether readers are people or language models must be said with the figures.

>>> rows = {"a": {"안녕?": [(1, 1), (1, 0)]}, "b": {"안녕?": [(0, 0), (0, 0)]}}
>>> result = summarize_judgments(rows, "a", resamples=50)
>>> [(row.bot, row.sensible.value, row.specific.value) for row in result.rows], round(result.kappa["sensible"], 2)
([('a', 1.0, 0.5), ('b', 0.0, 0.0)], 1.0)
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from korlm.chat.transcripts import Transcript
from korlm.corpora.files import open_corpus_file
from korlm.errors import InputError
from korlm.i18n import localize
from korlm.reporting.markdown import format_pipe_table
from korlm.reporting.statistics import MetricEstimate, bootstrap_indices, bootstrap_mean
from korlm.storage.artifacts import read_json, write_file, write_json

Judgments = Mapping[
    str, Mapping[str, Sequence[tuple[int, int]]]
]  # bot → question → (sensible, specific) of each reader
_SHEET_COLUMNS = ("id", "question", "answer", "sensible", "specific")


@dataclass(frozen=True)
class JudgedBot:
    """The rates of a bot, the mean over readers and questions, with 95 % bootstrap intervals over questions."""

    bot: str
    sensible: MetricEstimate
    specific: MetricEstimate
    ssa: MetricEstimate
    ssa_difference: MetricEstimate  # to the reference bot, on the same questions


@dataclass(frozen=True)
class JudgingResult:
    """The rates of all bots. Prints as Markdown; `to_dict` gives JSON.

    Attributes:
        rows: one per bot, the highest SSA first.
        reference: the bot that the others are compared with.
        num_questions: number of questions.
        num_readers: number of readers.
        kappa: Cohen's kappa of the first two readers for ``sensible`` and ``specific``; empty for one reader.
    """

    rows: list[JudgedBot]
    reference: str
    num_questions: int
    num_readers: int
    kappa: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values: each rate as ``[value, low, high]``."""
        names = ("sensible", "specific", "ssa", "ssa_difference")
        rows = [{"bot": row.bot, **{name: list(getattr(row, name)) for name in names}} for row in self.rows]
        return {**vars(self), "rows": rows}

    def __str__(self) -> str:
        head = [localize("봇", "bot"), "sensible", "specific", "SSA", localize("SSA 차이", "SSA difference")]
        lines = [head]
        for row in self.rows:
            rates = [_format_rate(rate) for rate in (row.sensible, row.specific, row.ssa)]
            lines.append(
                [f"`{row.bot}`", *rates, "–" if row.bot == self.reference else _format_rate(row.ssa_difference)]
            )
        counts = localize(
            f"물음 {self.num_questions}개, 읽은 이 {self.num_readers}명, 견준 봇 {self.reference}",
            f"{self.num_questions} questions, {self.num_readers} readers, compared with {self.reference}",
        )
        kappas = ", ".join(f"κ({name}) {value:.3f}" for name, value in self.kappa.items())
        return f"{format_pipe_table(lines)}\n\n{counts}{'; ' + kappas if kappas else ''}"


def write_judging_sheet(transcript: Transcript, path: str | Path, *, seed: int = 0) -> Path:
    """Write shuffled question-answer rows without the bots' names, and the key beside them.

    Args:
        transcript: the answers.
        path: the sheet, a .tsv; readers fill in its last two columns with 0 or 1.
        seed: of the order of the rows.

    Returns:
        The path of the key, ``PATH.key.json``: the bot of each row. Readers must not see it.
    """
    rows = [
        (answers.bot + (f"/{answers.decoding}" if answers.decoding else ""), question, text)
        for answers in transcript.answers
        for question, text in zip(transcript.questions, answers.shown, strict=True)
    ]
    random.Random(seed).shuffle(rows)
    lines = ["\t".join(_SHEET_COLUMNS)]
    lines += [
        "\t".join((str(index), " ".join(question.split()), " ".join(text.split()), "", ""))
        for index, (_, question, text) in enumerate(rows)
    ]
    write_file(path, ("\n".join(lines) + "\n").encode())
    key_path = Path(f"{path}.key.json")
    write_json(key_path, [[bot, question] for bot, question, _ in rows])
    return key_path


def read_judged_sheets(
    paths: Sequence[str | Path], key_path: str | Path
) -> dict[str, dict[str, list[tuple[int, int]]]]:
    """Read the sheets of several readers.

    Args:
        paths: filled sheets, one per reader; the columns ``id``, ``sensible`` and ``specific`` are enough.
        key_path: what `write_judging_sheet` returned.

    Raises:
        InputError: a row is missing or not judged with 0 or 1.
        CorpusError: a sheet cannot be read, or is not UTF-8.
        ArtifactError: the key cannot be read.
    """
    key = read_json(key_path)
    judgments: dict[str, dict[str, list[tuple[int, int]]]] = {}
    for path in paths:
        with open_corpus_file(Path(path), newline="") as handle:
            rows = {row.get("id"): row for row in csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE)}
        for index, (bot, question) in enumerate(key):
            row = rows.get(str(index), {})
            marks = (row.get("sensible"), row.get("specific"))
            if not set(marks) <= {"0", "1"}:
                raise InputError(
                    f"{path}: id {index}의 sensible과 specific을 0이나 1로 채우세요 (지금: {json.dumps(marks)}).",
                    f"{path}: fill in sensible and specific of id {index} with 0 or 1 (now: {json.dumps(marks)}).",
                )
            judgments.setdefault(bot, {}).setdefault(question, []).append((int(marks[0]), int(marks[1])))  # type: ignore[arg-type]
    return judgments


def summarize_judgments(judgments: Judgments, reference: str, *, resamples: int = 1000, seed: int = 0) -> JudgingResult:
    """Compute the rates of each bot, paired differences to a reference, and the agreement of the readers.

    Args:
        judgments: the same questions for every bot.
        reference: the bot to compare with, such as ``retrieval``.
        resamples: number of bootstrap resamples of the questions.
        seed: of the resamples.

    Raises:
        InputError: the reference was not judged.
    """
    if reference not in judgments:
        raise InputError(
            f"'{reference}'은(는) 판정한 봇이 아닙니다. {', '.join(judgments)} 가운데 고르세요.",
            f"'{reference}' was not judged. Choose from {', '.join(judgments)}.",
        )
    questions = list(judgments[reference])
    marks = {bot: np.array([by_question[question] for question in questions]) for bot, by_question in judgments.items()}
    indices = bootstrap_indices(len(questions), resamples=resamples, seed=seed)
    ssa = {bot: values.mean((1, 2)) for bot, values in marks.items()}  # marks: [questions, readers, 2]
    rows = [
        JudgedBot(
            bot,
            bootstrap_mean(values[..., 0].mean(1), indices),
            bootstrap_mean(values[..., 1].mean(1), indices),
            bootstrap_mean(ssa[bot], indices),
            bootstrap_mean(ssa[bot] - ssa[reference], indices),
        )
        for bot, values in marks.items()
    ]
    rows.sort(key=lambda row: -float(ssa[row.bot].mean()))
    together = np.concatenate(list(marks.values()))
    num_readers = together.shape[1]
    kappa = {}
    if num_readers > 1:
        kappa = {name: cohen_kappa(*together[:, :2, column].T) for column, name in enumerate(("sensible", "specific"))}
    return JudgingResult(rows, reference, len(questions), num_readers, kappa)


def cohen_kappa(first: np.ndarray, second: np.ndarray) -> float:
    """Return Cohen's kappa of two readers' 0 or 1 marks; 1 if both always give the same one (Cohen 1960).

    >>> cohen_kappa(np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0]))
    0.5
    """
    observed = float((first == second).mean())
    chance = float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    return 1.0 if chance == 1 else (observed - chance) / (1 - chance)


def _format_rate(rate: MetricEstimate) -> str:
    interval = f" [{rate.low:.3f}, {rate.high:.3f}]" if rate.low is not None and rate.high is not None else ""
    return f"{rate.value:.3f}{interval}"
