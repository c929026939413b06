"""Texts while models write them: a `GenerationJob` has a `ModelColumn` a model, with a `TextSample` a text, in `TextChunk`s.

>>> from korlm.generation.results import Step
>>> sample = TextSample(7)
>>> for step in (Step(5, "<0xEA>", 2.0, 0.5), Step(6, "<0xB0>", 1.0, 0.5), Step(7, "<0x80>", 0.5, 0.5, delta="가")):
...     sample.append(step)
>>> sample.text, sample.bits, len(sample.chunks)
('가', 3.5, 1)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from korlm.app.model_info import ModelCard
from korlm.errors import KorlmError
from korlm.tokenizers.base import EOS_ID

if TYPE_CHECKING:
    from korlm.generation.results import Step
    from korlm.tokenizers.encoding import Segment

ACTIVE_STATES = ("waiting", "loading", "writing")  # of a text that is not complete


class TextChunk(NamedTuple):
    """Text that is final, with the tokens that spell it: several if one alone is not a whole character."""

    text: str  # the text; empty for the end of the sequence
    tokens: tuple[Step, ...]  # at least one

    @property
    def bits(self) -> float:
        """Surprisal of all its tokens."""
        return sum(token.surprisal for token in self.tokens)

    @property
    def is_end(self) -> bool:
        """Whether it is the end of the sequence."""
        return self.tokens[-1].id == EOS_ID


@dataclass(eq=False)
class TextSample:
    """One text, complete or in progress."""

    seed: int | None = None  # the random seed; None for a beam
    chunks: list[TextChunk] = field(default_factory=list)  # what is final
    state: str = "waiting"  # one of `ACTIVE_STATES`, ``done`` or ``stopped``
    reached_limit: bool = False  # whether it was truncated at the maximum number of tokens
    _pending_tokens: list[Step] = field(default_factory=list)

    def append(self, token: Step) -> None:
        """Add a token; it becomes a chunk as soon as it, or a later one, makes text final."""
        self.state = "writing"
        is_eos = token.id == EOS_ID
        if is_eos and not token.delta:
            self._pending_tokens.clear()  # bytes of a character that was never completed
        self._pending_tokens.append(token)
        if token.delta or is_eos:
            self.chunks.append(TextChunk(token.delta, tuple(self._pending_tokens)))
            self._pending_tokens.clear()

    @property
    def is_busy(self) -> bool:
        """Whether it is not complete."""
        return self.state in ACTIVE_STATES

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(chunk.text for chunk in self.chunks)

    @property
    def has_ended(self) -> bool:
        """Whether the model ended the text itself."""
        return bool(self.chunks) and self.chunks[-1].is_end

    @property
    def finish_reason(self) -> str:
        """``eos``, ``length`` or ``cancelled``; empty while it is in progress, and for a text that none of them ended."""
        if self.is_busy:
            return ""
        if self.has_ended:
            return "eos"
        return "length" if self.reached_limit else "cancelled" if self.state == "stopped" else ""

    @property
    def bits_per_character(self) -> float | None:
        """Bits per character, the end of the sequence counted as one; None for an empty text."""
        num_characters = len(self.text) + self.has_ended
        return self.bits / num_characters if num_characters else None

    @property
    def bits(self) -> float:
        """Surprisal of all chunks."""
        return sum(chunk.bits for chunk in self.chunks)

    def stop(self) -> None:
        """Mark the text as stopped unless it is complete."""
        self.state = "stopped" if self.is_busy else self.state


@dataclass
class ModelColumn:
    """The texts of one model, or the error that prevented them."""

    card: ModelCard  # the model
    samples: list[TextSample]  # its texts
    # the segments of the prompt with their surprisals; None before it was scored
    prompt_segments: Sequence[tuple[Segment, float]] | None = None
    error: KorlmError | None = None  # what went wrong

    @property
    def state(self) -> str:
        """``error``, or the state of the text that has advanced least."""
        if self.error:
            return "error"
        states = {sample.state for sample in self.samples}
        return next((state for state in ("writing", "loading", "waiting", "stopped") if state in states), "done")

    @property
    def is_busy(self) -> bool:
        """Whether a text is not complete."""
        return self.state in ACTIVE_STATES

    @property
    def prompt_bits_per_character(self) -> float | None:
        """Bits per character of the prompt; None without a prompt."""
        if not self.prompt_segments:
            return None
        return sum(bits for _, bits in self.prompt_segments) / self.prompt_segments[-1][0].end

    def set_error(self, error: KorlmError) -> None:
        """Record what went wrong and stop the texts."""
        self.error = error
        for sample in self.samples:
            sample.stop()


@dataclass
class GenerationJob:
    """One press of the button, shared by the generator that writes it and the handlers that stop and redraw it."""

    prompt: str = ""  # the beginning of every text
    options: Mapping[str, Any] = field(default_factory=dict)  # the fields of `GenerationConfig` but ``n`` and ``seed``
    columns: list[ModelColumn] = field(default_factory=list)  # the models
    language: str = "ko"  # the visitor's language, which may change while models write
    stop_requested: bool = False  # whether the models have to stop
    is_replaced: bool = False  # whether a later job is shown instead
    has_started: bool = False  # whether it is or was being written
    refusal: KorlmError | None = None  # why the last press was refused; the earlier texts stay

    @property
    def scored_prompt(self) -> str:
        """The part of the prompt that is scored: a trailing space belongs to the next token."""
        return self.prompt.rstrip(" ")

    @property
    def is_busy(self) -> bool:
        """Whether a text is not complete."""
        return any(column.is_busy for column in self.columns)

    @property
    def num_chunks(self) -> int:
        """Number of chunks in all texts."""
        return sum(len(sample.chunks) for column in self.columns for sample in column.samples)

    def stop(self) -> None:
        """Request the models to stop, and mark the incomplete texts as stopped."""
        self.stop_requested = True
        for column in self.columns:
            for sample in column.samples:
                sample.stop()
