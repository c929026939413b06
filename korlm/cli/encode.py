"""``korlm encode``: encode a corpus file into one array of token ids."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from korlm.cli.arguments import add_column_option, add_option, parse_column
from korlm.cli.output import print_values
from korlm.i18n import localize

HELP = ("말뭉치를 ID 배열(.npy)로", "encode a corpus into a .npy of ids")


def add_arguments(parser: ArgumentParser) -> None:
    add_option(parser, "file", ".txt .tsv .csv .jsonl 파일 (또는 .gz)", ".txt .tsv .csv .jsonl (or .gz) file")
    add_option(parser, "-t --tokenizer", "토크나이저 이름이나 폴더", "name or folder", required=True)
    add_option(parser, "-o --output", "쓸 .npy [파일.토크나이저.npy]", ".npy to write [FILE.TOKENIZER.npy]")
    add_column_option(parser)
    add_option(parser, "--workers", "분석 스레드 [2]", "threads [2]", type=int, default=2, metavar="N")
    add_option(
        parser,
        "--restart",
        "있던 결과를 버리고 새로 시작",
        "discard earlier output and start over",
        action="store_true",
    )


def run(args: Namespace) -> None:
    """Encode a corpus file, from where an earlier run stopped."""
    from korlm.corpora.encode_file import encode_file, read_encoding_progress
    from korlm.reporting.progress import progress_bar
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(args.tokenizer)
    source = Path(args.file)
    output = Path(args.output or f"{source.name.split('.')[0]}.{tokenizer.name}.npy")
    label = localize("자르는 중", "encoding")
    try:
        with progress_bar(label, resumed=True, leave=True, unit="B", unit_scale=True, delay=0.3) as update_bar:
            encode_file(
                source, tokenizer, output, column=parse_column(args.column),
                workers=args.workers, restart=args.restart, progress=update_bar,
            )  # fmt: skip
    except KeyboardInterrupt:
        progress = read_encoding_progress(output)
        lines = progress.lines if progress else 0
        ko = f"{lines:,}줄까지 했습니다. 같은 명령을 다시 하면 이어서 합니다."
        print(localize(ko, f"Stopped after {lines:,} lines. The same command goes on."), file=sys.stderr)
        raise
    info = json.loads(output.with_suffix(".json").read_bytes())
    names = ("lines", "characters", "tokens", "dtype", "signature")
    print_values(args, {"file": str(output), **{name: info[name] for name in names}})
