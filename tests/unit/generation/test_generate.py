"""Generation: greedy decoding, seeds, streams, batches, errors and the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from support.generation import RANDOM, jamo, logits_after, model, syllables
from support.toy_models import Make
from torch import Tensor

import korlm
from korlm.cli.main import main
from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.generation.generate import generate_texts
from korlm.generation.prefill import derive_seeds, prefill
from korlm.models.language_model import LanguageModel
from korlm.nn.lm import RecurrentLM
from korlm.text.incremental import allowed_next_bytes, is_complete_character
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.segmented import SegmentedTokenizer, byte_tokenizer
from korlm.tokenizers.segmenters.character import SyllableSegmenter
from korlm.tokenizers.vocabulary import Vocabulary

# --- one text -------------------------------------------------------------------------------------------------------


def test_greedy_takes_the_most_probable_token_at_every_step() -> None:
    lm = model(syllables())
    [text] = lm.generate("가", 1, temperature=0, max_tokens=12)
    assert text.ids
    context = list(lm.tokenizer.encode("가").ids)
    for chosen in text.ids:
        logits = logits_after(lm.net, context)
        logits[[0, 1, 3]] = -torch.inf
        assert chosen == int(logits.argmax())
        context.append(chosen)


def test_temperature_flattens_or_sharpens_the_distribution() -> None:
    lm = model(syllables(), end=-9)
    hot, cold = (
        sum(text.bits for text in lm.generate("", 20, temperature=heat, top_p=1.0, seed=3, max_tokens=20))
        for heat in (2.0, 0.3)
    )
    assert cold < hot / 2


def test_seed_determines_the_text() -> None:
    lm = model(byte_tokenizer(), rare_bytes=False)
    texts = [lm.generate("가", seed=seed, **RANDOM) for seed in (1, 1, 2, -5)]
    assert texts[0] == texts[1] and len(set(texts)) == 3
    assert lm.generate("가", **RANDOM) != lm.generate("가", **RANDOM), "no seed: drawn anew"


def test_joined_stream_equals_generate() -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    parts = list(lm.stream("이 영화는", seed=3, max_tokens=30))
    assert len(parts) > 3
    assert "".join(parts) == lm.generate("이 영화는", seed=3, max_tokens=30)
    assert all("\ufffd" not in part for part in parts)


@pytest.mark.parametrize("options", [{}, {"beams": 3}])
def test_prompt_ending_in_a_space_is_continued_with_a_word(options: dict[str, int]) -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    texts = [lm.generate("이 영화는 ", seed=seed, max_tokens=8, **options) for seed in range(5)]
    texts += lm.generate_batch(["이 영화는 ", "정말 ", "정말"], seed=1, max_tokens=8, **options)[:2]
    assert all(text and not text.startswith(" ") for text in texts)


@pytest.mark.parametrize("make", [byte_tokenizer, syllables, jamo])
@pytest.mark.parametrize("options", [RANDOM, {"beams": 4}, {"typical_p": 0.9, "seed": 4}, {"no_repeat_ngram": 3}])
def test_random_models_generate_whole_characters_only(make: Callable[[], Tokenizer], options: dict[str, Any]) -> None:
    lm = model(make(), rare_bytes=False, sharp=1)
    for limit in (100, 101):
        texts = lm.generate_batch(["", "가", "가 "], **{"seed": 1, **options}, max_tokens=limit)
        assert any(texts) and not any("\ufffd" in text for text in texts)


def test_byte_sequences_cover_exactly_all_code_points() -> None:
    def texts(begun: bytes) -> int:
        if begun and is_complete_character(begun):
            begun.decode()
            return 1
        return (
            sum(texts(begun + bytes([byte])) for byte in allowed_next_bytes(begun))
            if len(begun) < 2
            else 64 ** ((3 if begun[0] < 0xF0 else 4) - 2)
        )

    assert texts(b"") == 0x110000 - 0x800, "all code points but the surrogates"


def test_stopped_callback_ends_the_stream() -> None:
    lm = model(byte_tokenizer(), end=-9, rare_bytes=False)
    assert lm.generate("", seed=1, max_tokens=500, stopped=lambda: True) == ""
    asked = iter([False] * 4 + [True] * 9)
    assert len(list(lm.stream_tokens("", seed=1, max_tokens=500, stopped=lambda: next(asked)))) == 4


@pytest.mark.parametrize("options", [{"seed": 1}, {"beams": 3}, {"temperature": 0}])
@pytest.mark.parametrize("on_unknown", ["fallback", "unk"])
def test_special_tokens_are_never_generated(options: dict[str, Any], on_unknown: str) -> None:
    tokenizer = SegmentedTokenizer(
        "syllable", SyllableSegmenter(), Vocabulary(list("가나다"), on_unknown=on_unknown, specials=["<user>"])
    )
    lm = model(tokenizer, end=-9)
    special = set(tokenizer.specials.values())
    with torch.no_grad():
        lm.net.output.bias[list(special - {EOS_ID})] = 50.0
    texts = lm.generate("가", 2, **options, max_tokens=20)
    assert all(text.ids and special.isdisjoint(text.ids) for text in texts)


def test_min_and_max_tokens_bound_the_length() -> None:
    lm = model(syllables(), end=3.0)
    assert min(len(text.ids) for text in lm.generate("", 30, seed=1)) < 5
    long = lm.generate("", 30, seed=1, min_tokens=5, max_tokens=8) + lm.generate("", 3, beams=3, min_tokens=5)
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
def test_batched_generation_equals_single_generation(make: Callable[[], Tokenizer], options: dict[str, Any]) -> None:
    lm = model(make(), end=1.0)
    prompts = ["가나다", "", "라 ", "가나다", "나라나라나"]
    options = {"seed": 11, "max_tokens": 18, **options}
    together = lm.generate_batch(prompts, 1, **options)
    alone = [lm.generate(prompt, 1, **options) for prompt in prompts]
    assert [[text.ids for text in texts] for texts in together] == [[text.ids for text in texts] for texts in alone]
    assert [texts[0].text for texts in together] == lm.generate_batch(prompts, **options)
    assert [texts[0].text for texts in together] == [lm.generate(prompt, **options) for prompt in prompts]
    bits = [texts[0].bits for texts in alone]
    assert [texts[0].bits for texts in together] == pytest.approx(bits, rel=1e-3)


def test_prompts_are_split_into_batches() -> None:
    lm = model(syllables(), end=0.5)
    prompts = ["가나다라"[: index % 5] for index in range(150)]
    assert lm.generate_batch(prompts, seed=2, max_tokens=6)[149] == lm.generate(prompts[149], seed=2, max_tokens=6)
    assert lm.generate_batch([], seed=2) == []


def test_each_sample_has_its_own_seed() -> None:
    lm = model(syllables(), end=-2)
    texts = [text.text for text in lm.generate("가", 5, seed=9)]
    assert len(set(texts)) == 5
    assert [lm.generate("가", seed=seed) for seed in derive_seeds(9, 5)] == texts
    assert texts[:3] == [text.text for text in lm.generate("가", 3, seed=9)]


class TokenMemoryModel(torch.nn.Module):
    """A model with token ids in its state, like one with hashed n-grams."""

    def __init__(self, net: RecurrentLM) -> None:
        super().__init__()
        self.net = net

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        hidden, inner = self.net(ids)
        return hidden + 0.003 * ids[..., None], (*inner, ids[None, :, -2:])

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        hidden, inner = self.net.step(ids, state[:-1])
        return hidden + 0.003 * state[-1][0].sum(-1, keepdim=True), (*inner, torch.stack([ids, ids], 1)[None])

    def compute_logits(self, hidden: Tensor) -> Tensor:
        return self.net.compute_logits(hidden)


def test_recurrent_state_may_hold_integers() -> None:
    tokenizer = syllables()
    net: Any = TokenMemoryModel(model(tokenizer, end=4.0, sharp=1).net)
    config = GenerationConfig(seed=3, max_tokens=15)
    prompts = ["가나", "다", "라마", "가나다라"]
    together = generate_texts(net, tokenizer, prompts, config)
    assert together == [generate_texts(net, tokenizer, [prompt], config)[0] for prompt in prompts]
    assert {len(texts[0].ids) for texts in together} != {15}, "some left the batch early"


def test_prefill_of_mixed_lengths_equals_single_runs() -> None:
    net = model(syllables()).net
    contexts = [(2, 260, 261), (2,), (2, 262), (2, 260, 261), (2, 263)]
    hidden, state, _ = prefill(net, contexts)
    for row, context in enumerate(contexts):
        outputs, own = net(torch.tensor([context]))
        assert torch.allclose(hidden[row], outputs[0, -1], atol=1e-6)
        assert all(torch.allclose(part[:, row], one[:, 0], atol=1e-6) for part, one in zip(state, own, strict=True))


# --- errors and the command line ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1}, {"top_p": 0}, {"top_k": -3}, {"max_tokens": 0}, {"heat": 1}, {"min_p": 2}, {"n": 0},
        {"typical_p": 0}, {"repetition_penalty": 0}, {"no_repeat_ngram": -1}, {"min_tokens": 61}, {"beams": 0},
        {"length_penalty": -1}, {"banned": ""}, {"stop": ["가", ""]}, {"forced": [3]}, {"banned": 3}, {"seed": 2**64},
        {"top_k": "many"},
    ],
)  # fmt: skip
def test_invalid_options_raise_input_error(small_net: Make, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong)) if wrong != {"forced": [3]} else "str"):
        LanguageModel(byte_tokenizer(), small_net()).generate("", **wrong)


def test_invalid_arguments_raise_input_error(small_net: Make) -> None:
    lm = LanguageModel(byte_tokenizer(), small_net())
    with pytest.raises(InputError, match="generate"):
        lm.stream("가", n=2)
    with pytest.raises(InputError, match="beams"):
        lm.generate("가", 4, beams=3)
    with pytest.raises(InputError, match="목록"):
        lm.generate_batch("가나")
    with pytest.raises(InputError, match="alternatives"):
        lm.stream_tokens("가", alternatives=-1)
    with pytest.raises(InputError, match="서로게이트"):
        lm.generate("\ud800")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert main(["generate", "reviews-unigram-lstm", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_command_prints_samples_tokens_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    stops = ("--stop", ".", "--stop", "!", "--banned", "ㅋ")
    lines = run(capsys, "이 영화는", "--seed", "3", "-n", "3", *stops)
    texts = lm.generate("이 영화는", 3, seed=3, stop=[".", "!"], banned="ㅋ")
    assert lines == [f"[{number}] 이 영화는{text.text}" for number, text in enumerate(texts, 1)]
    lines = run(capsys, "이 영화는", "--beams", "3", "-n", "2", "--json", "--alternatives", "2", "--forced", "배우")
    best, second = map(json.loads, lines)
    assert best["score"] >= second["score"] and "배우" in best["text"] and best["prompt"] == "이 영화는"
    assert best["bits"] == pytest.approx(sum(piece["bits"] for piece in best["pieces"]))
    assert len(best["pieces"][0]["alternatives"]) == 2
    shown = run(capsys, "이 영화는", "--temperature", "0", "--alternatives", "1")
    assert shown[0] == "이 영화는" + lm.generate("이 영화는", temperature=0)
    assert re.fullmatch(r"␣ +3\.0 bit  ␣ 12%", shown[1])


def test_command_generates_lines_of_standard_input_in_a_batch(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("이 영화는\n정말\n"))
    lm = korlm.load_model("reviews-unigram-lstm")
    expected = [prompt + lm.generate(prompt, temperature=0) for prompt in ("이 영화는", "정말")]
    assert run(capsys, "--temperature", "0") == expected
