"""What the commands of language models do: train, soup, experiment, generate.

Options of ``korlm train`` and ``korlm soup``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from korlm.cli.arguments import (
    batch_lines,
    config_values,
    parse_column,
    print_values,
    read_input_lines,
    tokenizer_options,
)
from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.nn.config import NetConfig
from korlm.training.config import TokenizerConfig, TrainConfig

if TYPE_CHECKING:
    from korlm.generation.results import GeneratedText
from dataclasses import fields

from korlm.cli.arguments import add_fields, add_precision_option, add_tokenizer_options
from korlm.i18n import localize


def run_train(options: argparse.Namespace) -> None:
    """Train a language model, or make a tokenizer alone."""
    from korlm.corpora.registry import load_corpus
    from korlm.tokenizers.train import train_tokenizer
    from korlm.training.progress import TrainingProgressBar
    from korlm.training.train import train_model

    corpus = load_corpus(options.corpus, column=parse_column(options.column), limit=options.limit)
    if options.only_tokenizer:
        tokenizer = train_tokenizer(
            options.tokenizer or TokenizerConfig.tokenizer, corpus.train, vocab_size=options.vocab_size or None, min_count=options.min_count,
            coverage=options.coverage, on_unknown=options.on_unknown,
            specials=[name.strip() for name in options.specials.split(",") if name.strip()], **tokenizer_options(options),
        )  # fmt: skip
        tokenizer.save(options.folder)
        return print_values(options, {"folder": options.folder, "signature": tokenizer.signature})
    if strange := tokenizer_options(options):
        raise InputError(
            f"'{next(iter(strange))}'은(는) --only-tokenizer와 함께 씁니다. 토크나이저를 먼저 만들고 그 폴더를 --tokenizer로 주세요.",
            f"'{next(iter(strange))}' goes with --only-tokenizer. Make the tokenizer first and give its folder to --tokenizer.",
        )
    shape = config_values(options, NetConfig) | config_values(options, TokenizerConfig)
    shape = {name: value for name, value in shape.items() if value is not None}  # what was typed
    with TrainingProgressBar(file=sys.stderr) as bar:
        lm = train_model(
            corpus, folder=options.folder, start=options.start, resume=options.resume,
            overwrite=options.overwrite, precision=options.precision,
            report=bar.report, encoding=bar.encoding, **shape, **config_values(options, TrainConfig),
        )  # fmt: skip
    figures = lm.info.get("test", {})
    print_values(options, {"folder": f"{options.folder}/best", "parameters": lm.parameters, **figures})


def run_soup(options: argparse.Namespace) -> None:
    """Mix the weights of several runs and set the temperature."""
    from korlm.corpora.registry import load_corpus
    from korlm.training.soup import SoupCandidate, make_soup

    def print_candidate(tried: SoupCandidate) -> None:
        print(f"{tried.model}  {tried.value:.3f}  {tried.bits_per_character:.4f}", file=sys.stderr, flush=True)

    corpus = load_corpus(options.corpus, column=parse_column(options.column))
    lm = make_soup(
        options.models, corpus, folder=options.folder, precision=options.precision,
        valid_lines=options.valid_lines, report=print_candidate,
    )  # fmt: skip
    shares = {f"share of {name}": share for name, share in lm.info["soup"]["shares"].items()}
    values = {"folder": options.folder, **shares, "temperature": lm.info["soup"]["temperature"]}
    print_values(options, values | {"valid": round(lm.info["soup"]["best_valid_bpc"], 4)} | lm.info.get("test", {}))


def run_experiment_command(options: argparse.Namespace) -> None:
    """Compare tokenizers and cells at an equal budget."""
    from korlm.cli.experiment import run_experiment_from_options

    print(run_experiment_from_options(options))


def run_generate(options: argparse.Namespace) -> None:
    """Print each prompt and how the model goes on: one text as it comes, several lines of standard input in a batch."""
    from korlm.models.registry import load_model

    lm = load_model(options.model)
    sampling = config_values(options, GenerationConfig)
    given = iter([options.prompt]) if options.prompt is not None else read_input_lines([])
    for prompts in batch_lines(given, 64):
        if options.json or options.alternatives or options.n > 1:
            found = lm.generate_batch(prompts, alternatives=options.alternatives, **sampling)
            for prompt, texts in zip(prompts, found, strict=True):
                _print_generated(options, prompt, texts)
        elif len(prompts) > 1:
            for prompt, text in zip(prompts, lm.generate_batch(prompts, **sampling | {"n": None}), strict=True):
                print(prompt + text)
        else:
            deltas = lm.stream(prompts[0], **sampling)  # a wrong option is said before the prompt is printed
            print(prompts[0], end="", flush=True)
            for delta in deltas:
                print(delta, end="", flush=True)
            print()


def _print_generated(options: argparse.Namespace, prompt: str, texts: Sequence[GeneratedText]) -> None:
    from korlm.generation.results import format_steps, generated_to_dict

    for number, text in enumerate(texts, 1):
        if options.json:
            place = {"prompt": prompt} | ({"number": number} if options.n > 1 else {})
            print(json.dumps(place | generated_to_dict(text), ensure_ascii=False))
            continue
        print(f"[{number}] {prompt}{text.text}" if options.n > 1 else prompt + text.text)
        if options.alternatives:
            print(format_steps(text))


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``korlm train`` takes."""
    parser.add_argument(
        "corpus",
        nargs="?",
        default="kolaw",
        help=localize("말뭉치 이름(kolaw, kobill, reviews)이나 파일 [kolaw]", "corpus name or file [kolaw]"),
    )
    parser.add_argument("--folder", default="runs/model", help=localize("저장할 폴더", "folder to write"))
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))
    parser.add_argument("--limit", type=int, help=localize("학습 줄 수의 한도", "at most so many training lines"))
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help=localize("이 모델의 가중치에서 시작 (이름, 폴더, 사용자/저장소)", "start from the weights of this model"),
    )
    parser.add_argument("--resume", action="store_true", help=localize("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument(
        "--overwrite", action="store_true", help=localize("있던 것을 지우고 새로", "start anew over a run")
    )
    add_precision_option(parser)
    alone = parser.add_argument_group(localize("토크나이저만 만들기", "a tokenizer alone"))
    alone.add_argument(
        "--only-tokenizer", action="store_true", help=localize("토크나이저만 만든다", "make the tokenizer alone")
    )
    for name, default, ko, en in (
        ("min-count", 2, "이보다 드문 조각은 뺌 [2]", "leave rarer pieces out [2]"),
        ("coverage", 0.9995, "글자 포함률 [0.9995]", "share of characters covered [0.9995]"),
        ("on-unknown", "fallback", "모르는 조각: fallback이나 unk [fallback]", "fallback or unk [fallback]"),
        ("specials", "", "더할 특수 토큰, 쉼표로 나눔", "further special tokens, comma-separated"),
    ):
        alone.add_argument(f"--{name}", type=type(default), default=default, help=localize(ko, en), metavar="X")
    add_tokenizer_options(parser)
    add_fields(parser, TokenizerConfig)
    add_fields(parser, NetConfig, exclude=["vocab_size"])
    add_fields(parser, TrainConfig)
    shape = [entry.name for kind in (TokenizerConfig, NetConfig) for entry in fields(kind)]
    parser.set_defaults(**dict.fromkeys(shape))  # None: not typed, which --from must know


def add_soup_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``korlm soup`` takes."""
    parser.add_argument(
        "models",
        nargs="+",
        help=localize("한 모델에서 시작한 모델들 (이름, 폴더, 사용자/저장소)", "models that began with one model"),
    )
    parser.add_argument("--corpus", required=True, help=localize("말뭉치 이름이나 파일", "corpus name or file"))
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))
    parser.add_argument(
        "--folder", default="runs/soup", help=localize("저장할 폴더 [runs/soup]", "folder to write [runs/soup]")
    )
    said = localize(
        "섞는 비율과 온도를 정할 검증 줄 (0이면 모두) [4000]", "validation lines that decide (0: all) [4000]"
    )
    parser.add_argument("--valid-lines", type=int, default=4000, help=said, metavar="N")
    add_precision_option(parser)
