"""The tab 토크나이저 비교: a text, the tokenizers to cut it with, and the view."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.ui import address, asking, controls, exports
from korlm.ui.asking import Form
from korlm.ui.plain import Compared, Look
from korlm.ui.service import Service
from korlm.ui.view import compared_view
from korlm.ui.wording import Wording

DEFAULT_TEXT = "아버지가 방에 들어가셨다. 아버지가방에들어가셨다ㅋㅋ"
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
        settings: holds those of them that are Kiwi's.
        shown: what the view shows now.
        view: the view.
        note: what was done to the text.
        service: what cuts.
    """

    controls: list[Any]
    settings: gr.Accordion
    shown: gr.State
    view: gr.HTML
    note: gr.HTML
    service: Service

    @property
    def reference(self) -> gr.Dropdown:
        """The choice of the lane that cuts are judged against."""
        return self.controls[7]

    def unfold(self, *values: Any) -> Any:
        """Open Kiwi's settings where a link brought some."""
        return gr.update(open=Form.of(*values).settings.active)

    @property
    def running(self) -> dict[str, Any]:
        """What every event that runs has in common."""
        inputs, outputs = self.controls, self.outputs
        return {
            "fn": self.run,
            "inputs": inputs,
            "outputs": outputs,
            "show_progress": "minimal",
            "show_progress_on": self.view,
        }

    @property
    def outputs(self) -> list[Any]:
        """What `run` gives."""
        return [self.view, self.shown, self.reference, self.note]

    def run(self, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield (view, what it shows, reference, note): at once for what is loaded, then for everything."""
        form = Form.of(*values)
        for compared in asking.compare(self.service, form):
            note = controls.stress_note(
                form.stressed if form.stressed and form.stressed.result == form.text else None, form.look.language
            )
            yield compared_view(compared, form.look), compared, reference_update(compared, form.look), note

    def redraw(self, compared: Compared | None, *values: Any) -> tuple[Any, ...]:
        """Return the view, the reference and the note again, in other colours, forms or words; nothing is cut anew."""
        form = Form.of(*values)
        note = controls.stress_note(form.stressed, form.look.language)
        return compared_view(compared, form.look), reference_update(compared, form.look), note

    def asked(self, values: Mapping[str, str]) -> list[Any]:
        """Return a value for each of the controls, from the page's address."""
        usable = [known.name for known in self.service.tokenizers() if not known.reason]
        wanted = address.read(values, usable)
        text, stressed = wanted.text or DEFAULT_TEXT, None
        if wanted.stress:
            text, stressed = asking.press(wanted.stress, text, None)
        look, settings = wanted.look, wanted.settings
        reference = gr.update(choices=controls.references(usable, look.language), value=look.reference)
        names = list(wanted.names) or controls.preselected(self.service.tokenizers())
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


def reference_update(compared: Compared | None, look: Look) -> Any:
    """Return the choices of the reference: the lanes with morphemes; left alone where nothing was cut."""
    if compared is None or compared.error or compared.waiting:
        return gr.skip()
    return gr.update(
        choices=controls.references(compared.references, look.language), value=compared.reference(look.reference)
    )


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
        stresses, undo, note = controls.stress_row(wording)
        examples = gr.Dataset(
            components=[text],
            samples=[[example] for example in controls.EXAMPLES.values()],
            type="index",
            elem_id="examples",
        )
        wording.add(examples, label="examples", sample_labels=controls.example_labels)
        names = controls.choice(service, wording)
        settings, own = controls.kiwi(wording)
    with gr.Row(elem_classes="kl-looks"):
        looks = controls.looks(wording)
        link, csv, json = controls.tools(wording)
    view = gr.HTML(compared_view(None, Look()), elem_id="compare-view", js_on_load=script, min_height=320)
    stressed = gr.State(None)
    parts = [text, names, *own, *looks, language, stressed]
    tab = CompareTab(parts, settings, gr.State(None), view, note, service)
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


def _bind_run(tab: CompareTab, triggers: Sequence[Any], examples: gr.Dataset, text: gr.Textbox) -> None:
    gr.on(triggers, **tab.running, trigger_mode="always_last")
    samples = list(controls.EXAMPLES.values())
    chosen = examples.click(lambda index: samples[index], examples, text, show_progress="hidden", queue=False)
    chosen.then(**tab.running)


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
        event.then(**tab.running)


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
