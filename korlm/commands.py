"""What each ``korlm`` command does with its parsed options; heavy libraries are imported by the one that needs them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from korlm.errors import InputError
from korlm.generation.config import SamplingConfig
from korlm.training.config import ModelConfig, TrainConfig


def tokenize(options: argparse.Namespace) -> None:
    """Print the pieces or ids of each line."""
    from korlm.comparison.table import encoding_dict, show
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    for batch in _batches(_lines(options.files)):
        for encoding in tokenizer.encode_batch(batch, workers=2):
            if options.json:
                print(json.dumps({"text": encoding.text, **encoding_dict(encoding)}, ensure_ascii=False))
            else:
                print(*encoding.ids) if options.ids else print(show(encoding.pieces))


def encode(options: argparse.Namespace) -> None:
    """Encode a corpus file into one array of ids, going on where it was stopped."""
    from tqdm import tqdm

    from korlm.corpora.encode import encode_file, encoded_so_far
    from korlm.language import pick
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    source = Path(options.file)
    output = Path(options.output or f"{source.name.split('.')[0]}.{tokenizer.name}.npy")
    # unlike a plain total, `initial` keeps what an earlier run did out of the speed
    bar = tqdm(desc=pick("자르는 중", "encoding"), unit="B", unit_scale=True, file=sys.stderr, delay=0.3)

    def progress(done: int, total: int) -> None:
        if bar.total is None:
            bar.reset(total)
            bar.initial = bar.n = bar.last_print_n = done
        bar.update(done - bar.n)

    try:
        with bar:
            encode_file(
                source, tokenizer, output, column=_column(options.column),
                workers=options.workers, restart=options.restart, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        done = encoded_so_far(output)
        ko, en = f"{done.lines if done else 0:,}줄까지 했습니다", f"Stopped after {done.lines if done else 0:,} lines"
        print(pick(f"{ko}. 같은 명령을 다시 하면 이어서 합니다.", f"{en}. The same command goes on."), file=sys.stderr)
        raise
    made = json.loads(output.with_suffix(".json").read_bytes())
    figures = ("lines", "characters", "tokens", "dtype", "signature")
    _print(options, {"file": str(output), **{name: made[name] for name in figures}})


def compare(options: argparse.Namespace) -> None:
    """Print one text cut by several tokenizers, or what they measure on a corpus."""
    from korlm.comparison.table import compare

    if options.corpus or options.gold:
        return _evaluate_tokenizers(options)
    if given := [name for name in ("csv", "plot", "strategies") if getattr(options, name)]:
        raise InputError(
            f"--{given[0]}은(는) 말뭉치로 잴 때 씁니다. --corpus나 --gold를 함께 주세요.",
            f"--{given[0]} is for measuring on a corpus. Give --corpus or --gold as well.",
        )
    text = options.text if options.text is not None else sys.stdin.read().removesuffix("\n")
    if not text:
        raise InputError("글이 비었습니다. 한 글자 이상 쓰세요.", "The text is empty. Type something.")
    result = compare(text, _names(options.tokenizers or options.names[0]))
    print(json.dumps(result.to_dict(), ensure_ascii=False) if options.json else result)


def _evaluate_tokenizers(options: argparse.Namespace) -> None:
    """Measure tokenizers on a corpus, on gold sentences, or both."""
    from tqdm import tqdm

    from korlm.artifacts import check_writable, write_file
    from korlm.comparison.evaluation import evaluate_tokenizers
    from korlm.comparison.plot import check_plot
    from korlm.comparison.strategies import beside_the_paper
    from korlm.language import pick

    if options.text is not None:
        raise InputError("글과 --corpus(--gold)는 함께 쓸 수 없습니다.", "Give a text or --corpus (--gold), not both.")
    if options.csv:
        check_writable(Path(options.csv).absolute().parent)
    if options.plot:
        check_plot(options.plot)
    lines, train_lines = _corpus_lines(options)
    with tqdm(total=len(lines or []), desc=pick("재는 중", "measuring"), file=sys.stderr, leave=False) as bar:
        names = (
            _strategies(options, train_lines) if options.strategies else _names(options.tokenizers or options.names[1])
        )

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = evaluate_tokenizers(
            lines, names, gold=options.gold, width=options.width,
            resamples=options.resamples, seed=options.seed, progress=progress,
        )  # fmt: skip
    if options.csv:
        write_file(options.csv, result.to_csv().encode("utf-8-sig"))  # Excel reads Hangul by the mark
    if options.plot:
        result.plot(options.plot)
    print(json.dumps(result.to_dict(), ensure_ascii=False) if options.json else result)
    if options.strategies and not options.json:
        print("\n" + beside_the_paper(result))


def _corpus_lines(options: argparse.Namespace) -> tuple[list[str] | None, list[str]]:
    """Return the lines to measure (None: the gold texts) and those to make vocabularies from."""
    from korlm.corpora.sources import SPLITS, load_corpus

    if not options.corpus:
        if options.strategies:
            raise InputError(
                "--strategies에는 어휘를 만들 --corpus가 있어야 합니다. 말뭉치를 주세요.",
                "--strategies needs a --corpus to make vocabularies from. Give one.",
            )
        return None, []
    if options.limit is not None and options.limit < 1:
        raise InputError("--limit은 1 이상이어야 합니다.", "--limit must be at least 1.")
    corpus = load_corpus(options.corpus, column=_column(options.column))
    sides = SPLITS if options.split == "all" else (options.split,)
    lines = [line for side in sides for line in getattr(corpus, side)][: options.limit]
    if not lines:
        raise InputError(
            f"'{options.corpus}'의 {options.split} 쪽에 줄이 없습니다. --split all을 써 보세요.",
            f"The {options.split} split of '{options.corpus}' has no lines. Try --split all.",
        )
    return lines, corpus.train


def _strategies(options: argparse.Namespace, train_lines: Sequence[str]) -> list[Any]:
    from korlm.comparison.strategies import train_strategies

    if options.split not in ("valid", "test"):
        raise InputError(
            "--strategies는 train에서 만들므로 --split은 test나 valid여야 합니다.",
            "--strategies are made from train: --split must be test or valid.",
        )
    return list(train_strategies(train_lines, analyzer=options.strategies, largest=options.vocab_size))


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def train(options: argparse.Namespace) -> None:
    """Train a language model, or make a tokenizer alone."""
    from korlm.corpora.sources import load_corpus
    from korlm.models import train_model
    from korlm.tokenizers.training import train_tokenizer
    from korlm.training.show import TrainingBar

    corpus = load_corpus(options.corpus, column=_column(options.column), limit=options.limit)
    if options.only_tokenizer:
        tokenizer = train_tokenizer(options.tokenizer, corpus.train, vocab_size=options.vocab_size or None)
        tokenizer.save(options.folder)
        return _print(options, {"folder": options.folder, "signature": tokenizer.signature})
    asked = _asked(options, ModelConfig) | _asked(options, TrainConfig)
    with TrainingBar(file=sys.stderr) as bar:
        lm = train_model(
            corpus, folder=options.folder, resume=options.resume,
            overwrite=options.overwrite, half=options.half,
            report=bar.report, encoding=bar.encoding, **asked,
        )  # fmt: skip
    figures = lm.info.get("test", {})
    _print(options, {"folder": f"{options.folder}/best", "parameters": lm.parameters, **figures})


def evaluate(options: argparse.Namespace) -> None:
    """Print bits per character of a model on lines."""
    from korlm.corpora.sources import load_corpus
    from korlm.models import load_model

    lm = load_model(options.model)
    if options.corpus:
        lines = getattr(load_corpus(options.corpus, column=_column(options.column)), options.split)
    else:
        lines = list(_lines([]))
    score = lm.score(lines)
    figures = {"bits_per_character": round(score.bits_per_character, 4), "characters": score.characters}
    _print(options, {**figures, "pieces": score.pieces, "lines": len(lines), "signature": score.signature})


def generate(options: argparse.Namespace) -> None:
    """Print each prompt and how the model goes on, as it comes."""
    from korlm.models import load_model

    lm = load_model(options.model)
    sampling = _asked(options, SamplingConfig)
    for prompt in [options.prompt] if options.prompt is not None else _lines([]):
        if options.json:
            print(json.dumps({"prompt": prompt, "text": lm.generate(prompt, **sampling)}, ensure_ascii=False))
            continue
        deltas = lm.stream(prompt, **sampling)  # a wrong option is said before the prompt is printed
        print(prompt, end="", flush=True)
        for delta in deltas:
            print(delta, end="", flush=True)
        print()


def export(options: argparse.Namespace) -> None:
    """Write a tokenizer as a file for Hugging Face's library."""
    from korlm.tokenizers.export import export_tokenizer
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    export_tokenizer(tokenizer, options.file)
    _print(options, {"file": options.file, "signature": tokenizer.signature})


