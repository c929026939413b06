"""What may come next: `Constraints`, shared by the texts of a call, and `Prompt`, a prompt made ready.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> rules = Constraints(byte_tokenizer(), GenerationConfig(banned="나쁜"))
>>> [prompt] = rules.encode_prompts(["가"])
>>> prompt.ids, prompt.token_healing
((2, 238, 180, 132), False)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from korlm.generation.config import GenerationConfig
from korlm.generation.matchers import SPACE_PREFIXED_UNITS, StringMatcher, encode_forced_strings, utf8_budget
from korlm.generation.token_table import decode_ahead, token_table
from korlm.text.incremental import allowed_next_bytes, is_complete_character
from korlm.tokenizers.base import EOS_ID, Tokenizer

if TYPE_CHECKING:
    from korlm.generation.state import GenerationState

_MAX_CACHED_MASKS = 1000  # masks remembered: 36 MB at V = 9,000


class Prompt(NamedTuple):
    """A prompt made ready.

    Attributes:
        ids: ``</s>`` and the pieces of the prompt, or what else the net reads before the first piece.
        token_healing: the prompt ended in a space, which is not among ``ids``: the first piece must bring it. Pieces carry
            the space before them, so the net has never seen a lone space before a word (token healing).
        matcher_state: of the automaton after the prompt, so that no banned string comes across the seam.
        is_reply: what comes is an answer: nothing of the prompt counts as said, since an answer may say it too.
    """

    ids: tuple[int, ...]
    token_healing: bool = False
    matcher_state: int = 0
    is_reply: bool = False

    @property
    def repetition_context(self) -> tuple[int, ...]:
        """The ids that the control of repetition counts."""
        return (EOS_ID,) if self.is_reply else self.ids


class Constraints:
    """What may come next in any text of a call.

    Args:
        tokenizer: of the model.
        config: how to generate.
        needs_text: text is wanted at each step, not only at the end.
        is_beam_search: for a beam, which itself decides where forced strings come; else they come before the text ends.
        allow_unk: ``<unk>`` may come, where the vocabulary has one for words: somebody else puts a word there.

    Raises:
        InputError: a forced string that cannot be written. See `encode_forced_strings`.
    """

    def __init__(
        self, tokenizer: Tokenizer, config: GenerationConfig,
        *, needs_text: bool = False, is_beam_search: bool = False, allow_unk: bool = False,
    ) -> None:  # fmt: skip
        self.tokenizer = tokenizer
        self.config = config
        self.is_beam_search = is_beam_search
        self.token_table = token_table(tokenizer)
        self.byte_by_id = {number: byte for byte, number in tokenizer.byte_ids.items()}
        self.forced_strings = encode_forced_strings(tokenizer, config)
        self.utf8_budget = utf8_budget(tokenizer)
        self.forbidden = self.token_table.forbidden.copy()
        if allow_unk and tokenizer.unk_id >= 0:
            self.forbidden[tokenizer.unk_id] = tokenizer.on_unknown != "unk"
        later = config.stop if config.min_tokens or self.forced_strings else ()
        watched = bool(config.banned or later)
        strings = ([text.encode() for text in some] for some in (config.banned, later))
        self.matcher = StringMatcher(*strings) if watched else None
        self.needs_text = needs_text or watched or bool(config.stop or self.forced_strings)
        self._mask_cache: dict[tuple[object, ...], Tensor] = {}

    def encode_prompts(self, prompts: Sequence[str | Prompt]) -> list[Prompt]:
        """Make prompts ready, but for those that are.

        Raises:
            InputError: an unpaired surrogate.
            AnalyzerError, MissingDependencyError: the morphological analyzer failed or is not installed.
        """
        texts = [prompt for prompt in prompts if isinstance(prompt, str)]
        joins = self.tokenizer.unit in SPACE_PREFIXED_UNITS and bool(
            (self.token_table.starts_with_space & ~self.token_table.forbidden).any()
        )
        healed = [joins and text.endswith(" ") for text in texts]
        shown = [text[:-1] if heal else text for text, heal in zip(texts, healed, strict=True)]
        states = [self.matcher.next_state(0, text.encode()) if self.matcher else 0 for text in shown]
        ids = self.tokenizer.encode_ids(shown)
        made = (Prompt((EOS_ID, *own), heal, state) for own, heal, state in zip(ids, healed, states, strict=True))
        return [next(made) if isinstance(prompt, str) else prompt for prompt in prompts]

    def mask(self, states: Sequence[GenerationState], device: torch.device) -> Tensor:
        """Return what to add to the logits, 0 or -inf: ``[B, V]``, or ``[V]`` where it is the same for all rows."""
        keys = [row.mask_key for row in states]
        masks = {key: self._mask_cache.get(key) for key in set(keys)}
        for key, row in zip(keys, states, strict=True):
            if masks[key] is None:
                if len(self._mask_cache) >= _MAX_CACHED_MASKS:
                    self._mask_cache.clear()
                masks[key] = self._mask_cache[key] = self._build_mask(row).to(device)
        found = [mask for key in keys if (mask := masks[key]) is not None]
        return found[0] if len(masks) == 1 else torch.stack(found)

    def _build_mask(self, state: GenerationState) -> Tensor:
        if state.partial_bytes:
            closed = np.ones_like(self.token_table.forbidden)
            closed[self._continuation_ids(state.partial_bytes)] = False
        else:
            closed = self.forbidden.copy()
            closed[EOS_ID] = not state.may_end
        if state.needs_leading_space:
            closed |= ~self.token_table.starts_with_space
        if state.blocks_joining:
            closed |= self.token_table.joins_previous
        if self.matcher:
            self._forbid_strings(closed, state, self.matcher)
        return torch.from_numpy(np.where(closed, -np.inf, 0.0).astype(np.float32))

    def _continuation_ids(self, partial_bytes: bytes) -> list[int]:
        ids = self.tokenizer.byte_ids
        return [ids[byte] for byte in allowed_next_bytes(partial_bytes) if byte in ids]

    def _forbid_strings(self, forbidden: np.ndarray, row: GenerationState, matcher: StringMatcher) -> None:
        """Close what would complete a string that must not come."""
        if row.partial_bytes:
            ids = [self.tokenizer.byte_ids[byte] for byte in row.partial_bytes]
            last = [
                number
                for number in self._continuation_ids(row.partial_bytes)
                if is_complete_character(row.partial_bytes + self._byte_of_id(number))
            ]
            tried = [(number, [*ids, number]) for number in last]
        else:
            joins = self.token_table.joins_previous & ~forbidden if row.pending_text else np.zeros_like(forbidden)
            # What the decoder holds back comes out before a piece that does not join it.
            ends = matcher.completes_match(row.matcher_state, row.pending_text, strict=row.forbids_stop)
            state = matcher.next_state(row.matcher_state, row.pending_text)
            forbidden |= (
                ends | matcher.completing_tokens(state, self.token_table.byte_matrix, strict=row.forbids_stop)
            ) & ~joins
            tried = [(int(number), [int(number)]) for number in np.flatnonzero(joins)]
        for number, ids in tried:
            data = decode_ahead(self.tokenizer, row.decoder, ids)[0]
            forbidden[number] = matcher.completes_match(row.matcher_state, data, strict=row.forbids_stop)

    def _byte_of_id(self, token_id: int) -> bytes:
        return bytes([self.byte_by_id[token_id]])
