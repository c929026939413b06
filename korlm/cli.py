"""The ``korlm`` command: tokenize, compare, train, evaluate, generate, app.

Each reads files or standard input, prints text for people and ``--json`` for programs. Errors are one message in the
person's language and exit status 2. What each does is in `korlm.commands`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NoReturn

from korlm import __version__, commands
from korlm.errors import KorlmError
from korlm.generation.config import SamplingConfig
from korlm.language import pick
from korlm.training.config import ModelConfig, TrainConfig


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 well, 2 bad input, 130 interrupted)."""
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):  # a piped terminal with LANG=C would else die on Hangul
            stream.reconfigure(encoding="utf-8", errors="surrogateescape" if stream is sys.stdin else "strict")
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KorlmError as error:
        print(f"korlm: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
    except KeyboardInterrupt:
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = pick("쓰는 법은", "for usage see")
        self.exit(2, f"korlm: {message}\n{hint}: {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="korlm",
        description=pick(
            "한국어 토큰화를 보고, 재고, 쓰는 도구",
            "See, measure and use Korean tokenization with recurrent language models",
        ),
    )
    parser.add_argument("--version", action="version", version=f"korlm {__version__}")
    group = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_add_tokenize, _add_compare, _add_train, _add_evaluate, _add_generate, _add_app):
        add(group)
    return parser


def _command(group: Any, name: str, run: Any, ko: str, en: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(name, help=pick(ko, en), description=pick(ko, en))
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help=pick("프로그램이 읽을 JSON으로", "JSON for programs"))
    return parser


def _add_tokenize(group: Any) -> None:
    parser = _command(group, "tokenize", commands.tokenize, "글을 조각으로 자른다", "cut text into pieces")
    parser.add_argument("files", nargs="*", help=pick("파일 (없으면 표준 입력)", "files (else standard input)"))
    parser.add_argument("-t", "--tokenizer", default="kiwi", help=pick("토크나이저 이름이나 폴더", "name or folder"))
    parser.add_argument("--ids", action="store_true", help=pick("조각 대신 ID", "ids instead of pieces"))


def _add_compare(group: Any) -> None:
    parser = _command(group, "compare", commands.compare, "한 글을 여러 토크나이저로 자른다", "cut a text several ways")
    parser.add_argument("text", nargs="?", help=pick("글 (없으면 표준 입력)", "text (else standard input)"))
    default = "word,kiwi,okt,unigram,syllable"
    parser.add_argument("-t", "--tokenizers", default=default, help=pick("쉼표로 나눈 이름", "names, comma-separated"))


def _add_train(group: Any) -> None:
    parser = _command(group, "train", commands.train, "언어 모델을 가르친다", "train a language model")
    parser.add_argument(
        "corpus",
        nargs="?",
        default="kolaw",
        help=pick("말뭉치 이름(kolaw, kobill, reviews)이나 파일 [kolaw]", "corpus name or file [kolaw]"),
    )
    parser.add_argument("--folder", default="runs/model", help=pick("저장할 폴더", "folder to write"))
    parser.add_argument("--column", help=pick("글이 든 칸", "column that holds the text"))
    parser.add_argument("--limit", type=int, help=pick("학습 줄 수의 한도", "at most so many training lines"))
    parser.add_argument("--resume", action="store_true", help=pick("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument("--overwrite", action="store_true", help=pick("있던 것을 지우고 새로", "start anew over a run"))
    parser.add_argument("--half", action="store_true", help=pick("float16으로 저장", "save weights as float16"))
    parser.add_argument(
        "--only-tokenizer", action="store_true", help=pick("토크나이저만 만든다", "make the tokenizer alone")
    )
    _add_fields(parser, ModelConfig)
    _add_fields(parser, TrainConfig)


def _add_fields(parser: argparse.ArgumentParser, config: type) -> None:
    for entry in fields(config):
        ko, en = entry.metadata["ko"], entry.metadata["en"]
        text = f"{pick(ko, en)} [{entry.default}]".replace("%", "%%")
        name = "--" + entry.name.replace("_", "-")
        if isinstance(entry.default, bool):
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=entry.default, help=text)
        else:
            parser.add_argument(name, type=entry.metadata["kind"], default=entry.default, help=text, metavar="X")


def _add_evaluate(group: Any) -> None:
    parser = _command(group, "evaluate", commands.evaluate, "글자당 비트를 잰다", "measure bits per character")
    parser.add_argument("model", help=pick("모델 이름이나 폴더", "model name or folder"))
    parser.add_argument(
        "corpus", nargs="?", help=pick("말뭉치나 파일 (없으면 표준 입력)", "corpus or file (else stdin)")
    )
    parser.add_argument("--split", choices=("train", "valid", "test"), default="test")
    parser.add_argument("--column", help=pick("글이 든 칸", "column that holds the text"))


def _add_generate(group: Any) -> None:
    parser = _command(group, "generate", commands.generate, "글을 이어 쓴다", "continue a text")
    parser.add_argument("model", help=pick("모델 이름이나 폴더", "model name or folder"))
    parser.add_argument(
        "prompt", nargs="?", help=pick("글머리 (없으면 표준 입력의 줄마다)", "prompt (else lines of stdin)")
    )
    _add_fields(parser, SamplingConfig)


def _add_app(group: Any) -> None:
    parser = _command(group, "app", commands.app, "웹 앱을 연다", "open the web app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, help=pick("포트 (없으면 7860부터 빈 것)", "port (else the first free from 7860)")
    )
