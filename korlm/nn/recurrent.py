"""`RecurrentLM`: embedding, RNN/GRU/LSTM, projection to the vocabulary; the state is an argument and a return value.

Shapes: ``B`` batch, ``T`` time, ``V`` vocabulary, ``E`` embedding, ``H`` hidden, ``L`` layers.

    >>> net = RecurrentLM(NetConfig(vocab_size=300, embedding=8, hidden=16))
    >>> hidden, state = net(torch.zeros(2, 5, dtype=torch.long))
    >>> net.logits(hidden).shape
    torch.Size([2, 5, 300])
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from korlm.errors import InputError

CELLS: dict[str, type[nn.RNN | nn.GRU | nn.LSTM]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
State = tuple[Tensor, ...]  # (h,) for RNN and GRU, (h, c) for LSTM; each [L, B, H]


@dataclass(frozen=True)
class NetConfig:
    """The shape of a recurrent language model.

    Attributes:
        vocab_size: ``V``.
        cell: ``rnn`` (tanh, Elman 1990), ``gru`` (Cho et al. 2014) or ``lstm`` (Hochreiter and Schmidhuber 1997).
        embedding: ``E``.
        hidden: ``H``.
        layers: ``L``.
        dropout: share of activations zeroed after the embedding, between layers and before the output.
        tied: the output weights are the embedding's (Press and Wolf 2017), through a projection where E is not H.
    """

    vocab_size: int
    cell: str = "lstm"
    embedding: int = 256
    hidden: int = 512
    layers: int = 1
    dropout: float = 0.0
    tied: bool = True

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise InputError(
                f"셀 '{self.cell}'은(는) 없습니다. {', '.join(CELLS)} 가운데 고르세요.",
                f"There is no cell '{self.cell}'. Choose from {', '.join(CELLS)}.",
            )
        if min(self.vocab_size, self.embedding, self.hidden, self.layers) < 1 or not 0 <= self.dropout < 1:
            raise InputError(
                "망의 크기는 1 이상, dropout은 0 이상 1 미만이어야 합니다.",
                "Sizes of the net must be at least 1, and dropout at least 0 and under 1.",
            )


class RecurrentLM(nn.Module):
    """A recurrent language model.

    Args:
        config: its shape.
        generator: the random generator of the initial weights; torch's global one by default.
    """

    def __init__(self, config: NetConfig, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.embedding)
        self.dropout = nn.Dropout(config.dropout)
        between = config.dropout if config.layers > 1 else 0.0
        self.rnn = CELLS[config.cell](config.embedding, config.hidden, config.layers, batch_first=True, dropout=between)
        width = config.embedding if config.tied else config.hidden
        self.project = nn.Linear(config.hidden, width) if width != config.hidden else nn.Identity()
        self.output = nn.Linear(width, config.vocab_size)
        if config.tied:
            self.output.weight = self.embedding.weight
        self._initialise(generator)

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Run over ids.

        Args:
            ids: ``[B, T]`` int64.
            state: from the call before, or None for zeros.

        Returns:
            Hidden outputs ``[B, T, E]`` (``[B, T, H]`` untied), for `logits`; and the new state.
        """
        inputs = self.dropout(self.embedding(ids))
        outputs, new = self.rnn(inputs, _unpack(state))
        return self.project(self.dropout(outputs)), new if isinstance(new, tuple) else (new,)

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one piece further, without dropout: what generation does over and over.

        On CPU ``nn.LSTM`` lays its weights out anew at every call, 1.7 ms at H 512 against 0.3 ms here.

        Args:
            ids: ``[B]`` int64.
            state: from the call before.

        Returns:
            Hidden outputs ``[B, E]`` (``[B, H]`` untied) and the new state; what `forward` gives for ``T`` = 1.
        """
        outputs = self.embedding(ids)
        layers: list[State] = []
        for layer in range(self.config.layers):
            names = (f"{kind}_l{layer}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            weights = [getattr(self.rnn, name) for name in names]
            if self.config.cell == "lstm":
                new: State = torch.lstm_cell(outputs, (state[0][layer], state[1][layer]), *weights)
            else:
                cell = torch.gru_cell if self.config.cell == "gru" else torch.rnn_tanh_cell
                new = (cell(outputs, state[0][layer], *weights),)
            outputs = new[0]
            layers.append(new)
        return self.project(outputs), tuple(torch.stack(parts) for parts in zip(*layers, strict=True))

    def logits(self, hidden: Tensor) -> Tensor:
        """Return unnormalised log-probabilities, ``[..., V]``."""
        return F.linear(hidden, self.output.weight.to(hidden.dtype), self.output.bias.to(hidden.dtype))

    def zero_state(self, batch: int) -> State:
        """Return the state of zeros for ``batch`` rows."""
        weight = self.embedding.weight
        shape = (self.config.layers, batch, self.config.hidden)
        return tuple(weight.new_zeros(shape) for _ in range(2 if self.config.cell == "lstm" else 1))

    @torch.no_grad()
    def _initialise(self, generator: torch.Generator | None) -> None:
        """Recurrent weights orthogonal per gate (Saxe et al. 2014), the rest Xavier-uniform, forget bias 1
        (Jozefowicz et al. 2015), other biases 0."""
        hidden = self.config.hidden
        for name, weight in self.named_parameters():
            if "weight_hh" in name:
                for gate in weight.split(hidden):
                    nn.init.orthogonal_(gate, generator=generator)
            elif name.startswith("embedding"):
                nn.init.normal_(weight, std=1 / math.sqrt(self.config.embedding), generator=generator)
            elif weight.dim() > 1:
                nn.init.xavier_uniform_(weight, generator=generator)
            else:
                nn.init.zeros_(weight)
                if "bias_ih" in name and self.config.cell == "lstm":
                    weight[hidden : 2 * hidden] = 1.0


def _unpack(state: State | None) -> Tensor | State | None:
    return state[0] if state is not None and len(state) == 1 else state
