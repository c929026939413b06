"""The generate tab without a browser: presets, limits, alignment of surprisals, scheduling and HTML."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from html import escape
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lanes import lane_of_spans

from korlm.app.generate import tab as generate_tab
from korlm.app.generate import write_tab
from korlm.app.generate.model_cards import render_model_cards
from korlm.app.generate.sampling_controls import (
    CUSTOM_PRESET,
    DEFAULT_PRESET,
    INTEGER_OPTIONS,
    SAMPLING_PRESETS,
    SLIDER_RANGES,
    apply_preset,
    find_preset,
    identify_preset,
    preset_values,
)
from korlm.app.generate.score import ModelScore, TextScores, stream_scores
from korlm.app.generate.score_view import render_scores
from korlm.app.generate.state import GenerationJob, ModelColumn, TextSample
from korlm.app.generate.view import flatten_fragments, render_generation
from korlm.app.generate.write import GenerationRequest, create_job, generate_rounds
from korlm.app.limits import (
    MAX_MODELS,
    MAX_PROMPT,
    MAX_SAMPLES,
    MAX_SCORE_TEXT,
    MAX_SEED,
    MAX_TOKENS,
    MODEL_CONCURRENCY,
    MODEL_QUEUE,
)
from korlm.app.model_info import ModelCard
from korlm.app.service import Service
from korlm.app.strings import common
from korlm.app.strings.generate import GENERATE_TEXTS
from korlm.app.widgets.surprisal import (
    SURPRISAL_EDGES,
    align_token_bits,
    render_surprisal_scale,
    round_preserving_sum,
    surprisal_level,
)
from korlm.errors import InputError, UnknownNameError
from korlm.generation.config import GenerationConfig
from korlm.generation.results import Step
from korlm.models.language_model import LanguageModel
from korlm.nn.lm import NetConfig, RecurrentLM
from korlm.tokenizers.base import EOS_ID
from korlm.tokenizers.encoding import Segment
from korlm.tokenizers.registry import load_tokenizer

MODELS = ("byte", "jamo", "syllable", "word", "unigram", "kiwi")
KOREAN = st.text("가각힣뷁나다이는을ㅋㅎㅏㄱ 한글\u1100\u1161\u11a8e\u0301", max_size=24)
STRANGE = st.text("👩‍💻🎉🇰🇷\u0301\u200d\ufeff\t\r\x00a<>&\"' ", max_size=12)
LINES = st.lists(st.one_of(KOREAN, STRANGE, st.text(max_size=12)), min_size=1, max_size=3)


@cache
def toy_model(name: str) -> LanguageModel:
    """Return a random model over a bundled tokenizer."""
    import torch

    tokenizer = load_tokenizer(name)
    config = NetConfig(tokenizer.vocab_size, embedding=8, hidden=8)
    return LanguageModel(tokenizer, RecurrentLM(config, generator=torch.Generator().manual_seed(1)))


class ToyService(Service):
    """A service whose models are toy models, named like their tokenizers."""

    def list_models(self) -> list[ModelCard]:
        return [ModelCard(name, name, load_tokenizer(name).unit, "lstm", 1, None) for name in MODELS]


@cache
def service() -> Service:
    return ToyService(runs=None, load_model=toy_model)


def asked(*models: str, prompt: str = "가", seed: float | None = 7, **options: float) -> GenerationRequest:
    values = dict(zip(SLIDER_RANGES, preset_values(DEFAULT_PRESET), strict=True)) | options
    samples, most = values.pop("samples", 1), values.pop("max_tokens", 6)
    return GenerationRequest(models or ("byte",), prompt, seed, samples, most, values)


def writable(lines: list[str]) -> list[str]:
    return [line.encode("utf-8", "ignore").decode().replace("\n", "") for line in lines]


@pytest.mark.parametrize("model", MODELS)
@settings(max_examples=12, deadline=None)
@given(lines=LINES)
def test_the_bits_of_the_segments_add_up_to_the_score(model: str, lines: list[str]) -> None:
    lines = writable(lines)
    text = "\n".join(lines) + "\n"
    lane = service().score(model, lines)
    assert lane.text == text
    assert [at for segment in lane.segments for at in range(segment.start, segment.end)] == list(range(len(text)))
    assert all(segment.start < segment.end for segment in lane.segments)
    measured = toy_model(model).score(lines)
    bits = math.fsum(lane.segment_bits)
    assert bits == pytest.approx(float(sum(map(np.sum, measured.surprisals))), rel=1e-9)
    row = ModelScore(service().list_models()[0], lane)
    assert row.characters == measured.characters
    assert row.bits_per_character == pytest.approx(measured.bits_per_character, rel=1e-9)
    line_ends = [index for index, segment in enumerate(lane.segments) if text[segment.start] == "\n"]
    assert line_ends == [
        index for index, tokens in enumerate(lane.token_indices) if tokens and not lane.token_bytes[tokens[0]]
    ]


@given(st.lists(st.floats(0, 60), max_size=40))
def test_rounded_bits_add_up_to_the_rounded_total(bits: list[float]) -> None:
    shown = round_preserving_sum(bits)
    assert sum(round(10 * value) for value in shown) == round(10 * sum(bits))
    assert all(value >= 0 and abs(value - own) < 0.1001 for value, own in zip(shown, bits, strict=True))


def test_characters_without_a_token_join_a_segment() -> None:
    assert align_token_bits([(1, 2), (3, 4)], [1.0, 2.0], 0, 5) == ([Segment(0, 3), Segment(3, 5)], [0, 1], [1.0, 2.0])
    assert align_token_bits([], [], 2, 4) == ([Segment(2, 4)], [], [0.0])
    assert align_token_bits([], [], 2, 2) == ([], [], [])
    empty_tokens = [(0, 0), (0, 1), (1, 1)]
    assert align_token_bits(empty_tokens, [1.0, 2.0, 4.0], 0, 1) == ([Segment(0, 1)], [0, 0, 0], [7.0])


def test_every_line_end_is_scored_and_lines_are_independent() -> None:
    alone, both = service().score("syllable", ["나"]), service().score("syllable", ["가", "나"])
    assert both.segment_bits[2:] == pytest.approx(alone.segment_bits)
    assert len(service().score("byte", ["", "", ""]).segments) == 3


def test_sliders_can_show_every_preset() -> None:
    for name, values in SAMPLING_PRESETS.items():
        assert set(values) == set(SLIDER_RANGES)
        GenerationConfig(**{key: int(value) if key in INTEGER_OPTIONS else value for key, value in values.items()})  # type: ignore[arg-type]
        for key, value in values.items():
            span = SLIDER_RANGES[key]
            assert span.low <= value <= span.high
            steps = (value - span.low) / span.step
            assert abs(steps - round(steps)) < 1e-6, (name, key)
        assert find_preset(preset_values(name)) == name
        assert apply_preset(name, "ko")[1:] == preset_values(name)
        assert common.translate(f"preset_{name}", "ko") and common.translate(f"preset_{name}_info", "en")
    assert identify_preset("ko", *[0.33] * len(SLIDER_RANGES))[0] == CUSTOM_PRESET
    assert SAMPLING_PRESETS["greedy"]["temperature"] == 0 and SAMPLING_PRESETS["beam"]["beams"] > 1
    assert all(common.translate(name, "ko") and common.translate(f"{name}_info", "en") for name in SLIDER_RANGES)


@pytest.mark.parametrize(
    ("generation_request", "limit"),
    [
        (asked(prompt="가" * (MAX_PROMPT + 1)), str(MAX_PROMPT)),
        (asked(max_tokens=MAX_TOKENS + 1), str(MAX_TOKENS)),
        (asked(samples=MAX_SAMPLES + 1), str(MAX_SAMPLES)),
        (asked(*MODELS[: MAX_MODELS + 1]), str(MAX_MODELS)),
        (asked(*MODELS[:4], samples=4, max_tokens=200), "3,200"),
        (asked(beams=9), "8"),
        (asked(seed=-1), f"{MAX_SEED:,}"),
        (asked(seed=None), "0"),
        (asked(seed=float("nan")), "0"),
        (asked(prompt="\ud800"), "U\\+D800"),
        (GenerationRequest((), "가", 7, 1, 6, {}), "."),
    ],
)
def test_an_exceeded_limit_gets_a_message_in_both_languages(generation_request: GenerationRequest, limit: str) -> None:
    with pytest.raises(InputError, match=limit) as caught:
        create_job(service(), generation_request, "ko")
    for language in ("ko", "en"):
        page = "".join(flatten_fragments(render_generation(GenerationJob(language=language, refusal=caught.value))))
        assert 'role="alert"' in page and escape(caught.value.message(language)).replace("\ud800", "") in page
        assert bool(re.search("[가-힣]", caught.value.message(language))) == (language == "ko")


def test_only_listed_models_can_be_requested() -> None:
    for name in ("../../etc", "/work", "runs/../x", "byte/"):
        with pytest.raises(UnknownNameError):
            create_job(service(), asked(name), "ko")
        with pytest.raises(UnknownNameError):
            next(Service(runs=None).stream_tokens(name, "가"))
        assert [scores.error is not None for scores in stream_scores(service(), [name], "가")] == [True]


def test_scored_texts_have_limits() -> None:
    for text, names in (("", ["byte"]), ("  \n", ["byte"]), ("가" * (MAX_SCORE_TEXT + 1), ["byte"]), ("가", [])):
        [scores] = stream_scores(service(), names, text)
        assert scores.error and 'role="alert"' in render_scores(scores, "ko")


def count_chunks(job: GenerationJob) -> Iterator[list[int]]:
    for _ in generate_rounds(service(), job):
        yield [len(sample.chunks) for column in job.columns for sample in column.samples]


def test_all_texts_grow_by_a_token_a_round_and_equal_those_of_their_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("korlm.app.round_robin.ROUND_SECONDS", 0.0)
    for name in ("syllable", "unigram"):
        service().score(name, ["가"])  # loads the model
    job = create_job(service(), asked("unigram", "syllable", samples=2, temperature=1.0, max_tokens=12), "ko")
    rounds = list(count_chunks(job))
    assert all(max(counts) - min(counts) <= 2 for counts in rounds[:8])  # a character may take several tokens
    assert not job.is_busy and [sample.seed for sample in job.columns[0].samples] == [7, 8]
    for column in job.columns:
        assert column.prompt_bits_per_character == pytest.approx(
            sum(toy_model(column.card.name).score(["가"]).surprisals[0][:-1])
        )
        for sample in column.samples:
            expected = toy_model(column.card.name).generate(
                "가", seed=sample.seed, temperature=1.0, top_p=0.95, max_tokens=12
            )
            assert sample.text == expected
            assert sample.has_ended != sample.reached_limit


def test_a_beam_search_shows_its_best_texts_without_a_seed() -> None:
    job = create_job(service(), asked("syllable", samples=3, beams=3, max_tokens=5), "ko")
    list(count_chunks(job))
    texts = toy_model("syllable").generate("가", 3, beams=3, max_tokens=5, top_p=0.95, temperature=0.8)
    assert [sample.text for sample in job.columns[0].samples] == [text.text for text in texts]
    assert {sample.seed for sample in job.columns[0].samples} == {None}


def test_a_stopped_job_keeps_its_texts_and_ends_at_once() -> None:
    for name in ("byte", "syllable"):
        service().score(name, ["가"])  # loads the model
    job = create_job(service(), asked("byte", "syllable", max_tokens=200, temperature=2.0, top_p=1.0), "ko")
    rounds = count_chunks(job)
    for _ in range(6):
        next(rounds)
    texts = [column.samples[0].text for column in job.columns]
    job.stop()
    list(rounds)
    assert [column.samples[0].text for column in job.columns] == texts and any(texts)
    assert all(column.state in ("stopped", "done") for column in job.columns)


def test_a_failing_model_does_not_affect_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    stream_tokens = Service.stream_tokens

    def fail(self: Service, model: str, *arguments: Any, **options: Any) -> Any:
        if model == "byte":
            raise RuntimeError("<crash>")
        return stream_tokens(self, model, *arguments, **options)

    monkeypatch.setattr(Service, "stream_tokens", fail)
    job = create_job(service(), asked("byte", "syllable", max_tokens=3), "ko")
    list(count_chunks(job))
    page = "".join(flatten_fragments(render_generation(job)))
    assert job.columns[0].error and 'role="alert"' in page and "crash" not in page
    assert job.columns[1].state == "done" and job.columns[1].samples[0].chunks


def test_a_refused_request_keeps_the_shown_texts() -> None:
    tab = write_tab.WriteTab(None, None, None, None, None, service())  # type: ignore[arg-type]
    values = [7, 1, 3, *preset_values(DEFAULT_PRESET)]
    previous = tab.start_job(None, ["syllable"], "가", "ko", *values)[1]
    list(generate_rounds(service(), previous))
    view, job, *_ = tab.start_job(previous, ["syllable"], "가" * 501, "ko", *values)
    page = "".join(flatten_fragments(view))
    assert job is previous and 'role="alert"' in page and "kl-card" in page
    replacement = tab.start_job(previous, ["syllable"], "나", "ko", *values)[1]
    assert replacement is not previous and previous.is_replaced and not replacement.refusal


@pytest.mark.parametrize("text", ["<script>x</script>", "\"'><img src=x onerror=y>", "{{value}} ${1}", "\x00\u202e\n "])
def test_prompts_tokens_and_names_are_never_markup(text: str) -> None:
    name = "<b>" + text.replace("\x00", "")  # a folder's
    card = ModelCard(name, name, "subword", name, 10, None, corpus=name, license=name)
    sample = TextSample(7)
    sample.append(Step(9, text, 2.5, 0.2, ((text, 0.5),), text))
    prompt = lane_of_spans(text, [(at, at + 1) for at in range(len(text))], segment_bits=(1.0,) * len(text))
    job = GenerationJob(
        text,
        columns=[
            ModelColumn(card, [sample], prompt_segments=prompt.scored_segments),
            ModelColumn(card, [], error=InputError(text, text)),
        ],
    )
    line = text.replace("\n", "")
    spans = [(at, at + 1) for at in range(len(line) + 1)]
    row = ModelScore(card, lane_of_spans(line + "\n", spans, name=name, segment_bits=(1.0,) * len(spans)))
    for language in ("ko", "en"):
        page = "".join(flatten_fragments(render_generation(job, language))) + render_model_cards([card], language)
        page += render_scores(TextScores(line, (row, ModelScore(card, error=InputError(text, text)))), language)
        assert not re.search("<(script|img)", page) and "\x00" not in page
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', page))


def test_byte_tokens_of_a_character_are_one_chunk_with_a_tooltip() -> None:
    sample = TextSample(7)
    for text, delta in (("<0xEA>", ""), ("<0xB0>", ""), ("<0x80>", "가"), ("<0xEA>", ""), ("</s>", "")):
        sample.append(Step(EOS_ID if text == "</s>" else 9, text, 1.5, 1.0, (("나", 0.25), ("</s>", 0.125)), delta))
    assert [(w.text, w.bits, len(w.tokens)) for w in sample.chunks] == [("가", 4.5, 3), ("", 1.5, 1)]
    page = "".join(
        flatten_fragments(
            render_generation(
                GenerationJob("", columns=[ModelColumn(service().list_models()[0], [sample], prompt_segments=())])
            )
        )
    )
    assert "조각 3개가 이룬 글자" in page and "나\t25%" in page and "글을 끝맺음\t12%" in page
    assert sample.bits_per_character == pytest.approx(6.0 / 2)


def test_the_shades_match_the_numbers_of_the_scale() -> None:
    assert [surprisal_level(edge) for edge in SURPRISAL_EDGES] == [1, 2, 3, 4, 5] and surprisal_level(
        SURPRISAL_EDGES[0] - 1e-9
    ) == 0
    for language in ("ko", "en"):
        page = render_surprisal_scale(language, "piece")
        assert page.count("<li") == len(SURPRISAL_EDGES) + 1
        assert all(f"{edge:g}" in page for edge in SURPRISAL_EDGES)
        assert (
            escape(GENERATE_TEXTS["scale_low"][language == "en"]) in page
            and escape(GENERATE_TEXTS["scale_high"][language == "en"]) in page
        )


def test_the_best_score_is_marked_and_cards_show_known_issues() -> None:
    scores = [*stream_scores(service(), ["syllable", "byte"], "가나다")][-1]
    page = render_scores(scores, "ko")
    assert page.count("kl-best") == 1 and len(scores.valid_rows) == 2
    assert (
        min(scores.valid_rows, key=lambda row: row.bits_per_character).card.name
        in page[: page.index("kl-best")].rsplit("<tr", 1)[1]
    )
    cards = Service(runs=None).list_models()
    panel = render_model_cards(cards, "ko")
    assert panel.count("Apache-2.0") == len(cards) and "628,425" in panel and "거르지 않고 배웠습니다" in panel
    chosen = generate_tab.preselected_models(cards)
    assert 1 <= len(chosen) <= MAX_MODELS and "reviews-syllable-lstm" in chosen


def test_training_runs_are_listed_and_scored(tmp_path: Any, small_net: Callable[..., Any]) -> None:
    runs = tmp_path / "runs"
    lm = LanguageModel(load_tokenizer("byte"), small_net(), info={"corpus": {"name": "mine", "train_lines": 3}})
    lm.save(runs / "mine" / "best")
    (runs / "broken" / "best").mkdir(parents=True)
    (runs / "broken" / "best" / "config.json").write_text("{")
    service_with_runs = Service(runs=runs)
    card = service_with_runs.list_models()[-1]
    assert (
        card.name == "runs/mine"
        and card.corpus == ("mine", "mine")
        and not card.license
        and card.bits_per_character is None
    )
    assert len(service_with_runs.score("runs/mine", ["가"]).segments) == 2
    assert "runs/mine" not in [card.name for card in Service(runs=None).list_models()]


def test_models_share_a_queue_and_waiting_is_shown_outside_it() -> None:
    from korlm.app.main import build_app

    functions = build_app(service()).fns.values()
    queued = [fn for fn in functions if fn.concurrency_id == MODEL_QUEUE]
    assert len(queued) >= 4 and {fn.concurrency_limit for fn in queued} == {MODEL_CONCURRENCY}
    assert all(fn.queue for fn in queued)
    assert [
        fn.queue
        for fn in functions
        if fn.name in ("start_job", "stop_writing", "show_write_failure") and fn not in queued
    ].count(False) >= 6


def test_two_visitors_write_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("korlm.app.round_robin.ROUND_SECONDS", 0.0)
    service().score("syllable", ["가"])  # loads the model
    jobs = [create_job(service(), asked("syllable", seed=n, max_tokens=60, temperature=1.5), "ko") for n in (1, 2)]
    meeting = threading.Barrier(2, timeout=300)  # breaks if one of them waits for the end of the other

    def write(job: GenerationJob) -> None:
        for round_number, _ in enumerate(generate_rounds(service(), job)):
            if round_number < 20:
                meeting.wait()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, jobs))
    assert not any(job.is_busy for job in jobs)
    assert all(len(job.columns[0].samples[0].chunks) >= 15 for job in jobs)
