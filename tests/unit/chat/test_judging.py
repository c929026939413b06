"""Judging sheets: the round trip from answers to rates, agreement, and damaged sheets."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from korlm.chat.judging import cohen_kappa, read_judged_sheets, summarize_judgments, write_judging_sheet
from korlm.chat.transcripts import BotAnswers, Transcript
from korlm.cli.main import main
from korlm.errors import CorpusError, InputError

QUESTIONS = ["안녕?", '따옴표 "하나', "탭\t과 줄\n바꿈"]
TRANSCRIPT = Transcript(
    QUESTIONS,
    [
        BotAnswers("good", "", ["네."] * 3, [""] * 3, ["좋은 답이에요."] * 3),
        BotAnswers("bad", "greedy", ["아니요."] * 3, [""] * 3, ["나쁜 답이에요."] * 3),
    ],
)


def fill_sheet(sheet: Path, filled: Path, *, mark_specific: bool) -> None:
    with sheet.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert {row["question"] for row in rows} == {" ".join(question.split()) for question in QUESTIONS}
    lines = ["id\tsensible\tspecific"]
    for row in rows:
        good = int(row["answer"].startswith("좋은"))
        lines.append(f"{row['id']}\t{good}\t{good * mark_specific}")
    filled.write_text("\n".join(lines) + "\n", "utf-8")


def test_sheet_is_blind_and_its_judgments_come_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet.tsv"
    key = write_judging_sheet(TRANSCRIPT, sheet)
    assert "good" not in sheet.read_text("utf-8") and "bad" not in sheet.read_text("utf-8")
    for name, mark_specific in (("one.tsv", True), ("two.tsv", False)):
        fill_sheet(sheet, tmp_path / name, mark_specific=mark_specific)
    judgments = read_judged_sheets([tmp_path / "one.tsv", tmp_path / "two.tsv"], key)
    result = summarize_judgments(judgments, "bad/greedy")
    good, bad = result.rows
    assert (good.bot, good.sensible.value, good.specific.value, good.ssa.value) == ("good", 1.0, 0.5, 0.75)
    assert (bad.ssa.value, good.ssa_difference.value) == (0.0, 0.75)
    assert result.kappa == {"sensible": 1.0, "specific": 0.0}
    judged = f"{tmp_path / 'one.tsv'},{tmp_path / 'two.tsv'}"
    command = ["evaluate-chat", "--sheet", str(sheet), "--judged", judged, "--reference", "good", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["rows"][1]["ssa_difference"][0] == -0.75


def test_incomplete_or_unknown_judgments_are_clear_errors(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.tsv"
    key = write_judging_sheet(TRANSCRIPT, sheet)
    with pytest.raises(InputError, match="id 0"):
        read_judged_sheets([sheet], key)
    fill_sheet(sheet, tmp_path / "filled.tsv", mark_specific=True)
    with pytest.raises(InputError, match="retrieval"):
        summarize_judgments(read_judged_sheets([tmp_path / "filled.tsv"], key), "retrieval")
    for content in (None, "id\tsensible\tspecific\n0\t가\t1\n".encode("cp949")):
        bad = tmp_path / "bad.tsv"
        if content:
            bad.write_bytes(content)
        with pytest.raises(CorpusError, match=r"bad\.tsv"):
            read_judged_sheets([bad], key)
    assert main(["evaluate-chat", "--judged", "a.tsv"]) == 2 == main(["evaluate-chat", "--sheet", "a.tsv"])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2))
def test_kappa_is_symmetric_and_at_most_1(marks: list[tuple[bool, bool]]) -> None:
    first, second = np.array(marks, dtype=float).T
    assert cohen_kappa(first, second) == pytest.approx(cohen_kappa(second, first))
    assert cohen_kappa(first, second) <= 1 + 1e-12
    assert cohen_kappa(first, first) == 1
