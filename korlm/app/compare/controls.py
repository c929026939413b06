"""The controls of the tab 토크나이저 비교, each with its words registered in both languages.

>>> radio_choices("form", url_state.FORM_MODES, "en")
[('surface', 'surface'), ('restored', 'restored')]
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from korlm.app import url_state
from korlm.app.compare.handlers import PerturbedText
from korlm.app.limits import MAX_CUSTOM_WORDS
from korlm.app.localize import LocalizedComponents
from korlm.app.service import PRESELECTED_TOKENIZERS, Service, TokenizerOption
from korlm.app.strings.common import lane_name, tokenizer_display_name, translate
from korlm.app.view_models import KIWI_SWITCHES
from korlm.text.perturbations import PERTURBATIONS

EXAMPLES = {
    "ambiguity": "나는 하늘을 나는 새를 보고 감기는 눈을 비볐다.",
    "contraction": "그건 내 거랬잖아. 얼마나 기다렸는데 벌써 갔대?",
    "compounds": "손목시계 가게 옆 골목길 김치찌개집에서 콩나물국밥을 먹었다.",
    "loanwords": "테이크아웃한 아이스 아메리카노를 인스타그램에 업로드했다.",
    "net": "배송 개빠름ㅋㅋㅋ 존맛탱이라 순삭했어욬ㅋ 재구매각 ㅇㅈ?",
    "rare": "뷁! 쀍궯 먹었긔 👩‍💻 NLP는 2024년 大韓民國에서도…",
}


def render_perturbation_note(perturbed: PerturbedText | None, language: str) -> str:
    """Return what was done to the text, or that nothing could be."""
    if perturbed and perturbed.unchanged_by:
        told = translate("not_stressed", language, kind=translate("stress_" + perturbed.unchanged_by, language))
    elif perturbed and perturbed.kind:
        told = translate("stressed", language, kind=translate("stress_" + perturbed.kind, language))
    else:
        told = ""
    return f'<p class="kl kl-said" role="status" aria-live="polite">{escape(told)}</p>'


def build_tokenizer_choice(service: Service, localized: LocalizedComponents) -> gr.CheckboxGroup:
    """Return the tokenizers to choose from; those that are not installed are named with what to install."""
    known = service.tokenizer_options()
    usable, lacking = [k for k in known if not k.reason], [k for k in known if k.reason]
    names = gr.CheckboxGroup(
        choices=_tokenizer_choices(usable, "ko"), value=preselected_tokenizers(known), elem_id="compare-names"
    )
    missing = ", ".join(f"{k.name} ({k.reason})" for k in lacking)
    return localized.add(
        names,
        label="tokenizers",
        choices=lambda spoken: _tokenizer_choices(usable, spoken),
        **({"info": lambda spoken: translate("not_installed", spoken, names=missing)} if missing else {}),
    )


def build_perturbation_row(localized: LocalizedComponents) -> tuple[dict[str, gr.Button], gr.Button, gr.HTML]:
    """Return the buttons that stress the text, the one that undoes it, and the note on what was done."""
    with gr.Row(elem_classes="kl-stresses"):
        label = gr.HTML(js_on_load=None, elem_classes="kl-label", min_width=100, scale=0)
        localized.add(label, value=lambda spoken: f'<span class="kl">{escape(translate("stress", spoken))}</span>')
        buttons = {
            kind: localized.add(
                gr.Button(size="sm", elem_id=f"stress-{kind}", scale=0, min_width=64), value=f"stress_{kind}"
            )
            for kind in PERTURBATIONS
        }
        undo = localized.add(
            gr.Button(size="sm", variant="secondary", elem_id="stress-restore", scale=0, min_width=64), value="restore"
        )
    note = gr.HTML(render_perturbation_note(None, "ko"), js_on_load=None, elem_id="stress-note")
    return buttons, undo, note


def build_kiwi_settings(localized: LocalizedComponents) -> tuple[gr.Accordion, list[Any]]:
    """Return the accordion, closed, of the visitor's own Kiwi, and in it the user dictionary and the four switches."""
    settings = localized.add(gr.Accordion(open=False, elem_id="kiwi-settings"), label="kiwi_settings")
    with settings, gr.Row():
        words = gr.Textbox(
            lines=3, max_lines=8, elem_id="user-words", placeholder="어쩔티비\n존맛탱/NNG", scale=2, min_width=260
        )
        with gr.Column(min_width=220):
            typos, coda, compounds, letters = (gr.Checkbox(False, elem_id=f"kiwi-{name}") for name in KIWI_SWITCHES)
    localized.add(words, label="words", info=lambda spoken: translate("words_info", spoken, most=MAX_CUSTOM_WORDS))
    for name, box in zip(KIWI_SWITCHES, (typos, coda, compounds, letters), strict=True):
        localized.add(box, label=f"switch_{name}")
    return settings, [words, typos, coda, compounds, letters]


def build_view_controls(localized: LocalizedComponents) -> list[Any]:
    """Return the reference, the colours and the forms."""
    reference = gr.Dropdown(
        choices=reference_choices(["kiwi"], "ko"), value="kiwi", elem_id="look-reference", filterable=False, scale=0, min_width=190
    )  # fmt: skip
    color = gr.Radio(
        choices=radio_choices("color", url_state.COLOR_MODES, "ko"),
        value="pos",
        elem_id="look-color",
        scale=0,
        min_width=170,
    )
    form = gr.Radio(
        choices=radio_choices("form", url_state.FORM_MODES, "ko"),
        value="surface",
        elem_id="look-form",
        scale=0,
        min_width=170,
    )
    localized.add(reference, label="reference")
    localized.add(color, label="color", choices=lambda spoken: radio_choices("color", url_state.COLOR_MODES, spoken))
    localized.add(form, label="form", choices=lambda spoken: radio_choices("form", url_state.FORM_MODES, spoken))
    return [reference, color, form]


def build_export_buttons(localized: LocalizedComponents) -> tuple[gr.Button, gr.Button, gr.Button]:
    """Return the buttons for the link, the CSV file and the JSON file."""
    with gr.Row(elem_classes="kl-files"):
        made = [
            gr.Button(size="sm", elem_id=f"compare-{name}", scale=0, min_width=90) for name in ("link", "csv", "json")
        ]
    for name, button in zip(("link", "csv", "json"), made, strict=True):
        localized.add(button, value=name)
    return made[0], made[1], made[2]


def preselected_tokenizers(known: Sequence[TokenizerOption]) -> list[str]:
    """Return the tokenizers that are chosen at first."""
    usable = [k.name for k in known if not k.reason]
    return [name for name in usable if name in PRESELECTED_TOKENIZERS] or usable


def _tokenizer_choices(known: Sequence[TokenizerOption], language: str) -> list[tuple[str, str]]:
    return [(tokenizer_display_name(k.name, k.unit, language), k.name) for k in known]


def radio_choices(group: str, values: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return the choices of a radio: words and values."""
    return [(translate(f"{group}_{value}", language), value) for value in values]


def reference_choices(names: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return the choices of the reference: lanes, and none."""
    return [*((lane_name(name, language), name) for name in names), (translate("reference_none", language), "")]


def example_labels(language: str) -> list[str]:
    """Return what the examples are called, in their order."""
    return [translate("example_" + kind, language) for kind in EXAMPLES]
