"""The inner tab 이어 쓰기: a prompt, how to sample, and what each model writes, as it is written."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.errors import KorlmError
from korlm.ui import sampling
from korlm.ui.board import Board
from korlm.ui.cards import JOINED, Fragments, board_view
from korlm.ui.limits import busy
from korlm.ui.presets import RANGES
from korlm.ui.sampling import Sampling
from korlm.ui.service import Service
from korlm.ui.wording import Wording
from korlm.ui.writing import Asked, begin, rounds

_PROMPTS = ("이 영화는", "배우들의 연기가", "처음에는 재미있었는데", "정말 ")
FRAME_SECONDS, PIECE_SECONDS = 0.05, 0.0006  # between two frames: a browser takes longer where more is drawn
ROOM = "models"  # the queue of everything that runs a model
ROOM_SIZE = 4  # visitors whose models write at the same time, each a round in turn


@dataclass(frozen=True)
class WriteTab:
    """The parts of the tab that the page needs.

    Attributes:
        board: what is shown.
        view: the view.
        start: begins.
        halt: ends.
        sampling: the controls of how.
        service: what writes.
    """

    board: gr.State
    view: gr.HTML
    start: gr.Button
    halt: gr.Button
    sampling: Sampling
    service: Service

    @property
    def outputs(self) -> list[Any]:
        """What every handler gives: see `_frame`."""
        return [self.view, self.board, self.start, self.halt]

    def begin(
        self,
        before: Board | None,
        names: Sequence[str] | None,
        prompt: str | None,
        language: str,
        *values: float | None,
    ) -> tuple[Any, ...]:
        """Show a board on which every text waits for its turn, or why there is none."""
        seed, samples, max_tokens, *rest = values
        options = dict(zip(RANGES, rest, strict=True))
        asked = Asked(tuple(names or ()), prompt or "", seed, samples, max_tokens, options)
        try:
            board = begin(self.service, asked, language)
        except KorlmError as error:
            board = before or Board(language=language)
            board.refusal = error
            return _frame(board)
        if before:
            before.stop()
            before.replaced = True
        return _frame(board)

    def run(self, board: Board | None) -> Iterator[tuple[Any, ...]]:
        """Yield what is shown while the models write, as often as a browser can draw it."""
        if board is None or board.begun or board.refusal:
            yield tuple(gr.skip() for _ in self.outputs)  # a generator that yields nothing empties its outputs
            return
        due = 0.0
        for _ in rounds(self.service, board):
            if board.replaced:
                return
            if time.monotonic() >= due:
                yield _frame(board)
                due = time.monotonic() + FRAME_SECONDS + PIECE_SECONDS * board.drawn
        yield _frame(board)

    def redraw(self, board: Board | None, language: str) -> Fragments:
        """Return the view in another language, in which it also goes on."""
        if board:
            board.language = language
        return board_view(board, language)


def stop(board: Board | None) -> tuple[Any, ...]:
    """End what is being written and show it as it stands."""
    if board is None:
        return gr.skip(), gr.skip(), gr.update(interactive=True), gr.update(interactive=False)
    board.stop()
    return _frame(board)


def fail(board: Board | None, language: str) -> tuple[Any, ...]:
    """Show that the request was lost: the queue is full, or the connection broke."""
    board = board or Board(language=language)
    board.stop()
    board.refusal = busy()
    return _frame(board)


def _frame(board: Board) -> tuple[Any, ...]:
    buttons = gr.update(interactive=not board.busy), gr.update(interactive=board.busy)
    return board_view(board), board, *buttons


def build(service: Service, wording: Wording, language: gr.Radio, models: gr.CheckboxGroup, script: str) -> WriteTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        service: what writes.
        wording: where words are registered.
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
    wording.add(prompt, label="prompt", placeholder="prompt_hint")
    for button, key in ((start, "generate"), (again, "again"), (halt, "stop")):
        wording.add(button, value=key)
    prompts = gr.Dataset(
        components=[prompt], samples=[[example] for example in _PROMPTS], type="values", elem_id="prompts"
    )
    wording.add(prompts, label="prompts")
    how = sampling.build(wording)
    view = gr.HTML(board_view(None), html_template=JOINED, elem_id="generate-view", js_on_load=script, min_height=200)
    tab = WriteTab(gr.State(None), view, start, halt, how, service)
    _bind(tab, prompt, again, models, language)
    how.bind(language)
    prompts.click(lambda sample: sample[0], prompts, prompt, show_progress="hidden", queue=False)
    return tab


def _bind(tab: WriteTab, prompt: gr.Textbox, again: gr.Button, models: gr.CheckboxGroup, language: gr.Radio) -> None:
    # What waits is shown at once; the writing itself stands in the queue.
    first: dict[str, Any] = {
        "fn": tab.begin,
        "inputs": [tab.board, models, prompt, language, *tab.sampling.values],
        "outputs": tab.outputs,
        "show_progress": "hidden",
        "queue": False,
    }
    quick: dict[str, Any] = {"show_progress": "hidden", "queue": False}
    drawn = again.click(sampling.new_seed, None, tab.sampling.seed, **quick)
    begun = [gr.on([tab.start.click, prompt.submit], **first), drawn.then(**first)]
    running = [
        event.then(
            tab.run, tab.board, tab.outputs, show_progress="hidden", concurrency_id=ROOM, concurrency_limit=ROOM_SIZE,
            trigger_mode="always_last",
        )
        for event in begun
    ]  # fmt: skip
    for event in running:
        event.failure(fail, [tab.board, language], tab.outputs, **quick)
    # The handler marks the board, which ends the texts and shows them as stopped; `cancels` ends the generator itself
    # where it is still waiting in the queue or for a model to load.
    # It runs once more after that, since a frame that was already on its way would bring the waiting state back.
    stopping: dict[str, Any] = {"fn": stop, "inputs": tab.board, "outputs": tab.outputs, **quick}
    tab.halt.click(**stopping, cancels=running).then(**stopping)
