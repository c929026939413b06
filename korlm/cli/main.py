"""The ``korlm`` command: tokenize, encode, compare, train, soup, evaluate, segment, experiment, generate, chat,
train-chat, evaluate-chat, export, push, card, app.

Each reads files or standard input, prints text for people and ``--json`` for programs. Errors are one message in the
person's language and exit status 2. What each does is in `korlm.cli`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import korlm.cli as commands
from korlm._version import __version__
from korlm.cli import chat as chatting
from korlm.cli.arguments import add_evaluation_options, add_fields, add_tokenizer_options
from korlm.cli.chat import add_chat_options, add_evaluate_chat_options, add_train_chat_options
from korlm.cli.experiment import add_experiment_options
from korlm.cli.train import add_soup_arguments, add_train_arguments
from korlm.errors import KorlmError
from korlm.generation.config import GenerationConfig
from korlm.i18n import localize


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 well, 2 bad input, 130 interrupted)."""
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):  # a piped terminal with LANG=C would else die on Hangul
            stream.reconfigure(encoding="utf-8", errors="surrogateescape" if stream is sys.stdin else "strict")
    options = _build_parser().parse_args(arguments)
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


class _BilingualArgumentParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = localize("쓰는 법은", "for usage see")
        self.exit(2, f"korlm: {message}\n{hint}: {self.prog} --help\n")


def _build_parser() -> argparse.ArgumentParser:
    parser = _BilingualArgumentParser(
        prog="korlm",
        description=localize(
            "한국어 토큰화를 보고, 재고, 쓰는 도구",
            "See, measure and use Korean tokenization with recurrent language models",
        ),
    )
    parser.add_argument("--version", action="version", version=f"korlm {__version__}")
    group = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_tokenize,
        _add_encode,
        _add_compare,
        _add_train,
        _add_soup,
        _add_evaluate,
        _add_segment,
        _add_experiment,
        _add_generate,
        _add_chat,
        _add_export,
        _add_push,
        _add_card,
        _add_app,
    ):
        add(group)
    return parser


def _add_command(group: Any, name: str, run: Any, ko: str, en: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(name, help=localize(ko, en), description=localize(ko, en))
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help=localize("프로그램이 읽을 JSON으로", "JSON for programs"))
    return parser


def _add_tokenize(group: Any) -> None:
    parser = _add_command(group, "tokenize", commands.run_tokenize, "글을 조각으로 자른다", "cut text into pieces")
    parser.add_argument("files", nargs="*", help=localize("파일 (없으면 표준 입력)", "files (else standard input)"))
    said = localize(
        "토크나이저 이름이나 폴더 [kiwi, --language en이면 word]", "name or folder [kiwi; word with --language en]"
    )
    parser.add_argument("-t", "--tokenizer", help=said)
    parser.add_argument("--ids", action="store_true", help=localize("조각 대신 ID", "ids instead of pieces"))
    add_tokenizer_options(parser)
    parser.add_argument(
        "--no-stopwords", action="store_true", help=localize("불용어를 뺌 (낱말과 형태소)", "leave stop words out")
    )
    parser.add_argument(
        "--stopwords", help=localize("--no-stopwords에 쓸 목록 파일", "list for --no-stopwords"), metavar="FILE"
    )


def _add_encode(group: Any) -> None:
    parser = _add_command(
        group, "encode", commands.run_encode, "말뭉치를 ID 배열(.npy)로", "encode a corpus into a .npy of ids"
    )
    parser.add_argument(
        "file", help=localize(".txt .tsv .csv .jsonl 파일 (또는 .gz)", ".txt .tsv .csv .jsonl (or .gz) file")
    )
    parser.add_argument("-t", "--tokenizer", required=True, help=localize("토크나이저 이름이나 폴더", "name or folder"))
    parser.add_argument(
        "-o", "--output", help=localize("쓸 .npy [파일.토크나이저.npy]", ".npy to write [FILE.TOKENIZER.npy]")
    )
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))
    parser.add_argument("--workers", type=int, default=2, help=localize("분석 스레드 [2]", "threads [2]"), metavar="N")
    parser.add_argument("--restart", action="store_true", help=localize("있던 것을 버리고 새로", "start anew"))


