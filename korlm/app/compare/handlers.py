"""What the tab 토크나이저 비교 does when it is asked: cut, draw again, stress the text, give files.

>>> apply_perturbation("laugh", "좋다.", None)
('좋다ㅋㅋ', PerturbedText(kind='laugh', original='좋다.', result='좋다ㅋㅋ', unchanged_by=''))
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from korlm.app.limits import unexpected_error
from korlm.app.service import Service
from korlm.app.view_models import KiwiSettings, TextComparison, ViewOptions
from korlm.errors import KorlmError
from korlm.text.perturbations import PERTURBATIONS

_log = logging.getLogger(__name__)


class PerturbedText(NamedTuple):
    """The text as it was first typed and what became of it; `unchanged_by` is a stress that found nothing to change."""

    kind: str
    original: str
    result: str
    unchanged_by: str = ""


@dataclass(frozen=True)
class CompareForm:
    """Everything that the tab's controls say."""

    text: str
    names: tuple[str, ...]
    settings: KiwiSettings
    view_options: ViewOptions
    perturbed: PerturbedText | None = None

    @classmethod
    def from_values(
        cls, text: str | None, names: Sequence[str] | None, words: str | None, typos: bool, coda: bool, compounds: bool,
        letters: bool, reference: str | None, color: str, form: str, language: str, perturbed: PerturbedText | None,
    ) -> CompareForm:  # fmt: skip
        """Take the controls' values in the order that the tab hands them over."""
        settings = KiwiSettings(words or "", bool(typos), bool(coda), bool(compounds), bool(letters))
        return cls(
            text or "", tuple(names or ()), settings, ViewOptions(reference or "", color, form, language), perturbed
        )


def stream_comparison(service: Service, form: CompareForm) -> Iterator[TextComparison]:
    """Yield what there is to show: at once for what is loaded, then everything; an error as a `TextComparison` with it."""
    try:
        names = service.validate_request(form.text, form.names, form.settings)
        cold = service.unloaded_names(names, form.settings)
        if cold:
            yield service.compare(form.text, names, form.settings, skip=cold)
        compared = service.compare(form.text, names, form.settings)
        if form.perturbed and form.perturbed.result == form.text and form.perturbed.kind:
            original = service.compare(form.perturbed.original, names, form.settings)
            before = {lane.name: lane.counts.ids for lane in original.lanes if lane.counts}
            compared = replace(
                compared, perturbation=form.perturbed.kind, original_text=form.perturbed.original, ids_before=before
            )
        yield compared
    except KorlmError as error:
        yield TextComparison(error=error)
    except Exception:  # a person sees a sentence, the log sees the trace
        _log.exception("the comparison failed")
        yield TextComparison(error=unexpected_error())


def apply_perturbation(kind: str, text: str, previous: PerturbedText | None) -> tuple[str, PerturbedText | None]:
    """Return the stressed text and what to remember.

    Args:
        kind: a name of `korlm.text.perturbations.STRESSES`.
        text: what stands in the box now.
        previous: what was done before; a stress applies to the text as it was first typed.
    """
    original = previous.original if previous and previous.result == text else text
    result = PERTURBATIONS[kind](original)
    if result == original:
        before = previous if previous and previous.result == text else PerturbedText("", text, text)
        return text, before._replace(unchanged_by=kind)
    return result, PerturbedText(kind, original, result)


def restore_original_text(text: str, perturbed: PerturbedText | None) -> tuple[str, None]:
    """Return the text as it was before it was stressed; one that was edited since stays."""
    return (perturbed.original if perturbed and perturbed.result == text else text), None
