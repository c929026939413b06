"""Arguments that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

from korlm.i18n import localize


def add_model_argument(parser: ArgumentParser) -> None:
    """Add the positional argument ``model``."""
    text = localize("모델 이름, 폴더, 사용자/저장소[@판]", "name, folder or user/repo[@revision]")
    parser.add_argument("model", help=text)


def add_column_option(parser: ArgumentParser) -> None:
    """Add ``--column``, the name or index of a table's column."""
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))


def add_precision_option(parser: ArgumentParser) -> None:
    """Add ``--precision``, the number format of the saved weights."""
    text = localize("저장 정밀도", "of the weights on disk")
    parser.add_argument("--precision", default="float32", choices=("float32", "float16", "int8"), help=text)


def add_start_options(parser: ArgumentParser, start_help: str) -> None:
    """Add how a training run starts: ``--from MODEL`` (stored as ``start``), ``--resume`` and ``--overwrite``."""
    parser.add_argument("--from", dest="start", metavar="MODEL", help=start_help)
    parser.add_argument("--resume", action="store_true", help=localize("멈춘 데서 이어서", "go on where it stopped"))
    overwrite_help = localize("있던 것을 지우고 새로", "start anew over a run")
    parser.add_argument("--overwrite", action="store_true", help=overwrite_help)


def add_tokenizer_options(parser: ArgumentParser) -> None:
    """Add the options of `korlm.load_tokenizer` that change the segmentation."""
    group = parser.add_argument_group(localize("자르는 방법", "how it is cut"))
    english_help = localize("en: 영어 낱말 (spaCy)", "en: English words (spaCy)")
    group.add_argument("--language", choices=("ko", "en"), help=english_help)
    split_help = localize("음절 안에서도 자름 (갔 → 가ㅆ)", "split inside syllables, too")
    group.add_argument("--split", choices=("jamo",), help=split_help)
    for name, ko, en in (
        ("user-dictionary", "사용자 사전 파일 (Kiwi)", "file of the user's words (Kiwi)"),
        ("typos", "오타 교정: basic, continual, ... (Kiwi)", "typo tolerance: basic, continual, ... (Kiwi)"),
    ):
        group.add_argument(f"--{name}", help=localize(ko, en), metavar="X")
    for name, ko, en in (
        ("normalize-coda", "덧붙은 받침을 떼고 분석 (했엌) (Kiwi)", "undo added final consonants (Kiwi)"),
        ("split-compounds", "합성어를 나눔 (Kiwi)", "split compounds (Kiwi)"),
    ):
        group.add_argument(f"--{name}", action="store_true", help=localize(ko, en))


def tokenizer_options(args: Namespace) -> dict[str, Any]:
    """Return the options of `korlm.load_tokenizer` that were given."""
    values = {"split": args.split, "user_words": args.user_dictionary, "typos": args.typos}
    values |= {"normalize_coda": args.normalize_coda, "split_compounds": args.split_compounds}
    values |= {"language": "en"} if args.language == "en" else {}
    return {name: value for name, value in values.items() if value}


def add_fields(
    parser: ArgumentParser, config: type, *, exclude: Collection[str] = (), defaults: Mapping[str, Any] | None = None
) -> None:
    """Add an option for each field of a configuration.

    Args:
        parser: the parser to add to.
        config: a dataclass of `korlm.config.setting` fields.
        exclude: fields that get no option.
        defaults: values that replace the fields' own defaults.
    """
    for entry in fields(config):
        if entry.name not in exclude:
            add_field(parser, entry, default=(defaults or {}).get(entry.name, entry.default))


def add_field(parser: Any, entry: Field[Any], *, default: Any, suppress_default: bool = False) -> None:
    """Add the option of one field, with its help and default; a tuple becomes a repeatable option.

    Args:
        parser: a parser or a group of one.
        entry: a field made by `korlm.config.setting`.
        default: the value that the help shows and that holds if the option is not given.
        suppress_default: leave no attribute if the option is not given.
    """
    is_repeatable = isinstance(default, tuple)
    text = localize(entry.metadata["ko"], entry.metadata["en"])
    kwargs: dict[str, Any] = {"help": (text if is_repeatable else f"{text} [{default}]").replace("%", "%%")}
    kwargs["default"] = argparse.SUPPRESS if suppress_default else [] if is_repeatable else default
    if isinstance(default, bool):
        kwargs["action"] = argparse.BooleanOptionalAction
    else:
        kwargs |= {"action": "append" if is_repeatable else "store", "type": entry.metadata["kind"], "metavar": "X"}
    name = ("-" if len(entry.name) == 1 else "--") + entry.name.replace("_", "-")
    parser.add_argument(name, **kwargs)


def config_values(args: Namespace, config: type) -> dict[str, Any]:
    """Return the values of a configuration's fields, as far as the command has options for them."""
    return {entry.name: getattr(args, entry.name) for entry in fields(config) if hasattr(args, entry.name)}


def parse_column(column: str | None) -> str | int | None:
    """Return a column as an integer if it is one."""
    return int(column) if column is not None and column.isdigit() else column


def parse_names(text: str) -> list[str]:
    """Return comma-separated names without spaces and empty ones.

    >>> parse_names("word, kiwi,")
    ['word', 'kiwi']
    """
    return [name for part in text.split(",") if (name := part.strip())]


def read_input_lines(files: Sequence[str]) -> Iterator[str]:
    """Yield the lines of files, or of standard input if there are none."""
    from korlm.corpora.files import read_lines

    if files:
        for path in files:
            yield from read_lines(path)
    else:
        yield from (line.rstrip("\r\n") for line in sys.stdin)


def read_argument_or_lines(argument: str | None) -> Iterator[str]:
    """Yield a text given as an argument, or the lines of standard input if it is None."""
    yield from read_input_lines([]) if argument is None else [argument]


def batch_lines(lines: Iterator[str], size: int = 500) -> Iterator[list[str]]:
    """Yield lists of ``size`` lines; one by one from a terminal."""
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size or sys.stdin.isatty():
            yield batch
            batch = []
    if batch:
        yield batch
