"""``korlm segment``: the likeliest segmentations of a text under a language model."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from korlm.cli.arguments import add_model_argument, add_option, read_argument_or_lines
from korlm.cli.output import print_json
from korlm.i18n import localize

if TYPE_CHECKING:
    from korlm.models.results import Segmentation

HELP = ("모델이 그럴듯하게 보는 자르기를 보인다", "print the segmentations that a model finds likely")


def add_arguments(parser: ArgumentParser) -> None:
    add_model_argument(parser)
    add_option(parser, "text", "글 (없으면 표준 입력의 줄마다)", "text (else lines of stdin)", nargs="?")
    add_option(parser, "-n --n", "몇 개까지 [5]", "how many at most [5]", type=int, default=5, metavar="N")
    ko, en = "한자리에서 따라가 볼 길의 수 [32]", "ways to one place that are followed up [32]"
    add_option(parser, "--beam", ko, en, type=int, default=32, metavar="K")


def run(args: Namespace) -> None:
    """Print the likeliest segmentations of each text."""
    from korlm.models.marginal import likely_segmentations
    from korlm.models.registry import load_model

    lm = load_model(args.model)
    for line in read_argument_or_lines(args.text):
        segmentations = likely_segmentations(lm, line, args.n, beam=args.beam)
        if args.json:
            print_json({"text": line, "segmentations": [segmentation.to_dict() for segmentation in segmentations]})
        else:
            _print_segmentations(segmentations)


def _print_segmentations(segmentations: Sequence[Segmentation]) -> None:
    from korlm.evaluation.compare import format_segments

    mark = f"  ← {localize('토크나이저', 'tokenizer')}"
    for segmentation in segmentations:
        text = format_segments(segmentation.tokens)
        print(
            f"{segmentation.probability:7.2%} {segmentation.bits:8.1f} bit  {text}{mark if segmentation.is_canonical else ''}"
        )
    print()
