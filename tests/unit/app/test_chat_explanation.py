"""The explanation of an answer: attention, candidates, nearest questions and changes."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from korlm.app.chat.attention_view import MAX_COLUMNS, MAX_ROWS, merge_byte_tokens, render_attention_table
from korlm.app.chat.explanation_view import render_explanation
from korlm.app.chat.pending import PendingAnswer
from korlm.app.chat.retrieval_view import MAX_MATCHES, diff_answers, render_nearest_questions
from korlm.app.chat.service import BotInfo
from korlm.chat.confidence import Confidence, ConfidenceThresholds
from korlm.chat.reply import Reply, RetrievalResult
from korlm.errors import InputError
from korlm.generation.results import GeneratedText

NASTY = "<img src=x onerror=alert(1)></s><s><unk><user><bot>&lt;b&gt; '; DROP TABLE turns; --"


def test_attention_table_shows_percentages_and_escapes_tokens() -> None:
    html = render_attention_table(("<b>", " 가"), ("나", "</s>"), ((0.9, 0.1), (0.25, 0.75)), "x")
    assert re.findall(r">(\d+)</td>", html) == ["90", "10", "25", "75"]
    assert "<b>" not in html.replace("<b></b>", "") and "&lt;b&gt;" in html and "␣가" in html
    assert 'title="나 → ␣가: 10%"' in html and 'scope="row">⊣' in html
    long = render_attention_table(["가"] * 60, ["나"] * 60, [[1 / 60] * 60] * 60, "x")
    assert long.count("<tr>") == MAX_ROWS + 1 and long.count('scope="col"') == MAX_COLUMNS and "앞의" in long


def test_attention_table_merges_the_byte_tokens_of_a_character() -> None:
    bytes_of = [f"<0x{byte:02X}>" for byte in "뷁".encode()]
    html = render_attention_table(
        ["<s>", *bytes_of, "?"], [*bytes_of, "네"], [[0.1, 0.2, 0.3, 0.3, 0.1]] * 3 + [[1, 0, 0, 0, 0]], "x"
    )
    assert "&lt;0x" not in html and html.count(">뷁</th>") == 2
    assert re.findall(r">(\d+)</td>", html) == ["10", "80", "10", "100", "0", "0"]
    assert merge_byte_tokens(["<0xEB>", "<0xB7>", "가"], [], []) == (
        ["<0xEB>", "<0xB7>", "가"],
        [],
        [],
    )  # half a character


def test_explanation_escapes_messages_and_answers() -> None:
    candidates = tuple(GeneratedText(text, (), 2.0, 1.0, score, "eos") for text, score in ((NASTY, -1.0), ("", -2.0)))
    confidence = Confidence(9.0, 0.3, ConfidenceThresholds(4.0, 0.5))
    reply = Reply("몰라요", NASTY, confidence, (NASTY,), (NASTY,), np.ones((1, 1), np.float32), candidates)
    html = render_explanation(1, PendingAnswer(BotInfo("x", "net"), "beam", {}, [], reply, "done"))
    retrieved = Reply("a", "a", nearest=RetrievalResult("a", NASTY, 0.5))
    html += render_explanation(1, PendingAnswer(BotInfo("r", "retrieval"), "", {}, [], retrieved, "done"))
    assert "<img" not in html and "<unk>" not in html and "&lt;img" in html
    assert "하려던 말" in html and "What it would have said" in html
    assert "9.00" in html and "30%" in html and "-1.00" in html and "4.00" in html and "50%" in html
    failed = PendingAnswer(BotInfo("eliza", "eliza"), "", {}, [], state="error", error=InputError("<b>안 됨", "<b>no"))
    assert "&lt;b&gt;안 됨" in render_explanation(2, failed) and 'role="alert"' in render_explanation(2, failed)


def test_the_nearest_questions_are_listed_with_their_answers_and_the_chosen_one_is_marked() -> None:
    matches = [RetrievalResult(f"답 {number}", f"물음 {number} {NASTY}", 0.9 - number / 10) for number in range(8)]
    html = render_nearest_questions(matches, matches[1])
    assert re.findall(r"<td>([\d.]+)</td>", html) == ["0.90", "0.80", "0.70", "0.60", "0.50"]
    assert html.count("kl-chosen") == 1 and '<tr class="kl-chosen"><th scope="row"><q>물음 1' in html
    assert "<img" not in html and "→ 답 0" in html
    late = render_nearest_questions(matches, matches[7])  # the one that gave the answer is always there
    assert late.count("<td>") == MAX_MATCHES and "→ 답 7" in late and "→ 답 4" not in late
    assert "아무 답이나" in render_nearest_questions(matches[:1], RetrievalResult("가", "나", 0.0))


@given(st.text(alphabet="가나다 \n.<", max_size=30), st.text(alphabet="가나다 \n.<", max_size=30))
def test_a_diff_has_all_of_both_answers(retrieved: str, given_answer: str) -> None:
    changes = diff_answers(retrieved, given_answer)
    assert "".join(text for kind, text in changes if kind != "added") == retrieved
    assert "".join(text for kind, text in changes if kind != "removed") == given_answer
    assert all(text for _, text in changes) and (retrieved != given_answer or {kind for kind, _ in changes} <= {"kept"})


def test_the_explanation_shows_what_was_changed_only_where_the_answer_was() -> None:
    bot, nearest = BotInfo("intents", "intents", pairs=7), RetrievalResult("밥 <b>꼭</b> 드세요.", "배고파", 0.8)
    confidence = Confidence(similarity=0.8, min_similarity=0.24)

    def render(given_answer: str) -> str:
        reply = Reply(given_answer, given_answer, confidence, nearest=nearest)
        return render_explanation(1, PendingAnswer(bot, "", {}, [], reply, "done"))

    same, changed = render(nearest.answer), render("저녁 <b>꼭</b> 드세요.")
    assert "<del>" not in same and "0.24보다" in same and "물음 7개" in same
    assert "<del>밥</del><ins>저녁</ins>" in changed and "<b>꼭" not in changed
