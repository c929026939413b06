"""The ``korlm`` command: tokenize, compare, train, evaluate, generate, app.

Each reads files or standard input, prints text for people and ``--json`` for programs. Errors are one message in the
person's language and exit status 2. Heavy libraries are imported by the command that needs them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, NoReturn

from korlm import __version__
from korlm.errors import InputError, KorlmError
from korlm.language import pick


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 well, 2 bad input, 130 interrupted)."""
    for stream in (sys.stdin, sys.stdout):
        if hasattr(stream, "reconfigure"):  # a piped terminal with LANG=C would else die on Hangul
            stream.reconfigure(encoding="utf-8", errors="surrogateescape" if stream is sys.stdin else "strict")
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KorlmError as error:
        print(f"korlm: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
    except KeyboardInterrupt:
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = pick("쓰는 법은", "for usage see")
        self.exit(2, f"korlm: {message}\n{hint}: {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="korlm", description=pick("한국어 토큰화를 보고, 재고, 쓰는 도구", korlm_doc()))
    parser.add_argument("--version", action="version", version=f"korlm {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_add_tokenize, _add_compare, _add_train, _add_evaluate, _add_generate, _add_app):
        add(commands)
    return parser


def korlm_doc() -> str:
    """Return the one-line description in English."""
    return "See, measure and use Korean tokenization with recurrent language models"


def _command(commands: Any, name: str, run: Any, ko: str, en: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=pick(ko, en), description=pick(ko, en))
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help=pick("프로그램이 읽을 JSON으로", "JSON for programs"))
    return parser


def _add_tokenize(commands: Any) -> None:
    parser = _command(commands, "tokenize", _tokenize, "글을 조각으로 자른다", "cut text into pieces")
    parser.add_argument("files", nargs="*", help=pick("파일 (없으면 표준 입력)", "files (else standard input)"))
    parser.add_argument("-t", "--tokenizer", default="kiwi", help=pick("토크나이저 이름이나 폴더", "name or folder"))
    parser.add_argument("--ids", action="store_true", help=pick("조각 대신 번호", "ids instead of pieces"))


def _add_compare(commands: Any) -> None:
    parser = _command(commands, "compare", _compare, "한 글을 여러 토크나이저로 자른다", "cut a text several ways")
    parser.add_argument("text", nargs="?", help=pick("글 (없으면 표준 입력)", "text (else standard input)"))
    default = "word,kiwi,okt,unigram,syllable"
    parser.add_argument("-t", "--tokenizers", default=default, help=pick("쉼표로 나눈 이름", "names, comma-separated"))


def _add_train(commands: Any) -> None:
    # `models` brings torch, which takes a second: its options are read only when `train` is asked for
    train = "train" in sys.argv[1:2]
    parser = _command(commands, "train", _train, "언어 모델을 가르친다", "train a language model")
    parser.add_argument("corpus", help=pick("말뭉치 이름(kolaw, kobill, reviews)이나 파일", "corpus name or file"))
    parser.add_argument("--folder", default="runs/model", help=pick("저장할 폴더", "folder to write"))
    parser.add_argument("--column", help=pick("글이 든 칸", "column that holds the text"))
    parser.add_argument("--limit", type=int, help=pick("학습 줄 수의 한도", "at most so many training lines"))
    parser.add_argument("--resume", action="store_true", help=pick("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument("--half", action="store_true", help=pick("float16으로 저장", "save weights as float16"))
    parser.add_argument(
        "--only-tokenizer", action="store_true", help=pick("토크나이저만 만든다", "make the tokenizer alone")
    )
    if train:
        from korlm.models import ModelConfig
        from korlm.training.config import TrainConfig

        _add_fields(parser, ModelConfig)
        _add_fields(parser, TrainConfig)


def _add_fields(parser: argparse.ArgumentParser, config: type) -> None:
    for entry in fields(config):
        ko, en = entry.metadata["ko"], entry.metadata["en"]
        text = f"{pick(ko, en)} [{entry.default}]".replace("%", "%%")
        name = "--" + entry.name.replace("_", "-")
        if isinstance(entry.default, bool):
            parser.add_argument(name, action=argparse.BooleanOptionalAction, default=entry.default, help=text)
        else:
            parser.add_argument(name, type=type(entry.default), default=entry.default, help=text, metavar="X")


def _add_evaluate(commands: Any) -> None:
    parser = _command(commands, "evaluate", _evaluate, "글자당 비트를 잰다", "measure bits per character")
    parser.add_argument("model", help=pick("모델 이름이나 폴더", "model name or folder"))
    parser.add_argument(
        "corpus", nargs="?", help=pick("말뭉치나 파일 (없으면 표준 입력)", "corpus or file (else stdin)")
    )
    parser.add_argument("--split", choices=("train", "valid", "test"), default="test")
    parser.add_argument("--column", help=pick("글이 든 칸", "column that holds the text"))


def _add_generate(commands: Any) -> None:
    parser = _command(commands, "generate", _generate, "글을 이어 쓴다", "continue a text")
    parser.add_argument("model", help=pick("모델 이름이나 폴더", "model name or folder"))
    parser.add_argument(
        "prompt", nargs="?", help=pick("글머리 (없으면 표준 입력의 줄마다)", "prompt (else lines of stdin)")
    )
    parser.add_argument("--temperature", type=float, default=0.8)
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--max-tokens", type=int, default=60)
    parser.add_argument("--seed", type=int)


def _add_app(commands: Any) -> None:
    parser = _command(commands, "app", _app, "웹 앱을 연다", "open the web app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)


def _tokenize(options: argparse.Namespace) -> None:
    from korlm.compare.table import encoding_dict, show
    from korlm.tokenizers.registry import load_tokenizer

    tokenizer = load_tokenizer(options.tokenizer)
    for batch in _batches(_lines(options.files)):
        for encoding in tokenizer.encode_batch(batch, workers=2):
            if options.json:
                print(json.dumps({"text": encoding.text, **encoding_dict(encoding)}, ensure_ascii=False))
            else:
                print(*encoding.ids) if options.ids else print(show(encoding.pieces))


def _compare(options: argparse.Namespace) -> None:
    from korlm.compare.table import compare

    text = options.text if options.text is not None else sys.stdin.read().removesuffix("\n")
    if not text:
        raise InputError("글이 비었습니다. 한 글자 이상 쓰세요.", "The text is empty. Type something.")
    result = compare(text, options.tokenizers.split(","))
    print(json.dumps(result.to_dict(), ensure_ascii=False) if options.json else result)


def _train(options: argparse.Namespace) -> None:
    from korlm.corpora.sources import load_corpus
    from korlm.models import ModelConfig, train_model
    from korlm.tokenizers.registry import train_tokenizer
    from korlm.training.config import TrainConfig
    from korlm.training.show import TrainingBar

    corpus = load_corpus(options.corpus, column=_column(options.column), limit=options.limit)
    if options.only_tokenizer:
        tokenizer = train_tokenizer(options.tokenizer, corpus.train, vocab_size=options.vocab_size or None)
        tokenizer.save(options.folder)
        return _print(options, {"folder": options.folder, "signature": tokenizer.signature})
    asked = {entry.name: getattr(options, entry.name) for entry in (*fields(ModelConfig), *fields(TrainConfig))}
    with TrainingBar(file=sys.stderr) as bar:
        lm = train_model(
            corpus, folder=options.folder, resume=options.resume, half=options.half,
            report=bar.report, encoding=bar.encoding, **asked,
        )  # fmt: skip
    figures = lm.info.get("test", {})
    _print(options, {"folder": f"{options.folder}/best", "parameters": lm.parameters, **figures})


def _evaluate(options: argparse.Namespace) -> None:
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


def _generate(options: argparse.Namespace) -> None:
    from korlm.models import load_model

    lm = load_model(options.model)
    names = ("temperature", "top_k", "top_p", "max_tokens", "seed")
    sampling = {name: getattr(options, name) for name in names}
    for prompt in [options.prompt] if options.prompt is not None else _lines([]):
        if options.json:
            print(json.dumps({"prompt": prompt, "text": lm.generate(prompt, **sampling)}, ensure_ascii=False))
            continue
        print(prompt, end="", flush=True)
        for delta in lm.stream(prompt, **sampling):
            print(delta, end="", flush=True)
        print()


def _app(options: argparse.Namespace) -> None:
    try:
        import gradio  # noqa: F401
    except ImportError as error:
        raise InputError(
            'Gradio가 없습니다. pip install "korlm[ui]" 하세요.', 'Gradio is missing. Run: pip install "korlm[ui]"'
        ) from error
    from korlm.ui.app import launch

    os.environ["GRADIO_SERVER_NAME"] = options.host
    launch(port=options.port)


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
