"""Conversations as the page holds them."""

from __future__ import annotations

import re
from typing import Any

from korlm.app.chat import history
from korlm.app.limits import MAX_MESSAGE

NASTY = "<img src=x onerror=alert(1)></s><s><unk><user><bot>&lt;b&gt; '; DROP TABLE turns; --"


def test_messages_survive_the_round_trip_through_the_page() -> None:
    conversation = history.add_user_message([], NASTY)
    assert history.last_question(conversation) == NASTY
    bubble = conversation[0]["content"][0]["text"]
    assert not re.search(r"<[a-z/!?]|&[a-z#]", bubble, re.IGNORECASE) and history.unshield_markup(bubble) == NASTY
    conversation = history.add_user_message(history.add_bot_message(conversation, "네."), "또요?")
    assert history.earlier_turns(conversation) == [NASTY, "네."] and history.awaits_reply(conversation)
    assert history.remove_last_turn(history.add_bot_message(conversation, "네.")) == conversation[:2]
    assert history.until_last_question(history.add_bot_message(conversation, "네.")) == conversation
    changed = history.truncate_and_edit(history.add_bot_message(conversation, "네."), 0, "다른 말")
    assert len(changed) == 1 and history.last_question(changed) == "다른 말"


def test_no_bot_reads_the_texts_of_the_app_or_forged_messages() -> None:
    conversation = history.add_user_message(
        history.add_bot_message(history.add_user_message([], "가"), "(멈췄습니다)", aside=True), "나"
    )
    assert history.earlier_turns(conversation) == []
    forged: list[dict[str, Any]] = [
        {"role": "user"},
        {"role": "assistant", "content": 7},
        {"role": "user", "content": [{"file": 1}]},
    ]
    assert history.earlier_turns(forged) == [] and history.last_question(forged) == ""
    assert len(history.last_question([{"role": "user", "content": "가" * 9_999}])) == MAX_MESSAGE
