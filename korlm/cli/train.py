"""``korlm train``: train a language model, or a tokenizer alone."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import fields

from korlm.cli import arguments
from korlm.cli.arguments import add_fields, add_option, config_values, parse_column, parse_names, tokenizer_options
from korlm.cli.output import print_values
from korlm.errors import InputError
from korlm.i18n import localize
from korlm.nn.config import NetConfig
from korlm.training.config import TokenizerConfig, TrainConfig

HELP = ("언어 모델을 학습한다", "train a language model")


def add_arguments(parser: ArgumentParser) -> None:
    ko, en = "말뭉치 이름(kolaw, kobill, reviews)이나 파일 [kolaw]", "corpus name or file [kolaw]"
    add_option(parser, "corpus", ko, en, nargs="?", default="kolaw")
    add_option(parser, "--folder", "저장할 폴더", "folder to write", default="runs/model")
    arguments.add_column_option(parser)
    add_option(parser, "--limit", "학습 줄 수의 한도", "maximum number of training lines", type=int)
    ko, en = "이 모델의 가중치에서 시작 (이름, 폴더, 사용자/저장소)", "start from the weights of this model"
    arguments.add_start_options(parser, ko, en)
    arguments.add_precision_option(parser)
    group = parser.add_argument_group(localize("토크나이저만 만들기", "a tokenizer alone"))
    add_option(group, "--only-tokenizer", "토크나이저만 만든다", "make the tokenizer alone", action="store_true")
    for name, default, ko, en in (
        ("min-count", 2, "이보다 드문 토큰은 뺌 [2]", "leave rarer tokens out [2]"),
        ("coverage", 0.9995, "글자 포함률 [0.9995]", "fraction of characters covered [0.9995]"),
        ("on-unknown", "fallback", "모르는 토큰: fallback이나 unk [fallback]", "fallback or unk [fallback]"),
        ("specials", "", "더할 특수 토큰, 쉼표로 나눔", "additional special tokens, comma-separated"),
    ):
        add_option(group, f"--{name}", ko, en, type=type(default), default=default, metavar="X")
    arguments.add_tokenizer_options(parser)
    add_fields(parser, TokenizerConfig)
    add_fields(parser, NetConfig, exclude=["vocab_size"])
    add_fields(parser, TrainConfig)
    # None means not typed: with --from, the shape and the tokenizer are those of the initial model
    parser.set_defaults(**{entry.name: None for config in (TokenizerConfig, NetConfig) for entry in fields(config)})


def run(args: Namespace) -> None:
    """Train a language model, or a tokenizer alone."""
    from korlm.corpora.registry import load_corpus
    from korlm.tokenizers.train import train_tokenizer
    from korlm.training.progress import TrainingProgressBar
    from korlm.training.train import train_model

    corpus = load_corpus(args.corpus, column=parse_column(args.column), limit=args.limit)
    if args.only_tokenizer:
        tokenizer = train_tokenizer(
            args.tokenizer or TokenizerConfig.tokenizer, corpus.train, vocab_size=args.vocab_size or None,
            min_count=args.min_count, coverage=args.coverage, on_unknown=args.on_unknown,
            specials=parse_names(args.specials), **tokenizer_options(args),
        )  # fmt: skip
        tokenizer.save(args.folder)
        return print_values(args, {"folder": args.folder, "signature": tokenizer.signature})
    if misplaced := next(iter(tokenizer_options(args)), None):
        raise InputError(
            f"'{misplaced}'은(는) --only-tokenizer와 함께 씁니다. 토크나이저를 먼저 만들고 그 폴더를 --tokenizer로 주세요.",
            f"'{misplaced}' goes with --only-tokenizer. Make the tokenizer first and give its folder to --tokenizer.",
        )
    model_options = config_values(args, NetConfig) | config_values(args, TokenizerConfig)
    typed_options = {name: value for name, value in model_options.items() if value is not None}
    with TrainingProgressBar(file=sys.stderr) as bar:
        lm = train_model(
            corpus, folder=args.folder, start=args.start, resume=args.resume, overwrite=args.overwrite,
            precision=args.precision, report=bar.show_report, encoding=bar.show_encoding,
            **typed_options, **config_values(args, TrainConfig),
        )  # fmt: skip
    test_scores = lm.info.get("test", {})
    print_values(args, {"folder": f"{args.folder}/best", "parameters": lm.parameters, **test_scores})
