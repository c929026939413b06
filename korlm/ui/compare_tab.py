"""The tab 토크나이저 비교: a text, the tokenizers to cut it with, and the view."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from korlm.text.stress import STRESSES
from korlm.ui import address, asking, exports
from korlm.ui.asking import Form, Stressed
from korlm.ui.plain import Compared, Look
from korlm.ui.service import MAX_WORDS, PRESELECTED, Known, Service
from korlm.ui.strings import lane_name, named, say
from korlm.ui.view import compared_view
from korlm.ui.wording import Wording

DEFAULT_TEXT = "아버지가 방에 들어가셨다. 아버지가방에들어가셨다ㅋㅋ"
EXAMPLES = {
    "ambiguity": "나는 하늘을 나는 새를 보고 감기는 눈을 비볐다.",
    "contraction": "그건 내 거랬잖아. 얼마나 기다렸는데 벌써 갔대?",
    "compounds": "손목시계 가게 옆 골목길 김치찌개집에서 콩나물국밥을 먹었다.",
    "loanwords": "테이크아웃한 아이스 아메리카노를 인스타그램에 업로드했다.",
    "net": "배송 개빠름ㅋㅋㅋ 존맛탱이라 순삭했어욬ㅋ 재구매각 ㅇㅈ?",
    "rare": "뷁! 쀍궯 먹었긔 👩‍💻 NLP는 2024년 大韓民國에서도…",
}
# The file is made of the text that came with the click: nothing is kept on the server.
_SAVE = """(content, name, kind) => {
  if (!content) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], {type: kind}));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}"""


@dataclass(frozen=True)
class CompareTab:
    """The parts of the tab that the page needs: what to run at the start and what to show again.

    Attributes:
        controls: what `Form.of` takes, in its order.
        shown: what the view shows now.
        view: the view.
        note: what was done to the text.
        service: what cuts.
    """

    controls: list[Any]
    shown: gr.State
    view: gr.HTML
    note: gr.HTML
    service: Service

    @property
    def reference(self) -> gr.Dropdown:
        """The choice of the lane that cuts are judged against."""
        return self.controls[7]

    @property
    def outputs(self) -> list[Any]:
        """What `run` gives."""
        return [self.view, self.shown, self.reference, self.note]

    def run(self, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield (view, what it shows, reference, note): at once for what is loaded, then for everything."""
        form = Form.of(*values)
        for compared in asking.compare(self.service, form):
            note = stress_note(
                form.stressed if form.stressed and form.stressed.result == form.text else None, form.look.language
            )
            yield compared_view(compared, form.look), compared, reference_update(compared, form.look), note

    def redraw(self, compared: Compared | None, *values: Any) -> tuple[Any, ...]:
        """Return the view, the reference and the note again, in other colours, forms or words; nothing is cut anew."""
        form = Form.of(*values)
        note = stress_note(form.stressed, form.look.language)
        return compared_view(compared, form.look), reference_update(compared, form.look), note

    def asked(self, values: Mapping[str, str]) -> list[Any]:
        """Return a value for each of the controls, from the page's address."""
        usable = [known.name for known in self.service.tokenizers() if not known.reason]
        wanted = address.read(values, usable)
        text, stressed = wanted.text or DEFAULT_TEXT, None
        if wanted.stress and wanted.text:
            text, stressed = asking.press(wanted.stress, text, None)
        look, settings = wanted.look, wanted.settings
        reference = gr.update(choices=_references(usable, look.language), value=look.reference)
        names = list(wanted.names) or _preselected(self.service.tokenizers())
        return [
            text,
            names,
            settings.words,
            *settings.switches,
            reference,
            look.color,
            look.form,
            look.language,
            stressed,
        ]


def stress_note(stressed: Stressed | None, language: str) -> str:
    """Return what was done to the text, or that nothing could be."""
    if stressed and stressed.missed:
        told = say("not_stressed", language, kind=say("stress_" + stressed.missed, language))
    elif stressed and stressed.kind:
        told = say("stressed", language, kind=say("stress_" + stressed.kind, language))
    else:
        told = ""
    return f'<p class="kl kl-said" role="status" aria-live="polite">{escape(told)}</p>'


