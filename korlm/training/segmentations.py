"""The probability of a line over all its segmentations: a beam through its lattice, the net's state at each end.

A recurrent net's state hangs on every piece before it, so that paths which meet cannot be joined as in a hidden Markov model,
and the sum over all of them is out of reach. The sum over some of them is a lower bound of the probability, so its code length
is still one that a coder could reach. Here it is over the likeliest: at each place in the text the ``beam`` best ways to come
there, of those that are not 8 nats (a factor of 3,000) behind the tokenizer's own, which is always among them.

    ln P(x) = ln sum over t of P(t) >= ln sum over found t of P(t) >= ln P(the tokenizer's t)

Cao and Rimell (2021), "You should evaluate your language model on marginal likelihood over tokenisations", draw segmentations
at random instead (importance sampling), which needs a tokenizer that can be drawn from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, nsmallest
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from korlm.nn.cells import State
from korlm.nn.recurrent import RecurrentLM
from korlm.nn.stepping import Stepper
from korlm.tokenizers.base import EOS_ID
from korlm.tokenizers.lattice import Lattice

_BEHIND = 8.0  # nats; 5 lose 0.0003 bits per character, 14 win 0.0001 (docs/LOG.md)
_LINES = 128  # that are under way together: a fifth quicker than 64, and no slower than 256
_ENDED = -1  # the node after a line's </s>


@dataclass(frozen=True)
class Segmentations:
    """The segmentations that were found of a line.

    Attributes:
        nats: ``-ln`` of their probability together, the line's end included.
        best: the likeliest of them, the best first, and the tokenizer's own: of each the nats, the ids, and whether it is
            the own one.
    """

    nats: float
    best: list[tuple[float, tuple[int, ...], bool]]


class _Path:
    """The beginning of a segmentation: what it costs, its last id, the state before that id, and whether it is the own one."""

    __slots__ = ("before", "last", "nats", "own", "row", "state")

    def __init__(self, nats: float, last: int, before: _Path | None, state: State, row: int, own: bool) -> None:
        self.nats, self.last, self.before = nats, last, before
        self.state, self.row, self.own = state, row, own

    def __lt__(self, other: _Path) -> bool:
        return self.nats < other.nats

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of a path that has ended, without ``</s>``."""
        found: list[int] = []
        path = self.before
        while path is not None and path.before is not None:
            found.append(path.last)
            path = path.before
        return tuple(reversed(found))


@dataclass
class _Line:
    """One line's search: paths that wait at nodes, the first node first."""

    number: int
    lattice: Lattice
    own: set[tuple[int, int, int]]  # edges of the tokenizer's own segmentation: nodes from and to, the id
    most: np.ndarray  # [nodes]: the nats at which a path falls behind
    waiting: dict[int, list[_Path]] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)
    node: int = 0

    def add(self, node: int, path: _Path) -> None:
        if node not in self.waiting:
            self.waiting[node] = []
            heappush(self.queue, node)
        self.waiting[node].append(path)

    def next_paths(self, beam: int) -> list[_Path]:
        """Return the best paths at the first node that has any, and the tokenizer's own."""
        self.node = heappop(self.queue)
        paths = self.waiting.pop(self.node)
        best = nsmallest(beam, paths)
        return best + [path for path in paths if path.own and path not in best]

    def result(self, ended: Sequence[_Path], n: int) -> Segmentations:
        found = sorted(ended)
        nats = -float(np.logaddexp.reduce([-path.nats for path in found]))
        shown = found[:n] + [path for path in found[n:] if path.own]
        return Segmentations(nats, [(path.nats, path.ids, path.own) for path in shown])


