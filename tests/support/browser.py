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

SHOTS = Path(__file__).resolve().parents[1] / "screenshots"
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


CONTRAST = """() => {
  const lum = c => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const rgb = s => { const n = s.match(/[\\d.]+/g).map(Number); return n.length < 4 || n[3] === 1 ? n.slice(0, 3) : null; };
  const ground = node => { for (let n = node; n; n = n.parentElement) { const s = getComputedStyle(n);
      const image = s.backgroundImage.match(/rgba?\\([^)]*\\)/g);
      if (n.matches('.kl-p') && image) return image.map(rgb).filter(Boolean);
      const own = rgb(s.backgroundColor); if (own) return [own]; } return [[255, 255, 255]]; };
  const weak = [];
  for (const node of document.querySelectorAll('.kl *')) {
    if (![...node.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const box = node.getBoundingClientRect(); if (!box.width || node.closest('[hidden]')) continue;
    const ink = rgb(getComputedStyle(node).color); if (!ink) continue;
    for (const paper of ground(node)) {
      const [a, b] = [lum(ink), lum(paper)].sort((x, y) => y - x), ratio = (a + 0.05) / (b + 0.05);
      if (ratio < 4.5) weak.push([node.className, node.textContent.slice(0, 20), ratio.toFixed(2)]);
    }
  }
  return weak; }"""
