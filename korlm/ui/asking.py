"""What the tab 토크나이저 비교 does when it is asked: cut, draw again, stress the text, give files.

>>> press("laugh", "좋다.", None)
('좋다ㅋㅋ', Stressed(kind='laugh', original='좋다.', result='좋다ㅋㅋ', missed=''))
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from korlm.errors import KorlmError
from korlm.text.stress import STRESSES
from korlm.ui.limits import unexpected
from korlm.ui.plain import Compared, KiwiSettings, Look
from korlm.ui.service import Service

_log = logging.getLogger(__name__)


class Stressed(NamedTuple):
    """The text as it was first typed and what became of it; `missed` is a stress that found nothing to change."""

    kind: str
    original: str
    result: str
    missed: str = ""


@dataclass(frozen=True)
class Form:
    """Everything that the tab's controls say."""

    text: str
    names: tuple[str, ...]
    settings: KiwiSettings
    look: Look
    stressed: Stressed | None = None

    @classmethod
    def of(
        cls, text: str | None, names: Sequence[str] | None, words: str | None, typos: bool, coda: bool, compounds: bool,
        letters: bool, reference: str | None, color: str, form: str, language: str, stressed: Stressed | None,
    ) -> Form:  # fmt: skip
        """Take the controls' values in the order that the tab hands them over."""
        settings = KiwiSettings(words or "", bool(typos), bool(coda), bool(compounds), bool(letters))
        return cls(text or "", tuple(names or ()), settings, Look(reference or "", color, form, language), stressed)


def compare(service: Service, form: Form) -> Iterator[Compared]:
    """Yield what there is to show: at once for what is loaded, then everything; an error as a `Compared` with it."""
    try:
        names = service.check(form.text, form.names, form.settings)
        cold = service.cold(names, form.settings)
        if cold:
            yield service.compare(form.text, names, form.settings, skip=cold)
        compared = service.compare(form.text, names, form.settings)
        if form.stressed and form.stressed.result == form.text and form.stressed.kind:
            original = service.compare(form.stressed.original, names, form.settings)
            before = {lane.name: lane.counts.ids for lane in original.lanes if lane.counts}
            compared = replace(compared, stress=form.stressed.kind, original=form.stressed.original, before=before)
        yield compared
    except KorlmError as error:
        yield Compared(error=error)
    except Exception:  # a person sees a sentence, the log sees the trace
        _log.exception("the comparison failed")
        yield Compared(error=unexpected())


def press(kind: str, text: str, stressed: Stressed | None) -> tuple[str, Stressed | None]:
    """Return the stressed text and what to remember.

    Args:
        kind: a name of `korlm.text.stress.STRESSES`.
        text: what stands in the box now.
        stressed: what was done before; a stress applies to the text as it was first typed.
    """
    original = stressed.original if stressed and stressed.result == text else text
    result = STRESSES[kind](original)
    if result == original:
        before = stressed if stressed and stressed.result == text else Stressed("", text, text)
        return text, before._replace(missed=kind)
    return result, Stressed(kind, original, result)


def restore(text: str, stressed: Stressed | None) -> tuple[str, None]:
    """Return the text as it was before it was stressed; one that was edited since stays."""
    return (stressed.original if stressed and stressed.result == text else text), None
