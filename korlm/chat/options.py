"""The options of ``korlm chat``, ``korlm train-chat`` and ``korlm evaluate-chat``; what they do is `korlm.chat.command`.

>>> parser = argparse.ArgumentParser()
>>> add_evaluate_chat_options(parser)
>>> parser.parse_args(["my.csv", "--bots", "eliza"]).pairs
'my.csv'
"""

from __future__ import annotations

import argparse

from korlm.generation.config import GenerationConfig
from korlm.language import localize
from korlm.options import add_fields, add_precision_option
from korlm.training.config import TokenizerConfig, TrainConfig

_DEFAULT_BOT = "chat-gru"  # see korlm.chat.names
_DEFAULT_EVALUATED_BOTS = "chat-kiwi-gru,chat-unigram-gru,chat-syllable-gru,chat-unigram-lm,retrieval,eliza"
DEFAULT_PAIRS = "dialogues+songys_chatbot"
_RUNNING_TEXT_OPTIONS = ("bptt", "jitter", "layout", "sampled", "activation", "temporal")  # what pairs have no use for
MODEL_OPTIONS = {  # of both forms; what only one knows is refused where it does not fit
    "cell": (str, "gru", "셀: gru, lstm", "cell: gru or lstm"),
    "embedding": (int, 256, "임베딩 너비", "embedding width"),
    "hidden": (int, 384, "은닉 너비", "hidden width"),
    "layers": (int, 1, "층 수", "layers"),
    "dropout": (float, 0.3, "드롭아웃", "dropout"),
    "attention": (str, None, "인코더-디코더의 주의: general, dot, additive", "attention: general, dot or additive"),
    "max_length": (int, None, "인코더-디코더의 길이 한도 (조각)", "longest question or answer (pieces)"),
}


def add_chat_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``korlm chat``."""
    said = localize(
        "챗봇 이름, 폴더, 사용자/저장소[@판], eliza, retrieval",
        "name, folder, user/repo[@revision], eliza or retrieval",
    )
    parser.add_argument("bot", nargs="?", default=_DEFAULT_BOT, help=f"{said} [{_DEFAULT_BOT}]")
    parser.add_argument(
        "question",
        nargs="?",
        help=localize(
            "물음 (없으면 대화를 하거나, 표준 입력의 줄마다 답함)",
            "question (else a talk, or the lines of standard input)",
        ),
    )
    said = localize("모르면 모른다고 말함 [예]", "say so where it does not know [yes]")
    parser.add_argument("--careful", action=argparse.BooleanOptionalAction, default=True, help=said)
    parser.add_argument(
        "--why",
        action="store_true",
        help=localize("자신 있는지와 후보도 보임", "also how sure it is, and its candidates"),
    )
    parser.add_argument("-n", "--n", type=int, default=1, help=localize("후보의 수 [1]", "candidates [1]"), metavar="N")
    usual = {"temperature": 0.0, "min_tokens": 1}  # as `ChatModel.reply`'s; no_repeat_ngram hangs on the tokenizer
    add_fields(parser, GenerationConfig, exclude=["n"], defaults=usual)


def add_train_chat_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``korlm train-chat``."""
    _add_pairs_options(parser)
    parser.add_argument(
        "--form", default="encoder-decoder", choices=("encoder-decoder", "language-model"),
        help=localize("인코더-디코더, 또는 대화 틀을 이어 쓰는 언어 모델", "an encoder-decoder, or a language model with a chat template"),
    )  # fmt: skip
    parser.add_argument(
        "--folder", default="runs/chat", help=localize("둘 곳 [runs/chat]", "where to put it [runs/chat]")
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help=localize(
            "이 언어 모델이 아는 조각에서 시작 (이름, 폴더, 사용자/저장소)",
            "begin with the pieces that this language model knows",
        ),
    )
    parser.add_argument("--resume", action="store_true", help=localize("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument(
        "--overwrite", action="store_true", help=localize("있던 것을 지우고 새로", "start anew over a run")
    )
    parser.add_argument(
        "--keep", default="best", choices=("best", "last"),
        help=localize("남길 것: 검증에서 가장 나은 것, 또는 끝의 것 [best]", "which state: the best on validation, or the last [best]"),
    )  # fmt: skip
    add_precision_option(parser)
    for name, (kind, default, ko, en) in MODEL_OPTIONS.items():
        shown = "" if default is None else f" [{default}]"
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=default, help=localize(ko, en) + shown, metavar="X"
        )
    add_fields(parser, TokenizerConfig)
    usual = {"batch": 64, "epochs": 30.0, "learning_rate": 2e-3, "validations": 30}
    add_fields(parser, TrainConfig, exclude=_RUNNING_TEXT_OPTIONS, defaults=usual)


def add_evaluate_chat_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``korlm evaluate-chat``."""
    _add_pairs_options(parser)
    said = localize("챗봇들, 쉼표로 나눔 (eliza와 retrieval도)", "chatbots, comma-separated (eliza and retrieval, too)")
    parser.add_argument("--bots", default=_DEFAULT_EVALUATED_BOTS, help=f"{said} [{_DEFAULT_EVALUATED_BOTS}]")
    parser.add_argument("--decodings", default="greedy,beam,sampling", help="[greedy,beam,sampling]")
    parser.add_argument(
        "--ask",
        help=localize(
            "재지 않고, 이 파일의 줄마다 봇들이 답한 것을 그대로 보임",
            "measure nothing; show what the bots answer to the lines of this file",
        ),
        metavar="FILE",
    )
    parser.add_argument("--limit", type=int, help=localize("물음 수의 한도", "at most so many questions"), metavar="N")
    parser.add_argument(
        "--resamples",
        type=int,
        default=1000,
        help=localize("부트스트랩 횟수 [1000]", "bootstrap draws [1000]"),
        metavar="N",
    )


def _add_pairs_options(parser: argparse.ArgumentParser) -> None:
    said = localize("대화 이름이나 파일, +로 이음", "pairs: names or files, joined by +")
    parser.add_argument("pairs", nargs="?", default=DEFAULT_PAIRS, help=f"{said} [{DEFAULT_PAIRS}]")
    parser.add_argument(
        "--question", help=localize("파일에서 물음이 든 칸", "the file's column of questions"), metavar="X"
    )
    parser.add_argument("--answer", help=localize("파일에서 답이 든 칸", "the file's column of answers"), metavar="X")
