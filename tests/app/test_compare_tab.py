"""Test the tab 토크나이저 비교 in a browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, quote_plus, urlsplit

import pytest
from support.browser import CONTRAST, compare, open_page, playwright, row, settle, shot, wait_for_text

pytest_plugins = ["support.app"]

TEXT = "학교에서 봤다."
LINK = f"?text={quote(TEXT)}&t=kiwi,unigram,syllable"


@pytest.fixture
def view(browser: playwright.Browser, address: str) -> Iterator[playwright.Page]:
    """A page that shows a known text in three lanes."""
    for opened in open_page(browser, address + LINK, width=1440):
        wait_for_text(opened, "학교에서")
        yield opened


def count_elements(page: playwright.Page, selector: str) -> int:
    return page.locator(f".kl-drawing {selector}").count()


def choose_option(page: playwright.Page, part: str, label: str) -> None:
    before = page.evaluate("document.querySelector('.kl-view').dataset.query")
    page.locator(f"#look-{part}").get_by_text(label, exact=True).click()
    page.wait_for_function("q => document.querySelector('.kl-view').dataset.query !== q", arg=before)


def choose_reference(page: playwright.Page, name: str) -> None:
    before = page.evaluate("document.querySelector('.kl-view').dataset.query")
    page.locator("#look-reference input").click()
    page.get_by_role("option", name=name, exact=True).click()
    page.wait_for_function("q => document.querySelector('.kl-view').dataset.query !== q", arg=before)


def test_boundaries_are_lines_as_high_as_the_lane_with_a_pin_on_unique_ones(view: playwright.Page) -> None:
    heights = view.eval_on_selector_all(
        ".kl-drawing .kl-p.c",
        "all => all.map(p => [parseFloat(getComputedStyle(p, '::before').height), p.offsetHeight])",
    )
    assert heights and all(abs(line - lane) < 0.5 for line, lane in heights)
    lefts = view.eval_on_selector_all(".kl-drawing .kl-p.c", "all => all.map(p => p.getBoundingClientRect().left)")
    assert len({round(left) for left in lefts}) < len(lefts)  # equal boundaries form one line
    alone = view.locator(".kl-lane[aria-label^=syllable] .kl-p.o")
    assert alone.count() >= 1
    assert "conic-gradient" in alone.first.evaluate("p => getComputedStyle(p, '::before').backgroundImage")
    assert "다른 줄은 여기서 자르지 않음" in (alone.first.get_attribute("aria-label") or "")
    assert "혼자 자른 곳" in view.locator(".kl-legend").inner_text()


def test_reference_decides_the_boundary_types(view: playwright.Page) -> None:
    assert count_elements(view, ".vo") and count_elements(view, ".vx")
    assert "kiwi에 견준 자른 곳" in view.locator(".kl-figures").inner_text()
    choose_reference(view, "없음")
    assert not count_elements(view, ".vo") and not count_elements(view, ".vx")
    assert "견준" not in view.locator(".kl-figures").inner_text()
    assert "ref=none" in view.url


def test_colors_and_forms_change_the_drawing_and_not_the_counts(view: playwright.Page) -> None:
    counts = view.locator(".kl-counts").inner_text()
    assert count_elements(view, ".g-noun")
    choose_option(view, "color", "조각")
    assert not count_elements(view, ".g-noun") and count_elements(view, "[class*=' h']")
    choose_option(view, "form", "원형")
    assert "보+" in "".join(view.locator(".kl-drawing em").all_inner_texts())
    assert view.locator(".kl-counts").inner_text() == counts
    asked = parse_qs(urlsplit(view.url).query)
    assert asked["color"] == ["piece"] and asked["form"] == ["restored"]


def test_perturbation_shows_the_change_and_can_be_undone(view: playwright.Page) -> None:
    view.click("#stress-spaces")
    wait_for_text(view, "학교에서봤다")
    view.wait_for_selector(".kl-delta")
    assert "→" in view.locator(".kl-delta").first.inner_text() and "%" in view.locator(".kl-delta").first.inner_text()
    assert "띄어쓰기 없애기" in view.locator("#stress-note").inner_text()
    view.click("#stress-hanja")  # applies to the typed text, not to the one without spaces
    wait_for_text(view, "學校에서")
    assert view.input_value("#compare-text textarea") == "學校에서 봤다."
    assert parse_qs(urlsplit(view.url).query)["stress"] == ["hanja"]
    view.click("#stress-coined")
    view.wait_for_function("document.querySelector('#compare-text textarea').value.includes('갓생러')")
    view.click("#stress-restore")
    view.wait_for_function("t => document.querySelector('#compare-text textarea').value === t", arg=TEXT)
    view.wait_for_function("!document.querySelector('.kl-delta')")


def test_perturbation_without_effect_shows_a_note(view: playwright.Page) -> None:
    compare(view, "ABC")
    wait_for_text(view, "ABC")
    view.click("#stress-hanja")
    view.wait_for_function("document.querySelector('#stress-note').innerText.includes('바꿀 곳이 없습니다')")


def test_user_word_adds_a_second_kiwi_lane(view: playwright.Page) -> None:
    compare(view, "쀍뷁궯이 왔다")
    wait_for_text(view, "쀍뷁궯이")
    view.get_by_role("button", name="Kiwi 설정").click()
    view.wait_for_selector("#user-words textarea")
    for _ in range(3):  # text typed while the box opens may be lost
        view.wait_for_timeout(500)
        view.fill("#user-words textarea", "쀍뷁궯이\tNNP")
        view.keyboard.press("Tab")
        view.click("#compare-run")
        try:
            view.wait_for_selector(".kl-lane[aria-label^='kiwi + 내 사전']", timeout=200_000)
            break
        except playwright.TimeoutError:
            continue
    settle(view)
    after = view.locator(".kl-lane[aria-label^='kiwi + 내 사전'] .kl-p").first
    assert "쀍뷁궯이/NNP" in (after.get_attribute("aria-label") or "")
    assert "kiwi 줄과 견준 것" in view.locator(".kl-own").inner_text()
    assert parse_qs(urlsplit(view.url).query)["user"] == ["쀍뷁궯이\tNNP"]
    view.fill("#user-words textarea", "가\n나/없는품사")
    view.click("#compare-run")
    view.wait_for_selector(".kl-error >> text=2")


def test_link_shows_the_same_view(browser: playwright.Browser, address: str) -> None:
    link = (
        f"?text={quote('갔다. <b>')}&stress=laugh&t=unigram,jamo,kiwi,nonsense&ref=kiwi&color=piece&form=restored"
        "&lang=en&kiwi=letters&__theme=dark"
    )
    seen = []
    for page in open_page(browser, address + link, width=1280):
        page.wait_for_selector(".kl-delta")
        settle(page)
        seen.append((page.locator(".kl-view").inner_text(), urlsplit(page.url).query))
        assert page.input_value("#compare-text textarea") == "갔다ㅋㅋ <b>"
        assert page.get_by_label("Cut between letters").is_checked() and page.locator("#user-words").is_visible()
        again = page.url
    for page in open_page(browser, again, width=1280):
        settle(page)
        assert (page.locator(".kl-view").inner_text(), urlsplit(page.url).query) == seen[0]


def test_downloads_match_the_view(view: playwright.Page, tmp_path: Path) -> None:
    compare(view, "=1+1 학교")
    wait_for_text(view, "=1+1")
    with view.expect_download() as download_info:
        view.click("#compare-csv")
    raw = Path(download_info.value.path()).read_text("utf-8")
    assert download_info.value.suggested_filename == "korlm.csv" and raw.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(raw[1:], newline="")))
    assert {r["lane"] for r in rows} == {"kiwi", "unigram", "syllable"}
    assert rows and not any(cell.startswith(("=", "+", "-", "@")) for r in rows for cell in r.values())
    with view.expect_download() as download_info:
        view.click("#compare-json")
    exported = json.loads(Path(download_info.value.path()).read_text("utf-8"))
    assert exported["text"] == "=1+1 학교" and exported["reference"] == "kiwi"
    assert sum(len(lane["tokens"]) for lane in exported["lanes"]) == len(rows)


@pytest.mark.parametrize("allowed", [True, False])
def test_ids_and_the_link_are_copied_with_or_without_the_clipboard(view: playwright.Page, allowed: bool) -> None:
    view.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if not allowed:  # as in a page without https
        view.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    button = view.get_by_role("button", name="syllable의 ID 복사")
    ids = button.get_attribute("data-copy") or ""
    button.click()
    view.wait_for_function("document.querySelector('.kl-live').textContent.includes('복사했습니다')")
    assert view.locator(".kl-live").get_attribute("aria-live") == "polite"
    assert ids and view.evaluate("navigator.clipboard.readText()") == ids
    view.click("#compare-link")
    view.wait_for_function("document.querySelector('.kl-live').textContent.includes('링크')")
    assert view.evaluate("navigator.clipboard.readText()") == view.url


def test_arrow_keys_move_over_labeled_lanes_with_one_tab_stop(view: playwright.Page) -> None:
    assert view.locator(".kl-p[tabindex='0']").count() == 1
    view.locator(".kl-p[tabindex='0']").focus()
    where = (
        "() => [document.activeElement.closest('.kl-lane').ariaLabel, document.activeElement.ariaLabel.split('’')[0]]"
    )
    assert view.evaluate(where) == ["kiwi · 형태소", "‘학교"]
    steps = []
    for key in ("ArrowRight", "ArrowDown", "End", "ArrowUp", "Home"):
        view.keyboard.press(key)
        steps.append(view.evaluate(where))
        assert view.locator(".kl-p[tabindex='0']").count() == 1
    assert steps[0] == ["kiwi · 형태소", "‘에서"] and steps[1][0].startswith("unigram")
    assert steps[2][1] == "‘." and steps[3] == ["kiwi · 형태소", "‘."] and steps[4] == ["kiwi · 형태소", "‘학교"]
    tip = view.locator(".kl-tip").inner_text()
    assert "ID" in tip and "바이트" in tip and "NNG 일반 명사" in tip
    view.keyboard.press("Escape")
    assert view.locator(".kl-tip").is_hidden()
    assert view.get_by_role("group", name="토크나이저마다 나눈 글").count() == 1
    assert view.get_by_role("list", name="kiwi · 형태소").count() >= 1
    assert view.get_by_role("listitem", name="‘학교’").count() >= 1
    unnamed = view.eval_on_selector_all(".kl-drawing [role=listitem]", "all => all.filter(p => !p.ariaLabel).length")
    assert unnamed == 0


def test_language_switch_keeps_the_view(view: playwright.Page) -> None:
    choose_option(view, "form", "원형")
    view.get_by_text("English", exact=True).click()
    view.wait_for_selector("text=Cuts against kiwi")
    assert row(view, ".kl-ruler") == TEXT and count_elements(view, "em")
    assert "lang=en" in view.url and "form=restored" in view.url
    assert view.input_value("#compare-text textarea") == TEXT


def test_unusual_texts_are_drawn_and_never_run(view: playwright.Page) -> None:
    for text in ("   ", "👩‍💻🎉", "שלום עולם \u202eabc", "<script>window.hacked=1</script>"):
        compare(view, text)
        asked = "text=" + quote_plus(text, safe=",") + "&"
        view.wait_for_function("n => document.querySelector('.kl-view').dataset.query.startsWith(n)", arg=asked)
        settle(view)
        assert view.locator(".kl-drawing").count() == 1 and view.locator(".kl-error").count() == 0
    assert view.evaluate("window.hacked") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phone_shows_everything(browser: playwright.Browser, address: str, scheme: str) -> None:
    for page in open_page(browser, address + LINK + "&form=restored&kiwi=letters", width=390, scheme=scheme):
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        wide = page.evaluate(
            """() => [...document.querySelectorAll('.kl-view *, .kl-panel *, .kl-looks *')].filter(n =>
                 !n.closest('.kl-scroll') && n.getBoundingClientRect().right > 391).map(n => n.className)"""
        )
        assert not wide
        page.locator(".kl-p").nth(2).tap()
        assert page.locator(".kl-tip").is_visible()
        page.screenshot(path=shot(f"view-390-{scheme}"), full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_of_the_view_has_enough_contrast(browser: playwright.Browser, address: str, scheme: str) -> None:
    for page in open_page(browser, address + LINK + "&stress=spaces", width=1280, scheme=scheme):
        page.wait_for_selector(".kl-delta")
        settle(page)
        weak = page.evaluate(CONTRAST)
        assert not weak, weak[:8]
