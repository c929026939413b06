"""The argument parser whose help and errors are in the user's language: argparse has its own words in English only."""

from __future__ import annotations

import re
from argparse import ArgumentParser, HelpFormatter
from typing import Any, NoReturn

from korlm.i18n import localize

_HEADINGS = {"positional arguments": "인자", "options": "옵션"}
# argparse's messages and their Korean; \1, \2 are what they name.
_MESSAGES = tuple(
    (re.compile(english, re.DOTALL), korean)
    for english, korean in (
        (r"the following arguments are required: (.+)", r"다음 인자가 필요합니다: \1"),
        (r"one of the arguments (.+) is required", r"다음 인자 가운데 하나가 필요합니다: \1"),
        (r"unrecognized arguments: (.+)", r"모르는 인자입니다: \1"),
        (r"ambiguous option: (.+) could match (.+)", r"\1은(는) 여러 옵션의 앞부분입니다: \2"),
        (r"expected one argument", r"값이 하나 필요합니다"),
        (r"expected at most one argument", r"값은 하나까지 줄 수 있습니다"),
        (r"expected at least one argument", r"값이 하나 이상 필요합니다"),
        (r"expected (\d+) arguments?", r"값이 \1개 필요합니다"),
        (r"invalid int value: (.+)", r"\1은(는) 정수가 아닙니다"),
        (r"invalid float value: (.+)", r"\1은(는) 수가 아닙니다"),
        (r"invalid \w+ value: (.+)", r"쓸 수 없는 값입니다: \1"),
        (r"invalid choice: (.+?) \(choose from (.+)\)", r"\1은(는) 고를 수 없습니다. 고를 수 있는 값: \2"),
        (r"not allowed with argument (.+)", r"\1와(과) 함께 쓸 수 없습니다"),
        (r"ignored explicit argument (.+)", r"값을 받지 않습니다 (받은 것: \1)"),
    )
)
_ARGUMENT = re.compile(r"argument (\S+(?:, \S+)*): (.+)", re.DOTALL)


class BilingualFormatter(HelpFormatter):
    """Help with the headings in the user's language."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """Add the usage; see `argparse.HelpFormatter`."""
        super().add_usage(usage, actions, groups, localize("사용법: ", "usage: ") if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        """Start a group of arguments; see `argparse.HelpFormatter`."""
        super().start_section(localize(_HEADINGS.get(heading, heading), heading) if heading else heading)


class BilingualArgumentParser(ArgumentParser):
    """An argument parser with help and errors in the user's language."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, formatter_class=BilingualFormatter, **options)
        text = localize("이 도움말을 보여 주고 끝냅니다", "show this help message and exit")
        self.add_argument("-h", "--help", action="help", help=text)

    def error(self, message: str) -> NoReturn:
        """Print an error with where to find help, and exit with status 2."""
        label = localize("사용법", "For usage see")
        self.exit(2, f"korlm: {localize(translate_error(message), message)}\n{label}: {self.prog} --help\n")


def translate_error(message: str) -> str:
    """Return the Korean of a message of argparse, or the message itself if it is unknown.

    >>> translate_error("argument --port: invalid int value: 'x'")
    "--port: 'x'은(는) 정수가 아닙니다."
    """
    argument, message = match.groups() if (match := _ARGUMENT.fullmatch(message)) else ("", message)
    for pattern, korean in _MESSAGES:
        if match := pattern.fullmatch(message):
            message = match.expand(korean)
            message += "" if ": " in korean or korean.endswith(")") else "."
            break
    return f"{argument}: {message}" if argument else message
