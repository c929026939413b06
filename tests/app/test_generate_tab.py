"""The generate tab in a real browser: models write side by side, tokens have tooltips, texts are scored.

Opening a page is slow, so each test checks several things.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from support.app import HoldModels
from support.browser import CONTRAST, READY_SECONDS, open_page, playwright, shot

import korlm

pytest_plugins = ["support.app"]

PAIR = ("reviews-syllable-lstm", "reviews-unigram-lstm")
BOTH_ARE_WRITTEN = "document.querySelectorAll('#generate-view .kl-text:has(> .kl-w)').length === 2"
NASTY = "<img src=x onerror=window.hacked=1>{{value}}${window.hacked=2} 이 영화는"


def open_tab(page: playwright.Page, *names: str) -> None:
    page.get_by_role("tab", name="문장 생성").click()
    page.wait_for_selector("#generate-models", state="visible")
    for box in page.locator("#generate-models label").all():
        box.locator("input").set_checked(box.inner_text().split(" · ")[0] in names)


def start_writing(page: playwright.Page, prompt: str) -> None:
    page.fill("#generate-prompt textarea, #generate-prompt input", prompt)
    page.click("#generate-run")


def wait_until_done(page: playwright.Page) -> None:
    page.wait_for_selector("#generate-view .kl-state.kl-done", timeout=READY_SECONDS)
    page.wait_for_function(
        "!document.querySelector('#generate-view .kl-caret') && !document.querySelector('#generate-run').disabled",
        timeout=READY_SECONDS,
    )


def score_text(page: playwright.Page, text: str) -> None:
    """Score a text under two models. Right after the tab opens, Gradio may still send the default text: then ask again."""
    while True:
        page.fill("#score-text textarea", text)
        page.click("#score-run")
        page.wait_for_function("document.querySelectorAll('#score-view .kl-scores tbody tr').length === 2")
        page.wait_for_function("!document.querySelector('#score-view .kl-wait')")
        drawn = page.eval_on_selector_all("#score-view .kl-ruler", "all => all.map(ruler => ruler.innerText).join('')")
        if text.split()[-1] in "".join(drawn.split()):
            return


def shown_texts(page: playwright.Page) -> list[str]:
    return page.eval_on_selector_all("#generate-view .kl-text", "all => all.map(text => text.textContent)")


@pytest.fixture
def pair(page: playwright.Page) -> Iterator[playwright.Page]:
    open_tab(page, *PAIR)
    yield page


def test_two_models_write_side_by_side_and_every_token_has_a_tooltip(
    pair: playwright.Page, hold_models: HoldModels
) -> None:
    pair.evaluate(
        """() => { window.seen = [];
             new MutationObserver(() => window.seen.push([...document.querySelectorAll('#generate-view .kl-text')]
               .map(text => text.textContent)))
             .observe(document.querySelector('#generate-view'), {childList: true, subtree: true, characterData: true}); }"""
    )
    with hold_models():
        start_writing(pair, NASTY)
        pair.wait_for_function(BOTH_ARE_WRITTEN)
    wait_until_done(pair)
    frames = [frame for frame in pair.evaluate("window.seen") if len(frame) == 2]
    for column in zip(*frames, strict=True):
        versions = [text for text in dict.fromkeys(column) if text.startswith(NASTY)]
        assert len(versions) >= 3 and not any("\ufffd" in text for text in versions)
        assert all(later.startswith(earlier) for earlier, later in pairwise(versions[:-1]))  # no text is taken back
    assert any(
        all(len(text) > len(NASTY) for text in frame) and frame != frames[-1] for frame in frames
    )  # at the same time
    assert pair.evaluate("window.hacked") is None and pair.locator("#generate-view img").count() == 0
    assert pair.locator("#generate-view .kl-heard b").count() == 2
    view_text = pair.locator("#generate-view").inner_text()
    assert "흐린 색 = 쉽게 맞힘" in view_text and "9+" in view_text and view_text.count("가장 쉽게 읽음") == 1

    text_box = pair.locator("#generate-view .kl-text").first
    tip = pair.locator("#generate-view .kl-tip")
    token = text_box.locator(":scope > .kl-w").first
    token.hover()
    assert "모델이 본 후보" in tip.inner_text() and tip.locator(".kl-other").count() == 5
    assert "%" in tip.locator(".kl-other").first.inner_text()
    colors = pair.evaluate(
        "n => [getComputedStyle(n.querySelector('.kl-other span')).color, getComputedStyle(n).color]",
        tip.element_handle(),
    )
    assert colors[0] == colors[1]
    pair.screenshot(path=shot("generate"), full_page=True)
    assert text_box.locator("[tabindex='0']").count() == 1
    text_box.locator("[tabindex='0']").focus()
    tooltip = tip.inner_text()
    pair.keyboard.press("ArrowRight")
    assert tip.is_visible() and tip.inner_text() != tooltip
    pair.keyboard.press("ArrowDown")
    assert pair.evaluate("document.activeElement.closest('.kl-text').ariaLabel").startswith(PAIR[1])
    pair.keyboard.press("Escape")
    assert tip.is_hidden()

    pair.context.grant_permissions(["clipboard-read", "clipboard-write"])
    pair.locator("#generate-view .kl-tool").first.click()
    pair.wait_for_selector("#generate-view .kl-live >> text=복사했습니다")
    assert pair.evaluate("navigator.clipboard.readText()") == shown_texts(pair)[0].removesuffix("끝").rstrip("\n")
    low_contrast = pair.evaluate(CONTRAST)
    assert not low_contrast, low_contrast[:8]
    before_texts = shown_texts(pair)
    start_writing(pair, "가" * 501)
    pair.wait_for_selector("#generate-view .kl-error >> text=500자 안으로")
    assert shown_texts(pair) == before_texts and pair.input_value("#generate-prompt textarea") == "가" * 501
    pair.get_by_text("English", exact=True).click()
    pair.wait_for_selector("#generate-view >> text=faint = easily guessed")
    assert pair.locator("#generate-view .kl-card").count() == 2 and pair.input_value("#generate-prompt textarea")


def test_presets_set_the_sliders_and_again_draws_a_new_seed(pair: playwright.Page) -> None:
    pair.locator("#generate-options button").first.click()
    temperature = pair.get_by_role("spinbutton", name="온도")
    pair.locator("#generate-preset").get_by_text("탐욕", exact=True).click()
    pair.wait_for_function("document.querySelector('#generate-told').innerText.includes('가장 그럴듯한')")
    assert float(temperature.input_value()) == 0
    start_writing(pair, "이 영화는")
    wait_until_done(pair)
    first = shown_texts(pair)
    expected = korlm.load_model(PAIR[1]).generate("이 영화는", temperature=0)
    assert first[1].removesuffix("끝") == "이 영화는" + expected
    seed = pair.input_value("#generate-seed input")
    pair.click("#generate-again")
    pair.wait_for_function("seed => document.querySelector('#generate-seed input').value !== seed", arg=seed)
    wait_until_done(pair)
    assert shown_texts(pair) == first  # greedy decoding does not use the seed
    temperature.fill("0.45")
    pair.keyboard.press("Tab")
    pair.wait_for_function("document.querySelector('#generate-preset input:checked').value === 'own'")
    pair.get_by_role("button", name="모델 카드").click()
    assert "거르지 않고 배웠습니다" in pair.locator("#model-cards .kl-facts").inner_text()


def test_stop_keeps_the_texts_as_they_are(pair: playwright.Page, hold_models: HoldModels) -> None:
    with hold_models():
        pair.click("#generate-run")
        pair.wait_for_function(BOTH_ARE_WRITTEN)
        pair.click("#generate-stop")
        pair.wait_for_function("document.querySelectorAll('#generate-view .kl-state.kl-stopped').length === 2")
    pair.wait_for_selector("#generate-run:not([disabled])")
    stopped = shown_texts(pair)
    assert len(stopped) == 2 and all(text.startswith("이 영화는") for text in stopped)
    pair.wait_for_timeout(600)
    assert shown_texts(pair) == stopped and "여기서 멈춤" in pair.locator("#generate-view").inner_text()
    assert pair.input_value("#generate-prompt textarea") == "이 영화는"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_scores_align_with_the_characters_and_add_up(
    browser: playwright.Browser, address: str, width: int, scheme: str
) -> None:
    text = "영화가 재미있어서 뷁👩‍💻 <b>좋다</b>\n이영화정말재미있는데아무도모른다"
    for page in open_page(browser, address, width=width, scheme=scheme):
        open_tab(page, *PAIR)
        page.get_by_role("tab", name="점수 매기기").click()
        score_text(page, text)
        for index, name in enumerate(PAIR):
            script = "(all, at) => all.flatMap(block => [...block.children[at + 1].querySelectorAll('[data-bits]')]).map(p => +p.dataset.bits)"
            bits = page.eval_on_selector_all("#score-view .kl-block", script, index)
            score = korlm.load_model(name).score(text.split("\n"))
            assert sum(bits) == pytest.approx(score.bits_per_character * score.characters, rel=1e-6)
            assert (
                f"{score.bits_per_character:.3f}"
                in page.locator("#score-view .kl-scores tbody tr").nth(index).inner_text()
            )
        assert page.locator("#score-view .kl-scores .kl-best").count() == 1
        sections = page.locator("#score-view .kl-ways > div")
        assert (
            sections.count() == 2 and page.locator("#score-view .kl-given").count() == 4
        )  # of two models and two lines
        for index, name in enumerate(PAIR):
            marginal = korlm.score_marginal(korlm.load_model(name), text.split("\n"))
            summed = float(sections.nth(index).get_attribute("data-summed") or "nan")
            assert summed == pytest.approx(marginal.bits_per_character, abs=2e-3)  # computed with rounded weights
            assert f"글자당 {summed:.3f}비트" in sections.nth(index).inner_text()
        distances = page.evaluate(  # pixels between the edges of tokens and of the characters in the ruler
            """() => [...document.querySelectorAll('#score-view .kl-block')].flatMap(block => {
                 const left = block.getBoundingClientRect().left;
                 const edges = [0];
                 for (const cell of block.querySelectorAll('.kl-ruler i, .kl-ruler b.t')) {
                   const box = cell.getBoundingClientRect(), n = cell.matches('b') ? cell.textContent.length : 1;
                   for (let k = 1; k <= n; k++) edges.push(box.left - left + box.width * k / n); }
                 return [...block.querySelectorAll('.kl-p')].flatMap(p => { const box = p.getBoundingClientRect();
                   return [box.left, box.right].map(x => Math.min(...edges.map(e => Math.abs(x - left - e)))); }); })"""
        )
        assert len(distances) > 40 and max(distances) < 0.6
        assert page.locator("#score-view .kl-drawing b:not(.t):not(.kl-name b)").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        find_overflowing = "w => [...document.querySelectorAll('#score-view *, .kl-panel *')].filter(n => !n.closest('.kl-scroll') && n.getBoundingClientRect().right > w + 1).map(n => n.className)"
        assert not page.evaluate(find_overflowing, width)
        low_contrast = page.evaluate(CONTRAST)
        assert not low_contrast, low_contrast[:8]
        first_token = page.locator("#score-view .kl-p").first
        if width < 640:
            first_token.tap()
        else:
            first_token.hover()
        assert "비트 · 확률" in page.locator("#score-view .kl-tip").inner_text()
        page.screenshot(path=shot(f"score-{width}-{scheme}"), full_page=True)
        page.fill("#score-text textarea", "가" * 1001)
        page.click("#score-run")
        page.wait_for_selector("#score-view .kl-error >> text=1,000자까지")
        assert page.input_value("#score-text textarea") == "가" * 1001
