"""``korlm train-chat``: train a chatbot on pairs of questions and answers."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import fields
from typing import TYPE_CHECKING

from korlm.cli.arguments import add_fields, add_option, add_precision_option, add_start_options, config_values
from korlm.cli.output import print_values
from korlm.errors import InputError
from korlm.i18n import localize
from korlm.nn.config import NetConfig
from korlm.training.config import TokenizerConfig, TrainConfig

if TYPE_CHECKING:
    from korlm.corpora.dialogues import PairCorpus

HELP = ("챗봇을 학습한다", "train a chatbot")
DEFAULT_PAIRS = "dialogues+songys_chatbot"
_MAX_LISTED_ROWS = 10  # of those that are skipped
_RUNNING_TEXT_OPTIONS = ("bptt", "jitter", "layout", "sampled", "activation", "temporal")  # of no use for pairs
_MODEL_OPTIONS = {  # of both forms; an option that the chosen form lacks is an error
    "cell": (str, "gru", "셀: gru, lstm", "cell: gru or lstm"),
    "embedding": (int, 256, "임베딩 너비", "embedding width"),
    "hidden": (int, 384, "은닉 너비", "hidden width"),
    "layers": (int, 1, "층 수", "layers"),
    "dropout": (float, 0.3, "드롭아웃", "dropout"),
    "attention": (str, None, "인코더-디코더의 주의: general, dot, additive", "attention: general, dot or additive"),
    "max_length": (int, None, "인코더-디코더의 길이 한도 (토큰)", "longest question or answer (tokens)"),
}


def add_pairs_arguments(parser: ArgumentParser) -> None:
    """Add the argument ``pairs`` and the names of a file's columns."""
    pairs_help = localize("대화 이름이나 파일, +로 이음", "pairs: names or files, joined by +")
    parser.add_argument("pairs", nargs="?", default=DEFAULT_PAIRS, help=f"{pairs_help} [{DEFAULT_PAIRS}]")
    add_option(parser, "--question", "파일에서 물음이 든 열", "the file's column of questions", metavar="X")
    add_option(parser, "--answer", "파일에서 답이 든 열", "the file's column of answers", metavar="X")


def load_pairs_argument(args: Namespace) -> PairCorpus:
    """Load the pairs of the arguments; tell on standard error which rows are skipped."""
    from korlm.corpora.dialogues import load_pairs

    pairs = load_pairs(args.pairs, question=args.question, answer=args.answer)
    if rows := pairs.incomplete_rows:
        places = ", ".join(rows[:_MAX_LISTED_ROWS]) + ("" if len(rows) <= _MAX_LISTED_ROWS else ", …")
        ko = f"물음이나 답이 빈 {len(rows):,}줄을 건너뜁니다: {places}"
        note = localize(ko, f"skipping {len(rows):,} row(s) in which a turn is empty: {places}")
        print(f"korlm: {note}", file=sys.stderr, flush=True)
    return pairs


def add_arguments(parser: ArgumentParser) -> None:
    add_pairs_arguments(parser)
    forms = ("encoder-decoder", "language-model")
    ko = "인코더-디코더, 또는 대화 틀을 이어 쓰는 언어 모델"
    en = "an encoder-decoder, or a language model with a chat template"
    add_option(parser, "--form", ko, en, default="encoder-decoder", choices=forms)
    add_option(parser, "--folder", "둘 곳 [runs/chat]", "where to put it [runs/chat]", default="runs/chat")
    ko = "이 언어 모델이 아는 토큰에서 시작 (이름, 폴더, 사용자/저장소)"
    add_start_options(parser, ko, "begin with the pieces that this language model knows")
    ko = "남길 것: 검증에서 가장 나은 것, 또는 끝의 것 [best]"
    en = "which state: the best on validation, or the last [best]"
    add_option(parser, "--keep", ko, en, default="best", choices=("best", "last"))
    add_precision_option(parser)
    for name, (kind, default, ko, en) in _MODEL_OPTIONS.items():
        shown = "" if default is None else f" [{default}]"
        option = f"--{name.replace('_', '-')}"
        add_option(parser, option, ko + shown, en + shown, type=kind, default=default, metavar="X")
    add_fields(parser, TokenizerConfig)
    defaults = {"batch": 64, "epochs": 30.0, "learning_rate": 2e-3, "validations": 30}
    add_fields(parser, TrainConfig, exclude=_RUNNING_TEXT_OPTIONS, defaults=defaults)


def run(args: Namespace) -> None:
    """Train a chatbot and print its folder and test scores."""
    from korlm.chat.training import train_chat
    from korlm.training.progress import TrainingProgressBar

    pairs = load_pairs_argument(args)
    model_options = {name: value for name in _MODEL_OPTIONS if (value := getattr(args, name)) is not None}
    if args.form != "encoder-decoder":
        known = {entry.name for entry in fields(NetConfig)}
        if unknown := [name.replace("_", "-") for name in model_options if name not in known]:
            raise InputError(
                f"--{unknown[0]}은(는) 인코더-디코더에만 있습니다. 빼세요.",
                f"--{unknown[0]} is for encoder-decoders only. Leave it out.",
            )
    with TrainingProgressBar(file=sys.stderr) as bar:
        bot = train_chat(
            pairs, form=args.form, folder=args.folder, start=args.start, resume=args.resume, overwrite=args.overwrite,
            precision=args.precision, keep=args.keep, report=bar.show_report, **model_options,
            **config_values(args, TokenizerConfig), **config_values(args, TrainConfig),
        )  # fmt: skip
    test_scores = bot.info.get("test", {})
    print_values(args, {"folder": f"{args.folder}/best", "parameters": bot.parameters, **test_scores})