def _add_compare(group: Any) -> None:
    parser = _add_command(
        group,
        "compare",
        commands.run_compare,
        "한 글을 여러 토크나이저로 자르거나, 말뭉치로 잰다 (--corpus, --gold)",
        "cut a text several ways, or measure on a corpus (--corpus, --gold)",
    )
    parser.add_argument("text", nargs="?", help=localize("글 (없으면 표준 입력)", "text (else standard input)"))
    names = "word,kiwi,okt,unigram,syllable", "word,kiwi,unigram,bpe,syllable"
    said = localize(
        f"쉼표로 나눈 이름, 또는 all [{names[0]}, 말뭉치에는 {names[1]}]",
        f"names, or all [{names[0]}; of a corpus {names[1]}]",
    )
    parser.add_argument("-t", "--tokenizers", help=said)
    parser.set_defaults(names=names)
    add_evaluation_options(parser.add_argument_group(localize("말뭉치로 재기", "measuring on a corpus")))


def _add_train(group: Any) -> None:
    add_train_arguments(
        _add_command(group, "train", commands.run_train, "언어 모델을 가르친다", "train a language model")
    )


def _add_soup(group: Any) -> None:
    ko, en = "여러 학습의 가중치를 섞고 온도를 맞춘다", "mix the weights of runs and set the temperature"
    add_soup_arguments(_add_command(group, "soup", commands.run_soup, ko, en))


def _add_evaluate(group: Any) -> None:
    parser = _add_command(group, "evaluate", commands.run_evaluate, "글자당 비트를 잰다", "measure bits per character")
    parser.add_argument(
        "model", help=localize("모델 이름, 폴더, 사용자/저장소[@판]", "name, folder or user/repo[@revision]")
    )
    parser.add_argument(
        "corpus", nargs="?", help=localize("말뭉치나 파일 (없으면 표준 입력)", "corpus or file (else stdin)")
    )
    parser.add_argument("--split", choices=("train", "valid", "test"), default="test")
    said = localize("줄마다 이 모델과 고르게 섞음 (여러 번)", "mix evenly with this model, line by line (repeatable)")
    parser.add_argument("--with", dest="others", action="append", default=[], metavar="MODEL", help=said)
    parser.add_argument(
        "--dynamic", type=float, default=0.0, metavar="RATE",
        help=localize("동적 평가의 학습률 (0이면 안 함)", "learning rate of dynamic evaluation (0: none)"),
    )  # fmt: skip
    said = localize(
        "토크나이저의 자르기만이 아니라 모든 자르기로 [K 없이 8, 안 하면 0]",
        "over all segmentations, not only the own [no K: 8; 0: none]",
    )
    parser.add_argument("--marginal", type=int, nargs="?", const=8, default=0, metavar="K", help=said)
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))


def _add_segment(group: Any) -> None:
    ko, en = "모델이 그럴듯하게 보는 자르기를 보인다", "print the segmentations that a model finds likely"
    parser = _add_command(group, "segment", commands.run_segment, ko, en)
    parser.add_argument(
        "model", help=localize("모델 이름, 폴더, 사용자/저장소[@판]", "name, folder or user/repo[@revision]")
    )
    parser.add_argument(
        "text", nargs="?", help=localize("글 (없으면 표준 입력의 줄마다)", "text (else lines of stdin)")
    )
    parser.add_argument(
        "-n", "--n", type=int, default=5, help=localize("몇 개까지 [5]", "how many at most [5]"), metavar="N"
    )
    said = localize("한자리에서 따라가 볼 길의 수 [32]", "ways to one place that are followed up [32]")
    parser.add_argument("--beam", type=int, default=32, help=said, metavar="K")


