"""Banned, forced and stop strings, with tokenizers of bytes, syllables and jamo."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.generation import RANDOM, cut, jamo, model, syllables

import korlm
from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.generation.constraints import Constraints
from korlm.generation.matchers import StringMatcher
from korlm.generation.state import GenerationState
from korlm.generation.text_stream import TextStream
from korlm.text.incremental import allowed_next_bytes
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.segmented import byte_tokenizer

words = st.lists(st.text("가나다 .ab", min_size=1, max_size=3), min_size=1, max_size=3)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@settings(max_examples=12, deadline=None)
@given(banned=words, seed=st.integers(0, 1000), prompt=st.sampled_from(["", "가", "나다", "a ", "ab"]))
def test_banned_strings_never_occur(make: Callable[[], Tokenizer], banned: list[str], seed: int, prompt: str) -> None:
    lm = model(make(), seed % 3, end=-4, sharp=1)
    with torch.no_grad():
        for text in ("가", "나", "다", ".", "a", "b"):  # bytes and letters of the banned strings are likely
            lm.net.output.bias[lm.tokenizer.encode(text).ids] = 4.0
    for options in ({"n": 4, "temperature": 2.0, "top_p": 1.0}, {"beams": 2}):
        for text in lm.generate(prompt, **{"n": 1, **options}, seed=seed, banned=banned, max_tokens=30):
            assert not any(word in text.text for word in banned)
            seam = prompt[-2:] + text.text
            assert not any(seam.find(word, max(0, len(prompt[-2:]) - len(word) + 1)) >= 0 for word in banned)


def test_banned_syllable_may_occur_with_a_final_consonant() -> None:
    lm = model(jamo(), end=-4, sharp=1)
    with torch.no_grad():
        lm.net.output.bias[lm.tokenizer.encode("가").ids] = 4.0
    texts = [text.text for text in lm.generate("", 30, banned="가", seed=1, max_tokens=60, **RANDOM)]
    assert not any("가" in text for text in texts)
    assert any("각" <= letter <= "갛" for text in texts for letter in text), "with a final consonant it may come"


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@given(
    written=st.text("가나간낙ㄱㅏ다. ab\u1100\u1161", max_size=6),
    banned=st.lists(st.text("가나간 .a\u1100", min_size=1, max_size=3), min_size=1, max_size=2),
)
@settings(max_examples=40, deadline=None)
def test_mask_forbids_exactly_the_tokens_that_complete_a_banned_string(
    make: Callable[[], Tokenizer], written: str, banned: list[str]
) -> None:
    tokenizer = make()
    constraints = Constraints(tokenizer, GenerationConfig(banned=banned))
    state = constraints.start(constraints.encode_prompts([""])[0])
    ids: list[int] = []
    for number in tokenizer.encode(written).ids:
        closed = constraints.mask([state], torch.device("cpu")) == -torch.inf
        special = set(tokenizer.specials.values()) - {EOS_ID}
        for candidate in range(tokenizer.vocab_size):
            if candidate in special or _breaks_utf8(constraints, state, candidate):
                assert closed[candidate]
            else:
                begins = (
                    constraints.byte_by_id.get(candidate, 0) >= 0xC2 and not state.partial_bytes
                )  # what comes of it joins nothing
                text = _certain(tokenizer, ids, EOS_ID if begins else candidate)
                assert bool(closed[candidate]) == any(word in text for word in banned)
        if closed[number]:
            return
        constraints.append(state, number)
        ids.append(number)


def _breaks_utf8(constraints: Constraints, state: GenerationState, candidate: int) -> bool:
    byte = constraints.byte_by_id.get(candidate)
    return bool(state.partial_bytes) if byte is None else byte not in allowed_next_bytes(state.partial_bytes)


def _certain(tokenizer: Tokenizer, ids: list[int], candidate: int) -> str:
    """Return the text that is final after another token; all of it after the end."""
    decoder = tokenizer.decoder()
    data = b"".join(map(decoder.push, [*ids, candidate]))
    return (data + (decoder.finish() if candidate == EOS_ID else b"")).decode("utf-8", "ignore")


@given(words, st.text("가나다 .ab", max_size=12))
def test_string_matcher_equals_string_search(strings: list[str], text: str) -> None:
    matcher = StringMatcher([word.encode() for word in strings])
    state = 0
    for index, letter in enumerate(text):
        found = any(text[: index + 1].endswith(word) for word in strings)
        assert matcher.completes_match(state, letter.encode()) == found
        state = matcher.next_state(state, letter.encode())


@given(
    st.lists(st.text("가나a", max_size=3), max_size=8), st.lists(st.text("가나a", min_size=1, max_size=4), max_size=3)
)
def test_text_stream_ends_before_the_first_stop_string(parts: list[str], stops: list[str]) -> None:
    stream = TextStream(stops)
    given_ = []
    for part in parts:
        given_.append(stream.push(part.encode()))
        shown = "".join(given_)
        assert not any(stop in shown for stop in stops), "nothing of a stop string, at any time"
    assert "".join([*given_, stream.finish()]) == cut("".join(parts), stops)
    assert stream.stopped == any(stop in "".join(parts) for stop in stops)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
def test_stop_strings_truncate_the_text(make: Callable[[], Tokenizer]) -> None:
    lm = model(make(), end=-3)
    ended = 0
    for seed in range(12):
        whole = lm.generate("", seed=seed, max_tokens=40, **RANDOM)
        stops = ["나", ". ", "라가", whole[5:7] or "가"]
        options = {"seed": seed, "max_tokens": 40, "stop": stops, **RANDOM}
        parts = list(lm.stream("", **options))
        assert "".join(parts) == cut(whole, stops)
        [text] = lm.generate("", 1, **options)
        assert text.text == cut(whole, stops)
        assert (text.finish_reason == "stop") == (cut(whole, stops) != whole)
        ended += text.finish_reason == "stop"
    assert ended > 3


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize("options", [{"seed": 1}, {"temperature": 0}, {"beams": 4}, {"seed": 2, "max_tokens": 12}])
def test_forced_strings_occur(make: Callable[[], Tokenizer], options: dict[str, Any]) -> None:
    lm = model(make(), end=2.0)
    options = {"forced": ["나가", "각."], "max_tokens": 40, **options}
    if make is not byte_tokenizer or options["max_tokens"] > 15:
        for text in lm.generate("가", 2, **options):
            assert "나가" in text.text and "각." in text.text
        banned = lm.generate("가", **options, banned=["가가", "라"], stop=["나다"], min_tokens=3)
        assert "나가" in banned and "각." in banned and not re.search("가가|라|나다", banned)


def test_forced_strings_are_separate_words_where_tokens_carry_spaces() -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    for options in ({"seed": 1}, {"seed": 2}, {"beams": 4}):
        for word in ("배우", "음악"):
            assert f" {word}" in lm.generate("이 영화는", forced=word, **options)
        text = lm.generate("이 영화는", forced=["배우", "음악"], **options)  # a beam may find 음악배우 likelier
        assert "배우" in text and "음악" in text
    beam = lm.generate("이 영화는", 1, beams=6, forced="배우")[0]
    late = lm.generate("이 영화는", 1, temperature=0, forced="배우")[0]
    assert beam.score > late.score, "the beam finds a better place than the end"


def test_impossible_forced_strings_raise_input_error() -> None:
    lm = model(syllables("가나", on_unknown="unk"))
    for wrong, said in (
        ({"forced": "하"}, "'하'"), ({"forced": "가가가가", "max_tokens": 3}, "4"),
        ({"forced": "가나", "banned": "나"}, "banned"), ({"forced": "가나", "stop": "나"}, "stop"),
    ):  # fmt: skip
        for beams in (1, 3):
            with pytest.raises(InputError, match=said):
                lm.generate("", **wrong, beams=beams)


def test_text_is_blocked_when_no_token_is_permitted() -> None:
    lm = model(syllables("가나", on_unknown="unk"), end=-20)
    for options in ({"temperature": 0}, {"seed": 1}, {"beams": 3}):
        [text] = lm.generate("", 1, banned=["가", "나나"], min_tokens=5, **options)
        assert (text.text, text.finish_reason) == ("나", "blocked")
