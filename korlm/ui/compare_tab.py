"""The tab 토크나이저 비교: a text, the tokenizers to cut it with, and the view."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from korlm.errors import KorlmError
from korlm.ui.counts import counts_table
from korlm.ui.plain import Lane
from korlm.ui.render import lanes_view, notice
from korlm.ui.service import PRESELECTED, Service, unexpected
from korlm.ui.strings import named, say
from korlm.ui.wording import Wording

_log = logging.getLogger(__name__)

DEFAULT_TEXT = "아버지가 방에 들어가셨다. 아버지가방에들어가셨다ㅋㅋ"
_EXAMPLES = (
    "나는 어제 학교에 갔었는데 문이 닫혀 있었어요.",
    "배송도 빠르고 진짜 맛있었습니당ㅎㅎ 재구매각!",
    "대한민국의 주권은 국민에게 있고, 모든 권력은 국민으로부터 나온다.",
    "한국어 NLP는 BPE로 충분할까? 2024년 기준 👩‍💻",
    "뷁! 쀍궯 먹었긔 ㅇㅈ?",
)


@dataclass(frozen=True)
class Compared:
    """What the view shows now, kept so that it can be shown again in the other language."""

    text: str = ""
    lanes: tuple[Lane, ...] = ()
    waiting: tuple[str, ...] = ()
    error: KorlmError | None = None


@dataclass(frozen=True)
class CompareTab:
    """The parts of the tab that the page needs: what to run at the start and what to show again."""

    text: gr.Textbox
    names: gr.CheckboxGroup
    shown: gr.State
    view: gr.HTML
    service: Service

    def run(self, text: str, names: list[str], language: str) -> Iterator[tuple[str, Compared]]:
        """Yield the view: at once for what is loaded, then for everything."""
        try:
            names = self.service.check(text or "", names or [])
            if cold := self.service.cold(names):
                loaded = [name for name in names if name not in cold]
                lanes = self.service.compare(text, loaded) if loaded else []
                yield _shown(Compared(text, tuple(lanes), tuple(cold)), language)
            yield _shown(Compared(text, tuple(self.service.compare(text, names))), language)
        except KorlmError as error:
            yield _shown(Compared(error=error), language)
        except Exception:  # a person sees a sentence, the log sees the trace
            _log.exception("the comparison failed")
            yield _shown(Compared(error=unexpected()), language)


def show(compared: Compared | None, language: str) -> str:
    """Return the view's HTML."""
    if compared is None or (not compared.text and not compared.error):
        return notice(say("empty", language), kind="empty")
    if compared.error:
        return notice(compared.error.message(language))
    lanes = lanes_view(compared.text, compared.lanes, language, waiting=compared.waiting)
    return lanes + counts_table(compared.text, compared.lanes, language)


def build(service: Service, wording: Wording, language: gr.Radio, script: str) -> CompareTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        service: what cuts.
        wording: where words are registered.
        language: the switch, an input of every handler.
        script: JavaScript of the view (arrow keys, the note at a piece).
    """
    with gr.Column(elem_classes="kl-panel"):
        text = wording.add(
            gr.Textbox(DEFAULT_TEXT, lines=2, max_lines=8, elem_id="compare-text"),
            label="text",
            placeholder="text_hint",
        )
        known = service.tokenizers()
        chosen = [name for name, _ in known if name in PRESELECTED] or [name for name, _ in known]
        names = wording.add(
            gr.CheckboxGroup(choices=_choices(known, "ko"), value=chosen, elem_id="compare-names"),
            label="tokenizers",
            choices=lambda spoken: _choices(known, spoken),
        )
        run = wording.add(gr.Button(variant="primary", elem_id="compare-run"), value="run")
        examples = gr.Dataset(components=[text], samples=[[example] for example in _EXAMPLES], type="values")
        wording.add(examples, label="examples")
    view = gr.HTML(show(None, "ko"), elem_id="compare-view", js_on_load=script, min_height=320)
    tab = CompareTab(text, names, gr.State(None), view, service)
    inputs, outputs = [text, names, language], [view, tab.shown]
    gr.on([run.click, text.submit], tab.run, inputs, outputs, show_progress="minimal", trigger_mode="always_last")
    examples.click(lambda sample: sample[0], examples, text, show_progress="hidden").then(tab.run, inputs, outputs)
    return tab


def _choices(known: Sequence[tuple[str, str]], language: str) -> list[tuple[str, str]]:
    return [(named(name, unit, language), name) for name, unit in known]


def _shown(compared: Compared, language: str) -> tuple[str, Compared]:
    return show(compared, language), compared
