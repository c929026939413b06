"""Questions and answers: near duplicates, disjoint splits, valid and invalid files, downloads."""

from __future__ import annotations

import json
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from korlm.corpora import download
from korlm.corpora.dialogues import DialoguePair, PairCorpus, dialogue_pairs, load_pairs
from korlm.corpora.near_duplicates import (
    NEAR_DUPLICATE_JACCARD,
    cluster_near_duplicates,
    near_duplicate_pairs,
    normalize_for_matching,
)
from korlm.errors import CorpusError, UnknownNameError
from korlm.i18n import localize

POLITE = re.compile(r"(요|죠|고맙습니다|감사합니다)[.!?~…'\"]*$")


def bigrams(text: str) -> set[str]:
    return {text[place : place + 2] for place in range(max(1, len(text) - 1))}


def jaccard(one: str, two: str) -> float:
    return len(bigrams(one) & bigrams(two)) / len(bigrams(one) | bigrams(two))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.text("가나다", min_size=1, max_size=9), max_size=14, unique=True),
    st.sampled_from([0.3, 0.5, 2 / 3, 0.75, 0.9, 1.0]),
)
def test_exactly_the_near_duplicate_pairs_are_found(texts: list[str], least: float) -> None:
    expected = {
        (one, two)
        for two in range(len(texts))
        for one in range(two)
        if len(bigrams(texts[one]) & bigrams(texts[two])) >= least * len(bigrams(texts[one]) | bigrams(texts[two]))
    }
    found = list(near_duplicate_pairs(texts, least))
    assert set(found) == expected and len(found) == len(expected)


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.text("가나다? ", max_size=6)] * 2), max_size=10))
def test_clusters_are_connected_by_near_duplicates(items: list[tuple[str, str]]) -> None:
    found = cluster_near_duplicates(items)
    keys = [[normalize_for_matching(text) for text in item] for item in items]
    joined = [{index} for index in range(len(items))]
    for one, mine in enumerate(keys):
        for two, others in enumerate(keys):
            if any(a == b or jaccard(a, b) >= NEAR_DUPLICATE_JACCARD for a in mine for b in others):
                whole = joined[one] | joined[two]
                for index in whole:
                    joined[index] = whole
    assert found == [min(some) for some in joined]


def check_splits(pairs: PairCorpus) -> None:
    """Check that no question or answer of a split is a near duplicate of one in another."""
    sides = [pairs.train, pairs.valid, pairs.test]
    assert all(sides) and 0.85 < len(pairs.train) / sum(map(len, sides)) < 0.95
    place: dict[str, int] = {}
    for number, side in enumerate(sides):
        for pair in side:
            for text in (pair.question, pair.answer, *pair.history):
                assert place.setdefault(normalize_for_matching(text), number) == number, text
    texts = list(place)
    for one, two in near_duplicate_pairs(texts):
        assert place[texts[one]] == place[texts[two]], (texts[one], texts[two])


def test_bundled_dialogues_match_their_description() -> None:
    pairs = load_pairs("dialogues")
    check_splits(pairs)
    every = [*pairs.train, *pairs.valid, *pairs.test]
    assert len(every) == 1_549 and pairs.num_incomplete == pairs.num_duplicates == 0
    assert len({normalize_for_matching(pair.answer) for pair in every}) == len(every), "no answer twice"
    first = [normalize_for_matching(pair.question) for pair in every if not pair.history]
    assert len(set(first)) == len(first) == 1_370
    for pair in every:
        assert all(POLITE.search(part) for part in re.split(r"(?<=[.!?])\s+", pair.answer)), pair.answer
        assert len(pair.question) <= 40 and len(pair.answer) <= 55
    assert sum(not POLITE.search(pair.question) for pair in every) <= 12
    assert all(any(turn == other.question for other in every) for pair in every for turn in pair.history[:1])


def test_songys_pairs(corpora: Path) -> None:
    pairs = load_pairs("songys_chatbot")
    check_splits(pairs)
    assert len(pairs.train) + len(pairs.valid) + len(pairs.test) == 11_823 - 73 and pairs.num_duplicates == 73
    assert any(
        pair == DialoguePair("12시 땡!", "하루가 또 가네요.") for pair in (*pairs.train, *pairs.valid, *pairs.test)
    )
    both = load_pairs("dialogues+songys_chatbot")
    check_splits(both)
    assert both.digest != pairs.digest and load_pairs("songys_chatbot").digest == pairs.digest


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'Q,A,label\n"안녕, 뭐 해?",글을 읽어요.,0\n,빈 물음이에요.,0\n빈 답,  ,0\n짧은 줄\n"안녕, 뭐 해?",글을 읽어요.,1\n'),
        ("a.tsv", "﻿id\t질문\t답변\n1\t안녕, 뭐 해?\t글을 읽어요.\n2\t\t빈\n3\t빈\t\n4\n5\t안녕,  뭐 해?\t글을 읽어요.\n"),
        (
            "a.jsonl",
            "".join(
                json.dumps(row) + "\n\n"
                for row in (
                    {"question": "안녕, 뭐 해?", "answer": "글을 읽어요."}, {"question": "", "answer": "빈"}, {"turns": ["혼잣말"]},
                    {"question": None, "answer": "없음"}, {"turns": ["안녕, 뭐 해?", "글을\n읽어요."]},
                )
            ),
        ),
    ],
)  # fmt: skip
def test_incomplete_and_duplicate_rows_of_files_are_counted(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    pairs = load_pairs(tmp_path / name)
    assert [*pairs.train, *pairs.valid, *pairs.test] == [DialoguePair("안녕, 뭐 해?", "글을 읽어요.")]
    assert (pairs.num_incomplete, pairs.num_duplicates) == (3, 1)


def test_the_pairs_of_a_dialogue_are_in_one_split(tmp_path: Path) -> None:
    turns = [
        [f"{number}번째 이야기를 시작할까요?", f"{number} 좋아요.", "더요.", f"끝 {number}"] for number in range(40)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"turns": some}) + "\n" for some in turns), "utf-8")
    pairs = load_pairs(tmp_path / "a.jsonl")
    assert sum(map(len, (pairs.train, pairs.valid, pairs.test))) == 80
    assert sorted(map(bool, (pairs.train, pairs.valid, pairs.test))) == [False, False, True], (
        "'더요.' is in all of them"
    )
    assert dialogue_pairs(["가", "나", "다"]) == [DialoguePair("가", "나")]


