"""The encoder-decoder against its formulas, torch's bidirectional layer, and itself without padding."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.generation.generate import generate_texts, stream_text
from korlm.generation.state import Prompt
from korlm.nn.attention import Attention
from korlm.nn.config import ATTENTIONS, SEQ2SEQ_CELLS, Seq2SeqConfig
from korlm.nn.seq2seq import Seq2Seq
from korlm.tokenizers.base import BOS_ID, EOS_ID, Tokenizer
from korlm.tokenizers.segmented import byte_tokenizer

SHAPES: list[dict[str, Any]] = [
    *({"cell": cell, "attention": attention} for cell in SEQ2SEQ_CELLS for attention in ATTENTIONS),
    {"cell": "lstm", "layers": 2},
    {"cell": "gru", "layers": 2, "layer_norm": True, "attention": "additive"},
    {"cell": "lstm", "embedding": 12, "layer_norm": True},
]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: " ".join(f"{k}={v}" for k, v in shape.items()))
SOURCES = [[5, 6, 7, 8, 9], [3], [11, 12, 11]]
TARGETS = [[2, 21, 22], [2, 23, 24], [2, 25, 26]]


def make(**shape: Any) -> Seq2Seq:
    config = Seq2SeqConfig(40, **{"embedding": 8, "hidden": 12, **shape})
    return Seq2Seq(config, generator=torch.Generator().manual_seed(3)).eval()


def padded(rows: list[list[int]], *, room: int = 0, filler: int = 0) -> tuple[Tensor, Tensor]:
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.full((len(rows), int(lengths.max()) + room), filler)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = torch.tensor(row)
    return ids, lengths


@each_shape
@torch.no_grad()
def test_padding_does_not_change_outputs(shape: dict[str, Any]) -> None:
    net, targets = make(**shape), torch.tensor(TARGETS)
    alone = []
    for source, target in zip(SOURCES, targets, strict=True):
        memory, state = net.encode(*padded([source]))
        alone.append(net.decode(memory, target[None], state))
    for room, filler in ((0, 0), (4, 0), (4, 17)):
        memory, state = net.encode(*padded(SOURCES, room=room, filler=filler))
        hidden, weights, state = net.decode(memory, targets, state)
        for index, (one, seen, after) in enumerate(alone):
            size = len(SOURCES[index])
            torch.testing.assert_close(hidden[index], one[0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(weights[index, :, :size], seen[0], atol=1e-5, rtol=1e-4)
            assert not weights[index, :, size:].any()
            for mine, other in zip(state, after, strict=True):
                torch.testing.assert_close(mine[:, index], other[:, 0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(weights.sum(-1), torch.ones(3, 3))


@each_shape
def test_padding_gets_no_gradient(shape: dict[str, Any]) -> None:
    net = make(**shape)
    memory, state = net.encode(*padded(SOURCES, room=2, filler=39))
    hidden, _, _ = net.decode(memory, torch.tensor(TARGETS), state)
    (gradient,) = torch.autograd.grad(hidden.sum(), net.embedding.weight)
    assert not gradient[39].any() and gradient[5].any() and gradient[11].any()


@each_shape
@torch.no_grad()
def test_decoding_token_by_token_matches_decoding_at_once(shape: dict[str, Any]) -> None:
    net, targets = make(**shape), torch.tensor(TARGETS)
    memory, first = net.encode(*padded(SOURCES))
    hidden, weights, end = net.decode(memory, targets, first)
    state, steps = first, []
    for time in range(targets.shape[1]):
        one, seen, state = net.decode(memory, targets[:, time : time + 1], state)
        steps.append((one, seen))
    torch.testing.assert_close(torch.cat([one for one, _ in steps], 1), hidden)
    torch.testing.assert_close(torch.cat([seen for _, seen in steps], 1), weights)
    for mine, other in zip(state, end, strict=True):
        torch.testing.assert_close(mine, other)
    twice = torch.tensor([2, 0, 0])
    again = net.decode(memory.select_rows(twice), targets[twice], tuple(part[:, twice] for part in first))
    torch.testing.assert_close(again[0], hidden[twice])


@pytest.mark.parametrize("cell", SEQ2SEQ_CELLS)
@torch.no_grad()
def test_encoder_matches_torch_bidirectional_layer(cell: str) -> None:
    net = make(cell=cell, layers=2)
    kind = nn.LSTM if cell == "lstm" else nn.GRU
    oracle = kind(8, 6, num_layers=2, bidirectional=True, batch_first=True)
    weights = dict(oracle.named_parameters())
    for layer in (0, 1):
        for ours, ending in ((net.forward_layers, ""), (net.backward_layers, "_reverse")):
            for name, weight in ours[layer].named_parameters():
                weights[name.replace("_l0", f"_l{layer}{ending}")].copy_(weight)
    ids, lengths = padded(SOURCES)
    packed = nn.utils.rnn.pack_padded_sequence(net.embedding(ids), lengths, batch_first=True, enforce_sorted=False)
    outputs, last = oracle(packed)
    keys, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    memory, state = net.encode(ids, lengths)
    there = memory.mask  # what stands beyond a row's end is looked at by none
    torch.testing.assert_close(memory.keys[there], keys[there], atol=1e-5, rtol=1e-4)
    ends = last[0] if cell == "lstm" else last  # [2 L, B, H / 2]: forward and backward of each layer
    parts = 2 if cell == "lstm" else 1
    for layer in (0, 1):
        bridge = net.bridges[layer * parts]
        made = torch.tanh(bridge(torch.cat([ends[2 * layer], ends[2 * layer + 1]], -1)))
        torch.testing.assert_close(state[0][layer], made, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ATTENTIONS)
@torch.no_grad()
def test_attention_matches_formula(kind: str) -> None:
    generator = torch.Generator().manual_seed(1)
    queries, keys = torch.randn(2, 3, 4, generator=generator), torch.randn(2, 5, 4, generator=generator)
    mask = torch.arange(5)[None] < torch.tensor([[5], [2]])
    attend = Attention(kind, 4)
    contexts, weights = attend(queries, attend.project_keys(keys), keys, mask)
    for row in range(2):
        size = int(mask[row].sum())
        for time in range(3):
            query, scores = queries[row, time], []
            for key in keys[row, :size]:
                if kind == "dot":
                    scores.append(query @ key)
                elif kind == "general":
                    scores.append(query @ (attend.keys.weight @ key))
                else:
                    mixed = torch.tanh(attend.queries.weight @ query + attend.keys.weight @ key)
                    scores.append((attend.scores.weight @ mixed)[0])
            expected = torch.stack(scores).softmax(0)
            torch.testing.assert_close(weights[row, time, :size], expected)
            torch.testing.assert_close(contexts[row, time], expected @ keys[row, :size])
            assert not weights[row, time, size:].any()


def test_nll_matches_cross_entropy_with_and_without_label_smoothing() -> None:
    net = make()
    memory, state = net.encode(*padded(SOURCES))
    hidden, _, _ = net.decode(memory, torch.tensor(TARGETS), state)
    targets = torch.tensor([[21, 22, 2], [23, 24, -100], [25, -100, -100]])
    scores = net.compute_logits(hidden).log_softmax(-1)
    kept = targets >= 0
    plain = -scores.gather(2, targets.clamp(min=0)[..., None])[..., 0][kept]
    torch.testing.assert_close(net.nll(hidden, targets), plain.mean())
    torch.testing.assert_close(net.nll(hidden, targets, reduction="none")[kept], plain)
    smooth = 0.9 * plain.mean() - 0.1 * scores.mean(-1)[kept].mean()
    torch.testing.assert_close(net.nll(hidden, targets, label_smoothing=0.1), smooth)
    # what autocast leaves behind is bfloat16, and the loss stands outside of it
    torch.testing.assert_close(net.nll(hidden.bfloat16(), targets, label_smoothing=0.1), smooth, rtol=0.02, atol=0.0)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_seq2seq_learns_to_reverse_text(attention: str) -> None:
    torch.manual_seed(1)
    net = Seq2Seq(Seq2SeqConfig(12, embedding=16, hidden=32, attention=attention))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    accuracy = 0.0
    for step in range(600):
        lengths = torch.randint(2, 6, (32,))
        source = torch.randint(4, 12, (32, 5)) * (torch.arange(5) < lengths[:, None])
        places = lengths[:, None] - 1 - torch.arange(5)
        target = torch.where(places >= 0, source.gather(1, places.clamp(min=0)), -100)
        inputs = torch.cat([torch.full((32, 1), 2), target[:, :-1].clamp(min=0)], 1)
        memory, state = net.encode(source, lengths)
        hidden, _, _ = net.decode(memory, inputs, state)
        loss = net.nll(hidden, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right = net.compute_logits(hidden).argmax(-1) == target
        accuracy = right[target >= 0].float().mean().item()
        if step > 50 and accuracy > 0.97:
            break
    assert accuracy > 0.95


@pytest.mark.parametrize(
    "wrong", [{"cell": "rnn"}, {"attention": "self"}, {"hidden": 7}, {"dropout": 1.0}, {"layers": 0}]
)
def test_wrong_shape_is_a_clear_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Seq2SeqConfig(40, **wrong)


# --- answers --------------------------------------------------------------------------------------------------------


def answering(**shape: Any) -> tuple[Seq2Seq, Tokenizer]:
    tokenizer = byte_tokenizer()
    config = Seq2SeqConfig(tokenizer.vocab_size, **{"embedding": 8, "hidden": 12, **shape})
    net = Seq2Seq(config, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        net.output.weight.mul_(3)
        net.output.bias[4 + 0x80 :] = -9.0  # ASCII, so that every piece is a letter
    return net.eval(), tokenizer


def asked(tokenizer: Tokenizer, question: str) -> Prompt:
    return Prompt((BOS_ID, *tokenizer.encode(question).ids, EOS_ID), is_reply=True)


@each_shape
@torch.no_grad()
def test_step_matches_decode_of_one_token(shape: dict[str, Any]) -> None:
    net = make(**shape)
    sources, targets = padded(SOURCES), torch.tensor([[1, 21, 22], [1, 23, 24], [1, 25, 26]])
    memory, state = net.encode(*sources)
    hidden, _, _ = net.decode(memory, targets, state)
    one, _, state = net.start_decoding(*sources, 1)
    for time in range(3):
        torch.testing.assert_close(one, hidden[:, time], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(net.compute_logits(one), F.linear(one, net.output.weight, net.output.bias))
        if time < 2:
            one, state = net.step(targets[:, time + 1], state)


@pytest.mark.parametrize("options", [{"temperature": 0}, {"seed": 3, "top_p": 0.9}, {"beams": 4}])
def test_answers_match_alone_and_in_a_batch_with_bits_of_the_model(options: dict[str, Any]) -> None:
    net, tokenizer = answering(cell="lstm", layers=2)
    config = GenerationConfig(max_tokens=12, **options)
    questions = ["hi", "what is it?", "hi"]
    together = generate_texts(
        net, tokenizer, [asked(tokenizer, question) for question in questions], config, alternatives=3
    )
    assert [text.ids for text in together[0]] == [text.ids for text in together[2]]
    for question, texts in zip(questions, together, strict=True):
        (alone,) = generate_texts(net, tokenizer, [asked(tokenizer, question)], config, alternatives=3)
        assert [text.text for text in alone] == [text.text for text in texts]
        assert "".join(stream_text(net, tokenizer, asked(tokenizer, question), config)) == texts[0].text
        ids = torch.tensor([[BOS_ID, *tokenizer.encode(question).ids, EOS_ID]])
        chosen = [step.id for step in texts[0].steps]
        memory, state = net.encode(ids, torch.tensor([ids.shape[1]]))
        with torch.no_grad():
            hidden, _, _ = net.decode(memory, torch.tensor([[BOS_ID, *chosen[:-1]]]), state)
            nats = net.nll(hidden, torch.tensor([chosen]), reduction="none")
        assert texts[0].bits == pytest.approx(float(nats.sum()) / math.log(2), rel=1e-4)


def test_beam_is_no_worse_than_greedy_and_constraints_hold() -> None:
    net, tokenizer = answering()
    greedy = generate_texts(
        net, tokenizer, [asked(tokenizer, "hm")], GenerationConfig(temperature=0, max_tokens=8), alternatives=0
    )[0][0]
    best = generate_texts(
        net, tokenizer, [asked(tokenizer, "hm")], GenerationConfig(beams=8, n=4, max_tokens=8), alternatives=0
    )[0]
    assert best[0].score >= greedy.score - 1e-6 and len({text.text for text in best}) == len(best)
    letter = greedy.text[0]
    without = GenerationConfig(temperature=0, max_tokens=20, min_tokens=6, banned=letter, no_repeat_ngram=2)
    text = generate_texts(net, tokenizer, [asked(tokenizer, letter * 3)], without)[0][0].text
    assert letter not in text and len(text) >= 6
    assert len({text[place : place + 2] for place in range(len(text) - 1)}) == len(text) - 1
