"""The shapes of a recurrent language model (`NetConfig`) and an encoder-decoder (`Seq2SeqConfig`), as in ``config.json``.

>>> NetConfig(8000, cell="gru", layers=2, dropout=0.3).effective_hidden_dropout
0.3
>>> Seq2SeqConfig(8000, hidden=256).layer_config(128).cell
'gru'
"""

from __future__ import annotations

from dataclasses import dataclass, field

from korlm.config import setting, validate
from korlm.errors import InputError

CELLS = {"rnn": 1, "relu": 1, "gru": 3, "lstm": 4}  # with the number of gates: blocks of H rows in the weights
INITIALIZATIONS = ("orthogonal", "xavier", "he", "uniform")
SOFTMAXES = ("full", "adaptive")
# no weight's shape depends on them
DROPOUT_FIELDS = ("dropout", "hidden_dropout", "embedding_dropout", "weight_dropout", "locked")
ADAPTIVE_DIV_VALUE = 4  # each cluster of the adaptive softmax is this much narrower than the one before it


@dataclass(frozen=True)
class NetConfig:
    """The shape of a recurrent language model.

    Attributes:
        vocab_size: ``V``.
        cell: ``rnn`` (Elman 1990, tanh), ``relu`` (Elman with a rectifier, Le et al. 2015), ``gru`` (Cho et al. 2014)
            or ``lstm`` (Hochreiter and Schmidhuber 1997).
        embedding: ``E``.
        hidden: ``H``.
        layers: ``L``.
        dropout: dropout rate after the embedding and before the output.
        tied: the output weights are the embedding's (Press and Wolf 2017), through a projection where the recurrent
            width is not E.
        projection: ``P``, width of an LSTM's projected hidden state (Sak et al. 2014); 0 for none.
        hidden_dropout: dropout rate between layers; None for that of `dropout`.
        embedding_dropout: probability of zeroing an id's whole embedding (Gal and Ghahramani 2016).
        weight_dropout: dropout rate of hidden-to-hidden weights: DropConnect (Wan et al. 2013, Merity et al. 2018).
        locked: one dropout mask for all time steps of a window (variational dropout, Gal and Ghahramani 2016) instead of
            one per step.
        layer_norm: normalize the gates (Ba et al. 2016); see `korlm.nn.layer_norm`.
        initialisation: ``orthogonal``, ``xavier``, ``he`` or ``uniform``; see `korlm.nn.init`.
        forget_bias: initial bias of an LSTM's forget gate (Gers et al. 2000; Jozefowicz et al. 2015 advise 1).
        softmax: ``full``, or ``adaptive`` (Grave et al. 2017): the ids from each cutoff on form a cluster that is
            computed only where it is needed, with narrower weights. Its output weights are not tied (``tied=False``).

            Ids should be ordered by frequency. korlm's vocabularies start with some 260 special tokens and bytes, nearly
            all rare, which the head computes at each step; so a cutoff below about 500 leaves hardly any text in the
            head. It pays from a V of about 30,000; its perplexity is slightly worse than the full softmax's.
        cutoffs: first id of each cluster, ascending; () for V / 8 and V / 2. Only for ``adaptive``.
        ngrams: the longest n-gram whose hashed embedding is added to the input and the output, at least 2; 0 for none. See
            `korlm.nn.ngrams`. There are `buckets` rows per n, each `ngram_width` wide.

    Raises:
        InputError: a value out of its range, or two that exclude each other.
    """

    vocab_size: int = field(metadata={"bounds": {"ge": 1}, "ko": "어휘 크기 V", "en": "vocabulary size, V"})
    cell: str = setting("lstm", "셀: rnn, relu, gru, lstm", "cell: rnn, relu, gru or lstm", choices=CELLS)
    embedding: int = setting(256, "임베딩 너비 E", "embedding width, E", ge=1)
    hidden: int = setting(512, "은닉 너비 H", "hidden width, H", ge=1)
    layers: int = setting(1, "층 수 L", "layers, L", ge=1)
    dropout: float = setting(0.0, "드롭아웃 (입력과 출력)", "dropout (input and output)", ge=0, lt=1)
    tied: bool = setting(True, "출력 가중치를 임베딩과 함께 씀", "tie the output weights to the embedding")
    projection: int = setting(0, "LSTM 상태의 사영 너비 P (0이면 없음)", "width of an LSTM's projected state (0: none)")
    hidden_dropout: float | None = setting(None, "층 사이 드롭아웃", "dropout between layers", kind=float, ge=0, lt=1)
    embedding_dropout: float = setting(0.0, "토큰째 빠지는 드롭아웃", "dropout of whole embeddings", ge=0, lt=1)
    weight_dropout: float = setting(
        0.0, "순환 가중치 드롭아웃 (DropConnect)", "dropout of recurrent weights (DropConnect)", ge=0, lt=1
    )
    locked: bool = setting(False, "창 안에서 같은 드롭아웃 마스크", "one dropout mask for a whole window")
    layer_norm: bool = setting(False, "층 정규화 셀 (느림)", "layer-normalized cells (slow)")
    initialisation: str = setting(
        "orthogonal",
        "초기값: orthogonal, xavier, he, uniform",
        "first weights: orthogonal, xavier, he, uniform",
        choices=INITIALIZATIONS,
    )
    forget_bias: float = setting(1.0, "LSTM 망각 문의 첫 편향", "first bias of an LSTM's forget gate")
    softmax: str = setting("full", "소프트맥스: full, adaptive", "softmax: full or adaptive", choices=SOFTMAXES)
    cutoffs: tuple[int, ...] = setting((), "adaptive의 경계 ID", "first ids of adaptive's clusters", kind=int)
    ngrams: int = setting(0, "해시 n-그램의 가장 긴 n (0이면 없음)", "longest hashed n-gram (0: none)")
    buckets: int = setting(131_072, "n마다 해시 표의 행 수", "rows of the hash table for each n")
    ngram_width: int = setting(64, "해시 표의 행 너비", "width of the hash table's rows")

    def __post_init__(self) -> None:
        validate(self)
        if self.projection and (self.cell != "lstm" or not 0 < self.projection < self.hidden):
            raise InputError(
                f"projection {self.projection}은(는) 쓸 수 없습니다. lstm에서만, 0(없음)부터 hidden - 1까지입니다.",
                f"projection cannot be {self.projection}: only lstm has one, from 0 (none) to hidden - 1.",
            )
        if self.ngrams and (not 2 <= self.ngrams <= 6 or min(self.buckets, self.ngram_width) < 1):
            raise InputError(
                f"ngrams {self.ngrams}은(는) 쓸 수 없습니다. 0(없음)이나 2~6이고, 표의 크기는 1 이상입니다.",
                f"ngrams cannot be {self.ngrams}: 0 (none) or 2 to 6, and its table at least 1 by 1.",
            )
        object.__setattr__(self, "cutoffs", self._resolve_cutoffs())

    @property
    def effective_hidden_dropout(self) -> float:
        """Dropout rate between layers."""
        return self.dropout if self.hidden_dropout is None else self.hidden_dropout

    @property
    def recurrent_width(self) -> int:
        """Width of the recurrent output and of the state's h: ``P`` with a projection, else ``H``."""
        return self.projection or self.hidden

    def _resolve_cutoffs(self) -> tuple[int, ...]:
        cutoffs = tuple(self.cutoffs)
        if self.softmax == "full":
            if cutoffs:
                raise InputError(
                    "cutoffs는 softmax='adaptive'와 함께 씁니다.", "cutoffs go with softmax='adaptive' alone."
                )
            return ()
        if self.tied:
            raise InputError(
                "adaptive softmax의 출력 가중치는 임베딩과 묶을 수 없습니다. tied=False로 쓰세요.",
                "The adaptive softmax cannot be tied to the embedding. Set tied=False.",
            )
        if not cutoffs:
            cutoffs = default_cutoffs(self.vocab_size, self.recurrent_width)
        rising = all(low < high for low, high in zip((0, *cutoffs), (*cutoffs, self.vocab_size), strict=True))
        if not cutoffs or not rising or self.recurrent_width < ADAPTIVE_DIV_VALUE ** len(cutoffs):
            raise InputError(
                f"cutoffs {cutoffs}은(는) 쓸 수 없습니다. 1부터 {self.vocab_size - 1}까지 커지는 수여야 하고, n개면 "
                f"망의 너비가 {ADAPTIVE_DIV_VALUE}^n 이상이어야 합니다.",
                f"cutoffs cannot be {cutoffs}: they must rise within 1 to {self.vocab_size - 1}, and n of them need "
                f"a net at least {ADAPTIVE_DIV_VALUE}^n wide.",
            )
        return cutoffs


