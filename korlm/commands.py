"""What each ``korlm`` command does with its parsed options; heavy libraries are imported by the one that needs them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from korlm.errors import InputError
from korlm.generation.config import SamplingConfig
from korlm.nn.config import NetConfig
from korlm.options import asked, column_of, cutting, in_batches, lines_of, print_values
from korlm.training.config import TokenizerConfig, TrainConfig

if TYPE_CHECKING:
    from korlm.generation.results import Generated


def tokenize(options: argparse.Namespace) -> None:
    """Print the pieces or ids of each line, all or but the stop words."""
    from korlm.comparison.table import encoding_dict, show
    from korlm.tokenizers.registry import load_tokenizer
    from korlm.tokenizers.stoplist import stop_words
    from korlm.tokenizers.stopwords import check_unit, cuts, keep

    name = options.tokenizer or ("word" if options.language == "en" else "kiwi")
    tokenizer = load_tokenizer(name, **cutting(options))
    words = None
    if options.no_stopwords or options.stopwords:
        check_unit(tokenizer)
        words = stop_words(language=options.language, stopwords=options.stopwords)
    for batch in in_batches(lines_of(options.files)):
        for encoding in tokenizer.encode_batch(batch, workers=2):
            kept = encoding if words is None else keep(encoding, words)
            if options.json:
                print(json.dumps({"text": kept.text, **encoding_dict(kept)}, ensure_ascii=False))
            elif options.ids:
                print(*kept.ids)
            else:  # a word of the user's or in English is shown whole, though the vocabulary may lack it
                whole = words is not None or options.language == "en" or options.user_dictionary
                print(show(cuts(kept, spaces=words is None) if whole else kept.pieces))


def encode(options: argparse.Namespace) -> None:
    """Encode a corpus file into one array of ids, going on where it was stopped."""
    from tqdm import tqdm

    from korlm.corpora.encode import encode_file
    from korlm.corpora.journal import encoded_so_far
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
                source, tokenizer, output, column=column_of(options.column),
                workers=options.workers, restart=options.restart, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        done = encoded_so_far(output)
        ko, en = f"{done.lines if done else 0:,}줄까지 했습니다", f"Stopped after {done.lines if done else 0:,} lines"
        print(pick(f"{ko}. 같은 명령을 다시 하면 이어서 합니다.", f"{en}. The same command goes on."), file=sys.stderr)
        raise
    made = json.loads(output.with_suffix(".json").read_bytes())
    figures = ("lines", "characters", "tokens", "dtype", "signature")
    print_values(options, {"file": str(output), **{name: made[name] for name in figures}})


def compare(options: argparse.Namespace) -> None:
    """Print one text cut by several tokenizers, or what they measure on a corpus."""
    from korlm.comparison.table import compare
    from korlm.tokenizers.registry import list_tokenizers

    names = [name.strip() for name in options.tokenizers.split(",")] if options.tokenizers else None
    if names == ["all"]:
        names = [info.name for info in list_tokenizers() if info.ready]
    if options.corpus or options.gold:
        from korlm.comparison.command import measure

        options.column = column_of(options.column)
        return print(measure(options, names))
    if given := [name for name in ("csv", "plot", "strategies") if getattr(options, name)]:
        raise InputError(
            f"--{given[0]}은(는) 말뭉치로 잴 때 씁니다. --corpus나 --gold를 함께 주세요.",
            f"--{given[0]} is for measuring on a corpus. Give --corpus or --gold as well.",
        )
    text = options.text if options.text is not None else sys.stdin.read().removesuffix("\n")
    if not text:
        raise InputError("글이 비었습니다. 한 글자 이상 쓰세요.", "The text is empty. Type something.")
    result = compare(text, names or options.names[0].split(","))
    print(json.dumps(result.to_dict(), ensure_ascii=False) if options.json else result)


def train(options: argparse.Namespace) -> None:
    """Train a language model, or make a tokenizer alone."""
    from korlm.corpora.sources import load_corpus
    from korlm.runs import train_model
    from korlm.tokenizers.training import train_tokenizer
    from korlm.training.show import TrainingBar

    corpus = load_corpus(options.corpus, column=column_of(options.column), limit=options.limit)
    if options.only_tokenizer:
        tokenizer = train_tokenizer(
            options.tokenizer, corpus.train, vocab_size=options.vocab_size or None, min_count=options.min_count,
            coverage=options.coverage, on_unknown=options.on_unknown,
            specials=[name.strip() for name in options.specials.split(",") if name.strip()], **cutting(options),
        )  # fmt: skip
        tokenizer.save(options.folder)
        return print_values(options, {"folder": options.folder, "signature": tokenizer.signature})
    if strange := cutting(options):
        raise InputError(
            f"'{next(iter(strange))}'은(는) --only-tokenizer와 함께 씁니다. 토크나이저를 먼저 만들고 그 폴더를 --tokenizer로 주세요.",
            f"'{next(iter(strange))}' goes with --only-tokenizer. Make the tokenizer first and give its folder to --tokenizer.",
        )
    shape = asked(options, NetConfig) | asked(options, TokenizerConfig)
    if options.start:  # which decides the shape; what was typed is refused by train_model
        usual = {entry.name: entry.default for kind in (NetConfig, TokenizerConfig) for entry in fields(kind)}
        shape = {name: value for name, value in shape.items() if value not in (usual[name], [])}
    with TrainingBar(file=sys.stderr) as bar:
        lm = train_model(
            corpus, folder=options.folder, start=options.start, resume=options.resume,
            overwrite=options.overwrite, precision=options.precision,
            report=bar.report, encoding=bar.encoding, **shape, **asked(options, TrainConfig),
        )  # fmt: skip
    figures = lm.info.get("test", {})
    print_values(options, {"folder": f"{options.folder}/best", "parameters": lm.parameters, **figures})


def soup(options: argparse.Namespace) -> None:
    """Mix the weights of several runs and set the temperature."""
    from korlm.corpora.sources import load_corpus
    from korlm.soup import Report, make_soup

    def report(tried: Report) -> None:
        print(f"{tried.model}  {tried.value:.3f}  {tried.bits_per_character:.4f}", file=sys.stderr, flush=True)

    corpus = load_corpus(options.corpus, column=column_of(options.column))
    lm = make_soup(
        options.models, corpus, folder=options.folder, precision=options.precision,
        valid_lines=options.valid_lines, report=report,
    )  # fmt: skip
    shares = {f"share of {name}": share for name, share in lm.info["soup"]["shares"].items()}
    values = {"folder": options.folder, **shares, "temperature": lm.info["soup"]["temperature"]}
    print_values(options, values | {"valid": round(lm.info["soup"]["best_valid_bpc"], 4)} | lm.info.get("test", {}))


def evaluate(options: argparse.Namespace) -> None:
    """Print bits per character of a model on lines."""
    from korlm.corpora.sources import load_corpus
    from korlm.models import load_model

    lm = load_model(options.model)
    if options.corpus:
        lines = getattr(load_corpus(options.corpus, column=column_of(options.column)), options.split)
    else:
        lines = list(lines_of([]))
    score = lm.score(lines, dynamic=options.dynamic)
    figures = {"bits_per_character": round(score.bits_per_character, 4), "characters": score.characters}
    print_values(options, {**figures, "pieces": score.pieces, "lines": len(lines), "signature": score.signature})


def experiment(options: argparse.Namespace) -> None:
    """Compare tokenizers and cells at an equal budget."""
    from korlm.experiment.command import experiment

    print(experiment(options))


def generate(options: argparse.Namespace) -> None:
    """Print each prompt and how the model goes on: one text as it comes, several lines of standard input in a batch."""
    from korlm.models import load_model

    lm = load_model(options.model)
    sampling = asked(options, SamplingConfig)
    given = iter([options.prompt]) if options.prompt is not None else lines_of([])
    for prompts in in_batches(given, 64):
        if options.json or options.alternatives or options.n > 1:
            found = lm.generate_all(prompts, alternatives=options.alternatives, **sampling)
            for prompt, texts in zip(prompts, found, strict=True):
                _print_texts(options, prompt, texts)
        elif len(prompts) > 1:
            for prompt, text in zip(prompts, lm.generate_batch(prompts, **sampling), strict=True):
                print(prompt + text)
        else:
            deltas = lm.stream(prompts[0], **sampling)  # a wrong option is said before the prompt is printed
            print(prompts[0], end="", flush=True)
            for delta in deltas:
                print(delta, end="", flush=True)
            print()


def _print_texts(options: argparse.Namespace, prompt: str, texts: Sequence[Generated]) -> None:
    from korlm.generation.show import as_dict, steps_table

    for number, text in enumerate(texts, 1):
        if options.json:
            place = {"prompt": prompt} | ({"number": number} if options.n > 1 else {})
            print(json.dumps(place | as_dict(text), ensure_ascii=False))
            continue
        print(f"[{number}] {prompt}{text.text}" if options.n > 1 else prompt + text.text)
        if options.alternatives:
            print(steps_table(text))


def export(options: argparse.Namespace) -> None:
    """Write a tokenizer as a file for Hugging Face's library."""
    from korlm.tokenizers.export import export_tokenizer
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    export_tokenizer(tokenizer, options.file)
    print_values(options, {"file": options.file, "signature": tokenizer.signature})


def push(options: argparse.Namespace) -> None:
    """Push a model or tokenizer to the Hugging Face Hub."""
    from korlm.hub.upload import push

    url = push(options.name, options.repo, private=options.private, message=options.message)
    print_values(options, {"url": url})


def card(options: argparse.Namespace) -> None:
    """Print the card of a model or tokenizer, or write it into its folder."""
    from korlm.hub.cards import card, write_card

    if options.write:
        return print_values(options, {"file": str(write_card(options.name, repo_id=options.repo))})
    text = card(options.name, repo_id=options.repo)
    print(json.dumps({"card": text}, ensure_ascii=False) if options.json else text)


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
