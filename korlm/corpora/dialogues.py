"""Question-answer pairs for chat bots: bundled dialogues, the Songys Chatbot_data corpus, and files, in disjoint splits.

>>> pairs = load_pairs("dialogues")
>>> len(pairs.train) > 1000, len(pairs.test) > 50
(True, True)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

from korlm._deprecation import DeprecatedAlias
from korlm.corpora.download import download_songys_chatbot
from korlm.corpora.files import find_corpus_suffix, iter_json_records, iter_table_rows, open_corpus_file, row_error
from korlm.corpora.intents import iter_multi_turn_dialogues, load_intents
from korlm.corpora.memmap import SPLITS, lines_sha256
from korlm.corpora.near_duplicates import cluster_near_duplicates
from korlm.corpora.registry import assign_split
from korlm.errors import CorpusError, InputError, UnknownNameError
from korlm.storage.artifacts import data_folder
from korlm.storage.names import check_name
from korlm.text.display import abbreviate
from korlm.text.josa import quote_with_josa
from korlm.text.normalization import normalize_message

PAIR_NAMES = ("intents", "dialogues", "songys_chatbot")
_QUESTION_COLUMNS = ("question", "q", "질문", "물음", "prompt")
_ANSWER_COLUMNS = ("answer", "a", "답변", "답", "response")
_MAX_SHOWN_CHARACTERS, _MAX_LISTED_CHARACTERS = 20, 200  # of a value and of the columns' names, in a message


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
        name: the names or paths given to `load_pairs`, joined by ``+``.
        train: training pairs.
        valid: validation pairs.
        test: test pairs.
        num_incomplete: number of rows that were skipped because a turn is empty.
        incomplete_rows: the file and line of each of them, ``mine.tsv:5``.
        num_duplicates: number of duplicate rows that were skipped.
    """

    name: str
    train: list[DialoguePair] = field(repr=False)
    valid: list[DialoguePair] = field(repr=False)
    test: list[DialoguePair] = field(repr=False)
    num_incomplete: int = 0
    num_duplicates: int = 0
    incomplete_rows: tuple[str, ...] = field(default=(), repr=False)

    left_out = DeprecatedAlias("num_incomplete")
    repeated = DeprecatedAlias("num_duplicates")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all pairs, including their split."""
        return lines_sha256(
            "\0".join((split, *pair.history, pair.question, pair.answer))
            for split in SPLITS
            for pair in getattr(self, split)
        )


def load_pairs(name: str | Path, *, question: str | None = None, answer: str | None = None) -> PairCorpus:
    """Load question-answer pairs and split them into about 90% train, 5% valid and 5% test.

    Args:
        name: ``intents`` (bundled; without the phrasings that `korlm.corpora.intents` holds out), ``dialogues`` (the
            smaller bundled set that the bundled bots were trained on), ``songys_chatbot`` (from the folder
            ``KORLM_CORPORA``, or downloaded into the cache), or a .csv, .tsv or .jsonl file (also .gz) with one question
            and answer per row; a row of a .jsonl may instead have a list ``turns`` with a whole dialogue. Quotation marks
            in a .tsv are text. Names joined by ``+``, as in ``dialogues+songys_chatbot``, are loaded as one corpus.
        question: name of the file's question column; by default question, Q, 질문, 물음 or prompt.
        answer: name of the file's answer column; by default answer, A, 답변, 답 or response.

    Raises:
        UnknownNameError: the name is neither a known corpus nor a file.
        InputError: the name is neither a str nor a Path, or empty.
        CorpusError: the file cannot be read, lacks these columns, has a row with more fields than its header or a value that
            is not text, or has no complete pair; or the download failed.

    Example:
        >>> pairs = load_pairs("dialogues")
        >>> any(pair.history for pair in pairs.train)
        True
    """
    check_name(name, ", ".join(PAIR_NAMES))
    dialogues: list[tuple[str, ...]] = []
    fixed_splits: dict[tuple[str, ...], str] = {}
    incomplete_rows: list[str] = []
    for part in [name] if Path(name).is_file() else str(name).split("+"):
        if part == "intents":
            fixed_splits = {turns: split for split, turns in _iter_intent_dialogues()}
            dialogues += fixed_splits
            continue
        part_dialogues, part_incomplete = _read_dialogues(part, question, answer)
        dialogues += part_dialogues
        incomplete_rows += part_incomplete
    unique_dialogues = list(dict.fromkeys(dialogues))
    if not unique_dialogues:
        raise CorpusError(
            f"'{name}'에 물음과 답이 모두 있는 줄이 없습니다. 열의 이름(question, answer)과 내용을 확인하세요.",
            f"'{name}' has no row with both a question and an answer. Check its columns (question, answer).",
        )
    clusters = cluster_near_duplicates(unique_dialogues)
    # the split of a cluster is that of its intents; without any, the hash of its first dialogue decides
    cluster_splits = {
        cluster: fixed_splits[turns]
        for turns, cluster in zip(unique_dialogues, clusters, strict=True)
        if turns in fixed_splits
    }
    splits: dict[str, list[DialoguePair]] = {split: [] for split in SPLITS}
    for turns, cluster in zip(unique_dialogues, clusters, strict=True):
        split = cluster_splits.get(cluster) or assign_split("\0".join(unique_dialogues[cluster]))
        splits[split] += dialogue_pairs(turns)
    num_duplicates = len(dialogues) - len(unique_dialogues)
    return PairCorpus(
        str(name), **splits, num_incomplete=len(incomplete_rows), num_duplicates=num_duplicates,
        incomplete_rows=tuple(incomplete_rows),
    )  # fmt: skip


def check_question(text: str) -> None:
    """Raise an `InputError` if a question is empty or only whitespace."""
    if not text.strip():
        raise InputError(
            "빈 말에는 답할 수 없습니다. 한 글자 이상 쓰세요.", "There is nothing to answer. Type something."
        )


def dialogue_pairs(turns: Sequence[str]) -> list[DialoguePair]:
    """Return the question-answer pairs of a dialogue, in which the user speaks first; a last turn without answer is dropped.

    >>> dialogue_pairs(["안녕하세요.", "반가워요.", "뭐 해요?", "글을 읽어요."])[1].history
    ('안녕하세요.', '반가워요.')
    """
    return [
        DialoguePair(turns[index], turns[index + 1], tuple(turns[:index]))
        for index in range(0, len(turns) - len(turns) % 2, 2)
    ]


def _iter_intent_dialogues() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the split and the turns of the bundled intents and dialogues, without the phrasings that are held out."""
    for intent in load_intents():
        yield from ((intent.split, (question, intent.answer)) for question in intent.questions)
    yield from iter_multi_turn_dialogues()