def default_cutoffs(vocab_size: int, width: int) -> tuple[int, ...]:
    """Return the cutoffs of an adaptive softmax over ``V`` ids: V / 8 and V / 2, as far as the width allows.

    >>> default_cutoffs(32_000, 512)
    (4000, 16000)
    """
    cutoffs = sorted({vocab_size // 8, vocab_size // 2} - {0})
    return tuple(cutoffs if width >= ADAPTIVE_DIV_VALUE**2 else cutoffs[:1])


SEQ2SEQ_CELLS = ("gru", "lstm")
ATTENTIONS = ("general", "dot", "additive")


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The shape of an encoder-decoder.

    Attributes:
        vocab_size: ``V``, shared by questions and answers.
        cell: ``gru`` or ``lstm``.
        embedding: ``E``; one table serves the encoder, the decoder and, tied, the output (Press and Wolf 2017).
        hidden: ``H``, even; of the decoder, and of both directions of the encoder together.
        layers: ``L`` of the encoder and of the decoder.
        attention: ``general``, ``dot`` or ``additive``; see `korlm.nn.attention`.
        dropout: dropout rate after the embeddings, between layers and before the output.
        layer_norm: normalize the gates (Ba et al. 2016).
        max_length: maximum tokens of a question or an answer, including ``<s>`` and ``</s>``. Longer questions are
            truncated when answering; longer pairs are left out of training.

    Raises:
        InputError: a value out of its range.
    """

    vocab_size: int = field(metadata={"bounds": {"ge": 1}, "ko": "어휘 크기 V", "en": "vocabulary size, V"})
    cell: str = setting("gru", "셀: gru, lstm", "cell: gru or lstm", choices=SEQ2SEQ_CELLS)
    embedding: int = setting(256, "임베딩 너비 E", "embedding width, E", ge=1)
    hidden: int = setting(512, "은닉 너비 H (짝수)", "hidden width, H (even)", ge=1)
    layers: int = setting(1, "인코더와 디코더의 층 수 L", "layers of the encoder and of the decoder, L", ge=1)
    attention: str = setting(
        "general", "주의: general, dot, additive", "attention: general, dot or additive", choices=ATTENTIONS
    )
    dropout: float = setting(0.0, "드롭아웃", "dropout", ge=0, lt=1)
    layer_norm: bool = setting(False, "층 정규화 셀 (느림)", "layer-normalized cells (slow)")
    max_length: int = setting(
        64,
        "물음과 답의 길이 한도 (토큰, <s>와 </s>도 셈)",
        "longest question or answer (pieces, <s> and </s> too)",
        ge=3,
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.hidden % 2:
            raise InputError(f"hidden은 짝수여야 합니다({self.hidden}).", f"hidden must be even, not {self.hidden}.")

    def layer_config(self, hidden: int) -> NetConfig:
        """Return the configuration of one layer, for `korlm.nn.layers`."""
        return NetConfig(
            self.vocab_size, cell=self.cell, embedding=self.embedding, hidden=hidden, layer_norm=self.layer_norm
        )
