"""Corpora: files, splits, caches."""

from __future__ import annotations

import gzip
import json
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import korlm
from korlm.corpora.files import read_lines
from korlm.corpora.memmap import LineWriter, MemmapLines, lines_sha256
from korlm.corpora.registry import Corpus, assign_split, split_lines
from korlm.corpora.token_cache import encode_to_memmap
from korlm.errors import CorpusError, UnknownNameError
from korlm.tokenizers.segmented import byte_tokenizer

LINES = ["첫 줄", "둘째, 줄", '셋째 "줄']


def written(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    data = content.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_every_format_yields_the_same_lines(tmp_path: Path, suffix: str) -> None:
    text = "\n".join(LINES) + "\n\n"
    jsonl = "".join(json.dumps({"text": line}, ensure_ascii=False) + "\n" for line in LINES)
    table = "id,text\n" + "".join(f'{i},"{line.replace(chr(34), chr(34) * 2)}"\n' for i, line in enumerate(LINES))
    tabs = "".join(f"{i}\t5\t{line}\n" for i, line in enumerate(LINES))
    one_column = "".join(f'"{line.replace(chr(34), chr(34) * 2)}"\n' for line in LINES)
    assert list(read_lines(written(tmp_path, "a.txt" + suffix, text))) == LINES
    assert list(read_lines(written(tmp_path, "a.jsonl" + suffix, jsonl))) == LINES
    assert list(read_lines(written(tmp_path, "a.csv" + suffix, table))) == LINES
    assert list(read_lines(written(tmp_path, "a.csv" + suffix, one_column))) == LINES
    assert list(read_lines(written(tmp_path, "a.csv" + suffix, "\n" + table))) == LINES
    assert list(read_lines(written(tmp_path, "a.tsv" + suffix, tabs), column=2)) == LINES
    assert list(read_lines(written(tmp_path, "a.tsv" + suffix, tabs), column=1)) == ["5"] * 3


def test_crlf_and_byte_order_mark_are_removed(tmp_path: Path) -> None:
    assert list(read_lines(written(tmp_path, "a.txt", "\ufeff가\r\n나\r\n"))) == ["가", "나"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.doc", b"x", "형식"),
        ("a.txt", "가".encode("cp949"), "UTF-8"),
        ("a.txt.gz", b"not gzip", "읽지 못했습니다"),
        ("a.jsonl", b"{", "1번째 줄: JSON이 아닙니다"),
        ("a.jsonl", b'{"a": 1}\n', "column"),
        ("a.jsonl", b'{"text": "\xea\xb0\x80"}\n5\n', "line 2"),
        *(("a.jsonl", value, "column") for value in (b"5", b"null", b"true", b"[1]", b'["text"]', b'{"text": null}')),
        ("a.jsonl", b'"a"\n' + b"[" * 100_000, "2번째 줄: JSON이 아닙니다"),
        ("a.csv", b'text\n"a\nb\n', "2번째 줄: 따옴표"),
        ("a.txt.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff", "읽지 못했습니다"),
    ],
)
def test_an_unreadable_file_raises_corpus_error(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError, match=message):
        list(read_lines(tmp_path / name))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_table_of_unknown_columns_raises_an_error_that_lists_them(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, "번호,본문,평점\n1,좋아요,5\n".replace(",", "," if name == "a.csv" else "\t"))
    for column in (None, "내용"):
        with pytest.raises(CorpusError) as error:
            list(read_lines(path, column=column))
        assert all(
            "0 '번호', 1 '본문', 2 '평점'" in text and "--column" in text for text in (error.value.ko, error.value.en)
        )
        assert column is None or "'내용'" in error.value.ko
    assert list(read_lines(path, column="본문")) == ["좋아요"]


TEXT = "이 영화는 정말 재미있다.\n"


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".txt.gz"])
@pytest.mark.parametrize(("encoding", "name"), [("cp949", "cp949"), ("euc-kr", "cp949"), ("utf-16", "utf-16")])
def test_another_encoding_is_named_with_the_command_that_converts_it(
    tmp_path: Path, encoding: str, name: str, suffix: str
) -> None:
    path = tmp_path / f"내 말뭉치{suffix}"
    path.write_bytes(gzip.compress(TEXT.encode(encoding)) if suffix.endswith("gz") else TEXT.encode(encoding))
    with pytest.raises(CorpusError) as error:
        list(read_lines(path))
    command = error.value.en.split("Convert it: ")[1]
    assert f"iconv -f {name} -t utf-8" in command and "UTF-8" in error.value.ko and command in error.value.ko
    subprocess.run(command, shell=True, check=True)
    (converted,) = set(tmp_path.iterdir()) - {path}
    content = converted.read_bytes()
    assert (gzip.decompress(content) if suffix.endswith("gz") else content).decode("utf-8-sig") == TEXT


def test_bytes_that_are_no_known_encoding_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("안녕".encode() + b"\xff" + "하세요".encode())
    with pytest.raises(CorpusError) as error:
        list(read_lines(path))
    assert "cp949" not in error.value.en and "iconv" in error.value.en


def test_a_missing_column_raises_corpus_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="'body'"):
        list(read_lines(written(tmp_path, "a.csv", "id,text\n1,가\n"), column="body"))
    with pytest.raises(CorpusError, match="'7'"):
        list(read_lines(written(tmp_path, "a.tsv", "1\t가\n"), column=7))


def test_an_empty_corpus_and_an_unknown_name_raise_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CorpusError, match="비었습니다"):
        korlm.load_corpus(written(tmp_path, "a.txt", "\n\n"))
    with pytest.raises(UnknownNameError, match="kolaw"):
        korlm.load_corpus("nothing.txt")
    monkeypatch.delenv("KORLM_CORPORA", raising=False)
    with pytest.raises(CorpusError, match="KORLM_CORPORA"):
        korlm.load_corpus("reviews")


