"""What ``korlm chat``, ``korlm train-chat`` and ``korlm evaluate-chat`` do; their options are `korlm.chat.options`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from korlm.chat.options import DEFAULT_PAIRS, MODEL_OPTIONS
from korlm.errors import CorpusError, InputError
from korlm.generation.config import GenerationConfig
from korlm.language import localize
from korlm.nn.config import NetConfig
from korlm.options import config_values, print_values, read_input_lines
from korlm.training.config import TokenizerConfig, TrainConfig

if TYPE_CHECKING:
    from korlm.chat.asking import Transcript
    from korlm.chat.model import ChatModel
    from korlm.chat.reply import Reply
    from korlm.chat.rounds import BotComparison
    from korlm.corpora.pairs import DialoguePair


def run_chat(options: argparse.Namespace) -> None:
    """Answer a question, the lines of standard input, or a person at a terminal."""
    from korlm.chat.names import load_chat
    from korlm.chat.rounds import ELIZA, RETRIEVAL

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
    from korlm.corpora.pairs import load_pairs
    from korlm.training.show import TrainingProgressBar

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
    from korlm.chat.asking import ask_bots
    from korlm.chat.rounds import compare_bots
    from korlm.corpora.pairs import load_pairs

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
    from korlm.chat.rounds import ELIZA, baseline_bot

    answer = baseline_bot(options.bot, [] if options.bot == ELIZA else _load_baseline_pairs())
    for question in _iter_questions(options):
        text = answer(question)
        print(
            json.dumps({"question": question, "text": text}, ensure_ascii=False) if options.json else text, flush=True
        )


def _load_baseline_pairs() -> list[DialoguePair]:
    """Return pairs to look in: without Songys' data and a network the project's own are all there is."""
    from korlm.corpora.pairs import load_pairs

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
