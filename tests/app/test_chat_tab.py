"""The chat tab in a real browser: Enter and Hangul composition, streaming, stop, retry, edit, columns, explanations.

No test depends on the words of a model. Opening a page is slow, so each test checks several things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
from support.app import HoldModels
from support.browser import CONTRAST, READY_SECONDS, open_page, playwright, shot
from support.chat_page import (
    BOX,
    RECORD_TEXTS,
    bubbles,
    choose_option,
    held_message,
    open_tab,
    set_number,
    wait_for_answers,
    wait_for_box,
)

from korlm.app.chat.service import ChatService

pytest_plugins = ["support.app"]

NASTY = "<img src=x onerror=window.hacked=1></s><s><unk><user><bot> &lt;b&gt; <b>굵게</b> {{7*7}} '; DROP TABLE a; --"


@pytest.fixture(scope="module")
def shared_page(browser: playwright.Browser, address: str) -> Iterator[playwright.Page]:
    yield from open_page(browser, address, width=1440)


@pytest.fixture
def chat(shared_page: playwright.Page, address: str) -> Iterator[playwright.Page]:
    """Return the tab in its initial state: one page for all tests, reloaded for each."""
    shared_page.goto(address + "?text=가&t=syllable")  # the compare tab, which is open at first, has little to do
    open_tab(shared_page)
    yield shared_page


def test_enter_sends_shift_enter_breaks_the_line_and_the_answer_is_streamed(
    chat: playwright.Page, hold_models: HoldModels
) -> None:
    assert "말을 걸어 보세요" in chat.locator("#chat-1").inner_text()
    assert "답이 나오면" in chat.locator("#chat-why-1").inner_text()
    set_number(chat, "#chat-shortest", "12")
    chat.locator("#chat-careful input").uncheck()
    chat.evaluate(RECORD_TEXTS)
    chat.locator(BOX).focus()
    chat.keyboard.type("첫 줄")
    chat.keyboard.press("Shift+Enter")
    chat.keyboard.type(NASTY)
    assert chat.input_value(BOX) == f"첫 줄\n{NASTY}" and not bubbles(chat, "user")
    with hold_models() as set_max_steps:
        chat.keyboard.press("Enter")
        chat.wait_for_function("document.querySelector('#chat-text textarea').value === ''")
        steps = 4  # the first steps may pass before the network is loaded, and write nothing
        while not chat.evaluate("window.seen.some(text => text.replace(/[ ·]/g, ''))"):
            set_max_steps(steps)
            chat.wait_for_timeout(2_000)
            steps += 1
        set_max_steps(steps + 4)
        chat.wait_for_function("window.seen.filter(text => text.replace(/[ ·]/g, '')).length >= 2")
    answers = wait_for_answers(chat, 1)
    assert bubbles(chat, "user") == [f"첫 줄\n{NASTY}"]
    assert chat.evaluate("window.hacked") is None and chat.locator("#chat-1 img, #chat-1 b").count() == 0
    versions = [text for text in chat.evaluate("window.seen") if text.strip(" ·")]
    assert len(versions) >= 3 and all(later.startswith(earlier) for earlier, later in pairwise(versions))
    assert versions[-1] == answers[0] and not any("\ufffd" in text for text in versions)

    rows = chat.eval_on_selector_all(
        "#chat-why-1 .kl-heat tbody tr",
        "all => all.map(row => [...row.querySelectorAll('td')].map(c => +c.textContent))",
    )
    heads = chat.locator("#chat-why-1 .kl-heat thead th").count()
    assert rows and all(len(row) == heads for row in rows)
    explanation = chat.locator("#chat-why-1").inner_text()
    assert (
        "조각당" in explanation
        and "비트" in explanation
        and "매개변수" in explanation
        and "한 줄의 합은 100" in explanation
    )


def test_enter_that_ends_a_composition_does_not_send_and_the_next_one_sends_once(chat: playwright.Page) -> None:
    keys = chat.context.new_cdp_session(chat)
    enter = {"key": "Enter", "code": "Enter"}
    chat.locator(BOX).focus()
    for syllable in ("ㅎ", "하", "한"):
        keys.send("Input.imeSetComposition", {"text": syllable, "selectionStart": 1, "selectionEnd": 1})
    # the Enter that ends the composition has the key code 229
    keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "windowsVirtualKeyCode": 229, **enter})
    keys.send("Input.insertText", {"text": "한"})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", "windowsVirtualKeyCode": 229, **enter})
    assert chat.input_value(BOX) == "한"
    # the events of other browsers, down to the key press that the page listens to
    chat.evaluate(
        """box => { const fire = (kind, name, extra) => box.dispatchEvent(new kind(name, {bubbles: true, cancelable: true, ...extra}));
             fire(CompositionEvent, 'compositionstart', {data: ''});
             fire(CompositionEvent, 'compositionupdate', {data: '글'});
             for (const name of ['keydown', 'keypress']) fire(KeyboardEvent, name, {key: 'Enter', keyCode: 229, isComposing: true});
             fire(CompositionEvent, 'compositionend', {data: '글'});
             for (const name of ['keydown', 'keypress']) fire(KeyboardEvent, name, {key: 'Enter', keyCode: 229}); // Safari
             box.value += '글'; fire(InputEvent, 'input', {}); }""",
        chat.locator(BOX).element_handle(),
    )
    assert chat.input_value(BOX) == "한글" and not bubbles(chat, "user")
    down = {"type": "keyDown", "windowsVirtualKeyCode": 13, "text": "\r", **enter}
    keys.send("Input.dispatchKeyEvent", down)
    for _ in range(3):  # held down
        keys.send("Input.dispatchKeyEvent", {**down, "autoRepeat": True})
    keys.send("Input.dispatchKeyEvent", {"type": "keyUp", "windowsVirtualKeyCode": 13, **enter})
    wait_for_answers(chat, 1)
    assert bubbles(chat, "user") == ["한글"] and chat.input_value(BOX) == ""
    assert not chat.locator("#chat-note .kl-notice").count()


def test_answers_are_copied_retried_edited_undone_and_cleared(chat: playwright.Page) -> None:
    choose_option(chat, "#chat-decoding-1", "뽑기")
    chat.locator("#chat-options button").first.click()
    chat.locator("#chat-chips button").first.click()
    wait_for_answers(chat, 1)
    chat.fill(BOX, "배고픈데 <i>뭐</i> 먹을까?")
    chat.click("#chat-send")
    wait_for_answers(chat, 2)
    tool = chat.locator("#chat-1").get_by_role
    chat.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tool("button", name="이 말 복사").nth(2).click()
    chat.wait_for_function("navigator.clipboard.readText().then(text => text === '배고픈데 <i>뭐</i> 먹을까?')")
    assert not tool("button", name=re.compile("좋아요|싫어요|like", re.IGNORECASE)).count()

    seed = chat.input_value("#chat-seed input")
    tool("button", name="다시 답하기").click()
    chat.wait_for_function("seed => document.querySelector('#chat-seed input').value !== seed", arg=seed)
    wait_for_answers(chat, 2)

    tool("button", name="고쳐서 다시 묻기").first.click()
    area = chat.locator("#chat-1 .edit-textarea")
    area.fill("고친 <u>말</u>이에요.")
    area.press("Enter")
    chat.wait_for_function("document.querySelectorAll('#chat-1 [data-testid=user]').length === 1")
    wait_for_answers(chat, 1)
    assert bubbles(chat, "user") == ["고친 <u>말</u>이에요."] and not chat.locator("#chat-1 u, #chat-1 i").count()

    tool("button", name="고쳐서 다시 묻기").first.click()
    chat.locator("#chat-1 .edit-textarea").fill("가" * 501)
    tool("button", name="고친 말 보내기").click()
    chat.wait_for_selector("#chat-note >> text=말이 너무 깁니다")
    assert bubbles(chat, "user") == ["고친 <u>말</u>이에요."] and len(bubbles(chat, "bot")) == 1

    chat.fill(BOX, "하나 더")
    chat.keyboard.press("Enter")
    wait_for_answers(chat, 2)
    chat.fill(BOX, "쓰던 말")
    tool("button", name="마지막 말 물리기").first.click()
    wait_for_box(chat, "하나 더\n쓰던 말")  # before what was typed since
    assert len(bubbles(chat, "user")) == len(bubbles(chat, "bot")) == 1
    tool("button", name="이 대화 비우기").click()
    chat.wait_for_selector("#chat-1 >> text=말을 걸어 보세요")
    chat.wait_for_selector("#chat-why-1 >> text=답이 나오면")


def test_every_earlier_answer_can_be_explained_with_the_pointer_and_the_keyboard(chat: playwright.Page) -> None:
    choose_option(chat, "#chat-bot-1", "일라이자")
    for count, message in enumerate(("안녕하세요", "여행을 가고 싶어요", "엄마가 보고 싶어요"), 1):
        chat.fill(BOX, message)
        chat.keyboard.press("Enter")
        wait_for_answers(chat, count)
    replies, why = chat.locator("#chat-1 [data-testid=bot]"), chat.locator("#chat-why-1")
    chat.wait_for_function("document.querySelectorAll('#chat-1 [aria-pressed=true]').length === 1")
    assert "엄마가" in why.inner_text() and replies.nth(2).get_attribute("aria-pressed") == "true"
    replies.nth(0).click()
    chat.wait_for_selector("#chat-why-1 .kl-asked >> text=안녕하세요")
    chat.wait_for_selector("#chat-1 [data-testid=bot][aria-pressed=true] >> nth=0")
    assert "인사" in why.inner_text()
    for key, number, words in (("Enter", 1, "여행을"), (" ", 2, "엄마가")):
        replies.nth(number).focus()
        chat.keyboard.press(key)
        chat.wait_for_selector(f"#chat-why-1 .kl-asked >> text={words}")
    chat.locator("#chat-1 [data-testid=user]").first.click()
    chat.wait_for_selector("#chat-why-1 .kl-asked >> text=안녕하세요")
    chat.wait_for_function(
        "[...document.querySelectorAll('#chat-1 [aria-pressed]')].map(n => n.ariaPressed).join() === 'true,false,false'"
    )
    chat.screenshot(path=shot("chat-earlier"))
    chat.locator("#chat-1").get_by_role("button", name="마지막 말 물리기").first.click()
    chat.wait_for_selector("#chat-why-1 .kl-asked >> text=여행을")


def test_text_typed_while_a_message_is_sent_and_answered_is_never_lost(
    chat: playwright.Page, hold_models: HoldModels
) -> None:
    set_number(chat, "#chat-shortest", "12")
    chat.fill(BOX, "첫 말")
    with hold_models():
        with held_message(chat, "첫 말") as release:
            chat.keyboard.press("Enter")
            wait_for_box(chat, "")
            chat.keyboard.type("둘째")
            release(playwright.Route.continue_)
        chat.wait_for_selector("#chat-why-1 .kl-writing, .kl-why.kl-writing")
        chat.keyboard.type(" 말")
        chat.keyboard.press("Enter")  # does nothing during an answer
        chat.locator("#chat-chips button").first.click()  # refused, too
        chat.wait_for_selector("#chat-note >> text=아직 답하고 있습니다")
        assert chat.input_value(BOX) == "둘째 말" and bubbles(chat, "user") == ["첫 말"]
    wait_for_answers(chat, 1)
    assert chat.input_value(BOX) == "둘째 말"
    with held_message(chat, "둘째 말") as release:  # the server fails
        chat.click("#chat-send")
        wait_for_box(chat, "")
        chat.locator(BOX).focus()
        chat.keyboard.type("셋째")
        release(lambda route: route.fulfill(status=500, json={"error": None}))
    wait_for_box(chat, "둘째 말\n셋째")
    assert bubbles(chat, "user") == ["첫 말"]
    chat.click("#chat-send")
    wait_for_answers(chat, 2)
    assert bubbles(chat, "user") == ["첫 말", "둘째 말\n셋째"] and chat.input_value(BOX) == ""


def test_refused_messages_stay_in_the_box_with_an_error_in_the_language_of_the_page(chat: playwright.Page) -> None:
    chat.fill(BOX, "가" * 10_000)
    chat.click("#chat-send")
    chat.wait_for_selector("#chat-note .kl-error >> text=10,000자")
    wait_for_box(chat, "가" * 10_000)
    assert not bubbles(chat, "user")
    chat.get_by_text("English", exact=True).click()
    chat.wait_for_selector("#chat-note .kl-error >> text=10,000 characters")
    for _ in range(2):  # the error disappears when the visitor types on, and is shown again
        chat.fill(BOX, "  ")
        chat.wait_for_selector("#chat-note .kl-error", state="hidden")
        chat.keyboard.press("Enter")
        chat.wait_for_selector("#chat-note .kl-error >> text=Type a message first")
    for text in ("ㅋㅋㅋ", "😀👍🏽", "Hello there"):
        chat.fill(BOX, text)
        chat.keyboard.press("Enter")
        wait_for_answers(chat, len(bubbles(chat, "bot")) + 1)
    assert not chat.locator("#chat-note .kl-notice").count()
    explanation = chat.locator("#chat-why-1").inner_text()
    assert "bits a piece" in explanation and "Why this answer?" in explanation
    korean_words = chat.evaluate(
        """() => { const copy = document.querySelector('.kl-chat').cloneNode(true);
             copy.querySelectorAll('.kl-ko, .gallery, #chat-chips button, [role=log], .kl-heat, q, .kl-choices, input').forEach(n => n.remove());
             return copy.textContent.match(/[가-힣]+/g) || []; }"""
    )
    assert not korean_words, korean_words
    labels = chat.eval_on_selector_all("#chat-1 button[aria-label]", "all => all.map(one => one.ariaLabel + one.title)")
    labels.append(chat.locator("#chat-1 [data-testid=bot]").last.get_attribute("aria-label").split(":")[0])
    assert labels[-1] == "The bot's message" and not any(
        "가" <= character <= "힣" for label in labels for character in label
    )


def test_stop_ends_all_answers_and_keeps_their_text(chat: playwright.Page, hold_models: HoldModels) -> None:
    open_tab(chat, 2)
    for number in (1, 2):
        choose_option(chat, f"#chat-decoding-{number}", "뽑기")
    set_number(chat, "#chat-shortest", "20")
    chat.fill(BOX, "무슨 이야기든 길게 해 주세요.")
    with hold_models():
        chat.keyboard.press("Enter")
        chat.wait_for_function("document.querySelectorAll('.kl-why.kl-writing').length === 2")
        chat.click("#chat-stop")
        stopped = [wait_for_answers(chat, 1, number)[-1] for number in (1, 2)]
    chat.wait_for_function("document.querySelectorAll('.kl-why.kl-stopped').length === 2")
    assert "도중에 멈춘" in chat.locator("#chat-whys").inner_text()
    assert all(stopped) and chat.input_value(BOX) == ""
    chat.fill(BOX, "그래요.")
    chat.keyboard.press("Enter")
    assert wait_for_answers(chat, 2)[0] == stopped[0]  # nothing was added after the stop


def test_three_bots_answer_at_once_and_each_explains_its_answer(chat: playwright.Page) -> None:
    page = chat
    open_tab(page, 3)
    choose_option(page, "#chat-decoding-2", "빔")
    page.fill(BOX, "요즘 너무 힘들어요.")
    page.keyboard.press("Enter")
    for number in (1, 2, 3):
        wait_for_answers(page, 1, number)
        assert bubbles(page, "user", number) == ["요즘 너무 힘들어요."]
    first, second, third = (page.locator(f"#chat-why-{number}") for number in (1, 2, 3))
    assert [page.locator(f"#chat-decoding-{number}").is_visible() for number in (1, 2, 3)] == [True, True, False]
    assert first.locator(".kl-heat td[title*='→']").count() and "쓴 규칙" in third.inner_text()
    scores = [float(cell) for cell in second.locator(".kl-choices td:nth-child(3)").all_inner_texts()]
    assert len(scores) >= 2 and scores == sorted(scores, reverse=True)
    tops = page.eval_on_selector_all(".kl-talk", "all => all.map(one => Math.round(one.getBoundingClientRect().top))")
    assert len(tops) == 3 and len(set(tops)) == 1  # side by side
    choose_option(page, "#chat-bot-3", "검색")
    page.locator("#chat-3").get_by_role("button", name="다시 답하기").click()
    page.wait_for_selector("#chat-why-3 >> text=가장 가까운 물음")
    wait_for_answers(page, 1, 3)
    assert len(bubbles(page, "bot", 1)) == 1
    page.get_by_text("English", exact=True).click()
    page.wait_for_selector("#chat-why-3 >> text=The nearest questions it knows")
    for box, words in (("bot-3", "Retrieval: nearest question"), ("decoding-2", "beam")):  # what was chosen stays
        page.wait_for_function(
            "([box, words]) => document.querySelector(`#chat-${box} input`).value === words", arg=[box, words]
        )
    page.click("#chat-new")
    page.wait_for_function("!document.querySelector('[data-testid=bot]')")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_page_fits_the_window_with_enough_contrast_and_large_buttons(
    browser: playwright.Browser, address: str, width: int, scheme: str
) -> None:
    for page in open_page(browser, address, width=width, scheme=scheme):
        open_tab(page, 2)
        page.fill(BOX, "ㅋ" * 120 + " 아주 긴 물음입니다 https://example.com/" + "a" * 90)
        page.click("#chat-send")
        wait_for_answers(page, 1)
        wait_for_answers(page, 1, 2)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        find_overflowing = """w => [...document.querySelectorAll('.kl-chat *')].filter(n => !n.closest('.kl-scroll, svg, [hidden]')
                   && n.getBoundingClientRect().right > w + 1).map(n => n.className)"""
        assert not page.evaluate(find_overflowing, width)
        low_contrast = page.evaluate(CONTRAST)
        assert not low_contrast, low_contrast[:8]
        cells = page.locator("#chat-why-1 .kl-heat thead th").first
        assert float(cells.evaluate("n => parseFloat(getComputedStyle(n).fontSize)")) >= 12
        tops = page.eval_on_selector_all(
            ".kl-talk", "all => all.map(one => Math.round(one.getBoundingClientRect().top))"
        )
        assert (len(set(tops)) == 1) == (width > 640)
        if width < 640:
            small_buttons = page.evaluate(
                """() => [...document.querySelectorAll('.kl-chat button, #chat-count label')].filter(n => n.offsetParent)
                     .map(n => [n.ariaLabel || n.innerText, n.getBoundingClientRect()])
                     .filter(([_, box]) => box.height < 39.5 || box.width < 39.5).map(([name, box]) => [name, box.width, box.height])"""
            )
            assert not small_buttons, small_buttons[:8]
        page.screenshot(path=shot(f"chat-{width}-{scheme}"), full_page=True)
        page.get_by_text("English", exact=True).click()
        page.get_by_role("tab", name="Chatbot").wait_for()  # not hidden in the menu of tabs without room


def test_ten_visitors_are_answered_at_once_each_with_their_own_streamed_answer(address: str) -> None:
    client = pytest.importorskip("gradio_client")
    trained_bot = next(bot.name for bot in ChatService().list_bots() if bot.is_trained)
    patience = {"timeout": READY_SECONDS / 1000}
    visitors = [client.Client(address, verbose=False, httpx_kwargs=patience) for _ in range(10)]

    def chat_with_bot(number: int) -> list[str]:
        visitor, message = visitors[number], f"{number}번 손님이에요. 오늘 뭐 할까요?"
        *_, ticket, chat, _, _ = visitor.predict(message, "1", [], [], [], api_name="/ask")
        assert chat[-1]["content"][0]["text"] == message
        names, decodings = ["retrieval"] * 3 if number % 5 == 0 else [trained_bot] * 3, ["greedy"] * 3
        settings: list[Any] = [False, 0.8, 0.9, 5, 8, number]
        job = visitor.submit(ticket, "ko", "1", *settings, *names, *decodings, chat, [], [], api_name="/answer")
        job.result(timeout=READY_SECONDS / 1000)
        frames = [frame[1] for frame in job.outputs() if isinstance(frame[1], list)]
        assert all(frame[0]["content"][0]["text"] == message for frame in frames)
        return [frame[-1]["content"][0]["text"] for frame in frames if frame[-1]["role"] == "assistant"]

    with ThreadPoolExecutor(10) as pool:
        all_versions = list(pool.map(chat_with_bot, range(10)))
    assert all(versions and versions[-1] and "못했습니다" not in versions[-1] for versions in all_versions)
    for number, versions in enumerate(all_versions):
        assert all(later.startswith(earlier) for earlier, later in pairwise(versions)), versions
        assert number % 5 == 0 or len(set(versions)) >= 2, versions


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_a_crisis_message_gets_a_card_with_telephone_links(
    browser: playwright.Browser, address: str, width: int, scheme: str
) -> None:
    for page in open_page(browser, address, width=width, scheme=scheme):
        open_tab(page)
        page.fill(BOX, "요즘 자꾸 죽고 싶다는 생각이 들어요")
        page.press(BOX, "Enter")
        [answer] = wait_for_answers(page, 1)
        card = page.locator(".kl-safety")
        card.wait_for(state="visible")
        assert card.locator("p").inner_text() == answer
        links = card.locator("a").evaluate_all("all => all.map(link => link.getAttribute('href'))")
        assert links == ["tel:109", "tel:15770199", "tel:1388", "tel:119"]
        assert "안전 장치" in page.locator(".kl-why").first.inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        low_contrast = page.evaluate(CONTRAST)
        assert not low_contrast, low_contrast[:8]
        page.screenshot(path=shot(f"safety-{width}-{scheme}"), full_page=True)
        page.fill(BOX, "고마워요")
        page.press(BOX, "Enter")
        wait_for_answers(page, 2)
        assert not card.is_visible()


def test_the_tab_opens_on_the_default_bot_which_shows_the_nearest_question(
    shared_page: playwright.Page, address: str
) -> None:
    shared_page.goto(address + "?text=가&t=syllable")
    shared_page.get_by_role("tab", name="챗봇").click()
    shared_page.wait_for_selector(BOX, state="visible")
    for message, explanation in (("배고파", "배고파"), ("프랑스 수도가 어디야?", "모른다고 답했습니다")):
        shared_page.fill(BOX, message)
        shared_page.press(BOX, "Enter")
        wait_for_answers(shared_page, len(bubbles(shared_page, "bot")) + 1)
        shared_page.wait_for_selector(f"#chat-why-1 >> text={explanation}")
        assert shared_page.locator("#chat-why-1 .kl-matches tbody tr").count() == 5
        is_estimated = message == "배고파"
        assert shared_page.locator("#chat-why-1 .kl-meter").count() == is_estimated
        assert shared_page.locator("#chat-why-1 .kl-meter i").count() == 2 * is_estimated
        assert not shared_page.locator("#chat-why-1 .kl-ground").first.is_visible()
        shared_page.locator("#chat-why-1 summary").click()
        assert shared_page.locator("#chat-why-1 .kl-ground").first.is_visible()
        low_contrast = shared_page.evaluate(CONTRAST)
        assert not low_contrast, low_contrast[:8]
    label = shared_page.locator("#chat-1 .kl-label")
    assert label.all_inner_texts() == ["알 수 없는 것"]  # of the second answer alone
    shared_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shared_page.locator("#chat-1").get_by_role("button", name="이 말 복사").last.click()
    answer = bubbles(shared_page, "bot")[-1]
    shared_page.wait_for_function("answer => navigator.clipboard.readText().then(text => text === answer)", arg=answer)
    shared_page.get_by_text("English", exact=True).click()
    shared_page.wait_for_function("document.querySelector('#chat-1 .kl-label').innerText === 'cannot know this'")
    shared_page.get_by_text("한국어", exact=True).click()
