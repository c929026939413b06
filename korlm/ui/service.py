"""What the app knows of the rooms above: loaded tokenizers and models, limits, plain values in and out.

    >>> compared = Service().compare("가나", ["byte"])
    >>> compared.lanes[0].counts.ids
    6

Importing this loads neither torch nor an analyzer; `Service.warm` does, in a thread of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from korlm.artifacts import data_folder
from korlm.corpora.facts import corpus_facts
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.names import UNITS, analyzer_of
from korlm.tokenizers.registry import list_tokenizers, load_tokenizer
from korlm.ui.aligned import align
from korlm.ui.converted import tokens_of, wrote
from korlm.ui.facts import read_cards
from korlm.ui.lanes import Cut, held_together, made, own_key, own_kiwi, tried
from korlm.ui.limits import (
    MAX_TOKENS,
    checked_prompt,
    checked_text,
    no_tokenizer,
    unknown_model,
    unknown_tokenizer,
)
from korlm.ui.plain import Compared, KiwiSettings, ModelCard, Piece, Token, Way, Wrote
from korlm.ui.shelf import Shelf, Slot

if TYPE_CHECKING:
    from korlm.lm import LanguageModel

_log = logging.getLogger(__name__)

PRESELECTED = ("word", "kiwi", "okt", "unigram", "syllable")
_OTHERS = 5  # candidates that are named beside a piece that was written
_LIGHT = ("word", "subword", "syllable", "jamo", "byte")  # units that load in milliseconds


class Known(NamedTuple):
    """A tokenizer that can be chosen, or not: then `reason` says what to install."""

    name: str
    unit: str
    reason: str = ""


class Service:
    """Everything that the tabs may ask for. Safe to share between threads and visitors.

    Args:
        runs: where training runs are, whose models can be chosen too; None for none.
    """

    def __init__(self, runs: Path | None = Path("runs")) -> None:
        self._runs = runs
        self._tokenizers = Shelf(_ready_tokenizer)
        self._models = Shelf(self._ready_model)
        self._own = Slot()

    def tokenizers(self) -> list[Known]:
        """Return the tokenizers, from long pieces to short ones, those that are not installed with the reason."""
        return [Known(info.name, info.unit, "" if info.ready else info.reason) for info in list_tokenizers()]

    def cold(self, names: Sequence[str], settings: KiwiSettings | None = None) -> list[str]:
        """Return those of ``names`` that are still to be loaded, which takes seconds."""
        found = [name for name in names if analyzer_of(name) and name not in self._tokenizers]
        if settings and settings.active and not self._own.holds(own_key(settings)):
            found.append(settings.lane)
        return found

    def check(self, text: str, names: Sequence[str], settings: KiwiSettings | None = None) -> list[str]:
        """Return the names in the view's order, or raise where there is nothing to compare.

        Raises:
            InputError: no text, too long a text, an unpaired surrogate, no tokenizer chosen, or a bad user word.
            UnknownNameError: a name that is none of ours.
        """
        checked_text(text)
        own_key(settings or KiwiSettings())
        if not names:
            raise no_tokenizer()
        known = [info.name for info in list_tokenizers()]
        if unknown := [name for name in names if name not in known]:
            raise unknown_tokenizer(unknown[0])
        return [name for name in known if name in names]

    def compare(
        self, text: str, names: Sequence[str], settings: KiwiSettings | None = None, *, skip: Sequence[str] = ()
    ) -> Compared:
        """Cut ``text`` with each tokenizer; one that fails gives a lane with its error and harms no other.

        Args:
            text: at most `MAX_TEXT` characters.
            names: tokenizers; Kiwi is among them where ``settings`` are.
            settings: what the visitor changed of Kiwi; gives a second lane after Kiwi's.
            skip: lanes to leave out for now.

        Raises:
            InputError, UnknownNameError: see `check`.
        """
        chosen = self.check(text, names, settings)
        own = settings if settings and settings.active else None
        wanted = self.check(text, [*chosen, "kiwi"]) if own else chosen
        cuts: list[Cut] = []
        for name in wanted:
            if name not in skip:
                cuts.append(self._cut(text, name))
            if name == "kiwi" and own and own.lane not in skip:
                cuts.append(self._cut_own(text, own))
        lanes, shares = held_together(cuts)
        return Compared(text, tuple(chosen), settings or KiwiSettings(), lanes, shares, waiting=tuple(skip))

    def models(self) -> list[ModelCard]:
        """Return the bundled models and then this machine's training runs, read from their small files alone."""
        return [
            *read_cards(data_folder() / "models", UNITS, corpus_facts),
            *(read_cards(self._runs, UNITS, corpus_facts, runs=True) if self._runs else []),
        ]

    def prepare(self, model: str) -> threading.Thread | None:
        """Load a model in a thread, which is returned; None where it is loaded."""
        if model in self._models:
            return None
        thread = threading.Thread(target=_quietly, args=(self._models.get, model), daemon=True)
        thread.start()
        return thread

    def steps(
        self, model: str, prompt: str, *, stopped: Callable[[], bool] = lambda: False, **options: Any
    ) -> Iterator[Wrote]:
        """Yield the pieces that a model writes after a prompt.

        Args:
            model: a name from `models`.
            prompt: at most `MAX_PROMPT` characters.
            stopped: asked before each piece; True ends the text.
            **options: the fields of `SamplingConfig`; ``max_tokens`` at most `MAX_TOKENS`.

        Raises:
            InputError: a prompt or an option out of its range.
            KorlmError: the model cannot be loaded.
        """
        checked_prompt(prompt)
        loaded: LanguageModel = self._models.get(model)
        for step in loaded.steps(prompt, alternatives=_OTHERS, stopped=stopped, **_limited(options)):
            yield wrote(step, EOS_ID)

    def best(self, model: str, prompt: str, count: int, **options: Any) -> list[list[Wrote]]:
        """Return the pieces of the ``count`` best texts that a beam finds, the best first. See `steps`."""
        checked_prompt(prompt)
        loaded: LanguageModel = self._models.get(model)
        found = loaded.generate_n(prompt, count, alternatives=_OTHERS, **_limited(options))
        return [[wrote(step, EOS_ID) for step in text.steps] for text in found]

    def score(self, model: str, lines: Sequence[str]) -> tuple[Piece, ...]:
        """Return what each piece of each line costs a model, over the characters of the lines joined by line ends.

        The end of a line is a piece on its line end. The bits of all pieces add up to those of `LanguageModel.score`.

        Args:
            model: a name from `models`.
            lines: at most `MAX_SCORED` characters in all.

        Raises:
            InputError: an unpaired surrogate.
            KorlmError: the model cannot be loaded.
        """
        loaded: LanguageModel = self._models.get(model)
        scored = loaded.score(lines, workers=1)
        pieces: list[Piece] = []
        at = 0
        for encoding, bits in zip(loaded.tokenizer.encode_batch(lines), scored.surprisals, strict=True):
            tokens = tokens_of(encoding, loaded.tokenizer, at)
            end = at + len(encoding.text)
            pieces += align(tokens, bits[:-1].tolist(), at, end)
            last = Token(EOS_ID, loaded.tokenizer.token_text(EOS_ID), end, end + 1, place=len(tokens))
            pieces.append(Piece(end, end + 1, (last,), bits=float(bits[-1])))
            at = end + 1
        return tuple(pieces)

    def ways(self, model: str, lines: Sequence[str], count: int) -> tuple[tuple[Way, ...], ...]:
        """Return for each line the ways to cut it that a model finds likeliest, and the tokenizer's own.

        Args:
            model: a name from `models`.
            lines: at most `MAX_CUT` characters in all.
            count: how many ways of each line, beside the tokenizer's own.

        Raises:
            InputError: a lossy tokenizer.
            KorlmError: the model cannot be loaded.
        """
        from korlm.marginal import BEAM, likely_segmentations

        loaded: LanguageModel = self._models.get(model)
        found = (likely_segmentations(loaded, line, count, beam=BEAM) for line in lines)
        return tuple(tuple(Way(tuple(cut.pieces), cut.share, cut.own) for cut in cuts) for cuts in found)

    def warm(self) -> threading.Thread:
        """Load what the page shows at first and what is light, in a thread; return the thread."""
        thread = threading.Thread(target=self._warm, name="korlm-warm", daemon=True)
        thread.start()
        return thread

    def _warm(self) -> None:
        known = [info for info in self.tokenizers() if not info.reason]
        soon = [info for info in known if info.unit in _LIGHT or info.name in PRESELECTED]
        for info in sorted(soon, key=lambda info: info.unit not in _LIGHT):
            _quietly(self._tokenizers.get, info.name)
        for card in self.models():
            _quietly(self._models.get, card.name)

    def _ready_model(self, name: str) -> LanguageModel:
        if name not in [card.name for card in self.models()]:  # a path is no name here: visitors must not read the disk
            raise unknown_model(name)
        from korlm.models import list_models, load_model

        run = name not in list_models() and self._runs
        loaded = load_model(run.parent / name if run else name)
        loaded.tokenizer.encode("가")  # starts the analyzer
        return loaded

    def _cut(self, text: str, name: str) -> Cut:
        return tried(name, UNITS[name], lambda: made(name, text, self._tokenizers.get(name)))

    def _cut_own(self, text: str, settings: KiwiSettings) -> Cut:
        def make() -> Cut:
            with self._own.use(own_key(settings), lambda: own_kiwi(settings)) as tokenizer:
                return made(settings.lane, text, tokenizer)

        return tried(settings.lane, "morpheme", make)


def _ready_tokenizer(name: str) -> Tokenizer:
    tokenizer = load_tokenizer(name)
    tokenizer.encode("가")  # starts the analyzer, or its Java
    return tokenizer


def _limited(options: dict[str, Any]) -> dict[str, Any]:
    return options | {"max_tokens": min(int(options.get("max_tokens", MAX_TOKENS)), MAX_TOKENS)}


def _quietly(load: Callable[[str], Any], name: str) -> None:
    try:
        load(name)
    except Exception as error:  # the visitor who asks for it is told; a warm-up tells only the log
        _log.warning("%s is not ready: %s", name, error)
