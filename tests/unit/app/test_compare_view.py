"""Test the HTML of the tab 토크나이저 비교 without a browser."""

from __future__ import annotations

import colorsys
import csv
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from markupsafe import escape
from support.lanes import lane_of_spans

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
from korlm.app.lanes import USER_WORDS_LANE, KiwiSettings, Lane, TextComparison, ViewOptions
from korlm.app.limits import MAX_CUSTOM_WORDS, MAX_PROMPT, MAX_TEXT
from korlm.app.service import Service
from korlm.app.strings import common
from korlm.app.url_state import MAX_URL_TEXT, build_query, parse_query
from korlm.app.widgets.lane_view import MAX_BLOCK_CELLS, MAX_DRAWN_CHARACTERS, render_lanes, split_into_blocks
from korlm.app.widgets.tag_glosses import abbreviate_tags, explain_tag
from korlm.app.widgets.token_cells import TAG_GROUPS, restored_form
from korlm.app.widgets.tooltips import describe_segment
from korlm.app.widgets.visible_characters import character_glyph, make_visible
from korlm.errors import InputError
from korlm.evaluation.token_counts import TokenCounts
from korlm.morph.base import Morpheme
from korlm.tokenizers.base import Tokenizer
from korlm.tokenizers.registry import load_tokenizer

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
    """Collects the characters drawn in each lane, and all tags, classes and attributes."""

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


def compare_text(text: str, *names: str) -> TextComparison:
    return Service().compare(text, names)


def byte_lane(text: str) -> Lane:
    return compare_text(text, "byte").lanes[0]


def pair_lane(text: str) -> Lane:
    """Return a lane with segments of two characters, across eojeol and lines, which no real tokenizer makes."""
    spans = [(at, min(at + 2, len(text))) for at in range(0, len(text), 2)]
    counts = TokenCounts(len(text), 0, len(spans), len(spans), 0, 0)
    return lane_of_spans(text, spans, (Morpheme(text, "NNG", 0, 1, "NNG"),), counts=counts, vocab_size=300)


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("color", ["pos", "piece"])
def test_every_lane_draws_every_character_in_order(text: str, color: str) -> None:
    jamo = compare_text(text, "jamo", "word", "unigram").lanes
    page = Boxes(render_lanes([byte_lane(text), pair_lane(text), *jamo], ViewOptions(color=color)))
    expected = [character_glyph(character).text for character in text]
    assert page.ruler == expected
    assert len(page.lanes) == 5
    for name, drawn in page.lanes.items():
        assert drawn == expected, name
    assert page.tab_stops == 1


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("form", ["surface", "restored"])
def test_typed_text_never_becomes_a_tag_or_an_attribute(text: str, form: str) -> None:
    lanes = (byte_lane(text), pair_lane(text), Lane("okt", "morpheme", error=InputError(text, text)))
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
    lane = lane_of_spans(text, [(0, 5)], (Morpheme(text, "\"'<y>", 0, 5),), name='"><u>', unit="word")
    page = render_comparison(TextComparison(text, ('"><u>',), lanes=(lane,)), ViewOptions(language="en"))
    assert "<u>" not in page and "<y>" not in page and "<x>" not in page
    assert escape(text) in page


def test_boundaries_are_lines_with_marks_for_unique_and_shared_ones() -> None:
    text = "나는나"
    compared = compare_text(text, "unigram", "syllable", "byte")
    alone = [lane.unique_boundaries for lane in compared.lanes]
    assert alone[1] == alone[2] == frozenset()  # equal boundaries
    shared = frozenset.intersection(*(lane.boundaries for lane in compared.lanes))
    found = Boxes(render_lanes(compared.valid_lanes, ViewOptions())).classes
    assert sum("c" in kinds for kinds in found) == sum(len(lane.boundaries) for lane in compared.lanes)
    assert render_lanes(compared.valid_lanes, ViewOptions()).count("<u ") == len(shared)
    pair = compare_text(text, "word", "syllable")
    assert pair.lanes[1].unique_boundaries == {1, 2}
    assert sum("o" in kinds for kinds in Boxes(render_lanes(pair.valid_lanes, ViewOptions())).classes) == 2


def test_boundary_types_are_drawn_described_and_counted() -> None:
    text = "학교에서"
    compared = compare_text(text, "kiwi", "syllable", "jamo")
    syllable, jamo = compared.lanes[1:]
    assert syllable.boundary_types["kiwi"] == ("", "inside_morpheme", "boundary", "inside_morpheme")
    assert jamo.boundary_types["kiwi"].count("inside_syllable") == sum(len(t) > 0 for t in "ㅏㄱㅛㅔㅓ")
    page = render_comparison(compared, ViewOptions("kiwi"))
    kinds = [kind for names in Boxes(page).classes for kind in names]
    assert {"vo", "vx", "vs"} <= set(kinds)
    assert "앞에서 자름: 형태소 경계 (kiwi 기준)" in page and "kiwi에 견준 자른 곳" in page
    without = render_comparison(compared, ViewOptions(""))
    assert "견준 자른 곳" not in without and "vx" not in {k for names in Boxes(without).classes for k in names}


