"""``korlm card``: print the model card of a model or tokenizer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from korlm.cli.arguments import add_option
from korlm.cli.output import print_json, print_values

HELP = ("모델 카드를 보인다", "print a model card")


def add_arguments(parser: ArgumentParser) -> None:
    add_option(parser, "name", "모델이나 토크나이저의 이름이나 폴더", "model or tokenizer, name or folder")
    add_option(parser, "--repo", "올라갈 곳: 사용자/저장소", "where it will be: user/repo")
    add_option(
        parser, "--write", "그 폴더의 README.md로 쓴다", "write it as README.md of the folder", action="store_true"
    )


def run(args: Namespace) -> None:
    """Print the card of a model or tokenizer, or write it into its folder."""
    from korlm.hub.cards import render_card, write_card

    if args.write:
        return print_values(args, {"file": str(write_card(args.name, repo_id=args.repo))})
    text = render_card(args.name, repo_id=args.repo)
    print_json({"card": text}) if args.json else print(text)
