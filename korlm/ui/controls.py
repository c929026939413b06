"""The controls of the tab 토크나이저 비교, each with its words registered in both languages.

>>> pairs("form", address.FORMS, "en")
[('surface', 'surface'), ('restored', 'restored')]
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from korlm.text.stress import STRESSES
from korlm.ui import address
from korlm.ui.asking import Stressed
from korlm.ui.limits import MAX_WORDS
from korlm.ui.plain import SWITCHES
from korlm.ui.service import PRESELECTED, Known, Service
from korlm.ui.strings import lane_name, named, say
from korlm.ui.wording import Wording

EXAMPLES = {
    "ambiguity": "나는 하늘을 나는 새를 보고 감기는 눈을 비볐다.",
    "contraction": "그건 내 거랬잖아. 얼마나 기다렸는데 벌써 갔대?",
    "compounds": "손목시계 가게 옆 골목길 김치찌개집에서 콩나물국밥을 먹었다.",
    "loanwords": "테이크아웃한 아이스 아메리카노를 인스타그램에 업로드했다.",
    "net": "배송 개빠름ㅋㅋㅋ 존맛탱이라 순삭했어욬ㅋ 재구매각 ㅇㅈ?",
    "rare": "뷁! 쀍궯 먹었긔 👩‍💻 NLP는 2024년 大韓民國에서도…",
}


def stress_note(stressed: Stressed | None, language: str) -> str:
    """Return what was done to the text, or that nothing could be."""
    if stressed and stressed.missed:
        told = say("not_stressed", language, kind=say("stress_" + stressed.missed, language))
    elif stressed and stressed.kind:
        told = say("stressed", language, kind=say("stress_" + stressed.kind, language))
    else:
        told = ""
    return f'<p class="kl kl-said" role="status" aria-live="polite">{escape(told)}</p>'


def choice(service: Service, wording: Wording) -> gr.CheckboxGroup:
    """Return the tokenizers to choose from; those that are not installed are named with what to install."""
    known = service.tokenizers()
    usable, lacking = [k for k in known if not k.reason], [k for k in known if k.reason]
    names = gr.CheckboxGroup(choices=_choices(usable, "ko"), value=preselected(known), elem_id="compare-names")
    missing = ", ".join(f"{k.name} ({k.reason})" for k in lacking)
    return wording.add(
        names,
        label="tokenizers",
        choices=lambda spoken: _choices(usable, spoken),
        **({"info": lambda spoken: say("not_installed", spoken, names=missing)} if missing else {}),
    )


def stress_row(wording: Wording) -> tuple[dict[str, gr.Button], gr.Button, gr.HTML]:
    """Return the buttons that stress the text, the one that undoes it, and the note on what was done."""
    with gr.Row(elem_classes="kl-stresses"):
        label = gr.HTML(js_on_load=None, elem_classes="kl-label", min_width=100, scale=0)
        wording.add(label, value=lambda spoken: f'<span class="kl">{escape(say("stress", spoken))}</span>')
        buttons = {
            kind: wording.add(
                gr.Button(size="sm", elem_id=f"stress-{kind}", scale=0, min_width=64), value=f"stress_{kind}"
            )
            for kind in STRESSES
        }
        undo = wording.add(
            gr.Button(size="sm", variant="secondary", elem_id="stress-restore", scale=0, min_width=64), value="restore"
        )
    note = gr.HTML(stress_note(None, "ko"), js_on_load=None, elem_id="stress-note")
    return buttons, undo, note


def kiwi(wording: Wording) -> tuple[gr.Accordion, list[Any]]:
    """Return the accordion, closed, of the visitor's own Kiwi, and in it the user dictionary and the four switches."""
    settings = wording.add(gr.Accordion(open=False, elem_id="kiwi-settings"), label="kiwi_settings")
    with settings, gr.Row():
        words = gr.Textbox(
            lines=3, max_lines=8, elem_id="user-words", placeholder="어쩔티비\n존맛탱/NNG", scale=2, min_width=260
        )
        with gr.Column(min_width=220):
            typos, coda, compounds, letters = (gr.Checkbox(False, elem_id=f"kiwi-{name}") for name in SWITCHES)
    wording.add(words, label="words", info=lambda spoken: say("words_info", spoken, most=MAX_WORDS))
    for name, box in zip(SWITCHES, (typos, coda, compounds, letters), strict=True):
        wording.add(box, label=f"switch_{name}")
    return settings, [words, typos, coda, compounds, letters]


def looks(wording: Wording) -> list[Any]:
    """Return the reference, the colours and the forms."""
    reference = gr.Dropdown(
        choices=references(["kiwi"], "ko"), value="kiwi", elem_id="look-reference", filterable=False, scale=0, min_width=190
    )  # fmt: skip
    color = gr.Radio(
        choices=pairs("color", address.COLORS, "ko"), value="pos", elem_id="look-color", scale=0, min_width=170
    )
    form = gr.Radio(
        choices=pairs("form", address.FORMS, "ko"), value="surface", elem_id="look-form", scale=0, min_width=170
    )
    wording.add(reference, label="reference")
    wording.add(color, label="color", choices=lambda spoken: pairs("color", address.COLORS, spoken))
    wording.add(form, label="form", choices=lambda spoken: pairs("form", address.FORMS, spoken))
    return [reference, color, form]


def tools(wording: Wording) -> tuple[gr.Button, gr.Button, gr.Button]:
    """Return the buttons for the link, the CSV file and the JSON file."""
    with gr.Row(elem_classes="kl-files"):
        made = [
            gr.Button(size="sm", elem_id=f"compare-{name}", scale=0, min_width=90) for name in ("link", "csv", "json")
        ]
    for name, button in zip(("link", "csv", "json"), made, strict=True):
        wording.add(button, value=name)
    return made[0], made[1], made[2]


def preselected(known: Sequence[Known]) -> list[str]:
    """Return the tokenizers that are chosen at first."""
    usable = [k.name for k in known if not k.reason]
    return [name for name in usable if name in PRESELECTED] or usable


def _choices(known: Sequence[Known], language: str) -> list[tuple[str, str]]:
    return [(named(k.name, k.unit, language), k.name) for k in known]


def pairs(group: str, values: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return the choices of a radio: words and values."""
    return [(say(f"{group}_{value}", language), value) for value in values]


def references(names: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return the choices of the reference: lanes, and none."""
    return [*((lane_name(name, language), name) for name in names), (say("reference_none", language), "")]


def example_labels(language: str) -> list[str]:
    """Return what the examples are called, in their order."""
    return [say("example_" + kind, language) for kind in EXAMPLES]
