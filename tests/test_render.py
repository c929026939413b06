"""The app's HTML without a browser: nothing typed is ever markup, every lane is the whole text, all can be seen."""

from __future__ import annotations

import re
import subprocess
import sys
from html import escape
from html.parser import HTMLParser
from typing import Any

import pytest

from korlm.errors import InputError
from korlm.ui import strings
from korlm.ui.cards import Board, Column, board_view
from korlm.ui.compare_tab import Compared, show
from korlm.ui.counts import counts_table
from korlm.ui.glosses import short
from korlm.ui.glyphs import glyph, visible
from korlm.ui.plain import Counts, Lane, ModelCard, Piece, Token
from korlm.ui.render import BLOCK, DRAWN, blocks, describe, lanes_view
from korlm.ui.service import MAX_PROMPT, MAX_TEXT, Service

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
INVISIBLE = [chr(n) for n in [*range(33), *range(0x7F, 0xA1), 0xAD, *range(0x200B, 0x2010), *range(0x2028, 0x202F)]]
INVISIBLE += list("\u115f\u1160\u2060\u3164\ufe0f\ufeff\uffa0\u3000\U000e0001\U000e0100\ue000")


class Boxes(HTMLParser):
    """Collects, for each lane's name, the cells drawn in its boxes, and every tag and attribute."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.lanes: dict[str, list[tuple[str, str]]] = {}
        self.rulers: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._row: list[tuple[str, str]] | None = None
        self._cell: str | None = None
        self._text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes.update(named)
        kinds = named.get("class", "").split()
        if "kl-ruler" in kinds:
            self._row = self.rulers
        elif "kl-lane" in kinds:
            self._row = self.lanes.setdefault(named.get("aria-label", "legend"), [])
        elif tag == "i":
            self._cell, self._text = named.get("class", ""), ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "i" and self._row is not None:
            self._row.append((self._text, self._cell or ""))


def byte_lane(text: str) -> Lane:
    return Service().compare(text, ["byte"])[0]


def pair_lane(text: str) -> Lane:
    """A lane whose pieces are two characters each, across eojeol and lines, as no tokenizer of ours would cut."""
    cuts = [(at, min(at + 2, len(text))) for at in range(0, len(text), 2)]
    pieces = [Piece(a, b, (Token(a, text[a:b], a, b),), ((text[a:b], "NNG"),)) for a, b in cuts]
    return Lane("pair", "morpheme", tuple(pieces), Counts(len(cuts), len(cuts), None, None, 0, 0, 300))


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_lane_draws_every_character_in_order_and_in_its_column(text: str, language: str) -> None:
    page = Boxes(lanes_view(text, [byte_lane(text), pair_lane(text)], language))
    expected = [glyph(character).text for character in text]
    assert [shown for shown, _ in page.rulers] == expected
    for name in page.lanes.keys() - {"legend"}:
        assert [shown for shown, _ in page.lanes[name]] == expected, name


@pytest.mark.parametrize("text", NASTY)
def test_what_is_typed_never_becomes_a_tag_or_an_attribute(text: str) -> None:
    lanes = [byte_lane(text), pair_lane(text), Lane("okt", "morpheme", error=InputError(text, text))]
    card = ModelCard("<b>m</b>", "<i>", "", "lstm", 10, None)
    board = Board(text, 7, [Column(card, text, "writing"), Column(card, "", "error", InputError(text, text))])
    page = lanes_view(text, lanes, "ko") + counts_table(text, lanes, "ko") + board_view(board, "ko")
    found = Boxes(page)
    assert not found.tags & {"script", "img"}
    assert not {name for name in found.attributes if name.startswith("on")}
    assert "<script" not in page and "\x00" not in page


def test_names_and_labels_are_escaped_too() -> None:
    text = "\"'<x>"
    piece = Piece(0, 5, (Token(1, text, 0, 5),), ((text, "\"'<y>"),))
    page = lanes_view(text, [Lane('"><u>', "word", (piece,))], "en")
    assert "<u>" not in page and "<y>" not in page and "<x>" not in page
    assert escape(text) in page


@pytest.mark.parametrize("character", INVISIBLE, ids=lambda c: f"U+{ord(c):04X}")
def test_every_invisible_character_is_drawn_as_something_that_can_be_seen(character: str) -> None:
    drawn = glyph(character)
    assert drawn.kind == "space" or (drawn.text and drawn.text.isprintable() and drawn.text.strip())
    assert visible(character).isprintable() and visible(character).strip()


@pytest.mark.parametrize("text", [*NASTY, "가" * 3000, "가나 " * 400])
def test_blocks_partition_the_text_and_fit_a_telephone(text: str) -> None:
    spans = blocks(text, [pair_lane(text)])
    assert [at for span in spans for at in range(*span)] == list(range(len(text)))
    assert all(0 < end - start <= BLOCK + 1 for start, end in spans)


def test_long_text_is_drawn_in_part_and_counted_whole() -> None:
    text = "가나다 " * 1000
    lane = byte_lane(text)
    page = show(Compared(text, (lane,)), "ko")
    assert len(Boxes(page).rulers) == DRAWN
    assert "4,000자 전체" in page and lane.counts and f"{lane.counts.ids:,}" in page


def test_the_note_of_a_piece_tells_ids_span_and_explains_tags() -> None:
    piece = Piece(0, 1, (Token(9, "했", 0, 1),), (("하", "VV"), ("었", "EP")))
    note = describe("했다", piece, "ko")
    assert "9" in note and "0–1" in note and "하/VV 동사" in note and "었/EP 선어말 어미" in note
    assert "pre-final ending" in describe("했다", piece, "en")
    assert short(["VV", "EP"], 1) == "VV+EP" and short(["VV", "EP", "EF"], 1) == "VV+"


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
            service.check(text, names)
        error = caught.value
        for language in ("ko", "en"):
            page = show(Compared(error=error), language)  # type: ignore[arg-type]
            assert 'role="alert"' in page and "Traceback" not in page
            page.encode()
    with pytest.raises(InputError):
        next(service.stream("any", "가" * (MAX_PROMPT + 1)))
    with pytest.raises(LookupError):
        next(service.stream("../../somewhere", "가"))


def test_an_analyzer_that_fails_leaves_the_other_lanes() -> None:
    service = Service()
    load = service._tokenizers._load

    def fail(name: str) -> Any:
        if name == "okt":
            raise RuntimeError("<crash>")
        return load(name)

    service._tokenizers._load = fail
    okt, byte = service.compare("가나", ["byte", "okt"])
    assert okt.error and "<crash>" not in okt.error.message("ko") and byte.counts and byte.counts.ids == 6


def test_the_app_is_imported_without_torch_or_an_analyzer() -> None:
    pytest.importorskip("gradio")
    heavy = ("torch", "kiwipiepy", "jpype", "sentencepiece")
    code = f"import sys, korlm.ui.app; korlm.ui.app.build(); print([n for n in {heavy} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]"), done.stdout


def test_every_text_has_both_languages_and_the_same_places() -> None:
    for key, (ko, en) in strings._TEXTS.items():
        assert ko and en, key
        assert sorted(re.findall(r"{\w+}", ko)) == sorted(re.findall(r"{\w+}", en)), key
