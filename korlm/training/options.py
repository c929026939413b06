"""Options of ``korlm train`` and ``korlm soup``."""

from __future__ import annotations

import argparse
from dataclasses import fields

from korlm.language import localize
from korlm.nn.config import NetConfig
from korlm.options import add_fields, add_precision_option, add_tokenizer_options
from korlm.training.config import TokenizerConfig, TrainConfig


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``korlm train`` takes."""
    parser.add_argument(
        "corpus",
        nargs="?",
        default="kolaw",
        help=localize("말뭉치 이름(kolaw, kobill, reviews)이나 파일 [kolaw]", "corpus name or file [kolaw]"),
    )
    parser.add_argument("--folder", default="runs/model", help=localize("저장할 폴더", "folder to write"))
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))
    parser.add_argument("--limit", type=int, help=localize("학습 줄 수의 한도", "at most so many training lines"))
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help=localize("이 모델의 가중치에서 시작 (이름, 폴더, 사용자/저장소)", "start from the weights of this model"),
    )
    parser.add_argument("--resume", action="store_true", help=localize("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument(
        "--overwrite", action="store_true", help=localize("있던 것을 지우고 새로", "start anew over a run")
    )
    add_precision_option(parser)
    alone = parser.add_argument_group(localize("토크나이저만 만들기", "a tokenizer alone"))
    alone.add_argument(
        "--only-tokenizer", action="store_true", help=localize("토크나이저만 만든다", "make the tokenizer alone")
    )
    for name, default, ko, en in (
        ("min-count", 2, "이보다 드문 조각은 뺌 [2]", "leave rarer pieces out [2]"),
        ("coverage", 0.9995, "글자 포함률 [0.9995]", "share of characters covered [0.9995]"),
        ("on-unknown", "fallback", "모르는 조각: fallback이나 unk [fallback]", "fallback or unk [fallback]"),
        ("specials", "", "더할 특수 토큰, 쉼표로 나눔", "further special tokens, comma-separated"),
    ):
        alone.add_argument(f"--{name}", type=type(default), default=default, help=localize(ko, en), metavar="X")
    add_tokenizer_options(parser)
    add_fields(parser, TokenizerConfig)
    add_fields(parser, NetConfig, exclude=["vocab_size"])
    add_fields(parser, TrainConfig)
    shape = [entry.name for kind in (TokenizerConfig, NetConfig) for entry in fields(kind)]
    parser.set_defaults(**dict.fromkeys(shape))  # None: not typed, which --from must know


def add_soup_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``korlm soup`` takes."""
    parser.add_argument(
        "models",
        nargs="+",
        help=localize("한 모델에서 시작한 모델들 (이름, 폴더, 사용자/저장소)", "models that began with one model"),
    )
    parser.add_argument("--corpus", required=True, help=localize("말뭉치 이름이나 파일", "corpus name or file"))
    parser.add_argument("--column", help=localize("글이 든 칸", "column that holds the text"))
    parser.add_argument(
        "--folder", default="runs/soup", help=localize("저장할 폴더 [runs/soup]", "folder to write [runs/soup]")
    )
    said = localize(
        "섞는 비율과 온도를 정할 검증 줄 (0이면 모두) [4000]", "validation lines that decide (0: all) [4000]"
    )
    parser.add_argument("--valid-lines", type=int, default=4000, help=said, metavar="N")
    add_precision_option(parser)
