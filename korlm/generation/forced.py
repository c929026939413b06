"""Strings that must come in a text, as the pieces that would write them.

>>> from korlm.tokenizers.byte import byte_tokenizer
>>> targets(byte_tokenizer(), SamplingConfig(forced="AB"))
(Target(data=b'AB', ways=((69, 70),)),)
"""

from __future__ import annotations

from dataclasses import dataclass

from korlm.errors import InputError
from korlm.generation.config import SamplingConfig
from korlm.tokenizers.base import Tokenizer

SPACE_JOINS = ("word", "morpheme", "subword", "morpheme-subword")  # units whose pieces carry the space before them
_CHARACTER = 4  # bytes of the longest character


@dataclass(frozen=True)
class Target:
    """A string that must come.

    Attributes:
        data: its UTF-8 bytes.
        ways: ids that write it; in units whose pieces carry the space before them, also with a space before it.
    """

    data: bytes
    ways: tuple[tuple[int, ...], ...]

    @property
    def cost(self) -> int:
        """How many pieces the longest way takes."""
        return max(map(len, self.ways))


def targets(tokenizer: Tokenizer, config: SamplingConfig) -> tuple[Target, ...]:
    """Return what must come.

    Raises:
        InputError: a string that the vocabulary cannot write, or more of them than ``max_tokens`` has room for.
    """
    found = tuple(_target(tokenizer, text) for text in config.forced)
    needed = sum(target.cost for target in found)
    if needed > config.max_tokens:
        raise InputError(
            f"forced를 쓰려면 조각이 {needed}개 있어야 합니다. max_tokens를 그 이상으로 하세요.",
            f"Writing what is forced takes {needed} pieces. Give at least so many as max_tokens.",
        )
    return found


def room(tokenizer: Tokenizer) -> int:
    """Return how many pieces a character under way may still take: bytes, where the vocabulary has them."""
    return _CHARACTER - 1 if tokenizer.byte_ids else 0


def _target(tokenizer: Tokenizer, text: str) -> Target:
    variants = [text]
    if tokenizer.unit in SPACE_JOINS and not text.startswith(" "):
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
    return Target(text.encode(), tuple(dict.fromkeys(ways)))
