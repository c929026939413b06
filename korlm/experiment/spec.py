"""Tokenizers of an experiment as they are typed: ``unigram:8000@3`` is unigram, 8,000 ids, three seeds.

>>> TokenizerSpec.parse("unigram:8000@3")
TokenizerSpec(name='unigram', vocab_size=8000, on_unknown='fallback', seeds=3)
>>> TokenizerSpec.parse("word-unk").label
'word-unk'
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from korlm.errors import InputError
from korlm.tokenizers.names import TOKENIZER_UNITS

_SPEC_PATTERN = re.compile(r"(?P<what>.+?)(?:@(?P<seeds>\d+))?")
_NAME_PATTERN = re.compile(r"(?P<name>.+?)(?P<unk>-unk)?(?::(?P<size>\d+))?")


@dataclass(frozen=True)
class TokenizerSpec:
    """``NAME[-unk][:SIZE][@SEEDS]``.

    Attributes:
        name: a name of `korlm.list_tokenizers`, any ``analyzer+subword``, or the folder of a finished tokenizer.
        vocab_size: ids in all; 0 for the name's default (with ``-unk``: every piece of the training text).
        on_unknown: ``fallback``, or ``unk`` for ``-unk``: the classical vocabulary, which is lossy.
        seeds: how many seeds its rows have; 0 for the experiment's number.
    """

    name: str
    vocab_size: int = 0
    on_unknown: str = "fallback"
    seeds: int = 0

    @classmethod
    def parse(cls, text: str) -> TokenizerSpec:
        """Read what was typed.

        Raises:
            InputError: nothing, ``:0`` or ``@0``.
        """
        found = _SPEC_PATTERN.fullmatch(text.strip())
        named = _NAME_PATTERN.fullmatch(found["what"]) if found else None
        if not found or not named or 0 in (int(named["size"] or 1), int(found["seeds"] or 1)):
            raise InputError(
                f"'{text}'은(는) 토크나이저를 적는 꼴이 아닙니다. 이름[:어휘 크기][@씨앗 수]로 쓰세요 (예: unigram:8000@3).",
                f"'{text}' is no tokenizer. Write NAME[:SIZE][@SEEDS], such as unigram:8000@3.",
            )
        seeds = int(found["seeds"] or 0)
        if (
            named["name"] not in TOKENIZER_UNITS
        ):  # a folder's vocabulary is as it is: what looks like a size is its name
            return cls(found["what"], seeds=seeds)
        return cls(named["name"], int(named["size"] or 0), "unk" if named["unk"] else "fallback", seeds)

    @property
    def label(self) -> str:
        """How a row is called: all but the seeds."""
        marked = self.name + ("-unk" if self.on_unknown == "unk" else "")
        return f"{marked}:{self.vocab_size}" if self.vocab_size else marked

    @property
    def slug(self) -> str:
        """The label as a file's name."""
        if not self.is_folder:
            return re.sub(r"[^\w.+-]+", "-", self.label)
        plain = re.sub(r"[^\w.+-]+", "-", Path(self.name).name)[:40]
        return f"{plain}-{hashlib.sha256(self.label.encode()).hexdigest()[:6]}"  # two folders may end alike

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder's path, not a name; it need not be there once its vocabulary is copied."""
        return self.name not in TOKENIZER_UNITS
