"""``korlm app``: open the web app."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from korlm.cli.arguments import add_option
from korlm.errors import InputError

HELP = ("웹 앱을 연다", "open the web app")
_MAX_PORT = 65535


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    add_option(parser, "--port", "포트 (없으면 7860부터 빈 것)", "port (else the first free from 7860)", type=int)


def run(args: Namespace) -> None:
    """Open the web app."""
    if args.port is not None and not 1 <= args.port <= _MAX_PORT:
        raise InputError(
            f"{args.port}은(는) 포트 번호가 아닙니다. --port는 1에서 {_MAX_PORT} 사이여야 합니다.",
            f"{args.port} is not a port. --port must be from 1 to {_MAX_PORT}.",
        )
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            'Gradio가 없습니다. pip install "korlm[ui]" 하세요.', 'Gradio is missing. Run: pip install "korlm[ui]"'
        ) from error
    from korlm.app.main import launch

    os.environ["GRADIO_SERVER_NAME"] = args.host
    try:
        launch(port=args.port)
    except OSError as error:
        raise InputError(
            f"{args.port or 7860} 포트를 쓸 수 없습니다. --port로 다른 번호를 주세요.",
            f"Port {args.port or 7860} cannot be used. Give another with --port.",
        ) from error
