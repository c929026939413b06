"""`QuestionEncoderNet`: a text as one vector, from a weighted mean of embeddings and of a bidirectional recurrent layer's outputs.

Shapes: ``B`` batch, ``T`` length, ``V`` vocabulary, ``E`` embedding, ``H`` hidden size per direction, ``D`` output.

    weights   a = softmax over the text of one learned scalar per token id (rare content words count more)
    output    W_e sum_t a_t e_t + W_h sum_t a_t [forward h_t, backward h_t], scaled to unit length

The mean of embeddings is as in SIF (Arora et al. 2017, "A simple but tough-to-beat baseline for sentence embeddings"), with
learned weights; the recurrent term adds word order.

>>> net = QuestionEncoderNet(QuestionEncoderConfig(vocab_size=50, embedding=8, hidden=4, output=6)).eval()
>>> vectors = net(torch.tensor([[5, 6, 7], [8, 9, 0]]), torch.tensor([3, 2]))
>>> vectors.shape, vectors.norm(dim=1).round(decimals=3).tolist()
(torch.Size([2, 6]), [1.0, 1.0])
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.config import setting, validate

PAD_ID, UNKNOWN_ID = 0, 1


@dataclass(frozen=True)
class QuestionEncoderConfig:
    """The shape of a `QuestionEncoderNet`.

    Raises:
        InputError: a value out of its range.
    """

    vocab_size: int = setting(0, "어휘 크기", "vocabulary size", ge=2)
    embedding: int = setting(256, "임베딩 너비", "embedding width", ge=1)
    hidden: int = setting(128, "방향마다 은닉 너비", "hidden size per direction", ge=1)
    output: int = setting(192, "벡터의 너비", "width of the vectors", ge=1)
    cell: str = setting("gru", "순환 셀", "recurrent cell", choices=("gru", "lstm"))

    def __post_init__(self) -> None:
        validate(self)


class QuestionEncoderNet(nn.Module):
    """An encoder of short texts. Padding never changes a result: the backward layer reads each text from its own end."""

    def __init__(self, config: QuestionEncoderConfig) -> None:
        super().__init__()
        self.config = config
        layer_class = {"gru": nn.GRU, "lstm": nn.LSTM}[config.cell]
        self.embedding = nn.Embedding(config.vocab_size, config.embedding, padding_idx=PAD_ID)
        self.importance = nn.Embedding(config.vocab_size, 1, padding_idx=PAD_ID)
        self.forward_layer = layer_class(config.embedding, config.hidden, batch_first=True)
        self.backward_layer = layer_class(config.embedding, config.hidden, batch_first=True)
        self.embedding_projection = nn.Linear(config.embedding, config.output, bias=False)
        self.hidden_projection = nn.Linear(2 * config.hidden, config.output, bias=False)
        self.answer_projection = nn.Linear(config.output, config.output)
        with torch.no_grad():
            nn.init.normal_(self.embedding.weight, std=config.embedding**-0.5)
            nn.init.zeros_(self.importance.weight)
            nn.init.eye_(self.answer_projection.weight)
            nn.init.zeros_(self.answer_projection.bias)
            self.embedding.weight[PAD_ID] = 0.0

    def forward(self, ids: Tensor, lengths: Tensor, *, dropout: float = 0.0, recurrent: bool = True) -> Tensor:
        """Return unit vectors, ``[B, D]``.

        Args:
            ids: ``[B, T]`` int64, padded at the end with `PAD_ID`.
            lengths: ``[B]``, at least 1.
            dropout: dropout rate of the embeddings' entries in training mode.
            recurrent: include the recurrent term; False trains the mean of embeddings alone, which is much faster.
        """
        positions = torch.arange(ids.shape[1])
        mask = positions < lengths[:, None]
        embeddings = F.dropout(self.embedding(ids), dropout, self.training)
        weights = self.importance(ids).squeeze(-1).masked_fill(~mask, -torch.inf).softmax(dim=1).unsqueeze(-1)
        output = self.embedding_projection((weights * embeddings).sum(dim=1))
        if recurrent:
            # an index that reverses each text in place and leaves its padding at the end
            reverse = torch.where(mask, lengths[:, None] - 1 - positions, positions)[:, :, None]
            forward_hidden, _ = self.forward_layer(embeddings)
            reversed_embeddings = embeddings.gather(1, reverse.expand_as(embeddings))
            backward_hidden, _ = self.backward_layer(reversed_embeddings)
            backward_hidden = backward_hidden.gather(1, reverse.expand_as(backward_hidden))
            hidden = torch.cat([forward_hidden, backward_hidden], dim=2)
            output = output + self.hidden_projection((weights * hidden).sum(dim=1))
        return F.normalize(output, dim=1)

    def project_answers(self, vectors: Tensor) -> Tensor:
        """Map vectors of answers, ``[B, D]``, to unit vectors near those of the questions that they answer."""
        return F.normalize(self.answer_projection(vectors), dim=1)
