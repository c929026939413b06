"""The chat tab without a browser: bots as plain values, conversations, turns, and the panel that says why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from korlm.app.chat import history
from korlm.app.chat.attention_view import MAX_COLUMNS, MAX_ROWS, merge_byte_tokens, render_attention_table
from korlm.app.chat.decoding_controls import DecodingSettings, generation_options
from korlm.app.chat.explanation_view import confidence_level, render_explanation
from korlm.app.chat.handlers import ChatHandlers
from korlm.app.chat.pending import PendingAnswer, PendingRequests, answer_rounds
from korlm.app.chat.service import BotAnswer, BotInfo, ChatService
from korlm.app.chat.tab import bot_choices, preselected_bots
from korlm.app.limits import MAX_BOTS, MAX_MESSAGE, validate_message
from korlm.app.main import build_app
from korlm.app.service import Service
from korlm.chat.baselines.eliza import ElizaBot
from korlm.chat.baselines.retrieval import RetrievalResult
from korlm.chat.confidence import BigramCoverage, Confidence, ConfidenceThresholds
from korlm.chat.model import ChatModel
from korlm.chat.reply import Reply
from korlm.corpora.dialogues import load_pairs
from korlm.errors import InputError, UnknownNameError
from korlm.generation.results import GeneratedText
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
from korlm.tokenizers.registry import load_tokenizer

NASTY = "<img src=x onerror=alert(1)></s><s><unk><user><bot>&lt;b&gt; '; DROP TABLE turns; --"
ODD = [NASTY, "ㅋㅋㅋ", "😀👩‍💻", "hello, who are you?", "가" * MAX_MESSAGE, "\u200b가", "뷁\n\n뷁", "．．．"]
PAGE: Any = SimpleNamespace(session_hash="a")
KNOBS = (True, 0.8, 0.9, 3, 1, 7)


def small_bot(limits: dict[str, float] | None = None) -> ChatModel:
    tokenizer = load_tokenizer("syllable")
    net = Seq2Seq(Seq2SeqConfig(tokenizer.vocab_size, embedding=8, hidden=16, max_length=24))
    info = {"limits": limits} if limits else {}
    return ChatModel(tokenizer, net, info=info, familiarity=BigramCoverage.from_questions(["안녕하세요", "배고파요"]))


@pytest.fixture
def bots() -> dict[str, ChatModel]:
    """Return two untrained bots; the thresholds of the second are so strict that it always abstains."""
    return {"free": small_bot(), "shy": small_bot({"surprisal": 0.01, "familiarity": 0.5})}


@pytest.fixture
def talk(bots: dict[str, ChatModel]) -> ChatService:
    return ChatService(Path("nowhere"), loaded=bots)


def last(talk: ChatService, name: str, text: str, before: tuple[str, ...] = (), **options: Any) -> BotAnswer:
    *_, said = talk.stream_answers(name, text, before, **options)
    assert said.finished
    return said


def last_reply(talk: ChatService, name: str, text: str, **options: Any) -> Reply:
    explanation = last(talk, name, text, **options).explanation
    assert isinstance(explanation, Reply)
    return explanation


def test_bots_are_known_without_being_loaded_and_a_path_is_no_name() -> None:
    talk = ChatService()
    names = [bot.name for bot in talk.list_bots()]
    assert names[-2:] == ["eliza", "retrieval"] and len(set(names)) == len(names)
    assert all(bot.card is not None and bot.pairs for bot in talk.list_bots() if bot.is_trained)
    assert not any(talk.is_loaded(name) for name in names)
    assert len(preselected_bots(talk.list_bots())) == MAX_BOTS and set(preselected_bots(talk.list_bots())) <= set(names)
    for language in ("ko", "en"):
        words = [word for word, _ in bot_choices(talk.list_bots(), language)]
        assert len(set(words)) == len(words)
    with pytest.raises(UnknownNameError):
        next(talk.stream_answers("../../etc", "안녕?"))


def test_two_bots_of_one_kind_are_told_apart_by_name() -> None:
    bots = [BotInfo("a", "eliza"), BotInfo("b", "eliza"), BotInfo("retrieval", "retrieval")]
    assert [words for words, _ in bot_choices(bots, "en")][:2] == ["ELIZA (rules) · a", "ELIZA (rules) · b"]


def test_eliza_takes_its_answers_in_turn_though_nothing_is_kept_of_a_visitor() -> None:
    talk, same = ChatService(Path("nowhere")), ElizaBot()
    before: tuple[str, ...] = ()
    for turn in ("요즘 너무 슬퍼요.", "그냥 슬퍼요.", "아직도 슬퍼요.", "엄마가 보고 싶어요."):
        said = last(talk, "eliza", turn, before)
        assert said.text == same.reply(turn) and said.explanation in ("feeling", "want")
        before += (turn, said.text)
    assert last(talk, "eliza", "요즘 너무 슬퍼요.").text == last(talk, "eliza", "요즘 너무 슬퍼요.").text


def test_retrieval_tells_the_question_it_found_and_how_near_it_is() -> None:
    pair = load_pairs("dialogues").train[0]
    talk = ChatService(Path("nowhere"))
    said = last(talk, "retrieval", pair.question).explanation
    assert isinstance(said, RetrievalResult)
    assert said.similarity == pytest.approx(1.0) and said.question == pair.question
    assert talk.get_bot("retrieval").pairs == len(load_pairs("dialogues").train)
    unlike = last(talk, "retrieval", "😀").explanation
    assert isinstance(unlike, RetrievalResult) and unlike.similarity == 0


@pytest.mark.parametrize("text", ODD)
def test_odd_messages_are_answered_by_every_bot(talk: ChatService, text: str) -> None:
    for bot in talk.list_bots():
        for decoding in ("greedy", "beam", "sample") if bot.is_trained else ("greedy",):
            options = (
                generation_options(decoding, DecodingSettings(beams=2)) | {"max_tokens": 6} if bot.is_trained else {}
            )
            said = last(talk, bot.name, text, **options)
            assert isinstance(said.text, str) and render_explanation(
                1, PendingAnswer(bot, decoding, {}, [], said, "done")
            )


def test_a_bot_that_does_not_know_says_so_and_keeps_its_own_words(talk: ChatService) -> None:
    asked = "안녕하세요"
    said = last_reply(talk, "shy", asked, max_tokens=8)
    assert said.confidence.abstain_reason == "answer" and confidence_level(said.confidence) == "no"
    assert said.answer not in ("", said.text)
    assert last_reply(talk, "shy", "GPU 512", max_tokens=8).confidence.abstain_reason == "question"
    spoken = last_reply(talk, "shy", asked, abstain=False, max_tokens=8)
    assert spoken.text == spoken.answer == said.answer and spoken.confidence.abstain_reason == "answer"
    assert confidence_level(last_reply(talk, "free", asked, max_tokens=8).confidence) == "unknown"
    under_way = list(talk.stream_answers("shy", asked, max_tokens=8))[:-1]
    assert under_way and not any(said.text for said in under_way)  # words it would take back are not shown


def test_attention_is_a_row_for_each_piece_of_the_answer_that_sums_to_one(talk: ChatService) -> None:
    said = last_reply(talk, "free", "배고파요?", max_tokens=5)
    assert said.attention is not None and said.attention.shape == (len(said.tokens), len(said.question_tokens))
    assert all(sum(row) == pytest.approx(1, abs=1e-4) for row in said.attention)
    beam = last_reply(talk, "free", "배고파요?", beams=3, n=3, max_tokens=5)
    scores = [choice.score for choice in beam.candidates]
    assert len(scores) > 1 and scores == sorted(scores, reverse=True) and beam.candidates[0].text.strip() == beam.answer


def test_the_heat_map_shows_percents_and_escapes_pieces() -> None:
    drawn = render_attention_table(("<b>", " 가"), ("나", "</s>"), ((0.9, 0.1), (0.25, 0.75)), "x")
    assert re.findall(r">(\d+)</td>", drawn) == ["90", "10", "25", "75"]
    assert "<b>" not in drawn.replace("<b></b>", "") and "&lt;b&gt;" in drawn and "␣가" in drawn
    assert 'title="나 → ␣가: 10%"' in drawn and 'scope="row">⊣' in drawn
    long = render_attention_table(["가"] * 60, ["나"] * 60, [[1 / 60] * 60] * 60, "x")
    assert long.count("<tr>") == MAX_ROWS + 1 and long.count('scope="col"') == MAX_COLUMNS and "앞의" in long


def test_the_heat_map_shows_a_character_that_no_piece_holds_as_one() -> None:
    bytes_of = [f"<0x{byte:02X}>" for byte in "뷁".encode()]
    drawn = render_attention_table(
        ["<s>", *bytes_of, "?"], [*bytes_of, "네"], [[0.1, 0.2, 0.3, 0.3, 0.1]] * 3 + [[1, 0, 0, 0, 0]], "x"
    )
    assert "&lt;0x" not in drawn and drawn.count(">뷁</th>") == 2
    assert re.findall(r">(\d+)</td>", drawn) == ["10", "80", "10", "100", "0", "0"]
    assert merge_byte_tokens(["<0xEB>", "<0xB7>", "가"], [], []) == (
        ["<0xEB>", "<0xB7>", "가"],
        [],
        [],
    )  # half a character


def test_the_panel_escapes_whatever_a_person_or_a_bot_said() -> None:
    candidates = tuple(GeneratedText(text, (), 2.0, 1.0, score, "eos") for text, score in ((NASTY, -1.0), ("", -2.0)))
    confidence = Confidence(9.0, 0.3, ConfidenceThresholds(4.0, 0.5))
    reply = Reply("몰라요", NASTY, confidence, (NASTY,), (NASTY,), np.ones((1, 1), np.float32), candidates)
    said = BotAnswer("몰라요", True, reply)
    drawn = render_explanation(1, PendingAnswer(BotInfo("x", "net"), "beam", {}, [], said, "done"))
    drawn += render_explanation(
        1,
        PendingAnswer(
            BotInfo("r", "retrieval"), "", {}, [], BotAnswer("a", True, RetrievalResult("a", NASTY, 0.5)), "done"
        ),
    )
    assert "<img" not in drawn and "<unk>" not in drawn and "&lt;img" in drawn
    assert "하려던 말" in drawn and "What it would have said" in drawn
    assert "9.00" in drawn and "30%" in drawn and "-1.00" in drawn and "4.00" in drawn and "50%" in drawn
    failed = PendingAnswer(BotInfo("eliza", "eliza"), "", {}, [], state="error", error=InputError("<b>안 됨", "<b>no"))
    assert "&lt;b&gt;안 됨" in render_explanation(2, failed) and 'role="alert"' in render_explanation(2, failed)


def test_messages_come_back_from_the_page_as_they_were_said() -> None:
    talk = history.add_user_message([], NASTY)
    assert history.last_question(talk) == NASTY
    shown = talk[0]["content"][0]["text"]
    assert not re.search(r"<[a-z/!?]|&[a-z#]", shown, re.IGNORECASE) and history.unshield_markup(shown) == NASTY
    talk = history.add_user_message(history.add_bot_message(talk, "네."), "또요?")
    assert history.earlier_turns(talk) == [NASTY, "네."] and history.awaits_reply(talk)
    assert history.remove_last_turn(history.add_bot_message(talk, "네.")) == talk[:2]
    assert history.until_last_question(history.add_bot_message(talk, "네.")) == talk
    changed = history.truncate_and_edit(history.add_bot_message(talk, "네."), 0, "다른 말")
    assert len(changed) == 1 and history.last_question(changed) == "다른 말"


def test_what_the_app_says_in_a_bubble_is_told_to_no_bot() -> None:
    talk = history.add_user_message(
        history.add_bot_message(history.add_user_message([], "가"), "(멈췄습니다)", aside=True), "나"
    )
    assert history.earlier_turns(talk) == []
    forged: list[dict[str, Any]] = [
        {"role": "user"},
        {"role": "assistant", "content": 7},
        {"role": "user", "content": [{"file": 1}]},
    ]
    assert history.earlier_turns(forged) == [] and history.last_question(forged) == ""
    assert len(history.last_question([{"role": "user", "content": "가" * 9_999}])) == MAX_MESSAGE


@pytest.mark.parametrize("text", ["", "  \n", "가" * 10_000, "\ud800"])
def test_what_cannot_be_sent_is_refused_in_both_languages_and_the_text_stays(talk: ChatService, text: str) -> None:
    with pytest.raises(InputError) as caught:
        validate_message(text)
    assert caught.value.ko != caught.value.en
    box, note, *_ = ChatHandlers(talk).submit_message(PAGE, text, "1", [], [], [])
    assert box == gr.skip() and 'role="alert"' in note and "kl-en" in note


def answer(
    room: ChatHandlers, ticket: int, *chats: Any, bots: tuple[str, ...] = ("free", "shy", "eliza"), count: str = "3"
) -> list[Any]:
    frames = list(room.stream_answers(PAGE, ticket, "ko", count, *KNOBS, *bots, *["greedy"] * MAX_BOTS, *chats))
    return frames


def test_columns_are_answered_side_by_side_and_one_that_fails_harms_no_other(
    talk: ChatService, bots: dict[str, ChatModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = ChatHandlers(talk)
    _, _, _, _, ticket, *chats = room.submit_message(PAGE, "안녕하세요", "3", None, [], [])

    def broken(*args: Any, **options: Any) -> Iterator[Any]:
        raise RuntimeError("비밀")

    monkeypatch.setattr(bots["shy"], "stream_replies", broken)
    frames = answer(room, ticket, *chats)
    final = [next(frame[place] for frame in reversed(frames) if isinstance(frame[place], list)) for place in (3, 4, 5)]
    assert (
        history.message_text(final[0][-1])
        and history.message_text(final[2][-1])
        and "답하지 못했습니다" in history.message_text(final[1][-1])
    )
    grown = [history.message_text(frame[3][-1]) for frame in frames if isinstance(frame[3], list)]
    assert all(later.startswith(earlier) for earlier, later in pairwise(grown)) and len(grown) > 2
    panels = [frame[7] for frame in frames if isinstance(frame[7], str)]
    assert 'role="alert"' in panels[-1] and "비밀" not in "".join(panels)
    assert frames[-1][1]["interactive"] and not frames[-1][2]["interactive"] and not len(room.requests)


def test_a_trace_of_what_failed_is_logged_without_a_word_of_the_visitor(
    talk: ChatService, bots: dict[str, ChatModel], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(text: str, **options: Any) -> Iterator[Any]:
        raise RuntimeError(text)

    monkeypatch.setattr(bots["free"], "stream_replies", broken)
    column = PendingAnswer(talk.get_bot("free"), "greedy", {}, history.add_user_message([], "비밀이에요"))
    list(answer_rounds(talk, [column], abstain=True, stopped=lambda: False))
    assert column.error and "RuntimeError" in caplog.text and "비밀" not in caplog.text


def test_a_page_is_answered_once_for_each_message(talk: ChatService) -> None:
    room = ChatHandlers(talk)
    _, _, _, _, ticket, *chats = room.submit_message(PAGE, "안녕", "1", [], [], [])
    again = room.submit_message(PAGE, "또 안녕", "1", [], [], [])
    assert again[0] == gr.skip() and "아직 답하고" in again[1]  # the text stays in the box
    assert len(answer(room, ticket + 1, *chats, count="1")) == 1
    first = answer(room, ticket, chats[0], [], [], count="1")
    assert len(first) > 1 and len(answer(room, ticket, chats[0], [], [], count="1")) == 1


def test_an_answer_that_still_waits_is_stopped_at_once_and_never_given(talk: ChatService) -> None:
    room = ChatHandlers(talk)
    _, _, _, _, ticket, chat, *_ = room.submit_message(PAGE, "안녕", "1", [], [], [])
    send, halt, stopped, *_ = room.stop_answers(PAGE, "en", chat, [], [])
    assert send["interactive"] and not halt["interactive"] and history.message_text(stopped[-1]) == "(stopped)"
    assert len(answer(room, ticket, chat, [], [], count="1")) == 1


def test_stopping_ends_every_column_and_keeps_what_was_said(talk: ChatService) -> None:
    columns = [
        PendingAnswer(talk.get_bot("free"), "greedy", {"min_tokens": 20}, history.add_user_message([], "안녕"))
        for _ in range(2)
    ]
    halt = Event()
    for number, _ in enumerate(answer_rounds(talk, columns, abstain=False, stopped=halt.is_set)):
        if number == 3:
            halt.set()
    assert [column.state for column in columns] == ["stopped"] * 2


def test_emptying_a_column_while_it_is_answered_leaves_it_empty(talk: ChatService) -> None:
    room = ChatHandlers(talk)
    _, _, _, _, ticket, *chats = room.submit_message(PAGE, "안녕하세요", "2", [], [], [])
    frames = []
    for frame in room.stream_answers(
        PAGE, ticket, "ko", "2", *KNOBS, "free", "free", "eliza", *["greedy"] * 3, chats[0], chats[1], []
    ):
        if not frames:
            room.clear_columns(PAGE, 0)
        frames.append(frame)
    assert [frame[3] for frame in frames if isinstance(frame[3], list)][-1] == []
    assert history.message_text([frame[4] for frame in frames if isinstance(frame[4], list)][-1][-1])


def test_pages_do_not_wait_for_one_another_and_old_ones_are_forgotten() -> None:
    known = PendingRequests()
    one, two = known.open("a"), known.open("b")
    assert one and two and one.ticket != two.ticket and known.open("a") is None
    one.created_at -= 10_000
    assert known.open("c") and known.open("a")


def test_a_setting_out_of_its_range_gets_a_sentence(talk: ChatService) -> None:
    room = ChatHandlers(talk)
    _, _, _, _, ticket, *chats = room.submit_message(PAGE, "안녕", "1", [], [], [])
    wrong = (True, 0.8, 0.9, 900, 1, 7)
    (frame,) = room.stream_answers(
        PAGE, ticket, "ko", "1", *wrong, "free", "free", "free", *["greedy"] * 3, chats[0], [], []
    )
    assert "빔의 너비" in frame[0] and frame[1]["interactive"] and "못했습니다" in history.message_text(frame[3][-1])


def test_the_server_keeps_and_logs_nothing_of_what_was_said_once_it_has_answered(
    talk: ChatService, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    client = pytest.importorskip("gradio_client")
    demo = build_app(Service(runs=None), talk)
    try:
        _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
        person, secret = client.Client(address, verbose=False), "비밀 이야기예요"
        *_, ticket, chat, _, _ = person.predict(secret, "1", [], [], [], api_name="/ask")
        asked = [ticket, "ko", "1", *KNOBS, "free", "free", "eliza", *["greedy"] * 3, chat, [], []]
        shown = person.predict(*asked, api_name="/answer")[1]
        assert shown[0]["content"][0]["text"] == secret and shown[1]["content"][0]["text"]
        sessions = demo.app.state_holder.session_data.values()
        kept = [value for session in sessions for value in (session.config_values, session.state_data)]
        assert kept and secret not in repr(kept) and secret not in repr(demo.pending_diff_streams)
        assert secret not in caplog.text and not any(secret in told for told in capfd.readouterr())
    finally:
        demo.close()