@pytest.mark.parametrize(
    ("name", "content", "ko", "en"),
    [
        ("a.csv", "물음표,A\n가,나\n", "물음의 열", "no column question"),
        ("a.csv", "Q,B\n가,나\n", "있는 열: Q, B", "It has: Q, B"),
        ("a.csv", "", "물음과 답이 모두 있는 줄이 없습니다", "no row with both"),
        ("a.csv", "Q,A\n,\n", "물음과 답이 모두 있는 줄이 없습니다", "no row with both"),
        ("a.jsonl", '["가", "나"]\n', "기록이 아닙니다", "not a record"),
        ("a.jsonl", "{가\n", "1번째 줄: JSON이 아닙니다", "line 1: not JSON"),
        ("a.jsonl", '{"text": "가"}\n', "물음의 열", "no column question"),
        ("a.txt", "가\n", "형식을 모릅니다", "Unknown format"),
    ],
)
def test_an_invalid_file_raises_an_error_that_explains_it(
    name: str, content: str, ko: str, en: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(CorpusError) as caught:
        load_pairs(tmp_path / name)
    assert ko in caught.value.message("ko") and en in caught.value.message("en")


def test_columns_can_be_named_and_invalid_bytes_and_names_raise_errors(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("사람,기계\n가,나\n", "utf-8")
    assert load_pairs(tmp_path / "a.csv", question="사람", answer="기계").name
    with pytest.raises(CorpusError, match="열" if localize("ko", "en") == "ko" else "column"):
        load_pairs(tmp_path / "a.csv", question="사람", answer="없음")
    (tmp_path / "b.csv").write_bytes(b"Q,A\n\xb0\xa1,\xb3\xaa\n")
    with pytest.raises(CorpusError, match="UTF-8"):
        load_pairs(tmp_path / "b.csv")
    with pytest.raises(UnknownNameError, match="songys_chatbot"):
        load_pairs("no-such-dialogues")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def test_songys_pairs_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "ChatbotData.csv").write_text("Q,A,label\n가,나요.,0\n", "utf-8")
    monkeypatch.delenv("KORLM_CORPORA", raising=False)
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path / "cache"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path / "web"))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("KORLM_SONGYS_URL", f"{address}/missing.csv")
        with pytest.raises(CorpusError, match=r"ChatbotData\.csv") as caught:
            load_pairs("songys_chatbot")
        assert "404" in str(caught.value)
        monkeypatch.setenv("KORLM_SONGYS_URL", f"{address}/ChatbotData.csv")
        found = load_pairs("songys_chatbot")
        server.shutdown()
    assert load_pairs("songys_chatbot") == found and (tmp_path / "cache" / "songys_chatbot").is_dir()


def test_downloads_are_verified_by_sha256(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    web, path = tmp_path / "web", tmp_path / "cache" / "songys_chatbot" / "ChatbotData.csv"
    web.mkdir()
    (web / "ChatbotData.csv").write_text("Q,A,label\n가,나요.,0\n", "utf-8")
    monkeypatch.delenv("KORLM_CORPORA", raising=False)
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path / "cache"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(web))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/ChatbotData.csv"
        monkeypatch.setenv("KORLM_SONGYS_URL", url)
        monkeypatch.setitem(download.KNOWN_SHA256, url, "0" * 64)
        with pytest.raises(CorpusError, match="SHA-256"):
            download.download_songys_chatbot()
        assert not path.exists(), "a file that does not match the known digest is not kept"
        monkeypatch.delitem(download.KNOWN_SHA256, url)
        content = download.download_songys_chatbot().read_bytes()
        path.write_bytes(content[:-9])
        assert download.download_songys_chatbot().read_bytes() == content, "a damaged file is downloaded again"
        path.write_bytes(content[:-9])
        (web / "ChatbotData.csv").write_text("Q,A,label\n가,다요.,0\n", "utf-8")
        with pytest.raises(CorpusError, match="SHA-256"):
            download.download_songys_chatbot()
        path.with_name("ChatbotData.csv.sha256").unlink()
        assert download.download_songys_chatbot().read_bytes() == content[:-9], "put there by hand: used as it is"
        server.shutdown()
