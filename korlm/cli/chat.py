"""What ``korlm chat``, ``korlm train-chat`` and ``korlm evaluate-chat`` do; their options are `korlm.cli.chat`.

The options of ``korlm chat``, ``korlm train-chat`` and ``korlm evaluate-chat``; what they do is `korlm.cli.chat`.

>>> parser = argparse.ArgumentParser()
>>> add_evaluate_chat_options(parser)
>>> parser.parse_args(["my.csv", "--bots", "eliza"]).pairs
'my.csv'
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from korlm.cli.arguments import config_values, print_values, read_input_lines
from korlm.errors import CorpusError, InputError
from korlm.generation.config import GenerationConfig
from korlm.i18n import localize
from korlm.nn.config import NetConfig
from korlm.training.config import TokenizerConfig, TrainConfig

if TYPE_CHECKING:
    from korlm.chat.evaluation import BotComparison
    from korlm.chat.model import ChatModel
    from korlm.chat.reply import Reply
    from korlm.chat.transcripts import Transcript
    from korlm.corpora.dialogues import DialoguePair
from korlm.cli.arguments import add_fields, add_precision_option

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


def run_chat(options: argparse.Namespace) -> None:
    """Answer a question, the lines of standard input, or a person at a terminal."""
    from korlm.chat.evaluation import ELIZA, RETRIEVAL
    from korlm.chat.registry import load_chat

    if options.bot in (ELIZA, RETRIEVAL):
        return _run_baseline_chat(options)
    bot = load_chat(options.bot)
    how = config_values(options, GenerationConfig) | {"careful": options.careful}
    if not options.no_repeat_ngram:
        del how["no_repeat_ngram"]
    if options.question is None and sys.stdin.isatty() and not options.json:
        return _run_conversation(bot, how, options)
    for question in _iter_questions(options):
        reply = bot.reply(question, **how)
        if options.json:
            print(json.dumps(_reply_to_dict(question, reply), ensure_ascii=False))
            continue
        print(reply.text)
        if options.why:
            print(_explain_reply(reply))


def run_train_chat(options: argparse.Namespace) -> None:
    """Train a chatbot."""
    from korlm.chat.training import train_chat
    from korlm.corpora.dialogues import load_pairs
    from korlm.training.progress import TrainingProgressBar

    pairs = load_pairs(options.pairs, question=options.question, answer=options.answer)
    shape = {name: getattr(options, name) for name in MODEL_OPTIONS if getattr(options, name) is not None}
    learning = config_values(options, TokenizerConfig) | config_values(options, TrainConfig)
    if options.form != "encoder-decoder":
        known = {entry.name for entry in dataclasses.fields(NetConfig)}
        if strange := [name for name in shape if name not in known]:
            raise InputError(
                f"--{strange[0].replace('_', '-')}은(는) 인코더-디코더에만 있습니다. 빼세요.",
                f"--{strange[0].replace('_', '-')} is for encoder-decoders only. Leave it out.",
            )
    with TrainingProgressBar(file=sys.stderr) as bar:
        bot = train_chat(
            pairs, form=options.form, folder=options.folder, start=options.start, resume=options.resume,
            overwrite=options.overwrite, precision=options.precision, keep=options.keep, report=bar.report, **shape, **learning,
        )  # fmt: skip
    figures = {"folder": f"{options.folder}/best", "parameters": bot.parameters, **bot.info.get("test", {})}
    print_values(options, figures)


def run_evaluate_chat(options: argparse.Namespace) -> None:
    """Print a table of chatbots, or their answers to the lines of a file."""
    from korlm.chat.evaluation import compare_bots
    from korlm.chat.transcripts import ask_bots
    from korlm.corpora.dialogues import load_pairs

    def print_progress(name: str) -> None:
        print(name, file=sys.stderr, flush=True)

    pairs = load_pairs(options.pairs, question=options.question, answer=options.answer)
    names, decodings = _split_names(options.bots), _split_names(options.decodings)
    found: Transcript | BotComparison
    if options.ask:
        questions = [line for line in read_input_lines([options.ask]) if line.strip()][: options.limit]
        found = ask_bots(questions, names, training_pairs=pairs.train, decodings=decodings, progress=print_progress)
    else:
        found = compare_bots(
            pairs, names, decodings=decodings, limit=options.limit, resamples=options.resamples, progress=print_progress
        )
    print(json.dumps(found.to_dict(), ensure_ascii=False) if options.json else found)


def _run_baseline_chat(options: argparse.Namespace) -> None:
    """Answer as a bot that is no net; retrieval looks in the pairs that the bundled bots learnt from."""
    from korlm.chat.evaluation import ELIZA, baseline_bot

    answer = baseline_bot(options.bot, [] if options.bot == ELIZA else _load_baseline_pairs())
    for question in _iter_questions(options):
        text = answer(question)
        print(
            json.dumps({"question": question, "text": text}, ensure_ascii=False) if options.json else text, flush=True
        )


def _load_baseline_pairs() -> list[DialoguePair]:
    """Return pairs to look in: without Songys' data and a network the project's own are all there is."""
    from korlm.corpora.dialogues import load_pairs

    try:
        return load_pairs(DEFAULT_PAIRS).train
    except CorpusError as error:
        said = localize("함께 싣는 대화에서만 찾습니다", "looking in the bundled dialogues alone")
        print(f"korlm: {said}: {error}", file=sys.stderr, flush=True)
        return load_pairs("dialogues").train


def _iter_questions(options: argparse.Namespace) -> Iterator[str]:
    """Yield what is to be answered, as it comes."""
    given = iter([options.question]) if options.question is not None else read_input_lines([])
    return (line for line in given if line.strip() or options.question is not None)


def _split_names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _run_conversation(bot: ChatModel, reply_options: dict[str, Any], options: argparse.Namespace) -> None:
    """Talk with a person; an empty line or the end of the input ends it."""
    turns: list[str] = []
    print(localize("말을 걸어 보세요. 빈 줄이면 끝납니다.", "Say something in Korean. An empty line ends the talk."))
    for said in _iter_typed_lines():
        shown, reply = "", None
        for reply in bot.stream_replies(said, history=turns, **reply_options):
            if not reply.finished:
                print(reply.answer[len(shown) :], end="", flush=True)
                shown = reply.answer
        if reply is None:
            continue
        if reply.text != shown:  # it thought better of it, or came at once
            print(("\n" if shown else "") + reply.text, end="")
        print()
        if options.why:
            print(_explain_reply(reply))
        turns += [said, reply.text]


def _iter_typed_lines() -> Iterator[str]:
    while True:
        try:
            line = input("> ")
        except EOFError:
            return
        if not line.strip():
            return
        yield line


def _explain_reply(reply: Reply) -> str:
    sure = reply.confidence
    limits = sure.limits
    lines = [
        localize("놀라움", "surprisal") + f" {sure.surprisal:.2f} " + localize("비트/조각", "bits a piece")
        + (localize(f" (한도 {limits.surprisal:.2f})", f" (at most {limits.surprisal:.2f})") if limits else "")
    ]  # fmt: skip
    if sure.familiarity is not None:
        known = localize(f"낯익음 {sure.familiarity:.0%}", f"familiarity {sure.familiarity:.0%}")
        lines.append(
            known
            + (localize(f" (한도 {limits.familiarity:.0%})", f" (at least {limits.familiarity:.0%})") if limits else "")
        )
    if sure.abstain_reason:
        lines.append(localize("하려던 말: ", "its own words: ") + reply.answer)
    lines += [f"{number}. {one.text.strip()}  {one.score:.2f}" for number, one in enumerate(reply.candidates, 1)]
    return "\n".join("  " + line for line in lines)


def _reply_to_dict(question: str, reply: Reply) -> dict[str, Any]:
    return {
        "question": question,
        "text": reply.text,
        "answer": reply.answer,
        "sure": reply.is_confident,
        "confidence": dataclasses.asdict(reply.confidence),
        "question_pieces": reply.question_tokens,
        "pieces": reply.tokens,
        "attention": None if reply.attention is None else reply.attention.round(4).tolist(),
        "candidates": [{"text": one.text.strip(), "score": one.score} for one in reply.candidates],
    }
