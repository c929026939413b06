"""The tab 토크나이저 비교: a text, the tokenizers to cut it with, and the view."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.app import url_state
from korlm.app.compare import controls, export, handlers
from korlm.app.compare.handlers import CompareForm
from korlm.app.compare.view import render_comparison
from korlm.app.localize import LocalizedComponents
from korlm.app.service import Service
from korlm.app.view_models import TextComparison, ViewOptions

DEFAULT_TEXT = "아버지가 방에 들어가셨다. 아버지가방에들어가셨다ㅋㅋ"
# The file is made of the text that came with the click: nothing is kept on the server.
_SAVE_FILE_SCRIPT = """(content, name, kind) => {
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
        controls: what `CompareForm.from_values` takes, in its order.
        kiwi_settings: holds those of them that are Kiwi's.
        state: what the view shows now.
        view: the view.
        note: what was done to the text.
        service: what cuts.
    """

    controls: list[Any]
    kiwi_settings: gr.Accordion
    state: gr.State
    view: gr.HTML
    note: gr.HTML
    service: Service

    @property
    def reference_control(self) -> gr.Dropdown:
        """The choice of the lane that cuts are judged against."""
        return self.controls[7]

    def open_kiwi_settings(self, *values: Any) -> Any:
        """Open Kiwi's settings where a link brought some."""
        return gr.update(open=CompareForm.from_values(*values).settings.is_active)

    @property
    def run_event(self) -> dict[str, Any]:
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
        return [self.view, self.state, self.reference_control, self.note]

    def run(self, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield (view, what it shows, reference, note): at once for what is loaded, then for everything."""
        form = CompareForm.from_values(*values)
        for compared in handlers.stream_comparison(self.service, form):
            note = controls.render_perturbation_note(
                form.perturbed if form.perturbed and form.perturbed.result == form.text else None,
                form.view_options.language,
            )
            yield (
                render_comparison(compared, form.view_options),
                compared,
                update_reference(compared, form.view_options),
                note,
            )

    def redraw_views(self, compared: TextComparison | None, *values: Any) -> tuple[Any, ...]:
        """Return the view, the reference and the note again, in other colours, forms or words; nothing is cut anew."""
        form = CompareForm.from_values(*values)
        note = controls.render_perturbation_note(form.perturbed, form.view_options.language)
        return render_comparison(compared, form.view_options), update_reference(compared, form.view_options), note

    def values_from_query(self, query_values: Mapping[str, str]) -> list[Any]:
        """Return a value for each of the controls, from the page's address."""
        usable = [known.name for known in self.service.tokenizer_options() if not known.reason]
        wanted = url_state.parse_query(query_values, usable)
        text, stressed = wanted.text or DEFAULT_TEXT, None
        if wanted.perturbation:
            text, stressed = handlers.apply_perturbation(wanted.perturbation, text, None)
        look, settings = wanted.view_options, wanted.settings
        reference = gr.update(choices=controls.reference_choices(usable, look.language), value=look.reference)
        names = list(wanted.names) or controls.preselected_tokenizers(self.service.tokenizer_options())
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


def update_reference(compared: TextComparison | None, view_options: ViewOptions) -> Any:
    """Return the choices of the reference: the lanes with morphemes; left alone where nothing was cut."""
    if compared is None or compared.error or compared.pending:
        return gr.skip()
    return gr.update(
        choices=controls.reference_choices(compared.reference_names, view_options.language),
        value=compared.choose_reference(view_options.reference),
    )


def build_compare_tab(service: Service, localized: LocalizedComponents, language: gr.Radio, script: str) -> CompareTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        service: what cuts.
        localized: where words are registered.
        language: the switch, an input of every handler.
        script: JavaScript of the view (keys, the note at a piece, copying).
    """
    with gr.Column(elem_classes="kl-panel"):
        with gr.Row(elem_classes="kl-ask"):
            text = gr.Textbox(DEFAULT_TEXT, lines=2, max_lines=8, elem_id="compare-text", scale=1, min_width=260)
            run = gr.Button(variant="primary", elem_id="compare-run", scale=0, min_width=150)
        localized.add(text, label="text", placeholder="text_hint")
        localized.add(run, value="run")
        stresses, undo, note = controls.build_perturbation_row(localized)
        examples = gr.Dataset(
            components=[text],
            samples=[[example] for example in controls.EXAMPLES.values()],
            type="index",
            elem_id="examples",
        )
        localized.add(examples, label="examples", sample_labels=controls.example_labels)
        names = controls.build_tokenizer_choice(service, localized)
        settings, own = controls.build_kiwi_settings(localized)
    with gr.Row(elem_classes="kl-looks"):
        looks = controls.build_view_controls(localized)
        link, csv, json = controls.build_export_buttons(localized)
    view = gr.HTML(render_comparison(None, ViewOptions()), elem_id="compare-view", js_on_load=script, min_height=320)
    stressed = gr.State(None)
    parts = [text, names, *own, *looks, language, stressed]
    tab = CompareTab(parts, settings, gr.State(None), view, note, service)
    _bind_run(tab, [run.click, text.submit], examples, text)
    _bind_perturbations(tab, stresses, undo, text, stressed)
    again = [tab.view, tab.reference_control, tab.note]
    gr.on(
        [part.input for part in looks],
        tab.redraw_views,
        [tab.state, *tab.controls],
        again,
        show_progress="hidden",
        queue=False,
    )
    _bind_downloads(tab, csv, json)
    del link  # `view.js` listens to it: the address is the page's own
    return tab


def _bind_run(tab: CompareTab, triggers: Sequence[Any], examples: gr.Dataset, text: gr.Textbox) -> None:
    gr.on(triggers, **tab.run_event, trigger_mode="always_last")
    samples = list(controls.EXAMPLES.values())
    chosen = examples.click(lambda index: samples[index], examples, text, show_progress="hidden", queue=False)
    chosen.then(**tab.run_event)


def _bind_perturbations(
    tab: CompareTab, buttons: Mapping[str, gr.Button], undo: gr.Button, text: gr.Textbox, perturbed: gr.State
) -> None:
    both: dict[str, Any] = {
        "inputs": [text, perturbed],
        "outputs": [text, perturbed],
        "show_progress": "hidden",
        "queue": False,
    }
    made = [
        button.click(functools.partial(handlers.apply_perturbation, kind), **both) for kind, button in buttons.items()
    ]
    for event in [*made, undo.click(handlers.restore_original_text, **both)]:
        event.then(**tab.run_event)


def _bind_downloads(tab: CompareTab, csv: gr.Button, json: gr.Button) -> None:
    content = gr.Textbox(visible="hidden", elem_id="compare-file")
    name = gr.Textbox(visible="hidden")
    kind = gr.Textbox(visible="hidden")

    def bind_download(button: gr.Button, make: Any, file: str, mime: str) -> None:
        def export_view(compared: TextComparison | None, reference: str | None, language: str) -> tuple[str, str, str]:
            if not compared or not compared.valid_lanes:
                return "", file, mime
            return make(compared, compared.choose_reference(reference or ""), language), file, mime

        inputs, parts = [tab.state, tab.reference_control, tab.controls[10]], [content, name, kind]
        event = button.click(export_view, inputs, parts, show_progress="hidden", queue=False)
        event.then(None, parts, None, js=_SAVE_FILE_SCRIPT).then(
            lambda: "", None, content, show_progress="hidden", queue=False
        )

    bind_download(csv, export.to_csv, "korlm.csv", "text/csv;charset=utf-8")
    bind_download(json, export.to_json, "korlm.json", "application/json")
