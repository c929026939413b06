"""What the commands that show models to others do: push, card, app."""

from __future__ import annotations

import argparse
import json
import os

from korlm.cli.arguments import print_values
from korlm.errors import InputError


def run_push(options: argparse.Namespace) -> None:
    """Push a model or tokenizer to the Hugging Face Hub."""
    from korlm.hub.push import push_to_hub

    url = push_to_hub(options.name, options.repo, private=options.private, message=options.message)
    print_values(options, {"url": url})


def run_card(options: argparse.Namespace) -> None:
    """Print the card of a model or tokenizer, or write it into its folder."""
    from korlm.hub.cards import render_card, write_card

    if options.write:
        return print_values(options, {"file": str(write_card(options.name, repo_id=options.repo))})
    text = render_card(options.name, repo_id=options.repo)
    print(json.dumps({"card": text}, ensure_ascii=False) if options.json else text)


def run_app(options: argparse.Namespace) -> None:
    """Open the web app."""
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            'Gradio가 없습니다. pip install "korlm[ui]" 하세요.', 'Gradio is missing. Run: pip install "korlm[ui]"'
        ) from error
    from korlm.app.main import launch

    os.environ["GRADIO_SERVER_NAME"] = options.host
    try:
        launch(port=options.port)
    except OSError as error:
        raise InputError(
            f"{options.port or 7860} 포트를 쓸 수 없습니다. --port로 다른 번호를 주세요.",
            f"Port {options.port or 7860} cannot be used. Give another with --port.",
        ) from error