def reference_update(compared: Compared | None, look: Look) -> Any:
    """Return the choices of the reference: the lanes with morphemes; left alone where nothing was cut."""
    if compared is None or compared.error or compared.waiting:
        return gr.skip()
    return gr.update(choices=_references(compared.references, look.language), value=compared.reference(look.reference))


def build(service: Service, wording: Wording, language: gr.Radio, script: str) -> CompareTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        service: what cuts.
        wording: where words are registered.
        language: the switch, an input of every handler.
        script: JavaScript of the view (keys, the note at a piece, copying).
    """
    with gr.Column(elem_classes="kl-panel"):
        with gr.Row(elem_classes="kl-ask"):
            text = gr.Textbox(DEFAULT_TEXT, lines=2, max_lines=8, elem_id="compare-text", scale=1, min_width=260)
            run = gr.Button(variant="primary", elem_id="compare-run", scale=0, min_width=150)
        wording.add(text, label="text", placeholder="text_hint")
        wording.add(run, value="run")
        stresses, undo, note = _stress_row(wording)
        examples = gr.Dataset(
            components=[text], samples=[[example] for example in EXAMPLES.values()], type="index", elem_id="examples"
        )
        wording.add(examples, label="examples", sample_labels=_example_labels)
        names = _names(service, wording)
        own = _kiwi(wording)
    with gr.Row(elem_classes="kl-looks"):
        looks = _looks(wording)
        link, csv, json = _tools(wording)
    view = gr.HTML(compared_view(None, Look()), elem_id="compare-view", js_on_load=script, min_height=320)
    stressed = gr.State(None)
    tab = CompareTab([text, names, *own, *looks, language, stressed], gr.State(None), view, note, service)
    _bind_run(tab, [run.click, text.submit], examples, text)
    _bind_stresses(tab, stresses, undo, text, stressed)
    again = [tab.view, tab.reference, tab.note]
    gr.on(
        [part.input for part in looks],
        tab.redraw,
        [tab.shown, *tab.controls],
        again,
        show_progress="hidden",
        queue=False,
    )
    _bind_files(tab, csv, json)
    del link  # `view.js` listens to it: the address is the page's own
    return tab


def _names(service: Service, wording: Wording) -> gr.CheckboxGroup:
    known = service.tokenizers()
    usable, lacking = [k for k in known if not k.reason], [k for k in known if k.reason]
    names = gr.CheckboxGroup(choices=_choices(usable, "ko"), value=_preselected(known), elem_id="compare-names")
    missing = ", ".join(f"{k.name} ({k.reason})" for k in lacking)
    return wording.add(
        names,
        label="tokenizers",
        choices=lambda spoken: _choices(usable, spoken),
        **({"info": lambda spoken: say("not_installed", spoken, names=missing)} if missing else {}),
    )


def _stress_row(wording: Wording) -> tuple[dict[str, gr.Button], gr.Button, gr.HTML]:
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


def _kiwi(wording: Wording) -> list[Any]:
    with wording.add(gr.Accordion(open=False, elem_id="kiwi-settings"), label="kiwi_settings"), gr.Row():
        words = gr.Textbox(
            lines=3, max_lines=8, elem_id="user-words", placeholder="갓생러\n존맛탱/NNG", scale=2, min_width=260
        )
        with gr.Column(min_width=220):
            typos, coda, compounds, letters = (gr.Checkbox(False, elem_id=f"kiwi-{name}") for name in address.SWITCHES)
    wording.add(words, label="words", info=lambda spoken: say("words_info", spoken, most=MAX_WORDS))
    for name, box in zip(address.SWITCHES, (typos, coda, compounds, letters), strict=True):
        wording.add(box, label=f"switch_{name}")
    return [words, typos, coda, compounds, letters]


def _looks(wording: Wording) -> list[Any]:
    reference = gr.Dropdown(
        choices=_references(["kiwi"], "ko"), value="kiwi", elem_id="look-reference", filterable=False, scale=0, min_width=190
    )  # fmt: skip
    color = gr.Radio(
        choices=_pairs("color", address.COLORS, "ko"), value="pos", elem_id="look-color", scale=0, min_width=170
    )
    form = gr.Radio(
        choices=_pairs("form", address.FORMS, "ko"), value="surface", elem_id="look-form", scale=0, min_width=170
    )
    wording.add(reference, label="reference")
    wording.add(color, label="color", choices=lambda spoken: _pairs("color", address.COLORS, spoken))
    wording.add(form, label="form", choices=lambda spoken: _pairs("form", address.FORMS, spoken))
    return [reference, color, form]


def _tools(wording: Wording) -> tuple[gr.Button, gr.Button, gr.Button]:
    with gr.Row(elem_classes="kl-files"):
        made = [
            gr.Button(size="sm", elem_id=f"compare-{name}", scale=0, min_width=90) for name in ("link", "csv", "json")
        ]
    for name, button in zip(("link", "csv", "json"), made, strict=True):
        wording.add(button, value=name)
    return made[0], made[1], made[2]


def _bind_run(tab: CompareTab, triggers: Sequence[Any], examples: gr.Dataset, text: gr.Textbox) -> None:
    gr.on(triggers, tab.run, tab.controls, tab.outputs, show_progress="minimal", trigger_mode="always_last")
    samples = list(EXAMPLES.values())
    chosen = examples.click(lambda index: samples[index], examples, text, show_progress="hidden", queue=False)
    chosen.then(tab.run, tab.controls, tab.outputs, show_progress="minimal")


def _bind_stresses(
    tab: CompareTab, buttons: Mapping[str, gr.Button], undo: gr.Button, text: gr.Textbox, stressed: gr.State
) -> None:
    both: dict[str, Any] = {
        "inputs": [text, stressed],
        "outputs": [text, stressed],
        "show_progress": "hidden",
        "queue": False,
    }
    made = [button.click(functools.partial(asking.press, kind), **both) for kind, button in buttons.items()]
    for event in [*made, undo.click(asking.restore, **both)]:
        event.then(tab.run, tab.controls, tab.outputs, show_progress="minimal")


def _bind_files(tab: CompareTab, csv: gr.Button, json: gr.Button) -> None:
    content = gr.Textbox(visible="hidden", elem_id="compare-file")
    name = gr.Textbox(visible="hidden")
    kind = gr.Textbox(visible="hidden")

    def bind(button: gr.Button, make: Any, file: str, mime: str) -> None:
        def give(compared: Compared | None, reference: str | None, language: str) -> tuple[str, str, str]:
            if not compared or not compared.good:
                return "", file, mime
            return make(compared, compared.reference(reference or ""), language), file, mime

        inputs, parts = [tab.shown, tab.reference, tab.controls[10]], [content, name, kind]
        event = button.click(give, inputs, parts, show_progress="hidden", queue=False)
        event.then(None, parts, None, js=_SAVE).then(lambda: "", None, content, show_progress="hidden", queue=False)

    bind(csv, exports.to_csv, "korlm.csv", "text/csv;charset=utf-8")
    bind(json, exports.to_json, "korlm.json", "application/json")


def _preselected(known: Sequence[Known]) -> list[str]:
    usable = [k.name for k in known if not k.reason]
    return [name for name in usable if name in PRESELECTED] or usable


def _choices(known: Sequence[Known], language: str) -> list[tuple[str, str]]:
    return [(named(k.name, k.unit, language), k.name) for k in known]


def _pairs(group: str, values: Sequence[str], language: str) -> list[tuple[str, str]]:
    return [(say(f"{group}_{value}", language), value) for value in values]


def _references(names: Sequence[str], language: str) -> list[tuple[str, str]]:
    return [*((lane_name(name, language), name) for name in names), (say("reference_none", language), "")]


def _example_labels(language: str) -> list[str]:
    return [say("example_" + kind, language) for kind in EXAMPLES]
