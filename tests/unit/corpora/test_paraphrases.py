"""Sets of paraphrases: the open corpora, their splits, and what is missing."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from korlm.corpora.paraphrases import load_paraphrase_sets, load_question_pairs, load_songys_questions
from korlm.errors import CorpusError, UnknownNameError

needs_corpora = pytest.mark.skipif(not os.environ.get("KORLM_CORPORA"), reason="KORLM_CORPORA is not set")


@needs_corpora
@pytest.mark.parametrize(
    ("name", "num_groups", "num_held_out"),
    [("ms_chitchat_ko", 84, 1211), ("parakqc", 1000, 0), ("stylekqc", 3000, 0), ("songys_answers", 2930, 0)],
)
def test_the_corpora_have_their_sets(name: str, num_groups: int, num_held_out: int) -> None:
    corpus = load_paraphrase_sets(name)
    assert (len(corpus.groups), len(corpus.held_out)) == (num_groups, num_held_out)
    assert all(len(set(group)) == len(group) >= 2 for group in corpus.groups)
    held_out = {text for text, _ in corpus.held_out}
    assert not any(held_out & set(corpus.groups[label]) for _, label in corpus.held_out)


@needs_corpora
def test_the_question_pairs_name_known_questions() -> None:
    known = set(load_songys_questions())
    pairs = load_question_pairs()
    assert (len(pairs.train), len(pairs.valid), len(pairs.test)) == (2344, 396, 784)
    assert all(pair.known_question in known for pair in pairs.test)
    assert not set(pairs.train) & set(pairs.valid)


def test_the_intents_hold_their_phrasings_out() -> None:
    corpus = load_paraphrase_sets("intents")
    assert len(corpus.held_out) > 1000
    assert not any(text in corpus.groups[label] for text, label in corpus.held_out)


def test_a_missing_corpus_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KORLM_CORPORA", str(tmp_path))
    with pytest.raises(CorpusError, match="KORLM_CORPORA"):
        load_paraphrase_sets("parakqc")
    with pytest.raises(UnknownNameError, match="stylekqc"):
        load_paraphrase_sets("paws")


def test_a_question_of_two_intents_is_held_out_of_its_own_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "ms_chitchat_ko"
    folder.mkdir()
    rows = [{"q": f"물음 {number}", "intent_friendly": number % 2} for number in range(20)]
    with gzip.open(folder / "chitchat.jsonl.gz", "wt", encoding="utf-8") as handle:
        handle.writelines(json.dumps(row) + "\n" for row in rows)
    monkeypatch.setenv("KORLM_CORPORA", str(tmp_path))
    corpus = load_paraphrase_sets("ms_chitchat_ko")
    assert [len(group) for group in corpus.groups] == [8, 8]
    assert len(corpus.held_out) == 4
