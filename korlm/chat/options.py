"""The options of ``korlm chat``, ``korlm train-chat`` and ``korlm evaluate-chat``; what they do is `korlm.chat.command`.

>>> parser = argparse.ArgumentParser()
>>> add_evaluate_chat(parser)
>>> parser.parse_args(["my.csv", "--bots", "eliza"]).pairs
'my.csv'
"""

from __future__ import annotations

import argparse

from korlm.generation.config import SamplingConfig
from korlm.language import pick
from korlm.options import add_fields, add_precision
from korlm.training.config import TokenizerConfig, TrainConfig

_USUAL = "chat-gru"  # see korlm.chat.names
_BOTS = "chat-kiwi-gru,chat-unigram-gru,chat-syllable-gru,chat-unigram-lm,retrieval,eliza"
PAIRS = "dialogues+songys_chatbot"
_RUNNING_TEXT = ("bptt", "jitter", "layout", "sampled", "activation", "temporal")  # what pairs have no use for
SHAPE = {  # of both forms; what only one knows is refused where it does not fit
    "cell": (str, "gru", "셀: gru, lstm", "cell: gru or lstm"),
    "embedding": (int, 256, "임베딩 너비", "embedding width"),
    "hidden": (int, 384, "은닉 너비", "hidden width"),
    "layers": (int, 1, "층 수", "layers"),
    "dropout": (float, 0.3, "드롭아웃", "dropout"),
    "attention": (str, None, "인코더-디코더의 주의: general, dot, additive", "attention: general, dot or additive"),
    "max_length": (int, None, "인코더-디코더의 길이 한도 (조각)", "longest question or answer (pieces)"),
}


def add_chat(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``korlm chat``."""
    said = pick(
        "챗봇 이름, 폴더, 사용자/저장소[@판], eliza, retrieval",
        "name, folder, user/repo[@revision], eliza or retrieval",
    )
    parser.add_argument("bot", nargs="?", default=_USUAL, help=f"{said} [{_USUAL}]")
    parser.add_argument(
        "question",
        nargs="?",
        help=pick(
            "물음 (없으면 대화를 하거나, 표준 입력의 줄마다 답함)",
            "question (else a talk, or the lines of standard input)",
        ),
    )
    said = pick("모르면 모른다고 말함 [예]", "say so where it does not know [yes]")
    parser.add_argument("--careful", action=argparse.BooleanOptionalAction, default=True, help=said)
    parser.add_argument(
        "--why", action="store_true", help=pick("자신 있는지와 후보도 보임", "also how sure it is, and its candidates")
    )
    parser.add_argument("-n", "--n", type=int, default=1, help=pick("후보의 수 [1]", "candidates [1]"), metavar="N")
    usual = {"temperature": 0.0, "min_tokens": 1}  # as `ChatModel.reply`'s; no_repeat_ngram hangs on the tokenizer
    add_fields(parser, SamplingConfig, but=["n"], usual=usual)


def add_train_chat(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``korlm train-chat``."""
    _add_pairs(parser)
    parser.add_argument(
        "--form", default="encoder-decoder", choices=("encoder-decoder", "language-model"),
        help=pick("인코더-디코더, 또는 대화 틀을 이어 쓰는 언어 모델", "an encoder-decoder, or a language model with a chat template"),
    )  # fmt: skip
    parser.add_argument("--folder", default="runs/chat", help=pick("둘 곳 [runs/chat]", "where to put it [runs/chat]"))
    parser.add_argument(
        "--from",
        dest="start",
        metavar="MODEL",
        help=pick(
            "이 언어 모델이 아는 조각에서 시작 (이름, 폴더, 사용자/저장소)",
            "begin with the pieces that this language model knows",
        ),
    )
    parser.add_argument("--resume", action="store_true", help=pick("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument("--overwrite", action="store_true", help=pick("있던 것을 지우고 새로", "start anew over a run"))
    parser.add_argument(
        "--keep", default="best", choices=("best", "last"),
        help=pick("남길 것: 검증에서 가장 나은 것, 또는 끝의 것 [best]", "which state: the best on validation, or the last [best]"),
    )  # fmt: skip
    add_precision(parser)
    for name, (kind, default, ko, en) in SHAPE.items():
        shown = "" if default is None else f" [{default}]"
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=default, help=pick(ko, en) + shown, metavar="X"
        )
    add_fields(parser, TokenizerConfig)
    usual = {"batch": 64, "epochs": 30.0, "learning_rate": 2e-3, "validations": 30}
    add_fields(parser, TrainConfig, but=_RUNNING_TEXT, usual=usual)


def add_evaluate_chat(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``korlm evaluate-chat``."""
    _add_pairs(parser)
    said = pick("챗봇들, 쉼표로 나눔 (eliza와 retrieval도)", "chatbots, comma-separated (eliza and retrieval, too)")
    parser.add_argument("--bots", default=_BOTS, help=f"{said} [{_BOTS}]")
    parser.add_argument("--decodings", default="greedy,beam,sampling", help="[greedy,beam,sampling]")
    parser.add_argument(
        "--ask",
        help=pick(
            "재지 않고, 이 파일의 줄마다 봇들이 답한 것을 그대로 보임",
            "measure nothing; show what the bots answer to the lines of this file",
        ),
        metavar="FILE",
    )
    parser.add_argument("--limit", type=int, help=pick("물음 수의 한도", "at most so many questions"), metavar="N")
    parser.add_argument(
        "--resamples",
        type=int,
        default=1000,
        help=pick("부트스트랩 횟수 [1000]", "bootstrap draws [1000]"),
        metavar="N",
    )


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    said = pick("대화 이름이나 파일, +로 이음", "pairs: names or files, joined by +")
    parser.add_argument("pairs", nargs="?", default=PAIRS, help=f"{said} [{PAIRS}]")
    parser.add_argument("--question", help=pick("파일에서 물음이 든 칸", "the file's column of questions"), metavar="X")
    parser.add_argument("--answer", help=pick("파일에서 답이 든 칸", "the file's column of answers"), metavar="X")