def app(options: argparse.Namespace) -> None:
    """Open the web app."""
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            'Gradio가 없습니다. pip install "korlm[ui]" 하세요.', 'Gradio is missing. Run: pip install "korlm[ui]"'
        ) from error
    from korlm.ui.app import launch

    os.environ["GRADIO_SERVER_NAME"] = options.host
    try:
        launch(port=options.port)
    except OSError as error:
        raise InputError(
            f"{options.port or 7860} 포트를 쓸 수 없습니다. --port로 다른 번호를 주세요.",
            f"Port {options.port or 7860} cannot be used. Give another with --port.",
        ) from error


def _asked(options: argparse.Namespace, config: type) -> dict[str, Any]:
    return {entry.name: getattr(options, entry.name) for entry in fields(config)}


def _column(column: str | None) -> str | int | None:
    return int(column) if column is not None and column.isdigit() else column


def _lines(files: Sequence[str]) -> Iterator[str]:
    from korlm.corpora.files import read_file

    if files:
        for path in files:
            yield from read_file(path)
    else:
        yield from (line.rstrip("\r\n") for line in sys.stdin)


def _batches(lines: Iterator[str], size: int = 500) -> Iterator[list[str]]:
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size or sys.stdin.isatty():
            yield batch
            batch = []
    if batch:
        yield batch


def _print(options: argparse.Namespace, values: dict[str, Any]) -> None:
    if options.json:
        print(json.dumps(values, ensure_ascii=False))
        return
    width = max(map(len, values))
    for name, value in values.items():
        print(f"{name:<{width}}  {value}")
