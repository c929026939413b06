"""Arguments that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

from korlm.i18n import localize

_UNDECODABLE = re.compile("[\udc80-\udcff]")  # bytes of standard input that are not UTF-8, as `korlm.cli.main` opens it


def add_option(parser: Any, names: str, ko: str, en: str, **options: Any) -> None:
    """Add an argument with its help in both languages; ``names`` are separated by spaces, as in ``-n --n``."""
    parser.add_argument(*names.split(), help=localize(ko, en), **options)


def add_model_argument(parser: ArgumentParser) -> None:
    """Add the positional argument ``model``."""
    add_option(parser, "model", "모델 이름, 폴더, 사용자/저장소[@리비전]", "name, folder or user/repo[@revision]")


def add_column_option(parser: ArgumentParser) -> None:
    """Add ``--column``, the name or index of a table's column."""
    add_option(parser, "--column", "글이 든 열", "column that holds the text")


def add_precision_option(parser: ArgumentParser) -> None:
    """Add ``--precision``, the number format of the saved weights."""
    precisions = ("float32", "float16", "int8")
    add_option(parser, "--precision", "저장 정밀도", "of the weights on disk", default="float32", choices=precisions)


def add_start_options(parser: ArgumentParser, ko: str, en: str) -> None:
    """Add how a training run starts: ``--from MODEL`` (stored as ``start``), ``--resume`` and ``--overwrite``."""
    add_option(parser, "--from", ko, en, dest="start", metavar="MODEL")
    add_option(parser, "--resume", "멈춘 곳에서 이어서 실행", "resume where it stopped", action="store_true")
    add_option(parser, "--overwrite", "있던 실행을 지우고 새로 시작", "overwrite an existing run", action="store_true")


def add_tokenizer_options(parser: ArgumentParser) -> None:
    """Add the options of `korlm.load_tokenizer` that change the segmentation."""
    group = parser.add_argument_group(localize("자르는 방법", "how it is cut"))
    add_option(group, "--language", "en: 영어 낱말 (spaCy)", "en: English words (spaCy)", choices=("ko", "en"))
    add_option(group, "--split", "음절 안에서도 자름 (갔 → 가ㅆ)", "split inside syllables, too", choices=("jamo",))
    add_option(group, "--user-dictionary", "사용자 사전 파일 (Kiwi)", "file of the user's words (Kiwi)", metavar="X")
    ko, en = "오타 교정: basic, continual, ... (Kiwi)", "typo tolerance: basic, continual, ... (Kiwi)"
    add_option(group, "--typos", ko, en, metavar="X")
    ko, en = "덧붙은 받침을 떼고 분석 (했엌) (Kiwi)", "undo added final consonants (Kiwi)"
    add_option(group, "--normalize-coda", ko, en, action="store_true")
    add_option(group, "--split-compounds", "합성어를 나눔 (Kiwi)", "split compounds (Kiwi)", action="store_true")


def tokenizer_options(args: Namespace) -> dict[str, Any]:
    """Return the options of `korlm.load_tokenizer` that were given."""
    values = {"split": args.split, "user_words": args.user_dictionary, "typos": args.typos}
    values |= {"normalize_coda": args.normalize_coda, "split_compounds": args.split_compounds}
    values |= {"language": "en"} if args.language == "en" else {}
    return {name: value for name, value in values.items() if value}


def add_fields(
    parser: ArgumentParser, config: type, *, exclude: Collection[str] = (), defaults: Mapping[str, Any] | None = None
) -> None:
    """Add an option for each `korlm.config.setting` but those of ``exclude``; ``defaults`` replace the fields' own."""
    for entry in fields(config):
        if entry.name not in exclude:
            add_field(parser, entry, default=(defaults or {}).get(entry.name, entry.default))


def add_field(parser: Any, entry: Field[Any], *, default: Any, suppress_default: bool = False) -> None:
    """Add the option of one `korlm.config.setting`, with help and default; a tuple becomes a repeatable option.

    The help shows ``default``, which holds if the option is not given, unless ``suppress_default`` leaves no attribute.
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

    for path in files:
        yield from read_lines(path)
    if not files:
        yield from (check_decoded(line).rstrip("\r\n") for line in sys.stdin)


def check_decoded(text: str) -> str:
    """Return a text of standard input unchanged.

    Raises:
        CorpusError: it is not UTF-8.
    """
    if undecodable := _UNDECODABLE.search(text):
        from korlm.corpora.files import encoding_error

        raise encoding_error(None, text[undecodable.start() :].encode("utf-8", "surrogateescape"))
    return text


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
