"""The inner tab 이어 쓰기: a prompt, the sampling controls, and the texts of the models as they grow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.app.generate.sampling_controls import SLIDER_RANGES, SamplingControls, build_sampling_controls, new_seed
from korlm.app.generate.state import GenerationJob
from korlm.app.generate.view import JOIN_TEMPLATE, HtmlFragments, render_generation
from korlm.app.generate.write import GenerationRequest, create_job, generate_rounds
from korlm.app.limits import MODEL_CONCURRENCY, MODEL_QUEUE, busy_error
from korlm.app.localize import UNQUEUED, LocalizedComponents
from korlm.app.round_robin import limit_frame_rate
from korlm.app.service import Service
from korlm.errors import KorlmError

_EXAMPLE_PROMPTS = ("이 영화는", "배우들의 연기가", "처음에는 재미있었는데", "정말 ")
WRITE_FRAME_SECONDS, SECONDS_PER_CHUNK = 0.05, 0.0006  # between two frames: a browser takes longer to draw more chunks


@dataclass(frozen=True)
class WriteTab:
    """The parts of the tab that the page needs."""

    job_state: gr.State  # the job that is shown
    view: gr.HTML  # shows the texts
    start_button: gr.Button  # starts a job
    stop_button: gr.Button  # stops it
    sampling_controls: SamplingControls  # how to sample
    service: Service  # runs the models

    @property
    def outputs(self) -> list[Any]:
        """The outputs of every handler; see `_frame_updates`."""
        return [self.view, self.job_state, self.start_button, self.stop_button]

    def start_job(
        self, previous: GenerationJob | None, names: Sequence[str] | None, prompt: str | None, language: str,
        seed: float | None, samples: float | None, max_tokens: float | None, *slider_values: float | None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """Show a job whose texts all wait, or why it was refused."""
        options = dict(zip(SLIDER_RANGES, slider_values, strict=True))
        request = GenerationRequest(tuple(names or ()), prompt or "", seed, samples, max_tokens, options)
        try:
            job = create_job(self.service, request, language)
        except KorlmError as error:
            job = previous or GenerationJob(language=language)
            job.refusal = error
            return _frame_updates(job)
        if previous:
            previous.stop()
            previous.is_replaced = True
        return _frame_updates(job)

    def run(self, job: GenerationJob | None) -> Iterator[tuple[Any, ...]]:
        """Yield updates while the models write, as often as a browser can draw them."""
        if job is None or job.has_started or job.refusal:
            yield tuple(gr.skip() for _ in self.outputs)  # a generator that yields nothing empties its outputs
            return
        rounds = generate_rounds(self.service, job)
        for _ in limit_frame_rate(rounds, lambda: WRITE_FRAME_SECONDS + SECONDS_PER_CHUNK * job.num_chunks):
            if job.is_replaced:
                return
            yield _frame_updates(job)
        if not job.is_replaced:
            yield _frame_updates(job)

    def redraw_view(self, job: GenerationJob | None, language: str) -> HtmlFragments:
        """Return the view in another language, in which the job continues."""
        if job:
            job.language = language
        return render_generation(job, language)


def stop_writing(job: GenerationJob | None) -> tuple[Any, ...]:
    """Stop the job and show its texts as they are."""
    if job is None:
        return gr.skip(), gr.skip(), gr.update(interactive=True), gr.update(interactive=False)
    job.stop()
    return _frame_updates(job)


def show_write_failure(job: GenerationJob | None, language: str) -> tuple[Any, ...]:
    """Show that the queue was full or the connection was lost."""
    job = job or GenerationJob(language=language)
    job.stop()
    job.refusal = busy_error()
    return _frame_updates(job)


def build_write_tab(
    service: Service, localized: LocalizedComponents, language: gr.Radio, models: gr.CheckboxGroup, script: str
) -> WriteTab:
    """Lay out the tab inside an open `gr.Tab` and bind its events.

    ``language`` is the page's switch, ``models`` are the chosen ones, and ``script`` is JavaScript of the view.
    """
    with gr.Row(elem_classes="kl-ask"):
        prompt = gr.Textbox("이 영화는", lines=1, max_lines=4, elem_id="generate-prompt", scale=1, min_width=260)
        with gr.Row(elem_classes="kl-buttons"):
            start_button = gr.Button(variant="primary", elem_id="generate-run", min_width=110)
            again_button = gr.Button(variant="secondary", elem_id="generate-again", min_width=130)
            stop_button = gr.Button(variant="secondary", elem_id="generate-stop", interactive=False, min_width=80)
    localized.add(prompt, label="prompt", placeholder="prompt_hint")
    for button, key in ((start_button, "generate"), (again_button, "again"), (stop_button, "stop")):
        localized.add(button, value=key)
    samples = [[example] for example in _EXAMPLE_PROMPTS]
    examples = gr.Dataset(components=[prompt], samples=samples, type="values", elem_id="prompts")
    localized.add(examples, label="prompts")
    controls = build_sampling_controls(localized)
    view = gr.HTML(
        render_generation(None), html_template=JOIN_TEMPLATE, elem_id="generate-view", js_on_load=script, min_height=200
    )
    tab = WriteTab(gr.State(None), view, start_button, stop_button, controls, service)
    _bind_events(tab, prompt, again_button, models, language)
    controls.bind_events(language)
    examples.click(lambda sample: sample[0], examples, prompt, **UNQUEUED)
    return tab


def _bind_events(
    tab: WriteTab, prompt: gr.Textbox, again_button: gr.Button, models: gr.CheckboxGroup, language: gr.Radio
) -> None:
    # The waiting texts are shown at once; only the writing goes through the queue.
    start: dict[str, Any] = {
        "fn": tab.start_job,
        "inputs": [tab.job_state, models, prompt, language, *tab.sampling_controls.components],
        "outputs": tab.outputs,
        **UNQUEUED,
    }
    new_seed_drawn = again_button.click(new_seed, None, tab.sampling_controls.seed, **UNQUEUED)
    started = [gr.on([tab.start_button.click, prompt.submit], **start), new_seed_drawn.then(**start)]
    running = [
        event.then(
            tab.run, tab.job_state, tab.outputs, show_progress="hidden", concurrency_id=MODEL_QUEUE,
            concurrency_limit=MODEL_CONCURRENCY, trigger_mode="always_last",
        )
        for event in started
    ]  # fmt: skip
    for event in running:
        event.failure(show_write_failure, [tab.job_state, language], tab.outputs, **UNQUEUED)
    # The handler stops the job and shows its texts as stopped; `cancels` ends a generator that still waits in the queue
    # or for a model to load. It runs a second time because a frame on its way would bring the waiting state back.
    stop: dict[str, Any] = {"fn": stop_writing, "inputs": tab.job_state, "outputs": tab.outputs, **UNQUEUED}
    tab.stop_button.click(**stop, cancels=running).then(**stop)


def _frame_updates(job: GenerationJob) -> tuple[Any, ...]:
    """Return updates of the view, the state and the buttons."""
    buttons = gr.update(interactive=not job.is_busy), gr.update(interactive=job.is_busy)
    return render_generation(job), job, *buttons
