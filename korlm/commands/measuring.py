"""What the commands that measure language models do: evaluate, segment."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from korlm.errors import InputError
from korlm.language import pick
from korlm.options import column_of, lines_of, print_values

if TYPE_CHECKING:
    from korlm.lm import LanguageModel
    from korlm.marginal import Segmentation


def evaluate(options: argparse.Namespace) -> None:
    """Print bits per character of a model on lines."""
    from korlm.corpora.sources import load_corpus
    from korlm.models import load_model

    for name, given in (("--with", options.others), ("--marginal", options.marginal)):
        if given and options.dynamic:
            raise InputError(
                f"{name}와(과) --dynamic은 함께 쓸 수 없습니다.", f"{name} and --dynamic do not go together."
            )
    lm = load_model(options.model)
    if options.corpus:
        lines = getattr(load_corpus(options.corpus, column=column_of(options.column)), options.split)
    else:
        lines = list(lines_of([]))
    if options.others:
        return _evaluate_mixture(options, [lm, *map(load_model, options.others)], lines)
    if options.marginal:
        return _evaluate_marginal(options, lm, lines)
    score = lm.score(lines, dynamic=options.dynamic)
    figures = {"bits_per_character": round(score.bits_per_character, 4), "characters": score.characters}
    print_values(options, {**figures, "pieces": score.pieces, "lines": len(lines), "signature": score.signature})


def _evaluate_marginal(options: argparse.Namespace, lm: LanguageModel, lines: Sequence[str]) -> None:
    from korlm.marginal import score_marginal

    with _bar() as progress:
        found = score_marginal(lm, lines, beam=options.marginal, progress=progress)
    print_values(options, {
        "bits_per_character": round(found.bits_per_character, 4),
        "best_segmentation": round(float(found.best.sum()) / found.characters, 4),
        "own_segmentation": round(found.own.bits_per_character, 4), "own_share": round(float(found.shares.mean()), 4),
        "characters": found.characters, "lines": len(lines), "signature": found.signature,
    })  # fmt: skip


def _evaluate_mixture(options: argparse.Namespace, models: Sequence[LanguageModel], lines: Sequence[str]) -> None:
    from korlm.mixture import score_mixture

    found = score_mixture(models, lines, beam=options.marginal)
    parts = zip([options.model, *options.others], found.alone, found.shares, strict=True)
    print_values(options, {
        "bits_per_character": round(found.bits_per_character, 4), "characters": found.characters, "lines": len(lines),
        **{name: f"{score.bits_per_character:.4f} ({share:.0%})" for name, score, share in parts},
        "signature": found.signature,
    })  # fmt: skip


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """Show on a terminal how many lines are done."""
    from tqdm import tqdm

    with tqdm(unit=pick("줄", " lines"), file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:

        def progress(done: int, lines: int) -> None:
            bar.total = lines
            bar.update(done - bar.n)

        yield progress


def segment(options: argparse.Namespace) -> None:
    """Print the ways to cut each text that a model finds likeliest."""
    from korlm.marginal import likely_segmentations
    from korlm.models import load_model

    lm = load_model(options.model)
    for line in [options.text] if options.text is not None else lines_of([]):
        cuts = likely_segmentations(lm, line, options.n, beam=options.beam)
        if options.json:
            print(json.dumps({"text": line, "segmentations": [asdict(cut) for cut in cuts]}, ensure_ascii=False))
        else:
            _print_cuts(cuts)


def _print_cuts(cuts: Sequence[Segmentation]) -> None:
    from korlm.comparison.table import show

    own = pick("토크나이저", "tokenizer")
    for cut in cuts:
        print(f"{cut.share:7.2%} {cut.bits:8.1f} bit  {show(cut.pieces)}{f'  ← {own}' if cut.own else ''}")
    print()