def test_jamo_of_a_split_syllable_are_drawn_below_it() -> None:
    page = render_lanes(compare_text("각", "jamo", "word").valid_lanes, ViewOptions())
    assert "<s>ㄱㅏㄱ</s>" in page


def test_restored_forms_replace_the_surface() -> None:
    text = "봤다"
    compared = compare_text(text, "kiwi", "syllable")
    surface, forms = (render_lanes(compared.valid_lanes, ViewOptions(form=form)) for form in ("surface", "restored"))
    assert "<em" not in surface and "보<u>+</u>" in forms
    assert restored_form(compared.lanes[0], 0).startswith("보+") and not restored_form(compared.lanes[1], 0)


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda c: f"U+{ord(c):04X}")
def test_invisible_characters_have_visible_glyphs(character: str) -> None:
    drawn = character_glyph(character)
    assert drawn.kind == "space" or (drawn.text and drawn.text.isprintable() and drawn.text.strip())
    assert make_visible(character).isprintable() and make_visible(character).strip()


@pytest.mark.parametrize("text", [*NASTY, "가" * 3000, "가나 " * 400])
def test_blocks_partition_the_text_and_fit_a_phone(text: str) -> None:
    spans = split_into_blocks(text, [pair_lane(text)])
    assert [at for span in spans for at in range(*span)] == list(range(len(text)))
    assert all(0 < end - start <= MAX_BLOCK_CELLS + 1 for start, end in spans)


def test_long_text_is_drawn_in_part_and_counted_completely() -> None:
    text = "가나다 " * 1000
    lane = byte_lane(text)
    page = render_comparison(TextComparison(text, ("byte",), lanes=(lane,)), ViewOptions())
    assert len(Boxes(page).ruler) == MAX_DRAWN_CHARACTERS
    assert "4,000자 전체" in page and lane.counts and f"{lane.counts.ids:,}" in page


def test_tooltip_has_ids_bytes_span_and_tag_glosses() -> None:
    morphemes = (Morpheme("하", "VV", 0, 1, "VV"), Morpheme("었", "PreEomi", 0, 1, "EP"))
    lane = lane_of_spans("했다", [(0, 1)], morphemes, name="okt")
    note = describe_segment(lane, 0, ViewOptions())
    assert "ID 0" in note and "0–1" in note and "ED 96 88" in note
    assert "하/VV 동사 → 하다" in note and "었/PreEomi 선어말 어미 (세종 EP 선어말 어미)" in note
    assert "pre-final ending" in describe_segment(lane, 0, ViewOptions(language="en"))
    assert abbreviate_tags(["VV", "EP"], 1) == "VV+EP" and abbreviate_tags(["VV", "EP", "EF"], 1) == "VV+"


def test_tags_of_all_analyzers_have_glosses() -> None:
    from korlm.morph.tags import sejong_tag_table

    for analyzer in ("kiwi", "mecab", "okt", "komoran", "hannanum", "kkma"):
        lacking = [tag for tag in sejong_tag_table(analyzer) if len(tag) > 1 and not explain_tag(tag, "ko", analyzer)]
        assert len(lacking) <= 12, (analyzer, lacking)


def test_counts_show_the_change_by_a_perturbation_with_a_sign() -> None:
    text = "나는 간다."
    stressed, state = apply_perturbation("laugh", text, None)
    [*_, compared] = stream_comparison(
        Service(), CompareForm(stressed, ("syllable", "byte"), KiwiSettings(), ViewOptions(), state)
    )
    page = render_counts_table(compared.lanes, "ko", compared.ids_before)
    assert "6 → 7" in page and "▲ +17 %" in page
    assert apply_perturbation("hanja", stressed, state) == (stressed, PerturbedText("laugh", text, stressed, "hanja"))
    assert apply_perturbation("spaces", stressed, state)[0] == "나는간다."  # applies to the typed text
    assert restore_original_text(stressed, state) == (text, None) and restore_original_text("다른 글", state) == (
        "다른 글",
        None,
    )


def test_user_word_adds_a_second_kiwi_lane_and_a_note() -> None:
    settings = KiwiSettings(words="뷁뷁이\tNNP")
    compared = Service().compare("뷁뷁이는", ["kiwi", "syllable"], settings)
    before, after, _ = compared.lanes
    assert (before.name, after.name) == ("kiwi", USER_WORDS_LANE)
    assert [(p.start, p.end) for p in after.segments] == [(0, 3), (3, 4)]
    assert before.counts and after.counts
    page = render_comparison(compared, ViewOptions())
    assert f"{before.counts.segments} → {after.counts.segments}" in page and "kiwi + 내 사전" in page


