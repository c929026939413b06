"""What the app knows of the rooms above: loaded tokenizers and models, limits, plain values in and out.

    >>> lanes = Service().compare("가나", ["byte"])
    >>> lanes[0].counts.ids
    6

Importing this loads neither torch nor an analyzer; `Service.warm` does, in a thread of its own.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from korlm.artifacts import data_folder, read_json
from korlm.comparison.intrinsic import measure, unknown_segments
from korlm.errors import InputError, KorlmError, UnknownNameError
from korlm.text.spans import check_text
from korlm.tokenizers.base import Encoding, Tokenizer
from korlm.tokenizers.registry import UNITS, list_tokenizers, load_tokenizer
from korlm.ui.plain import Counts, Lane, ModelCard, Piece, Token

if TYPE_CHECKING:
    from korlm.lm import LanguageModel

_log = logging.getLogger(__name__)

MAX_TEXT = 20_000  # characters of a text to compare
MAX_PROMPT = 500  # characters
MAX_TOKENS = 200
ORDER = ("word", "kiwi", "okt", "unigram", "bpe", "syllable", "byte")  # from long pieces to short ones
PRESELECTED = ("word", "kiwi", "okt", "unigram", "syllable")

_Loaded = TypeVar("_Loaded")


class _Shelf:
    """Things loaded once, on first use; two that differ may load at the same time."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        self._load = load
        self._things: dict[str, Any] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._guard = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._things

    def get(self, name: str) -> Any:
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._things:
                self._things[name] = self._load(name)
            return self._things[name]


class Service:
    """Everything that the tabs may ask for. Safe to share between threads and visitors."""

    def __init__(self) -> None:
        self._tokenizers = _Shelf(_ready_tokenizer)
        self._models = _Shelf(_ready_model)

    def tokenizers(self) -> list[tuple[str, str]]:
        """Return (name, unit) of the tokenizers that can be used here, from long pieces to short ones."""
        ready = {info.name for info in list_tokenizers() if info.ready}
        bundled = data_folder() / "tokenizers"
        return [
            (name, UNITS[name]) for name in ORDER if name in ready and (name == "byte" or (bundled / name).is_dir())
        ]

    def cold(self, names: Sequence[str]) -> list[str]:
        """Return those of ``names`` whose analyzer is still to be loaded, which takes seconds."""
        return [name for name in names if UNITS[name] == "morpheme" and name not in self._tokenizers]

    def check(self, text: str, names: Sequence[str]) -> list[str]:
        """Return the names in the view's order, or raise where there is nothing to compare.

        Raises:
            InputError: no text, too long a text, an unpaired surrogate, or no tokenizer chosen.
            UnknownNameError: a name that is none of ours.
        """
        if not text:
            raise InputError("글을 한 글자 이상 써 주세요.", "Type some text first.")
        if len(text) > MAX_TEXT:
            raise InputError(
                f"글이 너무 깁니다: {len(text):,}자. {MAX_TEXT:,}자까지 볼 수 있으니 줄여 주세요.",
                f"The text is too long: {len(text):,} characters. Shorten it to {MAX_TEXT:,} at most.",
            )
        check_text(text)
        if not names:
            raise InputError("토크나이저를 하나 이상 골라 주세요.", "Choose at least one tokenizer.")
        if unknown := [name for name in names if name not in UNITS]:
            raise UnknownNameError(
                f"'{unknown[0]}'이라는 토크나이저는 없습니다. 목록에서 골라 주세요.",
                f"There is no tokenizer '{unknown[0]}'. Choose from the list.",
            )
        return [name for name in ORDER if name in names]

    def compare(self, text: str, names: Sequence[str]) -> list[Lane]:
        """Cut ``text`` with each tokenizer; one that fails gives a lane with its error and harms no other.

        Raises:
            InputError, UnknownNameError: see `check`.
        """
        return [self._lane(text, name) for name in self.check(text, names)]

    def models(self) -> list[ModelCard]:
        """Return the bundled models, read from their small files alone."""
        cards: list[ModelCard] = []
        for config in sorted((data_folder() / "models").glob("*/config.json")):
            try:
                cards.append(_card(config.parent))
            except (KorlmError, OSError, KeyError, ValueError, TypeError):
                _log.exception("a model folder that cannot be read: %s", config.parent.name)
        return cards

    def stream(self, model: str, prompt: str, **options: Any) -> Iterator[str]:
        """Yield the continuation so far, longer each time and never with half a syllable.

        Args:
            model: a name from `models`.
            prompt: at most `MAX_PROMPT` characters.
            **options: those of `LanguageModel.stream`; ``max_tokens`` at most `MAX_TOKENS`.

        Raises:
            InputError: a prompt or an option out of its range.
            KorlmError: the model cannot be loaded.
        """
        if len(prompt) > MAX_PROMPT:
            raise InputError(
                f"첫머리가 너무 깁니다: {len(prompt):,}자. {MAX_PROMPT}자 안으로 줄여 주세요.",
                f"The prompt is too long: {len(prompt):,} characters. Shorten it to {MAX_PROMPT} at most.",
            )
        check_text(prompt)
        options["max_tokens"] = min(int(options.get("max_tokens", MAX_TOKENS)), MAX_TOKENS)
        loaded: LanguageModel = self._models.get(model)
        text = ""
        for delta in loaded.stream(prompt, **options):
            text += delta
            yield text

    def warm(self) -> threading.Thread:
        """Load the tokenizers and models in a thread, the ones shown first first; return the thread."""
        thread = threading.Thread(target=self._warm, name="korlm-warm", daemon=True)
        thread.start()
        return thread

    def _warm(self) -> None:
        for name, _ in sorted(self.tokenizers(), key=lambda known: known[1] == "morpheme"):
            _quietly(self._tokenizers.get, name)
        for card in self.models():
            _quietly(self._models.get, card.name)

    def _lane(self, text: str, name: str) -> Lane:
        try:
            tokenizer: Tokenizer = self._tokenizers.get(name)
            encoding = tokenizer.encode(text)
            return Lane(name, UNITS[name], _pieces(encoding, tokenizer), _counts(encoding, tokenizer))
        except KorlmError as error:
            return Lane(name, UNITS[name], error=error)
        except Exception:  # a crash inside one analyzer's library: the other lanes must still be drawn
            _log.exception("%s failed", name)
            return Lane(name, UNITS[name], error=unexpected())


