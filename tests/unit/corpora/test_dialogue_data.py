"""The bundled dialogue data: size, form, register, stock sentences, banned content, and splits without near duplicates."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from korlm.chat.safety.rules import match_rules
from korlm.corpora.dialogues import load_pairs
from korlm.corpora.intents import Intent, iter_multi_turn_dialogues, load_intents
from korlm.corpora.near_duplicates import near_duplicate_pairs, normalize_for_matching
from korlm.errors import CorpusError
from korlm.storage.artifacts import data_folder

FOLDER = data_folder() / "dialogues"
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
POLITE = re.compile(r"(요|죠)[.!?…~'\"’”)]*$")
BANNED = re.compile(
    "[\U0001f300-\U0001faff]|ㅋㅋ|ㅎㅎ|ㅠㅠ|https?:|www\\.|시발|씨발|새끼|병신|화이팅|파이팅|저도 (어제|아까) (먹|자|잤|봤|갔)|"
    "제가 (먹어 보니|가 보니|봤는데|들어 보니)"
)
HELPLINES = {"109", "110", "112", "117", "118", "119", "120", "126", "129", "132", "1336", "1339", "1342", "1345", "1350", "1366",
             "1372", "1388", "1397", "182", "114", "131", "1330", "1588", "1577-0199"}  # fmt: skip


@pytest.fixture(scope="module")
def intents() -> list[Intent]:
    return load_intents()


@pytest.fixture(scope="module")
def dialogues() -> list[tuple[str, tuple[str, ...]]]:
    return list(iter_multi_turn_dialogues())


@pytest.fixture(scope="module")
def answers(intents: list[Intent], dialogues: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    return [intent.answer for intent in intents] + [turn for _, turns in dialogues for turn in turns[1::2]]


def test_there_is_as_much_as_the_readme_says(
    intents: list[Intent], dialogues: list[tuple[str, tuple[str, ...]]]
) -> None:
    num_pairs = sum(len(intent.all_questions) for intent in intents)
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert len(intents) >= 4000 and num_pairs >= 25_000 and len(dialogues) >= 1500
    for count in (len(intents), num_pairs, len(dialogues)):
        assert f"{count:,}" in readme
    for split, least in (("valid", 200), ("test", 200)):
        assert sum(intent.split == split for intent in intents) >= least
    assert sum(not intent.is_answerable for intent in intents) >= 300


def test_each_row_has_an_id_an_origin_and_a_license() -> None:
    ids = []
    for path in [*FOLDER.glob("intents/*.jsonl"), *FOLDER.glob("multi_turn/*.jsonl")]:
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            ids.append(row["id"])
            assert (row["origin"], row["license"]) == ("korlm", "Apache-2.0") and row["split"] in (
                "train",
                "valid",
                "test",
            )
            texts = row.get("turns") or [*row["questions"], row["answer"]]
            assert all(text == " ".join(text.split()) and text for text in texts)
    assert len(set(ids)) == len(ids)


def test_each_intent_has_five_to_eight_different_phrasings(intents: list[Intent]) -> None:
    for intent in intents:
        assert 5 <= len(intent.all_questions) <= 8, intent.id
        assert intent.split == "train" or not (intent.valid_questions or intent.test_questions), intent.id
    owners: Counter[str] = Counter()
    for intent in intents:
        owners.update({normalize_for_matching(question) for question in intent.all_questions})
    assert not [key for key, count in owners.items() if count > 1], "one question has two answers"


def test_dialogues_have_two_to_five_exchanges(dialogues: list[tuple[str, tuple[str, ...]]]) -> None:
    assert {len(turns) for _, turns in dialogues} <= {4, 6, 8, 10}


def test_answers_are_short_polite_and_in_persona(answers: list[str]) -> None:
    for answer in answers:
        assert POLITE.search(answer), answer
        assert 5 <= len(answer) <= 80 and len(SENTENCE_END.split(answer)) <= 3, answer
        assert not BANNED.search(answer), answer
        assert (
            set(re.findall(r"(?<![\d.,-])1\d{2,3}(?:-\d{4})?(?![\d,.-]|자|원|년|개|명|번째|쪽|화|일|주년)", answer))
            <= HELPLINES
        ), answer


def test_no_sentence_is_used_more_than_thirty_times(answers: list[str]) -> None:
    sentences = Counter(sentence for answer in answers for sentence in SENTENCE_END.split(answer))
    assert sentences.most_common(1)[0][1] <= 30
    assert Counter(answers).most_common(1)[0][1] <= 3


def test_splits_share_no_near_duplicates(intents: list[Intent], dialogues: list[tuple[str, tuple[str, ...]]]) -> None:
    items = [(intent.split, [*intent.all_questions, intent.answer]) for intent in intents] + [
        (split, list(turns)) for split, turns in dialogues
    ]
    keys = [(split, normalize_for_matching(text)) for split, texts in items for text in texts]
    pairs = near_duplicate_pairs([key for _, key in keys])
    assert not [(keys[one], keys[two]) for one, two in pairs if keys[one][0] != keys[two][0]]


def test_held_out_phrasings_are_near_duplicates_of_no_other_text(intents: list[Intent]) -> None:
    held_out = [text for intent in intents for text in intent.valid_questions + intent.test_questions]
    others = [pair.question for split in ("train", "valid", "test") for pair in getattr(load_pairs("intents"), split)]
    keys = [normalize_for_matching(question) for question in held_out + others]
    assert len(held_out) > 1000
    assert not [(keys[one], keys[two]) for one, two in near_duplicate_pairs(keys) if one < len(held_out)]


def test_crisis_messages_are_left_to_the_guard(intents: list[Intent]) -> None:
    questions = [question for intent in intents for question in intent.all_questions]
    caught = [question for question in questions if match_rules(question)]
    assert len(caught) <= 0.002 * len(questions), caught[:20]


def corpus_texts(corpora: Path) -> Iterator[str]:
    with (corpora / "songys_chatbot" / "ChatbotData.csv").open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            yield from (row["Q"], row["A"])


def test_no_long_text_of_another_corpus_is_in_the_data(
    corpora: Path, intents: list[Intent], answers: list[str]
) -> None:
    questions = [question for intent in intents for question in intent.all_questions]
    other = {key for key in map(normalize_for_matching, corpus_texts(corpora)) if len(key) >= 14}
    assert not [text for text in questions + answers if normalize_for_matching(text) in other]


def test_pairs_of_the_intents_keep_their_split(intents: list[Intent]) -> None:
    pairs = load_pairs("intents")
    by_question: dict[str, str] = {question: intent.split for intent in intents for question in intent.questions}
    for split in ("train", "valid", "test"):
        for pair in getattr(pairs, split):
            assert by_question.get(pair.question, split) == split or pair.history


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": "a"}', "필드가 빠졌"),
        ("{", "1번째 줄: JSON"),
        ("[1]", "필드가 빠졌"),
        ("", ".jsonl"),
        ('{"id": "a", "split": "train", "questions": "배고파", "answer": "네."}', "형식이 다릅니다"),
        ('{"id": "a", "split": "train", "questions": [3], "answer": "네."}', "형식이 다릅니다"),
        ('{"id": "a", "split": "train", "questions": ["배고파"], "answer": null}', "형식이 다릅니다"),
        ('{"id": "a", "split": "all", "questions": ["배고파"], "answer": "네."}', "형식이 다릅니다"),
    ],
)
def test_a_damaged_file_is_a_clear_error(tmp_path: Path, line: str, message: str) -> None:
    if line:
        (tmp_path / "topic.jsonl").write_text(line + "\n", "utf-8")
    with pytest.raises(CorpusError) as caught:
        load_intents(tmp_path)
    assert (message in caught.value.ko and "topic" in caught.value.ko) or not line
