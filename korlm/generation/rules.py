"""What may come next: `Rules`, shared by the texts of a call, and `Prompt`, a prompt made ready.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> rules = Rules(byte_tokenizer(), SamplingConfig(banned="나쁜"))
>>> [prompt] = rules.read(["가"])
>>> prompt.ids, prompt.healed
((2, 238, 180, 132), False)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from korlm.generation.automaton import Automaton
from korlm.generation.config import SamplingConfig
from korlm.generation.forced import SPACE_JOINS, room, targets
from korlm.generation.table import probe, table_of
from korlm.text.utf8 import allowed_next, is_complete
from korlm.tokenizers.base import EOS_ID, Tokenizer

if TYPE_CHECKING:
    from korlm.generation.row import Row

_MASKS = 1000  # masks remembered: 36 MB at V = 9,000


class Prompt(NamedTuple):
    """A prompt made ready.

    Attributes:
        ids: ``</s>`` and the pieces of the prompt, or what else the net reads before the first piece.
        healed: the prompt ended in a space, which is not among ``ids``: the first piece must bring it. Pieces carry
            the space before them, so the net has never seen a lone space before a word (token healing).
        state: of the automaton after the prompt, so that no banned string comes across the seam.
        answered: what comes is an answer: nothing of the prompt counts as said, since an answer may say it too.
    """

    ids: tuple[int, ...]
    healed: bool = False
    state: int = 0
    answered: bool = False

    @property
    def said(self) -> tuple[int, ...]:
        """The ids that the control of repetition counts."""
        return (EOS_ID,) if self.answered else self.ids


class Rules:
    """What may come next in any text of a call.

    Args:
        tokenizer: of the model.
        config: how to generate.
        textual: text is wanted at each step, not only at the end.
        searching: for a beam, which itself decides where forced strings come; else they come before the text ends.
        unknown: ``<unk>`` may come, where the vocabulary has one for words: somebody else puts a word there.

    Raises:
        InputError: a forced string that cannot be written. See `targets`.
    """

    def __init__(
        self, tokenizer: Tokenizer, config: SamplingConfig,
        *, textual: bool = False, searching: bool = False, unknown: bool = False,
    ) -> None:  # fmt: skip
        self.tokenizer = tokenizer
        self.config = config
        self.searching = searching
        self.table = table_of(tokenizer)
        self.byte_of = {number: byte for byte, number in tokenizer.byte_ids.items()}
        self.targets = targets(tokenizer, config)
        self.room = room(tokenizer)
        self.closed = self.table.closed.copy()
        if unknown and tokenizer.unk_id >= 0:
            self.closed[tokenizer.unk_id] = tokenizer.on_unknown != "unk"
        later = config.stop if config.min_tokens or self.targets else ()
        watched = bool(config.banned or later)
        strings = ([text.encode() for text in some] for some in (config.banned, later))
        self.automaton = Automaton(*strings) if watched else None
        self.textual = textual or watched or bool(config.stop or self.targets)
        self._masks: dict[tuple[object, ...], Tensor] = {}

    def read(self, prompts: Sequence[str | Prompt]) -> list[Prompt]:
        """Make prompts ready, but for those that are.

        Raises:
            InputError: an unpaired surrogate.
            AnalyzerError, MissingDependencyError: the morphological analyzer failed or is not installed.
        """
        texts = [prompt for prompt in prompts if isinstance(prompt, str)]
        joins = self.tokenizer.unit in SPACE_JOINS and bool((self.table.spaced & ~self.table.closed).any())
        healed = [joins and text.endswith(" ") for text in texts]
        shown = [text[:-1] if heal else text for text, heal in zip(texts, healed, strict=True)]
        states = [self.automaton.run(0, text.encode()) if self.automaton else 0 for text in shown]
        ids = self.tokenizer.encode_ids(shown)
        made = (Prompt((EOS_ID, *own), heal, state) for own, heal, state in zip(ids, healed, states, strict=True))
        return [next(made) if isinstance(prompt, str) else prompt for prompt in prompts]

    def mask(self, rows: Sequence[Row], device: torch.device) -> Tensor:
        """Return what to add to the logits, 0 or -inf: ``[B, V]``, or ``[V]`` where it is the same for all rows."""
        keys = [row.key for row in rows]
        masks = {key: self._masks.get(key) for key in set(keys)}
        for key, row in zip(keys, rows, strict=True):
            if masks[key] is None:
                if len(self._masks) >= _MASKS:
                    self._masks.clear()
                masks[key] = self._masks[key] = self._make(row).to(device)
        found = [mask for key in keys if (mask := masks[key]) is not None]
        return found[0] if len(masks) == 1 else torch.stack(found)

    def _make(self, row: Row) -> Tensor:
        if row.begun:
            closed = np.ones_like(self.table.closed)
            closed[self._next_bytes(row.begun)] = False
        else:
            closed = self.closed.copy()
            closed[EOS_ID] = not row.may_end
        if row.first:
            closed |= ~self.table.spaced
        if row.sealed:
            closed |= self.table.joining
        if self.automaton:
            self._close_strings(closed, row, self.automaton)
        return torch.from_numpy(np.where(closed, -np.inf, 0.0).astype(np.float32))

    def _next_bytes(self, begun: bytes) -> list[int]:
        ids = self.tokenizer.byte_ids
        return [ids[byte] for byte in allowed_next(begun) if byte in ids]

    def _close_strings(self, closed: np.ndarray, row: Row, automaton: Automaton) -> None:
        """Close what would complete a string that must not come."""
        if row.begun:
            ids = [self.tokenizer.byte_ids[byte] for byte in row.begun]
            last = [number for number in self._next_bytes(row.begun) if is_complete(row.begun + self._byte(number))]
            tried = [(number, [*ids, number]) for number in last]
        else:
            joins = self.table.joining & ~closed if row.held else np.zeros_like(closed)
            # What the decoder holds back comes out before a piece that does not join it.
            ends = automaton.completes(row.state, row.held, strict=row.strict)
            state = automaton.run(row.state, row.held)
            closed |= (ends | automaton.completing(state, self.table.matrix, strict=row.strict)) & ~joins
            tried = [(int(number), [int(number)]) for number in np.flatnonzero(joins)]
        for number, ids in tried:
            data = probe(self.tokenizer, row.decoder, ids)[0]
            closed[number] = automaton.completes(row.state, data, strict=row.strict)

    def _byte(self, number: int) -> bytes:
        return bytes([self.byte_of[number]])
