"""`Sampler`: generate many texts in a batch, one token each per step; finished ones leave the batch.

Shapes: ``B`` active sequences, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from korlm.generation.constraints import Constraints
from korlm.generation.filters import MAX_DRAWS, filter_probabilities, sample
from korlm.generation.penalties import apply_repetition_penalty, block_repeated_ngrams
from korlm.generation.prefill import attention_rows, decode_step, left_pad_histories, prefill
from korlm.generation.results import build_steps
from korlm.generation.state import GenerationState, Prompt
from korlm.nn.seq2seq import TextModel
from korlm.tokenizers.base import EOS_ID

_PREDRAWN_STEPS = 32  # steps whose random numbers are drawn at once: each call of a sequence's generator costs 3 us
_GREEDY_TEMPERATURE = 1e-5  # below it float32 may overflow, and the most probable token is certain anyway


class Sampler:
    """A batch of texts being sampled.

    Args:
        model: a language model or an encoder-decoder, in evaluation mode.
        constraints: which tokens may come.
        prompts: one per text.
        seeds: one per text. A text does not depend on its neighbors in the batch (but for the rounding of sums, which the
            batch size can change in the last bit).
        alternatives: number of most probable tokens named in each `Step`; None makes no steps, which is faster.
        keep_attention: the steps of an encoder-decoder keep its attention.

    Attributes:
        active_states: the unfinished sequences.
    """

    def __init__(
        self, model: TextModel, constraints: Constraints, prompts: Sequence[Prompt], seeds: Sequence[int],
        *, alternatives: int | None = None, keep_attention: bool = False,
    ) -> None:  # fmt: skip
        self.active_states = [constraints.start(prompt) for prompt in prompts]
        self._model = model
        self._constraints = constraints
        self._config = constraints.config
        self._alternatives = alternatives
        self._keep_attention = keep_attention
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._output = prefill(model, [prompt.ids for prompt in prompts])
        self._device = self._output.hidden.device
        contexts = [prompt.repetition_context for prompt in prompts]
        uses_history = self._config.repetition_penalty != 1 or self._config.no_repeat_ngram > 0
        self._history = left_pad_histories(contexts).to(self._device) if uses_history else None  # [B, T]
        self._uniforms = torch.empty(0)  # [_PREDRAWN_STEPS, MAX_DRAWS + 1, B]
        self._last_ids = torch.empty(0)  # [B]
        self._num_steps = 0

    @torch.inference_mode()
    def step(self) -> list[tuple[GenerationState, str]]:
        """Generate one token of each text; return each state with the text that became final."""
        if self._num_steps:
            self._output = decode_step(self._model, self._last_ids, self._output.state)
        logits = self._model.compute_logits(self._output.hidden).float()
        raw_logits = logits if self._alternatives is None else logits.clone()
        self._apply_constraints(logits)
        forced_rows = self._apply_forced_ids(logits) if self._constraints.forced_strings else set()
        chosen, chosen_probs, probabilities = self._choose_ids(logits)
        token_ids, blocked_rows = self._resolve_choices(chosen.tolist(), chosen_probs, logits)
        states = self.active_states
        deltas = [
            self._constraints.finish(state, "blocked")
            if row in blocked_rows
            else self._constraints.append(state, token_id)
            for row, (state, token_id) in enumerate(zip(states, token_ids, strict=True))
        ]
        if self._alternatives is not None:
            steps = build_steps(
                raw_logits, token_ids, self._constraints.tokenizer, alternatives=self._alternatives,
                probabilities=self._step_probabilities(probabilities, token_ids, forced_rows | blocked_rows), deltas=deltas,
                attention=self._attention_rows(states),
            )  # fmt: skip
            for state, step in zip(states, steps, strict=True):
                state.steps.append(step)
        self._drop_finished(chosen, token_ids)
        return list(zip(states, deltas, strict=True))

    def _apply_constraints(self, logits: Tensor) -> None:
        """Apply the penalties and the mask to ``[B, V]`` logits, in place."""
        if self._history is not None:
            apply_repetition_penalty(logits, self._history, self._config.repetition_penalty)
            block_repeated_ngrams(logits, self._history, self._config.no_repeat_ngram)
        logits += self._constraints.mask(self.active_states, self._device)

    def _apply_forced_ids(self, logits: Tensor) -> set[int]:
        """Leave only the next token of a forced string to the rows that write one; return these rows."""
        forced_rows = set()
        for row, state in enumerate(self.active_states):
            if self._constraints.must_start_forced(state):
                self._constraints.start_forced_string(state, logits[row])
            if state.pending_ids:
                logits[row] = -torch.inf
                logits[row, state.pending_ids[0]] = 0.0
                forced_rows.add(row)
        return forced_rows

    def _choose_ids(self, logits: Tensor) -> tuple[Tensor, list[float], Tensor | None]:
        """Return ids ``[B]``, their probabilities (0 if not permitted), and all probabilities unless decoding is greedy."""
        if self._config.temperature < _GREEDY_TEMPERATURE:
            best = logits.max(-1)
            return best.indices, best.values.exp().tolist(), None
        probabilities = logits.div_(self._config.temperature).softmax(-1)
        index = self._num_steps % _PREDRAWN_STEPS
        if index == 0:
            drawn = [torch.rand(_PREDRAWN_STEPS, MAX_DRAWS + 1, generator=generator) for generator in self._generators]
            self._uniforms = torch.stack(drawn, 2).to(self._device)
        return *sample(probabilities, self._config, self._uniforms[index]), probabilities

    def _resolve_choices(
        self, token_ids: list[int], chosen_probs: list[float], logits: Tensor
    ) -> tuple[list[int], set[int]]:
        """Return the final ids, and the rows where no token was permitted."""
        blocked_rows = set()
        for row, probability in enumerate(chosen_probs):
            if not probability > 0:  # nothing was permitted, or rounding hit what was not
                token_ids[row] = int(logits[row].argmax())
                if not float(logits[row, token_ids[row]]) > -torch.inf:
                    token_ids[row] = EOS_ID
                    blocked_rows.add(row)
        for row, state in enumerate(self.active_states if self._constraints.forced_strings else ()):
            if token_ids[row] == EOS_ID and self._constraints.start_forced_string(state, logits[row]):
                token_ids[row] = state.pending_ids[0]  # remaining forced strings come before the end
                blocked_rows.discard(row)
        return token_ids, blocked_rows

    def _attention_rows(self, states: Sequence[GenerationState]) -> list[np.ndarray] | None:
        if not self._keep_attention:
            return None
        return attention_rows(self._output.attention, [len(state.prompt.ids) for state in states])

    def _step_probabilities(
        self, probabilities: Tensor | None, token_ids: list[int], certain_rows: set[int]
    ) -> list[float]:
        """Return the probabilities after all filters with which the ids were drawn."""
        if probabilities is None:
            return [1.0] * len(token_ids)
        chosen = torch.tensor(token_ids, device=self._device)
        drawn = filter_probabilities(probabilities, self._config).gather(1, chosen[:, None])[:, 0].tolist()
        return [1.0 if row in certain_rows else probability for row, probability in enumerate(drawn)]

    def _drop_finished(self, chosen: Tensor, token_ids: list[int]) -> None:
        """Keep the unfinished rows and their last ids."""
        self._num_steps += 1
        if self._constraints.forced_strings or EOS_ID in token_ids:  # some ids may have been replaced
            chosen = torch.tensor(token_ids, device=self._device)
        active_rows = [row for row, state in enumerate(self.active_states) if not state.finish_reason]
        if len(active_rows) < len(self.active_states):
            self.active_states = [self.active_states[row] for row in active_rows]
            self._generators = [self._generators[row] for row in active_rows]
            rows = torch.tensor(active_rows, dtype=torch.long, device=self._device)
            chosen = chosen.index_select(0, rows)
            self._output = self._output.select_rows(rows)
            if self._history is not None:
                self._history = self._history.index_select(0, rows)
            if self._uniforms.numel():
                self._uniforms = self._uniforms.index_select(2, rows)
        if self._history is not None:
            self._history = torch.cat([self._history, chosen[:, None]], 1)
        self._last_ids = chosen
