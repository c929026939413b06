"""`make bench`: how long what a person waits for takes, on this machine; medians of repeated runs.

Each figure stands beside its limit. Machines that do other work at the same time give larger ones.
"""

from __future__ import annotations

import os
import platform
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import korlm

ROOT = Path(__file__).resolve().parents[1]
TEXT = ("아버지가 방에 들어가신다. 이 영화는 정말 재미있었는데 결말이 조금 아쉽다 ㅋㅋ " * 5)[:200]
LANES = ["word", "kiwi", "okt", "unigram", "syllable"]


def seconds(action: Callable[[], object], repeat: int) -> float:
    """Return the median seconds of an action."""
    taken = []
    for _ in range(repeat):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


def run(*command: str, stdin: str = "") -> None:
    subprocess.run([sys.executable, *command], input=stdin, text=True, capture_output=True, check=True, cwd=ROOT)


def first_page() -> float:
    """Return the seconds from the command to the app's first page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = time.perf_counter()
    command = [sys.executable, "-m", "korlm", "app", "--port", str(port)]
    app = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - begun < 120:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
                    page.read()
                    return time.perf_counter() - begun
            except OSError:
                time.sleep(0.05)
        raise SystemExit("the app did not answer within 120 s")
    finally:
        app.terminate()
        app.wait()


def main() -> None:
    tokenizers = [korlm.load_tokenizer(name) for name in LANES]
    korlm.compare(TEXT, tokenizers)
    lm = korlm.load_model("reviews-unigram-lstm")
    pieces = len(list(lm.stream("이 영화는", seed=1, max_tokens=200)))
    empty = seconds(lambda: run("-c", "pass"), 7)
    rows = [
        ("import korlm, less an empty python", seconds(lambda: run("-c", "import korlm"), 7) - empty, 0.2),
        (
            "korlm tokenize, syllables",
            seconds(lambda: run("-m", "korlm", "tokenize", "-t", "syllable", stdin="가"), 7),
            0.5,
        ),
        ("the app's first page", statistics.median(first_page() for _ in range(3)), 10.0),
        ("compare 200 characters, 5 lanes, warm", seconds(lambda: korlm.compare(TEXT, tokenizers), 15), 0.150),
        (
            "a piece generated (unigram)",
            seconds(lambda: lm.generate("이 영화는", seed=1, max_tokens=200), 5) / pieces,
            None,
        ),
    ]
    print(f"{platform.node()}, {platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    for name, value, limit in rows:
        verdict = "" if limit is None else f"  limit {limit:g} s  {'ok' if value < limit else 'OVER'}"
        print(f"{name:<42}{value * 1000:>10.1f} ms{verdict}")


if __name__ == "__main__":
    main()
