"""The chat tab without a browser: bots, conversations, requests, handlers and explanations."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from korlm.app.chat import history
from korlm.app.chat.answered import MAX_ANSWERS, AnsweredTurns
from korlm.app.chat.confidence_view import confidence_level
from korlm.app.chat.decoding_controls import DecodingSettings, generation_options
from korlm.app.chat.explanation_view import render_answer_label, render_explanation, render_safety_card
from korlm.app.chat.handlers import ChatHandlers
from korlm.app.chat.pending import PendingAnswer, PendingRequests, answer_rounds
from korlm.app.chat.service import BotInfo, ChatService
from korlm.app.chat.tab import EXAMPLE_MESSAGES, bot_choices, preselected_bots
from korlm.app.limits import MAX_BOTS, MAX_MESSAGE, validate_message
from korlm.app.main import build_app
from korlm.app.service import Service
from korlm.chat.baselines.eliza import ElizaBot
from korlm.chat.confidence import BigramCoverage
from korlm.chat.model import ChatModel
from korlm.chat.registry import list_chats, load_chat
from korlm.chat.reply import Reply
from korlm.corpora.dialogues import load_pairs
from korlm.errors import InputError, UnknownNameError
from korlm.nn.seq2seq import Seq2Seq, Seq2SeqConfig
from korlm.tokenizers.registry import load_tokenizer

NASTY = "<img src=x onerror=alert(1)></s><s><unk><user><bot>&lt;b&gt; '; DROP TABLE turns; --"
STRANGE = "어제 장독대에 앉은 학이 뒤집혔더라"  # nothing that the default bot knows is like it
ODD = [NASTY, "ㅋㅋㅋ", "😀👩‍💻", "hello, who are you?", "가" * MAX_MESSAGE, "\u200b가", "뷁\n\n뷁", "．．．"]
REQUEST: Any = SimpleNamespace(session_hash="a")
SETTINGS = (True, 0.8, 0.9, 3, 1, 7)


def make_bot(limits: dict[str, float] | None = None) -> ChatModel:
    tokenizer = load_tokenizer("syllable")
    net = Seq2Seq(Seq2SeqConfig(tokenizer.vocab_size, embedding=8, hidden=16, max_length=24))
    info = {"limits": limits} if limits else {}
    return ChatModel(tokenizer, net, info=info, familiarity=BigramCoverage.from_questions(["안녕하세요", "배고파요"]))


@pytest.fixture
def bots() -> dict[str, ChatModel]:
    """Return two untrained bots; the thresholds of the second are so strict that it always abstains."""
    return {"free": make_bot(), "shy": make_bot({"surprisal": 0.01, "familiarity": 0.5})}


@pytest.fixture
def chat_service(bots: dict[str, ChatModel]) -> ChatService:
    return ChatService(Path("nowhere"), loaded=bots)


def final_reply(
    chat_service: ChatService, name: str, text: str, history: tuple[str, ...] = (), **options: Any
) -> Reply:
    *_, reply = chat_service.stream_answers(name, text, history, **options)
    assert reply.finished
    return reply


def test_bots_are_listed_without_loading_them_and_paths_are_refused() -> None:
    chat_service = ChatService()
    names = [bot.name for bot in chat_service.list_bots()]
    assert names[:3] == ["intents", "eliza", "retrieval"] and len(set(names)) == len(names)
    assert names[-1] == "refine" and "chat-unigram-lm" not in names  # which repeats itself
    assert set(names[3:-1]) < set(list_chats())
    assert all(bot.card is not None and bot.pairs for bot in chat_service.list_bots() if bot.is_trained)
    assert not any(chat_service.is_loaded(name) for name in names)
    preselected = preselected_bots(chat_service.list_bots())
    assert preselected == ["intents", "chat-kiwi-gru", "eliza"]
    for language in ("ko", "en"):
        labels = [label for label, _ in bot_choices(chat_service.list_bots(), language)]
        assert len(set(labels)) == len(labels)
    with pytest.raises(UnknownNameError):
        next(chat_service.stream_answers("../../etc", "안녕?"))


def test_bots_with_equal_labels_show_their_names() -> None:
    bots = [BotInfo("a", "eliza"), BotInfo("b", "eliza"), BotInfo("retrieval", "retrieval")]
    assert [label for label, _ in bot_choices(bots, "en")][:2] == ["ELIZA: rules (1966) · a", "ELIZA: rules (1966) · b"]


def test_eliza_rotates_its_answers_without_remembering_a_visitor() -> None:
    chat_service, conversation = ChatService(Path("nowhere")), ElizaBot()
    turns: tuple[str, ...] = ()
    for turn in ("요즘 너무 슬퍼요.", "그냥 슬퍼요.", "아직도 슬퍼요.", "엄마가 보고 싶어요."):
        answer = final_reply(chat_service, "eliza", turn, turns)
        assert answer.text == conversation.reply(turn).text and answer.rule in ("feeling", "want")
        turns += (turn, answer.text)
    assert (
        final_reply(chat_service, "eliza", "요즘 너무 슬퍼요.").text
        == final_reply(chat_service, "eliza", "요즘 너무 슬퍼요.").text
    )


def test_retrieval_explains_the_nearest_question_and_its_similarity() -> None:
    pair = load_pairs("dialogues").train[0]
    chat_service = ChatService(Path("nowhere"))
    nearest = final_reply(chat_service, "retrieval", pair.question).nearest
    assert nearest is not None and nearest.similarity == pytest.approx(1.0) and nearest.question == pair.question
    assert chat_service.get_bot("retrieval").pairs == len(load_pairs("dialogues").train)
    unrelated = final_reply(chat_service, "retrieval", "😀").nearest
    assert unrelated is not None and unrelated.similarity == 0


def test_the_first_answer_tells_how_many_pairs_the_bot_searched() -> None:
    chat_service = ChatService(Path("nowhere"))
    question = load_pairs("dialogues").train[0].question
    pending = PendingAnswer(chat_service.get_bot("retrieval"), "", {}, history.add_user_message([], question))
    assert not pending.bot.pairs  # not loaded yet
    for _ in answer_rounds(chat_service, [pending], abstain=True, stopped=lambda: False):
        pass
    assert pending.state == "done" and f"{len(load_pairs('dialogues').train):,}쌍" in render_explanation(1, pending)


@pytest.mark.parametrize("text", ODD)
def test_every_bot_answers_unusual_messages(chat_service: ChatService, text: str) -> None:
    for bot in chat_service.list_bots():
        for decoding in ("greedy", "beam", "sample") if bot.is_trained else ("greedy",):
            options = (
                generation_options(decoding, DecodingSettings(beams=2)) | {"max_tokens": 6} if bot.is_trained else {}
            )
            answer = final_reply(chat_service, bot.name, text, **options)
            assert isinstance(answer.text, str) and render_explanation(
                1, PendingAnswer(bot, decoding, {}, [], answer, "done")
            )


def test_a_bot_that_abstains_keeps_its_own_answer(chat_service: ChatService) -> None:
    question = "안녕하세요"
    reply = final_reply(chat_service, "shy", question, max_tokens=8)
    assert reply.confidence.abstain_reason == "answer" and confidence_level(reply.confidence) == "no"
    assert reply.answer not in ("", reply.text)
    assert final_reply(chat_service, "shy", "GPU 512", max_tokens=8).confidence.abstain_reason == "question"
    spoken = final_reply(chat_service, "shy", question, abstain=False, max_tokens=8)
    assert spoken.text == spoken.answer == reply.answer and spoken.confidence.abstain_reason == "answer"
    assert confidence_level(final_reply(chat_service, "free", question, max_tokens=8).confidence) == "unknown"
    growing = list(chat_service.stream_answers("shy", question, max_tokens=8))[:-1]
    assert growing and not any(answer.text for answer in growing)  # an answer that may be withheld is not shown


def test_every_bot_answers_a_crisis_message_with_the_card(chat_service: ChatService) -> None:
    for bot in chat_service.list_bots():
        reply = final_reply(chat_service, bot.name, "요즘 자꾸 죽고 싶다는 생각이 들어요.")
        assert reply.abstain_reason == "crisis" and reply.safety_card is not None and "109" in reply.text
        html = render_explanation(1, PendingAnswer(bot, "greedy", {}, [], reply, "done"))
        assert "안전 장치" in html and "safety guard" in html
        assert 'href="tel:15770199"' in render_safety_card(reply.safety_card)


def test_an_answer_from_memory_is_explained_as_such(chat_service: ChatService) -> None:
    [reply] = chat_service.stream_answers("intents", "내 이름 기억해?", ["나는 지우야", "반가워요."])
    assert reply.text.startswith("지우 님")
    html = render_explanation(1, PendingAnswer(chat_service.get_bot("intents"), "", {}, [], reply, "done"))
    assert "이 대화에서 오간 말" in html and "messages of this conversation" in html and "ELIZA" not in html


@pytest.mark.parametrize(
    ("name", "message", "options", "label"),
    [
        ("intents", "안녕하세요!", {}, ""),
        ("intents", "프랑스 수도가 어디야?", {}, "알 수 없는 것"),
        ("intents", STRANGE, {}, "못 알아들음"),
        ("intents", STRANGE, {"abstain": False}, "자신 없이 한 말"),
        ("shy", "안녕하세요", {"max_tokens": 8}, "모름"),
        ("eliza", "요즘 자꾸 죽고 싶다는 생각이 들어요.", {}, "안전 안내"),
    ],
)
def test_answers_without_confidence_have_a_label_that_is_no_part_of_their_text(
    chat_service: ChatService, name: str, message: str, options: dict[str, Any], label: str
) -> None:
    reply = final_reply(chat_service, name, message, **options)
    pending = PendingAnswer(chat_service.get_bot(name), "greedy", {}, history.add_user_message([], message), reply)
    assert not render_answer_label(pending)  # not before its end
    pending.state = "done"
    chat = history.add_bot_message(pending.history, reply.text, label=render_answer_label(pending))
    bubble = chat[-1]["content"][0]["text"]
    assert (f">{label}<" in bubble) if label else bubble == history.shield_markup(reply.text)
    assert history.message_text(chat[-1]) == reply.text and ("kl-en" in bubble) == bool(label)
    assert history.earlier_turns(history.add_user_message(chat, "네")) == [message, reply.text]


@pytest.mark.parametrize("message", EXAMPLE_MESSAGES)
def test_the_default_bot_answers_every_suggested_opener_with_confidence(message: str) -> None:
    reply = load_chat().reply(message)
    assert reply.is_confident and reply.text == reply.answer and confidence_level(reply.confidence) == "yes"


def test_attention_has_a_row_for_each_answer_token_that_sums_to_one(chat_service: ChatService) -> None:
    reply = final_reply(chat_service, "free", "배고파요?", max_tokens=5)
    assert reply.attention is not None and reply.attention.shape == (len(reply.tokens), len(reply.question_tokens))
    assert all(sum(row) == pytest.approx(1, abs=1e-4) for row in reply.attention)
    beam = final_reply(chat_service, "free", "배고파요?", beams=3, n=3, max_tokens=5)
    scores = [candidate.score for candidate in beam.candidates]
    assert len(scores) > 1 and scores == sorted(scores, reverse=True) and beam.candidates[0].text.strip() == beam.answer


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u3164", "가" * 10_000, "\ud800"])
def test_refused_messages_are_not_accepted_and_get_an_error_in_both_languages(
    chat_service: ChatService, text: str
) -> None:
    with pytest.raises(InputError) as caught:
        validate_message(text)
    assert caught.value.ko != caught.value.en
    accepted, note, *_ = ChatHandlers(chat_service).submit_message(REQUEST, text, "1", [], [], [])
    assert accepted is False and 'role="alert"' in note and "kl-en" in note


def stream_frames(
    handlers: ChatHandlers, ticket: int, *chats: Any, bots: tuple[str, ...] = ("free", "shy", "eliza"), count: str = "3",
    turns: AnsweredTurns | None = None,
) -> list[Any]:  # fmt: skip
    inputs = [*SETTINGS, *bots, *["greedy"] * MAX_BOTS, *chats, AnsweredTurns() if turns is None else turns]
    return list(handlers.stream_answers(REQUEST, ticket, "ko", count, *inputs))


def chat_once(
    handlers: ChatHandlers,
    message: str,
    chats: list[Any],
    turns: AnsweredTurns,
    bots: tuple[str, ...],
    count: str = "1",
) -> list[Any]:
    """Send a message and return the conversations with the complete answers."""
    _, _, _, _, ticket, *chats = handlers.submit_message(REQUEST, message, count, *chats)
    chats = [chat if isinstance(chat, list) else [] for chat in chats]
    frames = stream_frames(handlers, ticket, *chats, bots=bots, count=count, turns=turns)
    return [frame if isinstance(frame, list) else [] for frame in frames[-1][3 : 3 + MAX_BOTS]]


def test_columns_are_answered_in_parallel_and_a_failure_affects_only_its_column(
    chat_service: ChatService, bots: dict[str, ChatModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = ChatHandlers(chat_service)
    _, _, _, _, ticket, *chats = handlers.submit_message(REQUEST, "안녕하세요", "3", None, [], [])

    def broken(*args: Any, **options: Any) -> Iterator[Any]:
        raise RuntimeError("비밀")

    monkeypatch.setattr(bots["shy"], "stream_replies", broken)
    frames = stream_frames(handlers, ticket, *chats)
    final_chats = [
        next(frame[output] for frame in reversed(frames) if isinstance(frame[output], list)) for output in (3, 4, 5)
    ]
    assert (
        history.message_text(final_chats[0][-1])
        and history.message_text(final_chats[2][-1])
        and "답하지 못했습니다" in history.message_text(final_chats[1][-1])
    )
    texts = [history.message_text(frame[3][-1]) for frame in frames if isinstance(frame[3], list)]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts)) and len(texts) > 2
    explanations = [frame[7] for frame in frames if isinstance(frame[7], str)]
    assert 'role="alert"' in explanations[-1] and "비밀" not in "".join(explanations)
    assert frames[-1][1]["interactive"] and not frames[-1][2]["interactive"] and not len(handlers.requests)


def test_failures_are_logged_without_the_text_of_the_visitor(
    chat_service: ChatService,
    bots: dict[str, ChatModel],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(text: str, **options: Any) -> Iterator[Any]:
        raise RuntimeError(text)

    monkeypatch.setattr(bots["free"], "stream_replies", fail)
    pending = PendingAnswer(chat_service.get_bot("free"), "greedy", {}, history.add_user_message([], "비밀이에요"))
    list(answer_rounds(chat_service, [pending], abstain=True, stopped=lambda: False))
    assert pending.error and "RuntimeError" in caplog.text and "비밀" not in caplog.text


def test_a_page_is_answered_once_a_message(chat_service: ChatService) -> None:
    handlers = ChatHandlers(chat_service)
    _, _, _, _, ticket, *chats = handlers.submit_message(REQUEST, "안녕", "1", [], [], [])
    again = handlers.submit_message(REQUEST, "또 안녕", "1", [], [], [])
    assert again[0] is False and "아직 답하고" in again[1]  # the page puts the text back
    assert len(stream_frames(handlers, ticket + 1, *chats, count="1")) == 1
    first = stream_frames(handlers, ticket, chats[0], [], [], count="1")
    assert len(first) > 1 and len(stream_frames(handlers, ticket, chats[0], [], [], count="1")) == 1


def test_a_stopped_request_in_the_queue_is_never_answered(chat_service: ChatService) -> None:
    handlers = ChatHandlers(chat_service)
    _, _, _, _, ticket, chat, *_ = handlers.submit_message(REQUEST, "안녕", "1", [], [], [])
    send_button, stop_button, stopped_chat, *_ = handlers.stop_answers(REQUEST, "en", chat, [], [])
    assert (
        send_button["interactive"]
        and not stop_button["interactive"]
        and history.message_text(stopped_chat[-1]) == "(stopped)"
    )
    assert len(stream_frames(handlers, ticket, chat, [], [], count="1")) == 1


def test_stopping_ends_every_column(chat_service: ChatService) -> None:
    answers = [
        PendingAnswer(chat_service.get_bot("free"), "greedy", {"min_tokens": 20}, history.add_user_message([], "안녕"))
        for _ in range(2)
    ]
    stop_event = Event()
    for round_number, _ in enumerate(answer_rounds(chat_service, answers, abstain=False, stopped=stop_event.is_set)):
        if round_number == 3:
            stop_event.set()
    assert [answer.state for answer in answers] == ["stopped"] * 2


def test_every_answer_of_a_conversation_can_be_explained_until_it_is_removed(chat_service: ChatService) -> None:
    handlers, turns = ChatHandlers(chat_service), AnsweredTurns()
    chats: list[Any] = [[], [], []]
    bots = ("eliza", "free", "free")
    for message in ("안녕하세요", NASTY, "여행을 가고 싶어요"):
        chats = chat_once(handlers, message, chats, turns, bots, "2")
    chat = chats[0]
    assert len(chat) == 6 and len(turns) == 6 and chats[1][1] != chat[1]
    shown = [handlers.select_message(REQUEST, 0, chat, turns, index) for index in range(6)]
    assert shown[::2] == shown[1::2] and len(set(shown)) == 3  # a question shows its answer
    for number, (view, rule, question) in enumerate(
        zip(shown[::2], ("인사", "맞는 규칙", "고 싶다"), ("안녕하세요", "&lt;img", "여행을"), strict=True)
    ):
        assert rule in view and question in view and f'data-answer="{number}"' in view
    assert "<img" not in "".join(shown) and "쓴 규칙" not in handlers.select_message(
        REQUEST, 1, chats[1], turns, [3, 0]
    )

    text, note, kept, view = handlers.undo_message(REQUEST, 0, chat, turns)
    assert (text, note, kept, view) == ("여행을 가고 싶어요", "", chat[:4], shown[2]) and len(turns) == 5
    assert "남아 있지 않습니다" in handlers.select_message(REQUEST, 0, chat, turns, 5)
    text, _, kept, _ = handlers.undo_message(REQUEST, 0, kept, turns)
    assert text == NASTY and "kl-empty" in handlers.undo_message(REQUEST, 0, kept, turns)[3]
    assert len(turns) == 3
    handlers.clear_columns(REQUEST, turns, 1)
    assert not len(turns)


def test_nothing_is_explained_or_undone_at_an_answer_in_progress(chat_service: ChatService) -> None:
    handlers, turns = ChatHandlers(chat_service), AnsweredTurns()
    [chat, *_] = chat_once(handlers, "안녕", [[], [], []], turns, ("eliza",) * 3)
    _, _, _, _, _, chat, *_ = handlers.submit_message(REQUEST, "또 안녕", "1", chat, [], [])
    assert handlers.select_message(REQUEST, 0, chat, turns, 2) == gr.skip()
    assert "인사" in handlers.select_message(REQUEST, 0, chat, turns, 1)
    text, note, *rest = handlers.undo_message(REQUEST, 0, chat, turns)
    assert not text and "아직 답하고" in note and rest == [gr.skip(), gr.skip()] and len(turns) == 1


def test_a_session_keeps_a_limited_number_of_answers_without_the_conversation(chat_service: ChatService) -> None:
    turns, chat = AnsweredTurns(), history.add_user_message([], "처음")
    for number in range(MAX_ANSWERS + 3):
        answer = PendingAnswer(chat_service.get_bot("eliza"), "greedy", {"temperature": 0}, chat, state="done")
        chat = history.add_bot_message(chat, "네.", key=turns.add(0, f"{number}-0", answer))
        chat = history.add_user_message(chat, f"{number}번째")
    assert len(turns) == MAX_ANSWERS and turns.find(0, chat, 5) is None and turns.find(1, chat, 7) is None
    kept = turns.find(0, chat, 7)
    assert kept and kept.question == "2번째" and len(kept.history) == 1 and not kept.options


def test_a_column_cleared_while_it_is_answered_stays_empty(chat_service: ChatService) -> None:
    handlers = ChatHandlers(chat_service)
    _, _, _, _, ticket, *chats = handlers.submit_message(REQUEST, "안녕하세요", "2", [], [], [])
    frames, turns = [], AnsweredTurns()
    for frame in handlers.stream_answers(
        REQUEST, ticket, "ko", "2", *SETTINGS, "free", "free", "eliza", *["greedy"] * 3, chats[0], chats[1], [], turns
    ):
        if not frames:
            handlers.clear_columns(REQUEST, turns, 0)
        frames.append(frame)
    assert len(turns) == 1 and "kl-empty" in handlers.explain_message(0, frames[-1][3], turns)
    assert [frame[3] for frame in frames if isinstance(frame[3], list)][-1] == []
    assert history.message_text([frame[4] for frame in frames if isinstance(frame[4], list)][-1][-1])


def test_pages_have_independent_requests_and_old_requests_expire() -> None:
    requests = PendingRequests()
    first, second = requests.open("a"), requests.open("b")
    assert first and second and first.ticket != second.ticket and requests.open("a") is None
    first.created_at -= 10_000
    assert requests.open("c") and requests.open("a")


def test_a_setting_out_of_range_gets_an_error_message(chat_service: ChatService) -> None:
    handlers = ChatHandlers(chat_service)
    _, _, _, _, ticket, *chats = handlers.submit_message(REQUEST, "안녕", "1", [], [], [])
    settings = (True, 0.8, 0.9, 900, 1, 7)
    (frame,) = handlers.stream_answers(
        REQUEST,
        ticket,
        "ko",
        "1",
        *settings,
        "free",
        "free",
        "free",
        *["greedy"] * 3,
        chats[0],
        [],
        [],
        AnsweredTurns(),
    )
    assert "빔의 너비" in frame[0] and frame[1]["interactive"] and "못했습니다" in history.message_text(frame[3][-1])


def test_the_server_logs_no_message_and_keeps_none_after_the_page_is_closed(
    chat_service: ChatService, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    client = pytest.importorskip("gradio_client")
    demo = build_app(Service(runs=None), chat_service)
    try:
        _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", ssr_mode=False)
        visitor, secret = client.Client(address, verbose=False), "비밀 이야기예요"
        *_, ticket, chat, _, _ = visitor.predict(secret, "1", [], [], [], api_name="/ask")
        inputs = [ticket, "ko", "1", *SETTINGS, "free", "free", "eliza", *["greedy"] * 3, chat, [], []]
        conversation = visitor.predict(*inputs, api_name="/answer")[1]
        assert conversation[0]["content"][0]["text"] == secret and conversation[1]["content"][0]["text"]
        visitor.close()  # ends the heartbeat, as a browser does when the page is closed
        while demo.app.state_holder.session_data:
            time.sleep(0.05)
        assert secret not in repr(demo.pending_diff_streams) and secret not in str(demo.get_config_file())
        assert secret not in caplog.text and not any(secret in output for output in capfd.readouterr())
    finally:
        demo.close()
