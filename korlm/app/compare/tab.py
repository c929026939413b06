"""The tab 토크나이저 비교: a text, the tokenizers to compare, and the view."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.app import url_state
from korlm.app.compare import controls, export, handlers
from korlm.app.compare.handlers import CompareFields
from korlm.app.compare.view import render_comparison
from korlm.app.lanes import TextComparison, ViewOptions
from korlm.app.localize import UNQUEUED, LocalizedComponents
from korlm.app.service import Service

DEFAULT_TEXT = "아버지가 방에 들어가셨다. 아버지가방에들어가셨다ㅋㅋ"
# The browser makes the file from the text of the response: nothing is stored on the server.
# Gradio would refuse a reference that is no longer offered, which the page may send before it knows: the choices are the
# lanes of the last comparison. `CompareFields.to_form` checks the values instead.
AS_SENT: dict[str, Any] = {"preprocess": False}
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
    """The parts of the tab that the page needs: the request at the start, and views to draw again."""

    controls: CompareFields  # the inputs of every request
    kiwi_settings: gr.Accordion  # contains the controls of Kiwi
    state: gr.State  # the comparison that the view shows
    view: gr.HTML  # the view
    note: gr.HTML  # about the perturbation of the text
    service: Service  # tokenizes

    def open_kiwi_settings(self, *values: Any) -> Any:
        """Open the accordion of Kiwi if a link has options of Kiwi."""
        return gr.update(open=CompareFields(*values).to_form().settings.is_active)

    @property
    def run_event(self) -> dict[str, Any]:
        """The arguments of every event that tokenizes."""
        return {
            "fn": self.run,
            "inputs": list(self.controls),
            "outputs": [self.view, self.state, self.controls.reference, self.note],
            "show_progress": "minimal",
            "show_progress_on": self.view,
            **AS_SENT,
        }

    def run(self, *values: Any) -> Iterator[tuple[Any, ...]]:
        """Yield (view, state, reference, note): at once for the tokenizers that are loaded, then for all."""
        form = CompareFields(*values).to_form()
        view_options = form.view_options
        perturbed = form.perturbed if form.perturbed and form.perturbed.result == form.text else None
        note = controls.render_perturbation_note(perturbed, view_options.language)
        for comparison in handlers.stream_comparison(self.service, form):
            reference = update_reference(comparison, view_options)
            yield render_comparison(comparison, view_options), comparison, reference, note

    def redraw_views(self, comparison: TextComparison | None, *values: Any) -> tuple[Any, ...]:
        """Return (view, reference, note) with other view options, without tokenizing again."""
        form = CompareFields(*values).to_form()
        note = controls.render_perturbation_note(form.perturbed, form.view_options.language)
        return render_comparison(comparison, form.view_options), update_reference(comparison, form.view_options), note

    def values_from_query(self, query_values: Mapping[str, str]) -> CompareFields:
        """Return the values of the controls from the query string of the page."""
        options = self.service.tokenizer_options()
        installed = [option.name for option in options if not option.reason]
        state = url_state.parse_query(query_values, installed)
        text, perturbed = state.text or DEFAULT_TEXT, None
        if state.perturbation:
            text, perturbed = handlers.apply_perturbation(state.perturbation, text, None)
        names = list(state.names) or controls.preselected_tokenizers(options)
        settings, look = state.settings, state.view_options
        choices = controls.reference_choices(installed, look.language)
        reference = gr.update(choices=choices, value=look.reference)
        return CompareFields(
            text, names, settings.words, *settings.switches, reference, look.color, look.form, look.language, perturbed
        )


def update_reference(comparison: TextComparison | None, view_options: ViewOptions) -> Any:
    """Return an update of the reference's choices, which are the lanes of analyzers; none before all are there."""
    if comparison is None or comparison.error or comparison.pending:
        return gr.skip()
    return gr.update(
        choices=controls.reference_choices(comparison.reference_names, view_options.language),
        value=comparison.choose_reference(view_options.reference),
    )


