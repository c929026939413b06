"""``korlm evaluate-chat``: metrics of chatbots, or their answers to the lines of a file.

>>> parser = ArgumentParser()
>>> add_arguments(parser)
>>> parser.parse_args(["my.csv", "--bots", "eliza"]).pairs
'my.csv'
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from korlm.cli.arguments import add_option, parse_names, read_input_lines
from korlm.cli.output import print_json
from korlm.cli.train_chat import add_pairs_arguments, load_pairs_argument
from korlm.errors import InputError
from korlm.i18n import localize
from korlm.text.normalization import normalize_message

if TYPE_CHECKING:
    from korlm.chat.evaluation import BotComparison
    from korlm.chat.judging import JudgingResult
    from korlm.chat.transcripts import Transcript

HELP = ("챗봇의 답을 잰다", "measure chatbots")
_DEFAULT_BOTS = "chat-kiwi-gru,chat-unigram-gru,chat-syllable-gru,chat-unigram-lm,retrieval,eliza"
_DEFAULT_DECODINGS = "greedy,beam,sampling"


def add_arguments(parser: ArgumentParser) -> None:
    add_pairs_arguments(parser)
    ko, en = "챗봇들, 쉼표로 나눔 (eliza와 retrieval도)", "chatbots, comma-separated (eliza and retrieval, too)"
    parser.add_argument("--bots", default=_DEFAULT_BOTS, help=f"{localize(ko, en)} [{_DEFAULT_BOTS}]")
    parser.add_argument("--decodings", default=_DEFAULT_DECODINGS, help=f"[{_DEFAULT_DECODINGS}]")
    ko = "재지 않고, 이 파일의 줄마다 봇들이 답한 것을 그대로 보임"
    en = "measure nothing; show what the bots answer to the lines of this file"
    add_option(parser, "--ask", ko, en, metavar="FILE")
    ko = "--ask의 답을 봇 이름 없이 섞어, 사람이 채울 표로 씀"
    en = "write the answers to --ask, shuffled and without names, as a sheet for readers to fill in"
    add_option(parser, "--sheet", ko, en, metavar="FILE")
    ko, en = "--sheet를 읽은 이들이 채운 표들, 쉼표로 나눔", "sheets of --sheet that readers filled in, comma-separated"
    add_option(parser, "--judged", ko, en, metavar="FILES")
    ko, en = "--judged에서 견줄 봇 [retrieval]", "the bot that the others of --judged are compared with [retrieval]"
    add_option(parser, "--reference", ko, en, default="retrieval", metavar="BOT")
    add_option(parser, "--limit", "물음 수의 한도", "maximum number of questions", type=int, metavar="N")
    ko, en = "부트스트랩 횟수 [1000]", "bootstrap draws [1000]"
    add_option(parser, "--resamples", ko, en, type=int, default=1000, metavar="N")


def run(args: Namespace) -> None:
    """Print the metrics of chatbots, or their answers to the lines of a file."""
    from korlm.chat.evaluation import compare_bots
    from korlm.chat.judging import write_judging_sheet
    from korlm.chat.transcripts import ask_bots

    def print_progress(name: str) -> None:
        print(name, file=sys.stderr, flush=True)

    if args.judged:
        judged = _read_judgments(args)
        print_json(judged.to_dict()) if args.json else print(judged)
        return
    if args.sheet and not args.ask:
        raise InputError(
            "--sheet에는 물을 말이 든 --ask FILE이 있어야 합니다.", "--sheet needs the questions: add --ask FILE."
        )
    pairs = load_pairs_argument(args)
    bots, decodings = parse_names(args.bots), parse_names(args.decodings)
    result: Transcript | BotComparison
    if args.ask:
        questions = [line for line in read_input_lines([args.ask]) if normalize_message(line)][: args.limit]
        result = ask_bots(questions, bots, training_pairs=pairs.train, decodings=decodings, progress=print_progress)
        if args.sheet:
            key = write_judging_sheet(result, args.sheet)
            print(localize(f"{args.sheet} (봇 이름: {key})", f"{args.sheet} (names of the bots: {key})"))
            return
    else:
        result = compare_bots(
            pairs, bots, decodings=decodings, limit=args.limit, resamples=args.resamples, progress=print_progress
        )
    print_json(result.to_dict()) if args.json else print(result)


def _read_judgments(args: Namespace) -> JudgingResult:
    from korlm.chat.judging import read_judged_sheets, summarize_judgments

    if not args.sheet:
        raise InputError(
            "--judged에는 판정한 표의 원본 --sheet FILE이 있어야 합니다.",
            "--judged needs the sheet that was judged: add --sheet FILE.",
        )
    judgments = read_judged_sheets(parse_names(args.judged), f"{args.sheet}.key.json")
    return summarize_judgments(judgments, args.reference, resamples=args.resamples)
