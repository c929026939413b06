"""`Prompt` and `GenerationState`: the plain data of a sequence that is being generated.

`korlm.generation.constraints.Constraints` starts states and changes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from korlm.generation.matchers import ForcedString
from korlm.generation.results import FinishReason, Step
from korlm.generation.text_stream import TextStream
from korlm.tokenizers.base import EOS_ID, Decoder


class Prompt(NamedTuple):
    """An encoded prompt."""

    # ``</s>`` and the prompt's tokens, or whatever else the model reads before the first generated token
    ids: tuple[int, ...]
    # the prompt ended in a space that is not among ``ids``: the first token must begin with it. Tokens carry the space
    # before them, so the model never saw a lone space before a word in training
    token_healing: bool = False
    matcher_state: int = 0  # state of the string matcher after the prompt, so that no banned string crosses the seam
    is_reply: bool = False  # the generated text is an answer, which may repeat the prompt without a repetition penalty

    @property
    def repetition_context(self) -> tuple[int, ...]:
        """The ids that the repetition penalty and the n-gram blocking count."""
        return (EOS_ID,) if self.is_reply else self.ids


@dataclass(slots=True)
class GenerationState:
    """One sequence being generated.

    Attributes:
        prompt: the prompt that it continues.
        decoder: turns ids into bytes.
        text_stream: turns bytes into text; watches for stop strings.
        remaining: forced strings that are not written yet.
        matcher_state: state of the string matcher after the decoded text.
        awaits_space: the space of a healed prompt is still to come; it is not part of the text.
        token_ids: the generated ids; byte tokens once their character is complete.
        num_tokens: number of generated tokens.
        partial_bytes: bytes of an unfinished UTF-8 character.
        text: the text given out so far.
        finish_reason: why the sequence ended, see `korlm.generation.results.GeneratedText`; None while it goes on.
        pending_text: UTF-8 bytes of jamo that the decoder holds back, where strings are matched.
        pending_ids: tokens of the forced string being written that are still to come.
        forced_length: number of tokens of the forced string being written.
        blocks_joining: a forced string was just completed: no jamo may join its last syllable.
        undecoded_ids: ids that the decoder has not seen.
        decoded_bytes: the bytes in which forced strings are looked for.
        steps: one `Step` per token, where they are wanted.
    """

    prompt: Prompt
    decoder: Decoder
    text_stream: TextStream
    remaining: tuple[ForcedString, ...] = ()
    matcher_state: int = 0
    awaits_space: bool = False
    token_ids: list[int] = field(default_factory=list)
    num_tokens: int = 0
    partial_bytes: bytes = b""
    text: str = ""
    finish_reason: FinishReason | None = None
    pending_text: bytes = b""
    pending_ids: tuple[int, ...] = ()
    forced_length: int = 0
    blocks_joining: bool = False
    undecoded_ids: list[int] = field(default_factory=list)
    decoded_bytes: bytes = b""
    steps: list[Step] = field(default_factory=list)

    @property
    def needs_leading_space(self) -> bool:
        """Whether the next token must begin with the prompt's last space."""
        return self.awaits_space and not self.num_tokens

    @property
    def forced_started(self) -> int:
        """Number of tokens written of the current forced string."""
        return self.forced_length - len(self.pending_ids) if self.pending_ids else 0

    def queue_token_ids(self, token_ids: tuple[int, ...]) -> None:
        """Schedule the tokens of a forced string, one per step."""
        self.pending_ids, self.forced_length = token_ids, len(token_ids)
