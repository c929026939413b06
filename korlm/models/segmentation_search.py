"""The probability of a line over its segmentations: a beam search through its lattice.

The state of a recurrent network depends on every preceding token. So paths that meet cannot be merged as in a hidden Markov
model, and the sum over all of them is intractable. The sum over some of them is a lower bound on the probability, so its code
length is achievable. Here it is over the likeliest: at each position the ``beam`` best paths, of those within 8 nats (a factor
of 3,000) of the tokenizer's own, which is always included.

    ln P(x) = ln sum over t of P(t) >= ln sum over found t of P(t) >= ln P(the tokenizer's t)

Cao and Rimell (2021), "You should evaluate your language model on marginal likelihood over tokenisations", sample
segmentations instead (importance sampling), which needs a tokenizer that can be sampled from.
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

_MAX_NLL_GAP = 8.0  # nats; 5 loses 0.0003 bits per character, 14 gains 0.0001 (dev/LOG.md)
_CONCURRENT_LINES = 128  # a fifth faster than 64, and no slower than 256
_END_NODE = -1  # the node after a line's </s>


@dataclass(frozen=True)
class SegmentationSearchResult:
    """The segmentations found for a line."""

    nll: float  # ``-ln`` of their total probability, including the end of the line
    # the likeliest, best first, and the tokenizer's own; for each the nats, the ids, and whether it is the tokenizer's
    best_segmentations: list[tuple[float, tuple[int, ...], bool]]


class _Path:
    """The beginning of a segmentation.

    Attributes:
        nll: its negative log-likelihood.
        last_id: its last token.
        previous: the path without the last token.
        state: the recurrent state before the last token; `row` is the path's row of it.
        is_canonical: it is part of the tokenizer's own segmentation.
    """

    __slots__ = ("is_canonical", "last_id", "nll", "previous", "row", "state")

    def __init__(
        self, nll: float, last_id: int, previous: _Path | None, state: State, row: int, is_canonical: bool
    ) -> None:
        self.nll, self.last_id, self.previous = nll, last_id, previous
        self.state, self.row, self.is_canonical = state, row, is_canonical

    def __lt__(self, other: _Path) -> bool:
        return self.nll < other.nll

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of a finished path, without ``</s>``."""
        ids: list[int] = []
        path = self.previous
        while path is not None and path.previous is not None:
            ids.append(path.last_id)
            path = path.previous
        return tuple(reversed(ids))


@dataclass
class _LineSearch:
    """The search of one line: the paths waiting at each node, earliest node first."""

    line_index: int
    lattice: Lattice
    canonical_edges: set[tuple[int, int, int]]  # of the tokenizer's own segmentation: source node, target node, id
    max_nll: np.ndarray  # [nodes]: above it a path is pruned
    paths_at_node: dict[int, list[_Path]] = field(default_factory=dict)
    node_queue: list[int] = field(default_factory=list)
    current_node: int = 0

    def add_path(self, node: int, path: _Path) -> None:
        if node not in self.paths_at_node:
            self.paths_at_node[node] = []
            heappush(self.node_queue, node)
        self.paths_at_node[node].append(path)

    def pop_paths(self, beam: int) -> list[_Path]:
        """Return the best paths at the earliest node that has any, and the tokenizer's own."""
        self.current_node = heappop(self.node_queue)
        paths = self.paths_at_node.pop(self.current_node)
        best = nsmallest(beam, paths)
        return best + [path for path in paths if path.is_canonical and path not in best]

    def next_edges(self) -> list[tuple[int, int]]:
        """Return the edges from the current node, as node and id; ``</s>`` from the last node."""
        edges = self.lattice.edges
        return edges[self.current_node] if self.current_node < len(edges) - 1 else [(_END_NODE, EOS_ID)]

    def build_result(self, finished_paths: Sequence[_Path], n: int) -> SegmentationSearchResult:
        paths = sorted(finished_paths)
        nll = -float(np.logaddexp.reduce([-path.nll for path in paths]))
        best = paths[:n] + [path for path in paths[n:] if path.is_canonical]
        return SegmentationSearchResult(nll, [(path.nll, path.ids, path.is_canonical) for path in best])


