"""Generation: filters and draws against plain ones, batches against single texts, beams against all sequences."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import korlm
from korlm.cli import main
from korlm.errors import InputError
from korlm.generation.automaton import Automaton
from korlm.generation.beam import BeamSearch
from korlm.generation.config import SamplingConfig
from korlm.generation.context import prefill, sample_seeds
from korlm.generation.filters import TRIES, draw, keep
from korlm.generation.generate import write
from korlm.generation.penalties import block_ngrams, penalise
from korlm.generation.row import Row
from korlm.generation.rules import Rules
from korlm.generation.writer import Writer
from korlm.lm import LanguageModel
from korlm.nn.recurrent import NetConfig, RecurrentLM
from korlm.text.utf8 import allowed_next, is_complete
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.byte import byte_tokenizer
from korlm.tokenizers.jamo import JamoSegmenter
from korlm.tokenizers.pieces import PieceTokenizer
from korlm.tokenizers.syllable import SyllableSegmenter
from korlm.tokenizers.vocabulary import Vocabulary

Make = Callable[..., RecurrentLM]
RANDOM = {"temperature": 1.5, "top_p": 1.0}


def syllables(letters: str = "가나다라 마.", on_unknown: str = "fallback") -> Tokenizer:
    return PieceTokenizer("syllable", SyllableSegmenter(), Vocabulary(list(letters), on_unknown=on_unknown))


def jamo() -> Tokenizer:
    return PieceTokenizer("jamo", JamoSegmenter(), Vocabulary(["ㅋ", " ", "."], required=JamoSegmenter.letters))


def model(tokenizer: Tokenizer, seed: int = 1, *, end: float = 0.0, rare_bytes: bool = True, sharp: float = 4) -> Any:
    """Return a random model that has its preferences, seldom writes bytes, and ends more or less often."""
    config = NetConfig(tokenizer.vocab_size, embedding=12, hidden=16)
    net = RecurrentLM(config, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        net.embedding.weight *= sharp
        net.output.bias[EOS_ID] = end
        if rare_bytes and tokenizer.byte_ids:
            net.output.bias[list(tokenizer.byte_ids.values())] = -6.0
    return LanguageModel(tokenizer, net)


def logits_after(net: RecurrentLM, ids: Sequence[int]) -> Tensor:
    with torch.inference_mode():
        logits = net.logits(net(torch.tensor([[EOS_ID, *ids]]))[0][0, -1]).float()
    return logits.clone()


def probabilities(seed: int, rows: int = 1, size: int = 40) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (2.5 * torch.randn(rows, size, generator=generator)).softmax(-1)


# --- filters and the draw -------------------------------------------------------------------------------------------


def plainly_kept(weights: list[float], config: SamplingConfig) -> list[float]:
    """The filters as their papers have them, one after the other over sorted lists."""

    def kept(chosen: set[int]) -> list[float]:
        total = sum(weights[index] for index in chosen)
        return [weight / total if index in chosen else 0.0 for index, weight in enumerate(weights)]

    def until(order: list[int], mass: float) -> set[int]:
        chosen, sum_ = set(), 0.0
        for index in order:
            if sum_ >= mass:
                break
            chosen.add(index)
            sum_ += weights[index]
        return chosen

    def falling() -> list[int]:
        return sorted(range(len(weights)), key=lambda index: -weights[index])

    if config.top_k:
        weights = kept(set(falling()[: config.top_k]))
    if config.top_p < 1:
        weights = kept(until(falling(), config.top_p))
    weights = kept({index for index, weight in enumerate(weights) if weight >= config.min_p * max(weights)})
    if config.typical_p < 1:
        alive = [index for index, weight in enumerate(weights) if weight > 0]
        entropy = -sum(weights[index] * math.log(weights[index]) for index in alive)
        order = sorted(alive, key=lambda index: abs(-math.log(weights[index]) - entropy))
        weights = kept(until(order, config.typical_p))
    return weights


filters = st.builds(
    SamplingConfig,
    top_k=st.sampled_from([0, 1, 3, 20, 400]),
    top_p=st.sampled_from([0.02, 0.3, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5]),
    typical_p=st.sampled_from([0.2, 0.7, 1.0]),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), filters, st.sampled_from([1, 2, 40, 700]))
def test_the_filters_keep_what_the_papers_say(seed: int, config: SamplingConfig, size: int) -> None:
    given_ = probabilities(seed, 2, size).double()
    for row, kept in zip(given_, keep(given_, config), strict=True):
        expected = plainly_kept(row.tolist(), config)
        assert kept.tolist() == pytest.approx(expected, abs=2e-4)
        assert float(kept.sum()) == pytest.approx(1, abs=1e-4)
        assert float(kept[row.argmax()]) > 0 or config.typical_p < 1, "the likeliest is kept, but by typical"


@pytest.mark.parametrize(
    "options",
    [
        {"top_p": 1.0}, {"top_p": 0.95}, {"top_p": 0.4}, {"top_p": 0.9, "min_p": 0.1}, {"top_p": 1.0, "min_p": 0.3},
        {"top_k": 5, "top_p": 0.8}, {"typical_p": 0.5, "top_p": 1.0}, {"top_k": 8, "typical_p": 0.6, "min_p": 0.02},
    ],
)  # fmt: skip
def test_what_is_drawn_follows_what_is_kept(options: dict[str, float]) -> None:
    config = SamplingConfig(**options)  # type: ignore[arg-type]
    one, count = probabilities(3), 20_000
    uniforms = torch.rand(TRIES + 1, count, generator=torch.Generator().manual_seed(1))
    drawn, chances = draw(one.expand(count, -1), config, uniforms)
    kept = keep(one, config)[0]
    shares = torch.bincount(drawn, minlength=len(kept)) / count
    assert bool((shares[kept == 0] == 0).all()), "nothing that is not kept"
    assert float((shares - kept).abs().max()) < 0.012, "three standard deviations and a little"
    assert min(chances) > 0


def test_a_draw_hangs_on_its_own_row_alone() -> None:
    config = SamplingConfig(top_p=0.7, min_p=0.01)
    given_, uniforms = probabilities(5, 64), torch.rand(TRIES + 1, 64, generator=torch.Generator().manual_seed(2))
    together = draw(given_, config, uniforms)[0].tolist()
    alone = [int(draw(given_[i : i + 1], config, uniforms[:, i : i + 1])[0]) for i in range(64)]
    assert together == alone


def test_repeated_pieces_are_penalised_as_ctrl_does() -> None:
    logits = torch.randn(3, 30, generator=torch.Generator().manual_seed(4))
    history = torch.tensor([[2, 2, 5], [2, 7, 7], [2, 9, 12]])
    expected = logits.clone()
    for row, ids in enumerate(history.tolist()):
        for number in set(ids) - {EOS_ID}:
            expected[row, number] = logits[row, number] * (1.3 if logits[row, number] < 0 else 1 / 1.3)
    penalise(logits, history, 1.3)
    assert torch.allclose(logits, expected)


@given(st.lists(st.integers(3, 6), max_size=14), st.integers(1, 4))
def test_a_piece_that_would_repeat_an_ngram_is_blocked_and_no_other(ids: list[int], n: int) -> None:
    context = [EOS_ID, *ids]
    logits = torch.zeros(1, 8)
    block_ngrams(logits, torch.tensor([context]), n)
    seen = {tuple(context[i : i + n]) for i in range(len(context) - n + 1)}
    for number in range(3, 8):
        repeats = tuple([*context, number][-n:]) in seen
        assert (float(logits[0, number]) == -torch.inf) == (repeats and len(context) >= n - 1)


# --- one text -------------------------------------------------------------------------------------------------------


def test_greedy_takes_the_most_probable_piece_at_every_step() -> None:
    lm = model(syllables())
    [text] = lm.generate_n("가", temperature=0, max_tokens=12)
    assert text.ids
    context = list(lm.tokenizer.encode("가").ids)
    for chosen in text.ids:
        logits = logits_after(lm.net, context)
        logits[[0, 1, 3]] = -torch.inf
        assert chosen == int(logits.argmax())
        context.append(chosen)


def test_temperature_flattens_and_sharpens() -> None:
    lm = model(syllables(), end=-9)
    hot, cold = (
        sum(text.bits for text in lm.generate_n("", 20, temperature=heat, top_p=1.0, seed=3, max_tokens=20))
        for heat in (2.0, 0.3)
    )
    assert cold < hot / 2


def test_a_seed_gives_the_same_text_and_another_seed_another() -> None:
    lm = model(byte_tokenizer(), rare_bytes=False)
    texts = [lm.generate("가", seed=seed, **RANDOM) for seed in (1, 1, 2, -5)]
    assert texts[0] == texts[1] and len(set(texts)) == 3
    assert lm.generate("가", **RANDOM) != lm.generate("가", **RANDOM), "no seed: drawn anew"


def test_the_stream_joined_is_what_generate_gives() -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    parts = list(lm.stream("이 영화는", seed=3, max_tokens=30))
    assert len(parts) > 3
    assert "".join(parts) == lm.generate("이 영화는", seed=3, max_tokens=30)
    assert all("\ufffd" not in part for part in parts)


@pytest.mark.parametrize("options", [{}, {"beams": 3}])
def test_a_prompt_that_ends_in_a_space_goes_on_with_a_word(options: dict[str, int]) -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    texts = [lm.generate("이 영화는 ", seed=seed, max_tokens=8, **options) for seed in range(5)]
    texts += lm.generate_batch(["이 영화는 ", "정말 ", "정말"], seed=1, max_tokens=8, **options)[:2]
    assert all(text and not text.startswith(" ") for text in texts)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize("options", [RANDOM, {"beams": 4}, {"typical_p": 0.9, "seed": 4}, {"no_repeat_ngram": 3}])
def test_a_net_that_knows_nothing_still_writes_whole_characters(
    make: Callable[[], Tokenizer], options: dict[str, Any]
) -> None:
    lm = model(make(), rare_bytes=False, sharp=1)
    for limit in (100, 101):
        texts = lm.generate_batch(["", "가", "가 "], **{"seed": 1, **options}, max_tokens=limit)
        assert any(texts) and not any("\ufffd" in text for text in texts)


def test_every_character_can_be_written_byte_by_byte_and_nothing_else() -> None:
    def texts(begun: bytes) -> int:
        if begun and is_complete(begun):
            begun.decode()
            return 1
        return (
            sum(texts(begun + bytes([byte])) for byte in allowed_next(begun))
            if len(begun) < 2
            else 64 ** ((3 if begun[0] < 0xF0 else 4) - 2)
        )

    assert texts(b"") == 0x110000 - 0x800, "all code points but the surrogates"


def test_asking_to_stop_stops_the_stream() -> None:
    lm = model(byte_tokenizer(), end=-9, rare_bytes=False)
    assert lm.generate("", seed=1, max_tokens=500, stopped=lambda: True) == ""
    asked = iter([False] * 4 + [True] * 9)
    assert len(list(lm.steps("", seed=1, max_tokens=500, stopped=lambda: next(asked)))) == 4


@pytest.mark.parametrize("options", [{"seed": 1}, {"beams": 3}, {"temperature": 0}])
@pytest.mark.parametrize("on_unknown", ["fallback", "unk"])
def test_special_tokens_are_never_written(options: dict[str, Any], on_unknown: str) -> None:
    tokenizer = PieceTokenizer(
        "syllable", SyllableSegmenter(), Vocabulary(list("가나다"), on_unknown=on_unknown, specials=["<user>"])
    )
    lm = model(tokenizer, end=-9)
    special = set(tokenizer.specials.values())
    with torch.no_grad():
        lm.net.output.bias[list(special - {EOS_ID})] = 50.0
    texts = lm.generate_n("가", 2, **options, max_tokens=20)
    assert all(text.ids and special.isdisjoint(text.ids) for text in texts)


def test_a_text_is_as_long_as_it_must_be() -> None:
    lm = model(syllables(), end=3.0)
    assert min(len(text.ids) for text in lm.generate_n("", 30, seed=1)) < 5
    long = lm.generate_n("", 30, seed=1, min_tokens=5, max_tokens=8) + lm.generate_n("", 3, beams=3, min_tokens=5)
    assert min(len(text.ids) for text in long) == 5
    assert all(len(text.ids) <= 8 for text in long[:30])
    assert "." not in lm.generate("", seed=1, stop=".", min_tokens=30, max_tokens=30)


# --- batches --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize(
    "options",
    [
        {}, {"temperature": 0}, {"top_k": 5, "min_p": 0.02}, {"typical_p": 0.7}, {"banned": ["나", "가가"]},
        {"repetition_penalty": 1.5, "no_repeat_ngram": 3}, {"stop": ["나", ". "]}, {"forced": "나다"}, {"beams": 3},
    ],
)  # fmt: skip
def test_a_batch_writes_what_each_prompt_would_get_alone(
    make: Callable[[], Tokenizer], options: dict[str, Any]
) -> None:
    lm = model(make(), end=1.0)
    prompts = ["가나다", "", "라 ", "가나다", "나라나라나"]
    options = {"seed": 11, "max_tokens": 18, **options}
    together = lm.generate_all(prompts, **options)
    alone = [lm.generate_n(prompt, **options) for prompt in prompts]
    assert [[text.ids for text in texts] for texts in together] == [[text.ids for text in texts] for texts in alone]
    assert [texts[0].text for texts in together] == lm.generate_batch(prompts, **options)
    assert [texts[0].text for texts in together] == [lm.generate(prompt, **options) for prompt in prompts]
    bits = [texts[0].bits for texts in alone]
    assert [texts[0].bits for texts in together] == pytest.approx(bits, rel=1e-3)


def test_many_prompts_are_more_than_one_batch() -> None:
    lm = model(syllables(), end=0.5)
    prompts = ["가나다라"[: index % 5] for index in range(150)]
    assert lm.generate_batch(prompts, seed=2, max_tokens=6)[149] == lm.generate(prompts[149], seed=2, max_tokens=6)
    assert lm.generate_batch([], seed=2) == []


def test_a_sample_has_a_seed_of_its_own() -> None:
    lm = model(syllables(), end=-2)
    texts = [text.text for text in lm.generate_n("가", 5, seed=9)]
    assert len(set(texts)) == 5
    assert [lm.generate("가", seed=seed) for seed in sample_seeds(9, 5)] == texts
    assert texts[:3] == [text.text for text in lm.generate_n("가", 3, seed=9)]


class Remembering(torch.nn.Module):
    """A net with a whole number in its state, as a net over n-grams of ids has."""

    def __init__(self, net: RecurrentLM) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        hidden, inner = self.net(ids)
        return hidden + 0.003 * ids[..., None], (*inner, ids[None, :, -2:])

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        hidden, inner = self.net.step(ids, state[:-1])
        return hidden + 0.003 * state[-1][0].sum(-1, keepdim=True), (*inner, torch.stack([ids, ids], 1)[None])

    def logits(self, hidden: Tensor) -> Tensor:
        return self.net.logits(hidden)


def test_the_state_may_hold_whole_numbers() -> None:
    tokenizer = syllables()
    net: Any = Remembering(model(tokenizer, end=4.0, sharp=1).net)
    config = SamplingConfig(seed=3, max_tokens=15)
    prompts = ["가나", "다", "라마", "가나다라"]
    together = write(net, tokenizer, prompts, config)
    assert together == [write(net, tokenizer, [prompt], config)[0] for prompt in prompts]
    assert {len(texts[0].ids) for texts in together} != {15}, "some left the batch early"


def test_prompts_of_any_length_are_read_side_by_side() -> None:
    net = model(syllables()).net
    contexts = [(2, 260, 261), (2,), (2, 262), (2, 260, 261), (2, 263)]
    hidden, state = prefill(net, contexts)
    for row, context in enumerate(contexts):
        outputs, own = net(torch.tensor([context]))
        assert torch.allclose(hidden[row], outputs[0, -1], atol=1e-6)
        assert all(torch.allclose(part[:, row], one[:, 0], atol=1e-6) for part, one in zip(state, own, strict=True))


# --- strings that must not come, must come, or end the text ---------------------------------------------------------


words = st.lists(st.text("가나다 .ab", min_size=1, max_size=3), min_size=1, max_size=3)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@settings(max_examples=12, deadline=None)
@given(banned=words, seed=st.integers(0, 1000), prompt=st.sampled_from(["", "가", "나다", "a ", "ab"]))
def test_a_banned_string_never_comes(make: Callable[[], Tokenizer], banned: list[str], seed: int, prompt: str) -> None:
    lm = model(make(), seed % 3, end=-4, sharp=1)
    with torch.no_grad():
        for text in ("가", "나", "다", ".", "a", "b"):  # bytes and letters of the banned strings are likely
            lm.net.output.bias[lm.tokenizer.encode(text).ids] = 4.0
    for options in ({"n": 4, "temperature": 2.0, "top_p": 1.0}, {"beams": 2}):
        for text in lm.generate_n(prompt, **{"n": 1, **options}, seed=seed, banned=banned, max_tokens=30):
            assert not any(word in text.text for word in banned)
            seam = prompt[-2:] + text.text
            assert not any(seam.find(word, max(0, len(prompt[-2:]) - len(word) + 1)) >= 0 for word in banned)


def test_banning_a_string_bans_no_more_than_it_must() -> None:
    lm = model(jamo(), end=-4, sharp=1)
    with torch.no_grad():
        lm.net.output.bias[lm.tokenizer.encode("가").ids] = 4.0
    texts = [text.text for text in lm.generate_n("", 30, banned="가", seed=1, max_tokens=60, **RANDOM)]
    assert not any("가" in text for text in texts)
    assert any("각" <= letter <= "갛" for text in texts for letter in text), "with a final consonant it may come"


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@given(
    written=st.text("가나간낙ㄱㅏ다. ab\u1100\u1161", max_size=6),
    banned=st.lists(st.text("가나간 .a\u1100", min_size=1, max_size=3), min_size=1, max_size=2),
)
@settings(max_examples=40, deadline=None)
def test_just_the_pieces_that_complete_a_banned_string_are_closed(
    make: Callable[[], Tokenizer], written: str, banned: list[str]
) -> None:
    tokenizer = make()
    rules = Rules(tokenizer, SamplingConfig(banned=banned))
    row = Row(rules, rules.read([""])[0])
    ids: list[int] = []
    for number in tokenizer.encode(written).ids:
        closed = rules.mask([row], torch.device("cpu")) == -torch.inf
        special = set(tokenizer.specials.values()) - {EOS_ID}
        for candidate in range(tokenizer.vocab_size):
            if candidate in special or _breaks_utf8(row, candidate):
                assert closed[candidate]
            else:
                begins = rules.byte_of.get(candidate, 0) >= 0xC2 and not row.begun  # what comes of it joins nothing
                text = _certain(tokenizer, ids, EOS_ID if begins else candidate)
                assert bool(closed[candidate]) == any(word in text for word in banned)
        if closed[number]:
            return
        row.take(number)
        ids.append(number)


def _breaks_utf8(row: Row, candidate: int) -> bool:
    byte = row.rules.byte_of.get(candidate)
    return bool(row.begun) if byte is None else byte not in allowed_next(row.begun)


def _certain(tokenizer: Tokenizer, ids: list[int], candidate: int) -> str:
    """The text that is certain after a further piece; all of it after the end."""
    decoder = tokenizer.decoder()
    data = b"".join(map(decoder.push, [*ids, candidate]))
    return (data + (decoder.finish() if candidate == EOS_ID else b"")).decode("utf-8", "ignore")


@given(words, st.text("가나다 .ab", max_size=12))
def test_the_automaton_finds_what_searching_finds(strings: list[str], text: str) -> None:
    automaton = Automaton([word.encode() for word in strings])
    state = 0
    for index, letter in enumerate(text):
        found = any(text[: index + 1].endswith(word) for word in strings)
        assert automaton.completes(state, letter.encode()) == found
        state = automaton.run(state, letter.encode())


def cut(text: str, stops: Sequence[str]) -> str:
    """The text before the stop string that is whole first, the longer where two are."""
    found = [(match.end(), match.start()) for stop in stops for match in re.finditer(f"(?={re.escape(stop)})", text)]
    ends = [(start + len(stop), start) for stop in stops for start in range(len(text)) if text.startswith(stop, start)]
    assert len(found) == len(ends)
    return text[: min(ends)[1]] if ends else text


@given(
    st.lists(st.text("가나a", max_size=3), max_size=8), st.lists(st.text("가나a", min_size=1, max_size=4), max_size=3)
)
def test_a_writer_gives_the_text_before_the_first_stop_string_however_it_comes(
    parts: list[str], stops: list[str]
) -> None:
    writer = Writer(stops)
    given_ = []
    for part in parts:
        given_.append(writer.push(part.encode()))
        shown = "".join(given_)
        assert not any(stop in shown for stop in stops), "nothing of a stop string, at any time"
    assert "".join([*given_, writer.finish()]) == cut("".join(parts), stops)
    assert writer.stopped == any(stop in "".join(parts) for stop in stops)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
def test_a_text_with_stop_strings_is_the_text_without_them_cut_short(make: Callable[[], Tokenizer]) -> None:
    lm = model(make(), end=-3)
    ended = 0
    for seed in range(12):
        whole = lm.generate("", seed=seed, max_tokens=40, **RANDOM)
        stops = ["나", ". ", "라가", whole[5:7] or "가"]
        options = {"seed": seed, "max_tokens": 40, "stop": stops, **RANDOM}
        parts = list(lm.stream("", **options))
        assert "".join(parts) == cut(whole, stops)
        [text] = lm.generate_n("", **options)
        assert text.text == cut(whole, stops)
        assert (text.reason == "stop") == (cut(whole, stops) != whole)
        ended += text.reason == "stop"
    assert ended > 3


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize("options", [{"seed": 1}, {"temperature": 0}, {"beams": 4}, {"seed": 2, "max_tokens": 12}])
def test_what_is_forced_comes(make: Callable[[], Tokenizer], options: dict[str, Any]) -> None:
    lm = model(make(), end=2.0)
    options = {"forced": ["나가", "각."], "max_tokens": 40, **options}
    if make is not byte_tokenizer or options["max_tokens"] > 15:
        for text in lm.generate_n("가", 2, **options):
            assert "나가" in text.text and "각." in text.text
        banned = lm.generate("가", **options, banned=["가가", "라"], stop=["나다"], min_tokens=3)
        assert "나가" in banned and "각." in banned and not re.search("가가|라|나다", banned)


def test_forced_strings_come_as_words_of_their_own_where_pieces_carry_spaces() -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    for options in ({"seed": 1}, {"seed": 2}, {"beams": 4}):
        for word in ("배우", "음악"):
            assert f" {word}" in lm.generate("이 영화는", forced=word, **options)
        text = lm.generate("이 영화는", forced=["배우", "음악"], **options)  # a beam may find 음악배우 likelier
        assert "배우" in text and "음악" in text
    beam = lm.generate_n("이 영화는", 1, beams=6, forced="배우")[0]
    late = lm.generate_n("이 영화는", 1, temperature=0, forced="배우")[0]
    assert beam.score > late.score, "the beam finds a better place than the end"


def test_what_cannot_be_forced_is_a_clear_error() -> None:
    lm = model(syllables("가나", on_unknown="unk"))
    for wrong, said in (
        ({"forced": "하"}, "'하'"), ({"forced": "가가가가", "max_tokens": 3}, "4"),
        ({"forced": "가나", "banned": "나"}, "banned"), ({"forced": "가나", "stop": "나"}, "stop"),
    ):  # fmt: skip
        for beams in (1, 3):
            with pytest.raises(InputError, match=said):
                lm.generate("", **wrong, beams=beams)


def test_where_nothing_may_come_the_text_ends() -> None:
    lm = model(syllables("가나", on_unknown="unk"), end=-20)
    for options in ({"temperature": 0}, {"seed": 1}, {"beams": 3}):
        [text] = lm.generate_n("", banned=["가", "나나"], min_tokens=5, **options)
        assert (text.text, text.reason) == ("나", "blocked")


# --- beams ----------------------------------------------------------------------------------------------------------

LONGEST = 4


def every_sequence(pieces: Sequence[int], longest: int) -> Iterator[tuple[int, ...]]:
    """All texts of at most so many pieces, ``</s>`` counted; those that fill the limit have none."""
    for size in range(longest):
        for ids in itertools.product(pieces, repeat=size):
            yield (*ids, EOS_ID)
    yield from itertools.product(pieces, repeat=longest)


def best_texts(lm: LanguageModel, prompt: str, config: SamplingConfig) -> dict[str, float]:
    """The score of every text that the rules allow, by trying all sequences."""
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
def test_a_beam_as_wide_as_all_sequences_finds_the_best_ones(seed: int, options: dict[str, Any]) -> None:
    lm = model(syllables("가나", on_unknown="unk"), seed, end=1.0, sharp=2)
    for n in (1, 5):
        config = SamplingConfig(**options, beams=100, n=n, max_tokens=LONGEST)
        expected = list(best_texts(lm, "가", config).items())[:n]
        found = lm.generate_n("가", n, **options, beams=100, max_tokens=LONGEST)
        assert [text.text for text in found] == [text for text, _ in expected]
        assert [text.score for text in found] == pytest.approx([score for _, score in expected], abs=1e-4)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize("end", [-2.0, 1.0, 3.0])
@pytest.mark.parametrize(
    "options",
    [{}, {"repetition_penalty": 1.4, "no_repeat_ngram": 3}, {"banned": ["나"], "min_tokens": 4}, {"stop": "."}],
)
def test_a_beam_of_one_is_greedy(make: Callable[[], Tokenizer], end: float, options: dict[str, Any]) -> None:
    lm = model(make(), end=end)
    greedy = lm.generate_n("가", temperature=0, max_tokens=20, **options)[0]
    rules = Rules(lm.tokenizer, SamplingConfig(max_tokens=20, **options), searching=True)
    [hypothesis] = BeamSearch(lm.net, rules, rules.read(["가"])[0]).run()
    assert tuple(hypothesis.row.ids) == greedy.ids
    assert (hypothesis.row.text, hypothesis.row.reason) == (greedy.text, greedy.reason)


def test_a_wider_beam_finds_no_worse_texts_than_greedy() -> None:
    lm = korlm.load_model("reviews-unigram-gru")
    greedy = lm.generate_n("정말", temperature=0, max_tokens=30)[0]
    found = lm.generate_n("정말", 6, beams=6, max_tokens=30)
    assert found[0].score >= greedy.score
    assert [text.score for text in found] == sorted((text.score for text in found), reverse=True)
    assert len({text.text for text in found}) == len(found) == 6


def test_a_beam_gives_one_stretch_to_a_stream_and_its_steps_at_the_end() -> None:
    lm = model(syllables(), end=1.0)
    best = lm.generate_n("가", 1, beams=3)[0]
    assert list(lm.stream("가", beams=3)) == [best.text]
    steps = list(lm.steps("가", beams=3, alternatives=2))
    assert "".join(step.delta for step in steps) == best.text
    assert sum(step.surprisal for step in steps) == pytest.approx(best.bits)


def test_a_beam_that_is_stopped_gives_the_best_that_it_has() -> None:
    lm = model(syllables(), end=-20.0)  # it would go on to the limit
    asked = iter([False] * 4 + [True] * 100)
    whole = lm.generate_n("가", 1, beams=3, max_tokens=4)[0]
    steps = list(lm.steps("가", beams=3, alternatives=1, max_tokens=500, stopped=lambda: next(asked)))
    assert "".join(step.delta for step in steps) == whole.text and len(steps) == 4
    assert list(lm.stream("가", beams=3, stopped=lambda: True)) in ([], [""])


# --- what the model thought -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"seed": 5}, {"beams": 3}, {"temperature": 0, "repetition_penalty": 1.3}])
@pytest.mark.parametrize("make", [byte_tokenizer, syllables])
def test_the_bits_of_a_text_are_its_score(make: Callable[[], Tokenizer], options: dict[str, Any]) -> None:
    lm = model(make(), end=3.0)
    for text in lm.generate_n("", 3, **options, max_tokens=200) if options != {"temperature": 0} else []:
        if text.reason != "end" or lm.tokenizer.encode(text.text).ids != list(text.ids):
            continue
        score = lm.score([text.text])
        assert text.bits == pytest.approx(float(score.surprisals[0].sum()), rel=1e-4)
        assert text.bits_per_character == pytest.approx(score.bits_per_character, rel=1e-4)
        assert [step.surprisal for step in text.steps] == pytest.approx(score.surprisals[0].tolist(), abs=1e-3)


def test_steps_say_what_the_model_thought() -> None:
    lm = model(syllables(), end=-1)
    options: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9, "banned": "나", "seed": 4, "max_tokens": 15}
    steps = list(lm.steps("가", alternatives=4, **options))
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
        kept = keep((logits / 0.7).softmax(-1)[None], SamplingConfig(top_p=0.9))[0]
        assert step.probability == pytest.approx(float(kept[step.id]), abs=1e-3)
        ids.append(step.id)


def test_a_step_shows_a_lone_byte_as_one() -> None:
    lm = model(byte_tokenizer(), end=-9, rare_bytes=False)
    steps = list(lm.steps("", seed=2, max_tokens=60, **RANDOM))
    assert all(step.text == f"<0x{step.id - 4:02X}>" for step in steps)
    assert any(not step.delta for step in steps) and all("\ufffd" not in step.delta for step in steps)


def test_generated_texts_add_up() -> None:
    lm = model(syllables(), end=0.0)
    for text in lm.generate_n("가", 8, seed=1, max_tokens=10):
        assert text.bits == pytest.approx(sum(step.surprisal for step in text.steps))
        assert [step.id for step in text.steps if step.id != EOS_ID] == list(text.ids)
        ended = text.reason == "end"
        assert (text.steps[-1].id == EOS_ID) == ended
        assert text.bits_per_character == pytest.approx(text.bits / (len(text.text) + ended))
        norm = ((5 + len(text.steps)) / 6) ** 0.6
        assert text.score == pytest.approx(-text.bits * math.log(2) / norm)


# --- errors and the command line ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1}, {"top_p": 0}, {"top_k": -3}, {"max_tokens": 0}, {"heat": 1}, {"min_p": 2}, {"n": 2},
        {"typical_p": 0}, {"repetition_penalty": 0}, {"no_repeat_ngram": -1}, {"min_tokens": 61}, {"beams": 0},
        {"length_penalty": -1}, {"banned": ""}, {"stop": ["가", ""]}, {"forced": [3]}, {"banned": 3}, {"seed": 2**64},
        {"top_k": "many"},
    ],
)  # fmt: skip
def test_a_wrong_option_is_a_clear_error(small_net: Make, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong)) if wrong != {"forced": [3]} else "str"):
        LanguageModel(byte_tokenizer(), small_net()).generate("", **wrong)


def test_what_makes_no_sense_is_a_clear_error(small_net: Make) -> None:
    lm = LanguageModel(byte_tokenizer(), small_net())
    with pytest.raises(InputError, match="generate_n"):
        lm.generate_batch(["가"], n=2)
    with pytest.raises(InputError, match="beams"):
        lm.generate_n("가", 4, beams=3)
    with pytest.raises(InputError, match="목록"):
        lm.generate_batch("가나")
    with pytest.raises(InputError, match="alternatives"):
        lm.steps("가", alternatives=-1)
    with pytest.raises(InputError, match="서로게이트"):
        lm.generate("\ud800")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["generate", "reviews-unigram-lstm", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_command_gives_samples_pieces_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    stops = ("--stop", ".", "--stop", "!", "--banned", "ㅋ")
    lines = run(capsys, "이 영화는", "--seed", "3", "-n", "3", *stops)
    texts = lm.generate_n("이 영화는", 3, seed=3, stop=[".", "!"], banned="ㅋ")
    assert lines == [f"[{number}] 이 영화는{text.text}" for number, text in enumerate(texts, 1)]
    lines = run(capsys, "이 영화는", "--beams", "3", "-n", "2", "--json", "--alternatives", "2", "--forced", "배우")
    best, second = map(json.loads, lines)
    assert best["score"] >= second["score"] and "배우" in best["text"] and best["prompt"] == "이 영화는"
    assert best["bits"] == pytest.approx(sum(piece["bits"] for piece in best["pieces"]))
    assert len(best["pieces"][0]["alternatives"]) == 2
    shown = run(capsys, "이 영화는", "--temperature", "0", "--alternatives", "1")
    assert shown[0] == "이 영화는" + lm.generate("이 영화는", temperature=0)
    assert re.fullmatch(r"␣ +3\.0 bit  ␣ 12%", shown[1])


def test_the_command_writes_lines_of_standard_input_as_a_batch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("이 영화는\n정말\n"))
    lm = korlm.load_model("reviews-unigram-lstm")
    expected = [prompt + lm.generate(prompt, temperature=0) for prompt in ("이 영화는", "정말")]
    assert run(capsys, "--temperature", "0") == expected
