"""The controls of the tab 토크나이저 비교, registered with their texts in both languages.

>>> radio_choices("form", url_state.FORM_MODES, "en")
[('surface', 'surface'), ('restored', 'restored')]
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from markupsafe import Markup

from korlm.app import url_state
from korlm.app.compare.handlers import PerturbedText
from korlm.app.lanes import KIWI_SWITCHES
from korlm.app.limits import MAX_CUSTOM_WORDS
from korlm.app.localize import LocalizedComponents
from korlm.app.service import PRESELECTED_TOKENIZERS, Service, TokenizerOption
from korlm.app.strings.common import lane_name, tokenizer_display_name, translate
from korlm.app.templating import render_template
from korlm.text.perturbations import PERTURBATIONS

EXAMPLES = {
    "ambiguity": "나는 하늘을 나는 새를 보고 감기는 눈을 비볐다.",
    "contraction": "그건 내 거랬잖아. 얼마나 기다렸는데 벌써 갔대?",
    "compounds": "손목시계 가게 옆 골목길 김치찌개집에서 콩나물국밥을 먹었다.",
    "loanwords": "테이크아웃한 아이스 아메리카노를 인스타그램에 업로드했다.",
    "net": "배송 개빠름ㅋㅋㅋ 존맛탱이라 순삭했어욬ㅋ 재구매각 ㅇㅈ?",
    "rare": "뷁! 쀍궯 먹었긔 👩‍💻 NLP는 2024년 大韓民國에서도…",
}


def render_perturbation_note(perturbed: PerturbedText | None, language: str) -> Markup:
    """Render which perturbation changed the text, or which one found nothing to change."""
    if perturbed and perturbed.unchanged_by:
        note = translate("not_stressed", language, kind=translate("stress_" + perturbed.unchanged_by, language))
    elif perturbed and perturbed.kind:
        note = translate("stressed", language, kind=translate("stress_" + perturbed.kind, language))
    else:
        note = ""
    return render_template("perturbation_note", note=note)


def build_tokenizer_choice(service: Service, localized: LocalizedComponents) -> gr.CheckboxGroup:
    """Create the choice of tokenizers, and list those that are not installed with what to install."""
    options = service.tokenizer_options()
    installed = [option for option in options if not option.reason]
    missing = ", ".join(f"{option.name} ({option.reason})" for option in options if option.reason)
    names = gr.CheckboxGroup(
        choices=_tokenizer_choices(installed, "ko"), value=preselected_tokenizers(options), elem_id="compare-names"
    )
    info = {"info": partial(translate, "not_installed", names=missing)} if missing else {}
    return localized.add(names, label="tokenizers", choices=partial(_tokenizer_choices, installed), **info)


def build_perturbation_row(localized: LocalizedComponents) -> tuple[dict[str, gr.Button], gr.Button, gr.HTML]:
    """Create the buttons that perturb the text, the one that restores it, and the note about it."""
    with gr.Row(elem_classes="kl-stresses"):
        label = gr.HTML(js_on_load=None, elem_classes="kl-label", min_width=100, scale=0)
        localized.add(
            label, value=lambda language: Markup('<span class="kl">{}</span>').format(translate("stress", language))
        )
        buttons = {
            kind: gr.Button(size="sm", elem_id=f"stress-{kind}", scale=0, min_width=64) for kind in PERTURBATIONS
        }
        for kind, button in buttons.items():
            localized.add(button, value=f"stress_{kind}")
        undo = gr.Button(size="sm", variant="secondary", elem_id="stress-restore", scale=0, min_width=64)
        localized.add(undo, value="restore")
    note = gr.HTML(render_perturbation_note(None, "ko"), js_on_load=None, elem_id="stress-note")
    return buttons, undo, note


def build_kiwi_settings(localized: LocalizedComponents) -> tuple[gr.Accordion, dict[str, Any]]:
    """Create a closed accordion, and in it the user dictionary and the switches of Kiwi by their field names."""
    settings = localized.add(gr.Accordion(open=False, elem_id="kiwi-settings"), label="kiwi_settings")
    with settings, gr.Row():
        words = gr.Textbox(
            lines=3, max_lines=8, elem_id="user-words", placeholder="어쩔티비\n존맛탱/NNG", scale=2, min_width=260
        )
        with gr.Column(min_width=220):
            switches = {name: gr.Checkbox(False, elem_id=f"kiwi-{name}") for name in KIWI_SWITCHES}
    localized.add(words, label="words", info=partial(translate, "words_info", most=MAX_CUSTOM_WORDS))
    for name, switch in switches.items():
        localized.add(switch, label=f"switch_{name}")
    return settings, {"words": words, **switches}


def build_view_controls(localized: LocalizedComponents) -> dict[str, Any]:
    """Create the choices of the reference, the colors and the forms, by their field names."""
    reference = gr.Dropdown(
        choices=reference_choices(["kiwi"], "ko"), value="kiwi", elem_id="look-reference", filterable=False, scale=0, min_width=190
    )  # fmt: skip
    view_controls: dict[str, Any] = {"reference": localized.add(reference, label="reference")}
    for name, modes in (("color", url_state.COLOR_MODES), ("form", url_state.FORM_MODES)):
        choices = partial(radio_choices, name, modes)
        radio = gr.Radio(choices=choices("ko"), value=modes[0], elem_id=f"look-{name}", scale=0, min_width=170)
        view_controls[name] = localized.add(radio, label=name, choices=choices)
    return view_controls


def build_export_buttons(localized: LocalizedComponents) -> tuple[gr.Button, gr.Button]:
    """Create the buttons for the link, the CSV file and the JSON file; return those of the files.

    `view.js` handles the link, which is the address of the page.
    """
    with gr.Row(elem_classes="kl-files"):
        _, csv, json = (
            localized.add(gr.Button(size="sm", elem_id=f"compare-{name}", scale=0, min_width=90), value=name)
            for name in ("link", "csv", "json")
        )
    return csv, json


def preselected_tokenizers(options: Sequence[TokenizerOption]) -> list[str]:
    """Return the tokenizers that are chosen at first."""
    installed = [option.name for option in options if not option.reason]
    return [name for name in installed if name in PRESELECTED_TOKENIZERS] or installed


def _tokenizer_choices(options: Sequence[TokenizerOption], language: str) -> list[tuple[str, str]]:
    return [(tokenizer_display_name(option.name, option.unit, language), option.name) for option in options]


def radio_choices(group: str, values: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return the choices of a radio: labels and values."""
    return [(translate(f"{group}_{value}", language), value) for value in values]


def reference_choices(names: Sequence[str], language: str) -> list[tuple[str, str]]:
    """Return the choices of the reference: the lanes, and none."""
    return [*((lane_name(name, language), name) for name in names), (translate("reference_none", language), "")]


def example_labels(language: str) -> list[str]:
    """Return the labels of `EXAMPLES`, in their order."""
    return [translate("example_" + kind, language) for kind in EXAMPLES]
