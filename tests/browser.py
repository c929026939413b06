"""What the browser tests share: the real ``app.py`` in a process, a real browser, a page that must not break."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
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
READY_SECONDS = 600_000.0  # ms that anything on a page may take: a safety net, for the machine may be busy


def open_page(
    browser: playwright.Browser, address: str, *, width: int, scheme: str = "light"
) -> Iterator[playwright.Page]:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, accept_downloads=True, has_touch=width < 640
    )
    opened = context.new_page()
    opened.set_default_timeout(READY_SECONDS)
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
    settle(opened)
    yield opened
    assert not outside, outside
    assert not broken, broken
    context.close()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def settle(page: playwright.Page) -> None:
    page.wait_for_function("!document.querySelector('.kl-wait')", timeout=READY_SECONDS)


def compare(page: playwright.Page, text: str) -> None:
    page.fill("#compare-text textarea", text)
    page.click("#compare-run")


def row(page: playwright.Page, selector: str) -> str:
    """Return what a row shows, its spaces as they were typed."""
    script = """s => [...document.querySelectorAll(s)].map(row => {
        const copy = row.cloneNode(true);
        copy.querySelectorAll('small, s').forEach(n => n.remove());
        copy.querySelectorAll('i.s').forEach(n => (n.textContent = ' '));
        return copy.textContent; }).join('')"""
    return str(page.evaluate(script, f".kl-drawing {selector}"))


def wait_for_text(page: playwright.Page, begin: str) -> None:
    """Wait until the ruler shows a text that begins so (spaces are drawn, not written)."""
    page.wait_for_function(
        "b => [...document.querySelectorAll('.kl-ruler')].map(r => r.textContent).join('').startsWith(b)", arg=begin
    )
    settle(page)


def shot(name: str) -> str:
    """Return where a screenshot goes."""
    SHOTS.mkdir(exist_ok=True)
    return str(SHOTS / f"{name}.png")
