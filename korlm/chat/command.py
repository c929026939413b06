"""``korlm chat``, ``korlm train-chat`` and ``korlm evaluate-chat``: their options, and what they do."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from korlm.errors import InputError
from korlm.generation.config import SamplingConfig
from korlm.language import pick
from korlm.nn.config import NetConfig
from korlm.options import add_fields, asked, lines_of, print_values
from korlm.training.config import TokenizerConfig, TrainConfig

if TYPE_CHECKING:
    from korlm.chat.model import ChatModel
    from korlm.chat.reply import Reply

_USUAL = "chat-gru"
_BOTS = "chat-kiwi-gru,chat-unigram-gru,chat-syllable-gru,chat-unigram-lm,retrieval,eliza"
_PAIRS = "dialogues+songys_chatbot"
_RUNNING_TEXT = ("bptt", "jitter", "layout", "sampled", "activation", "temporal")  # what pairs have no use for
_NET = {  # of both forms; what only one knows is refused where it does not fit
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
    parser.add_argument("--resume", action="store_true", help=pick("멈춘 데서 이어서", "go on where it stopped"))
    parser.add_argument("--overwrite", action="store_true", help=pick("있던 것을 지우고 새로", "start anew over a run"))
    parser.add_argument(
        "--precision", default="float32", choices=("float32", "float16", "int8"),
        help=pick("저장 정밀도", "of the weights on disk"),
    )  # fmt: skip
    for name, (kind, default, ko, en) in _NET.items():
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
    parser.add_argument("--limit", type=int, help=pick("물음 수의 한도", "at most so many questions"), metavar="N")
    parser.add_argument(
        "--resamples",
        type=int,
        default=1000,
        help=pick("부트스트랩 횟수 [1000]", "bootstrap draws [1000]"),
        metavar="N",
    )


def chat(options: argparse.Namespace) -> None:
    """Answer a question, the lines of standard input, or a person at a terminal."""
    from korlm.chat.names import load_chat
    from korlm.chat.rounds import RULES, SEARCH

    if options.bot in (RULES, SEARCH):
        return _plain(options)
    bot = load_chat(options.bot)
    how = asked(options, SamplingConfig) | {"careful": options.careful}
    if not options.no_repeat_ngram:
        del how["no_repeat_ngram"]
    if options.question is None and sys.stdin.isatty() and not options.json:
        return _talk(bot, how, options)
    for question in _questions(options):
        reply = bot.reply(question, **how)
        if options.json:
            print(json.dumps(_as_dict(question, reply), ensure_ascii=False))
            continue
        print(reply.text)
        if options.why:
            print(_reasons(reply))


def train_chat(options: argparse.Namespace) -> None:
    """Train a chatbot."""
    from korlm.chat.training import train_chat
    from korlm.corpora.pairs import load_pairs
    from korlm.training.show import TrainingBar

    pairs = load_pairs(options.pairs, question=options.question, answer=options.answer)
    shape = {name: getattr(options, name) for name in _NET if getattr(options, name) is not None}
    learning = asked(options, TokenizerConfig) | asked(options, TrainConfig)
    if options.form != "encoder-decoder":
        known = {entry.name for entry in dataclasses.fields(NetConfig)}
        if strange := [name for name in shape if name not in known]:
            raise InputError(
                f"--{strange[0].replace('_', '-')}은(는) 인코더-디코더에만 있습니다. 빼세요.",
                f"--{strange[0].replace('_', '-')} is for encoder-decoders only. Leave it out.",
            )
    with TrainingBar(file=sys.stderr) as bar:
        bot = train_chat(
            pairs, form=options.form, folder=options.folder, resume=options.resume, overwrite=options.overwrite,
            precision=options.precision, report=bar.report, **shape, **learning,
        )  # fmt: skip
    figures = {"folder": f"{options.folder}/best", "parameters": bot.parameters, **bot.info.get("test", {})}
    print_values(options, figures)


def evaluate_chat(options: argparse.Namespace) -> None:
    """Print a table of chatbots."""
    from korlm.chat.rounds import compare_bots
    from korlm.corpora.pairs import load_pairs

    pairs = load_pairs(options.pairs, question=options.question, answer=options.answer)
    found = compare_bots(
        pairs, _names(options.bots), decodings=_names(options.decodings), limit=options.limit,
        resamples=options.resamples, progress=lambda name: print(name, file=sys.stderr, flush=True),
    )  # fmt: skip
    print(json.dumps(found.to_dict(), ensure_ascii=False) if options.json else found)


def _plain(options: argparse.Namespace) -> None:
    """Answer as a bot that is no net; retrieval looks in the pairs that the bundled bots learnt from."""
    from korlm.chat.rounds import unlearnt
    from korlm.corpora.pairs import load_pairs

    answer = unlearnt(options.bot, load_pairs(_PAIRS).train)
    for question in _questions(options):
        text = answer(question)
        print(
            json.dumps({"question": question, "text": text}, ensure_ascii=False) if options.json else text, flush=True
        )


def _questions(options: argparse.Namespace) -> Iterator[str]:
    """Yield what is to be answered, as it comes."""
    given = iter([options.question]) if options.question is not None else lines_of([])
    return (line for line in given if line.strip() or options.question is not None)


def _add_pairs(parser: argparse.ArgumentParser) -> None:
    said = pick("대화 이름이나 파일, +로 이음", "pairs: names or files, joined by +")
    parser.add_argument("pairs", nargs="?", default=_PAIRS, help=f"{said} [{_PAIRS}]")
    parser.add_argument("--question", help=pick("파일에서 물음이 든 칸", "the file's column of questions"), metavar="X")
    parser.add_argument("--answer", help=pick("파일에서 답이 든 칸", "the file's column of answers"), metavar="X")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _talk(bot: ChatModel, how: dict[str, Any], options: argparse.Namespace) -> None:
    """Talk with a person; an empty line or the end of the input ends it."""
    turns: list[str] = []
    print(pick("말을 걸어 보세요. 빈 줄이면 끝납니다.", "Say something in Korean. An empty line ends the talk."))
    for said in _typed():
        shown, reply = "", None
        for reply in bot.replies(said, before=turns, **how):
            if not reply.finished:
                print(reply.answer[len(shown) :], end="", flush=True)
                shown = reply.answer
        if reply is None:
            continue
        if reply.text != shown:  # it thought better of it, or came at once
            print(("\n" if shown else "") + reply.text, end="")
        print()
        if options.why:
            print(_reasons(reply))
        turns += [said, reply.text]


def _typed() -> Iterator[str]:
    while True:
        try:
            line = input("> ")
        except EOFError:
            return
        if not line.strip():
            return
        yield line


def _reasons(reply: Reply) -> str:
    sure = reply.confidence
    limits = sure.limits
    lines = [
        pick("놀라움", "surprisal") + f" {sure.surprisal:.2f} " + pick("비트/조각", "bits a piece")
        + (pick(f" (한도 {limits.surprisal:.2f})", f" (at most {limits.surprisal:.2f})") if limits else "")
    ]  # fmt: skip
    if sure.familiarity is not None:
        known = pick(f"낯익음 {sure.familiarity:.0%}", f"familiarity {sure.familiarity:.0%}")
        lines.append(
            known
            + (pick(f" (한도 {limits.familiarity:.0%})", f" (at least {limits.familiarity:.0%})") if limits else "")
        )
    if sure.doubt:
        lines.append(pick("하려던 말: ", "its own words: ") + reply.answer)
    lines += [f"{number}. {one.text.strip()}  {one.score:.2f}" for number, one in enumerate(reply.candidates, 1)]
    return "\n".join("  " + line for line in lines)


def _as_dict(question: str, reply: Reply) -> dict[str, Any]:
    return {
        "question": question,
        "text": reply.text,
        "answer": reply.answer,
        "sure": reply.sure,
        "confidence": dataclasses.asdict(reply.confidence),
        "question_pieces": reply.question_pieces,
        "pieces": reply.pieces,
        "attention": None if reply.attention is None else reply.attention.round(4).tolist(),
        "candidates": [{"text": one.text.strip(), "score": one.score} for one in reply.candidates],
    }
