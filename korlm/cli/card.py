"""``korlm card``: print the model card of a model or tokenizer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from korlm.cli.output import print_json, print_values
from korlm.i18n import localize

HELP = ("모델 카드를 보인다", "print a model card")


def add_arguments(parser: ArgumentParser) -> None:
    name_help = localize("모델이나 토크나이저의 이름이나 폴더", "model or tokenizer, name or folder")
    parser.add_argument("name", help=name_help)
    parser.add_argument("--repo", help=localize("올라갈 곳: 사용자/저장소", "where it will be: user/repo"))
    write_help = localize("그 폴더의 README.md로 쓴다", "write it as README.md of the folder")
    parser.add_argument("--write", action="store_true", help=write_help)


def run(args: Namespace) -> None:
    """Print the card of a model or tokenizer, or write it into its folder."""
    from korlm.hub.cards import render_card, write_card

    if args.write:
        return print_values(args, {"file": str(write_card(args.name, repo_id=args.repo))})
    text = render_card(args.name, repo_id=args.repo)
    print_json({"card": text}) if args.json else print(text)
