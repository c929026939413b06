"""``korlm compare``: one text under several tokenizers, or their metrics on a corpus.

korlm compare "나랑 쇼핑하자." -t word,kiwi
korlm compare --corpus reviews --gold ko_kaist-ud-dev.conllu --plot figure.svg
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from korlm.cli.arguments import add_option, check_decoded, parse_column, parse_names
from korlm.cli.output import print_json
from korlm.errors import InputError, MissingDependencyError
from korlm.i18n import localize

if TYPE_CHECKING:
    from korlm.tokenizers.base import Tokenizer

HELP = (
    "한 글을 여러 토크나이저로 자르거나, 말뭉치로 잰다 (--corpus, --gold)",
    "tokenize a text several ways, or measure on a corpus (--corpus, --gold)",
)
_TEXT_TOKENIZERS, _CORPUS_TOKENIZERS = "word,kiwi,okt,unigram,syllable", "word,kiwi,unigram,bpe,syllable"


def add_arguments(parser: ArgumentParser) -> None:
    add_option(parser, "text", "글 (없으면 표준 입력)", "text (else standard input)", nargs="?")
    ko = f"쉼표로 나눈 이름, 또는 all [{_TEXT_TOKENIZERS}, 말뭉치에는 {_CORPUS_TOKENIZERS}]"
    en = f"names, or all [{_TEXT_TOKENIZERS}; of a corpus {_CORPUS_TOKENIZERS}]"
    add_option(parser, "-t --tokenizers", ko, en)
    group = parser.add_argument_group(localize("말뭉치로 재기", "measuring on a corpus"))
    for name, ko, en in (
        ("corpus", "말뭉치 이름(kolaw, kobill, reviews)이나 파일", "corpus name or file"),
        ("gold", "정답 형태소가 든 .conllu(.gz) 파일", "file of gold morphemes, .conllu or .conllu.gz"),
        ("column", "글이 든 열", "column that holds the text"),
        ("csv", "표를 쓸 .csv 파일", "write the figures as .csv"),
        ("plot", "그림을 그릴 .png, .svg, .pdf 파일", "draw a figure: .png, .svg or .pdf"),
    ):
        add_option(group, f"--{name}", ko, en)
    splits = ("train", "valid", "test", "all")
    add_option(group, "--split", "잴 분할 [test]", "what to measure [test]", choices=splits, default="test")
    add_option(group, "--limit", "잴 줄 수의 한도", "maximum number of lines", type=int, metavar="N")
    ko = "Park 외(2020)의 여섯 전략을 train에서 만들어 잰다 [형태소는 mecab]"
    en = "make Park et al.'s (2020) six strategies from train and measure them [morphemes by mecab]"
    add_option(group, "--strategies", ko, en, nargs="?", const="mecab", choices=("mecab", "kiwi"))
    for name, default, ko, en in (
        ("vocab-size", None, "--strategies 어휘 크기의 한도", "no vocabulary of --strategies above this"),
        ("width", 256, "임베딩의 너비 [256]", "width of the embedding [256]"),
        ("resamples", 1000, "부트스트랩 횟수 [1000]", "bootstrap draws [1000]"),
        ("seed", 0, "부트스트랩의 시드 [0]", "seed of the bootstrap [0]"),
    ):
        add_option(group, f"--{name}", ko, en, type=int, default=default, metavar="N")


def run(args: Namespace) -> None:
    """Print one text under several tokenizers, or their metrics on a corpus."""
    if args.corpus or args.gold:
        return _run_corpus_evaluation(args)
    from korlm.evaluation.compare import compare

    if corpus_options := [name for name in ("csv", "plot", "strategies") if getattr(args, name)]:
        raise InputError(
            f"--{corpus_options[0]}은(는) 말뭉치로 잴 때 씁니다. --corpus나 --gold를 함께 주세요.",
            f"--{corpus_options[0]} is for measuring on a corpus. Give --corpus or --gold as well.",
        )
    text = args.text if args.text is not None else check_decoded(sys.stdin.read()).removesuffix("\n")
    if not text:
        raise InputError("글이 비었습니다. 한 글자 이상 쓰세요.", "The text is empty. Type something.")
    comparison = compare(
        text, _load_installed_tokenizers(_TEXT_TOKENIZERS if args.tokenizers is None else args.tokenizers)
    )
    print_json(comparison.to_dict()) if args.json else print(comparison)


def _load_installed_tokenizers(names: str) -> list[Tokenizer]:
    """Load comma-separated tokenizers; leave out, with a note on standard error, those whose analyzer is missing.

    Raises:
        MissingDependencyError: none of them is installed.
        InputError: there is no name.
        UnknownNameError: a name that `korlm.load_tokenizer` does not know.
    """
    from korlm.tokenizers.catalog import list_tokenizers
    from korlm.tokenizers.registry import check_installed, load_tokenizer

    requested = parse_names(names)
    if not requested:
        raise InputError(
            f"--tokenizers에 이름이 없습니다 (받은 것: '{names}'). word,kiwi처럼 쉼표로 나누어 쓰세요.",
            f"--tokenizers names no tokenizer (got '{names}'). Give names separated by commas, such as word,kiwi.",
        )
    if requested == ["all"]:
        requested = [info.name for info in list_tokenizers() if info.ready]
    tokenizers: dict[str, Tokenizer] = {}
    notes = []
    for name in dict.fromkeys(requested):
        try:
            tokenizers[name] = check_installed(load_tokenizer(name))
        except MissingDependencyError as error:
            notes.append(error)
    if notes and not tokenizers:
        raise MissingDependencyError("\n".join(note.ko for note in notes), "\n".join(note.en for note in notes))
    for note in notes:
        print(f"korlm: {note}", file=sys.stderr)
    return [tokenizers[name] for name in requested if name in tokenizers]


def _run_corpus_evaluation(args: Namespace) -> None:
    """Measure tokenizers on a corpus, on gold sentences, or both; write the files that were asked for."""
    from korlm.evaluation.evaluate import evaluate_tokenizers
    from korlm.evaluation.park2020 import compare_with_paper
    from korlm.evaluation.plot import check_can_plot
    from korlm.reporting.progress import progress_bar
    from korlm.storage.artifacts import check_writable, write_file

    if args.text is not None:
        raise InputError("글과 --corpus(--gold)는 함께 쓸 수 없습니다.", "Give a text or --corpus (--gold), not both.")
    if args.csv:  # before hours of work
        check_writable(Path(args.csv).absolute().parent)
    if args.plot:
        check_can_plot(args.plot)
    lines, train_lines = _load_corpus_lines(args)
    if args.strategies:
        tokenizers = _train_strategy_tokenizers(args, train_lines)
    else:
        tokenizers = _load_installed_tokenizers(_CORPUS_TOKENIZERS if args.tokenizers is None else args.tokenizers)
    with progress_bar(localize("재는 중", "measuring"), total=len(lines or [])) as update_bar:
        evaluation = evaluate_tokenizers(
            lines, tokenizers, gold=args.gold, width=args.width,
            resamples=args.resamples, seed=args.seed, progress=update_bar,
        )  # fmt: skip
    if args.csv:
        write_file(args.csv, evaluation.to_csv().encode("utf-8-sig"))  # Excel detects UTF-8 by the byte-order mark
    if args.plot:
        evaluation.plot(args.plot)
    if args.json:
        return print_json(evaluation.to_dict())
    print(evaluation)
    if args.strategies:
        print(f"\n{compare_with_paper(evaluation)}")


def _load_corpus_lines(args: Namespace) -> tuple[list[str] | None, Sequence[str]]:
    """Return the lines to measure (None: the gold texts) and the training lines, for vocabularies."""
    from korlm.corpora.registry import SPLITS, load_corpus

    if not args.corpus:
        if args.strategies:
            raise InputError(
                "--strategies에는 어휘를 만들 --corpus가 있어야 합니다. 말뭉치를 주세요.",
                "--strategies needs a --corpus to make vocabularies from. Give one.",
            )
        return None, []
    if args.limit is not None and args.limit < 1:
        raise InputError("--limit은 1 이상이어야 합니다.", "--limit must be at least 1.")
    corpus = load_corpus(args.corpus, column=parse_column(args.column))
    splits = SPLITS if args.split == "all" else (args.split,)
    lines = list(islice(chain.from_iterable(getattr(corpus, split) for split in splits), args.limit))
    if not lines:
        raise InputError(
            f"'{args.corpus}'의 {args.split} 분할에 줄이 없습니다. --split all을 써 보세요.",
            f"The {args.split} split of '{args.corpus}' has no lines. Try --split all.",
        )
    return lines, corpus.train


def _train_strategy_tokenizers(args: Namespace, train_lines: Sequence[str]) -> list[Tokenizer]:
    from korlm.evaluation.park2020 import train_strategies
    from korlm.reporting.progress import progress_bar

    if args.split not in ("valid", "test"):
        raise InputError(
            "--strategies는 train에서 만들므로 --split은 test나 valid여야 합니다.",
            "--strategies are made from train: --split must be test or valid.",
        )
    with progress_bar(localize("여섯 전략의 어휘를 만드는 중", "making six vocabularies")) as update_bar:
        return train_strategies(
            train_lines, analyzer=args.strategies, max_vocab_size=args.vocab_size, progress=update_bar
        )
