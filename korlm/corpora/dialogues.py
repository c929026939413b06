"""Questions and answers for chat bots: the project's dialogues, Songys' Chatbot_data, and files, in disjoint splits.

>>> pairs = load_pairs("dialogues")
>>> len(pairs.train) > 1000, len(pairs.test) > 50
(True, True)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

from korlm._deprecation import DeprecatedAlias
from korlm.corpora.download import download_songys_chatbot
from korlm.corpora.files import iter_json_records, iter_table_rows, open_corpus_file
from korlm.corpora.memmap import SPLITS, lines_sha256
from korlm.corpora.near_duplicates import cluster_near_duplicates
from korlm.corpora.registry import assign_split
from korlm.errors import CorpusError, InputError, UnknownNameError
from korlm.storage.artifacts import data_folder
from korlm.text.spans import check_text

PAIR_NAMES = ("dialogues", "songys_chatbot")
_QUESTION_COLUMNS = ("question", "q", "질문", "물음", "prompt")
_ANSWER_COLUMNS = ("answer", "a", "답변", "답", "response")


@dataclass(frozen=True)
class DialoguePair:
    """A question and its answer, with the turns before them.

    Attributes:
        question: the user's turn.
        answer: the bot's turn.
        history: the turns before, oldest first; empty for the first pair of a dialogue.
    """

    question: str
    answer: str
    history: tuple[str, ...] = ()

    before = DeprecatedAlias("history")


@dataclass(frozen=True)
class PairCorpus:
    """Pairs in three splits.

    Pairs of one dialogue, and pairs with an equal or nearly equal question or answer
    (`korlm.corpora.near_duplicates`), are in the same split.

    Attributes:
        name: the names or paths that it was loaded by, joined by ``+``.
        train: training pairs; ``valid`` and ``test`` likewise.
        num_incomplete: number of rows without a question or an answer.
        num_duplicates: number of repeated rows, left out.
    """

    name: str
    train: list[DialoguePair] = field(repr=False)
    valid: list[DialoguePair] = field(repr=False)
    test: list[DialoguePair] = field(repr=False)
    num_incomplete: int = 0
    num_duplicates: int = 0

    left_out = DeprecatedAlias("num_incomplete")
    repeated = DeprecatedAlias("num_duplicates")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all pairs with their splits."""
        return lines_sha256(
            "\0".join((split, *pair.history, pair.question, pair.answer))
            for split in SPLITS
            for pair in getattr(self, split)
        )


def load_pairs(name: str | Path, *, question: str | None = None, answer: str | None = None) -> PairCorpus:
    """Load pairs and split them about 90 : 5 : 5.

    Args:
        name: ``dialogues`` (bundled), ``songys_chatbot`` (from ``KORLM_CORPORA``, else downloaded into the cache), or a
            .csv, .tsv or .jsonl file with a question and an answer a row; a row of a .jsonl may instead hold the
            ``turns`` of a dialogue. Several names joined by ``+`` are split as one: ``dialogues+songys_chatbot``.
        question: the file's column of questions; by default question, Q, 질문, 물음 or prompt.
        answer: the column of answers; by default answer, A, 답변, 답 or response.

    Raises:
        UnknownNameError: neither a name nor a file.
        CorpusError: unreadable, without these columns or without a pair; or it cannot be downloaded.

    Example:
        >>> pairs = load_pairs("dialogues")
        >>> any(pair.history for pair in pairs.train)
        True
    """
    dialogues, num_incomplete = [], 0
    for part in [name] if Path(name).is_file() else str(name).split("+"):
        part_dialogues, part_incomplete = _read_dialogues(part, question, answer)
        dialogues += part_dialogues
        num_incomplete += part_incomplete
    distinct = list(dict.fromkeys(dialogues))
    if not distinct:
        raise CorpusError(
            f"'{name}'에 물음과 답이 모두 있는 줄이 없습니다. 칸의 이름(question, answer)과 내용을 확인하세요.",
            f"'{name}' has no row with both a question and an answer. Check its columns (question, answer).",
        )
    splits: dict[str, list[DialoguePair]] = {split: [] for split in SPLITS}
    for turns, root in zip(distinct, cluster_near_duplicates(distinct), strict=True):
        splits[assign_split("\0".join(distinct[root]))] += dialogue_pairs(turns)
    return PairCorpus(str(name), **splits, num_incomplete=num_incomplete, num_duplicates=len(dialogues) - len(distinct))


