"""`Sampler`: many texts written at once, a piece each at every step; those that ended leave the batch.

Shapes: ``B`` rows that still go on, ``V`` pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from korlm.generation.constraints import Constraints, Prompt
from korlm.generation.filters import MAX_DRAWS, filter_probabilities, sample
from korlm.generation.penalties import apply_repetition_penalty, block_repeated_ngrams
from korlm.generation.prefill import left_pad_histories, prefill
from korlm.generation.results import Step, TokenInfo, token_info
from korlm.generation.state import GenerationState
from korlm.nn.seq2seq import TextModel
from korlm.tokenizers.base import EOS_ID

_PREDRAWN_STEPS = 32  # steps whose random numbers are drawn at once: a call of a row's own generator costs 3 us
_GREEDY_TEMPERATURE = (
    1e-5  # under this temperature float32 may have no room for the logits, and the likeliest piece is certain
)


class Sampler:
    """Writes texts side by side.

    Args:
        model: a language model or an encoder-decoder, in evaluation mode.
        constraints: what may come.
        prompts: one a text.
        seeds: one a text; a text does not hang on those beside it (but for the rounding of sums, which the size of a
            batch can change in the last bit).
        alternatives: how many of the likeliest pieces each `Step` names; None makes no steps, which is quicker.

    Attributes:
        active_states: the texts that still go on.
    """

    def __init__(
        self, model: TextModel, constraints: Constraints, prompts: Sequence[Prompt], seeds: Sequence[int],
        *, alternatives: int | None = None,
    ) -> None:  # fmt: skip
        self.active_states = [GenerationState(constraints, prompt) for prompt in prompts]
        self._model = model
        self._constraints = constraints
        self._config = constraints.config
        self._alternatives = alternatives
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._hidden, self._recurrent_state = prefill(model, [prompt.ids for prompt in prompts])
        self._device = self._hidden.device
        said = [prompt.repetition_context for prompt in prompts]
        self._history = left_pad_histories(said).to(self._device) if self._uses_history else None  # [B, T]
        self._uniforms = torch.empty(0)  # [_AHEAD, TRIES + 1, B]
        self._last_ids = torch.empty(0)  # [B], the pieces of the step before
        self._num_steps = 0

    @torch.inference_mode()
    def step(self) -> list[tuple[GenerationState, str]]:
        """Let each text take one piece; return each with the text that this made certain."""
        if self._num_steps:
            self._hidden, self._recurrent_state = self._model.step(self._last_ids, self._recurrent_state)
        logits = self._model.compute_logits(self._hidden).float()
        raw = logits if self._alternatives is None else logits.clone()
        self._apply_constraints(logits)
        certain = self._apply_forced_ids(logits) if self._constraints.forced_strings else set()
        chosen, chances, probabilities = self._choose_ids(logits)
        numbers, blocked = self._resolve_choices(chosen.tolist(), chances, logits)
        notes = (
            []
            if self._alternatives is None
            else self._collect_token_info(raw, probabilities, numbers, certain | blocked)
        )
        rows = self.active_states
        given = [
            row.finish("blocked") if index in blocked else row.append(number)
            for index, (row, number) in enumerate(zip(rows, numbers, strict=True))
        ]
        for row, note, delta in zip(rows, notes, given, strict=False):  # there may be no notes
            row.steps.append(Step(*note, delta))
        self._drop_finished(chosen, numbers)
        return list(zip(rows, given, strict=True))

    @property
    def _uses_history(self) -> bool:
        return self._config.repetition_penalty != 1 or self._config.no_repeat_ngram > 0

    def _apply_constraints(self, logits: Tensor) -> None:
        """Change ``[B, V]`` logits in place by what the rules say."""
        if self._history is not None:
            apply_repetition_penalty(logits, self._history, self._config.repetition_penalty)
            block_repeated_ngrams(logits, self._history, self._config.no_repeat_ngram)
        logits += self._constraints.mask(self.active_states, self._device)

    def _apply_forced_ids(self, logits: Tensor) -> set[int]:
        """Leave its next piece alone to a row that writes a forced string; return these rows."""
        found = set()
        for index, row in enumerate(self.active_states):
            if row.must_start_forced:
                row.start_forced_string(logits[index])
            if row.pending_ids:
                logits[index] = -torch.inf
                logits[index, row.pending_ids[0]] = 0.0
                found.add(index)
        return found

    def _choose_ids(self, logits: Tensor) -> tuple[Tensor, list[float], Tensor | None]:
        """Return the ids ``[B]``, how likely they were (0 if not at all), and all probabilities where ids are drawn."""
        if self._config.temperature < _GREEDY_TEMPERATURE:
            best = logits.max(-1)
            return best.indices, best.values.exp().tolist(), None
        probabilities = logits.div_(self._config.temperature).softmax(-1)
        place = self._num_steps % _PREDRAWN_STEPS
        if place == 0:
            drawn = [torch.rand(_PREDRAWN_STEPS, MAX_DRAWS + 1, generator=generator) for generator in self._generators]
            self._uniforms = torch.stack(drawn, 2).to(self._device)
        return *sample(probabilities, self._config, self._uniforms[place]), probabilities

    def _resolve_choices(
        self, token_ids: list[int], chosen_probs: list[float], logits: Tensor
    ) -> tuple[list[int], set[int]]:
        """Return the ids as they are to be, and the rows where no piece was permitted."""
        blocked = set()
        for index, chance in enumerate(chosen_probs):
            if not chance > 0:  # nothing was permitted, or rounding hit what was not
                token_ids[index] = int(logits[index].argmax())
                if not float(logits[index, token_ids[index]]) > -torch.inf:
                    token_ids[index] = EOS_ID
                    blocked.add(index)
        for index, row in enumerate(self.active_states if self._constraints.forced_strings else ()):
            if token_ids[index] == EOS_ID and row.start_forced_string(logits[index]):
                token_ids[index] = row.pending_ids[0]  # what must still come does so before the end
                blocked.discard(index)
        return token_ids, blocked

    def _collect_token_info(
        self, raw_logits: Tensor, probabilities: Tensor | None, token_ids: list[int], forced_rows: set[int]
    ) -> list[TokenInfo]:
        """Return what the steps say of the pieces that were chosen."""
        chances = [1.0] * len(token_ids)
        if probabilities is not None:
            chosen = torch.tensor(token_ids, device=self._device)
            drawn = filter_probabilities(probabilities, self._config).gather(1, chosen[:, None])[:, 0].tolist()
            chances = [1.0 if index in forced_rows else chance for index, chance in enumerate(drawn)]
        return token_info(raw_logits, token_ids, chances, self._alternatives or 0, self._constraints.tokenizer)

    def _drop_finished(self, chosen: Tensor, token_ids: list[int]) -> None:
        """Keep the rows that did not end, and remember what they took."""
        self._num_steps += 1
        if self._constraints.forced_strings or EOS_ID in token_ids:  # some may have been settled otherwise
            chosen = torch.tensor(token_ids, device=self._device)
        going = [index for index, row in enumerate(self.active_states) if not row.finish_reason]
        if len(going) < len(self.active_states):
            self.active_states = [self.active_states[index] for index in going]
            self._generators = [self._generators[index] for index in going]
            kept = torch.tensor(going, dtype=torch.long, device=self._device)
            chosen = chosen.index_select(0, kept)
            self._recurrent_state = tuple(part.index_select(1, kept) for part in self._recurrent_state)
            if self._history is not None:
                self._history = self._history.index_select(0, kept)
            if self._uniforms.numel():
                self._uniforms = self._uniforms.index_select(2, kept)
        if self._history is not None:
            self._history = torch.cat([self._history, chosen[:, None]], 1)
        self._last_ids = chosen
