"""Strings that must come in a text, as the pieces that would write them.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> encode_forced_strings(byte_tokenizer(), GenerationConfig(forced="AB"))
(Target(data=b'AB', ways=((69, 70),)),)
"""

from __future__ import annotations

from dataclasses import dataclass

from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.tokenizers.base import Tokenizer

SPACE_PREFIXED_UNITS = (
    "word",
    "morpheme",
    "subword",
    "morpheme-subword",
)  # units whose pieces carry the space before them
_MAX_UTF8_BYTES = 4  # bytes of the longest character


@dataclass(frozen=True)
class ForcedString:
    """A string that must come.

    Attributes:
        data: its UTF-8 bytes.
        tokenizations: ids that write it; in units whose pieces carry the space before them, also with a space before it.
    """

    data: bytes
    tokenizations: tuple[tuple[int, ...], ...]

    @property
    def max_num_tokens(self) -> int:
        """How many pieces the longest way takes."""
        return max(map(len, self.tokenizations))


def encode_forced_strings(tokenizer: Tokenizer, config: GenerationConfig) -> tuple[ForcedString, ...]:
    """Return what must come.

    Raises:
        InputError: a string that the vocabulary cannot write, or more of them than ``max_tokens`` has room for.
    """
    found = tuple(_encode_forced_string(tokenizer, text) for text in config.forced)
    needed = sum(target.max_num_tokens for target in found)
    if needed > config.max_tokens:
        raise InputError(
            f"forced를 쓰려면 조각이 {needed}개 있어야 합니다. max_tokens를 그 이상으로 하세요.",
            f"Writing what is forced takes {needed} pieces. Give at least so many as max_tokens.",
        )
    return found


def utf8_budget(tokenizer: Tokenizer) -> int:
    """Return how many pieces a character under way may still take: bytes, where the vocabulary has them."""
    return _MAX_UTF8_BYTES - 1 if tokenizer.byte_ids else 0


def _encode_forced_string(tokenizer: Tokenizer, text: str) -> ForcedString:
    variants = [text]
    if tokenizer.unit in SPACE_PREFIXED_UNITS and not text.startswith(" "):
        variants.append(" " + text)
    special = set(tokenizer.specials.values())
    ways = []
    for ids in tokenizer.encode_ids(variants):
        decoder = tokenizer.decoder()
        written = b"".join([*map(decoder.push, ids), decoder.finish()])
        if text.encode() in written and special.isdisjoint(ids):
            ways.append(tuple(ids))
    if not ways:
        raise InputError(
            f"이 모델의 어휘로는 forced '{text}'을(를) 쓸 수 없습니다. 다른 말이나 다른 모델을 쓰세요.",
            f"The model's vocabulary cannot write forced '{text}'. Use another string or another model.",
        )
    return ForcedString(text.encode(), tuple(dict.fromkeys(ways)))
