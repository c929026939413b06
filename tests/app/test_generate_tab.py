"""The tab 문장 생성 in a real browser: models write side by side, pieces tell of themselves, texts are scored.

A page is dear, so each test asks several things of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise

import pytest
from support.browser import CONTRAST, READY_SECONDS, open_page, playwright, shot

import korlm

pytest_plugins = ["support.app"]

PAIR = ("reviews-syllable-lstm", "reviews-unigram-lstm")
NASTY = "<img src=x onerror=window.hacked=1>{{value}}${window.hacked=2} 이 영화는"


def open_tab(page: playwright.Page, *names: str) -> None:
    page.get_by_role("tab", name="문장 생성").click()
    page.wait_for_selector("#generate-models", state="visible")
    for box in page.locator("#generate-models label").all():
        box.locator("input").set_checked(box.inner_text().split(" · ")[0] in names)


def press(page: playwright.Page, prompt: str) -> None:
    page.fill("#generate-prompt textarea, #generate-prompt input", prompt)
    page.click("#generate-run")


def ended(page: playwright.Page) -> None:
    page.wait_for_selector("#generate-view .kl-state.kl-done", timeout=READY_SECONDS)
    page.wait_for_function(
        "!document.querySelector('#generate-view .kl-caret') && !document.querySelector('#generate-run').disabled",
        timeout=READY_SECONDS,
    )


def texts(page: playwright.Page) -> list[str]:
    return page.eval_on_selector_all("#generate-view .kl-text", "all => all.map(text => text.textContent)")


@pytest.fixture
def pair(page: playwright.Page) -> Iterator[playwright.Page]:
    open_tab(page, *PAIR)
    yield page


def test_two_models_write_side_by_side_and_every_piece_tells_of_itself(pair: playwright.Page) -> None:
    pair.evaluate(
        """() => { window.seen = [];
             new MutationObserver(() => window.seen.push([...document.querySelectorAll('#generate-view .kl-text')]
               .map(text => text.textContent)))
             .observe(document.querySelector('#generate-view'), {childList: true, subtree: true, characterData: true}); }"""
    )
    press(pair, NASTY)
    ended(pair)
    seen = [both for both in pair.evaluate("window.seen") if len(both) == 2]
    for own in zip(*seen, strict=True):
        written = [text for text in dict.fromkeys(own) if text.startswith(NASTY)]
        assert len(written) >= 3 and not any("\ufffd" in text for text in written)
        assert all(later.startswith(earlier) for earlier, later in pairwise(written[:-1]))  # none taken back
    assert any(all(len(text) > len(NASTY) for text in both) and both != seen[-1] for both in seen)  # at the same time
    assert pair.evaluate("window.hacked") is None and pair.locator("#generate-view img").count() == 0
    assert pair.locator("#generate-view .kl-heard b").count() == 2
    shown = pair.locator("#generate-view").inner_text()
    assert "흐린 색 = 쉽게 맞힘" in shown and "9+" in shown and shown.count("가장 쉽게 읽음") == 1

    texts_of = pair.locator("#generate-view .kl-text").first
    tip = pair.locator("#generate-view .kl-tip")
    piece = texts_of.locator(":scope > .kl-w").first
    piece.hover()
    assert "모델이 본 후보" in tip.inner_text() and tip.locator(".kl-other").count() == 5
    assert "%" in tip.locator(".kl-other").first.inner_text()
    colors = pair.evaluate(
        "n => [getComputedStyle(n.querySelector('.kl-other span')).color, getComputedStyle(n).color]",
        tip.element_handle(),
    )
    assert colors[0] == colors[1]
    pair.screenshot(path=shot("generate"), full_page=True)
    assert texts_of.locator("[tabindex='0']").count() == 1
    texts_of.locator("[tabindex='0']").focus()
    before = tip.inner_text()
    pair.keyboard.press("ArrowRight")
    assert tip.is_visible() and tip.inner_text() != before
    pair.keyboard.press("ArrowDown")
    assert pair.evaluate("document.activeElement.closest('.kl-text').ariaLabel").startswith(PAIR[1])
    pair.keyboard.press("Escape")
    assert tip.is_hidden()

    pair.context.grant_permissions(["clipboard-read", "clipboard-write"])
    pair.locator("#generate-view .kl-tool").first.click()
    pair.wait_for_selector("#generate-view .kl-live >> text=복사했습니다")
    assert pair.evaluate("navigator.clipboard.readText()") == texts(pair)[0].removesuffix("끝").rstrip("\n")
    weak = pair.evaluate(CONTRAST)
    assert not weak, weak[:8]
    before_texts = texts(pair)
    press(pair, "가" * 501)
    pair.wait_for_selector("#generate-view .kl-error >> text=500자 안으로")
    assert texts(pair) == before_texts and pair.input_value("#generate-prompt textarea") == "가" * 501
    pair.get_by_text("English", exact=True).click()
    pair.wait_for_selector("#generate-view >> text=faint = easily guessed")
    assert pair.locator("#generate-view .kl-card").count() == 2 and pair.input_value("#generate-prompt textarea")


def test_presets_set_the_sliders_and_again_draws_another_seed(pair: playwright.Page) -> None:
    pair.locator("#generate-options button").first.click()
    heat = pair.get_by_role("spinbutton", name="온도")
    pair.locator("#generate-preset").get_by_text("탐욕", exact=True).click()
    pair.wait_for_function("document.querySelector('#generate-told').innerText.includes('가장 그럴듯한')")
    assert float(heat.input_value()) == 0
    press(pair, "이 영화는")
    ended(pair)
    first = texts(pair)
    expected = korlm.load_model(PAIR[1]).generate("이 영화는", temperature=0)
    assert first[1].removesuffix("끝") == "이 영화는" + expected
    seed = pair.input_value("#generate-seed input")
    pair.click("#generate-again")
    pair.wait_for_function("seed => document.querySelector('#generate-seed input').value !== seed", arg=seed)
    ended(pair)
    assert texts(pair) == first  # greedy: the seed plays no part
    heat.fill("0.45")
    pair.keyboard.press("Tab")
    pair.wait_for_function("document.querySelector('#generate-preset input:checked').value === 'own'")
    pair.get_by_role("button", name="모델 카드").click()
    assert "거르지 않고 배웠습니다" in pair.locator("#model-cards .kl-facts").inner_text()


def test_stop_keeps_the_texts_as_they_are(
    pair: playwright.Page, hold_models: Callable[[], AbstractContextManager[None]]
) -> None:
    with hold_models():
        pair.click("#generate-run")
        pair.wait_for_function("document.querySelectorAll('#generate-view .kl-text:has(> .kl-w)').length === 2")
        pair.click("#generate-stop")
        pair.wait_for_function("document.querySelectorAll('#generate-view .kl-state.kl-stopped').length === 2")
    pair.wait_for_selector("#generate-run:not([disabled])")
    stopped = texts(pair)
    assert len(stopped) == 2 and all(text.startswith("이 영화는") for text in stopped)
    pair.wait_for_timeout(600)
    assert texts(pair) == stopped and "여기서 멈춤" in pair.locator("#generate-view").inner_text()
    assert pair.input_value("#generate-prompt textarea") == "이 영화는"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_scores_stand_under_the_same_characters_and_add_up(
    browser: playwright.Browser, address: str, width: int, scheme: str
) -> None:
    text = "영화가 재미있어서 뷁👩‍💻 <b>좋다</b>\n이영화정말재미있는데아무도모른다"
    for page in open_page(browser, address, width=width, scheme=scheme):
        open_tab(page, *PAIR)
        page.get_by_role("tab", name="점수 매기기").click()
        page.fill("#score-text textarea", text)
        page.click("#score-run")
        page.wait_for_function("document.querySelectorAll('#score-view .kl-scores tbody tr').length === 2")
        page.wait_for_function("!document.querySelector('#score-view .kl-wait')")
        for number, name in enumerate(PAIR):
            script = "(all, at) => all.flatMap(block => [...block.children[at + 1].querySelectorAll('[data-bits]')]).map(p => +p.dataset.bits)"
            bits = page.eval_on_selector_all("#score-view .kl-block", script, number)
            score = korlm.load_model(name).score(text.split("\n"))
            assert sum(bits) == pytest.approx(score.bits_per_character * score.characters, rel=1e-6)
            assert (
                f"{score.bits_per_character:.3f}"
                in page.locator("#score-view .kl-scores tbody tr").nth(number).inner_text()
            )
        assert page.locator("#score-view .kl-scores .kl-best").count() == 1
        ways = page.locator("#score-view .kl-ways > div")
        assert ways.count() == 2 and page.locator("#score-view .kl-given").count() == 4  # two models, two lines
        for number, name in enumerate(PAIR):
            found = korlm.score_marginal(korlm.load_model(name), text.split("\n"))
            summed = float(ways.nth(number).get_attribute("data-summed") or "nan")
            assert summed == pytest.approx(found.bits_per_character, abs=2e-3)  # this one by rounded weights
            assert f"글자당 {summed:.3f}비트" in ways.nth(number).inner_text()
        apart = page.evaluate(  # pixels between the edges of pieces and those of characters in the ruler
            """() => [...document.querySelectorAll('#score-view .kl-block')].flatMap(block => {
                 const left = block.getBoundingClientRect().left;
                 const edges = [0];
                 for (const cell of block.querySelectorAll('.kl-ruler i, .kl-ruler b.t')) {
                   const box = cell.getBoundingClientRect(), n = cell.matches('b') ? cell.textContent.length : 1;
                   for (let k = 1; k <= n; k++) edges.push(box.left - left + box.width * k / n); }
                 return [...block.querySelectorAll('.kl-p')].flatMap(p => { const box = p.getBoundingClientRect();
                   return [box.left, box.right].map(x => Math.min(...edges.map(e => Math.abs(x - left - e)))); }); })"""
        )
        assert len(apart) > 40 and max(apart) < 0.6
        assert page.locator("#score-view .kl-drawing b:not(.t):not(.kl-name b)").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        out = "w => [...document.querySelectorAll('#score-view *, .kl-panel *')].filter(n => !n.closest('.kl-scroll') && n.getBoundingClientRect().right > w + 1).map(n => n.className)"
        assert not page.evaluate(out, width)
        weak = page.evaluate(CONTRAST)
        assert not weak, weak[:8]
        first = page.locator("#score-view .kl-p").first
        if width < 640:
            first.tap()
        else:
            first.hover()
        assert "비트 · 확률" in page.locator("#score-view .kl-tip").inner_text()
        page.screenshot(path=shot(f"score-{width}-{scheme}"), full_page=True)
        page.fill("#score-text textarea", "가" * 1001)
        page.click("#score-run")
        page.wait_for_selector("#score-view .kl-error >> text=1,000자까지")
        assert page.input_value("#score-text textarea") == "가" * 1001
