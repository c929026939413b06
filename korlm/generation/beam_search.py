"""Beam search: the most probable texts under the model, with length normalization and n-best lists.

A finished hypothesis keeps its place in the beam, so that a beam of one is greedy. The search ends when no place is
free, or when no unfinished hypothesis can come among the n best: log p only falls, and the normalization grows with
length, so the present log p over the normalization of ``max_tokens`` tokens is an upper bound.

With forced strings the places are shared between hypotheses by the number of forced tokens written, so that hypotheses
that start a string are not crowded out by those that postpone it (grid beam search, Hokamp and Liu 2017; in a beam of
fixed width, Post and Vilar 2018).

Shapes: ``B`` active hypotheses, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

import torch
from torch import Tensor

from korlm.generation.constraints import Constraints
from korlm.generation.penalties import apply_repetition_penalty, block_repeated_ngrams
from korlm.generation.prefill import attention_rows, decode_step, left_pad_histories, prefill
from korlm.generation.results import build_steps, length_normalization
from korlm.generation.state import GenerationState, Prompt
from korlm.nn.seq2seq import TextModel
from korlm.tokenizers.base import EOS_ID


@dataclass(frozen=True)
class Hypothesis:
    """A sequence in the beam."""

    state: GenerationState  # its tokens and text
    log_prob: float  # natural log of its probability
    score: float  # ``log_prob`` over the length normalization


@dataclass(frozen=True)
class _Candidate:
    parent: int  # row of the hypothesis
    token_id: int
    log_prob: float
    tokenization: tuple[int, ...] = ()  # of a forced string that starts here


class BeamSearch:
    """A search for the most probable texts after one prompt.

    Args:
        model: a language model or an encoder-decoder, in evaluation mode.
        constraints: which tokens may come; made with ``is_beam_search``.
        prompt: the prompt.
        alternatives: number of most probable tokens named in each `Step`; None makes no steps.
        keep_attention: the steps of an encoder-decoder keep its attention.
    """

    def __init__(
        self, model: TextModel, constraints: Constraints, prompt: Prompt,
        *, alternatives: int | None = None, keep_attention: bool = False,
    ) -> None:  # fmt: skip
        self._model = model
        self._constraints = constraints
        self._config = constraints.config
        self._alternatives = alternatives
        self._keep_attention = keep_attention
        self._active = [Hypothesis(constraints.start(prompt), 0.0, 0.0)]
        self._finished: dict[str, Hypothesis] = {}  # by text
        self._incomplete: list[Hypothesis] = []
        self._output = prefill(model, [prompt.ids])
        self._history = left_pad_histories([prompt.repetition_context]).to(self._output.hidden.device)

    def run(self, stopped: Callable[[], bool] = lambda: False) -> list[Hypothesis]:
        """Search; return the best hypotheses with distinct texts, at most ``config.n``, the best first.

        Args:
            stopped: called before each step; True ends the search with the hypotheses at hand.
        """
        while self._active and not self._is_finished():
            if stopped():
                for hypothesis in self._active:
                    rest = self._constraints.finish(hypothesis.state, "cancelled")
                    if steps := hypothesis.state.steps:
                        steps[-1] = replace(steps[-1], delta=steps[-1].delta + rest)
                    self._store_finished(hypothesis)
                break
            self._extend_hypotheses()
        hypotheses = list(self._finished.values()) or self._incomplete
        return sorted(hypotheses, key=lambda hypothesis: -hypothesis.score)[: self._config.n]

    @property
    def _num_free_slots(self) -> int:
        return self._config.beams - len(self._finished)

    def _is_finished(self) -> bool:
        """Return whether no active hypothesis can come among the n best."""
        if self._num_free_slots <= 0:
            return True
        if len(self._finished) < self._config.n:
            return False
        worst = sorted(hypothesis.score for hypothesis in self._finished.values())[-self._config.n]
        norm = length_normalization(self._config.max_tokens, self._config.length_penalty)
        return max(hypothesis.log_prob for hypothesis in self._active) / norm <= worst

    @torch.inference_mode()
    def _extend_hypotheses(self) -> None:
        """Append a token to the hypotheses and keep the best."""
        logits = self._model.compute_logits(self._output.hidden).float()
        raw_logits = logits if self._alternatives is None else logits.clone()
        scores = self._next_log_probs(logits)
        live: list[tuple[_Candidate, Hypothesis]] = []
        extended: list[tuple[int, int, str, GenerationState]] = []  # parent, token id, new text, state
        seen = set()
        for candidate in self._rank_candidates(scores):
            if len(live) >= self._num_free_slots:
                break
            state = self._constraints.copy_state(self._active[candidate.parent].state)
            if candidate.tokenization:
                state.queue_token_ids(candidate.tokenization)
            delta = self._constraints.append(state, candidate.token_id)
            extended.append((candidate.parent, candidate.token_id, delta, state))
            norm = length_normalization(state.num_tokens, self._config.length_penalty)
            hypothesis = Hypothesis(state, candidate.log_prob, candidate.log_prob / norm)
            key = (*state.token_ids, state.partial_bytes, state.pending_ids)
            if state.finish_reason:
                self._store_finished(hypothesis)
            elif key not in seen:  # a forced string may also come by itself
                seen.add(key)
                live.append((candidate, hypothesis))
        for row in (~(scores.amax(-1) > -torch.inf)).nonzero()[:, 0].tolist():
            hypothesis = self._active[row]
            delta = self._constraints.finish(hypothesis.state, "blocked")
            extended.append((row, EOS_ID, delta, hypothesis.state))
            self._incomplete.append(hypothesis)
        if self._alternatives is not None and extended:
            self._append_steps(raw_logits, self._alternatives, extended)
        self._advance_model(live)

    def _append_steps(
        self, raw_logits: Tensor, alternatives: int, extended: list[tuple[int, int, str, GenerationState]]
    ) -> None:
        """Append the step of the last token to the states."""
        parents, token_ids, deltas, states = zip(*extended, strict=True)
        rows = torch.tensor(parents, device=raw_logits.device)
        attention = self._output.attention
        kept = attention[rows] if attention is not None and self._keep_attention else None
        steps = build_steps(
            raw_logits[rows], token_ids, self._constraints.tokenizer, alternatives=alternatives,
            probabilities=[1.0] * len(states), deltas=deltas,
            attention=attention_rows(kept, [len(state.prompt.ids) for state in states]),
        )  # fmt: skip
        for state, step in zip(states, steps, strict=True):
            state.steps.append(step)

    def _next_log_probs(self, logits: Tensor) -> Tensor:
        """Return the log-probabilities of the next token, ``[B, V]``, -inf where it may not come; changes the logits."""
        apply_repetition_penalty(logits, self._history, self._config.repetition_penalty)
        scores = logits.log_softmax(-1)
        unmasked = scores.clone() if self._constraints.forced_strings else scores
        block_repeated_ngrams(scores, self._history, self._config.no_repeat_ngram)
        states = [hypothesis.state for hypothesis in self._active]
        scores += self._constraints.mask(states, scores.device)
        for row, state in enumerate(states if self._constraints.forced_strings else ()):
            if self._constraints.must_start_forced(state):
                self._constraints.start_forced_string(state, unmasked[row])
            if state.pending_ids:
                scores[row] = -torch.inf
                scores[row, state.pending_ids[0]] = unmasked[row, state.pending_ids[0]]
        return scores

    def _rank_candidates(self, scores: Tensor) -> Iterator[_Candidate]:
        """Yield the continuations, the best first; with forced strings, the banks of forced progress in turn."""
        parent_log_probs = torch.tensor([hypothesis.log_prob for hypothesis in self._active], device=scores.device)
        total = scores + parent_log_probs[:, None]
        best = total.flatten().topk(min(2 * self._config.beams, total.numel()))
        size = scores.shape[1]
        values = zip(best.values.tolist(), best.indices.tolist(), strict=True)
        candidates = [
            _Candidate(index // size, index % size, log_prob) for log_prob, index in values if log_prob > -torch.inf
        ]
        if not self._constraints.forced_strings:
            return iter(candidates)
        return self._interleave_banks({*candidates, *self._forced_candidates(total)})

    def _forced_candidates(self, total: Tensor) -> Iterator[_Candidate]:
        """Yield the best token of each hypothesis, and each tokenization that starts a forced string."""
        for row, (hypothesis, best) in enumerate(zip(self._active, total.argmax(-1).tolist(), strict=True)):
            scores = total[row]
            for tokenization in ((), *self._constraints.possible_tokenizations(hypothesis.state)):
                token_id = tokenization[0] if tokenization else best
                if float(scores[token_id]) > -torch.inf:
                    yield _Candidate(row, token_id, float(scores[token_id]), tokenization)

    def _interleave_banks(self, candidates: set[_Candidate]) -> Iterator[_Candidate]:
        banks: dict[int, list[_Candidate]] = {}
        for candidate in sorted(candidates, key=lambda item: (-item.log_prob, item.parent, item.token_id)):
            state = self._active[candidate.parent].state
            progress = self._constraints.forced_progress(state) + bool(state.pending_ids or candidate.tokenization)
            banks.setdefault(progress, []).append(candidate)
        ordered = [banks[progress] for progress in sorted(banks, reverse=True)]
        return (candidate for turn in zip_longest(*ordered) for candidate in turn if candidate)

    def _store_finished(self, hypothesis: Hypothesis) -> None:
        """Keep a finished text unless a better hypothesis has the same; one without a forced string is a last resort."""
        text = hypothesis.state.text
        if hypothesis.state.remaining:
            self._incomplete.append(hypothesis)
        elif text not in self._finished or self._finished[text].score < hypothesis.score:
            self._finished[text] = hypothesis

    def _advance_model(self, live: list[tuple[_Candidate, Hypothesis]]) -> None:
        self._active = [hypothesis for _, hypothesis in live]
        if not live:
            return
        device = self._output.hidden.device
        parents = torch.tensor([candidate.parent for candidate, _ in live], device=device)
        token_ids = torch.tensor([candidate.token_id for candidate, _ in live], device=device)
        self._output = decode_step(self._model, token_ids, self._output.select_rows(parents).state)
        self._history = torch.cat([self._history.index_select(0, parents), token_ids[:, None]], 1)