@torch.inference_mode()
def sum_segmentations(
    model: RecurrentLM, lattices: Iterator[Lattice], line_ids: Sequence[Sequence[int]],
    line_nlls: Sequence[np.ndarray], *, beam: int, n: int = 1, exact: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> list[SegmentationSearchResult]:  # fmt: skip
    """Return the result of each line. Each is read on its own, as by `korlm.models.scoring.token_nlls`.

    Args:
        model: the language model, in evaluation mode.
        lattices: the lattice of each line.
        line_ids: the tokenizer's ids of each line, without ``</s>``.
        line_nlls: their negative log-likelihoods, of `token_nlls`.
        beam: paths kept at each position, at least 1.
        n: number of best segmentations to return.
        exact: use the weights themselves, not those packed for generation (`korlm.nn.inference`).
        progress: called with the number of lines done and in all.
    """
    results: dict[int, SegmentationSearchResult] = {}
    stepper = model.build_stepper(copy=False) if exact else model.get_stepper()
    initial_state = model.zero_state(1)
    searches = (
        _start_search(index, *line, initial_state)
        for index, line in enumerate(zip(lattices, line_ids, line_nlls, strict=True))
    )
    active = list(islice(searches, _CONCURRENT_LINES))
    while active:
        for line, finished_paths in _advance_searches(model, stepper, active, beam):
            results[line.line_index] = line.build_result(finished_paths, n)
        active = [line for line in active if line.node_queue]
        active += islice(searches, _CONCURRENT_LINES - len(active))
        if progress:
            progress(len(results), len(line_ids))
    return [results[index] for index in range(len(line_ids))]


def _start_search(
    line_index: int, lattice: Lattice, ids: Sequence[int], nlls: np.ndarray, initial_state: State
) -> _LineSearch:
    """Return the search of a line, pruned by the cost of the tokenizer's own segmentation."""
    costs = np.concatenate([[0.0], np.cumsum(nlls[:-1])])
    nodes = lattice.path_nodes(ids)
    max_nll = np.empty(len(lattice.edges))
    previous = -1
    for node, cost in zip(nodes, costs, strict=True):  # between two of its nodes: the cost of the later one
        max_nll[previous + 1 : node + 1] = cost + _MAX_NLL_GAP
        previous = node
    canonical_edges = set(zip(nodes, [*nodes[1:], _END_NODE], [*ids, EOS_ID], strict=True))
    line = _LineSearch(line_index, lattice, canonical_edges, max_nll)
    line.add_path(0, _Path(0.0, EOS_ID, None, initial_state, 0, is_canonical=True))
    return line


def _advance_searches(
    model: RecurrentLM, stepper: PrepackedStepper, active: Sequence[_LineSearch], beam: int
) -> list[tuple[_LineSearch, list[_Path]]]:
    """Extend the paths at each line's earliest node; return the lines that end, with their finished paths."""
    paths = [(line, path) for line in active for path in line.pop_paths(beam)]
    hidden, state = model.step(
        torch.tensor([path.last_id for _, path in paths], device=model.embedding.weight.device),
        _stack_states([path for _, path in paths]),
        stepper,
    )
    path_edges = [line.next_edges() for line, _ in paths]
    logits = model.compute_logits(hidden) if stepper.compute_logits is None else stepper.compute_logits(hidden)
    costs = iter(_edge_nlls(logits, [[token_id for _, token_id in edges] for edges in path_edges]))
    finished: dict[int, tuple[_LineSearch, list[_Path]]] = {}
    for row, ((line, path), edges) in enumerate(zip(paths, path_edges, strict=True)):
        path.state = ()  # frees the memory once no other path needs the state
        for node, token_id in edges:
            is_canonical = path.is_canonical and (line.current_node, node, token_id) in line.canonical_edges
            extended = _Path(path.nll + next(costs), token_id, path, state, row, is_canonical)
            if node == _END_NODE:
                finished.setdefault(line.line_index, (line, []))[1].append(extended)
            elif extended.nll <= line.max_nll[node] or is_canonical:
                line.add_path(node, extended)
    return list(finished.values())


def _stack_states(paths: Sequence[_Path]) -> State:
    """Return the states of paths as the rows of one state, each part ``[L, B, ...]``."""
    rows = [[part[:, path.row] for part in path.state] for path in paths]
    return tuple(torch.stack(part, 1) for part in zip(*rows, strict=True))


def _edge_nlls(logits: Tensor, row_ids: Sequence[Sequence[int]]) -> list[float]:
    """Return ``-ln p`` of the given ids of each row, as a flat list."""
    rows = torch.tensor([row for row, ids in enumerate(row_ids) for _ in ids], device=logits.device)
    ids = torch.tensor([token_id for ids in row_ids for token_id in ids], device=logits.device)
    costs: list[float] = (logits.logsumexp(-1)[rows] - logits[rows, ids]).double().tolist()
    return costs