def unexpected() -> KorlmError:
    """Return the error shown where something failed that nobody foresaw; the log has the trace."""
    return KorlmError(
        "예상하지 못한 문제가 생겼습니다. 다시 해 보고, 되풀이되면 알려 주세요.",
        "Something unexpected went wrong. Try again; if it happens again, please report it.",
    )


def _ready_tokenizer(name: str) -> Tokenizer:
    tokenizer = load_tokenizer(name)
    tokenizer.encode("가")  # starts the analyzer, or its Java
    return tokenizer


def _ready_model(name: str) -> LanguageModel:
    from korlm.models import list_models, load_model

    if name not in list_models():  # a folder's path is no name here: visitors must not read the disk with it
        raise UnknownNameError(
            f"'{name}'이라는 모델은 없습니다. 목록에서 골라 주세요.",
            f"There is no model '{name}'. Choose from the list.",
        )
    return load_model(name)


def _quietly(load: Callable[[str], _Loaded], name: str) -> None:
    try:
        load(name)
    except Exception as error:  # the visitor who asks for it is told; a warm-up tells only the log
        _log.warning("%s is not ready: %s", name, error)


def _pieces(encoding: Encoding, tokenizer: Tokenizer) -> tuple[Piece, ...]:
    tokens: list[list[Token]] = [[] for _ in encoding.segments]
    for number, text, span, owner in zip(
        encoding.ids, encoding.pieces, encoding.spans, encoding.segment_of, strict=True
    ):
        tokens[owner].append(Token(number, text, *span))
    unknown = unknown_segments(encoding)
    return tuple(
        Piece(
            segment.start,
            segment.end,
            tuple(own),
            tuple((morpheme.form, morpheme.tag) for morpheme in segment.morphemes),
            tokenizer.unit != "byte" and index in unknown,
        )
        for index, (segment, own) in enumerate(zip(encoding.segments, tokens, strict=True))
    )


def _counts(encoding: Encoding, tokenizer: Tokenizer) -> Counts:
    counts = measure(encoding, bytes_are_pieces=tokenizer.unit == "byte")
    return Counts(
        pieces=counts.segments,
        ids=counts.ids,
        ids_per_eojeol=counts.fertility if counts.eojeol else None,
        characters_per_id=counts.characters_per_id if counts.ids else None,
        byte_ids=counts.byte_ids,
        fallback=counts.unknown_segments,
        vocabulary=tokenizer.vocab_size,
    )


def _card(folder: Path) -> ModelCard:
    net = read_json(folder / "config.json")["net"]
    tokenizer = read_json(folder / "tokenizer" / "config.json")["name"]
    info = read_json(folder / "build_info.json")
    return ModelCard(
        folder.name, tokenizer, UNITS.get(tokenizer, ""), str(net["cell"]), _parameters(folder), _bits(info)
    )


def _parameters(folder: Path) -> int:
    """Count the weights from the file's header, so that no torch is needed to show a card."""
    total = 0
    with open(folder / "model.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    for name, entry in header.items():
        if name != "__metadata__":
            size = 1
            for length in entry["shape"]:
                size *= length
            total += size
    return total


def _bits(info: dict[str, Any]) -> float | None:
    """Return the test figure where one was noted, else the best on validation lines."""
    if "test" in info:
        return float(info["test"]["bits_per_character"])
    history = [entry["valid_bpc"] for entry in info.get("history", []) if "valid_bpc" in entry]
    return min(history) if history else None
