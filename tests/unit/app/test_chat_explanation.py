"""The explanation of an answer: attention, candidates, nearest questions and changes."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from korlm.app.chat.attention_view import MAX_COLUMNS, MAX_ROWS, merge_byte_tokens, render_attention_table
from korlm.app.chat.confidence_view import confidence_level
from korlm.app.chat.explanation_view import render_answer_label, render_explanation
from korlm.app.chat.pending import PendingAnswer
from korlm.app.chat.retrieval_view import MAX_MATCHES, diff_answers, render_nearest_questions
from korlm.app.chat.service import BotInfo
from korlm.app.strings.chat import CHAT_TEXTS
from korlm.chat.confidence import Confidence, ConfidenceThresholds
from korlm.chat.follow_ups import NO_OTHER_ANSWER
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


def explain_default_bot(reply: Reply) -> str:
    return render_explanation(1, PendingAnswer(BotInfo("intents", "intents", pairs=7), "", {}, [], reply, "done"))


MATCHES = tuple(RetrievalResult(f"답 {number}", f"물음 {number}", 0.9 - number / 10) for number in range(8))
COMPONENTS = {
    "meaning": 0.91, "characters": 0.52, "answer_fit": -0.3, "lead": -0.25, "agreement": 0.7, "answerable": 4.0,
    "length": math.log(12), "mystery": 0.123,
}  # fmt: skip


def make_reply(probability: float, *, text: str = "답 0", answer: str = "답 0", **changes: Any) -> Reply:
    confidence = Confidence(
        similarity=0.8, answerable=changes.pop("answerable", True), probability=probability, min_probability=0.57,
        sure_probability=0.77, components=COMPONENTS,
    )  # fmt: skip
    return Reply(text, answer, confidence, nearest=MATCHES[0], nearest_matches=MATCHES, **changes)


@pytest.mark.parametrize(
    ("probability", "level", "word", "verdict"),
    [
        (0.996, "yes", "자신 있음", "good"),
        (0.77, "yes", "자신 있음", "good"),
        (0.7699, "so", "그럭저럭", "fair"),
        (0.57, "so", "그럭저럭", "fair"),
        (0.5699, "no", "모름", "bad"),
    ],
)
def test_the_probability_is_shown_with_both_thresholds_and_the_level(
    probability: float, level: str, word: str, verdict: str
) -> None:
    reply = make_reply(probability)
    html = explain_default_bot(reply)
    assert confidence_level(reply.confidence) == level
    assert re.findall(r'kl-sure-(\w+)"><span class="kl-ko">([^<]+)<', html) == [(level, word)]
    assert f"<b>{min(probability, 0.99):.0%}</b>" in html and f'class="kl-{verdict}"' in html and "100%" not in html
    assert re.findall(r'<i style="left:([\d.]+)%', html) == ["57.0", "77.0"]
    assert "57%에 못 미치면" in html and "sure from 77%" in html and "사람이 판정한 것은 아닙니다" in html
    assert html.count('scope="row"') == MAX_MATCHES and html.count("kl-chosen") == 1 and "닮음은 두 코사인" in html


def test_what_the_probability_depends_on_is_named_and_explained_in_both_languages() -> None:
    html = explain_default_bot(make_reply(0.8))
    values = re.findall(r"</dt><dd>(?:<span class=\"kl-ko\">)?([^<]+)<", html)
    assert values == ["0.91", "0.52", "−0.30", "−0.25", "70%", "+4.00", "12자", "0.12"]
    assert html.count('class="kl-ground"') == len(COMPONENTS) - 1 and "<dt>mystery</dt>" in html
    for name in set(COMPONENTS) - {"mystery"}:
        assert all(CHAT_TEXTS[f"component_{name}"]) and all(CHAT_TEXTS[f"component_{name}_note"])


def test_an_answer_that_is_withheld_is_told_and_an_answer_that_was_given_all_the_same() -> None:
    withheld = explain_default_bot(make_reply(0.2, text="그랬군요."))
    assert (
        "미리 정해 둔 말" in withheld
        and "하려던 말" in withheld
        and "<q>답 0</q>" in withheld
        and "<del>" not in withheld
    )
    unknown = explain_default_bot(make_reply(0.0, text="그랬군요."))
    assert "아는 낱말이 하나도 없는" in unknown and "<b>0%</b>" in unknown
    given_anyway = explain_default_bot(make_reply(0.2))
    assert "꺼 두어서" in given_anyway and "하려던 말을 그대로" in given_anyway and "kl-own" not in given_anyway


def test_a_question_that_cannot_be_answered_shows_no_probability_and_marks_only_an_answer_that_was_used() -> None:
    general = explain_default_bot(make_reply(0.99, text="몰라요.", answer="몰라요.", answerable=False))
    assert "kl-chosen" not in general and "두루 쓰는 말" in general and "<del>" not in general
    own = explain_default_bot(make_reply(0.99, answerable=False))
    assert own.count("kl-chosen") == 1 and "두루 쓰는 말" not in own
    for html in (general, own):
        assert "kl-sure-no" in html and "kl-meter" not in html and "확률을 쓰지 않습니다" in html and "99%" not in html


def test_what_was_looked_up_instead_of_the_message_is_shown() -> None:
    assert "찾아본 것" not in explain_default_bot(make_reply(0.9))
    reply = make_reply(0.2, text=NO_OTHER_ANSWER, query="<b>배고픈데 뭐 먹지?")
    assert "찾아본 것</span>" in explain_default_bot(reply) and "&lt;b&gt;배고픈데" in explain_default_bot(reply)
    label = render_answer_label(PendingAnswer(BotInfo("intents", "intents"), "", {}, [], reply, "done"))
    assert "다른 답 없음" in label and "no other answer" in label
