"""`Sampler`: many texts written at once, a piece each at every step; those that ended leave the batch.

Shapes: ``B`` rows that still go on, ``V`` pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from korlm.generation.context import Net, history_of, prefill
from korlm.generation.filters import TRIES, draw, keep
from korlm.generation.notes import Note, take_notes
from korlm.generation.penalties import block_ngrams, penalise
from korlm.generation.results import Step
from korlm.generation.row import Row
from korlm.generation.rules import Prompt, Rules
from korlm.tokenizers.base import EOS_ID

_AHEAD = 32  # steps whose random numbers are drawn at once: a call of a row's own generator costs 3 us
_COLD = 1e-5  # under this temperature float32 may have no room for the logits, and the likeliest piece is certain


class Sampler:
    """Writes texts side by side.

    Args:
        net: a language model or an encoder-decoder, in evaluation mode.
        rules: what may come.
        prompts: one a text.
        seeds: one a text; a text does not hang on those beside it (but for the rounding of sums, which the size of a
            batch can change in the last bit).
        alternatives: how many of the likeliest pieces each `Step` names; None makes no steps, which is quicker.

    Attributes:
        rows: the texts that still go on.
    """

    def __init__(
        self, net: Net, rules: Rules, prompts: Sequence[Prompt], seeds: Sequence[int],
        *, alternatives: int | None = None,
    ) -> None:  # fmt: skip
        self.rows = [Row(rules, prompt) for prompt in prompts]
        self._net = net
        self._rules = rules
        self._config = rules.config
        self._alternatives = alternatives
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._hidden, self._state = prefill(net, [prompt.ids for prompt in prompts])
        self._device = self._hidden.device
        said = [prompt.said for prompt in prompts]
        self._history = history_of(said).to(self._device) if self._looks_back else None  # [B, T]
        self._uniforms = torch.empty(0)  # [_AHEAD, TRIES + 1, B]
        self._taken = torch.empty(0)  # [B], the pieces of the step before
        self._steps = 0

    @torch.inference_mode()
    def step(self) -> list[tuple[Row, str]]:
        """Let each text take one piece; return each with the text that this made certain."""
        if self._steps:
            self._hidden, self._state = self._net.step(self._taken, self._state)
        logits = self._net.logits(self._hidden).float()
        raw = logits if self._alternatives is None else logits.clone()
        self._restrict(logits)
        certain = self._force(logits) if self._rules.targets else set()
        chosen, chances, probabilities = self._choose(logits)
        numbers, blocked = self._settle(chosen.tolist(), chances, logits)
        notes = [] if self._alternatives is None else self._notes(raw, probabilities, numbers, certain | blocked)
        rows = self.rows
        given = [
            row.end("blocked") if index in blocked else row.take(number)
            for index, (row, number) in enumerate(zip(rows, numbers, strict=True))
        ]
        for row, note, delta in zip(rows, notes, given, strict=False):  # there may be no notes
            row.steps.append(Step(*note, delta))
        self._go_on(chosen, numbers)
        return list(zip(rows, given, strict=True))

    @property
    def _looks_back(self) -> bool:
        return self._config.repetition_penalty != 1 or self._config.no_repeat_ngram > 0

    def _restrict(self, logits: Tensor) -> None:
        """Change ``[B, V]`` logits in place by what the rules say."""
        if self._history is not None:
            penalise(logits, self._history, self._config.repetition_penalty)
            block_ngrams(logits, self._history, self._config.no_repeat_ngram)
        logits += self._rules.mask(self.rows, self._device)

    def _force(self, logits: Tensor) -> set[int]:
        """Leave its next piece alone to a row that writes a forced string; return these rows."""
        found = set()
        for index, row in enumerate(self.rows):
            if row.must:
                row.start(logits[index])
            if row.queue:
                logits[index] = -torch.inf
                logits[index, row.queue[0]] = 0.0
                found.add(index)
        return found

    def _choose(self, logits: Tensor) -> tuple[Tensor, list[float], Tensor | None]:
        """Return the ids ``[B]``, how likely they were (0 if not at all), and all probabilities where ids are drawn."""
        if self._config.temperature < _COLD:
            best = logits.max(-1)
            return best.indices, best.values.exp().tolist(), None
        probabilities = logits.div_(self._config.temperature).softmax(-1)
        place = self._steps % _AHEAD
        if place == 0:
            drawn = [torch.rand(_AHEAD, TRIES + 1, generator=generator) for generator in self._generators]
            self._uniforms = torch.stack(drawn, 2).to(self._device)
        return *draw(probabilities, self._config, self._uniforms[place]), probabilities

    def _settle(self, numbers: list[int], chances: list[float], logits: Tensor) -> tuple[list[int], set[int]]:
        """Return the ids as they are to be, and the rows where no piece was permitted."""
        blocked = set()
        for index, chance in enumerate(chances):
            if not chance > 0:  # nothing was permitted, or rounding hit what was not
                numbers[index] = int(logits[index].argmax())
                if not float(logits[index, numbers[index]]) > -torch.inf:
                    numbers[index] = EOS_ID
                    blocked.add(index)
        for index, row in enumerate(self.rows if self._rules.targets else ()):
            if numbers[index] == EOS_ID and row.start(logits[index]):
                numbers[index] = row.queue[0]  # what must still come does so before the end
                blocked.discard(index)
        return numbers, blocked

    def _notes(self, raw: Tensor, probabilities: Tensor | None, numbers: list[int], certain: set[int]) -> list[Note]:
        """Return what the steps say of the pieces that were chosen."""
        chances = [1.0] * len(numbers)
        if probabilities is not None:
            chosen = torch.tensor(numbers, device=self._device)
            drawn = keep(probabilities, self._config).gather(1, chosen[:, None])[:, 0].tolist()
            chances = [1.0 if index in certain else chance for index, chance in enumerate(drawn)]
        return take_notes(raw, numbers, chances, self._alternatives or 0, self._rules.tokenizer)

    def _go_on(self, chosen: Tensor, numbers: list[int]) -> None:
        """Keep the rows that did not end, and remember what they took."""
        self._steps += 1
        if self._rules.targets or EOS_ID in numbers:  # some may have been settled otherwise
            chosen = torch.tensor(numbers, device=self._device)
        going = [index for index, row in enumerate(self.rows) if not row.reason]
        if len(going) < len(self.rows):
            self.rows = [self.rows[index] for index in going]
            self._generators = [self._generators[index] for index in going]
            kept = torch.tensor(going, dtype=torch.long, device=self._device)
            chosen = chosen.index_select(0, kept)
            self._state = tuple(part.index_select(1, kept) for part in self._state)
            if self._history is not None:
                self._history = self._history.index_select(0, kept)
            if self._uniforms.numel():
                self._uniforms = self._uniforms.index_select(2, kept)
        if self._history is not None:
            self._history = torch.cat([self._history, chosen[:, None]], 1)
        self._taken = chosen
