"""The tokenizers and language models of the app, loaded on first use and shared by all visitors.

>>> comparison = Service().compare("가나", ["byte"])
>>> comparison.lanes[0].counts.ids
6

Importing this loads neither torch nor an analyzer; `Service.start_warm_up` does, in its own thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from korlm.app import lanes as app_lanes
from korlm.app.lanes import KiwiSettings, Lane, TextComparison, build_lane, build_lane_or_error, custom_kiwi_key
from korlm.app.limits import MAX_TOKENS, no_tokenizer_error, unlisted_error, validate_prompt, validate_text
from korlm.app.model_info import ModelCard, read_model_cards
from korlm.app.pool import LazyCache, SingleSlotCache
from korlm.app.widgets.surprisal import align_token_bits
from korlm.storage.artifacts import data_folder
from korlm.tokenizers.base import EOS_ID, Tokenizer
from korlm.tokenizers.catalog import TOKENIZER_UNITS, find_analyzer_name, list_tokenizers
from korlm.tokenizers.encoding import Encoding, Segment
from korlm.tokenizers.registry import load_tokenizer

if TYPE_CHECKING:
    from korlm.generation.results import Step
    from korlm.models.language_model import LanguageModel
    from korlm.models.results import Segmentation

PRESELECTED_TOKENIZERS = ("word", "kiwi", "okt", "unigram", "syllable")
_NUM_ALTERNATIVES = 5  # candidates that are shown for each generated token
_FAST_UNITS = ("word", "subword", "syllable", "jamo", "byte")  # units that load in milliseconds


class TokenizerOption(NamedTuple):
    """A tokenizer to choose; `reason` says what to install if it is not available."""

    name: str
    unit: str
    reason: str = ""


class Service:
    """The tokenizers and language models that the tabs use. Safe to share between threads and visitors.

    Args:
        runs: folder of training runs whose models can be chosen too; None for none.
        load_model: returns the model of a name; by default loads one of `list_models`.
        load_tokenizer: returns the tokenizer of a name; by default loads one of the registry.
    """

    def __init__(
        self,
        runs: Path | None = Path("runs"),
        *,
        load_model: Callable[[str], LanguageModel] | None = None,
        load_tokenizer: Callable[[str], Tokenizer] | None = None,
    ) -> None:
        self._runs = runs
        self._tokenizers: LazyCache[Tokenizer] = LazyCache(load_tokenizer or _load_tokenizer)
        self._models: LazyCache[LanguageModel] = LazyCache(load_model or self._load_model)
        self._custom_kiwi: SingleSlotCache[Tokenizer] = SingleSlotCache()

    def tokenizer_options(self) -> list[TokenizerOption]:
        """Return all tokenizers, from long tokens to short ones, with the reason if one is not installed."""
        return [TokenizerOption(info.name, info.unit, "" if info.ready else info.reason) for info in list_tokenizers()]

    def unloaded_names(self, names: Sequence[str], settings: KiwiSettings | None = None) -> list[str]:
        """Return those of ``names`` that are not loaded yet, which takes seconds."""
        unloaded = [name for name in names if find_analyzer_name(name) and name not in self._tokenizers]
        if settings and settings.is_active and not self._custom_kiwi.has_key(custom_kiwi_key(settings)):
            unloaded.append(settings.lane_name)
        return unloaded

    def validate_request(self, text: str, names: Sequence[str], settings: KiwiSettings | None = None) -> list[str]:
        """Return the names in the order of the view.

        Raises:
            InputError: no text, a text that is too long, an unpaired surrogate, no tokenizer, or a bad user word.
            UnknownNameError: a name of no tokenizer.
        """
        validate_text(text)
        custom_kiwi_key(settings or KiwiSettings())
        if not names:
            raise no_tokenizer_error()
        known = [info.name for info in list_tokenizers()]
        if unknown := [name for name in names if name not in known]:
            raise unlisted_error("tokenizer", unknown[0])
        return [name for name in known if name in names]

    def compare(
        self, text: str, names: Sequence[str], settings: KiwiSettings | None = None, *, skip: Sequence[str] = ()
    ) -> TextComparison:
        """Tokenize ``text`` with each tokenizer; one that fails gives a lane with its error.

        Args:
            text: at most `MAX_TEXT` characters.
            names: tokenizers. Active settings add Kiwi.
            settings: the visitor's options of Kiwi, for a second lane after Kiwi's.
            skip: lanes to leave out for now.

        Raises:
            InputError, UnknownNameError: see `validate_request`.
        """
        chosen = self.validate_request(text, names, settings)
        active = settings if settings and settings.is_active else None
        lanes: list[Lane] = []
        for name in self.validate_request(text, [*chosen, "kiwi"]) if active else chosen:
            if name not in skip:
                lanes.append(self._build_lane(text, name))
            if name == "kiwi" and active and active.lane_name not in skip:
                lanes.append(self._build_custom_lane(text, active))
        compared = app_lanes.compare_lanes(lanes)
        return TextComparison(text, tuple(chosen), settings or KiwiSettings(), *compared, pending=tuple(skip))

    def list_models(self) -> list[ModelCard]:
        """Return the bundled models and the training runs of this machine, without loading them."""
        trained = read_model_cards(self._runs, runs=True) if self._runs else []
        return read_model_cards(data_folder() / "models") + trained

    def load_in_background(self, model: str) -> threading.Thread | None:
        """Load a model in a thread and return the thread; None if it is loaded."""
        return self._models.load_in_background(model)

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
        loaded = self._models.get(model)
        options = _cap_max_tokens(options)
        yield from loaded.stream_tokens(prompt, alternatives=_NUM_ALTERNATIVES, stopped=stopped, **options)

    def beam_search(self, model: str, prompt: str, count: int, **options: Any) -> list[Sequence[Step]]:
        """Return the tokens of the ``count`` best texts of a beam search, the best first. See `stream_tokens`."""
        validate_prompt(prompt)
        loaded = self._models.get(model)
        texts = loaded.generate(prompt, count, alternatives=_NUM_ALTERNATIVES, **_cap_max_tokens(options))
        return [text.steps for text in texts]

    def score(self, model: str, lines: Sequence[str]) -> Lane:
        """Return the surprisals of a text of at most `MAX_SCORE_TEXT` characters, whose lines are scored one by one.

        Each line end is a token. The bits add up to those of `LanguageModel.score`.

        Returns:
            A lane of the lines, each with a line end. Tokens of one character are one segment (`align_token_bits`).

        Raises:
            InputError: an unpaired surrogate.
            KorlmError: the model cannot be loaded.
        """
        loaded = self._models.get(model)
        tokenizer = loaded.tokenizer
        scores = loaded.score(lines, workers=1)
        scored = Encoding("".join(line + "\n" for line in lines), [], [], [], [], [])
        segment_bits: list[float] = []
        start = 0
        for encoding, bits in zip(tokenizer.encode_batch(lines), scores.surprisals, strict=True):
            end = start + len(encoding.text)
            spans = [(start + token_start, start + token_end) for token_start, token_end in encoding.spans]
            segments, segment_of, line_bits = align_token_bits(spans, bits[:-1].tolist(), start, end)
            offset = len(scored.segments)
            scored.segments.extend([*segments, Segment(end, end + 1)])
            scored.segment_of.extend([*(offset + index for index in segment_of), offset + len(segments)])
            scored.ids.extend([*encoding.ids, EOS_ID])
            scored.tokens.extend([*encoding.tokens, tokenizer.token_text(EOS_ID)])
            scored.spans.extend([*spans, (end, end + 1)])
            segment_bits += [*line_bits, float(bits[-1])]
            start = end + 1
        token_bytes = tuple(b"" if token_id == EOS_ID else tokenizer.token_bytes[token_id] for token_id in scored.ids)
        return Lane(model, tokenizer.unit, scored, token_bytes, segment_bits=tuple(segment_bits))

    def find_segmentations(self, model: str, lines: Sequence[str], count: int) -> list[list[Segmentation]]:
        """Return the likeliest segmentations of each line under a model, and the tokenizer's own.

        There are ``count`` of each line besides the tokenizer's own. Lines have at most `MAX_SEGMENTATION_TEXT`
        characters in all.

        Raises:
            InputError: a lossy tokenizer.
            KorlmError: the model cannot be loaded.
        """
        from korlm.models.marginal import DEFAULT_BEAM_SIZE, likely_segmentations

        loaded = self._models.get(model)
        return [likely_segmentations(loaded, line, count, beam=DEFAULT_BEAM_SIZE) for line in lines]

    def start_warm_up(self) -> threading.Thread | None:
        """Load the preselected and the small tokenizers and then the models in threads; return the last thread."""
        installed = [option for option in self.tokenizer_options() if not option.reason]
        fast = [option.name for option in installed if option.unit in _FAST_UNITS]
        names = [*fast, *(option.name for option in installed if option.name in {*PRESELECTED_TOKENIZERS} - {*fast})]
        models = [card.name for card in self.list_models()]
        return self._models.load_in_background(*models, after=self._tokenizers.load_in_background(*names))

    def _load_model(self, name: str) -> LanguageModel:
        if name not in [card.name for card in self.list_models()]:  # visitors must not load a path of the disk
            raise unlisted_error("model", name)
        from korlm.models.registry import list_models, load_model

        runs = name not in list_models() and self._runs
        loaded = load_model(runs.parent / name if runs else name)
        loaded.tokenizer.encode("가")  # starts the analyzer
        return loaded

    def _build_lane(self, text: str, name: str) -> Lane:
        unit = TOKENIZER_UNITS[name]
        return build_lane_or_error(name, unit, lambda: build_lane(name, text, self._tokenizers.get(name)))

    def _build_custom_lane(self, text: str, settings: KiwiSettings) -> Lane:
        def build() -> Lane:
            load = partial(app_lanes.load_custom_kiwi, settings)
            with self._custom_kiwi.locked_value(custom_kiwi_key(settings), load) as tokenizer:
                return build_lane(settings.lane_name, text, tokenizer)

        return build_lane_or_error(settings.lane_name, "morpheme", build)


def _load_tokenizer(name: str) -> Tokenizer:
    tokenizer = load_tokenizer(name)
    tokenizer.encode("가")  # starts the analyzer
    return tokenizer


def _cap_max_tokens(options: dict[str, Any]) -> dict[str, Any]:
    return options | {"max_tokens": min(int(options.get("max_tokens", MAX_TOKENS)), MAX_TOKENS)}
