"""``korlm app``: open the web app."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from korlm.cli.arguments import add_option
from korlm.errors import InputError

HELP = ("웹 앱을 연다", "open the web app")
_MAX_PORT = 65535
_PORT_VARIABLE = "GRADIO_SERVER_PORT"  # read by Gradio


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1")
    add_option(parser, "--port", "포트 (없으면 7860부터 빈 것)", "port (else the first free from 7860)", type=int)


def run(args: Namespace) -> None:
    """Open the web app."""
    _check_port("--port", args.port)
    _check_port(_PORT_VARIABLE, os.environ.get(_PORT_VARIABLE))
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            'Gradio가 없습니다. pip install "korlm[ui]" 하세요.', 'Gradio is missing. Run: pip install "korlm[ui]"'
        ) from error
    from korlm.app.main import launch

    os.environ["GRADIO_SERVER_NAME"] = args.host
    port = args.port or os.environ.get(_PORT_VARIABLE) or 7860
    try:
        launch(port=args.port)
    except OSError as error:
        raise InputError(
            f"{port} 포트를 쓸 수 없습니다. --port로 다른 번호를 주세요.",
            f"Port {port} cannot be used. Give another with --port.",
        ) from error


def _check_port(source: str, port: int | str | None) -> None:
    """Raise an `InputError` that names the option or variable if its value is not a port; None is none given."""
    if port is not None and not (str(port).isascii() and str(port).isdigit() and 1 <= int(port) <= _MAX_PORT):
        raise InputError(
            f"'{port}'은(는) 포트 번호가 아닙니다. {source}에 1에서 {_MAX_PORT}까지의 수를 주세요.",
            f"'{port}' is not a port. {source} must be from 1 to {_MAX_PORT}.",
        )
