"""Sets of paraphrases for training and measuring a question encoder: open corpora and the project's own intents.

>>> own = load_paraphrase_sets("intents")
>>> len(own.groups) > 4000, all(len(group) > 1 for group in own.groups)
(True, True)
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from korlm.corpora.download import download_songys_chatbot
from korlm.corpora.files import iter_json_records, iter_table_rows, open_corpus_file
from korlm.corpora.intents import load_intents
from korlm.errors import CorpusError, UnknownNameError
from korlm.text.josa import quote_with_josa, with_josa
from korlm.text.normalization import normalize_message

SHARE_ALIKE = "CC BY-SA 4.0"
_HELD_OUT_INTENT_FRACTION = 5  # one in five questions of the MS intents
_VALID_PAIR_FRACTION = 7  # one in seven of the paraphrase pairs


@dataclass(frozen=True)
class ParaphraseSets:
    """Texts of one meaning, set by set.

    Attributes:
        name: the name of the corpus.
        license: its license.
        groups: the training sets, each of two texts or more.
        held_out: texts that are held out, with the number of the set that they belong to. Empty if there are none.
    """

    name: str
    license: str
    groups: list[tuple[str, ...]] = field(repr=False)
    held_out: list[tuple[str, int]] = field(default_factory=list, repr=False)


class QuestionPair(NamedTuple):
    """A question and its paraphrase among the questions of Songys' Chatbot_data."""

    text: str
    known_question: str


class SongysPairs(NamedTuple):
    """The pairs of ``question_pair``: of known questions for training and validation, of new questions for the test."""

    train: list[QuestionPair]
    valid: list[QuestionPair]
    test: list[QuestionPair]


def load_paraphrase_sets(name: str) -> ParaphraseSets:
    """Load sets of paraphrases.

    Args:
        name: ``intents`` (the training intents of the project), ``ms_chitchat_ko`` (a fifth of each intent's questions is
            held out), ``songys_answers`` (questions with the same answer), ``parakqc`` or ``stylekqc``. All but the first
            are read from the folder ``KORLM_CORPORA``.

    Raises:
        UnknownNameError: no such corpus.
        CorpusError: the corpus is not there or cannot be read.
    """
    if name not in _LOADERS:
        names = ", ".join(_LOADERS)
        raise UnknownNameError(
            f"{quote_with_josa(name, '이라는/라는')} 바꿔 말한 글 묶음은 없습니다. 쓸 수 있는 이름: {names}.",
            f"There are no paraphrase sets '{name}'. Names: {names}.",
        )
    return _LOADERS[name]()


def load_songys_questions() -> list[str]:
    """Return the different questions of Songys' Chatbot_data, in their order."""
    return list(dict.fromkeys(question for question, _ in _iter_songys_rows()))


def load_question_pairs() -> SongysPairs:
    """Load ``question_pair``. The validation pairs are one in seven pairs of known questions.

    Raises:
        CorpusError: the corpus is not there or cannot be read.
    """
    rows = [QuestionPair(first, second) for first, second, *_ in list(_iter_rows("question_pair/paraphrases.tsv"))[1:]]
    rows = [row for row in rows if row.text != row.known_question]
    is_valid = [_hash_text("\t".join(row)) % _VALID_PAIR_FRACTION == 0 for row in rows]
    return SongysPairs(
        [row for row, held_out in zip(rows, is_valid, strict=True) if not held_out],
        [row for row, held_out in zip(rows, is_valid, strict=True) if held_out],
        [QuestionPair(text, known) for text, known, *_ in list(_iter_rows("question_pair/new_questions.tsv"))[1:]],
    )


def load_songys_answers() -> list[tuple[str, str]]:
    """Return Songys' questions with their answers."""
    return list(_iter_songys_rows())


def _load_intent_sets() -> ParaphraseSets:
    intents = [intent for intent in load_intents() if intent.split == "train"]
    groups = [tuple(map(normalize_message, intent.questions)) for intent in intents]
    held_out = [
        (normalize_message(question), row) for row, intent in enumerate(intents) for question in intent.valid_questions
    ]
    return ParaphraseSets("intents", "Apache-2.0", groups, held_out)


def _load_chitchat_sets() -> ParaphraseSets:
    questions_by_intent: dict[int, list[str]] = defaultdict(list)
    path = _find_corpus("ms_chitchat_ko/chitchat.jsonl.gz")
    with open_corpus_file(path) as handle:
        for _, row in iter_json_records(handle, path):
            questions_by_intent[row["intent_friendly"]].append(normalize_message(row["q"]))
    groups, held_out = [], []
    for number, questions in enumerate(questions_by_intent.values()):
        ordered = sorted(set(questions), key=_hash_text)
        num_held_out = len(ordered) // _HELD_OUT_INTENT_FRACTION
        held_out += [(question, number) for question in ordered[:num_held_out]]
        groups.append(tuple(ordered[num_held_out:]))
    return ParaphraseSets("ms_chitchat_ko", "MIT", groups, held_out)


def _load_songys_sets() -> ParaphraseSets:
    by_answer: dict[str, dict[str, None]] = defaultdict(dict)
    for question, answer in _iter_songys_rows():
        by_answer[answer][question] = None
    # an answer to many questions fits anything, so its questions do not mean the same
    groups = [tuple(questions) for questions in by_answer.values() if 2 <= len(questions) <= 12]
    return ParaphraseSets("songys_answers", "MIT", groups)


def _load_parakqc_sets() -> ParaphraseSets:
    texts = [cells[2] for cells in _iter_rows("parakqc/paraKQC_v1.tsv.gz")]
    return ParaphraseSets("parakqc", SHARE_ALIKE, _group_by_ten(texts))


def _load_stylekqc_sets() -> ParaphraseSets:
    groups = []
    for split in ("train", "dev", "test"):
        rows = list(_iter_rows(f"stylekqc/topic-{split}.tsv.gz"))[1:]
        groups += _group_by_ten([cells[1] for cells in rows])
    return ParaphraseSets("stylekqc", SHARE_ALIKE, groups)


_LOADERS: dict[str, Callable[[], ParaphraseSets]] = {
    "intents": _load_intent_sets,
    "ms_chitchat_ko": _load_chitchat_sets,
    "songys_answers": _load_songys_sets,
    "parakqc": _load_parakqc_sets,
    "stylekqc": _load_stylekqc_sets,
}


def _group_by_ten(texts: list[str]) -> list[tuple[str, ...]]:
    groups = (tuple(dict.fromkeys(texts[start : start + 10])) for start in range(0, len(texts), 10))
    return [group for group in groups if len(group) > 1]


def _iter_songys_rows() -> Iterator[tuple[str, str]]:
    with open_corpus_file(download_songys_chatbot(), newline="") as handle:
        for row in csv.DictReader(handle):
            yield normalize_message(row["Q"]), normalize_message(row["A"])


def _iter_rows(name: str) -> Iterator[list[str]]:
    """Yield the normalized fields of the rows of a .tsv file, its header too."""
    path = _find_corpus(name)
    with open_corpus_file(path, newline="") as handle:
        for _, cells in iter_table_rows(handle, path):
            yield list(map(normalize_message, cells))


def _find_corpus(name: str) -> Path:
    path = Path(os.environ.get("KORLM_CORPORA", "")) / name
    if not os.environ.get("KORLM_CORPORA") or not path.is_file():
        raise CorpusError(
            f"{with_josa(name, '이/가')} 없습니다. 그 파일이 든 폴더를 KORLM_CORPORA로 알려 주세요.",
            f"{name} is not there. Set KORLM_CORPORA to the folder that holds it.",
        )
    return path


def _hash_text(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
