"""``korlm generate``: continue texts with a language model."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from korlm.cli import arguments
from korlm.cli.arguments import add_fields, add_option, config_values
from korlm.cli.output import print_json
from korlm.generation.config import GenerationConfig

if TYPE_CHECKING:
    from korlm.generation.results import GeneratedText

HELP = ("글을 이어 쓴다", "continue a text")


def add_arguments(parser: ArgumentParser) -> None:
    arguments.add_model_argument(parser)
    add_option(parser, "prompt", "프롬프트 (없으면 표준 입력의 줄마다)", "prompt (else lines of stdin)", nargs="?")
    add_option(parser, "-n --n", "프롬프트마다 몇 개 [1]", "texts per prompt [1]", type=int, default=1, metavar="N")
    ko, en = (
        "토큰마다 놀라움과 그럴듯한 토큰 K개도 [0]",
        "also each token's surprisal and the K most probable tokens [0]",
    )
    add_option(parser, "--alternatives", ko, en, type=int, default=0, metavar="K")
    add_fields(parser, GenerationConfig, exclude=["n"])


def run(args: Namespace) -> None:
    """Print each prompt and its continuation: one prompt is streamed, lines of standard input go in batches."""
    from korlm.models.registry import load_model

    lm = load_model(args.model)
    config = config_values(args, GenerationConfig)
    for prompts in arguments.batch_lines(arguments.read_argument_or_lines(args.prompt), 64):
        if args.json or args.alternatives or args.n > 1:
            texts_by_prompt = lm.generate_batch(prompts, alternatives=args.alternatives, **config)
            for prompt, texts in zip(prompts, texts_by_prompt, strict=True):
                _print_generated(args, prompt, texts)
        elif len(prompts) > 1:
            for prompt, text in zip(prompts, lm.generate_batch(prompts, **config | {"n": None}), strict=True):
                print(prompt + text)
        else:
            deltas = lm.stream(prompts[0], **config)  # raises on a wrong option before the prompt is printed
            print(prompts[0], end="", flush=True)
            for delta in deltas:
                print(delta, end="", flush=True)
            print()


def _print_generated(args: Namespace, prompt: str, texts: Sequence[GeneratedText]) -> None:
    from korlm.generation.results import format_steps, generated_to_dict

    for number, text in enumerate(texts, 1):
        if args.json:
            print_json({"prompt": prompt, **({"number": number} if args.n > 1 else {}), **generated_to_dict(text)})
            continue
        print(f"[{number}] {prompt}{text.text}" if args.n > 1 else prompt + text.text)
        if args.alternatives:
            print(format_steps(text))
