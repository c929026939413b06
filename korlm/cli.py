"""The ``korlm`` command: tokenize, encode, compare, train, evaluate, generate, export, app.

Each reads files or standard input, prints text for people and ``--json`` for programs. Errors are one message in the
person's language and exit status 2. What each does is in `korlm.commands`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, NoReturn

from korlm import __version__, commands
from korlm.errors import KorlmError
from korlm.generation.config import SamplingConfig
from korlm.language import pick
from korlm.training.config import ModelConfig, TrainConfig


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
    parser = _Parser(
        prog="korlm",
        description=pick(
            "한국어 토큰화를 보고, 재고, 쓰는 도구",
            "See, measure and use Korean tokenization with recurrent language models",
        ),
    )
    parser.add_argument("--version", action="version", version=f"korlm {__version__}")
    group = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_tokenize,
        _add_encode,
        _add_compare,
        _add_train,
        _add_evaluate,
        _add_generate,
        _add_export,
        _add_app,
    ):
        add(group)
    return parser


def _command(group: Any, name: str, run: Any, ko: str, en: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(name, help=pick(ko, en), description=pick(ko, en))
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help=pick("프로그램이 읽을 JSON으로", "JSON for programs"))
    return parser


def _add_tokenize(group: Any) -> None:
    parser = _command(group, "tokenize", commands.tokenize, "글을 조각으로 자른다", "cut text into pieces")
    parser.add_argument("files", nargs="*", help=pick("파일 (없으면 표준 입력)", "files (else standard input)"))
    said = pick(
        "토크나이저 이름이나 폴더 [kiwi, --language en이면 word]", "name or folder [kiwi; word with --language en]"
    )
    parser.add_argument("-t", "--tokenizer", help=said)
    parser.add_argument("--ids", action="store_true", help=pick("조각 대신 ID", "ids instead of pieces"))
    _add_cutting(parser)
    parser.add_argument(
        "--no-stopwords", action="store_true", help=pick("불용어를 뺌 (낱말과 형태소)", "leave stop words out")
    )
    parser.add_argument(
        "--stopwords", help=pick("--no-stopwords에 쓸 목록 파일", "list for --no-stopwords"), metavar="FILE"
    )


def _add_cutting(parser: argparse.ArgumentParser) -> None:
    cuts = parser.add_argument_group(pick("자르는 방법", "how it is cut"))
    cuts.add_argument(
        "--language", choices=("ko", "en"), help=pick("en: 영어 낱말 (spaCy)", "en: English words (spaCy)")
    )
    cuts.add_argument("--split", choices=("jamo",), help=pick("음절 안에서도 자름 (갔 → 가ㅆ)", "cut inside syllables"))
    for name, ko, en in (
        ("user-dictionary", "사용자 사전 파일 (Kiwi)", "file of the user's words (Kiwi)"),
        ("typos", "오타 교정: basic, continual, ... (Kiwi)", "typo tolerance: basic, continual, ... (Kiwi)"),
    ):
        cuts.add_argument(f"--{name}", help=pick(ko, en), metavar="X")
    for name, ko, en in (
        ("normalize-coda", "덧붙은 받침을 떼고 분석 (했엌) (Kiwi)", "undo added final consonants (Kiwi)"),
        ("split-compounds", "합성어를 나눔 (Kiwi)", "split compounds (Kiwi)"),
    ):
        cuts.add_argument(f"--{name}", action="store_true", help=pick(ko, en))


def _add_encode(group: Any) -> None:
    parser = _command(
        group, "encode", commands.encode, "말뭉치를 ID 배열(.npy)로", "encode a corpus into a .npy of ids"
    )
    parser.add_argument(
        "file", help=pick(".txt .tsv .csv .jsonl 파일 (또는 .gz)", ".txt .tsv .csv .jsonl (or .gz) file")
    )
    parser.add_argument("-t", "--tokenizer", required=True, help=pick("토크나이저 이름이나 폴더", "name or folder"))
    parser.add_argument(
        "-o", "--output", help=pick("쓸 .npy [파일.토크나이저.npy]", ".npy to write [FILE.TOKENIZER.npy]")
    )
    parser.add_argument("--column", help=pick("글이 든 칸", "column that holds the text"))
    parser.add_argument("--workers", type=int, default=2, help=pick("분석 스레드 [2]", "threads [2]"), metavar="N")
    parser.add_argument("--restart", action="store_true", help=pick("있던 것을 버리고 새로", "start anew"))


def _add_compare(group: Any) -> None:
    parser = _command(
        group,
        "compare",
        commands.compare,
        "한 글을 여러 토크나이저로 자르거나, 말뭉치로 잰다 (--corpus, --gold)",
        "cut a text several ways, or measure on a corpus (--corpus, --gold)",
    )
    parser.add_argument("text", nargs="?", help=pick("글 (없으면 표준 입력)", "text (else standard input)"))
    names = "word,kiwi,okt,unigram,syllable", "word,kiwi,unigram,bpe,syllable"
    said = pick(
        f"쉼표로 나눈 이름, 또는 all [{names[0]}, 말뭉치에는 {names[1]}]",
        f"names, or all [{names[0]}; of a corpus {names[1]}]",
    )
    parser.add_argument("-t", "--tokenizers", help=said)
    parser.set_defaults(names=names)
    _add_measuring(parser.add_argument_group(pick("말뭉치로 재기", "measuring on a corpus")))


def _add_measuring(corpus: Any) -> None:
    for name, ko, en in (
        ("corpus", "말뭉치 이름(kolaw, kobill, reviews)이나 파일", "corpus name or file"),
        ("gold", "정답 형태소가 든 .conllu(.gz) 파일", "file of gold morphemes, .conllu or .conllu.gz"),
        ("column", "글이 든 칸", "column that holds the text"),
        ("csv", "표를 쓸 .csv 파일", "write the figures as .csv"),
        ("plot", "그림을 그릴 .png, .svg, .pdf 파일", "draw a figure: .png, .svg or .pdf"),
    ):
        corpus.add_argument(f"--{name}", help=pick(ko, en))
    corpus.add_argument(
        "--split",
        choices=("train", "valid", "test", "all"),
        default="test",
        help=pick("잴 쪽 [test]", "what to measure [test]"),
    )
    corpus.add_argument("--limit", type=int, help=pick("잴 줄 수의 한도", "at most so many lines"), metavar="N")
    corpus.add_argument(
        "--strategies",
        nargs="?",
        const="mecab",
        choices=("mecab", "kiwi"),
        help=pick(
            "Park 외(2020)의 여섯 전략을 train에서 만들어 잰다 [형태소는 mecab]",
            "make Park et al.'s (2020) six strategies from train and measure them [morphemes by mecab]",
        ),
    )
    for name, default, ko, en in (
        ("vocab-size", None, "--strategies 어휘 크기의 한도", "no vocabulary of --strategies above this"),
        ("width", 256, "임베딩의 너비 [256]", "width of the embedding [256]"),
        ("resamples", 1000, "부트스트랩 횟수 [1000]", "bootstrap draws [1000]"),
        ("seed", 0, "부트스트랩의 씨앗 [0]", "seed of the bootstrap [0]"),
    ):
        corpus.add_argument(f"--{name}", type=int, default=default, help=pick(ko, en), metavar="N")


def _add_train(group: Any) -> None:
    parser = _command(group, "train", commands.train, "언어 모델을 가르친다", "train a language model")
    parser.add_argument(
        "corpus",
        nargs="?",
        default="kolaw",
        help=pick("말뭉치 이름(kolaw, kobill, reviews)이나 파일 [kolaw]", "corpus name or file [kolaw]"),
    )
    parser.add_argument("--folder", default="runs/model", help=pick("저장할 폴더", "folder to write"))
    parser.add_argument("--column", help=pick("글이 든 칸", "column that holds the text"))
    parser.add_argument("--limit", type=int, help=pick("학습 줄 수의 한도", "at most so many training lines"))
    parser.add_argument("--resume", action="store_true", help=pick("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument("--overwrite", action="store_true", help=pick("있던 것을 지우고 새로", "start anew over a run"))
    parser.add_argument("--half", action="store_true", help=pick("float16으로 저장", "save weights as float16"))
    alone = parser.add_argument_group(pick("토크나이저만 만들기", "a tokenizer alone"))
    alone.add_argument(
        "--only-tokenizer", action="store_true", help=pick("토크나이저만 만든다", "make the tokenizer alone")
    )
    for name, default, ko, en in (
        ("min-count", 2, "이보다 드문 조각은 뺌 [2]", "leave rarer pieces out [2]"),
        ("coverage", 0.9995, "글자 포함률 [0.9995]", "share of characters covered [0.9995]"),
        ("on-unknown", "fallback", "모르는 조각: fallback이나 unk [fallback]", "fallback or unk [fallback]"),
        ("specials", "", "더할 특수 토큰, 쉼표로 나눔", "further special tokens, comma-separated"),
    ):
        alone.add_argument(f"--{name}", type=type(default), default=default, help=pick(ko, en), metavar="X")
    _add_cutting(parser)
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
            parser.add_argument(name, type=entry.metadata["kind"], default=entry.default, help=text, metavar="X")


def _add_evaluate(group: Any) -> None:
    parser = _command(group, "evaluate", commands.evaluate, "글자당 비트를 잰다", "measure bits per character")
    parser.add_argument("model", help=pick("모델 이름이나 폴더", "model name or folder"))
    parser.add_argument(
        "corpus", nargs="?", help=pick("말뭉치나 파일 (없으면 표준 입력)", "corpus or file (else stdin)")
    )
    parser.add_argument("--split", choices=("train", "valid", "test"), default="test")
    parser.add_argument("--column", help=pick("글이 든 칸", "column that holds the text"))


def _add_generate(group: Any) -> None:
    parser = _command(group, "generate", commands.generate, "글을 이어 쓴다", "continue a text")
    parser.add_argument("model", help=pick("모델 이름이나 폴더", "model name or folder"))
    parser.add_argument(
        "prompt", nargs="?", help=pick("글머리 (없으면 표준 입력의 줄마다)", "prompt (else lines of stdin)")
    )
    _add_fields(parser, SamplingConfig)


def _add_export(group: Any) -> None:
    parser = _command(
        group,
        "export",
        commands.export,
        "Hugging Face의 tokenizer.json으로 쓴다",
        "write Hugging Face's tokenizer.json",
    )
    parser.add_argument("tokenizer", help=pick("토크나이저 이름이나 폴더", "name or folder"))
    parser.add_argument("file", nargs="?", default="tokenizer.json", help=pick("쓸 파일", "file to write"))


def _add_app(group: Any) -> None:
    parser = _command(group, "app", commands.app, "웹 앱을 연다", "open the web app")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, help=pick("포트 (없으면 7860부터 빈 것)", "port (else the first free from 7860)")
    )
