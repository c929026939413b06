"""The network of the question encoder: padding, batches, the shape and the weights of tokens."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from korlm.errors import InputError
from korlm.nn.question_encoder import QuestionEncoderConfig, QuestionEncoderNet


def make_net(cell: str) -> QuestionEncoderNet:
    torch.manual_seed(0)
    return QuestionEncoderNet(QuestionEncoderConfig(20, embedding=6, hidden=5, output=4, cell=cell)).eval()


NETS = {cell: make_net(cell) for cell in ("gru", "lstm")}


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@settings(deadline=None, max_examples=50)
@given(texts=st.lists(st.lists(st.integers(1, 19), min_size=1, max_size=9), min_size=2, max_size=5))
def test_a_text_has_the_same_vector_alone_and_in_a_padded_batch(cell: str, texts: list[list[int]]) -> None:
    net = NETS[cell]
    lengths = torch.tensor([len(text) for text in texts])
    padded = torch.full((len(texts), 12), 0)
    for row, text in enumerate(texts):
        padded[row, : len(text)] = torch.tensor(text)
    with torch.no_grad():
        batch = net(padded, lengths)
        for row, text in enumerate(texts):
            alone = net(torch.tensor([text]), torch.tensor([len(text)]))[0]
            torch.testing.assert_close(batch[row], alone)
    torch.testing.assert_close(batch.norm(dim=1), torch.ones(len(texts)))


def test_the_recurrent_term_makes_the_order_matter() -> None:
    net = NETS["gru"]
    lengths = torch.tensor([3, 3])
    ids = torch.tensor([[5, 6, 7], [7, 6, 5]])
    with torch.no_grad():
        means = net(ids, lengths, recurrent=False)
        vectors = net(ids, lengths)
    torch.testing.assert_close(means[0], means[1])
    assert not torch.allclose(vectors[0], vectors[1], atol=1e-3)


def test_the_output_is_the_formula_of_the_docstring() -> None:
    net = NETS["gru"]
    ids = torch.tensor([[5, 9, 7]])
    with torch.no_grad():
        embeddings = net.embedding(ids)[0]
        weights = net.importance(ids)[0].softmax(dim=0)
        forward, _ = net.forward_layer(embeddings)
        backward, _ = net.backward_layer(embeddings.flip(0))
        hidden = torch.cat([forward, backward.flip(0)], dim=1)
        expected = net.embedding_projection((weights * embeddings).sum(0)) + net.hidden_projection(
            (weights * hidden).sum(0)
        )
        torch.testing.assert_close(net(ids, torch.tensor([3]))[0], expected / expected.norm())


def test_a_shape_out_of_range_is_an_error() -> None:
    with pytest.raises(InputError, match="cell"):
        QuestionEncoderConfig(20, cell="transformer")
    with pytest.raises(InputError, match="vocab_size"):
        QuestionEncoderConfig(1)
