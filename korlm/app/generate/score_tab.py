"""The inner tab 점수 매기기: a text, and its scores under each model, character under character."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.app.generate.score import TextScores, stream_scores
from korlm.app.generate.score_view import render_scores
from korlm.app.limits import MODEL_CONCURRENCY, MODEL_QUEUE, busy_error
from korlm.app.localize import UNQUEUED, LocalizedComponents
from korlm.app.service import Service

_DEFAULT_TEXT = "영화가 너무 재미있어서 시간 가는 줄 몰랐다."
_EXAMPLE_TEXTS = (
    "정말 정말 정말 재미없다.",
    "이 영화 정말 재미있다.\n이영화정말재미있다.",
    "배우들 연기가 좋았다 ㅋㅋㅋ",
    "모든 국민은 법 앞에 평등하다.",
)


@dataclass(frozen=True)
class ScoreTab:
    """The parts of the tab that the page needs: the scores that are shown, their view, and the service."""

    state: gr.State
    view: gr.HTML
    service: Service

    def run(self, names: Sequence[str] | None, text: str | None, language: str) -> Iterator[tuple[Any, ...]]:
        """Yield the updates of the view and the state after each model."""
        for scores in stream_scores(self.service, names or (), text or ""):
            yield render_scores(scores, language), scores


def show_score_failure(language: str) -> tuple[Any, ...]:
    """Show that the queue was full or the connection was lost."""
    scores = TextScores(error=busy_error())
    return render_scores(scores, language), scores


def build_score_tab(
    service: Service, localized: LocalizedComponents, language: gr.Radio, models: gr.CheckboxGroup, script: str
) -> ScoreTab:
    """Lay out the tab inside an open `gr.Tab` and bind its events. See `korlm.app.generate.write_tab.build_write_tab`."""
    with gr.Row(elem_classes="kl-ask"):
        text = gr.Textbox(_DEFAULT_TEXT, lines=2, max_lines=8, elem_id="score-text", scale=1, min_width=260)
        score_button = gr.Button(variant="primary", elem_id="score-run", scale=0, min_width=130)
    localized.add(text, label="score_text", placeholder="score_hint")
    localized.add(score_button, value="score")
    samples = [[example] for example in _EXAMPLE_TEXTS]
    examples = gr.Dataset(components=[text], samples=samples, type="values", elem_id="score-texts")
    localized.add(examples, label="prompts")
    view = gr.HTML(render_scores(None, "ko"), elem_id="score-view", js_on_load=script, min_height=200)
    tab = ScoreTab(gr.State(None), view, service)
    run: dict[str, Any] = {
        "fn": tab.run,
        "inputs": [models, text, language],
        "outputs": [view, tab.state],
        "show_progress": "minimal",
        "show_progress_on": view,
        "concurrency_id": MODEL_QUEUE,
        "concurrency_limit": MODEL_CONCURRENCY,
    }
    example_chosen = examples.click(lambda sample: sample[0], examples, text, **UNQUEUED)
    pressed = gr.on([score_button.click, text.submit], **run, trigger_mode="always_last")
    for event in (pressed, example_chosen.then(**run)):
        event.failure(show_score_failure, language, [view, tab.state], **UNQUEUED)
    return tab
