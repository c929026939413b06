"""The shape of an encoder-decoder, as it stands in ``config.json``.

>>> Seq2SeqConfig(8000, hidden=256).layer_config(128).cell
'gru'
"""

from __future__ import annotations

from dataclasses import dataclass

from korlm.errors import InputError
from korlm.language import setting
from korlm.nn.attention import ATTENTIONS
from korlm.nn.config import NetConfig

SEQ2SEQ_CELLS = ("gru", "lstm")


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The shape of an encoder-decoder.

    Attributes:
        vocab_size: ``V``, of questions and answers alike.
        cell: ``gru`` or ``lstm``.
        embedding: ``E``; one table serves the encoder, the decoder and, tied, the output (Press and Wolf 2017).
        hidden: ``H``, even: of the decoder, and of both directions of the encoder together.
        layers: ``L`` of the encoder and of the decoder.
        attention: ``general``, ``dot`` or ``additive``; see `korlm.nn.attention`.
        dropout: share of activations zeroed after the embeddings, between layers and before the output.
        layer_norm: normalise the gates (Ba et al. 2016).
        max_length: pieces of a question or an answer at most, ``<s>`` and ``</s>`` counted. Longer questions are cut
            where they are answered, longer pairs are not learnt from.

    Raises:
        InputError: a value out of its range.
    """

    vocab_size: int
    cell: str = setting("gru", "셀: gru, lstm", "cell: gru or lstm")
    embedding: int = setting(256, "임베딩 너비 E", "embedding width, E")
    hidden: int = setting(512, "은닉 너비 H (짝수)", "hidden width, H (even)")
    layers: int = setting(1, "인코더와 디코더의 층 수 L", "layers of the encoder and of the decoder, L")
    attention: str = setting("general", "주의: general, dot, additive", "attention: general, dot or additive")
    dropout: float = setting(0.0, "드롭아웃", "dropout")
    layer_norm: bool = setting(False, "층 정규화 셀 (느림)", "layer-normalised cells (slow)")
    max_length: int = setting(
        64, "물음과 답의 길이 한도 (조각, <s>와 </s>도 셈)", "longest question or answer (pieces, <s> and </s> too)"
    )

    def __post_init__(self) -> None:
        for name, choices in (("cell", SEQ2SEQ_CELLS), ("attention", ATTENTIONS)):
            if getattr(self, name) not in choices:
                raise InputError(
                    f"{name} '{getattr(self, name)}'은(는) 없습니다. {', '.join(choices)} 가운데 고르세요.",
                    f"There is no {name} '{getattr(self, name)}'. Choose from {', '.join(choices)}.",
                )
        sizes = (self.vocab_size, self.embedding, self.hidden, self.layers)
        if min(sizes) < 1 or self.hidden % 2 or not 0 <= self.dropout < 1 or self.max_length < 3:
            raise InputError(
                "망의 크기는 1 이상, hidden은 짝수, dropout은 0 이상 1 미만, max_length는 3 이상이어야 합니다.",
                "Sizes of the net must be at least 1, hidden even, dropout at least 0 and under 1, max_length at least 3.",
            )

    def layer_config(self, hidden: int) -> NetConfig:
        """Return the shape of a layer of this net, for `korlm.nn.layers`."""
        return NetConfig(
            self.vocab_size, cell=self.cell, embedding=self.embedding, hidden=hidden, layer_norm=self.layer_norm
        )
