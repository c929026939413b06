"""The app's HTML without a browser: nothing typed is ever markup, every lane is the whole text, all can be seen."""

from __future__ import annotations

import colorsys
import csv
import io
import json
import re
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from korlm.app.compare.export import CSV_COLUMNS, to_csv, to_json
from korlm.app.compare.handlers import (
    CompareForm,
    PerturbedText,
    apply_perturbation,
    restore_original_text,
    stream_comparison,
)
from korlm.app.compare.tables import render_counts_table
from korlm.app.compare.view import render_comparison
from korlm.app.limits import MAX_CUSTOM_WORDS, MAX_PROMPT, MAX_TEXT
from korlm.app.service import Service
from korlm.app.strings import common
from korlm.app.url_state import MAX_URL_TEXT, build_query, parse_query
from korlm.app.view_models import (
    TAG_GROUPS,
    USER_WORDS_LANE,
    DisplayLane,
    DisplayMorpheme,
    DisplaySegment,
    DisplayToken,
    KiwiSettings,
    LaneCounts,
    TextComparison,
    ViewOptions,
)
from korlm.app.widgets.lane_view import MAX_BLOCK_CELLS, MAX_DRAWN_CHARACTERS, render_lanes, split_into_blocks
from korlm.app.widgets.tag_glosses import abbreviate_tags, explain_tag
from korlm.app.widgets.token_cells import restored_form
from korlm.app.widgets.tooltips import describe_segment
from korlm.app.widgets.visible_characters import character_glyph, make_visible
from korlm.errors import InputError

NASTY = [
    "<script>window.hacked=1</script>",
    "\"><img src=x onerror='alert(1)'>&amp;",
    "{{value}} ${1+1} {% if %}",
    "가 나\n다\t라\r\n마  바 ",
    "\x00\x01\x1b\x7f\x85\xa0\u200b\u200d\ufeff\u2028\u3000\u3164\u202e",
    "👩‍💻 e\u0301 ᄒᆞᆫ글 ㅋㅋㅋ",
    "뷁" * 50,
    " " * 30,
]
STYLE = Path(common.__file__).parents[1] / "static" / "app.css"
INVISIBLE = [chr(n) for n in [*range(33), *range(0x7F, 0xA1), 0xAD, *range(0x200B, 0x2010), *range(0x2028, 0x202F)]]
INVISIBLE += list("\u115f\u1160\u2060\u3164\ufe0f\ufeff\uffa0\u3000\U000e0001\U000e0100\ue000")


