"""`make bench`, second part: ids of a batch of reviews, each beside the raw library in the same run.

A pass of the library and one of korlm take turns; the figure is the median of the ratios of their rates, which a machine
that does other work at the same time disturbs least. Needs `KORLM_CORPORA`; analyzers that are not installed are left out.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import korlm

REVIEWS = 20_000
OKT_REVIEWS = 4_000
Pass = Callable[[], object]


class Race(NamedTuple):
    """A pass of the peer and one of korlm over the same lines, and the least ratio of their rates."""

    name: str
    peer: str
    raw: Pass
    ours: Pass
    least: float
    rounds: int = 5


def seconds(action: Pass) -> float:
    begun = time.perf_counter()
    result = action()
    taken = time.perf_counter() - begun
    del result
    return taken


def run(race: Race, characters: int) -> bool:
    """Print a race; return whether korlm kept its promise."""
    race.raw(), race.ours()  # both warm
    pairs = [(seconds(race.raw), seconds(race.ours)) for _ in range(race.rounds)]
    ratio = statistics.median(raw / ours for raw, ours in pairs)
    rates = [characters / statistics.median(column) / 1e3 for column in zip(*pairs, strict=True)]
    verdict = "ok" if ratio >= race.least else "UNDER"
    print(
        f"{race.name:<10}{rates[1]:>10,.0f}{rates[0]:>10,.0f}   ratio {ratio:>6.2f}  least {race.least:g}  {verdict:<6}"
        f" {race.peer}",
        flush=True,
    )
    return ratio >= race.least


def kiwi(lines: Sequence[str]) -> Race:
    from kiwipiepy import Kiwi

    raw = Kiwi(num_workers=2)
    tokenizer = korlm.load_tokenizer("kiwi", workers=2)
    return Race(
        "kiwi", "Kiwi(num_workers=2).tokenize(lines)", lambda: [len(tokens) for tokens in raw.tokenize(lines)],
        lambda: tokenizer.encode_ids(lines, workers=2), 0.9, 3,
    )  # fmt: skip


def mecab(lines: Sequence[str]) -> Race:
    from mecab import MeCab

    raw = MeCab()
    tokenizer = korlm.load_tokenizer("mecab")
    return Race(
        "mecab", "[MeCab().morphs(line) for line in lines]", lambda: [raw.morphs(line) for line in lines],
        lambda: tokenizer.encode_ids(lines), 0.9, 3,
    )  # fmt: skip


def subword(name: str, lines: Sequence[str]) -> Race:
    tokenizer: Any = korlm.load_tokenizer(name)
    from sentencepiece import SentencePieceProcessor

    raw = SentencePieceProcessor(model_proto=tokenizer.model)
    return Race(
        name, "SentencePieceProcessor.encode(lines, num_threads=2)", lambda: raw.encode(lines, num_threads=2),
        lambda: tokenizer.encode_ids(lines, workers=2), 0.9, 15,
    )  # fmt: skip


def character(name: str, lines: Sequence[str]) -> Race:
    tokenizer = korlm.load_tokenizer(name)
    if name == "byte":
        table: dict[Any, int] = {byte: byte + 4 for byte in range(256)}
        return Race(
            name, "[d[b] for b in line.encode()]", lambda: [[table[b] for b in line.encode()] for line in lines],
            lambda: tokenizer.encode_array(lines), 3.0, 9,
        )  # fmt: skip
    table = {symbol: tokenizer.encode_ids([symbol])[0][0] for symbol in set("".join(lines))}
    return Race(
        name, "[d[c] for c in line]", lambda: [[table[c] for c in line] for line in lines],
        lambda: tokenizer.encode_array(lines), 3.0, 9,
    )  # fmt: skip


def okt(lines: Sequence[str]) -> Race:
    from korlm.morph.konlpy.worker import find_jvm, start_jvm

    jvm = find_jvm()
    assert jvm, "no Java"
    start_jvm(jvm, 512)
    from konlpy.tag import Okt

    raw = Okt()
    tokenizer = korlm.load_tokenizer("okt")
    return Race(
        "okt", "[Okt().pos(line) for line in lines], no other process", lambda: [raw.pos(line) for line in lines],
        lambda: tokenizer.encode_ids(lines), 0.9, 5,
    )  # fmt: skip


def main() -> int:
    if not os.environ.get("KORLM_CORPORA"):
        print("KORLM_CORPORA is not set: the tokenizers' races need the reviews")
        return 0
    lines = korlm.load_corpus("reviews").test[:REVIEWS]
    print(
        f"{platform.node()}, {os.cpu_count()} cores, Python {platform.python_version()}; thousand characters/s: korlm, peer"
    )
    ready = {info.name for info in korlm.list_tokenizers() if info.ready}
    makers: dict[str, Callable[[Sequence[str]], Race]] = {"kiwi": kiwi, "mecab": mecab}
    makers |= {name: partial(subword, name) for name in ("unigram", "bpe")}
    makers |= {name: partial(character, name) for name in ("syllable", "byte")} | {"okt": okt}
    kept = True
    for name, make in makers.items():
        if name in ready:
            some = lines[:OKT_REVIEWS] if name == "okt" else lines
            kept &= run(make(some), sum(map(len, some)))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
