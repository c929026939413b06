"""`Constraints`: which token may come next, and what a token changes; shared by all sequences of a call.

>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> constraints = Constraints(byte_tokenizer(), GenerationConfig(banned="나쁜"), needs_text=True)
>>> [prompt] = constraints.encode_prompts(["가"])
>>> prompt.ids, prompt.token_healing
((2, 238, 180, 132), False)
>>> state = constraints.start(prompt)
>>> [constraints.append(state, token_id) for token_id in (238, 180, 132, 2)], state.finish_reason
(['', '', '가', ''], 'eos')
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from korlm.generation.config import GenerationConfig
from korlm.generation.matchers import (
    SPACE_PREFIXED_UNITS,
    ForcedString,
    StringMatcher,
    encode_forced_strings,
    utf8_budget,
)
from korlm.generation.results import FinishReason
from korlm.generation.state import GenerationState, Prompt
from korlm.generation.text_stream import TextStream
from korlm.generation.token_table import decode_ahead, token_table
from korlm.text.incremental import allowed_next_bytes, is_complete_character
from korlm.text.spans import check_text
from korlm.tokenizers.base import EOS_ID, Tokenizer

_MAX_CACHED_MASKS = 1000  # 36 MB at V = 9,000


class Constraints:
    """The rules of one call of generation.

    Args:
        tokenizer: the model's tokenizer.
        config: the generation options.
        needs_text: whether `append` must return text; else the text is decoded at the end.
        is_beam_search: a beam search chooses where forced strings come; a sampler writes them before the text ends.
        allow_unk: ``<unk>`` may come in a vocabulary of unk mode: the caller replaces it by a word.

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
        self.byte_by_id = {token_id: byte for byte, token_id in tokenizer.byte_ids.items()}
        self.forced_strings = encode_forced_strings(tokenizer, config)
        self.utf8_budget = utf8_budget(tokenizer)
        self.forbidden = self.token_table.forbidden.copy()
        if allow_unk and tokenizer.unk_id >= 0:
            self.forbidden[tokenizer.unk_id] = tokenizer.on_unknown != "unk"
        late_stops = config.stop if config.min_tokens or self.forced_strings else ()
        matches = bool(config.banned or late_stops)
        strings = ([text.encode() for text in group] for group in (config.banned, late_stops))
        self.matcher = StringMatcher(*strings) if matches else None
        self.needs_text = needs_text or matches or bool(config.stop or self.forced_strings)
        self._mask_cache: dict[tuple[object, ...], Tensor] = {}

    def encode_prompts(self, prompts: Sequence[str | Prompt]) -> list[Prompt]:
        """Encode the prompts that are strings.

        Raises:
            InputError: a prompt that is not a string, or an unpaired surrogate.
            AnalyzerError, MissingDependencyError: the morphological analyzer failed or is not installed.
        """
        texts = [check_text(prompt) for prompt in prompts if not isinstance(prompt, Prompt)]
        can_heal = self.tokenizer.unit in SPACE_PREFIXED_UNITS and bool(
            (self.token_table.starts_with_space & ~self.token_table.forbidden).any()
        )
        healing = [can_heal and text.endswith(" ") for text in texts]
        texts = [text[:-1] if heals else text for text, heals in zip(texts, healing, strict=True)]
        matcher_states = [self.matcher.next_state(0, text.encode()) if self.matcher else 0 for text in texts]
        ids = self.tokenizer.encode_ids(texts)
        encoded = (Prompt((EOS_ID, *row[0]), *row[1:]) for row in zip(ids, healing, matcher_states, strict=True))
        return [next(encoded) if isinstance(prompt, str) else prompt for prompt in prompts]

    def start(self, prompt: Prompt) -> GenerationState:
        """Return the state before the first token."""
        decoder, text_stream = self.tokenizer.decoder(), TextStream(self.config.stop)
        state, heals = prompt.matcher_state, prompt.token_healing
        return GenerationState(prompt, decoder, text_stream, self.forced_strings, state, heals)

    def copy_state(self, state: GenerationState) -> GenerationState:
        """Return an independent copy, for another continuation."""
        twin = replace(
            state, token_ids=state.token_ids.copy(), undecoded_ids=state.undecoded_ids.copy(), steps=state.steps.copy()
        )
        if self.needs_text:  # else nothing is decoded before the end
            twin.decoder = copy.deepcopy(state.decoder, {id(self.tokenizer): self.tokenizer})
            twin.text_stream = copy.deepcopy(state.text_stream)
        return twin

    def append(self, state: GenerationState, token_id: int) -> str:
        """Append a token and return the text that became final."""
        state.num_tokens += 1
        state.blocks_joining = False
        if token_id == EOS_ID:
            return self.finish(state, "eos")
        byte = self.byte_by_id.get(token_id)
        new_ids = [token_id]
        if byte is not None:
            state.partial_bytes += bytes([byte])
            new_ids = []
            if is_complete_character(state.partial_bytes):
                new_ids = [self.tokenizer.byte_ids[byte] for byte in state.partial_bytes]
                state.partial_bytes = b""
        state.token_ids += new_ids
        state.undecoded_ids += new_ids
        if state.pending_ids:
            state.pending_ids = state.pending_ids[1:]
            state.blocks_joining = not state.pending_ids
        delta = self._decode_new_ids(state) if self.needs_text else ""
        if not state.finish_reason and state.num_tokens >= self.config.max_tokens:
            delta += self.finish(state, "length")
        return delta

    def finish(self, state: GenerationState, finish_reason: FinishReason) -> str:
        """End the sequence and return the text still held back, without a character or jamo that cannot stay."""
        state.finish_reason = finish_reason
        delta = self._decode_new_ids(state)
        data = state.decoder.finish()
        if self.matcher and self.matcher.completes_match(state.matcher_state, data):
            data = b""
        rest = state.text_stream.push(data) + state.text_stream.finish()
        state.text += rest
        if state.text_stream.stopped:
            state.finish_reason = "stop"
        return delta + rest

    def _decode_new_ids(self, state: GenerationState) -> str:
        """Decode the new ids and update the matcher, the forced strings and the text."""
        data = b"".join(map(state.decoder.push, state.undecoded_ids))
        state.undecoded_ids.clear()
        if self.matcher:
            state.matcher_state = self.matcher.next_state(state.matcher_state, data)
            if self.token_table.holds_jamo:
                state.pending_text = decode_ahead(self.tokenizer, state.decoder)[1]
        if state.awaits_space and data:
            data, state.awaits_space = data[1:], False
        if state.remaining:
            state.decoded_bytes += data
            final = state.decoded_bytes
            if state.blocks_joining:
                final += decode_ahead(self.tokenizer, state.decoder)[1]
            state.remaining = tuple(string for string in state.remaining if string.data not in final)
        delta = state.text_stream.push(data)
        state.text += delta
        if state.text_stream.stopped:
            state.finish_reason = "stop"
        return delta

    # --- forced strings -------------------------------------------------------------------------------------------------

    def possible_tokenizations(self, state: GenerationState) -> list[tuple[int, ...]]:
        """Return the tokenizations of the remaining forced strings that can be written next."""
        if state.partial_bytes or state.pending_ids:
            return []
        candidates = ((string, ids) for string in state.remaining for ids in string.tokenizations)
        return [ids for string, ids in candidates if self._can_write(state, string, ids)]

    def start_forced_string(self, state: GenerationState, scores: Tensor) -> bool:
        """Queue the forced string whose first token has the best of the scores ``[V]``; False if none can be written."""
        tokenizations = self.possible_tokenizations(state)
        if tokenizations:
            state.queue_token_ids(max(tokenizations, key=lambda ids: float(scores[ids[0]])))
        return bool(tokenizations)

    def must_start_forced(self, state: GenerationState) -> bool:
        """Return whether ``max_tokens`` just leaves room for the remaining forced strings."""
        if not state.remaining or state.pending_ids:
            return False
        needed = sum(string.max_num_tokens for string in state.remaining) + self.utf8_budget
        return self.config.max_tokens - state.num_tokens <= needed

    def forced_progress(self, state: GenerationState) -> int:
        """Return the number of forced tokens written, by the longest tokenizations."""
        written = (string.max_num_tokens for string in self.forced_strings if string not in state.remaining)
        return sum(written) + state.forced_started

    def _can_write(self, state: GenerationState, string: ForcedString, tokenization: tuple[int, ...]) -> bool:
        decoder = self.tokenizer.decoder()
        data = b"".join([*map(decoder.push, tokenization), decoder.finish()])
        if state.needs_leading_space and not (data.startswith(b" ") and string.data in data[1:]):
            return False
        data = state.pending_text + data
        return not (self.matcher and self.matcher.completes_match(state.matcher_state, data, strict=True))

    # --- masks ----------------------------------------------------------------------------------------------------------

    def may_end(self, state: GenerationState) -> bool:
        """Return whether ``</s>`` may come; the sampler then writes a remaining forced string in its place."""
        if state.num_tokens < self.config.min_tokens:
            return False
        return not state.remaining or (not self.is_beam_search and bool(self.possible_tokenizations(state)))

    def forbids_stop(self, state: GenerationState) -> bool:
        """Return whether stop strings may not come yet."""
        return bool(state.remaining) or state.num_tokens < self.config.min_tokens

    def mask(self, states: Sequence[GenerationState], device: torch.device) -> Tensor:
        """Return 0 or -inf for each token: ``[B, V]``, or ``[V]`` if it is the same for all states."""
        keys = [self._mask_key(state) for state in states]
        for key, state in dict(zip(keys, states, strict=True)).items():
            if key not in self._mask_cache:
                if len(self._mask_cache) + len(states) > _MAX_CACHED_MASKS:
                    self._mask_cache = {other: self._mask_cache[other] for other in keys if other in self._mask_cache}
                self._mask_cache[key] = self._build_mask(state).to(device)
        masks = [self._mask_cache[key] for key in keys]
        return masks[0] if len(set(keys)) == 1 else torch.stack(masks)

    def _mask_key(self, state: GenerationState) -> tuple[object, ...]:
        """Return all that decides which tokens may come next."""
        return (
            state.partial_bytes,
            state.matcher_state,
            state.pending_text,
            self.may_end(state),
            self.forbids_stop(state),
            state.needs_leading_space,
            state.blocks_joining,
        )

    def _build_mask(self, state: GenerationState) -> Tensor:
        if state.partial_bytes:
            forbidden = np.ones_like(self.token_table.forbidden)
            forbidden[self._continuation_ids(state.partial_bytes)] = False
        else:
            forbidden = self.forbidden.copy()
            forbidden[EOS_ID] = not self.may_end(state)
        if state.needs_leading_space:
            forbidden |= ~self.token_table.starts_with_space
        if state.blocks_joining:
            forbidden |= self.token_table.joins_previous
        if self.matcher:
            self._forbid_strings(forbidden, state, self.matcher)
        return torch.from_numpy(np.where(forbidden, -np.inf, 0.0).astype(np.float32))

    def _continuation_ids(self, partial_bytes: bytes) -> list[int]:
        ids = self.tokenizer.byte_ids
        return [ids[byte] for byte in allowed_next_bytes(partial_bytes) if byte in ids]

    def _forbid_strings(self, forbidden: np.ndarray, state: GenerationState, matcher: StringMatcher) -> None:
        """Forbid the tokens that would complete a banned string, in place."""
        strict = self.forbids_stop(state)
        if state.partial_bytes:
            prefix_ids = [self.tokenizer.byte_ids[byte] for byte in state.partial_bytes]
            candidates = [
                (token_id, [*prefix_ids, token_id])
                for token_id in self._continuation_ids(state.partial_bytes)
                if is_complete_character(state.partial_bytes + bytes([self.byte_by_id[token_id]]))
            ]
        else:
            joins = self.token_table.joins_previous & ~forbidden if state.pending_text else np.zeros_like(forbidden)
            # What the decoder holds back comes out before a token that does not join it.
            completes = matcher.completes_match(state.matcher_state, state.pending_text, strict=strict)
            next_state = matcher.next_state(state.matcher_state, state.pending_text)
            completing = matcher.completing_tokens(next_state, self.token_table.byte_matrix, strict=strict)
            forbidden |= (completes | completing) & ~joins
            candidates = [(int(token_id), [int(token_id)]) for token_id in np.flatnonzero(joins)]
        for token_id, ids in candidates:
            data = decode_ahead(self.tokenizer, state.decoder, ids)[0]
            forbidden[token_id] = matcher.completes_match(state.matcher_state, data, strict=strict)