def test_invalid_user_words_raise_an_error_with_the_line() -> None:
    service = Service()
    for words, expected in (
        ("가\n나/XYZ", "2"),
        ("\n".join(f"말{n}" for n in range(MAX_CUSTOM_WORDS + 1)), str(MAX_CUSTOM_WORDS)),
    ):
        with pytest.raises(InputError, match=expected):
            service.validate_request("가", ["kiwi"], KiwiSettings(words=words))


def test_query_string_round_trip_drops_unknown_values() -> None:
    settings = KiwiSettings("갓생러/NNP\n=1+1", typos=True, letters=True)
    view_options = ViewOptions("okt", "piece", "restored", "en")
    shown = TextComparison(
        "가ㅋㅋ <b>&=+ ", ("kiwi+unigram", "okt"), settings, perturbation="laugh", original_text="가. <b>&=+ "
    )
    parsed = parse_query(dict(parse_qsl(build_query(shown, view_options))), ["okt", "kiwi+unigram", "word"])
    assert parsed == (shown.original_text, ("okt", "kiwi+unigram"), settings, view_options, "laugh")
    odd = parse_query(
        {"t": "../x,okt", "color": "<b>", "form": "", "lang": "fr", "ref": "x", "stress": "eval"}, ["okt"]
    )
    assert (
        odd.names == ("okt",) and odd.view_options == ViewOptions("x", "pos", "surface", "ko") and not odd.perturbation
    )
    assert "text=" not in build_query(TextComparison("가" * (MAX_URL_TEXT + 1)), view_options)
    assert parse_query({"text": "\ud800가"}, []).text == "가"


def test_csv_is_safe_in_a_spreadsheet_and_has_a_row_per_token() -> None:
    text = '=SUM(A1) -1 "가,나"\n@x\t+'
    compared = compare_text(text, "syllable", "byte", "jamo", "kiwi")
    raw = to_csv(compared, "kiwi", "ko")
    assert raw.startswith("\ufeff" + ",".join(CSV_COLUMNS))
    rows = list(csv.reader(io.StringIO(raw[1:], newline="")))[1:]
    assert len(rows) == sum(lane.counts.ids for lane in compared.lanes if lane.counts)
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\n"))]
    exported = json.loads(to_json(compared, "kiwi", "ko"))
    assert exported["text"] == text and [lane["name"] for lane in exported["lanes"]] == [
        lane.name for lane in compared.lanes
    ]
    for lane in exported["lanes"]:
        if lane["unit"] != "jamo":  # jamo are not bytes of their syllable
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
def test_colors_pass_wcag_aa(dark: bool) -> None:
    known = _rules(dark)
    fills = {name: _color(known[f"--kl-{name}"]) for name in (*TAG_GROUPS, "paper", "wash", "s0", "s1", "s2", "s3")}
    for tint in ("a", "b", "h"):
        fills |= {f"{tint}{hue}": _color(known[f"--kl-tint-{tint}"], hue) for hue in range(0, 360, 10)}
    for name, fill in fills.items():
        assert _contrast(_color(known["--kl-ink"]), fill) >= 4.5, name
        assert _contrast(_color(known["--kl-deep"]), fill) >= 4.5, name
        for mark in ("cut", "boundary", "focus", "all"):
            assert _contrast(_color(known[f"--kl-{mark}"]), fill) >= 3, (mark, name)
    for mark in ("inside", "letters", "bytes", "boundary", "soft"):  # text, or a mark on the paper's own color
        assert _contrast(_color(known[f"--kl-{mark}"]), fills["paper"]) >= 4.5, mark
    for level in ("s4", "s5"):
        assert _contrast(_color(known[f"--kl-on-{level}"]), _color(known[f"--kl-{level}"])) >= 4.5, level


def test_invalid_input_shows_a_bilingual_error() -> None:
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


def test_failing_analyzer_leaves_the_other_lanes() -> None:
    def fail(name: str) -> Tokenizer:
        if name == "okt":
            raise RuntimeError("<crash>")
        return load_tokenizer(name)

    compared = Service(load_tokenizer=fail).compare("가나", ["byte", "okt"])
    okt, byte = compared.lanes
    assert "okt:" in render_comparison(compared, ViewOptions()) and compared.agreement == ((1.0,),)
    assert okt.error and "<crash>" not in okt.error.message("ko") and byte.counts and byte.counts.ids == 6


def test_app_is_built_without_torch_or_an_analyzer() -> None:
    pytest.importorskip("gradio")
    heavy = ("torch", "kiwipiepy", "jpype", "sentencepiece")
    code = f"import sys, korlm.app.main; korlm.app.main.build_app(); print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout


def test_texts_have_both_languages_with_the_same_fields() -> None:
    for key, (ko, en) in common._TEXTS.items():
        assert ko and en, key
        assert sorted(re.findall(r"{\w+}", ko)) == sorted(re.findall(r"{\w+}", en)), key
