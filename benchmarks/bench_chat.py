"""`make bench`, fifth part: how long a chatbot takes to answer, warm, the thirty questions of docs/questions.txt.

Greedy and a beam of five, beside the bots that are no nets, in the same run; medians over the questions. Each figure of a net
stands beside its limit. `--quick` asks ten.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

import korlm
from korlm.chat.baselines.eliza import ElizaBot
from korlm.chat.baselines.retrieval import RetrievalBot

QUESTIONS = Path(__file__).resolve().parents[1] / "docs" / "questions.txt"
LIMITS = {"greedy": (0.150, {}), "beam 5": (0.500, {"beams": 5, "n": 5})}  # seconds, and how


def median(answer: Callable[[str], object], questions: list[str]) -> float:
    answer(questions[0])
    taken = []
    for question in questions:
        begun = time.perf_counter()
        answer(question)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    questions = QUESTIONS.read_text("utf-8").split("\n")[: 10 if parser.parse_args().quick else 30]
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
    failed = False
    for name in korlm.list_chats():
        bot = korlm.load_chat(name)
        for how, (limit, options) in LIMITS.items():
            seconds = median(lambda question, bot=bot, options=options: bot.reply(question, **options), questions)
            failed |= seconds > limit
            print(f"{name:20} {how:8} {1000 * seconds:7.1f} ms   limit {1000 * limit:.0f} ms")
    search, rules = RetrievalBot(korlm.load_pairs("dialogues").train), ElizaBot()
    print(f"{'retrieval':20} {'':8} {1000 * median(search.find_nearest, questions):7.1f} ms")
    print(f"{'eliza':20} {'':8} {1000 * median(rules.reply, questions):7.1f} ms")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