class Boxes(HTMLParser):
    """Collects, for each lane's name, the characters drawn in its boxes, and every tag, class and attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lanes: dict[str, list[str]] = {}
        self.ruler: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.classes: list[list[str]] = []
        self.tab_stops = 0
        self._row: list[str] | None = None
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        kinds = named.get("class", "").split()
        self.tags.add(tag)
        self.attributes.update(named)
        self.classes.append(kinds)
        self.tab_stops += named.get("tabindex") == "0" and "kl-p" in kinds
        if "kl-ruler" in kinds:
            self._row = self.ruler
        elif "kl-lane" in kinds:
            self._row = self.lanes.setdefault(named.get("aria-label", ""), [])
        elif tag == "i" and self._row is not None:
            self._row.append("")
        self._open.append(tag)

    def handle_data(self, data: str) -> None:
        if self._row is None or "small" in self._open or self._open[-1:] in (["s"], ["q"]):
            return
        if self._open[-1] == "i":
            self._row[-1] += data
        else:
            self._row += data  # a run of syllables on the grid

    def handle_endtag(self, tag: str) -> None:
        if self._open.pop() == "div":
            self._row = None


def cut(text: str, *names: str) -> TextComparison:
    return Service().compare(text, names)


def byte_lane(text: str) -> DisplayLane:
    return cut(text, "byte").lanes[0]


def pair_lane(text: str) -> DisplayLane:
    """A lane whose pieces are two characters each, across eojeol and lines, as no tokenizer of ours would cut."""
    cuts = [(at, min(at + 2, len(text))) for at in range(0, len(text), 2)]
    morph = (DisplayMorpheme(text, text, "NNG", "NNG", "noun"),)
    pieces = [
        DisplaySegment(a, b, (DisplayToken(a, text[a:b], a, b, text[a:b].encode(), i),), morph)
        for i, (a, b) in enumerate(cuts)
    ]
    return DisplayLane("pair", "morpheme", tuple(pieces), LaneCounts(len(cuts), len(cuts), None, None, 0, 0, 300))


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("color", ["pos", "piece"])
def test_every_lane_draws_every_character_in_order(text: str, color: str) -> None:
    jamo = cut(text, "jamo", "word", "unigram").lanes
    page = Boxes(render_lanes(text, [byte_lane(text), pair_lane(text), *jamo], ViewOptions(color=color)))
    expected = [character_glyph(character).text for character in text]
    assert page.ruler == expected
    assert len(page.lanes) == 5
    for name, drawn in page.lanes.items():
        assert drawn == expected, name
    assert page.tab_stops == 1


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("form", ["surface", "restored"])
def test_what_is_typed_never_becomes_a_tag_or_an_attribute(text: str, form: str) -> None:
    lanes = (byte_lane(text), pair_lane(text), DisplayLane("okt", "morpheme", error=InputError(text, text)))
    settings = KiwiSettings(words=text)
    shown = TextComparison(
        text, ("byte",), settings, lanes, ((1.0, 0.5), (0.5, 1.0)), perturbation="nfd", original_text=text
    )
    page = render_comparison(shown, ViewOptions("pair", "pos", form))
    found = Boxes(page)
    assert not found.tags & {"script", "img"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "<script" not in page and "\x00" not in page


def test_names_and_labels_are_escaped_too() -> None:
    text = "\"'<x>"
    piece = DisplaySegment(0, 5, (DisplayToken(1, text, 0, 5),), (DisplayMorpheme(text, text, "\"'<y>"),))
    page = render_comparison(
        TextComparison(text, ('"><u>',), lanes=(DisplayLane('"><u>', "word", (piece,)),)), ViewOptions(language="en")
    )
    assert "<u>" not in page and "<y>" not in page and "<x>" not in page
    assert escape(text) in page


def test_a_cut_is_a_line_a_lone_one_has_a_pin_and_one_that_all_make_goes_through() -> None:
    text = "나는나"
    compared = cut(text, "unigram", "syllable", "byte")
    alone = [lane.unique_boundaries for lane in compared.lanes]
    assert alone[1] == alone[2] == frozenset()  # these two cut alike
    shared = frozenset.intersection(*(lane.boundaries for lane in compared.lanes))
    found = Boxes(render_lanes(text, compared.valid_lanes, ViewOptions())).classes
    assert sum("c" in kinds for kinds in found) == sum(len(lane.boundaries) for lane in compared.lanes)
    assert render_lanes(text, compared.valid_lanes, ViewOptions()).count("<u ") == len(shared)
    pair = cut(text, "word", "syllable")
    assert pair.lanes[1].unique_boundaries == {1, 2}
    assert sum("o" in kinds for kinds in Boxes(render_lanes(text, pair.valid_lanes, ViewOptions())).classes) == 2


def test_verdicts_are_drawn_told_and_counted_against_the_chosen_reference() -> None:
    text = "학교에서"
    compared = cut(text, "kiwi", "syllable", "jamo")
    syllable, jamo = compared.lanes[1:]
    assert syllable.boundary_types["kiwi"] == ("", "inside_morpheme", "boundary", "inside_morpheme")
    assert jamo.boundary_types["kiwi"].count("inside_syllable") == sum(len(t) > 0 for t in "ㅏㄱㅛㅔㅓ")
    page = render_comparison(compared, ViewOptions("kiwi"))
    kinds = [kind for names in Boxes(page).classes for kind in names]
    assert {"vo", "vx", "vs"} <= set(kinds)
    assert "앞에서 자름: 형태소 경계 (kiwi 기준)" in page and "kiwi에 견준 자른 곳" in page
    without = render_comparison(compared, ViewOptions(""))
    assert "견준 자른 곳" not in without and "vx" not in {k for names in Boxes(without).classes for k in names}


def test_letters_of_a_syllable_cut_inside_are_drawn_beneath_it() -> None:
    page = render_lanes("각", cut("각", "jamo", "word").valid_lanes, ViewOptions())
    assert "<s>ㄱㅏㄱ</s>" in page


def test_restored_forms_stand_in_the_place_of_the_surface() -> None:
    text = "봤다"
    compared = cut(text, "kiwi", "syllable")
    surface, forms = (
        render_lanes(text, compared.valid_lanes, ViewOptions(form=form)) for form in ("surface", "restored")
    )
    assert "<em" not in surface and "보<u>+</u>" in forms
    assert restored_form(text, compared.lanes[0].segments[0]).startswith("보+") and not restored_form(
        text, compared.lanes[1].segments[0]
    )


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda c: f"U+{ord(c):04X}")
def test_every_invisible_character_is_drawn_as_something_that_can_be_seen(character: str) -> None:
    drawn = character_glyph(character)
    assert drawn.kind == "space" or (drawn.text and drawn.text.isprintable() and drawn.text.strip())
    assert make_visible(character).isprintable() and make_visible(character).strip()


@pytest.mark.parametrize("text", [*NASTY, "가" * 3000, "가나 " * 400])
def test_blocks_partition_the_text_and_fit_a_telephone(text: str) -> None:
    spans = split_into_blocks(text, [pair_lane(text)])
    assert [at for span in spans for at in range(*span)] == list(range(len(text)))
    assert all(0 < end - start <= MAX_BLOCK_CELLS + 1 for start, end in spans)


def test_long_text_is_drawn_in_part_and_counted_whole() -> None:
    text = "가나다 " * 1000
    lane = byte_lane(text)
    page = render_comparison(TextComparison(text, ("byte",), lanes=(lane,)), ViewOptions())
    assert len(Boxes(page).ruler) == MAX_DRAWN_CHARACTERS
    assert "4,000자 전체" in page and lane.counts and f"{lane.counts.ids:,}" in page


def test_the_note_of_a_piece_tells_ids_bytes_span_and_explains_tags() -> None:
    morphs = (DisplayMorpheme("하", "하다", "VV", "VV", "verb"), DisplayMorpheme("었", "었", "PreEomi", "EP", "ending"))
    piece = DisplaySegment(0, 1, (DisplayToken(9, "했", 0, 1, "했".encode()),), morphs)
    lane = DisplayLane("okt", "morpheme", (piece,))
    note = describe_segment("했다", lane, piece, ViewOptions())
    assert "ID 9" in note and "0–1" in note and "ED 96 88" in note
    assert "하/VV 동사 → 하다" in note and "었/PreEomi 선어말 어미 (세종 EP 선어말 어미)" in note
    assert "pre-final ending" in describe_segment("했다", lane, piece, ViewOptions(language="en"))
    assert abbreviate_tags(["VV", "EP"], 1) == "VV+EP" and abbreviate_tags(["VV", "EP", "EF"], 1) == "VV+"


def test_every_tag_of_every_analyzer_is_explained() -> None:
    from korlm.morph.tags import sejong_tag_table

    for analyzer in ("kiwi", "mecab", "okt", "komoran", "hannanum", "kkma"):
        lacking = [tag for tag in sejong_tag_table(analyzer) if len(tag) > 1 and not explain_tag(tag, "ko", analyzer)]
        assert len(lacking) <= 12, (analyzer, lacking)


def test_counts_tell_the_change_that_a_stress_made_with_a_sign() -> None:
    text = "나는 간다."
    stressed, state = apply_perturbation("laugh", text, None)
    [*_, compared] = stream_comparison(
        Service(), CompareForm(stressed, ("syllable", "byte"), KiwiSettings(), ViewOptions(), state)
    )
    page = render_counts_table(compared.text, compared.lanes, "ko", compared.ids_before)
    assert "6 → 7" in page and "▲ +17 %" in page
    assert apply_perturbation("hanja", stressed, state) == (stressed, PerturbedText("laugh", text, stressed, "hanja"))
    assert apply_perturbation("spaces", stressed, state)[0] == "나는간다."  # of the text as it was typed
    assert restore_original_text(stressed, state) == (text, None) and restore_original_text("다른 글", state) == (
        "다른 글",
        None,
    )


def test_a_user_word_gives_a_second_lane_and_says_what_changed() -> None:
    settings = KiwiSettings(words="뷁뷁이\tNNP")
    compared = Service().compare("뷁뷁이는", ["kiwi", "syllable"], settings)
    before, after, _ = compared.lanes
    assert (before.name, after.name) == ("kiwi", USER_WORDS_LANE)
    assert [(p.start, p.end) for p in after.segments] == [(0, 3), (3, 4)]
    assert before.counts and after.counts
    page = render_comparison(compared, ViewOptions())
    assert f"{before.counts.pieces} → {after.counts.pieces}" in page and "kiwi + 내 사전" in page


def test_user_words_that_are_none_are_a_sentence_with_the_line() -> None:
    service = Service()
    for words, told in (
        ("가\n나/XYZ", "2"),
        ("\n".join(f"말{n}" for n in range(MAX_CUSTOM_WORDS + 1)), str(MAX_CUSTOM_WORDS)),
    ):
        with pytest.raises(InputError, match=told):
            service.validate_request("가", ["kiwi"], KiwiSettings(words=words))


def test_the_address_gives_the_same_view_back_and_drops_what_is_unknown() -> None:
    settings = KiwiSettings("갓생러/NNP\n=1+1", typos=True, letters=True)
    look = ViewOptions("okt", "piece", "restored", "en")
    shown = TextComparison(
        "가ㅋㅋ <b>&=+ ", ("kiwi+unigram", "okt"), settings, perturbation="laugh", original_text="가. <b>&=+ "
    )
    asked = parse_query(dict(parse_qsl(build_query(shown, look))), ["okt", "kiwi+unigram", "word"])
    assert asked == (shown.original_text, ("okt", "kiwi+unigram"), settings, look, "laugh")
    odd = parse_query(
        {"t": "../x,okt", "color": "<b>", "form": "", "lang": "fr", "ref": "x", "stress": "eval"}, ["okt"]
    )
    assert (
        odd.names == ("okt",) and odd.view_options == ViewOptions("x", "pos", "surface", "ko") and not odd.perturbation
    )
    assert "text=" not in build_query(TextComparison("가" * (MAX_URL_TEXT + 1)), look)
    assert parse_query({"text": "\ud800가"}, []).text == "가"


def test_csv_is_safe_in_a_spreadsheet_and_has_a_row_an_id() -> None:
    text = '=SUM(A1) -1 "가,나"\n@x\t+'
    compared = cut(text, "syllable", "byte", "jamo", "kiwi")
    raw = to_csv(compared, "kiwi", "ko")
    assert raw.startswith("\ufeff" + ",".join(CSV_COLUMNS))
    rows = list(csv.reader(io.StringIO(raw[1:], newline="")))[1:]
    assert len(rows) == sum(lane.counts.ids for lane in compared.lanes if lane.counts)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\n"))]
    told = json.loads(to_json(compared, "kiwi", "ko"))
    assert told["text"] == text and [lane["name"] for lane in told["lanes"]] == [lane.name for lane in compared.lanes]
    for lane in told["lanes"]:
        if lane["unit"] != "jamo":  # letters of a syllable are no bytes of it
            assert bytes.fromhex("".join(token["bytes"] for token in lane["tokens"])).decode() == text, lane["name"]


def _rules(dark: bool) -> dict[str, str]:
    blocks = re.findall(r"([^{}]+)\{([^{}]*--kl-ink:[^{}]*)\}", STYLE.read_text("utf-8"))
    light = dict(re.findall(r"(--kl-[\w-]+):\s*([^;]+);", blocks[0][1]))
    return light | dict(re.findall(r"(--kl-[\w-]+):\s*([^;]+);", blocks[1][1])) if dark else light


def _color(value: str, hue: float = 0) -> tuple[float, float, float]:
    if value.startswith("#"):
        return tuple(int(value[at : at + 2], 16) / 255 for at in (1, 3, 5))  # type: ignore[return-value]
    saturation, lightness = (float(part.strip("%")) / 100 for part in value.split())
    return colorsys.hls_to_rgb(hue / 360, lightness, saturation)


def _contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    def luminance(color: tuple[float, float, float]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_colours_pass_wcag_aa(dark: bool) -> None:
    known = _rules(dark)
    fills = {name: _color(known[f"--kl-{name}"]) for name in (*TAG_GROUPS, "paper", "wash", "s0", "s1", "s2", "s3")}
    for tint in ("a", "b", "h"):
        fills |= {f"{tint}{hue}": _color(known[f"--kl-tint-{tint}"], hue) for hue in range(0, 360, 10)}
    for name, fill in fills.items():
        assert _contrast(_color(known["--kl-ink"]), fill) >= 4.5, name
        assert _contrast(_color(known["--kl-deep"]), fill) >= 4.5, name
        for mark in ("cut", "boundary", "focus", "all"):
            assert _contrast(_color(known[f"--kl-{mark}"]), fill) >= 3, (mark, name)
    for mark in ("inside", "letters", "bytes", "boundary", "soft"):  # text, or a mark on the paper's own colour
        assert _contrast(_color(known[f"--kl-{mark}"]), fills["paper"]) >= 4.5, mark
    for level in ("s4", "s5"):
        assert _contrast(_color(known[f"--kl-on-{level}"]), _color(known[f"--kl-{level}"])) >= 4.5, level


def test_bad_input_is_a_sentence_in_both_languages() -> None:
    service = Service()
    for text, names in (
        ("", ["byte"]),
        ("가" * (MAX_TEXT + 1), ["byte"]),
        ("가", []),
        ("가", ["zzz"]),
        ("\ud800", ["byte"]),
    ):
        with pytest.raises((InputError, LookupError)) as caught:
            service.validate_request(text, names)
        error = caught.value
        for language in ("ko", "en"):
            page = render_comparison(TextComparison(error=error), ViewOptions(language=language))  # type: ignore[arg-type]
            assert 'role="alert"' in page and "Traceback" not in page
            page.encode()
    with pytest.raises(InputError):
        next(service.stream_tokens("any", "가" * (MAX_PROMPT + 1)))
    with pytest.raises(LookupError):
        next(service.stream_tokens("../../somewhere", "가"))


def test_an_analyzer_that_fails_leaves_the_other_lanes() -> None:
    service = Service()
    load = service._tokenizers._load

    def fail(name: str) -> Any:
        if name == "okt":
            raise RuntimeError("<crash>")
        return load(name)

    service._tokenizers._load = fail
    compared = service.compare("가나", ["byte", "okt"])
    okt, byte = compared.lanes
    assert "okt:" in render_comparison(compared, ViewOptions()) and compared.agreement == ((1.0,),)
    assert okt.error and "<crash>" not in okt.error.message("ko") and byte.counts and byte.counts.ids == 6


def test_the_app_is_imported_without_torch_or_an_analyzer() -> None:
    pytest.importorskip("gradio")
    heavy = ("torch", "kiwipiepy", "jpype", "sentencepiece")
    code = f"import sys, korlm.app.main; korlm.app.main.build_app(); print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout


def test_every_text_has_both_languages_and_the_same_places() -> None:
    for key, (ko, en) in common._TEXTS.items():
        assert ko and en, key
        assert sorted(re.findall(r"{\w+}", ko)) == sorted(re.findall(r"{\w+}", en)), key
