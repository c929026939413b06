"""What models wrote, as cards side by side: each text's pieces shaded by surprisal, the prompt's bits, copying.

The view is a list of fragments, nested as the page is: what the browser gets while models write is what was added.

>>> card = ModelCard("m", "unigram", "subword", "lstm", 2_500_000, 2.5)
>>> "2.5M" in "".join(flatten_fragments(render_generation(GenerationJob("이 ", columns=[ModelColumn(card, [TextSample(7)])]))))
True
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any
from weakref import WeakKeyDictionary

from korlm.app.generate.state import ACTIVE_STATES, GenerationJob, ModelColumn, TextChunk, TextSample
from korlm.app.model_info import ModelCard
from korlm.app.strings.common import tokenizer_display_name, translate
from korlm.app.view_models import DisplaySegment
from korlm.app.widgets.lane_view import render_notice
from korlm.app.widgets.surprisal import format_probability, render_surprisal_scale, surprisal_level
from korlm.app.widgets.visible_characters import make_visible, name_control_characters

_drawn_chunks: WeakKeyDictionary[TextSample, dict[str, list[str]]] = WeakKeyDictionary()  # by language
HtmlFragments = list[Any]  # strings and lists of fragments
JOIN_TEMPLATE = "${(value || []).flat(Infinity).join('')}"  # the template that draws them


def flatten_fragments(fragments: HtmlFragments) -> Iterator[str]:
    """Yield the strings of nested fragments in order."""
    for fragment in fragments:
        if isinstance(fragment, str):
            yield fragment
        else:
            yield from flatten_fragments(fragment)


def render_generation(job: GenerationJob | None, language: str = "") -> HtmlFragments:
    """Return the view of a board; without one, what to do."""
    language = language or (job.language if job else "ko")
    refusal = render_notice(job.refusal.message(language)) if job and job.refusal else ""
    if job is None or not job.columns:
        return [refusal, render_notice(translate("empty_generate", language), kind="empty")]
    heard = [column.prompt_bits_per_character for column in job.columns if column.prompt_bits_per_character is not None]
    best = min(heard) if len(heard) > 1 else None
    cards = [_render_card(job, column, best, language) for column in job.columns]
    failed = escape(translate("not_copied", language))
    return [
        refusal,
        f'<div class="kl kl-writing" data-failed="{failed}">{render_surprisal_scale(language, "piece")}<div class="kl-cards">',
        cards,
        '</div><div class="kl-tip" role="tooltip" hidden></div><div class="kl-live" role="status" aria-live="polite">'
        "</div></div>",
    ]


def format_model_summary(card: ModelCard, language: str) -> str:
    """Return a model's facts as one line."""
    known = [tokenizer_display_name(card.tokenizer, card.unit, language), card.cell.upper()]
    known.append(translate("card_parameters", language, count=abbreviate_count(card.num_parameters)))
    if card.bits_per_character is not None:
        known.append(translate("card_bits", language, bits=f"{card.bits_per_character:.2f}"))
    return " · ".join(known)


def abbreviate_count(count: int) -> str:
    """Return a count in thousands or millions.

    >>> abbreviate_count(4_021_288), abbreviate_count(52_000)
    ('4.0M', '52K')
    """
    return f"{count / 1e6:.1f}M" if count >= 1_000_000 else f"{count / 1e3:.0f}K"


def _render_card(job: GenerationJob, column: ModelColumn, best: float | None, language: str) -> HtmlFragments:
    card, state = column.card, column.state
    busy = "true" if state in ACTIVE_STATES else "false"
    head = (
        f'<article class="kl-card kl-{escape(card.unit)}" aria-busy="{busy}"><header><h3>{escape(card.name)}</h3>'
        f'<span class="kl-state kl-{state}">{escape(translate("state_" + state, language))}</span></header>'
    )
    if column.error:
        body: HtmlFragments = [render_notice(column.error.message(language))]
    else:
        body = [_render_prompt_bits(column, best, language)]
        body += [_render_sample(job, column, number, language) for number in range(len(column.samples))]
    return [head, body, f"<footer>{escape(format_model_summary(card, language))}</footer></article>"]


def _render_prompt_bits(column: ModelColumn, best: float | None, language: str) -> str:
    """Return the line with the bits per character of the prompt."""
    if column.prompt_segments is None:
        return '<p class="kl-heard">&nbsp;</p>'
    if column.prompt_bits_per_character is None:
        return f'<p class="kl-heard">{escape(translate("heard_none", language))}</p>'
    told = escape(translate("heard", language, bits="\0")).replace(
        "\0", f"<b>{column.prompt_bits_per_character:.2f}</b>"
    )
    mark = (
        f' <span class="kl-best">{escape(translate("heard_best", language))}</span>'
        if column.prompt_bits_per_character == best
        else ""
    )
    return f'<p class="kl-heard">{told}{mark}</p>'


