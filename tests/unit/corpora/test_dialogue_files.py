"""Dialogue files as people write them: every row is read, counted as incomplete, or named in an error."""

from __future__ import annotations

import csv
import gzip
import io
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from korlm.cli.main import main
from korlm.corpora.dialogues import DialoguePair, PairCorpus, load_pairs
from korlm.errors import CorpusError, InputError, KorlmError
from korlm.text.normalization import normalize_message

cells = st.text(st.sampled_from("가나다라마바사 \"',\t?!é\u200b\u3000ＡZ"), max_size=12)
tables = st.lists(st.tuples(cells, cells), min_size=1, max_size=8)
files = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def all_pairs(pairs: PairCorpus) -> set[tuple[str, str]]:
    return {(pair.question, pair.answer) for pair in (*pairs.train, *pairs.valid, *pairs.test)}


def check_rows(path: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Check that each row is a pair, a duplicate or incomplete."""
    expected = [(normalize_message(question), normalize_message(answer)) for question, answer in rows]
    complete = [row for row in expected if all(row)]
    if not complete:
        with pytest.raises(CorpusError, match=r"row|줄"):
            load_pairs(path)
        return
    pairs = load_pairs(path)
    assert all_pairs(pairs) == set(complete)
    assert pairs.num_duplicates == len(complete) - len(set(complete))


@files
@given(rows=tables, newline=st.sampled_from(["\n", "\r\n"]), bom=st.sampled_from(["", "\ufeff"]))
def test_rows_of_a_tsv_are_read_with_their_quotation_marks(
    rows: list[tuple[str, str]], newline: str, bom: str, tmp_path: Path
) -> None:
    rows = [(question.replace("\t", " "), answer.replace("\t", " ")) for question, answer in rows]
    lines = ["question\tanswer", *map("\t".join, rows)]
    (tmp_path / "a.tsv").write_bytes((bom + newline.join(lines)).encode())
    check_rows(tmp_path / "a.tsv", rows)


@files
@given(rows=tables, newline=st.sampled_from(["\n", "\r\n"]), bom=st.sampled_from(["", "\ufeff"]))
def test_rows_of_a_csv_are_read_as_they_were_written(
    rows: list[tuple[str, str]], newline: str, bom: str, tmp_path: Path
) -> None:
    content = io.StringIO(newline="")
    csv.writer(content, lineterminator=newline).writerows([("Q", "A"), *rows])
    (tmp_path / "a.csv").write_bytes((bom + content.getvalue()).encode())
    check_rows(tmp_path / "a.csv", rows)


@files
@given(rows=tables, ascii_only=st.booleans())
def test_rows_of_a_jsonl_are_read_as_they_were_written(
    rows: list[tuple[str, str]], ascii_only: bool, tmp_path: Path
) -> None:
    lines = [json.dumps({"질문": question, "답": answer}, ensure_ascii=ascii_only) for question, answer in rows]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    check_rows(tmp_path / "a.jsonl", rows)


@files
@given(
    content=st.one_of(
        st.text(st.sampled_from('Qq,A"\t\n\r{}[]:1가'), max_size=40).map(str.encode), st.binary(max_size=40)
    ),
    head=st.sampled_from([b"", b"Q,A\n", b"Q\tA\n", b'{"Q": "1", "A": "2"}\n', '{"turns": ["가", '.encode()]),
    suffix=st.sampled_from(["csv", "tsv", "jsonl"]),
)
def test_any_file_is_read_or_a_clear_error(content: bytes, head: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(head + content)
    try:
        assert all_pairs(load_pairs(path))
    except KorlmError as error:
        assert path.name in error.message("ko") and path.name in error.message("en")
        assert error.message("ko") != error.message("en")


def test_stray_quotation_marks_swallow_no_rows(tmp_path: Path) -> None:
    lines = [
        '"안녕\t반가워요',
        '뭐 해\t"그냥 있어요',
        "밥 먹었어\t네",
        '잘 자\t"네"',
        *(f'"질문 {n}번\t답 {n}번' for n in range(60)),
    ]
    (tmp_path / "a.tsv").write_text("\n".join(["Q\tA", *lines]), "utf-8")
    pairs = load_pairs(tmp_path / "a.tsv")
    assert all_pairs(pairs) == {tuple(line.split("\t")) for line in lines} and pairs.num_incomplete == 0


@pytest.mark.parametrize(
    ("name", "content", "line", "ko", "en"),
    [
        ("a.csv", 'Q,A\n가,나\n"안녕,네\n뭐 해,응\n', 3, "따옴표", "quotation marks"),
        ("a.csv", 'Q,A\n가,"나" 다\n', 2, "따옴표", "quotation marks"),
        ("a.csv", "Q,A\n가,나\n안녕, 뭐 해?,글을 읽어요.\n", 3, "필드가 3개", "3 fields"),
        ("a.tsv", "Q\tA\n안녕\t뭐 해?\t글\n", 2, "필드가 3개", "3 fields"),
        ("a.csv", '\n"Q",B\n가,나\n', 2, "있는 열: Q, B", "It has: Q, B"),
        ("a.jsonl", '{"Q": "가", "A": "나"}\n\n{"Q": "가"}\n', 3, "답의 열", "no column answer"),
        ("a.jsonl", '{"Q": "가", "A": 42}\n', 1, "문자열이 아닌 값이 있습니다: 42", "not a string: 42"),
        ("a.jsonl", '{"Q": ["가"], "A": "나"}\n', 1, "문자열이 아닌", "not a string"),
        ("a.jsonl", '{"Q": "가", "A": NaN}\n', 1, "NaN", "NaN"),
        ("a.jsonl", '{"turns": "안녕"}\n', 1, "turns", "turns"),
        ("a.jsonl", '{"turns": ["가", {"text": "나"}]}\n', 1, "문자열이 아닌", "not a string"),
        ("a.jsonl", '{"Q": "가", "A": "나"}\n{"Q": "\\ud800", "A": "나"}\n', 2, "서로게이트", "surrogate"),
        ("a.jsonl", '{"Q": "가", "A": "나"}\n{"Q": "가", "A": "나"\n', 2, "JSON", "JSON"),
        ("a.jsonl", "[" * 100_000, 1, "JSON", "JSON"),
        ("a.jsonl", '[\n{"Q": "가", "A": "나"}\n]\n', 1, "JSON", "JSON"),
        ("a.jsonl", '"안녕"\n', 1, "기록", "record"),
        ("a.jsonl", "null\n", 1, "기록", "record"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named(
    name: str, content: str, line: int, ko: str, en: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content, "utf-8")
    with pytest.raises(CorpusError) as caught:
        load_pairs(tmp_path / name)
    assert f"{name}의 {line}번째 줄" in caught.value.message("ko") and ko in caught.value.message("ko")
    assert f"{name}, line {line}" in caught.value.message("en") and en in caught.value.message("en")


def test_incomplete_rows_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("id\tQ\tA\n1\t가\t나\n2\n\n\t\t\n3\t다\n4\t \u200b\t라\n5\t마\t\u3164\n6\t바\t사\t\t\n", "utf-8")
    pairs = load_pairs(path)
    assert all_pairs(pairs) == {("가", "나"), ("바", "사")}
    assert pairs.incomplete_rows == tuple(f"{path}:{line}" for line in (3, 6, 7, 8)) and pairs.num_incomplete == 4
    (tmp_path / "ask.txt").write_text("가\n", "utf-8")
    main(["evaluate-chat", str(path), "--bots", "retrieval", "--ask", str(tmp_path / "ask.txt")])
    output = capsys.readouterr()
    assert f"{path}:3, {path}:6" in output.err and "나" in output.out


def test_null_is_a_missing_value(tmp_path: Path) -> None:
    rows = [{"turns": None, "Q": "가", "A": "나"}, {"Q": None, "A": "나"}, {"turns": ["가", None]}, {"turns": []}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    pairs = load_pairs(tmp_path / "a.jsonl")
    assert all_pairs(pairs) == {("가", "나")} and pairs.num_incomplete == 3


def test_headers_are_found_however_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.TSV"
    path.write_text(unicodedata.normalize("NFD", "\ufeff 질문 \t답변\u200b\n가\t나\n"), "utf-8")
    assert all_pairs(load_pairs(path)) == {("가", "나")}
    assert all_pairs(load_pairs(path, question="질문", answer="답변")) == {("가", "나")}
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress("Q,A\n가,나\n".encode()))
    assert all_pairs(load_pairs(packed)) == {("가", "나")}


def test_turns_are_normalized_like_messages(tmp_path: Path) -> None:
    turns = [" 뭐\u200b  해？\r\n", unicodedata.normalize("NFD", "글을\u3000읽어요."), "왜?", "\ufeff그냥요."]
    (tmp_path / "a.jsonl").write_text(json.dumps({"turns": turns}), "utf-8")
    pairs = load_pairs(tmp_path / "a.jsonl")
    [first, second] = [*pairs.train, *pairs.valid, *pairs.test]
    assert first == DialoguePair("뭐 해?", "글을 읽어요.")
    assert second == DialoguePair("왜?", "그냥요.", ("뭐 해?", "글을 읽어요."))


@pytest.mark.parametrize("encoding", ["cp949", "utf-16"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_another_encoding_is_named_with_the_command_that_converts_it(name: str, encoding: str, tmp_path: Path) -> None:
    text = {
        "a.csv": "질문,답변\n안녕,반가워요\n",
        "a.tsv": "질문\t답변\n안녕\t반가워요\n",
        "a.jsonl": '{"질문": "안녕", "답변": "네"}\n',
    }
    (tmp_path / name).write_bytes(text[name].encode(encoding))
    with pytest.raises(CorpusError, match="UTF-8") as caught:
        load_pairs(tmp_path / name)
    assert f"iconv -f {encoding}" in caught.value.message("ko") and name in caught.value.message("en")


@pytest.mark.parametrize("name", [None, 3, ["a.csv"], "", "가" * 10_000])
def test_what_is_not_a_name_is_a_clear_error(name: str) -> None:
    with pytest.raises(InputError):
        load_pairs(name)
