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
from korlm.nn.inference import PrepackedStepper
from korlm.nn.lm import RecurrentLM
from korlm.tokenizers.base import EOS_ID
from korlm.tokenizers.lattice import Lattice

_MAX_NLL_GAP = 8.0  # nats; 5 lose 0.0003 bits per character, 14 win 0.0001 (docs/LOG.md)
_CONCURRENT_LINES = 128  # that are under way together: a fifth quicker than 64, and no slower than 256
_END_NODE = -1  # the node after a line's </s>


@dataclass(frozen=True)
class SegmentationSearchResult:
    """The segmentations that were found of a line.

    Attributes:
        nll: ``-ln`` of their probability together, the line's end included.
        best_segmentations: the likeliest of them, the best first, and the tokenizer's own: of each the nats, the ids, and whether it is
            the own one.
    """

    nll: float
    best_segmentations: list[tuple[float, tuple[int, ...], bool]]


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
class _LineSearch:
    """One line's search: paths that wait at nodes, the first node first."""

    line_index: int
    lattice: Lattice
    canonical_edges: set[tuple[int, int, int]]  # edges of the tokenizer's own segmentation: nodes from and to, the id
    max_nll: np.ndarray  # [nodes]: the nats at which a path falls behind
    paths_at_node: dict[int, list[_Path]] = field(default_factory=dict)
    node_queue: list[int] = field(default_factory=list)
    current_node: int = 0

    def add_path(self, node: int, path: _Path) -> None:
        if node not in self.paths_at_node:
            self.paths_at_node[node] = []
            heappush(self.node_queue, node)
        self.paths_at_node[node].append(path)

    def pop_paths(self, beam: int) -> list[_Path]:
        """Return the best paths at the first node that has any, and the tokenizer's own."""
        self.current_node = heappop(self.node_queue)
        paths = self.paths_at_node.pop(self.current_node)
        best = nsmallest(beam, paths)
        return best + [path for path in paths if path.own and path not in best]

    def build_result(self, finished_paths: Sequence[_Path], n: int) -> SegmentationSearchResult:
        found = sorted(finished_paths)
        nats = -float(np.logaddexp.reduce([-path.nats for path in found]))
        shown = found[:n] + [path for path in found[n:] if path.own]
        return SegmentationSearchResult(nats, [(path.nats, path.ids, path.own) for path in shown])


@torch.inference_mode()
def sum_segmentations(
    model: RecurrentLM,
    lattices: Iterator[Lattice],
    line_ids: Sequence[Sequence[int]],
    line_nlls: Sequence[np.ndarray],
    *,
    beam: int,
    n: int = 1,
    exact: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[SegmentationSearchResult]:
    """Return what was found for each line. Each is read by itself, as `korlm.models.scoring.line_nats` reads it.

    Args:
        model: the language model, in evaluation mode.
        lattices: of each line.
        line_ids: the ids of each line as the tokenizer gives them, without ``</s>``.
        line_nlls: what `line_nats` gives for them.
        beam: ways to come to one place that are followed up, at least 1.
        n: how many of the best to return.
        exact: with the weights as they stand, rather than rounded and laid out for quick steps, as for generation
            (`korlm.nn.inference`).
        progress: called with lines done and lines in all.
    """
    found: dict[int, SegmentationSearchResult] = {}
    stepper = model.build_stepper(copy=False) if exact else model.get_stepper()
    start = model.zero_state(1)
    begun = (
        _start_search(number, *given, start)
        for number, given in enumerate(zip(lattices, line_ids, line_nlls, strict=True))
    )
    live = list(islice(begun, _CONCURRENT_LINES))
    while live:
        for line, ended in _advance_searches(model, stepper, live, beam):
            found[line.line_index] = line.build_result(ended, n)
        live = [line for line in live if line.node_queue]
        live += islice(begun, _CONCURRENT_LINES - len(live))
        if progress:
            progress(len(found), len(line_ids))
    return [found[number] for number in range(len(line_ids))]


def _start_search(number: int, lattice: Lattice, ids: Sequence[int], nats: np.ndarray, start: State) -> _LineSearch:
    """Return a line's search, with the bound that the tokenizer's own segmentation sets."""
    spent = np.concatenate([[0.0], np.cumsum(nats[:-1])])
    nodes = lattice.path_nodes(ids)
    most = np.empty(len(lattice.edges))
    before = -1
    for node, cost in zip(nodes, spent, strict=True):  # between two of its nodes: what the later one costs
        most[before + 1 : node + 1] = cost + _MAX_NLL_GAP
        before = node
    line = _LineSearch(number, lattice, set(zip(nodes, [*nodes[1:], _END_NODE], [*ids, EOS_ID], strict=True)), most)
    line.add_path(0, _Path(0.0, EOS_ID, None, start, 0, own=True))
    return line


def _advance_searches(
    net: RecurrentLM, stepper: PrepackedStepper, live: Sequence[_LineSearch], beam: int
) -> list[tuple[_LineSearch, list[_Path]]]:
    """Take each line from its first node on; return the lines that are at their end, with all that they found."""
    paths = [(line, path) for line in live for path in line.pop_paths(beam)]
    hidden, state = net.step(
        torch.tensor([path.last for _, path in paths], device=net.embedding.weight.device),
        _stack_states([path for _, path in paths]),
        stepper,
    )
    targets = [_next_edges(line) for line, _ in paths]
    costs = iter(_edge_nlls(net, stepper, hidden, [[number for _, number in edges] for edges in targets]))
    ended: dict[int, tuple[_LineSearch, list[_Path]]] = {}
    for row, ((line, path), edges) in enumerate(zip(paths, targets, strict=True)):
        path.state = ()  # lets go of its memory once nothing else goes on from there
        for node, number in edges:
            own = path.own and (line.current_node, node, number) in line.canonical_edges
            further = _Path(path.nats + next(costs), number, path, state, row, own)
            if node == _END_NODE:
                ended.setdefault(line.line_index, (line, []))[1].append(further)
            elif further.nats <= line.max_nll[node] or own:
                line.add_path(node, further)
    return list(ended.values())


def _next_edges(line: _LineSearch) -> list[tuple[int, int]]:
    """Return where a line's paths may go from here: nodes and ids; ``</s>`` from the last node."""
    return (
        line.lattice.edges[line.current_node]
        if line.current_node < len(line.lattice.edges) - 1
        else [(_END_NODE, EOS_ID)]
    )


def _stack_states(paths: Sequence[_Path]) -> State:
    """Return the states of paths as the rows of one, ``[L, B, ...]`` each part."""
    rows = [[part[:, path.row] for part in path.state] for path in paths]
    return tuple(torch.stack(part, 1) for part in zip(*rows, strict=True))


def _edge_nlls(
    net: RecurrentLM, stepper: PrepackedStepper, hidden: Tensor, wanted: Sequence[Sequence[int]]
) -> list[float]:
    """Return ``-ln p`` of the ids that are wanted of each row, one after another."""
    logits = net.compute_logits(hidden) if stepper.compute_logits is None else stepper.compute_logits(hidden)
    rows = torch.tensor([row for row, ids in enumerate(wanted) for _ in ids], device=logits.device)
    ids = torch.tensor([number for numbers in wanted for number in numbers], device=logits.device)
    costs: list[float] = (logits.logsumexp(-1)[rows] - logits[rows, ids]).double().tolist()
    return costs
