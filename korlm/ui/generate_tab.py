"""The tab 문장 생성: a prompt, how to sample, and what each model writes, as it is written."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.errors import KorlmError
from korlm.ui.cards import Board, Column, board_view
from korlm.ui.limits import MAX_TOKENS, unexpected
from korlm.ui.plain import ModelCard
from korlm.ui.render import notice
from korlm.ui.service import Service
from korlm.ui.strings import say
from korlm.ui.wording import Wording

_log = logging.getLogger(__name__)

ALL = ""  # the choice of every model
_ROUND_SECONDS = 0.04  # a model writes a token in a few ms: slow enough to be read, and to be stopped
_PROMPTS = ("이 영화는", "배우들의 연기가", "처음에는 재미있었는데", "정말 ")


@dataclass(frozen=True)
class GenerateTab:
    """The parts of the tab that the page needs."""

    board: gr.State
    view: gr.HTML
    service: Service

    def run(
        self, model: str, prompt: str, temperature: float, top_k: float, top_p: float, max_tokens: float,
        seed: float | None, fresh: bool, language: str,
    ) -> Iterator[tuple[Any, ...]]:  # fmt: skip
        """Yield (view, board, seed, generate button, stop button) while the models write, one token a model a round."""
        chosen = [card for card in self.service.models() if model in (ALL, card.name)]
        number = secrets.randbelow(2**31) if fresh or seed is None else int(seed)
        board = Board(prompt or "", number, [Column(card) for card in chosen])
        options = {
            "temperature": float(temperature), "top_k": int(top_k), "top_p": float(top_p),
            "max_tokens": int(max_tokens), "seed": number,
        }  # fmt: skip
        yield _frame(board, language, running=bool(chosen))
        for _ in _rounds(self.service, board, options):
            yield _frame(board, language, running=True)
        yield _frame(board, language, running=False)


def show(board: Board | None, service: Service, language: str) -> str:
    """Return the view's HTML."""
    if not service.models():
        return notice(say("no_models", language))
    return (
        board_view(board, language)
        if board and board.columns
        else notice(say("empty_generate", language), kind="empty")
    )


def stop(board: Board | None, language: str) -> tuple[Any, ...]:
    """End what is being written and show it as it stands."""
    if board is None:
        return gr.skip(), gr.update(interactive=True), gr.update(interactive=False)
    board.stop()
    return board_view(board, language), gr.update(interactive=True), gr.update(interactive=False)


def build(service: Service, wording: Wording, language: gr.Radio) -> GenerateTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events."""
    cards = service.models()
    with gr.Column(elem_classes="kl-panel"):
        model = wording.add(
            gr.Dropdown(choices=_choices(cards, "ko"), value=ALL, elem_id="generate-model", filterable=False),
            label="model",
            choices=lambda spoken: _choices(cards, spoken),
        )
        prompt = wording.add(
            gr.Textbox("이 영화는", lines=1, max_lines=4, elem_id="generate-prompt"),
            label="prompt",
            placeholder="prompt_hint",
        )
        prompts = gr.Dataset(components=[prompt], samples=[[example] for example in _PROMPTS], type="values")
        wording.add(prompts, label="prompts")
        options = _options(wording)
        with gr.Row():
            start = gr.Button(variant="primary", elem_id="generate-run", interactive=bool(cards), min_width=120)
            halt = gr.Button(variant="secondary", elem_id="generate-stop", interactive=False, min_width=120)
        wording.add(start, value="generate")
        wording.add(halt, value="stop")
    view = gr.HTML(show(None, service, "ko"), elem_id="generate-view", js_on_load=None, min_height=200)
    tab = GenerateTab(gr.State(None), view, service)
    event = gr.on(
        [start.click, prompt.submit],
        tab.run,
        [model, prompt, *options, language],
        [view, tab.board, options[4], start, halt],
        show_progress="hidden",
        concurrency_limit=2,
    )
    _bind_stop(tab, language, event, start, halt)
    prompts.click(lambda sample: sample[0], prompts, prompt, show_progress="hidden")
    return tab


def _bind_stop(tab: GenerateTab, language: gr.Radio, event: Any, start: gr.Button, halt: gr.Button) -> None:
    # The handler marks the board, which ends the streams and shows them as stopped; `cancels` ends the generator itself
    # where it is still waiting in the queue or for a model to load.
    # It runs once more after that, since a frame that was already on its way would bring the waiting state back.
    stopping: dict[str, Any] = {
        "fn": stop,
        "inputs": [tab.board, language],
        "outputs": [tab.view, start, halt],
        "show_progress": "hidden",
        "queue": False,
    }
    halt.click(**stopping, cancels=[event]).then(**stopping)


def _options(wording: Wording) -> list[gr.components.Component]:
    with wording.add(gr.Accordion(open=False, elem_id="generate-options"), label="sampling"):
        with gr.Row():
            temperature = gr.Slider(0, 2, 0.8, step=0.05, min_width=270)
            top_p = gr.Slider(0.05, 1, 0.95, step=0.05, min_width=270)
        with gr.Row():
            top_k = gr.Slider(0, 200, 0, step=1, min_width=270)
            max_tokens = gr.Slider(1, MAX_TOKENS, 60, step=1, min_width=270)
        with gr.Row():
            seed = gr.Number(7, precision=0, minimum=0, maximum=2**31 - 1, min_width=270)
            fresh = gr.Checkbox(True, container=True, elem_id="generate-fresh")
    wording.add(temperature, label="temperature", info="temperature_info")
    wording.add(top_p, label="top_p", info="top_p_info")
    wording.add(top_k, label="top_k", info="top_k_info")
    wording.add(max_tokens, label="max_tokens")
    wording.add(seed, label="seed", info="seed_info")
    wording.add(fresh, label="random_seed")
    return [temperature, top_k, top_p, max_tokens, seed, fresh]


def _choices(cards: Sequence[ModelCard], language: str) -> list[tuple[str, str]]:
    return [(say("all_models", language), ALL), *((card.name, card.name) for card in cards)]


def _frame(board: Board, language: str, *, running: bool) -> tuple[Any, ...]:
    buttons = gr.update(interactive=not running), gr.update(interactive=running)
    return board_view(board, language), board, board.seed, *buttons


def _rounds(service: Service, board: Board, options: dict[str, Any]) -> Iterator[None]:
    """Let each model that still writes go one step, round after round."""
    streams = {
        index: service.stream(column.card.name, board.prompt, stopped=lambda: board.stopped, **options)
        for index, column in enumerate(board.columns)
    }
    while streams and not board.stopped:
        begun = time.monotonic()
        for index in list(streams):
            if not _step(board.columns[index], streams[index]):
                del streams[index]
        yield
        time.sleep(max(0.0, _ROUND_SECONDS - (time.monotonic() - begun)))


def _step(column: Column, stream: Iterator[str]) -> bool:
    try:
        column.text = next(stream)
        column.state = "writing" if column.state == "loading" else column.state
        return True
    except StopIteration:
        column.state = "done" if column.state != "stopped" else column.state
    except KorlmError as error:
        column.state, column.error = "error", error
    except Exception:  # a person sees a sentence, the log sees the trace
        _log.exception("%s failed to write", column.card.name)
        column.state, column.error = "error", unexpected()
    return False
