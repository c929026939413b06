"""The texts of a generation job as HTML: a card a model, tokens shaded by surprisal, the bits of the prompt.

The view is a list of fragments, nested like the page: while models write, the browser receives only the added ones.

>>> card = ModelCard("m", "unigram", "subword", "lstm", 2_500_000, 2.5)
>>> "2.5M" in "".join(flatten_fragments(render_generation(GenerationJob("이 ", columns=[ModelColumn(card, [TextSample(7)])]))))
True
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from markupsafe import Markup

from korlm.app.generate.state import GenerationJob, ModelColumn, TextChunk, TextSample
from korlm.app.model_info import ModelCard, abbreviate_count
from korlm.app.strings.common import tokenizer_display_name, translate
from korlm.app.templating import render_notice, render_template
from korlm.app.widgets.surprisal import format_probability, render_surprisal_scale, surprisal_level
from korlm.app.widgets.visible_characters import make_visible

HtmlFragments = list[Any]  # strings and lists of fragments
JOIN_TEMPLATE = "${(value || []).flat(Infinity).join('')}"  # the Gradio template that joins them
_SLOT = Markup("\0")  # the place of nested fragments in a template
_MAX_TOOLTIP_TOKENS = 8
_chunk_html: WeakKeyDictionary[TextSample, dict[str, list[str]]] = WeakKeyDictionary()  # rendered chunks by language


def flatten_fragments(fragments: HtmlFragments) -> Iterator[str]:
    """Yield the strings of nested fragments in order."""
    for fragment in fragments:
        if isinstance(fragment, str):
            yield fragment
        else:
            yield from flatten_fragments(fragment)


def render_generation(job: GenerationJob | None, language: str = "") -> HtmlFragments:
    """Return the view of a job, or a hint if there is none."""
    language = language or (job.language if job else "ko")
    refusal = render_notice(job.refusal.message(language)) if job and job.refusal else ""
    if job is None or not job.columns:
        return [refusal, render_notice(translate("empty_generate", language), kind="empty")]
    prompt_bits = [bits for column in job.columns if (bits := column.prompt_bits_per_character) is not None]
    lowest = min(prompt_bits) if len(prompt_bits) > 1 else None
    cards = [_render_card(job, column, lowest, language) for column in job.columns]
    scale = Markup(render_surprisal_scale(language, "piece"))
    return [refusal, *_render_around(cards, "generation", language, scale=scale)]


def format_model_summary(card: ModelCard, language: str) -> str:
    """Return the facts of a model in one line."""
    facts = [
        tokenizer_display_name(card.tokenizer, card.unit, language),
        card.cell.upper(),
        translate("card_parameters", language, count=abbreviate_count(card.num_parameters)),
    ]
    if card.bits_per_character is not None:
        facts.append(translate("card_bits", language, bits=f"{card.bits_per_character:.2f}"))
    return " · ".join(facts)


def _render_around(fragments: HtmlFragments, template: str, language: str, **values: object) -> HtmlFragments:
    """Render a template around nested fragments, which it outputs as ``slot``."""
    before, after = render_template(template, language, slot=_SLOT, **values).split(_SLOT)
    return [before, fragments, after]


def _render_card(job: GenerationJob, column: ModelColumn, lowest: float | None, language: str) -> HtmlFragments:
    body: HtmlFragments
    if column.error:
        body = [render_notice(column.error.message(language))]
    else:
        bits = column.prompt_bits_per_character
        body = [render_template("prompt_bits", language, column=column, bits=bits, is_best=bits == lowest)]
        body += [_render_sample(job, column, index, language) for index in range(len(column.samples))]
    summary = format_model_summary(column.card, language)
    return _render_around(body, "generation_card", language, column=column, summary=summary)


def _render_sample(job: GenerationJob, column: ModelColumn, index: int, language: str) -> HtmlFragments:
    sample = column.samples[index]
    return _render_around(
        [_render_prompt(job, column, language), _render_chunks(sample, language)],
        "generated_text",
        language,
        sample=sample,
        model=column.card.name,
        facts=_sample_facts(column, index, language),
        copied=(job.prompt + sample.text).replace("\0", ""),
    )


def _sample_facts(column: ModelColumn, index: int, language: str) -> list[str]:
    sample = column.samples[index]
    facts = []
    if sample.seed is not None:
        facts.append(translate("card_seed", language, seed=sample.seed))
    elif len(column.samples) > 1:
        facts.append(translate("card_rank", language, rank=index + 1))
    if sample.bits_per_character is not None:
        facts.append(translate("text_bits", language, bits=f"{sample.bits_per_character:.2f}"))
    if sample.finish_reason:
        facts.append(translate(f"ended_{sample.finish_reason}", language))
    return facts


def _render_prompt(job: GenerationJob, column: ModelColumn, language: str) -> str:
    """Return the prompt, each token shaded by its bits."""
    segments = column.prompt_segments or ()
    tokens = [
        _render_prompt_segment(job.prompt[segment.start : segment.end], bits, language) for segment, bits in segments
    ]
    rest = job.prompt[segments[-1][0].end :] if segments else job.prompt
    return render_template("generation_prompt", language, tokens=tokens, rest=rest)


def _render_prompt_segment(text: str, bits: float, language: str) -> Markup:
    lines = [f"‘{make_visible(text)}’ · {_format_bits(bits, language)}", translate("tip_prompt", language)]
    return _render_shaded_text(text, bits, lines)


def _render_chunks(sample: TextSample, language: str) -> list[str]:
    """Return the chunks of a text; each is rendered once a language."""
    rendered = _chunk_html.setdefault(sample, {}).setdefault(language, [])
    rendered += [_render_chunk(chunk, language) for chunk in sample.chunks[len(rendered) :]]
    return list(rendered)


def _render_chunk(chunk: TextChunk, language: str) -> Markup:
    end = translate("tip_end", language)
    name = f"‘{make_visible(chunk.text)}’" if chunk.text else end
    lines = [f"{name} · {_format_bits(chunk.bits, language)}"]
    last = chunk.tokens[-1]
    if len(chunk.tokens) > 1:
        lines.append(translate("tip_num_tokens", language, count=len(chunk.tokens)))
        lines += [
            translate("tip_token", language, piece=make_visible(token.text), bits=f"{token.surprisal:.2f}")
            for token in chunk.tokens[:_MAX_TOOLTIP_TOKENS]
        ]
    elif last.probability < 1:
        lines.append(translate("tip_probability", language, chance=format_probability(last.probability)))
    if last.alternatives:
        lines.append(translate("tip_alternatives", language))
        lines += [
            f"{end if text == '</s>' else make_visible(text)}\t{format_probability(probability)}"
            for text, probability in last.alternatives
        ]
    return _render_shaded_text(chunk.text or translate("mark_end", language), chunk.bits, lines, is_end=not chunk.text)


def _render_shaded_text(text: str, bits: float, tooltip_lines: list[str], *, is_end: bool = False) -> Markup:
    tooltip, level = "\n".join(tooltip_lines), surprisal_level(bits)
    return render_template("shaded_text", text=text, level=level, tooltip=tooltip, is_end=is_end)


def _format_bits(bits: float, language: str) -> str:
    return translate("tip_bits", language, bits=f"{bits:.2f}", chance=format_probability(2.0**-bits))
