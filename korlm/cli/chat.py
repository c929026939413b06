"""``korlm chat``: talk with a chatbot."""

from __future__ import annotations

import dataclasses
import re
import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from korlm.cli.arguments import add_fields, add_option, check_decoded, config_values, read_argument_or_lines
from korlm.cli.output import print_json
from korlm.errors import CorpusError
from korlm.generation.config import GenerationConfig
from korlm.i18n import localize
from korlm.text.normalization import normalize_message

if TYPE_CHECKING:
    from korlm.chat.bot import ChatBot
    from korlm.chat.reply import Reply

HELP = ("챗봇과 이야기한다", "talk with a chatbot")
_DEFAULT_BOT = "intents"


def add_arguments(parser: ArgumentParser) -> None:
    ko = "챗봇: intents, refine, chat-gru 같은 이름, 폴더, 사용자/저장소[@리비전], eliza, retrieval"
    en = "intents, refine, a name such as chat-gru, a folder, user/repo[@revision], eliza or retrieval"
    bot_help = localize(ko, en)
    parser.add_argument("bot", nargs="?", default=_DEFAULT_BOT, help=f"{bot_help} [{_DEFAULT_BOT}]")
    ko = "물음 (없으면 대화를 하거나, 표준 입력의 줄마다 답함)"
    add_option(parser, "question", ko, "question (else a talk, or the lines of standard input)", nargs="?")
    ko, en = "모르면 모른다고 말함 [예]", "say so where it does not know [yes]"
    add_option(parser, "--careful", ko, en, action=BooleanOptionalAction, default=True)
    ko, en = "자신 있는지와 후보도 보임", "also how sure it is, and its candidates"
    add_option(parser, "--why", ko, en, action="store_true")
    add_option(parser, "-n --n", "후보의 수 [1]", "candidates [1]", type=int, default=1, metavar="N")
    # the defaults of `ChatModel.reply`; that of no_repeat_ngram depends on the tokenizer
    add_fields(parser, GenerationConfig, exclude=["n"], defaults={"temperature": 0.0, "min_tokens": 1})


def run(args: Namespace) -> None:
    """Answer a question or the lines of standard input, or hold a conversation in a terminal."""
    from korlm.chat.model import ChatModel

    if args.question is None and _is_question(args.bot):
        args.bot, args.question = "intents", args.bot
    bot = _load_bot(args.bot)
    reply_options: dict[str, Any] = {"abstain": args.careful}
    if isinstance(bot, ChatModel):
        reply_options |= config_values(args, GenerationConfig)
        if not args.no_repeat_ngram:
            del reply_options["no_repeat_ngram"]
    if args.question is None and sys.stdin.isatty() and not args.json:
        return _run_conversation(bot, reply_options, args)
    for question in _iter_questions(args):
        reply = bot.reply(question, **reply_options)
        if args.json:
            print_json(_reply_to_dict(question, reply))
            continue
        print(reply.text, flush=True)
        if args.why:
            print(_explain_reply(reply))


def _is_question(name: str) -> bool:
    """Return whether the only argument is a question in Korean and no bot: ``korlm chat 배고파요``."""
    return re.search("[가-힣]", name) is not None and not Path(name).exists()


def _load_bot(name: str) -> ChatBot:
    """Load a bot; the retrieval baseline says where it has to do without the corpus that is not bundled."""
    from korlm.chat.registry import RETRIEVAL, load_baseline, load_chat

    def report_fallback(error: CorpusError) -> None:
        note = localize("함께 싣는 대화에서만 찾습니다", "looking in the bundled dialogues alone")
        print(f"korlm: {note}: {error}", file=sys.stderr, flush=True)

    return load_baseline(name, on_fallback=report_fallback) if name == RETRIEVAL else load_chat(name)


def _iter_questions(args: Namespace) -> Iterator[str]:
    """Yield the questions as they come; blank lines of standard input are skipped."""
    lines = read_argument_or_lines(args.question)
    return (line for line in lines if normalize_message(line) or args.question is not None)


