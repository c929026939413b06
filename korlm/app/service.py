"""What the app knows of the rooms above: loaded tokenizers and models, limits, plain values in and out.

    >>> compared = Service().compare("가나", ["byte"])
    >>> compared.lanes[0].counts.ids
    6

Importing this loads neither torch nor an analyzer; `Service.start_warm_up` does, in a thread of its own.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from korlm.app.lanes import EncodedLane, add_cross_lane_info, build_lane, custom_kiwi_key, load_custom_kiwi, safe_lane
from korlm.app.limits import (
    MAX_TOKENS,
    no_tokenizer_error,
    unlisted_model_error,
    unlisted_tokenizer_error,
    validate_prompt,
    validate_text,
)
from korlm.app.model_info import ModelCard, read_model_cards
from korlm.app.pool import LazyCache, SingleSlotCache
from korlm.app.view_models import (
    DisplaySegment,
    DisplayToken,
    KiwiSettings,
    TextComparison,
    display_tokens,
)
from korlm.app.widgets.surprisal import align_token_bits
from korlm.corpora.dataset_info import get_dataset_info
from korlm.storage.artifacts import data_folder
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.catalog import TOKENIZER_UNITS, find_analyzer_name, list_tokenizers
from korlm.tokenizers.registry import load_tokenizer

if TYPE_CHECKING:
    from korlm.generation.results import Step
    from korlm.models.language_model import LanguageModel
    from korlm.models.marginal import Segmentation

_log = logging.getLogger(__name__)

PRESELECTED_TOKENIZERS = ("word", "kiwi", "okt", "unigram", "syllable")
_NUM_ALTERNATIVES = 5  # candidates that are named beside a piece that was written
_FAST_UNITS = ("word", "subword", "syllable", "jamo", "byte")  # units that load in milliseconds


class TokenizerOption(NamedTuple):
    """A tokenizer that can be chosen, or not: then `reason` says what to install."""

    name: str
    unit: str
    reason: str = ""


class Service:
    """Everything that the tabs may ask for. Safe to share between threads and visitors.

    Args:
        runs: where training runs are, whose models can be chosen too; None for none.
        load_model: returns the model of a name; by default loads one of `list_models`.
    """

    def __init__(
        self, runs: Path | None = Path("runs"), *, load_model: Callable[[str], LanguageModel] | None = None
    ) -> None:
        self._runs = runs
        self._tokenizers = LazyCache(_load_tokenizer)
        self._models = LazyCache(load_model or self._load_model)
        self._custom_kiwi: SingleSlotCache[Tokenizer] = SingleSlotCache()

    def tokenizer_options(self) -> list[TokenizerOption]:
        """Return the tokenizers, from long pieces to short ones, those that are not installed with the reason."""
        return [TokenizerOption(info.name, info.unit, "" if info.ready else info.reason) for info in list_tokenizers()]

    def unloaded_names(self, names: Sequence[str], settings: KiwiSettings | None = None) -> list[str]:
        """Return those of ``names`` that are still to be loaded, which takes seconds."""
        found = [name for name in names if find_analyzer_name(name) and name not in self._tokenizers]
        if settings and settings.is_active and not self._custom_kiwi.has_key(custom_kiwi_key(settings)):
            found.append(settings.lane_name)
        return found

    def validate_request(self, text: str, names: Sequence[str], settings: KiwiSettings | None = None) -> list[str]:
        """Return the names in the view's order, or raise where there is nothing to compare.

        Raises:
            InputError: no text, too long a text, an unpaired surrogate, no tokenizer chosen, or a bad user word.
            UnknownNameError: a name that is none of ours.
        """
        validate_text(text)
        custom_kiwi_key(settings or KiwiSettings())
        if not names:
            raise no_tokenizer_error()
        known = [info.name for info in list_tokenizers()]
        if unknown := [name for name in names if name not in known]:
            raise unlisted_tokenizer_error(unknown[0])
        return [name for name in known if name in names]

    def compare(
        self, text: str, names: Sequence[str], settings: KiwiSettings | None = None, *, skip: Sequence[str] = ()
    ) -> TextComparison:
        """Cut ``text`` with each tokenizer; one that fails gives a lane with its error and harms no other.

        Args:
            text: at most `MAX_TEXT` characters.
            names: tokenizers; Kiwi is among them where ``settings`` are.
            settings: what the visitor changed of Kiwi; gives a second lane after Kiwi's.
            skip: lanes to leave out for now.

        Raises:
            InputError, UnknownNameError: see `check`.
        """
        chosen = self.validate_request(text, names, settings)
        own = settings if settings and settings.is_active else None
        wanted = self.validate_request(text, [*chosen, "kiwi"]) if own else chosen
        cuts: list[EncodedLane] = []
        for name in wanted:
            if name not in skip:
                cuts.append(self._build_lane(text, name))
            if name == "kiwi" and own and own.lane_name not in skip:
                cuts.append(self._build_custom_lane(text, own))
        lanes, shares = add_cross_lane_info(cuts)
        return TextComparison(text, tuple(chosen), settings or KiwiSettings(), lanes, shares, pending=tuple(skip))

    def list_models(self) -> list[ModelCard]:
        """Return the bundled models and then this machine's training runs, read from their small files alone."""
        return [
            *read_model_cards(data_folder() / "models", TOKENIZER_UNITS, get_dataset_info),
            *(read_model_cards(self._runs, TOKENIZER_UNITS, get_dataset_info, runs=True) if self._runs else []),
        ]

    def load_in_background(self, model: str) -> threading.Thread | None:
        """Load a model in a thread, which is returned; None where it is loaded."""
        if model in self._models:
            return None
        thread = threading.Thread(target=_load_or_log, args=(self._models.get, model), daemon=True)
        thread.start()
        return thread

    def stream_tokens(
        self, model: str, prompt: str, *, stopped: Callable[[], bool] = lambda: False, **options: Any
    ) -> Iterator[Step]:
        """Yield the tokens that a model writes after a prompt.

        Args:
            model: a name from `list_models`.
            prompt: at most `MAX_PROMPT` characters.
            stopped: called before each token; True ends the text.
            **options: the fields of `GenerationConfig`; ``max_tokens`` is at most `MAX_TOKENS`.

        Raises:
            InputError: a prompt or an option out of its range.
            KorlmError: the model cannot be loaded.
        """
        validate_prompt(prompt)
        loaded: LanguageModel = self._models.get(model)
        options = _cap_max_tokens(options)
        yield from loaded.stream_tokens(prompt, alternatives=_NUM_ALTERNATIVES, stopped=stopped, **options)

    def beam_search(self, model: str, prompt: str, count: int, **options: Any) -> list[Sequence[Step]]:
        """Return the tokens of the ``count`` best texts of a beam search, the best first. See `stream_tokens`."""
        validate_prompt(prompt)
        loaded: LanguageModel = self._models.get(model)
        texts = loaded.generate(prompt, count, alternatives=_NUM_ALTERNATIVES, **_cap_max_tokens(options))
        return [text.steps for text in texts]

    def score(self, model: str, lines: Sequence[str]) -> tuple[DisplaySegment, ...]:
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
        pieces: list[DisplaySegment] = []
        at = 0
        for encoding, bits in zip(loaded.tokenizer.encode_batch(lines), scored.surprisals, strict=True):
            tokens = display_tokens(encoding, loaded.tokenizer, at)
            end = at + len(encoding.text)
            pieces += align_token_bits(tokens, bits[:-1].tolist(), at, end)
            last = DisplayToken(EOS_ID, loaded.tokenizer.token_text(EOS_ID), end, end + 1, position=len(tokens))
            pieces.append(DisplaySegment(end, end + 1, (last,), bits=float(bits[-1])))
            at = end + 1
        return tuple(pieces)

    def find_segmentations(self, model: str, lines: Sequence[str], count: int) -> list[list[Segmentation]]:
        """Return the likeliest segmentations of each line under a model, and the tokenizer's own.

        Args:
            model: a name from `list_models`.
            lines: at most `MAX_SEGMENTATION_TEXT` characters in all.
            count: number of segmentations of a line, besides the tokenizer's own.

        Raises:
            InputError: a lossy tokenizer.
            KorlmError: the model cannot be loaded.
        """
        from korlm.models.marginal import DEFAULT_BEAM_SIZE, likely_segmentations

        loaded: LanguageModel = self._models.get(model)
        return [likely_segmentations(loaded, line, count, beam=DEFAULT_BEAM_SIZE) for line in lines]

    def start_warm_up(self) -> threading.Thread:
        """Load what the page shows at first and what is light, in a thread; return the thread."""
        thread = threading.Thread(target=self._warm_up, name="korlm-warm", daemon=True)
        thread.start()
        return thread

    def _warm_up(self) -> None:
        known = [info for info in self.tokenizer_options() if not info.reason]
        soon = [info for info in known if info.unit in _FAST_UNITS or info.name in PRESELECTED_TOKENIZERS]
        for info in sorted(soon, key=lambda info: info.unit not in _FAST_UNITS):
            _load_or_log(self._tokenizers.get, info.name)
        for card in self.list_models():
            _load_or_log(self._models.get, card.name)

    def _load_model(self, name: str) -> LanguageModel:
        if name not in [
            card.name for card in self.list_models()
        ]:  # a path is no name here: visitors must not read the disk
            raise unlisted_model_error(name)
        from korlm.models.registry import list_models, load_model

        run = name not in list_models() and self._runs
        loaded = load_model(run.parent / name if run else name)
        loaded.tokenizer.encode("가")  # starts the analyzer
        return loaded

    def _build_lane(self, text: str, name: str) -> EncodedLane:
        return safe_lane(name, TOKENIZER_UNITS[name], lambda: build_lane(name, text, self._tokenizers.get(name)))

    def _build_custom_lane(self, text: str, settings: KiwiSettings) -> EncodedLane:
        def build() -> EncodedLane:
            with self._custom_kiwi.locked_value(
                custom_kiwi_key(settings), lambda: load_custom_kiwi(settings)
            ) as tokenizer:
                return build_lane(settings.lane_name, text, tokenizer)

        return safe_lane(settings.lane_name, "morpheme", build)


def _load_tokenizer(name: str) -> Tokenizer:
    tokenizer = load_tokenizer(name)
    tokenizer.encode("가")  # starts the analyzer, or its Java
    return tokenizer


def _cap_max_tokens(options: dict[str, Any]) -> dict[str, Any]:
    return options | {"max_tokens": min(int(options.get("max_tokens", MAX_TOKENS)), MAX_TOKENS)}


def _load_or_log(load: Callable[[str], Any], name: str) -> None:
    try:
        load(name)
    except Exception as error:  # the visitor who asks for it is told; a warm-up tells only the log
        _log.warning("%s is not ready: %s", name, error)
