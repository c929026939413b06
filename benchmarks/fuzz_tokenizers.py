"""Coverage-guided fuzzing of one tokenizer, by hand: ``python benchmarks/fuzz_tokenizers.py kiwi -max_total_time=30``.

Needs atheris (pip install atheris). Every text must come back, by ids and by pieces, and the segments must partition it.
"""

from __future__ import annotations

import sys
from typing import Any


def check(tokenizer: Any, text: str) -> None:
    encoding = tokenizer.encode(text)
    assert tokenizer.decode(encoding.ids) == text
    assert tokenizer.encode_ids([text])[0] == encoding.ids
    assert "".join(text[segment.start : segment.end] for segment in encoding.segments) == text
    position = 0
    for start, end in encoding.spans:
        assert start <= position <= end <= len(text)
        position = end
    assert position == len(text)


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["korlm"]):
        import korlm
        import korlm.tokenizers.registry

    name, _, split = sys.argv.pop(1).partition("/")
    tokenizer = korlm.load_tokenizer(name, **({"split": split} if split else {}))

    def one(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        if provider.ConsumeBool():  # Hangul: any text at all is mostly planes that no analyzer knows
            count = provider.ConsumeIntInRange(0, 20)
            body = "".join(chr(0xAC00 + provider.ConsumeIntInRange(0, 11171)) for _ in range(count))
            text = provider.ConsumeUnicodeNoSurrogates(4) + body + provider.ConsumeUnicodeNoSurrogates(4)
        else:
            text = provider.ConsumeUnicodeNoSurrogates(provider.ConsumeIntInRange(0, 60))
        check(tokenizer, text)

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
