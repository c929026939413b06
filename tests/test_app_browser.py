"""The real ``app.py`` in a real browser: lanes, languages, streaming, bad input, and nothing fetched from elsewhere.

Screenshots for looking at go to ``tests/screenshots/``.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="브라우저 시험에는 playwright가 필요합니다 (pip install playwright)"
)
pytest.importorskip("gradio", reason="the app needs gradio: pip install 'korlm[ui]'")

ROOT = Path(__file__).resolve().parent.parent
SHOTS = Path(__file__).resolve().parent / "screenshots"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
READY_SECONDS = 60_000.0  # ms that the first comparison may take: the analyzers are being loaded


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    with playwright.sync_playwright() as running:
        if path is None and not Path(running.chromium.executable_path).exists():
            pytest.skip(f"no browser: install one of {', '.join(names)}, or run `playwright install chromium`")
        opened = running.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log"
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    environment.pop("SPACE_ID", None)
    begun = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}/"
    try:
        while not _answers(url):
            assert process.poll() is None and time.monotonic() - begun < 60, log.read_text()
            time.sleep(0.1)
        print(f"first page after {time.monotonic() - begun:.1f} s")
        yield url
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def page(browser: playwright.Browser, address: str) -> Iterator[playwright.Page]:
    yield from _page(browser, address, width=1440)


def _page(browser: playwright.Browser, address: str, *, width: int, scheme: str = "light") -> Iterator[playwright.Page]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    opened = context.new_page()
    outside: list[str] = []
    broken: list[str] = []

    def note(request: playwright.Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            outside.append(request.url)

    opened.on("request", note)
    opened.on("pageerror", lambda error: broken.append(str(error)))
    opened.goto(address)
    opened.wait_for_selector(".kl-counts", timeout=READY_SECONDS)
    _settle(opened)
    yield opened
    assert not outside, outside
    assert not broken, broken
    context.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _settle(page: playwright.Page) -> None:
    page.wait_for_function("!document.querySelector('.kl-wait')", timeout=READY_SECONDS)


def _compare(page: playwright.Page, text: str) -> None:
    page.fill("#compare-text textarea", text)
    page.click("#compare-run")


def _row(page: playwright.Page, selector: str) -> str:
    """Return what a row shows, its spaces as they were typed."""
    script = (
        "s => [...document.querySelectorAll(s)].flatMap(row => [...row.querySelectorAll('i')])"
        ".map(i => i.classList.contains('s') ? ' ' : i.textContent).join('')"
    )
    return str(page.evaluate(script, f".kl-drawing {selector}"))


def test_korean_typed_in_the_box_appears_in_every_lane_aligned(page: playwright.Page) -> None:
    text = "오늘은 날씨가 정말 좋았다"
    _compare(page, text)
    page.wait_for_function(
        "() => document.querySelector('.kl-ruler')?.textContent.startsWith('오늘은')", timeout=READY_SECONDS
    )
    _settle(page)
    names = page.eval_on_selector_all(".kl-block:first-child .kl-lane", "rows => rows.map(r => r.ariaLabel)")
    assert len(names) >= 2
    assert _row(page, ".kl-ruler") == text
    for name in names:
        assert _row(page, f'.kl-lane[aria-label="{name}"]') == text, name
    apart = page.evaluate(
        """() => Math.max(...[...document.querySelectorAll('.kl-block')].flatMap(block => {
             const ruler = [...block.querySelectorAll('.kl-ruler i')].map(i => i.getBoundingClientRect().left);
             return [...block.querySelectorAll('.kl-lane')].flatMap(lane =>
               [...lane.querySelectorAll('i')].map((i, at) => Math.abs(i.getBoundingClientRect().left - ruler[at])));
           }))"""
    )
    assert apart < 0.5  # pixels
    names_down = page.evaluate(
        """() => [...document.querySelectorAll('.kl-blocks .kl-block:first-child .kl-lane')].map((lane, at) =>
             Math.abs(lane.getBoundingClientRect().top
               - document.querySelectorAll('.kl-names .kl-name')[at].getBoundingClientRect().top))"""
    )
    assert max(names_down) < 0.5


def test_a_piece_tells_about_itself_by_pointer_and_by_keyboard(page: playwright.Page) -> None:
    first = page.locator(".kl-drawing .kl-lane .kl-p").first
    first.hover()
    assert "ID" in page.locator(".kl-tip").inner_text() or "토큰" in page.locator(".kl-tip").inner_text()
    first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.matches('.kl-p') && document.activeElement.tabIndex === -1")
    page.keyboard.press("Escape")
    assert page.locator(".kl-tip").is_hidden()


def test_the_switch_changes_every_word_of_the_page_to_english(page: playwright.Page) -> None:
    page.get_by_text("English", exact=True).click()
    page.get_by_role("tab", name="Compare tokenizers").wait_for()
    page.wait_for_selector("text=Counts of each tokenizer")
    for tab in ("Generate text", "Compare tokenizers"):
        page.get_by_role("tab", name=tab).click()
        shown = page.evaluate(
            """() => { const copy = document.body.cloneNode(true);
                 copy.querySelectorAll('.kl-drawing, #language, textarea, input, .gallery, script, style').forEach(n => n.remove());
                 return copy.textContent; }"""
        )
        # the words for what a piece is drawn with (가, 나, 뷁) and ㅋㅋ are samples, not labels
        left = {c for c in shown if "가" <= c <= "힣"} - set("가나뷁")
        assert not left, left
    assert page.evaluate("document.documentElement.lang") == "en"
    _compare(page, "")
    page.wait_for_selector(".kl-error >> text=Type some text")


def test_a_link_can_ask_for_english(browser: playwright.Browser, address: str) -> None:
    for page in _page(browser, address + "?lang=en", width=800):
        assert page.get_by_role("button", name="Split the text").is_visible()
        assert page.locator(".kl-counts caption").inner_text().startswith("Counts")


def test_scripts_and_templates_that_are_typed_are_shown_and_not_run(page: playwright.Page) -> None:
    text = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>{{value}}${window.hacked=3}"
    _compare(page, text)
    page.wait_for_function(
        "() => document.querySelector('.kl-ruler')?.textContent.startsWith('<scri')", timeout=READY_SECONDS
    )
    _settle(page)
    assert _row(page, ".kl-ruler") == text
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('.kl-view img, .kl-view script').length") == 0


def test_too_long_or_empty_text_gets_a_sentence_and_the_next_try_works(page: playwright.Page) -> None:
    _compare(page, "가" * 20_001)
    page.wait_for_selector(".kl-error >> text=글이 너무 깁니다")
    _compare(page, "")
    page.wait_for_selector(".kl-error >> text=한 글자 이상")
    page.screenshot(path=_shot("error"))
    _compare(page, "가나다")
    page.wait_for_function("() => document.querySelector('.kl-ruler')?.textContent === '가나다'")


def test_text_streams_in_and_never_with_half_a_syllable(page: playwright.Page) -> None:
    page.get_by_role("tab", name="문장 생성").click()
    if page.locator("#generate-run").is_disabled():
        pytest.skip("no bundled model to write with")
    page.locator("#generate-options button").first.click()
    page.get_by_label("시드를 매번 새로").uncheck()  # the same text each time
    page.get_by_role("spinbutton", name="온도").fill("0.3")  # a warm model may sample bytes that are no character
    page.keyboard.press("Tab")
    page.evaluate(
        """() => { window.seen = [];
             new MutationObserver(() => { const text = document.querySelector('.kl-card .kl-text');
               if (text && window.seen.at(-1) !== text.textContent) window.seen.push(text.textContent); })
             .observe(document.querySelector('#generate-view'), {childList: true, subtree: true, characterData: true}); }"""
    )
    page.click("#generate-run")
    page.wait_for_selector(".kl-state.kl-done", timeout=READY_SECONDS)
    page.wait_for_selector("#generate-run:not([disabled])", timeout=READY_SECONDS)
    seen = page.evaluate("window.seen")
    written = [text for text in seen if text.startswith("이 영화는") and len(text) > len("이 영화는")]
    assert len(set(written)) >= 2, seen
    assert not any("\ufffd" in text for text in written)
    assert all(later.startswith(earlier) for earlier, later in pairwise(written))  # none taken back
    page.screenshot(path=_shot("generate"), full_page=True)


def test_stop_ends_the_writing_and_frees_the_button(page: playwright.Page) -> None:
    page.get_by_role("tab", name="문장 생성").click()
    if page.locator("#generate-run").is_disabled():
        pytest.skip("no bundled model to write with")
    page.locator("#generate-options button").first.click()
    for name, value in (("온도", "2"), ("top-p", "1"), ("최대 토큰", "200")):  # so hot that no model ends by itself
        page.get_by_role("spinbutton", name=name).fill(value)
    page.keyboard.press("Tab")
    page.click("#generate-run")
    page.wait_for_selector(".kl-state.kl-writing", timeout=READY_SECONDS)
    page.click("#generate-stop")
    page.wait_for_selector(".kl-state.kl-stopped")
    page.wait_for_selector("#generate-run:not([disabled])")
    before = page.locator(".kl-cards").inner_text()
    page.wait_for_timeout(600)
    assert page.locator(".kl-cards").inner_text() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_is_wider_than_the_window(browser: playwright.Browser, address: str, width: int, scheme: str) -> None:
    for page in _page(browser, address, width=width, scheme=scheme):
        _compare(
            page, "아버지가방에들어가셨다 ㅋㅋ\n<b>탭\t과</b> 넓은\u3000칸 👩‍💻 뷁쀍 " + "긴어절" * 20 + " The end."
        )
        page.wait_for_function("() => document.querySelector('.kl-ruler')?.textContent.startsWith('아버지')")
        _settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        outside = page.evaluate(
            "w => [...document.querySelectorAll('.kl *')].filter(n => n.getBoundingClientRect().right > w).length",
            width,
        )
        assert outside == 0
        spare = page.evaluate(
            """() => document.querySelector('.kl-drawing').getBoundingClientRect().right
                 - Math.max(...[...document.querySelectorAll('.kl-block')].map(n => n.getBoundingClientRect().right))"""
        )
        assert spare >= 2  # pixels
        page.locator(".kl-drawing .kl-p").nth(3).hover()
        page.screenshot(path=_shot(f"compare-{width}-{scheme}"), full_page=True)


def _shot(name: str) -> str:
    SHOTS.mkdir(exist_ok=True)
    return str(SHOTS / f"{name}.png")
