"""What models write, as it grows: a `GenerationJob` of `ModelColumn`s (a model each) of `TextSample`s (a text each) of `TextChunk` pieces.

>>> sample = TextSample(7)
>>> for wrote in (GeneratedToken("<0xEA>", "", 2.0, 0.5), GeneratedToken("<0xB0>", "", 1.0, 0.5), GeneratedToken("<0x80>", "가", 0.5, 0.5)):
...     sample.append(wrote)
>>> sample.text, sample.bits
('가', 3.5)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from korlm.app.view_models import DisplaySegment, GeneratedToken, ModelCard
from korlm.errors import KorlmError

ACTIVE_STATES = ("waiting", "loading", "writing")  # states of a text that is not at its end


class TextChunk(NamedTuple):
    """A stretch of text and the pieces that made it: several where one alone is no whole character.

    Attributes:
        text: what is shown; nothing for the end of the text.
        tokens: at least one.
    """

    text: str
    tokens: tuple[GeneratedToken, ...]

    @property
    def bits(self) -> float:
        """The surprisal of all pieces."""
        return sum(piece.surprisal for piece in self.tokens)

    @property
    def is_end(self) -> bool:
        """Whether it is the end of the text."""
        return self.tokens[-1].is_eos


@dataclass
class TextSample:
    """One text under way.

    Attributes:
        seed: what it is drawn with; None for a beam.
        chunks: what is certain.
        state: one of `ACTIVE_STATES`, ``done`` or ``stop_requested``.
        reached_limit: it was cut at the limit.
        html_by_language: HTML of what was drawn before, by language.
    """

    seed: int | None = None
    chunks: list[TextChunk] = field(default_factory=list)
    state: str = "waiting"
    reached_limit: bool = False
    html_by_language: dict[str, list[str]] = field(default_factory=dict)
    _pending_tokens: list[GeneratedToken] = field(default_factory=list)

    def append(self, token: GeneratedToken) -> None:
        """Add a piece; it is shown once it, or one after it, makes text certain."""
        self.state = "writing"
        if token.is_eos and not token.delta:
            self._pending_tokens.clear()  # bytes of a character that never came
        self._pending_tokens.append(token)
        if token.delta or token.is_eos:
            self.chunks.append(TextChunk(token.delta, tuple(self._pending_tokens)))
            self._pending_tokens.clear()

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(written.text for written in self.chunks)

    @property
    def has_ended(self) -> bool:
        """Whether the model ended the text itself."""
        return bool(self.chunks) and self.chunks[-1].is_end

    @property
    def bits(self) -> float:
        """The surprisal of all that is shown."""
        return sum(written.bits for written in self.chunks)

    @property
    def bits_per_character(self) -> float | None:
        """Bits per character, the end counted as one; None where nothing is written."""
        count = len(self.text) + self.has_ended
        return self.bits / count if count else None


@dataclass
class ModelColumn:
    """One model's texts, or the error that kept it from any.

    Attributes:
        card: the model.
        samples: its texts.
        prompt_segments: what each piece of the prompt cost it; None before it was read.
        error: what went wrong.
    """

    card: ModelCard
    samples: list[TextSample]
    prompt_segments: tuple[DisplaySegment, ...] | None = None
    error: KorlmError | None = None

    @property
    def state(self) -> str:
        """``error``, or the state of the text that is least far."""
        if self.error:
            return "error"
        states = [sample.state for sample in self.samples]
        order = ("writing", "loading", "waiting", "stopped")
        return next((state for state in order if state in states), "done")

    @property
    def prompt_bits_per_character(self) -> float | None:
        """Bits per character of the prompt, or None where there is none."""
        if not self.prompt_segments:
            return None
        return sum(piece.bits or 0.0 for piece in self.prompt_segments) / self.prompt_segments[-1].end


@dataclass
class GenerationJob:
    """One press of the button: shared by the generator that writes it and the handlers that stop and redraw it.

    Attributes:
        prompt_segments: how every text begins.
        options: how to sample: fields of `SamplingConfig`, without ``n`` and ``seed``.
        columns: the models.
        language: of the reader; may change while models write.
        stop_requested: the models are to end.
        is_replaced: nobody looks at it any more.
        has_started: it is being written, or was.
        refusal: why the last press was refused; what was written before stays.
    """

    prompt: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: list[ModelColumn] = field(default_factory=list)
    language: str = "ko"
    stop_requested: bool = False
    is_replaced: bool = False
    has_started: bool = False
    refusal: KorlmError | None = None

    @property
    def scored_prompt(self) -> str:
        """The part of the prompt that is scored: a space at its end belongs to the next piece."""
        return self.prompt.rstrip(" ")

    @property
    def is_busy(self) -> bool:
        """Whether a text is not at its end."""
        return any(column.state in ACTIVE_STATES for column in self.columns)

    @property
    def num_chunks(self) -> int:
        """How many stretches of text are shown."""
        return sum(len(sample.chunks) for column in self.columns for sample in column.samples)

    def stop(self) -> None:
        """Ask the models to end, and mark the texts that had not."""
        self.stop_requested = True
        for column in self.columns:
            for sample in column.samples:
                if sample.state in ACTIVE_STATES:
                    sample.state = "stopped"
