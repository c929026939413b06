"""Beam search: the texts that the model as a whole finds likeliest, with length normalisation and n-best lists.

A hypothesis that ends keeps its place in the beam, so that a beam of one is greedy. The search is over when no place is
free, or when nothing that still goes on can come among the n best: log p only falls, and the length normalisation
grows with length, so log p so far over the normalisation of ``max_tokens`` pieces is a bound.

With forced strings the places are shared between hypotheses by how much of the strings they have written, so that those
that begin one are not crowded out by those that put it off (grid beam search, Hokamp and Liu 2017; in a beam of fixed
width, Post and Vilar 2018).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

import torch
from torch import Tensor

from korlm.generation.context import Net, history_of, prefill
from korlm.generation.penalties import block_ngrams, penalise
from korlm.generation.results import length_norm
from korlm.generation.row import Row
from korlm.generation.rules import Prompt, Rules


@dataclass(frozen=True)
class Hypothesis:
    """A text of the beam.

    Attributes:
        row: its pieces and text.
        nats: natural log of its probability.
    """

    row: Row
    nats: float

    @property
    def score(self) -> float:
        """Log-probability over the length normalisation."""
        return self.nats / length_norm(max(1, self.row.count), self.row.rules.config.length_penalty)


@dataclass(frozen=True)
class _Candidate:
    parent: int
    number: int
    nats: float
    way: tuple[int, ...] = ()  # of a forced string that begins here


class BeamSearch:
    """A search for the likeliest texts after one prompt.

    Args:
        net: a language model or an encoder-decoder, in evaluation mode.
        rules: what may come; made with ``searching``.
        prompt: the prompt.
    """

    def __init__(self, net: Net, rules: Rules, prompt: Prompt) -> None:
        self._net = net
        self._rules = rules
        self._config = rules.config
        self._live = [Hypothesis(Row(rules, prompt), 0.0)]
        self._ended: dict[str, Hypothesis] = {}  # by text
        self._stuck: list[Hypothesis] = []
        self._hidden, self._state = prefill(net, [prompt.ids])
        self._history = history_of([prompt.said]).to(self._hidden.device)

    def run(self, stopped: Callable[[], bool] = lambda: False) -> list[Hypothesis]:
        """Search; return the best hypotheses of distinct texts, at most ``config.n``, the best first.

        Args:
            stopped: asked before each step; True ends the search with what it has.
        """
        while self._live and not self._settled():
            if stopped():
                for hypothesis in self._live:
                    hypothesis.row.end("asked")
                    self._end(hypothesis)
                break
            self._step()
        found = sorted(self._ended.values(), key=lambda hypothesis: -hypothesis.score)
        return (found or sorted(self._stuck, key=lambda hypothesis: -hypothesis.score))[: self._config.n]

    @property
    def _places(self) -> int:
        return self._config.beams - len(self._ended)

    def _settled(self) -> bool:
        """Whether nothing that goes on can still come among the n best."""
        if self._places <= 0:
            return True
        if len(self._ended) < self._config.n:
            return False
        worst = sorted(hypothesis.score for hypothesis in self._ended.values())[-self._config.n]
        norm = length_norm(self._config.max_tokens, self._config.length_penalty)
        return max(hypothesis.nats for hypothesis in self._live) / norm <= worst

    @torch.inference_mode()
    def _step(self) -> None:
        """Lengthen the hypotheses by a piece and keep the best."""
        scores = self._scores()
        live: list[tuple[_Candidate, Hypothesis]] = []
        seen = set()
        for candidate in self._candidates(scores):
            if len(live) >= self._places:
                break
            row = self._live[candidate.parent].row.copy()
            if candidate.way:
                row.write_out(candidate.way)
            row.take(candidate.number)
            hypothesis = Hypothesis(row, candidate.nats)
            state = (*row.ids, row.begun, row.queue)
            if row.reason:
                self._end(hypothesis)
            elif state not in seen:  # a forced string may also come by itself
                seen.add(state)
                live.append((candidate, hypothesis))
        for index in (~(scores.amax(-1) > -torch.inf)).nonzero()[:, 0].tolist():
            self._live[index].row.end("blocked")
            self._stuck.append(self._live[index])
        self._go_on(live)

    def _scores(self) -> Tensor:
        """Return the log-probabilities of each next piece, ``[B, V]``, -inf where it may not come."""
        logits = self._net.logits(self._hidden).float()
        penalise(logits, self._history, self._config.repetition_penalty)
        scores = logits.log_softmax(-1)
        free = scores.clone() if self._rules.targets else scores
        block_ngrams(scores, self._history, self._config.no_repeat_ngram)
        rows = [hypothesis.row for hypothesis in self._live]
        scores += self._rules.mask(rows, scores.device)
        for index, row in enumerate(rows if self._rules.targets else ()):
            if row.must:
                row.start(free[index])
            if row.queue:
                scores[index] = -torch.inf
                scores[index, row.queue[0]] = free[index, row.queue[0]]
        return scores

    def _candidates(self, scores: Tensor) -> Iterator[_Candidate]:
        """Yield what may go on, the best first; where strings must come, in turn by how much of them is written."""
        before = torch.tensor([hypothesis.nats for hypothesis in self._live], device=scores.device)
        total = scores + before[:, None]
        best = total.flatten().topk(min(2 * self._config.beams, total.numel()))
        size = scores.shape[1]
        values = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        found = [_Candidate(place // size, place % size, nats) for nats, place in values if nats > -torch.inf]
        return self._in_turn({*found, *self._starts(total)}) if self._rules.targets else iter(found)

    def _starts(self, total: Tensor) -> Iterator[_Candidate]:
        """Yield the best piece of each hypothesis, and each way to begin a string that must come."""
        for index, (hypothesis, best) in enumerate(zip(self._live, total.argmax(-1).tolist(), strict=True)):
            scores = total[index]
            if float(scores[best]) > -torch.inf:
                yield _Candidate(index, best, float(scores[best]))
            for way in hypothesis.row.ways():
                if float(scores[way[0]]) > -torch.inf:
                    yield _Candidate(index, way[0], float(scores[way[0]]), way)

    def _in_turn(self, candidates: set[_Candidate]) -> Iterator[_Candidate]:
        banks: dict[int, list[_Candidate]] = {}
        for candidate in sorted(
            candidates, key=lambda candidate: (-candidate.nats, candidate.parent, candidate.number)
        ):
            row = self._live[candidate.parent].row
            banks.setdefault(row.progress + bool(row.queue or candidate.way), []).append(candidate)
        ordered = [banks[number] for number in sorted(banks, reverse=True)]
        return (candidate for turn in zip_longest(*ordered) for candidate in turn if candidate)

    def _end(self, hypothesis: Hypothesis) -> None:
        """Keep a text that ended, unless a better hypothesis gave the same one; last, one that lacks a forced string."""
        text = hypothesis.row.text
        if hypothesis.row.unmet:
            self._stuck.append(hypothesis)
        elif text not in self._ended or self._ended[text].score < hypothesis.score:
            self._ended[text] = hypothesis

    def _go_on(self, live: list[tuple[_Candidate, Hypothesis]]) -> None:
        self._live = [hypothesis for _, hypothesis in live]
        if not live:
            return
        device = self._hidden.device
        parents = torch.tensor([candidate.parent for candidate, _ in live], device=device)
        taken = torch.tensor([candidate.number for candidate, _ in live], device=device)
        state = tuple(part.index_select(1, parents) for part in self._state)
        self._hidden, self._state = self._net.step(taken, state)
        self._history = torch.cat([self._history.index_select(0, parents), taken[:, None]], 1)
