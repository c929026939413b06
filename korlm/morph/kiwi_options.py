"""What can be changed about Kiwi: words of one's own, typing errors seen through, how far words are split.

>>> KiwiOptions(typos="basic", user_words=(UserWord("갓생", "NNG"),)).version_suffix
'+typos=basic+words=25dce0ea'
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from korlm.errors import ArtifactError, InputError
from korlm.morph.user_words import UserWord, make_user_word, validate_user_words

TYPO_MODES = ("", "basic", "continual", "basic_with_continual", "lengthening", "basic_with_continual_and_lengthening")
MAX_THREADS = 64


@dataclass(frozen=True)
class KiwiOptions:
    """What changes Kiwi's cuts (all but ``workers``).

    Attributes:
        user_words: words to add to its dictionary, see `korlm.morph.user_words`.
        typos: which typing errors it sees through: ``"basic"`` (안됀다), ``"continual"`` (머거써), ``"lengthening"``
            (지인짜), ``"basic_with_continual"``, ``"basic_with_continual_and_lengthening"``, or ``""`` for none.
        normalize_coda: see through a final consonant that was added (먹었엌ㅋㅋ).
        split_compounds: split derived words as far as they go (고마움 is 고맙 and 음).
        workers: threads of Kiwi for many texts; 0 for as many as there are cores, at most 8.

    Raises:
        InputError: a value that is not allowed.

    Example:
        >>> KiwiOptions.from_dict(KiwiOptions(typos="basic").to_dict()).typos
        'basic'
    """

    user_words: tuple[UserWord, ...] = ()
    typos: str = ""
    normalize_coda: bool = False
    split_compounds: bool = False
    workers: int = 0

    def __post_init__(self) -> None:
        if self.typos not in TYPO_MODES:
            known = ", ".join(filter(None, TYPO_MODES))
            raise InputError(
                f"typos에 '{self.typos}'은(는) 쓸 수 없습니다. 비우거나 {known} 가운데 하나를 쓰세요.",
                f"typos cannot be '{self.typos}'. Leave it empty or use one of {known}.",
            )
        if not 0 <= self.workers <= MAX_THREADS:
            raise InputError(
                f"Kiwi의 스레드 수는 0(모든 코어)에서 {MAX_THREADS}까지입니다. {self.workers}을(를) 바꾸세요.",
                f"Kiwi's threads go from 0 (all cores) to {MAX_THREADS}. Change {self.workers}.",
            )
        words = validate_user_words(
            (number, make_user_word(number, word)) for number, word in enumerate(self.user_words, 1)
        )
        object.__setattr__(self, "user_words", words)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as plain JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "user_words": [list(word) for word in self.user_words]}

    @classmethod
    def from_dict(cls, values: Any) -> KiwiOptions:
        """Return the options that `to_dict` gave; missing ones have their defaults.

        Raises:
            ArtifactError: not the shape of such options, or values that are not allowed.
        """
        kinds = {"user_words": list, "typos": str, "normalize_coda": bool, "split_compounds": bool, "workers": int}
        if not isinstance(values, Mapping):
            raise _options_error(type(values).__name__)
        for name, value in values.items():
            if type(value) is not kinds.get(name):  # a bool is no number here
                raise _options_error(f"{name}: {value!r:.40}")
        try:
            return cls(**{**values, "user_words": tuple(values.get("user_words", ()))})
        except InputError as error:
            raise ArtifactError(*error.args) from error

    @property
    def version_suffix(self) -> str:
        """What the options add to a version: empty for the default ones."""
        lines = sorted(f"{form}\t{tag}\t{score!r}\n" for form, tag, score in self.user_words)
        parts = [f"typos={self.typos}"] if self.typos else []
        parts += ["coda"] if self.normalize_coda else []
        parts += ["compounds"] if self.split_compounds else []
        parts += ["words=" + hashlib.sha256("".join(lines).encode()).hexdigest()[:8]] if lines else []
        return "".join(f"+{part}" for part in parts)


def _options_error(detail: str) -> ArtifactError:
    return ArtifactError(
        f"저장된 Kiwi 설정을 알 수 없습니다({detail}). korlm을 새로 설치하거나 토크나이저를 다시 저장하세요.",
        f"The saved Kiwi options are not known ({detail}). Update korlm, or save the tokenizer again.",
    )
