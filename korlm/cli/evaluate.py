"""What the commands that measure language models do: evaluate, segment."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from korlm.cli.arguments import parse_column, print_values, read_input_lines
from korlm.errors import InputError
from korlm.i18n import localize

if TYPE_CHECKING:
    from korlm.models.language_model import LanguageModel
    from korlm.models.results import Segmentation


def run_evaluate(options: argparse.Namespace) -> None:
    """Print bits per character of a model on lines."""
    from korlm.corpora.registry import load_corpus
    from korlm.models.registry import load_model

    for name, given in (("--with", options.others), ("--marginal", options.marginal)):
        if given and options.dynamic:
            raise InputError(
                f"{name}와(과) --dynamic은 함께 쓸 수 없습니다.", f"{name} and --dynamic do not go together."
            )
    lm = load_model(options.model)
    if options.corpus:
        lines = getattr(load_corpus(options.corpus, column=parse_column(options.column)), options.split)
    else:
        lines = list(read_input_lines([]))
    if options.others:
        return _evaluate_mixture(options, [lm, *map(load_model, options.others)], lines)
    if options.marginal:
        return _evaluate_marginal(options, lm, lines)
    score = lm.score(lines, dynamic=options.dynamic)
    figures = {"bits_per_character": round(score.bits_per_character, 4), "characters": score.characters}
    print_values(options, {**figures, "pieces": score.num_tokens, "lines": len(lines), "signature": score.signature})


def _evaluate_marginal(options: argparse.Namespace, lm: LanguageModel, lines: Sequence[str]) -> None:
    from korlm.models.marginal import score_marginal
    from korlm.reporting.progress import progress_bar

    with progress_bar(unit=localize("줄", " lines"), disable=not sys.stderr.isatty()) as progress:
        found = score_marginal(lm, lines, beam=options.marginal, progress=progress)
    print_values(options, {
        "bits_per_character": round(found.bits_per_character, 4),
        "best_segmentation": round(float(found.best_bits.sum()) / found.characters, 4),
        "own_segmentation": round(found.canonical_score.bits_per_character, 4), "own_share": round(float(found.canonical_probabilities.mean()), 4),
        "characters": found.characters, "lines": len(lines), "signature": found.signature,
    })  # fmt: skip


def _evaluate_mixture(options: argparse.Namespace, models: Sequence[LanguageModel], lines: Sequence[str]) -> None:
    from korlm.models.mixture import score_mixture

    found = score_mixture(models, lines, beam=options.marginal)
    parts = zip([options.model, *options.others], found.model_scores, found.mean_responsibilities, strict=True)
    print_values(options, {
        "bits_per_character": round(found.bits_per_character, 4), "characters": found.characters, "lines": len(lines),
        **{name: f"{score.bits_per_character:.4f} ({share:.0%})" for name, score, share in parts},
        "signature": found.signature,
    })  # fmt: skip


def run_segment(options: argparse.Namespace) -> None:
    """Print the ways to cut each text that a model finds likeliest."""
    from korlm.models.marginal import likely_segmentations
    from korlm.models.registry import load_model

    lm = load_model(options.model)
    for line in [options.text] if options.text is not None else read_input_lines([]):
        cuts = likely_segmentations(lm, line, options.n, beam=options.beam)
        if options.json:
            print(json.dumps({"text": line, "segmentations": [asdict(cut) for cut in cuts]}, ensure_ascii=False))
        else:
            _print_segmentations(cuts)


def _print_segmentations(segmentations: Sequence[Segmentation]) -> None:
    from korlm.evaluation.compare import format_segments

    own = localize("토크나이저", "tokenizer")
    for cut in segmentations:
        print(f"{cut.share:7.2%} {cut.bits:8.1f} bit  {format_segments(cut.pieces)}{f'  ← {own}' if cut.own else ''}")
    print()
