"""The project's own dialogue data: intents, which are questions of one meaning with one answer, and longer dialogues.

>>> intents = load_intents()
>>> len(intents) > 4000, all(len(intent.all_questions) >= 5 for intent in intents)
(True, True)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from korlm.corpora.files import iter_json_records, open_corpus_file, row_error
from korlm.errors import CorpusError, InputError
from korlm.storage.artifacts import data_folder
from korlm.text.normalization import normalize_message

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
    return [_parse_intent(path, number, row) for path, number, row in _iter_rows(folder, INTENT_FOLDER)]


def iter_multi_turn_dialogues(folder: str | Path | None = None) -> Iterator[tuple[SplitName, tuple[str, ...]]]:
    """Yield the split and the turns of each bundled dialogue of several exchanges, the user's turn first.

    Raises:
        CorpusError: a file cannot be read, or a row lacks a field.
    """
    for path, number, row in _iter_rows(folder, MULTI_TURN_FOLDER):
        try:
            yield _check_split(row["split"]), _normalize_texts(row["turns"])
        except (KeyError, TypeError, InputError) as error:
            raise _field_error(path, number) from error


def _data_files(folder: str | Path | None, name: str) -> list[Path]:
    paths = sorted(Path(folder or data_folder() / "dialogues" / name).glob("*.jsonl"))
    if not paths:
        raise CorpusError(
            f"{folder or name} 폴더에 .jsonl 파일이 없습니다. 경로를 확인하세요.",
            f"There is no .jsonl file in {folder or name}. Check the path.",
        )
    return paths


def _iter_rows(folder: str | Path | None, name: str) -> Iterator[tuple[Path, int, Any]]:
    for path in _data_files(folder, name):
        with open_corpus_file(path) as handle:
            for number, row in iter_json_records(handle, path):
                yield path, number, row


def _parse_intent(path: Path, number: int, row: Any) -> Intent:
    try:
        return Intent(
            row["id"],
            path.stem,
            _check_split(row["split"]),
            _normalize_texts(row["questions"]),
            _normalize_texts(row.get("valid_questions", [])),
            _normalize_texts(row.get("test_questions", [])),
            normalize_message(row["answer"]),
            row.get("answerable", True),
        )
    except (KeyError, TypeError, AttributeError, InputError) as error:
        raise _field_error(path, number) from error


def _normalize_texts(texts: Any) -> tuple[str, ...]:
    if not isinstance(texts, list):  # the characters of a string would be taken one by one
        raise TypeError(texts)
    return tuple(map(normalize_message, texts))


def _check_split(name: Any) -> SplitName:
    if name not in get_args(SplitName):
        raise TypeError(name)
    return name


def _field_error(path: Path, number: int) -> CorpusError:
    return row_error(
        path,
        number,
        "필드가 빠졌거나 형식이 다릅니다. data/dialogues/README.md의 형식을 보세요.",
        "a field is missing or of another type. See the format in data/dialogues/README.md.",
    )
