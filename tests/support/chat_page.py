"""What the browser tests of the chat tab share: to write, choose and read on its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from support.browser import READY_SECONDS, playwright

BOX = "#chat-text textarea"
# the text of a bubble without its label
BUBBLE_TEXT = """one => { const label = one.querySelector('.kl-label');
  return (label ? one.innerText.slice(0, -label.innerText.length).trimEnd() : one.innerText).replaceAll('\\u2060', ''); }"""
RECORD_TEXTS = (
    f"() => {{ window.seen = []; const read = {BUBBLE_TEXT};"
    """
  const look = () => { const all = document.querySelectorAll('#chat-1 [data-testid=bot]');
    const text = all.length ? read(all[all.length - 1]) : '';
    if (text !== window.seen[window.seen.length - 1]) window.seen.push(text); };
  new MutationObserver(look).observe(document.querySelector('#chat-1'), {childList: true, subtree: true, characterData: true}); }"""
)


def open_tab(page: playwright.Page, count: int = 1) -> None:
    """Open the tab with networks in the first columns: the default bot does not stream."""
    page.get_by_role("tab", name="챗봇").click()
    page.wait_for_selector(BOX, state="visible")
    page.locator(f"#chat-count input[value='{count}']").check()
    page.wait_for_selector(f"#chat-{count}", state="visible")
    for number, bot in ((1, "형태소 GRU"), (2, "음절 GRU"))[:count]:
        if bot not in page.input_value(f"#chat-bot-{number} input"):
            choose_option(page, f"#chat-bot-{number}", bot)
            page.wait_for_selector(f"#chat-decoding-{number}", state="visible")


def bubbles(page: playwright.Page, who: str, number: int = 1) -> list[str]:
    return page.eval_on_selector_all(f"#chat-{number} [data-testid={who}]", f"all => all.map({BUBBLE_TEXT})")


def wait_for_answers(page: playwright.Page, count: int, number: int = 1) -> list[str]:
    """Wait until a column has ``count`` answers and no bot is writing; return the answers."""
    page.wait_for_function(
        """([count, number]) => { const all = [...document.querySelectorAll(`#chat-${number} [data-testid=bot]`)];
             return all.length === count && all.every(one => one.innerText.trim())
               && document.querySelector('#chat-stop').disabled && !document.querySelector('#chat-send').disabled; }""",
        arg=[count, number],
        timeout=READY_SECONDS,
    )
    return bubbles(page, "bot", number)


def wait_for_box(page: playwright.Page, text: str) -> None:
    page.wait_for_function("text => document.querySelector('#chat-text textarea').value === text", arg=text)


@contextmanager
def held_message(page: playwright.Page, text: str) -> Iterator[Callable[[Callable[[playwright.Route], None]], None]]:
    """Hold the request that sends a message, until the function that this yields lets it go on or fail."""
    held: list[playwright.Route] = []

    def hold(route: playwright.Route) -> None:
        is_message = not held and text in json.loads(route.request.post_data or "{}").get("data", [])
        held.append(route) if is_message else route.continue_()

    def release(finish: Callable[[playwright.Route], None]) -> None:
        while not held:
            page.wait_for_timeout(20)
        finish(held[0])

    page.route("**/gradio_api/**", hold)
    yield release
    page.unroute("**/gradio_api/**", hold)


def choose_option(page: playwright.Page, box: str, name: str) -> None:
    page.click(f"{box} input")
    page.get_by_role("option", name=name).click()
    page.wait_for_selector("[role=option]", state="detached")


def set_number(page: playwright.Page, box: str, value: str) -> None:
    if not page.locator("#chat-shortest").is_visible():
        page.locator("#chat-options button").first.click()
    field = page.locator(f"{box} input[type=number]")
    field.fill(value)
    field.press("Tab")