def check_question(text: str) -> None:
    """Raise an `InputError` for a question of whitespace only."""
    if not text.strip():
        raise InputError(
            "빈 말에는 답할 수 없습니다. 한 글자 이상 쓰세요.", "There is nothing to answer. Type something."
        )


def dialogue_pairs(turns: Sequence[str]) -> list[DialoguePair]:
    """Return the pairs of a dialogue, in which the user speaks first.

    >>> dialogue_pairs(["안녕하세요.", "반가워요.", "뭐 해요?", "글을 읽어요."])[1].history
    ('안녕하세요.', '반가워요.')
    """
    return [
        DialoguePair(turns[index], turns[index + 1], tuple(turns[:index]))
        for index in range(0, len(turns) - len(turns) % 2, 2)
    ]


def _read_dialogues(name: str | Path, question: str | None, answer: str | None) -> tuple[list[tuple[str, ...]], int]:
    """Return dialogues as tuples of turns, and the number of incomplete rows."""
    if name == "dialogues":
        paths = sorted((data_folder() / "dialogues").glob("*.jsonl"))
    elif name == "songys_chatbot":
        paths = [download_songys_chatbot()]
    elif Path(name).is_file():
        paths = [Path(name)]
    else:
        raise UnknownNameError(
            f"'{name}'이라는 대화도 파일도 없습니다. 쓸 수 있는 이름: {', '.join(PAIR_NAMES)}.",
            f"There are no dialogues and no file '{name}'. Names: {', '.join(PAIR_NAMES)}.",
        )
    dialogues, num_incomplete = [], 0
    for path in paths:
        for row in _iter_turn_lists(path, question, answer):
            turns = tuple(check_text(" ".join(turn.split())) for turn in row)
            if len(turns) >= 2 and all(turns):
                dialogues.append(turns)
            else:
                num_incomplete += 1
    return dialogues, num_incomplete


def _iter_turn_lists(path: Path, question: str | None, answer: str | None) -> Iterator[list[str]]:
    if path.suffix not in (".csv", ".tsv", ".jsonl"):
        raise CorpusError(
            f"{path}의 형식을 모릅니다. 물음과 답이 든 .csv, .tsv, .jsonl을 쓰세요.",
            f"Unknown format of {path}. Use a .csv, .tsv or .jsonl with questions and answers.",
        )
    iter_turns = _iter_json_turns if path.suffix == ".jsonl" else _iter_table_turns
    with open_corpus_file(path) as handle:
        yield from iter_turns(path, handle, question, answer)


def _iter_table_turns(path: Path, handle: IO[str], question: str | None, answer: str | None) -> Iterator[list[str]]:
    columns: list[int] = []
    for row in iter_table_rows(handle, path.suffix, quoted_tsv=True):
        if not columns:
            columns = [row.index(name) for name in _find_columns(path, row, question, answer)]
        elif row:
            yield [row[column] if column < len(row) else "" for column in columns]


def _iter_json_turns(path: Path, handle: IO[str], question: str | None, answer: str | None) -> Iterator[list[str]]:
    for number, row in iter_json_records(handle):
        if not isinstance(row, dict):
            raise CorpusError(
                f"{path}의 {number}번째 줄이 {{}}로 된 기록이 아닙니다.",
                f"{path}, line {number}: not a record in {{}}.",
            )
        turns = row.get("turns")
        if not isinstance(turns, list):
            turns = [row[name] for name in _find_columns(path, list(row), question, answer)]
        yield [turn if isinstance(turn, str) else "" for turn in turns]


def _find_columns(path: Path, names: Sequence[str], question: str | None, answer: str | None) -> list[str]:
    """Return the names of the columns of questions and of answers."""
    columns = []
    for asked, known, ko in ((question, _QUESTION_COLUMNS, "물음"), (answer, _ANSWER_COLUMNS, "답")):
        matches = [name for name in names if name == asked or (asked is None and name.strip().lower() in known)]
        if not matches:
            raise CorpusError(
                f"{path}에 {ko}의 칸({asked or ', '.join(known)})이 없습니다. 있는 칸: {', '.join(names)}. question과 answer로 정하세요.",
                f"{path} has no column {asked or ' or '.join(known)}. It has: {', '.join(names)}. "
                "Name them by question and answer.",
            )
        columns.append(matches[0])
    return columns
