"""`make bench`, fifth part: how long a chatbot takes to answer, warm, the thirty questions of docs/questions.txt.

The default bot, the networks greedily and with a beam of five, and the baselines in the same run; median and 95th percentile
over the questions, beside their limits. `--quick` asks ten.
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
# Limits of the median and the 95th percentile in seconds, and the options
DECODINGS: dict[str, tuple[float, float, dict[str, int]]] = {
    "greedy": (0.150, 0.400, {}),
    "beam 5": (0.500, 1.000, {"beams": 5, "n": 5}),
}
RETRIEVAL_LIMITS = (0.150, 0.400)


def measure_latencies(answer: Callable[[str], object], questions: list[str]) -> tuple[float, float]:
    """Return the median and the 95th percentile of the seconds per answer, after one answer to warm up."""
    answer(questions[0])
    seconds = []
    for question in questions:
        started = time.perf_counter()
        answer(question)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds), statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def print_row(name: str, decoding: str, latencies: tuple[float, float], limits: tuple[float, float] | None) -> bool:
    """Print the latencies of a bot; return whether one is beyond its limit."""
    median, percentile = latencies
    limit = f"   limits {1000 * limits[0]:.0f}, {1000 * limits[1]:.0f} ms" if limits else ""
    print(f"{name:20} {decoding:8} {1000 * median:7.1f} ms   p95 {1000 * percentile:7.1f} ms{limit}")
    return limits is not None and (median > limits[0] or percentile > limits[1])


def main() -> int:
    """Measure all bots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    questions = QUESTIONS.read_text("utf-8").split("\n")[: 10 if parser.parse_args().quick else 30]
    print(f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
    latencies = measure_latencies(korlm.load_chat().reply, questions)
    is_slow = print_row("intents (default)", "", latencies, RETRIEVAL_LIMITS)
    is_slow |= print_row(
        "refine", "beam 5", measure_latencies(korlm.load_chat("refine").reply, questions), RETRIEVAL_LIMITS
    )
    for name in korlm.list_chats():
        bot = korlm.load_chat(name)
        for decoding, (median, percentile, options) in DECODINGS.items():
            latencies = measure_latencies(lambda text, bot=bot, options=options: bot.reply(text, **options), questions)
            is_slow |= print_row(name, decoding, latencies, (median, percentile))
    search, rules = RetrievalBot(korlm.load_pairs("dialogues").train), ElizaBot()
    print_row("retrieval", "", measure_latencies(search.find_nearest, questions), None)
    print_row("eliza", "", measure_latencies(rules.reply, questions), None)
    return int(is_slow)


if __name__ == "__main__":
    sys.exit(main())
