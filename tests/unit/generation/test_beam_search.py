"""Beam search against exhaustive search, and the figures of texts and steps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from support.generation import RANDOM, cut, jamo, logits_after, model, syllables

import korlm
from korlm.generation.beam_search import BeamSearch
from korlm.generation.config import GenerationConfig
from korlm.generation.constraints import Constraints
from korlm.generation.filters import filter_probabilities
from korlm.models.language_model import LanguageModel
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.segmented import byte_tokenizer

LONGEST = 4


def every_sequence(pieces: Sequence[int], longest: int) -> Iterator[tuple[int, ...]]:
    """Yield all sequences up to a length, ``</s>`` included; those of the maximum length have none."""
    for size in range(longest):
        for ids in itertools.product(pieces, repeat=size):
            yield (*ids, EOS_ID)
    yield from itertools.product(pieces, repeat=longest)


def best_texts(lm: LanguageModel, prompt: str, config: GenerationConfig) -> dict[str, float]:
    """Return the score of every permitted text by exhaustive search."""
    context = lm.tokenizer.encode(prompt).ids
    pieces = [lm.tokenizer.encode(letter).ids[0] for letter in "가나"]
    scores: dict[str, float] = {}
    for sequence in every_sequence(pieces, LONGEST):
        text = lm.tokenizer.decode([number for number in sequence if number != EOS_ID])
        early = [size for size in range(1, len(sequence)) if any(stop in text[:size] for stop in config.stop)]
        grams = [(*context, *sequence)[i : i + 2] for i in range(len(context) + len(sequence) - 1)]
        if early or (sequence[-1] == EOS_ID and any(stop in text for stop in config.stop)):
            continue  # it would have stopped before
        if any(word in text for word in config.banned) or not all(word in text for word in config.forced):
            continue
        if sequence[-1] == EOS_ID and len(sequence) <= config.min_tokens:
            continue
        if config.no_repeat_ngram == 2 and len(set(grams)) < len(grams):
            continue
        nats, ids = 0.0, list(context)
        for number in sequence:
            nats += float(logits_after(lm.net, ids).log_softmax(-1)[number])
            ids.append(number)
        score = nats / ((5 + len(sequence)) / 6) ** config.length_penalty
        shown = cut(text, config.stop)
        scores[shown] = max(score, scores.get(shown, -math.inf))
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {}, {"length_penalty": 0.0}, {"length_penalty": 2.0}, {"banned": ["나가"]}, {"forced": ["나"]},
        {"forced": ["가나"], "banned": ["나가"]}, {"stop": ["나나", "가나가"]}, {"no_repeat_ngram": 2},
        {"min_tokens": 3},
    ],
)  # fmt: skip
def test_exhaustive_beam_finds_the_best_sequences(seed: int, options: dict[str, Any]) -> None:
    lm = model(syllables("가나", on_unknown="unk"), seed, end=1.0, sharp=2)
    for n in (1, 5):
        config = GenerationConfig(**options, beams=100, n=n, max_tokens=LONGEST)
        expected = list(best_texts(lm, "가", config).items())[:n]
        found = lm.generate("가", n, **options, beams=100, max_tokens=LONGEST)
        assert [text.text for text in found] == [text for text, _ in expected]
        assert [text.score for text in found] == pytest.approx([score for _, score in expected], abs=1e-4)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize("end", [-2.0, 1.0, 3.0])
@pytest.mark.parametrize(
    "options",
    [{}, {"repetition_penalty": 1.4, "no_repeat_ngram": 3}, {"banned": ["나"], "min_tokens": 4}, {"stop": "."}],
)
def test_beam_of_one_is_greedy(make: Callable[[], Tokenizer], end: float, options: dict[str, Any]) -> None:
    lm = model(make(), end=end)
    greedy = lm.generate("가", 1, temperature=0, max_tokens=20, **options)[0]
    constraints = Constraints(lm.tokenizer, GenerationConfig(max_tokens=20, **options), is_beam_search=True)
    [hypothesis] = BeamSearch(lm.net, constraints, constraints.encode_prompts(["가"])[0]).run()
    assert tuple(hypothesis.state.token_ids) == greedy.ids
    assert (hypothesis.state.text, hypothesis.state.finish_reason) == (greedy.text, greedy.finish_reason)


def test_wider_beam_scores_at_least_greedy() -> None:
    lm = korlm.load_model("reviews-unigram-gru")
    greedy = lm.generate("정말", 1, temperature=0, max_tokens=30)[0]
    found = lm.generate("정말", 6, beams=6, max_tokens=30)
    assert found[0].score >= greedy.score
    assert [text.score for text in found] == sorted((text.score for text in found), reverse=True)
    assert len({text.text for text in found}) == len(found) == 6


def test_beam_streams_its_text_and_steps_at_the_end() -> None:
    lm = model(syllables(), end=1.0)
    best = lm.generate("가", 1, beams=3)[0]
    assert list(lm.stream("가", beams=3)) == [best.text]
    steps = list(lm.stream_tokens("가", beams=3, alternatives=2))
    assert "".join(step.delta for step in steps) == best.text
    assert sum(step.surprisal for step in steps) == pytest.approx(best.bits)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize(
    "options",
    [{}, {"banned": ["나"], "stop": ["라"]}, {"forced": ["나다"], "max_tokens": 30}, {"repetition_penalty": 1.4}],
)
def test_beam_steps_equal_those_of_a_second_pass(make: Callable[[], Tokenizer], options: dict[str, Any]) -> None:
    lm = model(make(), end=1.0)
    for text in lm.generate("가나", 3, beams=4, alternatives=2, **{"max_tokens": 15, **options}):
        ids = [step.id for step in text.steps]
        context = [EOS_ID, *lm.tokenizer.encode("가나").ids]
        with torch.inference_mode():
            hidden, _ = lm.net(torch.tensor([[*context, *ids[:-1]]]))
            log_probs = lm.net.compute_logits(hidden[0, len(context) - 1 :]).float().log_softmax(-1)
        bits = [-float(log_probs[row, token_id]) / math.log(2) for row, token_id in enumerate(ids)]
        assert [step.surprisal for step in text.steps] == pytest.approx(bits, abs=1e-4)
        best = log_probs.exp().topk(2).values
        alternatives = [[probability for _, probability in step.alternatives] for step in text.steps]
        assert alternatives == [pytest.approx(row.tolist(), abs=1e-5) for row in best]
        assert "".join(step.delta for step in text.steps) == text.text


def test_cancelled_beam_returns_its_best_text() -> None:
    lm = model(syllables(), end=-20.0)  # it would go on to the limit
    asked = iter([False] * 4 + [True] * 100)
    whole = lm.generate("가", 1, beams=3, max_tokens=4)[0]
    steps = list(lm.stream_tokens("가", beams=3, alternatives=1, max_tokens=500, stopped=lambda: next(asked)))
    assert "".join(step.delta for step in steps) == whole.text and len(steps) == 4
    assert list(lm.stream("가", beams=3, stopped=lambda: True)) in ([], [""])


# --- figures of texts and steps -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"seed": 5}, {"beams": 3}, {"temperature": 0, "repetition_penalty": 1.3}])
@pytest.mark.parametrize("make", [byte_tokenizer, syllables])
def test_bits_of_a_text_equal_its_score(make: Callable[[], Tokenizer], options: dict[str, Any]) -> None:
    lm = model(make(), end=3.0)
    for text in lm.generate("", 3, **options, max_tokens=200) if options != {"temperature": 0} else []:
        if text.finish_reason != "eos" or lm.tokenizer.encode(text.text).ids != list(text.ids):
            continue
        score = lm.score([text.text])
        assert text.bits == pytest.approx(float(score.surprisals[0].sum()), rel=1e-4)
        assert text.bits_per_character == pytest.approx(score.bits_per_character, rel=1e-4)
        assert [step.surprisal for step in text.steps] == pytest.approx(score.surprisals[0].tolist(), abs=1e-3)


def test_steps_hold_surprisals_probabilities_and_alternatives() -> None:
    lm = model(syllables(), end=-1)
    options: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9, "banned": "나", "seed": 4, "max_tokens": 15}
    steps = list(lm.stream_tokens("가", alternatives=4, **options))
    assert "".join(step.delta for step in steps) == lm.generate("가", **options)
    ids = lm.tokenizer.encode("가").ids
    for step in steps:
        logits = logits_after(lm.net, ids)
        nats = logits.log_softmax(-1)
        assert step.surprisal == pytest.approx(-float(nats[step.id]) / math.log(2), abs=1e-3)
        best = nats.exp().topk(4)
        assert [chance for _, chance in step.alternatives] == pytest.approx(best.values.tolist(), abs=1e-4)
        assert [text for text, _ in step.alternatives] == [lm.tokenizer.token_text(i) for i in best.indices.tolist()]
        closed = [0, 1, 3, *lm.tokenizer.encode("나").ids, *range(4 + 0x80, 4 + 0xC2), *range(4 + 0xF5, 260)]
        logits[closed] = -torch.inf
        kept = filter_probabilities((logits / 0.7).softmax(-1)[None], GenerationConfig(top_p=0.9))[0]
        assert step.probability == pytest.approx(float(kept[step.id]), abs=1e-3)
        ids.append(step.id)


def test_step_text_of_a_byte_token() -> None:
    lm = model(byte_tokenizer(), end=-9, rare_bytes=False)
    steps = list(lm.stream_tokens("", seed=2, max_tokens=60, **RANDOM))
    assert all(step.text == f"<0x{step.id - 4:02X}>" for step in steps)
    assert any(not step.delta for step in steps) and all("\ufffd" not in step.delta for step in steps)


def test_totals_of_a_text_equal_the_sums_of_its_steps() -> None:
    lm = model(syllables(), end=0.0)
    for text in lm.generate("가", 8, seed=1, max_tokens=10):
        assert text.bits == pytest.approx(sum(step.surprisal for step in text.steps))
        assert [step.id for step in text.steps if step.id != EOS_ID] == list(text.ids)
        ended = text.finish_reason == "eos"
        assert (text.steps[-1].id == EOS_ID) == ended
        assert text.bits_per_character == pytest.approx(text.bits / (len(text.text) + ended))
        norm = ((5 + len(text.steps)) / 6) ** 0.6
        assert text.score == pytest.approx(-text.bits * math.log(2) / norm)
