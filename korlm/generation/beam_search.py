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

from korlm.generation.constraints import Constraints, Prompt
from korlm.generation.penalties import apply_repetition_penalty, block_repeated_ngrams
from korlm.generation.prefill import left_pad_histories, prefill
from korlm.generation.results import length_normalization
from korlm.generation.state import GenerationState
from korlm.nn.seq2seq import TextModel


@dataclass(frozen=True)
class Hypothesis:
    """A text of the beam.

    Attributes:
        state: its pieces and text.
        log_prob: natural log of its probability.
    """

    state: GenerationState
    log_prob: float

    @property
    def score(self) -> float:
        """Log-probability over the length normalisation."""
        return self.log_prob / length_normalization(
            max(1, self.state.num_tokens), self.state.constraints.config.length_penalty
        )


@dataclass(frozen=True)
class _Candidate:
    parent: int
    token_id: int
    log_prob: float
    tokenization: tuple[int, ...] = ()  # of a forced string that begins here


class BeamSearch:
    """A search for the likeliest texts after one prompt.

    Args:
        model: a language model or an encoder-decoder, in evaluation mode.
        constraints: what may come; made with ``searching``.
        prompt: the prompt.
    """

    def __init__(self, model: TextModel, constraints: Constraints, prompt: Prompt) -> None:
        self._model = model
        self._constraints = constraints
        self._config = constraints.config
        self._active = [Hypothesis(GenerationState(constraints, prompt), 0.0)]
        self._finished: dict[str, Hypothesis] = {}  # by text
        self._incomplete: list[Hypothesis] = []
        self._hidden, self._recurrent_state = prefill(model, [prompt.ids])
        self._history = left_pad_histories([prompt.repetition_context]).to(self._hidden.device)

    def run(self, stopped: Callable[[], bool] = lambda: False) -> list[Hypothesis]:
        """Search; return the best hypotheses of distinct texts, at most ``config.n``, the best first.

        Args:
            stopped: asked before each step; True ends the search with what it has.
        """
        while self._active and not self._is_finished():
            if stopped():
                for hypothesis in self._active:
                    hypothesis.state.finish("asked")
                    self._store_finished(hypothesis)
                break
            self._extend_hypotheses()
        found = sorted(self._finished.values(), key=lambda hypothesis: -hypothesis.score)
        return (found or sorted(self._incomplete, key=lambda hypothesis: -hypothesis.score))[: self._config.n]

    @property
    def _num_free_slots(self) -> int:
        return self._config.beams - len(self._finished)

    def _is_finished(self) -> bool:
        """Whether nothing that goes on can still come among the n best."""
        if self._num_free_slots <= 0:
            return True
        if len(self._finished) < self._config.n:
            return False
        worst = sorted(hypothesis.score for hypothesis in self._finished.values())[-self._config.n]
        norm = length_normalization(self._config.max_tokens, self._config.length_penalty)
        return max(hypothesis.log_prob for hypothesis in self._active) / norm <= worst

    @torch.inference_mode()
    def _extend_hypotheses(self) -> None:
        """Lengthen the hypotheses by a piece and keep the best."""
        scores = self._next_log_probs()
        live: list[tuple[_Candidate, Hypothesis]] = []
        seen = set()
        for candidate in self._rank_candidates(scores):
            if len(live) >= self._num_free_slots:
                break
            row = self._active[candidate.parent].state.copy()
            if candidate.tokenization:
                row.queue_token_ids(candidate.tokenization)
            row.append(candidate.token_id)
            hypothesis = Hypothesis(row, candidate.log_prob)
            state = (*row.token_ids, row.partial_bytes, row.pending_ids)
            if row.finish_reason:
                self._store_finished(hypothesis)
            elif state not in seen:  # a forced string may also come by itself
                seen.add(state)
                live.append((candidate, hypothesis))
        for index in (~(scores.amax(-1) > -torch.inf)).nonzero()[:, 0].tolist():
            self._active[index].row.end("blocked")
            self._incomplete.append(self._active[index])
        self._advance_model(live)

    def _next_log_probs(self) -> Tensor:
        """Return the log-probabilities of each next piece, ``[B, V]``, -inf where it may not come."""
        logits = self._model.compute_logits(self._hidden).float()
        apply_repetition_penalty(logits, self._history, self._config.repetition_penalty)
        scores = logits.log_softmax(-1)
        free = scores.clone() if self._constraints.forced_strings else scores
        block_repeated_ngrams(scores, self._history, self._config.no_repeat_ngram)
        rows = [hypothesis.state for hypothesis in self._active]
        scores += self._constraints.mask(rows, scores.device)
        for index, row in enumerate(rows if self._constraints.forced_strings else ()):
            if row.must_start_forced:
                row.start_forced_string(free[index])
            if row.pending_ids:
                scores[index] = -torch.inf
                scores[index, row.pending_ids[0]] = free[index, row.pending_ids[0]]
        return scores

    def _rank_candidates(self, scores: Tensor) -> Iterator[_Candidate]:
        """Yield what may go on, the best first; where strings must come, in turn by how much of them is written."""
        before = torch.tensor([hypothesis.log_prob for hypothesis in self._active], device=scores.device)
        total = scores + before[:, None]
        best = total.flatten().topk(min(2 * self._config.beams, total.numel()))
        size = scores.shape[1]
        values = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        found = [_Candidate(place // size, place % size, nats) for nats, place in values if nats > -torch.inf]
        return (
            self._interleave_banks({*found, *self._forced_candidates(total)})
            if self._constraints.forced_strings
            else iter(found)
        )

    def _forced_candidates(self, total: Tensor) -> Iterator[_Candidate]:
        """Yield the best piece of each hypothesis, and each way to begin a string that must come."""
        for index, (hypothesis, best) in enumerate(zip(self._active, total.argmax(-1).tolist(), strict=True)):
            scores = total[index]
            if float(scores[best]) > -torch.inf:
                yield _Candidate(index, best, float(scores[best]))
            for way in hypothesis.state.possible_tokenizations():
                if float(scores[way[0]]) > -torch.inf:
                    yield _Candidate(index, way[0], float(scores[way[0]]), way)

    def _interleave_banks(self, candidates: set[_Candidate]) -> Iterator[_Candidate]:
        banks: dict[int, list[_Candidate]] = {}
        for candidate in sorted(
            candidates, key=lambda candidate: (-candidate.log_prob, candidate.parent, candidate.token_id)
        ):
            row = self._active[candidate.parent].state
            banks.setdefault(row.forced_progress + bool(row.pending_ids or candidate.tokenization), []).append(
                candidate
            )
        ordered = [banks[number] for number in sorted(banks, reverse=True)]
        return (candidate for turn in zip_longest(*ordered) for candidate in turn if candidate)

    def _store_finished(self, hypothesis: Hypothesis) -> None:
        """Keep a text that ended, unless a better hypothesis gave the same one; last, one that lacks a forced string."""
        text = hypothesis.state.text
        if hypothesis.state.remaining:
            self._incomplete.append(hypothesis)
        elif text not in self._finished or self._finished[text].score < hypothesis.score:
            self._finished[text] = hypothesis

    def _advance_model(self, live: list[tuple[_Candidate, Hypothesis]]) -> None:
        self._active = [hypothesis for _, hypothesis in live]
        if not live:
            return
        device = self._hidden.device
        parents = torch.tensor([candidate.parent for candidate, _ in live], device=device)
        taken = torch.tensor([candidate.token_id for candidate, _ in live], device=device)
        state = tuple(part.index_select(1, parents) for part in self._recurrent_state)
        self._hidden, self._recurrent_state = self._model.step(taken, state)
        self._history = torch.cat([self._history.index_select(0, parents), taken[:, None]], 1)
