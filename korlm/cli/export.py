"""``korlm export``: write a tokenizer as Hugging Face's ``tokenizer.json``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from korlm.cli.arguments import add_option
from korlm.cli.output import print_values

HELP = ("Hugging Face의 tokenizer.json으로 쓴다", "write Hugging Face's tokenizer.json")


def add_arguments(parser: ArgumentParser) -> None:
    add_option(parser, "tokenizer", "토크나이저 이름이나 폴더", "name or folder")
    add_option(parser, "file", "쓸 파일", "file to write", nargs="?", default="tokenizer.json")


def run(args: Namespace) -> None:
    """Write a tokenizer in the format of Hugging Face's ``tokenizers``."""
    from korlm.tokenizers.hf_export import export_tokenizer
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(args.tokenizer)
    export_tokenizer(tokenizer, args.file)
    print_values(args, {"file": args.file, "signature": tokenizer.signature})
