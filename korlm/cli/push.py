"""``korlm push``: upload a model or tokenizer to the Hugging Face Hub."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from korlm.cli.arguments import add_option
from korlm.cli.output import print_values

HELP = (
    "모델이나 토크나이저를 Hugging Face Hub에 올린다 (토큰: hf auth login이나 HF_TOKEN)",
    "push a model or tokenizer to the Hugging Face Hub (token: hf auth login or HF_TOKEN)",
)


def add_arguments(parser: ArgumentParser) -> None:
    add_option(parser, "name", "이름이나 폴더", "name or folder")
    add_option(parser, "repo", "사용자/저장소, 또는 사용자/저장소@브랜치", "user/repo or user/repo@branch")
    add_option(parser, "--private", "비공개 저장소로", "into a private repository", action="store_true")
    add_option(parser, "--message", "커밋에 적을 말", "what the commit says")


def run(args: Namespace) -> None:
    """Upload a model or tokenizer and print its URL."""
    from korlm.hub.push import push_to_hub

    url = push_to_hub(args.name, args.repo, private=args.private, message=args.message)
    print_values(args, {"url": url})
