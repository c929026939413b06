"""``korlm evaluate``: bits per character of a language model."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from korlm.cli.arguments import add_column_option, add_model_argument, add_option, parse_column, read_input_lines
from korlm.cli.output import print_values
from korlm.errors import InputError
from korlm.i18n import localize

if TYPE_CHECKING:
    from korlm.models.language_model import LanguageModel

HELP = ("글자당 비트를 잰다", "measure bits per character")


def add_arguments(parser: ArgumentParser) -> None:
    add_model_argument(parser)
    add_option(parser, "corpus", "말뭉치나 파일 (없으면 표준 입력)", "corpus or file (else stdin)", nargs="?")
    parser.add_argument("--split", choices=("train", "valid", "test"), default="test")
    ko, en = "줄마다 이 모델과 고르게 섞음 (여러 번)", "mix evenly with this model, line by line (repeatable)"
    add_option(parser, "--with", ko, en, dest="others", action="append", default=[], metavar="MODEL")
    ko, en = "동적 평가의 학습률 (0이면 안 함)", "learning rate of dynamic evaluation (0: none)"
    add_option(parser, "--dynamic", ko, en, type=float, default=0.0, metavar="RATE")
    ko = "토크나이저의 자르기만이 아니라 모든 자르기로 [K 없이 8, 안 하면 0]"
    en = "over all segmentations, not only the own [no K: 8; 0: none]"
    add_option(parser, "--marginal", ko, en, type=int, nargs="?", const=8, default=0, metavar="K")
    add_column_option(parser)


def run(args: Namespace) -> None:
    """Print the bits per character of a model on lines."""
    from korlm.corpora.registry import load_corpus
    from korlm.models.registry import load_model

    for name, value in (("--with", args.others), ("--marginal", args.marginal)):
        if value and args.dynamic:
            raise InputError(
                f"{name}와(과) --dynamic은 함께 쓸 수 없습니다.", f"{name} and --dynamic do not go together."
            )
    lm = load_model(args.model)
    if args.corpus:
        lines = getattr(load_corpus(args.corpus, column=parse_column(args.column)), args.split)
        if not lines:
            raise InputError(
                f"'{args.corpus}'의 {args.split} 분할이 비어 있습니다 (줄은 해시로 90:5:5로 나뉩니다). 다른 분할로 재세요: "
                "--split train. 모든 줄을 재려면 표준 입력으로 주세요.",
                f"The {args.split} split of '{args.corpus}' is empty (lines are split by hash, 90:5:5). Measure another: "
                "--split train. To measure all lines, give them on standard input.",
            )
    else:
        lines = list(read_input_lines([]))
    if args.others:
        return _evaluate_mixture(args, [lm, *map(load_model, args.others)], lines)
    if args.marginal:
        return _evaluate_marginal(args, lm, lines)
    score = lm.score(lines, dynamic=args.dynamic)
    print_values(args, {
        "bits_per_character": round(score.bits_per_character, 4), "characters": score.characters,
        "pieces": score.num_tokens, "lines": len(lines), "signature": score.signature,
    })  # fmt: skip


def _evaluate_marginal(args: Namespace, lm: LanguageModel, lines: Sequence[str]) -> None:
    from korlm.models.marginal import score_marginal
    from korlm.reporting.progress import progress_bar

    with progress_bar(unit=localize("줄", " lines"), disable=not sys.stderr.isatty()) as update_bar:
        score = score_marginal(lm, lines, beam=args.marginal, progress=update_bar)
    print_values(args, {
        "bits_per_character": round(score.bits_per_character, 4),
        "best_segmentation": round(float(score.best_bits.sum()) / score.characters, 4),
        "own_segmentation": round(score.canonical_score.bits_per_character, 4),
        "own_share": round(float(score.canonical_probabilities.mean()), 4),
        "characters": score.characters, "lines": len(lines), "signature": score.signature,
    })  # fmt: skip


def _evaluate_mixture(args: Namespace, models: Sequence[LanguageModel], lines: Sequence[str]) -> None:
    from korlm.models.mixture import score_mixture

    mixture = score_mixture(models, lines, beam=args.marginal)
    parts = zip([args.model, *args.others], mixture.model_scores, mixture.mean_responsibilities, strict=True)
    print_values(args, {
        "bits_per_character": round(mixture.bits_per_character, 4), "characters": mixture.characters,
        "lines": len(lines), **{name: f"{score.bits_per_character:.4f} ({weight:.0%})" for name, score, weight in parts},
        "signature": mixture.signature,
    })  # fmt: skip
