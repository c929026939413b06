"""Questions and answers: the project's own dialogues, Songys' Chatbot_data, files; in splits that share nothing.

>>> pairs = load_pairs("dialogues")
>>> len(pairs.train) > 1000, len(pairs.test) > 50
(True, True)
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from korlm._deprecation import DeprecatedAlias
from korlm.corpora.download import download_songys_chatbot
from korlm.corpora.memmap import SPLITS, lines_sha256
from korlm.corpora.near_duplicates import cluster_near_duplicates
from korlm.corpora.registry import assign_split
from korlm.errors import CorpusError, InputError, UnknownNameError
from korlm.storage.artifacts import data_folder
from korlm.text.spans import check_text

PAIR_NAMES = ("dialogues", "songys_chatbot")
_QUESTION_COLUMNS, _ANSWER_COLUMNS = (
    ("question", "q", "질문", "물음", "prompt"),
    ("answer", "a", "답변", "답", "response"),
)


@dataclass(frozen=True)
class DialoguePair:
    """A turn of a person's and the bot's answer.

    Attributes:
        question: what the person said.
        answer: what the bot says.
        history: the turns before, the oldest first; empty for the first pair of a dialogue.
    """

    question: str
    answer: str
    history: tuple[str, ...] = ()

    before = DeprecatedAlias("history")


@dataclass(frozen=True)
class PairCorpus:
    """Pairs in three splits. Pairs with an equal or nearly equal question or answer (`korlm.corpora.near_duplicates`) and those
    of one dialogue are on one side.

    Attributes:
        name: the names or paths that it was loaded by, joined by ``+``.
        train: pairs to learn from; ``valid`` and ``test`` likewise.
        num_incomplete: rows that lacked a question or an answer.
        num_duplicates: rows that were there already.
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
            "\0".join((side, *pair.history, pair.question, pair.answer))
            for side in SPLITS
            for pair in getattr(self, side)
        )


def load_pairs(name: str | Path, *, question: str | None = None, answer: str | None = None) -> PairCorpus:
    """Load pairs and split them about 90 : 5 : 5.

    Args:
        name: ``dialogues`` (the project's own, bundled), ``download_songys_chatbot`` (through ``KORLM_CORPORA``, else fetched
            into the cache), or a .csv, .tsv or .jsonl file with a question and an answer a row, or with the ``turns``
            of a dialogue a row (.jsonl). Several are joined by ``+`` and split as one: ``dialogues+download_songys_chatbot``.
        question: the file's column of questions; by default question, Q, 질문, 물음 or prompt.
        answer: that of answers; by default answer, A, 답변, 답 or response.

    Raises:
        UnknownNameError: neither a name nor a file.
        CorpusError: unreadable, without these columns, without a pair; or it cannot be fetched.

    Example:
        >>> pairs = load_pairs("dialogues")
        >>> any(pair.history for pair in pairs.train)
        True
    """
    dialogues, left_out = [], 0
    for part in [name] if Path(name).is_file() else str(name).split("+"):
        found, empty = _read_dialogues(part, question, answer)
        dialogues += found
        left_out += empty
    kept = list(dict.fromkeys(dialogues))
    if not kept:
        raise CorpusError(
            f"'{name}'에 물음과 답이 모두 있는 줄이 없습니다. 칸의 이름(question, answer)과 내용을 확인하세요.",
            f"'{name}' has no row with both a question and an answer. Check its columns (question, answer).",
        )
    sides: dict[str, list[DialoguePair]] = {side: [] for side in SPLITS}
    roots = cluster_near_duplicates(kept)
    for turns, root in zip(kept, roots, strict=True):
        sides[assign_split("\0".join(kept[root]))] += dialogue_pairs(turns)
    return PairCorpus(
        str(name), sides["train"], sides["valid"], sides["test"],
        num_incomplete=left_out, num_duplicates=len(dialogues) - len(kept),
    )  # fmt: skip


def check_question(text: str) -> None:
    """Raise an `InputError` where a bot is given nothing but blanks."""
    if not text.strip():
        raise InputError(
            "빈 말에는 답할 수 없습니다. 한 글자 이상 쓰세요.", "There is nothing to answer. Type something."
        )


def dialogue_pairs(turns: Sequence[str]) -> list[DialoguePair]:
    """Return the pairs of a dialogue, the person first.

    >>> dialogue_pairs(["안녕하세요.", "반가워요.", "뭐 해요?", "글을 읽어요."])[1].history
    ('안녕하세요.', '반가워요.')
    """
    return [
        DialoguePair(turns[place], turns[place + 1], tuple(turns[:place]))
        for place in range(0, len(turns) - len(turns) % 2, 2)
    ]


def _read_dialogues(name: str | Path, question: str | None, answer: str | None) -> tuple[list[tuple[str, ...]], int]:
    """Return dialogues, each of its turns, and how many rows lacked some."""
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
    found, left_out = [], 0
    for path in paths:
        for row in _iter_turn_lists(path, question, answer):
            turns = tuple(check_text(" ".join(turn.split())) for turn in row)
            if len(turns) >= 2 and all(turns):
                found.append(turns)
            else:
                left_out += 1
    return found, left_out


def _iter_turn_lists(path: Path, question: str | None, answer: str | None) -> Iterator[list[str]]:
    try:
        text = path.read_text("utf-8-sig")
        if path.suffix == ".jsonl":
            yield from _iter_jsonl_turns(path, text, question, answer)
        elif path.suffix in (".csv", ".tsv"):
            yield from _iter_table_turns(path, text, question, answer)
        else:
            raise CorpusError(
                f"{path}의 형식을 모릅니다. 물음과 답이 든 .csv, .tsv, .jsonl을 쓰세요.",
                f"Unknown format of {path}. Use a .csv, .tsv or .jsonl with questions and answers.",
            )
    except (OSError, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise CorpusError(
            f"{path}을(를) 읽지 못했습니다 ({reason}). 경로와 UTF-8 인코딩, 형식을 확인하세요.",
            f"Cannot read {path} ({reason}). Check the path, the format, and that it is UTF-8.",
        ) from error


def _iter_table_turns(path: Path, text: str, question: str | None, answer: str | None) -> Iterator[list[str]]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if path.suffix == ".tsv" else ",")
    columns: list[int] = []
    for row in rows:
        if not columns:
            columns = [row.index(name) for name in _find_columns(path, row, question, answer)]
        elif row:
            yield [row[column] if column < len(row) else "" for column in columns]


def _iter_jsonl_turns(path: Path, text: str, question: str | None, answer: str | None) -> Iterator[list[str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        row: Any = json.loads(line)
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
    found = []
    for asked, known, ko in ((question, _QUESTION_COLUMNS, "물음"), (answer, _ANSWER_COLUMNS, "답")):
        own = [name for name in names if name == asked or (asked is None and name.strip().lower() in known)]
        if not own:
            raise CorpusError(
                f"{path}에 {ko}의 칸({asked or ', '.join(known)})이 없습니다. 있는 칸: {', '.join(names)}. question과 answer로 정하세요.",
                f"{path} has no column {asked or ' or '.join(known)}. It has: {', '.join(names)}. "
                "Name them by question and answer.",
            )
        found.append(own[0])
    return found
