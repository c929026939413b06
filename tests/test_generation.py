"""Sampling, streaming and prompts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import korlm
from korlm.errors import InputError
from korlm.generation.config import SamplingConfig
from korlm.generation.sampling import choose, keep
from korlm.generation.stream import stream_ids
from korlm.lm import LanguageModel
from korlm.nn.recurrent import RecurrentLM
from korlm.text.utf8 import allowed_next, is_complete
from korlm.tokenizers.base import EOS_ID
from korlm.tokenizers.byte import byte_tokenizer

Make = Callable[..., RecurrentLM]


def test_greedy_takes_the_most_probable_piece_at_every_step(small_net: Make) -> None:
    net = small_net(300)
    with torch.no_grad():
        net.output.bias[4:260] = -20.0  # bytes have rules of their own, tested below
    ids = list(stream_ids(net, [EOS_ID, 270], SamplingConfig(temperature=0, max_tokens=12)))
    assert ids
    context = [EOS_ID, 270]
    for chosen in ids:
        logits = net.logits(net(torch.tensor([context]))[0][0, -1])
        logits[[0, 1, 3]] = -torch.inf
        assert chosen == int(logits.argmax())
        context.append(chosen)


def test_top_k_and_top_p_keep_what_they_say() -> None:
    logits = torch.log(torch.tensor([0.5, 0.2, 0.15, 0.1, 0.05]))
    assert keep(logits, top_k=2, top_p=1.0).tolist() == pytest.approx([5 / 7, 2 / 7, 0, 0, 0])
    assert keep(logits, top_k=0, top_p=0.6).tolist() == pytest.approx([5 / 7, 2 / 7, 0, 0, 0])
    assert keep(logits, top_k=0, top_p=1.0).tolist() == pytest.approx([0.5, 0.2, 0.15, 0.1, 0.05])


@given(st.lists(st.floats(-20, 20), min_size=1, max_size=30), st.integers(0, 40), st.floats(0.01, 1))
def test_what_is_kept_is_a_distribution_with_the_likeliest_piece(logits: list[float], k: int, p: float) -> None:
    kept = keep(torch.tensor(logits), top_k=k, top_p=p)
    assert float(kept.sum()) == pytest.approx(1, abs=1e-4)
    probabilities = torch.softmax(torch.tensor(logits), -1)
    assert kept[probabilities == probabilities.max()].max() > 0, "one of the likeliest, where float32 sees a tie"


def test_sampling_follows_the_probabilities() -> None:
    logits = torch.log(torch.tensor([0.7, 0.3]))
    generator = torch.Generator().manual_seed(5)
    config = SamplingConfig(temperature=1, top_p=1)
    share = sum(choose(logits, config, generator) for _ in range(3000)) / 3000
    assert share == pytest.approx(0.3, abs=0.03)


def test_a_seed_gives_the_same_text_and_another_seed_another(small_net: Make) -> None:
    lm = LanguageModel(byte_tokenizer(), small_net())
    texts = [lm.generate("가", seed=seed, temperature=1.0, max_tokens=40) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_the_stream_joined_is_what_generate_gives() -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    parts = list(lm.stream("이 영화는", seed=3, max_tokens=30))
    assert len(parts) > 3
    assert "".join(parts) == lm.generate("이 영화는", seed=3, max_tokens=30)
    assert all("\ufffd" not in part for part in parts)


def test_a_prompt_that_ends_in_a_space_goes_on_with_a_word() -> None:
    lm = korlm.load_model("reviews-unigram-lstm")
    for seed in range(5):
        text = lm.generate("이 영화는 ", seed=seed, max_tokens=8)
        assert text and not text.startswith(" ")


@pytest.mark.parametrize("seed", range(8))
def test_a_net_that_knows_nothing_still_writes_whole_characters(small_net: Make, seed: int) -> None:
    lm = LanguageModel(byte_tokenizer(), small_net())
    parts = list(lm.stream("", seed=seed, temperature=1.0, top_p=1.0, max_tokens=101))
    assert parts and not any("\ufffd" in part for part in parts)


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


def test_asking_to_stop_stops_the_stream(small_net: Make) -> None:
    lm = LanguageModel(byte_tokenizer(), small_net())
    assert len(lm.generate("", seed=1, max_tokens=500, stopped=lambda: True).encode()) <= 3


def test_special_tokens_are_never_written(small_net: Make) -> None:
    net = small_net()
    with torch.no_grad():
        net.output.bias[[0, 1, 3]] = 50.0
    assert not {0, 1, 2, 3} & set(stream_ids(net, [EOS_ID], SamplingConfig(seed=1, max_tokens=50)))


@pytest.mark.parametrize("wrong", [{"temperature": -1}, {"top_p": 0}, {"top_k": -3}, {"max_tokens": 0}, {"heat": 1}])
def test_a_wrong_option_is_a_clear_error(small_net: Make, wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        LanguageModel(byte_tokenizer(), small_net()).generate("", **wrong)