def _run_conversation(bot: ChatBot, reply_options: dict[str, Any], args: Namespace) -> None:
    """Talk in a terminal until an empty line or the end of the input."""
    turns: list[str] = []
    print(localize("말을 걸어 보세요. 빈 줄이면 끝납니다.", "Say something in Korean. An empty line ends the talk."))
    for question in _iter_typed_lines():
        printed, reply = "", None
        for reply in bot.stream_replies(question, history=turns, **reply_options):
            if not reply.finished:
                print(reply.answer[len(printed) :], end="", flush=True)
                printed = reply.answer
        if reply is None:
            continue
        if reply.text != printed:  # the bot abstained, or the reply was not streamed
            print(("\n" if printed else "") + reply.text, end="")
        print()
        if args.why:
            print(_explain_reply(reply))
        turns += [question, reply.text]


def _iter_typed_lines() -> Iterator[str]:
    with suppress(EOFError):
        while normalize_message(line := check_decoded(input("> "))):
            yield line


def _explain_reply(reply: Reply) -> str:
    """Return the confidence with its thresholds, the answer if the bot abstained, and the candidates, one a line."""
    if reply.safety_card:
        return "  " + " · ".join(map(str, reply.safety_card.hotlines))
    confidence = reply.confidence
    limits = confidence.limits
    lines = []
    if reply.rule:
        lines.append(localize("규칙: ", "rule: ") + reply.rule)
    if nearest := reply.nearest:
        similarity = f"{localize('닮음', 'similarity')} {nearest.similarity:.2f}"
        lines.append(f"{localize('가장 가까운 물음: ', 'nearest question: ')}{nearest.question} ({similarity})")
    if confidence.probability is not None:
        least, sure = f"{confidence.min_probability:.0%}", f"{confidence.sure_probability:.0%}"
        text = (
            localize("답이 알맞을 확률", "probability that the answer is sensible") + f" {confidence.probability:.1%}"
        )
        lines.append(
            text + localize(f" (한도 {least}, 자신 있음 {sure}부터)", f" (at least {least}, sure from {sure})")
        )
    if confidence.surprisal is not None:
        text = f"{localize('놀라움', 'surprisal')} {confidence.surprisal:.2f} {localize('비트/토큰', 'bits per token')}"
        if limits:
            text += localize(f" (한도 {limits.surprisal:.2f})", f" (at most {limits.surprisal:.2f})")
        lines.append(text)
    if confidence.familiarity is not None:
        text = localize("낯익음", "familiarity") + f" {confidence.familiarity:.0%}"
        if limits:
            text += localize(f" (한도 {limits.familiarity:.0%})", f" (at least {limits.familiarity:.0%})")
        lines.append(text)
    if reply.text != reply.answer:
        lines.append(localize("하려던 말: ", "its own words: ") + reply.answer)
    for number, candidate in enumerate(reply.candidates, 1):
        lines.append(f"{number}. {candidate.text.strip()}  {candidate.score:.2f}")
    return "\n".join("  " + line for line in lines)


def _reply_to_dict(question: str, reply: Reply) -> dict[str, Any]:
    return {
        "question": question,
        "text": reply.text,
        "answer": reply.answer,
        "sure": reply.is_confident,
        "abstain_reason": reply.abstain_reason,
        "rule": reply.rule,
        "nearest": reply.nearest and reply.nearest._asdict(),
        "hotlines": [str(hotline) for hotline in reply.safety_card.hotlines] if reply.safety_card else [],
        "confidence": dataclasses.asdict(reply.confidence),
        "question_pieces": reply.question_tokens,
        "pieces": reply.tokens,
        "attention": None if reply.attention is None else reply.attention.round(4).tolist(),
        "candidates": [{"text": candidate.text.strip(), "score": candidate.score} for candidate in reply.candidates],
    }
