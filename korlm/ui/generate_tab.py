"""The tab 문장 생성: which models, their cards, and what is done with them: continue a text, score a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from korlm.ui import score_tab, write_tab
from korlm.ui.board import Board
from korlm.ui.limits import MAX_MODELS
from korlm.ui.model_cards import cards_view
from korlm.ui.plain import ModelCard
from korlm.ui.render import notice
from korlm.ui.score_tab import ScoreTab
from korlm.ui.scoring import Scored, scored_view
from korlm.ui.service import Service
from korlm.ui.strings import say
from korlm.ui.wording import Wording
from korlm.ui.write_tab import WriteTab


@dataclass(frozen=True)
class GenerateTab:
    """The parts of the tab that the page needs: what it shows, to show it again in another language."""

    models: gr.CheckboxGroup
    cards: gr.HTML
    write: WriteTab
    score: ScoreTab
    service: Service

    @property
    def shown(self) -> list[Any]:
        """What `redraw` takes, before the language."""
        return [self.models, self.write.sampling.preset, self.write.board, self.score.shown]

    @property
    def outputs(self) -> list[Any]:
        """What `redraw` gives."""
        return [self.cards, self.write.sampling.told, self.write.view, self.score.view]

    def redraw(
        self, names: Sequence[str] | None, preset: str, board: Board | None, found: Scored | None, language: str
    ) -> list[Any]:
        """Return the tab's views in a language."""
        return [
            show_cards(self.service, names, language),
            write_tab.sampling.told(preset, language),
            self.write.redraw(board, language),
            scored_view(found, language),
        ]


def show_cards(service: Service, names: Sequence[str] | None, language: str) -> str:
    """Return the cards of the chosen models."""
    known = service.models()
    if not known:
        return notice(say("no_models", language))
    return cards_view([card for card in known if card.name in (names or ())], language)


def preselected(cards: Sequence[ModelCard]) -> list[str]:
    """Return the models that are chosen at first: the best of each unit, as many as may be."""
    best: dict[str, ModelCard] = {}
    for card in cards:
        known = best.get(card.unit)
        if known is None or (card.bits or 99.0) < (known.bits or 99.0):
            best[card.unit] = card
    return [card.name for card in cards if card in best.values()][:MAX_MODELS]


def build(service: Service, wording: Wording, language: gr.Radio, script: str) -> GenerateTab:
    """Lay the tab out inside an open `gr.Tab` and bind its events.

    Args:
        service: what writes and scores.
        wording: where words are registered.
        language: the switch, an input of every handler.
        script: JavaScript of the views (keys, the note at a piece, copying).
    """
    cards = service.models()
    names = preselected(cards)
    with gr.Column(elem_classes="kl-panel"):
        models = gr.CheckboxGroup(choices=_choices(cards), value=names, elem_id="generate-models")
        wording.add(
            models,
            label="models",
            info=lambda spoken: say("models_info", spoken, most=MAX_MODELS),
            choices=lambda spoken: _choices(service.models(), spoken),
        )
        with wording.add(gr.Accordion(open=False, elem_id="model-cards"), label="model_cards"):
            panel = gr.HTML(show_cards(service, names, "ko"), js_on_load=None)
        with gr.Tabs(elem_id="generate-tabs"):
            with wording.add(gr.Tab(id="write"), label="tab_write"):
                write = write_tab.build(service, wording, language, models, script)
            with wording.add(gr.Tab(id="score"), label="tab_score"):
                score = score_tab.build(service, wording, language, models, script)
    tab = GenerateTab(models, panel, write, score, service)
    models.input(
        lambda chosen, spoken: show_cards(service, chosen, spoken), [models, language], panel,
        show_progress="hidden", queue=False,
    )  # fmt: skip
    return tab


def _choices(cards: Sequence[ModelCard], language: str = "ko") -> list[tuple[str, str]]:
    return [(f"{card.name} · {say('unit_' + card.unit, language)}", card.name) for card in cards]