def build_compare_tab(service: Service, localized: LocalizedComponents, language: gr.Radio, script: str) -> CompareTab:
    """Create the tab inside an open `gr.Tab` and bind its events.

    The switch ``language`` is an input of every handler; ``script`` is JavaScript of the view (keys, tooltips,
    copying).
    """
    with gr.Column(elem_classes="kl-panel"):
        with gr.Row(elem_classes="kl-ask"):
            text = gr.Textbox(DEFAULT_TEXT, lines=2, max_lines=8, elem_id="compare-text", scale=1, min_width=260)
            run = gr.Button(variant="primary", elem_id="compare-run", scale=0, min_width=150)
        localized.add(text, label="text", placeholder="text_hint")
        localized.add(run, value="run")
        perturbation_buttons, restore, note = controls.build_perturbation_row(localized)
        samples = [[example] for example in controls.EXAMPLES.values()]
        examples = gr.Dataset(components=[text], samples=samples, type="index", elem_id="examples")
        localized.add(examples, label="examples", sample_labels=controls.example_labels)
        names = controls.build_tokenizer_choice(service, localized)
        kiwi_settings, kiwi_controls = controls.build_kiwi_settings(localized)
    with gr.Row(elem_classes="kl-looks"):
        view_controls = controls.build_view_controls(localized)
        csv, json = controls.build_export_buttons(localized)
    view = gr.HTML(render_comparison(None, ViewOptions()), elem_id="compare-view", js_on_load=script, min_height=320)
    perturbed = gr.State(None)
    fields = CompareFields(text, names, **kiwi_controls, **view_controls, language=language, perturbed=perturbed)
    tab = CompareTab(fields, kiwi_settings, gr.State(None), view, note, service)
    _bind_run(tab, [run.click, text.submit], examples, text)
    _bind_perturbations(tab, perturbation_buttons, restore)
    triggers, outputs = [control.input for control in view_controls.values()], [tab.view, fields.reference, tab.note]
    gr.on(triggers, tab.redraw_views, [tab.state, *tab.controls], outputs, **UNQUEUED, **AS_SENT)
    _bind_downloads(tab, csv, json)
    return tab


def _bind_run(tab: CompareTab, triggers: Sequence[Any], examples: gr.Dataset, text: gr.Textbox) -> None:
    gr.on(triggers, **tab.run_event, trigger_mode="always_last")
    samples = list(controls.EXAMPLES.values())
    examples.click(lambda index: samples[index], examples, text, **UNQUEUED).then(**tab.run_event)


def _bind_perturbations(tab: CompareTab, buttons: Mapping[str, gr.Button], restore: gr.Button) -> None:
    fields = [tab.controls.text, tab.controls.perturbed]
    functions = [(button, functools.partial(handlers.apply_perturbation, kind)) for kind, button in buttons.items()]
    for button, function in [*functions, (restore, handlers.restore_original_text)]:
        button.click(function, fields, fields, **UNQUEUED).then(**tab.run_event)


def _bind_downloads(tab: CompareTab, csv: gr.Button, json: gr.Button) -> None:
    content = gr.Textbox(visible="hidden", elem_id="compare-file")
    name, kind = gr.Textbox(visible="hidden"), gr.Textbox(visible="hidden")

    def bind_download(
        button: gr.Button, export_content: Callable[[TextComparison, str, str], str], file: str, mime: str
    ) -> None:
        def export_view(comparison: TextComparison | None, reference: str | None, language: str) -> tuple[str, ...]:
            if not comparison or not comparison.valid_lanes:
                return "", file, mime
            return export_content(comparison, comparison.choose_reference(reference or ""), language), file, mime

        inputs, outputs = [tab.state, tab.controls.reference, tab.controls.language], [content, name, kind]
        event = button.click(export_view, inputs, outputs, **UNQUEUED, **AS_SENT)
        event.then(None, outputs, None, js=_SAVE_FILE_SCRIPT).then(lambda: "", None, content, **UNQUEUED)

    bind_download(csv, export.to_csv, "korlm.csv", "text/csv;charset=utf-8")
    bind_download(json, export.to_json, "korlm.json", "application/json")