def _render_sample(job: GenerationJob, column: ModelColumn, index: int, language: str) -> HtmlFragments:
    sample = column.samples[index]
    label = escape(translate("text_name", language, model=column.card.name))
    busy = sample.state in ACTIVE_STATES
    caret = '<span class="kl-caret" aria-hidden="true"></span>' if busy else ""
    nothing = (
        "" if busy or sample.text else translate("nothing_written" if sample.has_ended else "nothing_yet", language)
    )
    told = f" <em>{escape(nothing)}</em>" if nothing else ""
    return [
        f'<section class="kl-sample"><div class="kl-text" role="list" aria-label="{label}">',
        _render_prompt(job, column, language),
        _render_chunks(sample, language),
        f"{told}{caret}</div>{_render_footer(job, column, index, language)}</section>",
    ]


def _render_prompt(job: GenerationJob, column: ModelColumn, language: str) -> str:
    """Return the prompt, shaded by what each piece cost the model."""
    if not column.prompt_segments:
        return f'<span class="kl-prompt">{escape(name_control_characters(job.prompt))}</span>'
    drawn = "".join(_render_prompt_segment(job.prompt, piece, language) for piece in column.prompt_segments)
    rest = escape(name_control_characters(job.prompt[column.prompt_segments[-1].end :]))
    return f'<span class="kl-prompt">{drawn}{rest}</span>'


def _render_prompt_segment(prompt: str, segment: DisplaySegment, language: str) -> str:
    text, bits = prompt[segment.start : segment.end], segment.bits or 0.0
    lines = [f"‘{make_visible(text)}’ · {_format_bits(bits, language)}", translate("tip_prompt", language)]
    return _render_shaded_text(text, bits, lines, "")


def _render_chunks(sample: TextSample, language: str) -> list[str]:
    """Return the pieces that were written; each is drawn once in a language."""
    drawn = _drawn_chunks.setdefault(sample, {}).setdefault(language, [])
    drawn += [_render_chunk(written, language) for written in sample.chunks[len(drawn) :]]
    return list(drawn)


def _render_chunk(chunk: TextChunk, language: str) -> str:
    last = chunk.tokens[-1]
    name = translate("tip_end", language) if chunk.is_end and not chunk.text else f"‘{make_visible(chunk.text)}’"
    lines = [f"{name} · {_format_bits(chunk.bits, language)}"]
    if len(chunk.tokens) > 1:
        lines.append(translate("tip_pieces", language, count=len(chunk.tokens)))
        lines += [
            translate("tip_piece", language, piece=make_visible(p.text), bits=f"{p.surprisal:.2f}")
            for p in chunk.tokens[:8]
        ]
    elif last.probability < 1:
        lines.append(translate("tip_drawn", language, chance=format_probability(last.probability)))
    if last.alternatives:
        lines.append(translate("tip_others", language))
        lines += [
            f"{translate('tip_end', language) if text == '</s>' else make_visible(text)}\t{format_probability(p)}"
            for text, p in last.alternatives
        ]
    return _render_shaded_text(
        chunk.text or translate("mark_end", language), chunk.bits, lines, "" if chunk.text else " kl-end"
    )


def _render_shaded_text(text: str, bits: float, lines: list[str], kinds: str) -> str:
    label = escape("\n".join(lines))
    return (
        f'<span class="kl-w kl-s{surprisal_level(bits)}{kinds}" role="listitem" tabindex="-1" aria-label="{label}">'
        f"{escape(name_control_characters(text))}</span>"
    )


def _format_bits(bits: float, language: str) -> str:
    return translate("tip_bits", language, bits=f"{bits:.2f}", chance=format_probability(2.0**-bits))


def _render_footer(job: GenerationJob, column: ModelColumn, index: int, language: str) -> str:
    """Return what is known of a text, and the button that copies it."""
    sample = column.samples[index]
    known = []
    if len(column.samples) > 1 or sample.seed is not None:
        known.append(
            translate("card_rank", language, rank=index + 1)
            if sample.seed is None
            else translate("card_seed", language, seed=sample.seed)
        )
    if sample.bits_per_character is not None:
        known.append(translate("wrote", language, bits=f"{sample.bits_per_character:.2f}"))
    if sample.state not in ACTIVE_STATES:
        ended = sample.finish_reason
        known += [translate("ended_" + ended, language)] if ended else []
    copied = escape((job.prompt + sample.text).replace("\0", ""))
    label = escape(translate("copy_text_label", language, model=column.card.name))
    done = escape(translate("text_copied", language, model=column.card.name))
    return (
        f'<p class="kl-foot"><span>{escape(" · ".join(known))}</span><button type="button" class="kl-tool" '
        f'data-copy="{copied}" data-done="{done}" aria-label="{label}">{escape(translate("copy_text", language))}</button></p>'
    )
