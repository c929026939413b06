"""The requests of the tab 토크나이저 비교: tokenize, perturb the text, restore it.

>>> apply_perturbation("laugh", "좋다.", None)
('좋다ㅋㅋ', PerturbedText(kind='laugh', original='좋다.', result='좋다ㅋㅋ', unchanged_by=''))
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from korlm.app.lanes import KiwiSettings, TextComparison, ViewOptions
from korlm.app.limits import unexpected_error
from korlm.app.service import Service
from korlm.app.url_state import COLOR_MODES, FORM_MODES, known_or_default
from korlm.errors import KorlmError
from korlm.i18n import LANGUAGES
from korlm.text.perturbations import PERTURBATIONS

_log = logging.getLogger(__name__)


class PerturbedText(NamedTuple):
    """A text as it was typed and the result of a perturbation; `unchanged_by` is one that found nothing to change."""

    kind: str
    original: str
    result: str
    unchanged_by: str = ""


@dataclass(frozen=True)
class CompareForm:
    """The validated types of the values of the tab's controls."""

    text: str
    names: tuple[str, ...]
    settings: KiwiSettings
    view_options: ViewOptions
    perturbed: PerturbedText | None = None


class CompareFields(NamedTuple):
    """The controls of the tab, or their values, in the order in which Gradio passes them."""

    text: Any
    names: Any
    words: Any
    typos: Any
    coda: Any
    compounds: Any
    letters: Any
    reference: Any
    color: Any
    form: Any
    language: Any
    perturbed: Any

    def to_form(self) -> CompareForm:
        """Convert the values as the page sends them, any of which may be None."""
        switches = map(bool, (self.typos, self.coda, self.compounds, self.letters))
        settings = KiwiSettings(str(self.words or ""), *switches)
        view_options = ViewOptions(
            str(self.reference or ""),
            known_or_default(self.color, COLOR_MODES),
            known_or_default(self.form, FORM_MODES),
            known_or_default(self.language, LANGUAGES),
        )
        names = tuple(map(str, self.names or ()))
        return CompareForm(str(self.text or ""), names, settings, view_options, self.perturbed)


def stream_comparison(service: Service, form: CompareForm) -> Iterator[TextComparison]:
    """Yield the comparison of the tokenizers that are loaded, then of all; an error as a `TextComparison`."""
    try:
        names = service.validate_request(form.text, form.names, form.settings)
        if unloaded := service.unloaded_names(names, form.settings):
            yield service.compare(form.text, names, form.settings, skip=unloaded)
        comparison = service.compare(form.text, names, form.settings)
        if form.perturbed and form.perturbed.result == form.text and form.perturbed.kind:
            original = service.compare(form.perturbed.original, names, form.settings)
            comparison = replace(
                comparison,
                perturbation=form.perturbed.kind,
                original_text=form.perturbed.original,
                ids_before={lane.name: lane.counts.ids for lane in original.lanes if lane.counts},
            )
        yield comparison
    except KorlmError as error:
        yield TextComparison(error=error)
    except Exception:  # the visitor reads a sentence; the log has the traceback
        _log.exception("the comparison failed")
        yield TextComparison(error=unexpected_error())


def apply_perturbation(kind: str, text: str, previous: PerturbedText | None) -> tuple[str, PerturbedText | None]:
    """Return the perturbed text and the state that restores the original.

    ``kind`` is a name of `korlm.text.perturbations.PERTURBATIONS`. One after ``previous`` applies to the text as it was
    typed.
    """
    original = previous.original if previous and previous.result == text else text
    result = PERTURBATIONS[kind](original)
    if result == original:
        state = previous if previous and previous.result == text else PerturbedText("", text, text)
        return text, state._replace(unchanged_by=kind)
    return result, PerturbedText(kind, original, result)


def restore_original_text(text: str, perturbed: PerturbedText | None) -> tuple[str, None]:
    """Return the text before its perturbation, or the text itself if it was edited since."""
    return (perturbed.original if perturbed and perturbed.result == text else text), None