@torch.inference_mode()
def sum_segmentations(
    net: RecurrentLM,
    lattices: Iterator[Lattice],
    lines: Sequence[Sequence[int]],
    nats: Sequence[np.ndarray],
    *,
    beam: int,
    n: int = 1,
    exact: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[Segmentations]:
    """Return what was found for each line. Each is read by itself, as `korlm.training.scoring.line_nats` reads it.

    Args:
        net: the language model, in evaluation mode.
        lattices: of each line.
        lines: the ids of each line as the tokenizer gives them, without ``</s>``.
        nats: what `line_nats` gives for them.
        beam: ways to come to one place that are followed up, at least 1.
        n: how many of the best to return.
        exact: with the weights as they stand, rather than rounded and laid out for quick steps, as for generation
            (`korlm.nn.stepping`).
        progress: called with lines done and lines in all.
    """
    found: dict[int, Segmentations] = {}
    stepper = net.new_stepper(copy=False) if exact else net.stepper()
    start = net.zero_state(1)
    begun = (_begin(number, *given, start) for number, given in enumerate(zip(lattices, lines, nats, strict=True)))
    live = list(islice(begun, _LINES))
    while live:
        for line, ended in _advance(net, stepper, live, beam):
            found[line.number] = line.result(ended, n)
        live = [line for line in live if line.queue]
        live += islice(begun, _LINES - len(live))
        if progress:
            progress(len(found), len(lines))
    return [found[number] for number in range(len(lines))]


def _begin(number: int, lattice: Lattice, ids: Sequence[int], nats: np.ndarray, start: State) -> _Line:
    """Return a line's search, with the bound that the tokenizer's own segmentation sets."""
    spent = np.concatenate([[0.0], np.cumsum(nats[:-1])])
    nodes = lattice.nodes(ids)
    most = np.empty(len(lattice.edges))
    before = -1
    for node, cost in zip(nodes, spent, strict=True):  # between two of its nodes: what the later one costs
        most[before + 1 : node + 1] = cost + _BEHIND
        before = node
    line = _Line(number, lattice, set(zip(nodes, [*nodes[1:], _ENDED], [*ids, EOS_ID], strict=True)), most)
    line.add(0, _Path(0.0, EOS_ID, None, start, 0, own=True))
    return line


def _advance(net: RecurrentLM, stepper: Stepper, live: Sequence[_Line], beam: int) -> list[tuple[_Line, list[_Path]]]:
    """Take each line from its first node on; return the lines that are at their end, with all that they found."""
    paths = [(line, path) for line in live for path in line.next_paths(beam)]
    hidden, state = net.step(
        torch.tensor([path.last for _, path in paths], device=net.embedding.weight.device),
        _gather([path for _, path in paths]),
        stepper,
    )
    targets = [_targets(line) for line, _ in paths]
    costs = iter(_costs(net, stepper, hidden, [[number for _, number in edges] for edges in targets]))
    ended: dict[int, tuple[_Line, list[_Path]]] = {}
    for row, ((line, path), edges) in enumerate(zip(paths, targets, strict=True)):
        path.state = ()  # lets go of its memory once nothing else goes on from there
        for node, number in edges:
            own = path.own and (line.node, node, number) in line.own
            further = _Path(path.nats + next(costs), number, path, state, row, own)
            if node == _ENDED:
                ended.setdefault(line.number, (line, []))[1].append(further)
            elif further.nats <= line.most[node] or own:
                line.add(node, further)
    return list(ended.values())


def _targets(line: _Line) -> list[tuple[int, int]]:
    """Return where a line's paths may go from here: nodes and ids; ``</s>`` from the last node."""
    return line.lattice.edges[line.node] if line.node < len(line.lattice.edges) - 1 else [(_ENDED, EOS_ID)]


def _gather(paths: Sequence[_Path]) -> State:
    """Return the states of paths as the rows of one, ``[L, B, ...]`` each part."""
    rows = [[part[:, path.row] for part in path.state] for path in paths]
    return tuple(torch.stack(part, 1) for part in zip(*rows, strict=True))


def _costs(net: RecurrentLM, stepper: Stepper, hidden: Tensor, wanted: Sequence[Sequence[int]]) -> list[float]:
    """Return ``-ln p`` of the ids that are wanted of each row, one after another."""
    logits = net.logits(hidden) if stepper.logits is None else stepper.logits(hidden)
    rows = torch.tensor([row for row, ids in enumerate(wanted) for _ in ids], device=logits.device)
    ids = torch.tensor([number for numbers in wanted for number in numbers], device=logits.device)
    costs: list[float] = (logits.logsumexp(-1)[rows] - logits[rows, ids]).double().tolist()
    return costs
