"""How sure a bot is of an answer as HTML: figures with their thresholds, and what an estimated probability depends on.

>>> from korlm.chat.confidence import Confidence
>>> confidence_level(Confidence(probability=0.7, min_probability=0.5, sure_probability=0.8))
'so'
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from korlm.app.strings.chat import CHAT_TEXTS
from korlm.app.templating import bilingual_text, render_template

if TYPE_CHECKING:
    from korlm.chat.confidence import Confidence
    from korlm.chat.reply import Reply

_LEVEL_VERDICTS = {"yes": "good", "so": "fair", "no": "bad"}


class Meter(NamedTuple):
    """A figure with a bar, on which ticks mark its thresholds."""

    name: str  # ``probability``, ``surprisal``, ``familiarity`` or ``similarity``
    value: str  # the figure as text
    fraction: float  # length of the bar, 0 to 1
    thresholds: tuple[float, ...] = ()  # places of the ticks, 0 to 1
    threshold_text: str = ""  # the thresholds as text
    verdict: str = "plain"  # ``good``, ``fair`` or ``bad``, or ``plain`` without a threshold

    @property
    def label(self) -> str:
        """The name in both languages."""
        return bilingual_text(f"meter_{self.name}")


class Component(NamedTuple):
    """A figure that the probability depends on."""

    label: str  # its name
    value: str  # the figure as text
    note: str  # what it is


def confidence_level(confidence: Confidence) -> str:
    """Return ``yes``, ``so`` (not quite sure), ``no`` (abstains), or ``unknown`` without a threshold."""
    if confidence.abstain_reason:
        return "no"
    if confidence.probability is not None:
        return "yes" if confidence.probability >= confidence.sure_probability else "so"
    if confidence.limits is None:
        return "unknown"
    familiarity = 1.0 if confidence.familiarity is None else confidence.familiarity
    is_clear = (confidence.surprisal or 0.0) <= 0.6 * confidence.limits.surprisal
    return "yes" if is_clear and familiarity >= (1 + confidence.limits.familiarity) / 2 else "so"


def render_confidence(reply: Reply) -> Markup:
    """Return how sure the bot was of an answer, and what it did because of it."""
    confidence = reply.confidence
    level = confidence_level(confidence)
    # a message that cannot be answered is recognized before the probability counts
    estimates = confidence.probability is not None and confidence.abstain_reason != "unanswerable"
    return render_template(
        "confidence",
        level="" if level == "unknown" else level,
        meters=_list_meters(confidence),
        notes=_list_notes(reply),
        withheld=reply.answer if _is_withheld(reply) else None,
        components=_list_components(confidence),
        estimates=estimates,
    )


def _is_withheld(reply: Reply) -> bool:
    return bool(reply.abstain_reason) and reply.abstain_reason != "unanswerable" and reply.text != reply.answer


def _list_notes(reply: Reply) -> list[str]:
    """Return the keys of what the bot did because of its confidence."""
    confidence, reason = reply.confidence, reply.abstain_reason
    if reason == "unanswerable":
        return ["abstained_unanswerable"]
    if reason and not _is_withheld(reply):
        return ["abstain_disabled"]
    if reason == "question" and confidence.probability is not None:
        return ["abstained_probability" if confidence.probability else "abstained_unknown_words"]
    if reason == "question" and confidence.similarity is not None:
        return ["abstained_similarity"]
    if reason:
        return [f"abstained_{reason}"]
    has_thresholds = confidence.limits or confidence.min_similarity or confidence.probability is not None
    return [] if has_thresholds else ["confidence_no_limits"]


def _list_meters(confidence: Confidence) -> list[Meter]:
    if confidence.probability is not None:
        return [] if confidence.abstain_reason == "unanswerable" else [_make_probability_meter(confidence)]
    figures = {
        "surprisal": confidence.surprisal,
        "familiarity": confidence.familiarity,
        "similarity": confidence.similarity,
    }
    return [_make_meter(name, value, confidence) for name, value in figures.items() if value is not None]


def _make_probability_meter(confidence: Confidence) -> Meter:
    probability = confidence.probability or 0.0
    thresholds = (confidence.min_probability, confidence.sure_probability)
    text = bilingual_text("meter_between", least=f"{thresholds[0]:.0%}", sure=f"{thresholds[1]:.0%}")
    verdict = _LEVEL_VERDICTS[confidence_level(confidence)]
    return Meter("probability", _format_probability(probability), probability, thresholds, text, verdict)


def _format_probability(probability: float) -> str:
    """Return a percentage that is not rounded up to certainty.

    >>> _format_probability(0.9964), _format_probability(0.25), _format_probability(0.0)
    ('99%', '25%', '0%')
    """
    return f"{min(0.99, probability):.0%}"


def _make_meter(name: str, value: float, confidence: Confidence) -> Meter:
    limits = confidence.limits
    if name == "surprisal":
        scale = max(8.0, value, limits.surprisal * 1.25 if limits else 0.0)  # bits at the end of the bar
        meter = Meter(name, bilingual_text("meter_bits", bits=f"{value:.2f}"), value / scale)
        if limits is None:
            return meter
        text = bilingual_text("meter_most", limit=f"{limits.surprisal:.2f}")
        verdict = "good" if value <= limits.surprisal else "bad"
        return meter._replace(thresholds=(limits.surprisal / scale,), threshold_text=text, verdict=verdict)
    percent = name == "familiarity"
    least = confidence.min_similarity if name == "similarity" else limits.familiarity if limits else 0.0
    meter = Meter(name, f"{value:.0%}" if percent else f"{value:.2f}", max(0.0, value))
    if not least:
        return meter
    text = bilingual_text("meter_least", limit=f"{least:.0%}" if percent else f"{least:.2f}")
    return meter._replace(thresholds=(least,), threshold_text=text, verdict="good" if value >= least else "bad")


def _list_components(confidence: Confidence) -> list[Component]:
    """Return what the probability depends on, with the texts of `korlm.app.strings.chat`; as it is without a text."""
    components = []
    for name, value in confidence.components.items():
        key, is_known = f"component_{name}", f"component_{name}" in CHAT_TEXTS
        label = bilingual_text(key) if is_known else name
        components.append(
            Component(label, _format_component(name, value), bilingual_text(f"{key}_note") if is_known else "")
        )
    return components


def _format_component(name: str, value: float) -> str:
    if name == "length":  # the logarithm of the number of characters
        return bilingual_text("component_characters_count", count=round(math.exp(value)))
    if name == "agreement":
        return f"{value:.0%}"
    text = f"{value:+.2f}" if name in ("lead", "answerable") else f"{value:.2f}"
    return text.replace("-", "−")
