"""Test ``app.py`` in a browser: lanes, languages, invalid input, and no requests to other hosts.

Screenshots are written to ``tests/screenshots/``.
"""

from __future__ import annotations

import pytest
from support.browser import compare, open_page, playwright, row, shot, wait_for_text

pytest_plugins = ["support.app"]


def test_typed_korean_is_aligned_in_every_lane(page: playwright.Page) -> None:
    text = "오늘은 날씨가 정말 좋았다"
    compare(page, text)
    wait_for_text(page, "오늘은")
    names = page.eval_on_selector_all(".kl-block:first-child .kl-lane", "rows => rows.map(r => r.ariaLabel)")
    assert len(names) >= 2
    assert row(page, ".kl-ruler") == text
    for name in names:
        assert row(page, f'.kl-lane[aria-label="{name}"]') == text, name
    apart = page.evaluate(
        """() => { const at = row => [...row.querySelectorAll('i, b.t, .kl-p.t')].flatMap(cell => {
               const range = document.createRange();
               const text = [...cell.childNodes].find(n => n.nodeType === 3);
               return text ? [...text.data].map((_, k) => { range.setStart(text, k); range.setEnd(text, k + 1);
                 const box = range.getBoundingClientRect(); return box.left; }) : []; });
             return Math.max(...[...document.querySelectorAll('.kl-block')].flatMap(block => {
               const ruler = at(block.querySelector('.kl-ruler'));
               return [...block.querySelectorAll('.kl-lane')].flatMap(lane => {
                 const own = at(lane);
                 return own.length === ruler.length ? own.map((x, k) => Math.abs(x - ruler[k])) : [99]; }); })); }"""
    )
    assert apart < 3  # pixels between a letter in a lane and the same letter in the ruler, which is bold
    edges = page.evaluate(
        """() => [...document.querySelectorAll('.kl-block')].flatMap(block =>
             [...block.querySelectorAll('.kl-lane')].map(lane => {
               const last = lane.lastElementChild.getBoundingClientRect().right;
               return Math.abs(last - block.getBoundingClientRect().right); }))"""
    )
    assert max(edges) < 0.5  # every row of a block is as wide as the block
    names_down = page.evaluate(
        """() => [...document.querySelectorAll('.kl-blocks .kl-block:first-child .kl-lane')].map((lane, at) =>
             Math.abs(lane.getBoundingClientRect().top
               - document.querySelectorAll('.kl-names .kl-name')[at].getBoundingClientRect().top))"""
    )
    assert max(names_down) < 0.5


def test_tooltip_opens_by_pointer_and_keyboard(page: playwright.Page) -> None:
    first = page.locator(".kl-drawing .kl-lane .kl-p").first
    first.hover()
    assert "ID" in page.locator(".kl-tip").inner_text() or "토큰" in page.locator(".kl-tip").inner_text()
    first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.matches('.kl-p') && document.activeElement.tabIndex === 0")
    page.keyboard.press("Escape")
    assert page.locator(".kl-tip").is_hidden()


def test_language_switch_translates_the_whole_page(page: playwright.Page) -> None:
    page.get_by_text("English", exact=True).click()
    page.get_by_role("tab", name="Compare").wait_for()
    page.wait_for_selector("text=Counts of each tokenizer")
    for tab in ("Generate text", "Compare"):
        page.get_by_role("tab", name=tab).click()
        shown = page.evaluate(
            """() => { const copy = document.body.cloneNode(true);
                 copy.querySelectorAll('.kl-drawing, .k-letters, #language, textarea, input, .gallery, script, style').forEach(n => n.remove());
                 return copy.textContent; }"""
        )
        left = {c for c in shown if "가" <= c <= "힣"}
        assert not left, left
    assert page.evaluate("document.documentElement.lang") == "en"
    compare(page, "")
    page.wait_for_selector(".kl-error >> text=Type some text")


def test_link_selects_english(browser: playwright.Browser, address: str) -> None:
    for page in open_page(browser, address + "?lang=en", width=800):
        assert page.get_by_role("button", name="Split the text").is_visible()
        assert page.locator(".kl-counts caption").inner_text().startswith("Counts")


def test_typed_scripts_and_templates_are_shown_and_not_run(page: playwright.Page) -> None:
    text = "<script>window.hacked=1</script><img src=x onerror=window.hacked=2>{{value}}${window.hacked=3}"
    compare(page, text)
    wait_for_text(page, "<scri")
    assert row(page, ".kl-ruler") == text
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('.kl-view img, .kl-view script').length") == 0


def test_invalid_text_shows_an_error_and_the_next_request_works(page: playwright.Page) -> None:
    compare(page, "가" * 20_001)
    page.wait_for_selector(".kl-error >> text=글이 너무 깁니다")
    compare(page, "")
    page.wait_for_selector(".kl-error >> text=한 글자 이상")
    page.screenshot(path=shot("error"))
    compare(page, "가나다")
    wait_for_text(page, "가나다")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_page_fits_the_window(browser: playwright.Browser, address: str, width: int, scheme: str) -> None:
    for page in open_page(browser, address, width=width, scheme=scheme):
        compare(
            page, "아버지가방에들어가셨다 ㅋㅋ\n<b>탭\t과</b> 넓은\u3000칸 👩‍💻 뷁쀍 " + "긴어절" * 20 + " The end."
        )
        wait_for_text(page, "아버지")
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
        page.screenshot(path=shot(f"compare-{width}-{scheme}"), full_page=True)
