"""The half of ``korlm compare`` that measures on a corpus: what to read, what to write, and the progress.

``korlm compare --corpus reviews --gold ko_kaist-ud-dev.conllu --plot figure.svg`` ends up here.

>>> from types import SimpleNamespace
>>> load_corpus_lines(SimpleNamespace(corpus=None, strategies=None))
(None, [])
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from korlm.corpora.registry import SPLITS, load_corpus
from korlm.errors import InputError
from korlm.evaluation.evaluate import evaluate_tokenizers
from korlm.evaluation.park2020 import compare_with_paper, train_strategies
from korlm.evaluation.plot import check_can_plot
from korlm.i18n import localize
from korlm.reporting.progress import progress_bar
from korlm.storage.artifacts import check_writable, write_file


def run_tokenizer_evaluation(options: Any, names: Sequence[str] | None) -> str:
    """Measure tokenizers on a corpus, on gold sentences, or both; write what was asked for.

    Args:
        options: those of ``korlm compare``, as `argparse` parsed them.
        names: tokenizers; by default those that `korlm.cli.main` says.

    Returns:
        What to print: the table, or JSON.

    Raises:
        InputError: options that do not go together.
        KorlmError: as `load_corpus`, `train_strategies`, `evaluate_tokenizers` and `Evaluation.plot` do.
    """
    if options.text is not None:
        raise InputError("글과 --corpus(--gold)는 함께 쓸 수 없습니다.", "Give a text or --corpus (--gold), not both.")
    if options.csv:  # hours of work are not to end in a file that cannot be written
        check_writable(Path(options.csv).absolute().parent)
    if options.plot:
        check_can_plot(options.plot)
    lines, train_lines = load_corpus_lines(options)
    chosen = (
        _train_strategy_tokenizers(options, train_lines) if options.strategies else names or options.names[1].split(",")
    )
    with progress_bar(localize("재는 중", "measuring"), total=len(lines or [])) as update_bar:
        result = evaluate_tokenizers(
            lines, chosen, gold=options.gold, width=options.width,
            resamples=options.resamples, seed=options.seed, progress=update_bar,
        )  # fmt: skip
    if options.csv:
        write_file(options.csv, result.to_csv().encode("utf-8-sig"))  # Excel reads Hangul by the mark
    if options.plot:
        result.plot(options.plot)
    if options.json:
        return json.dumps(result.to_dict(), ensure_ascii=False)
    return f"{result}\n\n{compare_with_paper(result)}" if options.strategies else str(result)


def load_corpus_lines(options: Any) -> tuple[list[str] | None, Sequence[str]]:
    """Return the lines to measure (None: the gold texts) and those to make vocabularies from."""
    if not options.corpus:
        if options.strategies:
            raise InputError(
                "--strategies에는 어휘를 만들 --corpus가 있어야 합니다. 말뭉치를 주세요.",
                "--strategies needs a --corpus to make vocabularies from. Give one.",
            )
        return None, []
    if options.limit is not None and options.limit < 1:
        raise InputError("--limit은 1 이상이어야 합니다.", "--limit must be at least 1.")
    corpus = load_corpus(options.corpus, column=options.column)
    sides = SPLITS if options.split == "all" else (options.split,)
    lines = list(islice(chain.from_iterable(getattr(corpus, side) for side in sides), options.limit))
    if not lines:
        raise InputError(
            f"'{options.corpus}'의 {options.split} 쪽에 줄이 없습니다. --split all을 써 보세요.",
            f"The {options.split} split of '{options.corpus}' has no lines. Try --split all.",
        )
    return lines, corpus.train


def _train_strategy_tokenizers(options: Any, train_lines: Sequence[str]) -> list[Any]:
    if options.split not in ("valid", "test"):
        raise InputError(
            "--strategies는 train에서 만들므로 --split은 test나 valid여야 합니다.",
            "--strategies are made from train: --split must be test or valid.",
        )
    label = localize("여섯 전략의 어휘를 만드는 중", "making six vocabularies")
    with progress_bar(label) as update_bar:
        return list(
            train_strategies(
                train_lines, analyzer=options.strategies, max_vocab_size=options.vocab_size, progress=update_bar
            )
        )
