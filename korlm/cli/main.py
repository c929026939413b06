"""The ``korlm`` command line: the table of its commands and the entry point.

Only the module of the command that was typed is imported; ``korlm --help`` imports all of them, and none loads torch.
Each command reads files or standard input and prints text, or JSON with ``--json``. An error is one message in the
user's language and exit status 2.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

from korlm._version import __version__
from korlm.cli.arguments import add_option
from korlm.cli.parser import BilingualArgumentParser
from korlm.errors import KorlmError
from korlm.i18n import localize

COMMANDS = {  # name: module of this package, in the order of --help
    name: name.replace("-", "_")
    for name in (
        "tokenize", "encode", "compare", "train", "soup", "evaluate", "segment", "experiment", "generate",
        "chat", "train-chat", "evaluate-chat", "export", "push", "card", "app",
    )
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status: 0 success, 2 bad input, 130 interrupted."""
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):  # under LANG=C a pipe would fail on Hangul
            stream.reconfigure(encoding="utf-8", errors="surrogateescape" if stream is sys.stdin else "strict")
    arguments = sys.argv[1:] if arguments is None else arguments
    args = _build_parser(arguments[0] if arguments else None).parse_args(arguments)
    try:
        args.run(args)
    except KorlmError as error:
        print(f"korlm: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
    except KeyboardInterrupt:
        return 130
    return 0


def _build_parser(first_argument: str | None) -> BilingualArgumentParser:
    """Return the parser of the command that is typed first, or else a list of all commands without their arguments."""
    ko, en = (
        "한국어 토큰화를 보고, 재고, 쓰는 도구",
        "See, measure and use Korean tokenization with recurrent language models",
    )
    parser = BilingualArgumentParser(prog="korlm", description=localize(ko, en))
    ko, en = "버전을 보여 주고 끝냅니다", "show the version and exit"
    add_option(parser, "--version", ko, en, action="version", version=f"korlm {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in [first_argument] if first_argument in COMMANDS else COMMANDS:
        module = import_module(f"korlm.cli.{COMMANDS[name]}")
        help_text = localize(*module.HELP)
        subparser = subparsers.add_parser(name, help=help_text, description=help_text)
        subparser.set_defaults(run=module.run)
        add_option(subparser, "--json", "프로그램이 읽을 JSON으로", "JSON for programs", action="store_true")
        if name == first_argument:
            module.add_arguments(subparser)
    return parser
