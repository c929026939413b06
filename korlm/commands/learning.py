"""What the commands of language models do: train, soup, experiment, generate."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from korlm.errors import InputError
from korlm.generation.config import GenerationConfig
from korlm.nn.config import NetConfig
from korlm.options import batch_lines, config_values, parse_column, print_values, read_input_lines, tokenizer_options
from korlm.training.config import TokenizerConfig, TrainConfig

if TYPE_CHECKING:
    from korlm.generation.results import GeneratedText


def run_train(options: argparse.Namespace) -> None:
    """Train a language model, or make a tokenizer alone."""
    from korlm.corpora.sources import load_corpus
    from korlm.runs import train_model
    from korlm.tokenizers.training import train_tokenizer
    from korlm.training.show import TrainingProgressBar

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
    from korlm.corpora.sources import load_corpus
    from korlm.soup import SoupCandidate, make_soup

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
    from korlm.experiment.command import run_experiment_from_options

    print(run_experiment_from_options(options))


def run_generate(options: argparse.Namespace) -> None:
    """Print each prompt and how the model goes on: one text as it comes, several lines of standard input in a batch."""
    from korlm.models import load_model

    lm = load_model(options.model)
    sampling = config_values(options, GenerationConfig)
    given = iter([options.prompt]) if options.prompt is not None else read_input_lines([])
    for prompts in batch_lines(given, 64):
        if options.json or options.alternatives or options.n > 1:
            found = lm.generate_all(prompts, alternatives=options.alternatives, **sampling)
            for prompt, texts in zip(prompts, found, strict=True):
                _print_generated(options, prompt, texts)
        elif len(prompts) > 1:
            for prompt, text in zip(prompts, lm.generate_batch(prompts, **sampling), strict=True):
                print(prompt + text)
        else:
            deltas = lm.stream(prompts[0], **sampling)  # a wrong option is said before the prompt is printed
            print(prompts[0], end="", flush=True)
            for delta in deltas:
                print(delta, end="", flush=True)
            print()


def _print_generated(options: argparse.Namespace, prompt: str, texts: Sequence[GeneratedText]) -> None:
    from korlm.generation.show import format_steps, generated_to_dict

    for number, text in enumerate(texts, 1):
        if options.json:
            place = {"prompt": prompt} | ({"number": number} if options.n > 1 else {})
            print(json.dumps(place | generated_to_dict(text), ensure_ascii=False))
            continue
        print(f"[{number}] {prompt}{text.text}" if options.n > 1 else prompt + text.text)
        if options.alternatives:
            print(format_steps(text))
