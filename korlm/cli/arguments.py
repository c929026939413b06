"""Options that several commands of `korlm.cli.main` share, or that are many: cuts, measuring, fields of configurations."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from korlm.i18n import localize


def add_tokenizer_options(parser: argparse.ArgumentParser) -> None:
    """Add what decides how a tokenizer cuts."""
    cuts = parser.add_argument_group(localize("자르는 방법", "how it is cut"))
    cuts.add_argument(
        "--language", choices=("ko", "en"), help=localize("en: 영어 낱말 (spaCy)", "en: English words (spaCy)")
    )
    cuts.add_argument(
        "--split", choices=("jamo",), help=localize("음절 안에서도 자름 (갔 → 가ㅆ)", "cut inside syllables")
    )
    for name, ko, en in (
        ("user-dictionary", "사용자 사전 파일 (Kiwi)", "file of the user's words (Kiwi)"),
        ("typos", "오타 교정: basic, continual, ... (Kiwi)", "typo tolerance: basic, continual, ... (Kiwi)"),
    ):
        cuts.add_argument(f"--{name}", help=localize(ko, en), metavar="X")
    for name, ko, en in (
        ("normalize-coda", "덧붙은 받침을 떼고 분석 (했엌) (Kiwi)", "undo added final consonants (Kiwi)"),
        ("split-compounds", "합성어를 나눔 (Kiwi)", "split compounds (Kiwi)"),
    ):
        cuts.add_argument(f"--{name}", action="store_true", help=localize(ko, en))


def add_evaluation_options(group: Any) -> None:
    """Add how tokenizers are measured on a corpus."""
    for name, ko, en in (
        ("corpus", "말뭉치 이름(kolaw, kobill, reviews)이나 파일", "corpus name or file"),
        ("gold", "정답 형태소가 든 .conllu(.gz) 파일", "file of gold morphemes, .conllu or .conllu.gz"),
        ("column", "글이 든 칸", "column that holds the text"),
        ("csv", "표를 쓸 .csv 파일", "write the figures as .csv"),
        ("plot", "그림을 그릴 .png, .svg, .pdf 파일", "draw a figure: .png, .svg or .pdf"),
    ):
        group.add_argument(f"--{name}", help=localize(ko, en))
    group.add_argument(
        "--split",
        choices=("train", "valid", "test", "all"),
        default="test",
        help=localize("잴 쪽 [test]", "what to measure [test]"),
    )
    group.add_argument("--limit", type=int, help=localize("잴 줄 수의 한도", "at most so many lines"), metavar="N")
    group.add_argument(
        "--strategies",
        nargs="?",
        const="mecab",
        choices=("mecab", "kiwi"),
        help=localize(
            "Park 외(2020)의 여섯 전략을 train에서 만들어 잰다 [형태소는 mecab]",
            "make Park et al.'s (2020) six strategies from train and measure them [morphemes by mecab]",
        ),
    )
    for name, default, ko, en in (
        ("vocab-size", None, "--strategies 어휘 크기의 한도", "no vocabulary of --strategies above this"),
        ("width", 256, "임베딩의 너비 [256]", "width of the embedding [256]"),
        ("resamples", 1000, "부트스트랩 횟수 [1000]", "bootstrap draws [1000]"),
        ("seed", 0, "부트스트랩의 씨앗 [0]", "seed of the bootstrap [0]"),
    ):
        group.add_argument(f"--{name}", type=int, default=default, help=localize(ko, en), metavar="N")


def add_fields(
    parser: argparse.ArgumentParser,
    config: type,
    *,
    exclude: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
) -> None:
    """Add an option for each field of a configuration (``exclude`` some), with its help and default, or the ``defaults`` value."""
    for entry in fields(config):
        if entry.name in exclude:
            continue
        ko, en = entry.metadata["ko"], entry.metadata["en"]
        default = (defaults or {}).get(entry.name, entry.default)
        several = isinstance(default, tuple)
        text = (localize(ko, en) if several else f"{localize(ko, en)} [{default}]").replace("%", "%%")
        name = ("-" if len(entry.name) == 1 else "--") + entry.name.replace("_", "-")
        if several:
            parser.add_argument(name, action="append", type=entry.metadata["kind"], default=[], help=text, metavar="X")
        elif isinstance(default, bool):
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=default, help=text)
        else:
            parser.add_argument(name, type=entry.metadata["kind"], default=default, help=text, metavar="X")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Add the precision of the weights on disk."""
    parser.add_argument(
        "--precision",
        default="float32",
        choices=("float32", "float16", "int8"),
        help=localize("저장 정밀도", "of the weights on disk"),
    )


def config_values(args: argparse.Namespace, config: type) -> dict[str, Any]:
    """Return the values of a configuration's fields, of those that the command has."""
    return {entry.name: getattr(args, entry.name) for entry in fields(config) if hasattr(args, entry.name)}


def tokenizer_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `korlm.load_tokenizer` that were asked for."""
    asked = {"split": args.split, "user_words": args.user_dictionary, "typos": args.typos}
    asked |= {name: getattr(args, name) for name in ("normalize_coda", "split_compounds")}
    asked |= {"language": "en"} if args.language == "en" else {}
    return {key: value for key, value in asked.items() if value}


def parse_column(column: str | None) -> str | int | None:
    """Return a column as a number where it is one."""
    return int(column) if column is not None and column.isdigit() else column


def read_input_lines(files: Sequence[str]) -> Iterator[str]:
    """Yield the lines of files, of standard input where there are none."""
    from korlm.corpora.files import read_lines

    if files:
        for path in files:
            yield from read_lines(path)
    else:
        yield from (line.rstrip("\r\n") for line in sys.stdin)


def batch_lines(lines: Iterator[str], size: int = 500) -> Iterator[list[str]]:
    """Yield lines by so many, one by one from a terminal."""
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size or sys.stdin.isatty():
            yield batch
            batch = []
    if batch:
        yield batch


def print_values(args: argparse.Namespace, values: dict[str, Any]) -> None:
    """Print what a command made, a line each or as JSON."""
    if os.environ.get("RANK", "0") != "0":  # of the processes of torchrun, one prints
        return
    if args.json:
        print(json.dumps(values, ensure_ascii=False))
        return
    width = max(map(len, values))
    for name, value in values.items():
        print(f"{name:<{width}}  {value}")