def test_a_line_never_changes_its_split() -> None:
    lines = [f"줄 {i}" for i in range(3000)]
    corpus = split_lines("all", lines)
    fewer = split_lines("some", lines[::-3])
    assert set(fewer.test) <= set(corpus.test)
    assert not set(corpus.train) & (set(corpus.test) | set(corpus.valid))
    assert len(corpus.test) == pytest.approx(150, abs=50)
    assert assign_split("대한민국은 민주공화국이다.") == "test"  # golden: a change would move lines of users' corpora


def test_the_bundled_corpora_are_the_statutes() -> None:
    kolaw, kobill = korlm.load_corpus("kolaw"), korlm.load_corpus("kobill")
    assert any("대한민국" in line for line in kolaw.train)
    assert len(kobill.train) > 500


def test_the_reviews_have_predefined_splits(corpora: Path) -> None:
    corpus = korlm.load_corpus("reviews")
    assert (len(corpus.train), len(corpus.valid), len(corpus.test)) == (628_425, 20_000, 20_000)
    assert sum(len(line) + 1 for line in corpus.test) == 742_126


def test_token_arrays_are_cached_by_content_and_signature(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path))
    tokenizer = korlm.load_tokenizer("syllable")
    first = np.array(encode_to_memmap(LINES, tokenizer))  # a copy: the file that it is mapped from is damaged below
    again = encode_to_memmap(LINES, tokenizer)
    assert isinstance(again, np.memmap)
    assert first.tolist() == again.tolist()
    assert tokenizer.decode(first.tolist()) == "".join(LINES)
    (file,) = (tmp_path / "tokens").iterdir()
    file.write_bytes(b"damaged")
    assert encode_to_memmap(LINES, tokenizer).tolist() == first.tolist()
    encode_to_memmap(LINES[:2], tokenizer)
    assert len(list((tmp_path / "tokens").iterdir())) == 2


def test_a_large_file_is_cached_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("korlm.corpora.memmap._MIN_CACHED_BYTES", 0)
    path = written(tmp_path, "a.jsonl", "".join(json.dumps({"text": f"줄\n{i}", "b": "가"}) + "\n" for i in range(300)))
    first = korlm.load_corpus(path)
    held = Corpus(str(path), [*first.train], [*first.valid], [*first.test])
    assert first == held and first.digest == held.digest and isinstance(first.train, MemmapLines)
    assert korlm.load_corpus(path, limit=7).train == held.train[:7]
    (entry,) = (tmp_path / "cache" / "corpora").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr("korlm.corpora.registry.read_lines", None)
        assert korlm.load_corpus(path) == first, "read from the cache"
    assert korlm.load_corpus(path, column="b") != first
    for file in sorted(entry.iterdir()):
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        for damage in (bytes(data), b"", b"{}", b"\x80" * len(data)):
            file.unlink()  # what is mapped is not written over
            file.write_bytes(damage)
            assert korlm.load_corpus(path) == held, f"{file.name}: a damaged entry is made again"
        file.unlink()
        assert korlm.load_corpus(path) == held
    path.write_text('{"text": "새 줄"}\n', "utf-8")
    corpus = korlm.load_corpus(path)
    assert corpus.train + corpus.valid + corpus.test == ["새 줄"]


def test_an_unwritable_cache_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("korlm.corpora.memmap._MIN_CACHED_BYTES", 0)
    corpus = korlm.load_corpus(written(tmp_path, "a.txt", "가\n" * 10))
    tokenizer = korlm.load_tokenizer("syllable")
    assert len(encode_to_memmap([*corpus.train, *corpus.valid, *corpus.test], tokenizer)) == 20


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lines=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=12), data=st.data())
def test_memory_mapped_lines_equal_the_list(lines: list[str], data: st.DataObject, tmp_path: Path) -> None:
    together = data.draw(st.integers(1, 5))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("korlm.corpora.memmap._BATCH_LINES", together)
        with LineWriter(tmp_path / "some") as writer:
            for line in lines:
                writer.add(line)
        stored = MemmapLines(tmp_path / "some")
        assert stored == lines and len(stored) == len(lines) and list(reversed(stored)) == lines[::-1]
        assert stored.digest == lines_sha256(lines)
        count = data.draw(st.integers(0, 14))
        assert stored.head(count) == lines[:count] and stored.head(count).digest == lines_sha256(lines[:count])
        where = data.draw(st.slices(len(lines)))
        assert stored[where] == lines[where]
        assert stored + LINES == lines + LINES and LINES + stored == LINES + lines
        with pytest.raises(IndexError):
            stored[len(lines)]


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KORLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("korlm.corpora.streaming._BATCH_CHARACTERS", 2**16)
    monkeypatch.setattr("korlm.corpora.memmap._BATCH_LINES", 1_000)
    monkeypatch.setattr("korlm.corpora.memmap._CHUNK_BYTES", 2**16)
    peaks: dict[bool, list[int]] = {False: [], True: []}
    for number in (30_000, 90_000):
        path = tmp_path / f"{number}.txt"
        path.write_text("\n".join(f"모든 권력은 국민으로부터 나온다 {line}" for line in range(number)), "utf-8")
        for again in peaks:
            tracemalloc.start()
            corpus = korlm.load_corpus(path)
            ids = encode_to_memmap(corpus.train, byte_tokenizer())
            peaks[again].append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert len(corpus.train) > number * 0.88 and len(ids) > 40 * number * 0.88
    for few, many in peaks.values():
        assert many < 1.2 * few, f"{few / 1e6:.1f} and {many / 1e6:.1f} MB"
