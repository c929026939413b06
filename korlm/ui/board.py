"""What models write, as it grows: a `Board` of `Column`s (a model each) of `Sample`s (a text each) of `Written` pieces.

>>> sample = Sample(7)
>>> for wrote in (Wrote("<0xEA>", "", 2.0, 0.5), Wrote("<0xB0>", "", 1.0, 0.5), Wrote("<0x80>", "가", 0.5, 0.5)):
...     sample.take(wrote)
>>> sample.text, sample.bits
('가', 3.5)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from korlm.errors import KorlmError
from korlm.ui.plain import ModelCard, Piece, Wrote

BUSY = ("waiting", "loading", "writing")  # states of a text that is not at its end


class Written(NamedTuple):
    """A stretch of text and the pieces that made it: several where one alone is no whole character.

    Attributes:
        text: what is shown; nothing for the end of the text.
        pieces: at least one.
    """

    text: str
    pieces: tuple[Wrote, ...]

    @property
    def bits(self) -> float:
        """The surprisal of all pieces."""
        return sum(piece.bits for piece in self.pieces)

    @property
    def ends(self) -> bool:
        """Whether it is the end of the text."""
        return self.pieces[-1].ends


@dataclass
class Sample:
    """One text under way.

    Attributes:
        seed: what it is drawn with; None for a beam.
        written: what is certain.
        state: one of `BUSY`, ``done`` or ``stopped``.
        limit: it was cut at the limit.
        drawn: HTML of what was drawn before, by language.
    """

    seed: int | None = None
    written: list[Written] = field(default_factory=list)
    state: str = "waiting"
    limit: bool = False
    drawn: dict[str, list[str]] = field(default_factory=dict)
    _begun: list[Wrote] = field(default_factory=list)

    def take(self, wrote: Wrote) -> None:
        """Add a piece; it is shown once it, or one after it, makes text certain."""
        self.state = "writing"
        if wrote.ends and not wrote.delta:
            self._begun.clear()  # bytes of a character that never came
        self._begun.append(wrote)
        if wrote.delta or wrote.ends:
            self.written.append(Written(wrote.delta, tuple(self._begun)))
            self._begun.clear()

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(written.text for written in self.written)

    @property
    def ended(self) -> bool:
        """Whether the model ended the text itself."""
        return bool(self.written) and self.written[-1].ends

    @property
    def bits(self) -> float:
        """The surprisal of all that is shown."""
        return sum(written.bits for written in self.written)

    @property
    def each(self) -> float | None:
        """Bits per character, the end counted as one; None where nothing is written."""
        count = len(self.text) + self.ended
        return self.bits / count if count else None


@dataclass
class Column:
    """One model's texts, or the error that kept it from any.

    Attributes:
        card: the model.
        samples: its texts.
        prompt: what each piece of the prompt cost it; None before it was read.
        error: what went wrong.
    """

    card: ModelCard
    samples: list[Sample]
    prompt: tuple[Piece, ...] | None = None
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
    def heard(self) -> float | None:
        """Bits per character of the prompt, or None where there is none."""
        if not self.prompt:
            return None
        return sum(piece.bits or 0.0 for piece in self.prompt) / self.prompt[-1].end


@dataclass
class Board:
    """One press of the button: shared by the generator that writes it and the handlers that stop and redraw it.

    Attributes:
        prompt: how every text begins.
        options: how to sample: fields of `SamplingConfig`, without ``n`` and ``seed``.
        columns: the models.
        language: of the reader; may change while models write.
        stopped: the models are to end.
        replaced: nobody looks at it any more.
        begun: it is being written, or was.
        refusal: why the last press was refused; what was written before stays.
    """

    prompt: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: list[Column] = field(default_factory=list)
    language: str = "ko"
    stopped: bool = False
    replaced: bool = False
    begun: bool = False
    refusal: KorlmError | None = None

    @property
    def scored(self) -> str:
        """The part of the prompt that is scored: a space at its end belongs to the next piece."""
        return self.prompt.rstrip(" ")

    @property
    def busy(self) -> bool:
        """Whether a text is not at its end."""
        return any(column.state in BUSY for column in self.columns)

    @property
    def drawn(self) -> int:
        """How many stretches of text are shown."""
        return sum(len(sample.written) for column in self.columns for sample in column.samples)

    def stop(self) -> None:
        """Ask the models to end, and mark the texts that had not."""
        self.stopped = True
        for column in self.columns:
            for sample in column.samples:
                if sample.state in BUSY:
                    sample.state = "stopped"
