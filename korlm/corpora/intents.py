"""The project's own dialogue data: intents, which are questions of one meaning with one answer, and longer dialogues.

>>> intents = load_intents()
>>> len(intents) > 4000, all(len(intent.all_questions) >= 5 for intent in intents)
(True, True)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from korlm.corpora.files import iter_json_records, open_corpus_file
from korlm.errors import CorpusError
from korlm.storage.artifacts import data_folder

INTENT_FOLDER, MULTI_TURN_FOLDER = "intents", "multi_turn"
SplitName = Literal["train", "valid", "test"]


@dataclass(frozen=True)
class Intent:
    """Questions of one meaning and their answer.

    Attributes:
        id: the topic and a number.
        topic: the name of its file.
        split: ``train``, ``valid`` or ``test``; the intents of ``valid`` and ``test`` are held out as a whole.
        questions: phrasings for training.
        valid_questions: phrasings of a training intent that are held out for validation.
        test_questions: phrasings of a training intent that are held out for testing.
        answer: the answer to each of them.
        is_answerable: False if the answer says that the bot cannot know this.
    """

    id: str
    topic: str
    split: SplitName
    questions: tuple[str, ...]
    valid_questions: tuple[str, ...]
    test_questions: tuple[str, ...]
    answer: str
    is_answerable: bool

    @property
    def all_questions(self) -> tuple[str, ...]:
        """All phrasings, those that are held out too."""
        return self.questions + self.valid_questions + self.test_questions


def load_intents(folder: str | Path | None = None) -> list[Intent]:
    """Load the intents, in the order of their files.

    Args:
        folder: a folder of .jsonl files, one per topic; by default the bundled one.

    Raises:
        CorpusError: a file cannot be read, or a row lacks a field.
    """
    return [
        _parse_intent(path, number, row)
        for path in _data_files(folder, INTENT_FOLDER)
        for number, row in _iter_rows(path)
    ]


def iter_multi_turn_dialogues(folder: str | Path | None = None) -> Iterator[tuple[SplitName, tuple[str, ...]]]:
    """Yield the split and the turns of each bundled dialogue of several exchanges, the user's turn first.

    Raises:
        CorpusError: a file cannot be read, or a row lacks a field.
    """
    for path in _data_files(folder, MULTI_TURN_FOLDER):
        for number, row in _iter_rows(path):
            try:
                yield row["split"], tuple(row["turns"])
            except (KeyError, TypeError) as error:
                raise _row_error(path, number) from error


def _data_files(folder: str | Path | None, name: str) -> list[Path]:
    paths = sorted(Path(folder or data_folder() / "dialogues" / name).glob("*.jsonl"))
    if not paths:
        raise CorpusError(
            f"{folder or name} 폴더에 .jsonl 파일이 없습니다. 경로를 확인하세요.",
            f"There is no .jsonl file in {folder or name}. Check the path.",
        )
    return paths


def _iter_rows(path: Path) -> Iterator[tuple[int, Any]]:
    with open_corpus_file(path) as handle:
        try:
            yield from iter_json_records(handle)
        except json.JSONDecodeError as error:
            raise CorpusError(
                f"{path}에 JSON이 아닌 줄이 있습니다: {error}. 그 줄을 고치세요.",
                f"{path} has a line that is not JSON: {error}. Correct that line.",
            ) from error


def _parse_intent(path: Path, number: int, row: Any) -> Intent:
    try:
        return Intent(
            row["id"],
            path.stem,
            row["split"],
            tuple(row["questions"]),
            tuple(row.get("valid_questions", ())),
            tuple(row.get("test_questions", ())),
            row["answer"],
            row.get("answerable", True),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _row_error(path, number) from error


def _row_error(path: Path, number: int) -> CorpusError:
    return CorpusError(
        f"{path}의 {number}번째 줄에 빠진 필드가 있습니다. data/dialogues/README.md의 형식을 보세요.",
        f"{path}, line {number}: a field is missing. See the format in data/dialogues/README.md.",
    )
