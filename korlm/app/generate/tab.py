"""The generate tab (문장 생성): the choice of models, their cards, and two inner tabs to continue or score a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from korlm.app.generate.model_cards import render_model_cards
from korlm.app.generate.sampling_controls import render_preset_description
from korlm.app.generate.score import TextScores
from korlm.app.generate.score_tab import ScoreTab, build_score_tab
from korlm.app.generate.score_view import render_scores
from korlm.app.generate.state import GenerationJob
from korlm.app.generate.write_tab import WriteTab, build_write_tab
from korlm.app.limits import MAX_MODELS
from korlm.app.localize import UNQUEUED, LocalizedComponents
from korlm.app.model_info import ModelCard
from korlm.app.service import Service
from korlm.app.strings.common import translate
from korlm.app.templating import render_notice


@dataclass(frozen=True)
class GenerateTab:
    """The parts of the tab that the page needs to show it in another language."""

    models: gr.CheckboxGroup
    cards: gr.HTML
    write: WriteTab
    score: ScoreTab
    service: Service

    @property
    def redraw_inputs(self) -> list[Any]:
        """Inputs of `redraw_views`, before the language."""
        return [self.models, self.write.sampling_controls.preset, self.write.job_state, self.score.state]

    @property
    def redraw_outputs(self) -> list[Any]:
        """Outputs of `redraw_views`."""
        return [self.cards, self.write.sampling_controls.description, self.write.view, self.score.view]

    def redraw_views(
        self, names: Sequence[str] | None, preset: str, job: GenerationJob | None, scores: TextScores | None, language: str,
    ) -> list[Any]:  # fmt: skip
        """Return the tab's views in a language."""
        return [
            render_chosen_cards(self.service, names, language),
            render_preset_description(preset, language),
            self.write.redraw_view(job, language),
            render_scores(scores, language),
        ]


def render_chosen_cards(service: Service, names: Sequence[str] | None, language: str) -> str:
    """Return the cards of the chosen models as HTML."""
    cards = service.list_models()
    if not cards:
        return render_notice(translate("no_models", language))
    return render_model_cards([card for card in cards if card.name in (names or ())], language)


def preselected_models(cards: Sequence[ModelCard]) -> list[str]:
    """Return the names of the models that are chosen at first: the best of each unit, at most `MAX_MODELS`."""
    best: dict[str, ModelCard] = {}
    for card in cards:
        other = best.get(card.unit)
        if other is None or (card.bits_per_character or 99.0) < (other.bits_per_character or 99.0):
            best[card.unit] = card
    return [card.name for card in cards if card in best.values()][:MAX_MODELS]


def build_generate_tab(
    service: Service, localized: LocalizedComponents, language: gr.Radio, script: str
) -> GenerateTab:
    """Lay out the tab inside an open `gr.Tab` and bind its events.

    ``language`` is the page's switch; ``script`` is JavaScript of the views (keys, tooltips, copying).
    """
    cards = service.list_models()
    names = preselected_models(cards)
    with gr.Column(elem_classes="kl-panel"):
        models = gr.CheckboxGroup(choices=_model_choices(cards), value=names, elem_id="generate-models")
        localized.add(
            models,
            label="models",
            info=partial(translate, "models_info", most=MAX_MODELS),
            choices=lambda spoken: _model_choices(service.list_models(), spoken),
        )
        with localized.add(gr.Accordion(open=False, elem_id="model-cards"), label="model_cards"):
            card_view = gr.HTML(render_chosen_cards(service, names, "ko"), js_on_load=None)
        with gr.Tabs(elem_id="generate-tabs"):
            with localized.add(gr.Tab(id="write"), label="tab_write"):
                write = build_write_tab(service, localized, language, models, script)
            with localized.add(gr.Tab(id="score"), label="tab_score"):
                score = build_score_tab(service, localized, language, models, script)
    models.input(partial(render_chosen_cards, service), [models, language], card_view, **UNQUEUED)
    return GenerateTab(models, card_view, write, score, service)


def _model_choices(cards: Sequence[ModelCard], language: str = "ko") -> list[tuple[str, str]]:
    return [(f"{card.name} · {translate('unit_' + card.unit, language)}", card.name) for card in cards]
