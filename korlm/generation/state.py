"""`GenerationState`: one text under way, from the pieces that are chosen to the text that is certain.

>>> from korlm.generation.config import GenerationConfig
>>> from korlm.tokenizers.segmented import byte_tokenizer
>>> rules = Constraints(byte_tokenizer(), GenerationConfig(), needs_text=True)
>>> row = GenerationState(rules, rules.encode_prompts([""])[0])
>>> [row.append(number) for number in (238, 180, 132, 2)], row.finish_reason
(['', '', '가', ''], 'end')
"""

from __future__ import annotations

import copy

from torch import Tensor

from korlm.generation.constraints import Constraints, Prompt
from korlm.generation.matchers import ForcedString
from korlm.generation.results import Step
from korlm.generation.text_stream import TextStream
from korlm.generation.token_table import decode_ahead
from korlm.text.incremental import is_complete_character
from korlm.tokenizers.base import EOS_ID


class GenerationState:
    """One text under way.

    Attributes:
        token_ids: the pieces; lone bytes once their character is whole.
        num_tokens: pieces chosen.
        partial_bytes: bytes of a character under way.
        text: what was given out.
        finish_reason: why it ended (see `Generated`); empty while it goes on.
        matcher_state: of the automaton, after what is certain.
        pending_text: letters that the decoder holds back, where strings are watched for.
        remaining: strings that must still come.
        pending_ids: ids of one of them that are to be written next.
        blocks_joining: such a string was just written: no letter may join its last syllable.
        steps: filled by the sampler, where they are wanted.
    """

    def __init__(self, constraints: Constraints, prompt: Prompt) -> None:
        self.constraints = constraints
        self.token_ids: list[int] = []
        self.num_tokens = 0
        self.partial_bytes = b""
        self.text = ""
        self.finish_reason = ""
        self.matcher_state = prompt.matcher_state
        self.pending_text = b""
        self.remaining = constraints.forced_strings
        self.pending_ids: tuple[int, ...] = ()
        self._forced_length = 0  # how long the queue was
        self.blocks_joining = False
        self.steps: list[Step] = []
        self.decoder = constraints.tokenizer.decoder()
        self._text_stream = TextStream(constraints.config.stop)
        self._token_healing = prompt.token_healing
        self._undecoded_ids: list[int] = []
        self._decoded_bytes = b""

    def copy(self) -> GenerationState:
        """Return a twin that goes its own way."""
        twin = copy.copy(self)
        twin.token_ids, twin.steps, twin._undecoded_ids = (
            self.token_ids.copy(),
            self.steps.copy(),
            self._undecoded_ids.copy(),
        )
        if self.constraints.needs_text:
            tokenizer = self.constraints.tokenizer
            twin.decoder = copy.deepcopy(self.decoder, {id(tokenizer): tokenizer})
            twin._text_stream = copy.deepcopy(self._text_stream)
        return twin

    @property
    def mask_key(self) -> tuple[object, ...]:
        """All that decides which pieces may come next."""
        return (
            self.partial_bytes,
            self.matcher_state,
            self.pending_text,
            self.may_end,
            self.forbids_stop,
            self.needs_leading_space,
            self.blocks_joining,
        )

    @property
    def may_end(self) -> bool:
        """Whether ``</s>`` may come; in a sampled text a string that is forced is then written in its place."""
        if self.num_tokens < self.constraints.config.min_tokens:
            return False
        return not self.remaining or (not self.constraints.is_beam_search and bool(self.possible_tokenizations()))

    @property
    def forbids_stop(self) -> bool:
        """Whether stop strings may not come yet."""
        return bool(self.remaining) or self.num_tokens < self.constraints.config.min_tokens

    @property
    def needs_leading_space(self) -> bool:
        """Whether the next piece must bring the prompt's last space."""
        return self._token_healing and not self.num_tokens

    def append(self, token_id: int) -> str:
        """Add a piece; return the text that is now certain."""
        self.num_tokens += 1
        self.blocks_joining = False
        if token_id == EOS_ID:
            return self.finish("end")
        byte = self.constraints.byte_by_id.get(token_id)
        if byte is None:
            self._append_ids([token_id])
        else:
            self.partial_bytes += bytes([byte])
            if is_complete_character(self.partial_bytes):
                begun, self.partial_bytes = self.partial_bytes, b""
                self._append_ids([self.constraints.tokenizer.byte_ids[byte] for byte in begun])
        if self.pending_ids:
            self.pending_ids = self.pending_ids[1:]
            self.blocks_joining = not self.pending_ids
        delta = self._decode_new_ids() if self.constraints.needs_text else ""
        if not self.finish_reason and self.num_tokens >= self.constraints.config.max_tokens:
            delta += self.finish("limit")
        return delta

    def finish(self, finish_reason: str) -> str:
        """End the text; return what was still held back. A character or letter that cannot stay is left out."""
        self.finish_reason = finish_reason
        delta = self._decode_new_ids()
        data = self.decoder.finish()
        automaton = self.constraints.matcher
        if automaton and automaton.completes_match(self.matcher_state, data):
            data = b""
        rest = self._text_stream.push(data) + self._text_stream.finish()
        self.text += rest
        if self._text_stream.stopped:
            self.finish_reason = "stop"
        return delta + rest

    def start_forced_string(self, scores: Tensor) -> bool:
        """Begin to write a string that must still come, the way whose first piece is likeliest; False if none fits.

        Args:
            scores: ``[V]``, logits or log-probabilities of the next piece.
        """
        ways = self.possible_tokenizations()
        if ways:
            self.queue_token_ids(max(ways, key=lambda way: float(scores[way[0]])))
        return bool(ways)

    def queue_token_ids(self, token_ids: tuple[int, ...]) -> None:
        """Take these pieces next, one a step."""
        self.pending_ids, self._forced_length = token_ids, len(token_ids)

    @property
    def forced_progress(self) -> int:
        """How many pieces of the strings that must come are there, by their longest ways."""
        met = sum(target.max_num_tokens for target in self.constraints.forced_strings if target not in self.remaining)
        return met + (self._forced_length - len(self.pending_ids) if self.pending_ids else 0)

    def possible_tokenizations(self) -> list[tuple[int, ...]]:
        """Return the ids of each way to write a string that must still come, here and now."""
        if self.partial_bytes or self.pending_ids:
            return []
        return [way for target in self.remaining for way in target.tokenizations if self._can_write(target, way)]

    @property
    def must_start_forced(self) -> bool:
        """Whether there is just room left for what must still come."""
        if not self.remaining or self.pending_ids:
            return False
        needed = sum(target.max_num_tokens for target in self.remaining)
        return self.constraints.config.max_tokens - self.num_tokens <= needed + self.constraints.utf8_budget

    def _can_write(self, forced_string: ForcedString, tokenization: tuple[int, ...]) -> bool:
        decoder = self.constraints.tokenizer.decoder()
        data = b"".join([*map(decoder.push, tokenization), decoder.finish()])
        if self.needs_leading_space and not (data.startswith(b" ") and forced_string.data in data[1:]):
            return False
        automaton = self.constraints.matcher
        return not (automaton and automaton.completes_match(self.matcher_state, self.pending_text + data, strict=True))

    def _append_ids(self, ids: list[int]) -> None:
        self.token_ids += ids
        self._undecoded_ids += ids

    def _decode_new_ids(self) -> str:
        """Decode what was not decoded yet; see which strings came."""
        rules = self.constraints
        data = b"".join(map(self.decoder.push, self._undecoded_ids))
        self._undecoded_ids.clear()
        if rules.matcher:
            self.matcher_state = rules.matcher.next_state(self.matcher_state, data)
            if rules.token_table.holds_jamo:
                self.pending_text = decode_ahead(rules.tokenizer, self.decoder)[1]
        if self._token_healing and data:
            data, self._token_healing = data[1:], False
        if self.remaining:
            self._decoded_bytes += data
            certain = self._decoded_bytes + (
                decode_ahead(rules.tokenizer, self.decoder)[1] if self.blocks_joining else b""
            )
            self.remaining = tuple(target for target in self.remaining if target.data not in certain)
        delta = self._text_stream.push(data)
        self.text += delta
        if self._text_stream.stopped:
            self.finish_reason = "stop"
        return delta
