"""Question-answer pairs for chat bots: bundled dialogues, the Songys Chatbot_data corpus, and files, in disjoint splits.

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
from korlm.corpora.intents import iter_multi_turn_dialogues, load_intents
from korlm.corpora.memmap import SPLITS, lines_sha256
from korlm.corpora.near_duplicates import cluster_near_duplicates
from korlm.corpora.registry import assign_split
from korlm.errors import CorpusError, InputError, UnknownNameError
from korlm.storage.artifacts import data_folder
from korlm.text.josa import quote_with_josa
from korlm.text.normalization import normalize_message

PAIR_NAMES = ("intents", "dialogues", "songys_chatbot")
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
        name: the names or paths given to `load_pairs`, joined by ``+``.
        train: training pairs.
        valid: validation pairs.
        test: test pairs.
        num_incomplete: number of rows that were skipped because a turn is empty.
        num_duplicates: number of duplicate rows that were skipped.
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
            ``KORLM_CORPORA``, or downloaded into the cache), or a .csv, .tsv or .jsonl file with one question and answer
            per row; a row of a .jsonl may instead have a list ``turns`` with a whole dialogue. Names joined by ``+``, as
            in ``dialogues+songys_chatbot``, are loaded as one corpus.
        question: name of the file's question column; by default question, Q, 질문, 물음 or prompt.
        answer: name of the file's answer column; by default answer, A, 답변, 답 or response.

    Raises:
        UnknownNameError: the name is neither a known corpus nor a file.
        CorpusError: the file cannot be read, lacks these columns or has no complete pair; or the download failed.

    Example:
        >>> pairs = load_pairs("dialogues")
        >>> any(pair.history for pair in pairs.train)
        True
    """
    dialogues: list[tuple[str, ...]] = []
    fixed_splits: dict[tuple[str, ...], str] = {}
    num_incomplete = 0
    for part in [name] if Path(name).is_file() else str(name).split("+"):
        if part == "intents":
            fixed_splits = {turns: split for split, turns in _iter_intent_dialogues()}
            dialogues += fixed_splits
            continue
        part_dialogues, part_incomplete = _read_dialogues(part, question, answer)
        dialogues += part_dialogues
        num_incomplete += part_incomplete
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
    return PairCorpus(str(name), **splits, num_incomplete=num_incomplete, num_duplicates=num_duplicates)


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


def _read_dialogues(name: str | Path, question: str | None, answer: str | None) -> tuple[list[tuple[str, ...]], int]:
    """Return the dialogues of one corpus or file as tuples of turns, and the number of incomplete rows.

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
    dialogues, num_incomplete = [], 0
    for path in paths:
        for raw_turns in _iter_raw_turns(path, question, answer):
            turns = tuple(map(normalize_message, raw_turns))
            if len(turns) >= 2 and all(turns):
                dialogues.append(turns)
            else:
                num_incomplete += 1
    return dialogues, num_incomplete


def _iter_raw_turns(path: Path, question: str | None, answer: str | None) -> Iterator[list[str]]:
    """Yield the turns of each row of a file: a question and an answer, or a whole dialogue."""
    if path.suffix not in (".csv", ".tsv", ".jsonl"):
        raise CorpusError(
            f"{path}의 형식을 모릅니다. 물음과 답이 든 .csv, .tsv, .jsonl을 쓰세요.",
            f"Unknown format of {path}. Use a .csv, .tsv or .jsonl with questions and answers.",
        )
    iter_turns = _iter_json_turns if path.suffix == ".jsonl" else _iter_table_turns
    with open_corpus_file(path) as handle:
        yield from iter_turns(path, handle, question, answer)


def _iter_table_turns(path: Path, handle: IO[str], question: str | None, answer: str | None) -> Iterator[list[str]]:
    column_indices: list[int] = []
    for row in iter_table_rows(handle, path.suffix, quoted_tsv=True):
        if not column_indices:  # the first row is the header
            column_indices = [row.index(name) for name in _find_columns(path, row, question, answer)]
        elif row:
            yield [row[index] if index < len(row) else "" for index in column_indices]


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
    """Return the question and the answer column; None asks for the first in ``_QUESTION_COLUMNS``, ``_ANSWER_COLUMNS``.

    Raises:
        CorpusError: there is no such column.
    """
    columns = []
    for requested, defaults, ko in ((question, _QUESTION_COLUMNS, "물음"), (answer, _ANSWER_COLUMNS, "답")):
        matches = [
            name for name in names if name == requested or (requested is None and name.strip().lower() in defaults)
        ]
        if not matches:
            raise CorpusError(
                f"{path}에 {ko}의 열({requested or ', '.join(defaults)})이 없습니다. 있는 열: {', '.join(names)}. question과 answer로 정하세요.",
                f"{path} has no column {requested or ' or '.join(defaults)}. It has: {', '.join(names)}. "
                "Name them by question and answer.",
            )
        columns.append(matches[0])
    return columns