def _add_experiment(group: Any) -> None:
    ko, en = "같은 예산으로 토크나이저와 셀을 견준다", "compare tokenizers and cells at an equal budget"
    add_experiment_options(_add_command(group, "experiment", commands.run_experiment_command, ko, en))


def _add_generate(group: Any) -> None:
    parser = _add_command(group, "generate", commands.run_generate, "글을 이어 쓴다", "continue a text")
    parser.add_argument(
        "model", help=localize("모델 이름, 폴더, 사용자/저장소[@판]", "name, folder or user/repo[@revision]")
    )
    parser.add_argument(
        "prompt", nargs="?", help=localize("글머리 (없으면 표준 입력의 줄마다)", "prompt (else lines of stdin)")
    )
    parser.add_argument(
        "-n", "--n", type=int, default=1, help=localize("글머리마다 몇 개 [1]", "texts a prompt [1]"), metavar="N"
    )
    said = localize("조각마다 놀라움과 그럴듯한 조각 K개도 [0]", "also each piece's surprisal and K likely pieces [0]")
    parser.add_argument("--alternatives", type=int, default=0, help=said, metavar="K")
    add_fields(parser, GenerationConfig, exclude=["n"])


def _add_chat(group: Any) -> None:
    for name, run, add, ko, en in (
        ("chat", chatting.run_chat, add_chat_options, "챗봇과 이야기한다", "talk with a chatbot"),
        ("train-chat", chatting.run_train_chat, add_train_chat_options, "챗봇을 가르친다", "train a chatbot"),
        (
            "evaluate-chat",
            chatting.run_evaluate_chat,
            add_evaluate_chat_options,
            "챗봇의 답을 잰다",
            "measure chatbots",
        ),
    ):
        add(_add_command(group, name, run, ko, en))


def _add_export(group: Any) -> None:
    parser = _add_command(
        group,
        "export",
        commands.run_export,
        "Hugging Face의 tokenizer.json으로 쓴다",
        "write Hugging Face's tokenizer.json",
    )
    parser.add_argument("tokenizer", help=localize("토크나이저 이름이나 폴더", "name or folder"))
    parser.add_argument("file", nargs="?", default="tokenizer.json", help=localize("쓸 파일", "file to write"))


def _add_push(group: Any) -> None:
    parser = _add_command(
        group,
        "push",
        commands.run_push,
        "모델이나 토크나이저를 Hugging Face Hub에 올린다 (토큰: hf auth login이나 HF_TOKEN)",
        "push a model or tokenizer to the Hugging Face Hub (token: hf auth login or HF_TOKEN)",
    )
    parser.add_argument("name", help=localize("이름이나 폴더", "name or folder"))
    parser.add_argument(
        "repo", help=localize("사용자/저장소, 또는 사용자/저장소@브랜치", "user/repo or user/repo@branch")
    )
    parser.add_argument("--private", action="store_true", help=localize("비공개 저장소로", "into a private repository"))
    parser.add_argument("--message", help=localize("커밋에 적을 말", "what the commit says"))


def _add_card(group: Any) -> None:
    parser = _add_command(group, "card", commands.run_card, "모델 카드를 보인다", "print a model card")
    parser.add_argument(
        "name", help=localize("모델이나 토크나이저의 이름이나 폴더", "model or tokenizer, name or folder")
    )
    parser.add_argument("--repo", help=localize("올라갈 곳: 사용자/저장소", "where it will be: user/repo"))
    parser.add_argument(
        "--write",
        action="store_true",
        help=localize("그 폴더의 README.md로 쓴다", "write it as README.md of the folder"),
    )


def _add_app(group: Any) -> None:
    parser = _add_command(group, "app", commands.run_app, "웹 앱을 연다", "open the web app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, help=localize("포트 (없으면 7860부터 빈 것)", "port (else the first free from 7860)")
    )
