"""The inner tab 이어 쓰기: a prompt, how to sample, and what each model writes, as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.app.generate import sampling_controls
from korlm.app.generate.sampling_controls import SLIDER_RANGES, SamplingControls
from korlm.app.generate.state import GenerationJob
from korlm.app.generate.view import JOIN_TEMPLATE, HtmlFragments, render_generation
from korlm.app.generate.write import GenerationRequest, create_job, generate_rounds
from korlm.app.limits import MODEL_CONCURRENCY, MODEL_QUEUE, busy_error
from korlm.app.localize import LocalizedComponents
from korlm.app.round_robin import limit_frame_rate
from korlm.app.service import Service
from korlm.errors import KorlmError

_EXAMPLE_PROMPTS = ("이 영화는", "배우들의 연기가", "처음에는 재미있었는데", "정말 ")
WRITE_FRAME_SECONDS, SECONDS_PER_CHUNK = 0.05, 0.0006  # between two frames: a browser takes longer where more is drawn


@dataclass(frozen=True)
class WriteTab:
    """The parts of the tab that the page needs.

    Attributes:
        job_state: what is shown.
        view: the view.
        start_button: begins.
        stop_button: ends.
        sampling_controls: the controls of how.
        service: what writes.
    """

    job_state: gr.State
    view: gr.HTML
    start_button: gr.Button
    stop_button: gr.Button
    sampling_controls: SamplingControls
    service: Service

    @property
    def outputs(self) -> list[Any]:
        """What every handler gives: see `_frame_updates`."""
        return [self.view, self.job_state, self.start_button, self.stop_button]

    def start_job(
        self,
        previous: GenerationJob | None,
        names: Sequence[str] | None,
        prompt: str | None,
        language: str,
        *values: float | None,
    ) -> tuple[Any, ...]:
        """Show a board on which every text waits for its turn, or why there is none."""
        seed, samples, max_tokens, *rest = values
        options = dict(zip(SLIDER_RANGES, rest, strict=True))
        asked = GenerationRequest(tuple(names or ()), prompt or "", seed, samples, max_tokens, options)
        try:
            board = create_job(self.service, asked, language)
        except KorlmError as error:
            board = previous or GenerationJob(language=language)
            board.refusal = error
            return _frame_updates(board)
        if previous:
            previous.stop()
            previous.is_replaced = True
        return _frame_updates(board)

    def run(self, job: GenerationJob | None) -> Iterator[tuple[Any, ...]]:
        """Yield what is shown while the models write, as often as a browser can draw it."""
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
        """Return the view in another language, in which it also goes on."""
        if job:
            job.language = language
        return render_generation(job, language)


def stop_writing(job: GenerationJob | None) -> tuple[Any, ...]:
    """End what is being written and show it as it stands."""
    if job is None:
        return gr.skip(), gr.skip(), gr.update(interactive=True), gr.update(interactive=False)
    job.stop()
    return _frame_updates(job)


def show_write_failure(job: GenerationJob | None, language: str) -> tuple[Any, ...]:
    """Show that the request was lost: the queue is full, or the connection broke."""
    job = job or GenerationJob(language=language)
    job.stop()
    job.refusal = busy_error()
    return _frame_updates(job)


def _frame_updates(job: GenerationJob) -> tuple[Any, ...]:
    buttons = gr.update(interactive=not job.is_busy), gr.update(interactive=job.is_busy)
    return render_generation(job), job, *buttons


def build_write_tab(
    service: Service, localized: LocalizedComponents, language: gr.Radio, models: gr.CheckboxGroup, script: str
) -> WriteTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        service: what writes.
        localized: where words are registered.
        language: the switch.
        models: which models.
        script: JavaScript of the view.
    """
    with gr.Row(elem_classes="kl-ask"):
        prompt = gr.Textbox("이 영화는", lines=1, max_lines=4, elem_id="generate-prompt", scale=1, min_width=260)
        with gr.Row(elem_classes="kl-buttons"):
            start = gr.Button(variant="primary", elem_id="generate-run", min_width=110)
            again = gr.Button(variant="secondary", elem_id="generate-again", min_width=130)
            halt = gr.Button(variant="secondary", elem_id="generate-stop", interactive=False, min_width=80)
    localized.add(prompt, label="prompt", placeholder="prompt_hint")
    for button, key in ((start, "generate"), (again, "again"), (halt, "stop")):
        localized.add(button, value=key)
    prompts = gr.Dataset(
        components=[prompt], samples=[[example] for example in _EXAMPLE_PROMPTS], type="values", elem_id="prompts"
    )
    localized.add(prompts, label="prompts")
    how = sampling_controls.build_sampling_controls(localized)
    view = gr.HTML(
        render_generation(None), html_template=JOIN_TEMPLATE, elem_id="generate-view", js_on_load=script, min_height=200
    )
    tab = WriteTab(gr.State(None), view, start, halt, how, service)
    _bind_events(tab, prompt, again, models, language)
    how.bind_events(language)
    prompts.click(lambda sample: sample[0], prompts, prompt, show_progress="hidden", queue=False)
    return tab


def _bind_events(
    tab: WriteTab, prompt: gr.Textbox, again_button: gr.Button, models: gr.CheckboxGroup, language: gr.Radio
) -> None:
    # What waits is shown at once; the writing itself stands in the queue.
    first: dict[str, Any] = {
        "fn": tab.start_job,
        "inputs": [tab.job_state, models, prompt, language, *tab.sampling_controls.values],
        "outputs": tab.outputs,
        "show_progress": "hidden",
        "queue": False,
    }
    quick: dict[str, Any] = {"show_progress": "hidden", "queue": False}
    drawn = again_button.click(sampling_controls.new_seed, None, tab.sampling_controls.seed, **quick)
    begun = [gr.on([tab.start_button.click, prompt.submit], **first), drawn.then(**first)]
    running = [
        event.then(
            tab.run, tab.job_state, tab.outputs, show_progress="hidden", concurrency_id=MODEL_QUEUE, concurrency_limit=MODEL_CONCURRENCY,
            trigger_mode="always_last",
        )
        for event in begun
    ]  # fmt: skip
    for event in running:
        event.failure(show_write_failure, [tab.job_state, language], tab.outputs, **quick)
    # The handler marks the board, which ends the texts and shows them as stopped; `cancels` ends the generator itself
    # where it is still waiting in the queue or for a model to load.
    # It runs once more after that, since a frame that was already on its way would bring the waiting state back.
    stopping: dict[str, Any] = {"fn": stop_writing, "inputs": tab.job_state, "outputs": tab.outputs, **quick}
    tab.stop_button.click(**stopping, cancels=running).then(**stopping)