def _read_dialogues(
    name: str | Path, question: str | None, answer: str | None
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the dialogues of one corpus or file as tuples of turns, and the places of incomplete rows.

    Turns are normalized as a bot's messages are. A row is incomplete if it has fewer than two turns or an empty one.
    """
    if name == "dialogues":
        paths = sorted((data_folder() / "dialogues").glob("*.jsonl"))
    elif name == "songys_chatbot":
        paths = [download_songys_chatbot()]
    elif Path(name).is_file():
        paths = [Path(name)]
    else:
        raise UnknownNameError(
            f"{quote_with_josa(name, '이라는/라는')} 대화도 파일도 없습니다. 쓸 수 있는 이름: {', '.join(PAIR_NAMES)}.",
            f"There are no dialogues and no file '{name}'. Names: {', '.join(PAIR_NAMES)}.",
        )
    dialogues, incomplete_rows = [], []
    for path in paths:
        for number, raw_turns in _iter_raw_turns(path, question, answer):
            turns = tuple(_normalize_value(path, number, turn) for turn in raw_turns)
            if len(turns) >= 2 and all(turns):
                dialogues.append(turns)
            else:
                incomplete_rows.append(f"{path}:{number}")
    return dialogues, incomplete_rows


def _normalize_value(path: Path, number: int, value: str) -> str:
    try:
        return normalize_message(value)
    except InputError as error:  # an unpaired surrogate, as an escape in JSON
        raise row_error(path, number, error.ko, error.en) from error


def _iter_raw_turns(path: Path, question: str | None, answer: str | None) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the turns of each row of a file: a question and an answer, or a whole dialogue."""
    suffix = find_corpus_suffix(path)
    if suffix not in (".csv", ".tsv", ".jsonl"):
        raise CorpusError(
            f"{path}의 형식을 모릅니다. 물음과 답이 든 .csv, .tsv, .jsonl을 쓰세요.",
            f"Unknown format of {path}. Use a .csv, .tsv or .jsonl with questions and answers.",
        )
    iter_turns = _iter_json_turns if suffix == ".jsonl" else _iter_table_turns
    with open_corpus_file(path) as handle:
        yield from iter_turns(path, handle, question, answer)


def _iter_table_turns(
    path: Path, handle: IO[str], question: str | None, answer: str | None
) -> Iterator[tuple[int, list[str]]]:
    header: list[str] = []
    for number, row in iter_table_rows(handle, path):
        if not "".join(row).strip():
            continue
        if not header:
            header = row
            column_indices = [row.index(name) for name in _find_columns(path, number, row, question, answer)]
            continue
        if "".join(row[len(header) :]).strip():  # fields have moved: which one is the answer?
            raise row_error(
                path, number,
                f"필드가 {len(row)}개로 첫 줄의 {len(header)}개보다 많습니다. 쉼표가 든 .csv 필드는 따옴표로 묶고, .tsv 필드에는 탭을 쓰지 마세요.",
                f"{len(row)} fields, but the header has {len(header)}. Quote a field of a .csv that contains a comma, and "
                "write no tab within a field of a .tsv.",
            )  # fmt: skip
        yield number, [row[index] if index < len(row) else "" for index in column_indices]


def _iter_json_turns(
    path: Path, handle: IO[str], question: str | None, answer: str | None
) -> Iterator[tuple[int, list[str]]]:
    for number, row in iter_json_records(handle, path):
        if not isinstance(row, dict):
            raise row_error(path, number, "{}로 된 기록이 아닙니다.", "not a record in {}.")
        turns = row.get("turns")
        if turns is None:
            turns = [row[name] for name in _find_columns(path, number, list(row), question, answer)]
        if not isinstance(turns, list):
            raise row_error(
                path, number, "turns는 문자열의 목록이어야 합니다.", "turns must be a list of strings."
            )  # fmt: skip
        if strange := [turn for turn in turns if not isinstance(turn, str | None)]:
            value = abbreviate(json.dumps(strange[0], ensure_ascii=False), _MAX_SHOWN_CHARACTERS)
            raise row_error(
                path, number, f"문자열이 아닌 값이 있습니다: {value}. 따옴표로 묶어 문자열로 쓰세요.",
                f"a value is not a string: {value}. Write it as a string, in quotation marks.",
            )  # fmt: skip
        yield number, [turn or "" for turn in turns]  # null is how missing values are written


def _find_columns(path: Path, number: int, names: Sequence[str], question: str | None, answer: str | None) -> list[str]:
    """Return the question and the answer column; None asks for the first in ``_QUESTION_COLUMNS``, ``_ANSWER_COLUMNS``.

    The number is that of the line with the names.

    Raises:
        CorpusError: there is no such column.
    """
    columns = []
    for requested, defaults, ko in ((question, _QUESTION_COLUMNS, "물음"), (answer, _ANSWER_COLUMNS, "답")):
        wanted = defaults if requested is None else (normalize_message(requested),)
        plain_names = [_normalize_value(path, number, name) for name in names]
        matches = [
            name
            for name, plain in zip(names, plain_names, strict=True)
            if plain in wanted or (requested is None and plain.lower() in wanted)
        ]
        if not matches:
            listing = abbreviate(", ".join(names), _MAX_LISTED_CHARACTERS)
            raise row_error(
                path, number,
                f"{ko}의 열({requested or ', '.join(defaults)})이 없습니다. 있는 열: {listing}. question과 answer로 정하세요.",
                f"no column {requested or ' or '.join(defaults)}. It has: {listing}. Name them by question and answer.",
            )  # fmt: skip
        columns.append(matches[0])
    return columns
