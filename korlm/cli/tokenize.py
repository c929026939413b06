"""What the commands of tokenizers do: tokenize, encode, compare, export."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from korlm.cli.arguments import batch_lines, parse_column, print_values, read_input_lines, tokenizer_options
from korlm.errors import InputError


def run_tokenize(options: argparse.Namespace) -> None:
    """Print the pieces or ids of each line, all or but the stop words."""
    from korlm.evaluation.compare import encoding_to_dict, format_segments
    from korlm.tokenizers.registry import load_tokenizer
    from korlm.tokenizers.stopwords import check_word_unit, drop_stopwords, list_segment_texts, load_stopwords

    name = options.tokenizer or ("word" if options.language == "en" else "kiwi")
    tokenizer = load_tokenizer(name, **tokenizer_options(options))
    words = None
    if options.no_stopwords or options.stopwords:
        check_word_unit(tokenizer)
        words = load_stopwords(language=options.language, stopwords=options.stopwords)
    for batch in batch_lines(read_input_lines(options.files)):
        for encoding in tokenizer.encode_batch(batch, workers=2):
            kept = encoding if words is None else drop_stopwords(encoding, words)
            if options.json:
                print(json.dumps({"text": kept.text, **encoding_to_dict(kept)}, ensure_ascii=False))
            elif options.ids:
                print(*kept.ids)
            else:  # a word of the user's or in English is shown whole, though the vocabulary may lack it
                whole = words is not None or options.language == "en" or options.user_dictionary
                print(format_segments(list_segment_texts(kept, keep_spaces=words is None) if whole else kept.tokens))


def run_encode(options: argparse.Namespace) -> None:
    """Encode a corpus file into one array of ids, going on where it was stopped."""
    from korlm.corpora.encode_file import encode_file, read_encoding_progress
    from korlm.i18n import localize
    from korlm.reporting.progress import progress_bar
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    source = Path(options.file)
    output = Path(options.output or f"{source.name.split('.')[0]}.{tokenizer.name}.npy")
    try:
        with progress_bar(
            localize("자르는 중", "encoding"), resumed=True, leave=True, unit="B", unit_scale=True, delay=0.3
        ) as update_bar:
            encode_file(
                source, tokenizer, output, column=parse_column(options.column),
                workers=options.workers, restart=options.restart, progress=update_bar,
            )  # fmt: skip
    except KeyboardInterrupt:
        done = read_encoding_progress(output)
        ko, en = f"{done.lines if done else 0:,}줄까지 했습니다", f"Stopped after {done.lines if done else 0:,} lines"
        print(
            localize(f"{ko}. 같은 명령을 다시 하면 이어서 합니다.", f"{en}. The same command goes on."), file=sys.stderr
        )
        raise
    made = json.loads(output.with_suffix(".json").read_bytes())
    figures = ("lines", "characters", "tokens", "dtype", "signature")
    print_values(options, {"file": str(output), **{name: made[name] for name in figures}})


def run_compare(options: argparse.Namespace) -> None:
    """Print one text cut by several tokenizers, or what they measure on a corpus."""
    from korlm.evaluation.compare import compare
    from korlm.tokenizers.registry import list_tokenizers

    names = [name.strip() for name in options.tokenizers.split(",")] if options.tokenizers else None
    if names == ["all"]:
        names = [info.name for info in list_tokenizers() if info.ready]
    if options.corpus or options.gold:
        from korlm.cli.compare import run_tokenizer_evaluation

        options.column = parse_column(options.column)
        return print(run_tokenizer_evaluation(options, names))
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


def run_export(options: argparse.Namespace) -> None:
    """Write a tokenizer as a file for Hugging Face's library."""
    from korlm.tokenizers.hf_export import export_tokenizer
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    export_tokenizer(tokenizer, options.file)
    print_values(options, {"file": options.file, "signature": tokenizer.signature})
