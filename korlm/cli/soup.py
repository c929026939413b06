"""``korlm soup``: average the weights of several training runs."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from korlm.cli.arguments import add_column_option, add_option, add_precision_option, parse_column
from korlm.cli.output import print_values

if TYPE_CHECKING:
    from korlm.training.soup import SoupCandidate

HELP = ("여러 학습의 가중치를 섞고 온도를 맞춘다", "mix the weights of runs and set the temperature")


def add_arguments(parser: ArgumentParser) -> None:
    ko, en = "한 모델에서 시작한 모델들 (이름, 폴더, 사용자/저장소)", "models that began with one model"
    add_option(parser, "models", ko, en, nargs="+")
    add_option(parser, "--corpus", "말뭉치 이름이나 파일", "corpus name or file", required=True)
    add_column_option(parser)
    add_option(parser, "--folder", "저장할 폴더 [runs/soup]", "folder to write [runs/soup]", default="runs/soup")
    ko, en = "섞는 비율과 온도를 정할 검증 줄 (0이면 모두) [4000]", "validation lines that decide (0: all) [4000]"
    add_option(parser, "--valid-lines", ko, en, type=int, default=4000, metavar="N")
    add_precision_option(parser)


def run(args: Namespace) -> None:
    """Average the weights of several runs and fit the temperature."""
    from korlm.corpora.registry import load_corpus
    from korlm.training.soup import make_soup

    def print_candidate(candidate: SoupCandidate) -> None:
        line = f"{candidate.model}  {candidate.value:.3f}  {candidate.bits_per_character:.4f}"
        print(line, file=sys.stderr, flush=True)

    corpus = load_corpus(args.corpus, column=parse_column(args.column))
    lm = make_soup(
        args.models, corpus, folder=args.folder, precision=args.precision,
        valid_lines=args.valid_lines, report=print_candidate,
    )  # fmt: skip
    soup = lm.info["soup"]
    weights = {f"share of {name}": weight for name, weight in soup["shares"].items()}
    scores = {"temperature": soup["temperature"], "valid": round(soup["best_valid_bpc"], 4), **lm.info.get("test", {})}
    print_values(args, {"folder": args.folder, **weights, **scores})
