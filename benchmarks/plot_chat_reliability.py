"""The reliability diagram of the default bot: estimated probabilities against the judgments of readers.

    python benchmarks/plot_chat_reliability.py data/dialogues/evaluation/round_2 docs/images/chat-reliability.png

Reads the key and the readers' sheets of `korlm evaluate-chat --sheet`, asks the default bot again for its probabilities, and
prints the fraction of sensible answers by probability. Answers that the bot withheld are not judged and left out.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

import korlm
from korlm.chat.judging import read_judged_sheets
from korlm.reporting.markdown import format_pipe_table
from korlm.reporting.plots import plot_style, require_matplotlib

EDGES = (0.0, 0.6, 0.75, 0.85, 0.93, 0.97, 1.0)
BOT = "intents"


def main() -> None:
    """Print the table and draw the diagram."""
    folder, image = Path(sys.argv[1]), Path(sys.argv[2])
    judgments = read_judged_sheets(sorted(folder.glob("judged_*.tsv")), folder / "sheet.tsv.key.json")[BOT]
    bot = korlm.load_chat()
    probabilities, sensible = [], []
    for question, marks in judgments.items():
        confidence = bot.reply(question).confidence
        if confidence.probability is not None and not confidence.abstain_reason:
            probabilities.append(confidence.probability)
            sensible.append(np.mean([mark for mark, _ in marks]))
    values, labels = np.array(probabilities), np.array(sensible)
    rows = [["확률 · probability", "답 · answers", "평균 확률 · mean probability", "말이 됨 · sensible"]]
    points = []
    for low, high in pairwise(EDGES):
        chosen = (values >= low) & (values < high + (high == EDGES[-1]))
        if chosen.any():
            mean, rate = values[chosen].mean(), labels[chosen].mean()
            points.append((mean, rate, int(chosen.sum())))
            rows.append([f"{low:.2f}-{high:.2f}", str(chosen.sum()), f"{mean:.2f}", f"{rate:.2f}"])
    sure = values >= bot.reply("안녕").confidence.sure_probability
    print(format_pipe_table(rows))
    print(f"\nsure: {sure.sum()} of {len(judgments)}, sensible {labels[sure].mean():.3f}")
    print(f"answered: {len(values)} of {len(judgments)}, sensible {labels.mean():.3f}")
    print(
        f"expected calibration error {np.average([abs(m - r) for m, r, _ in points], weights=[n for *_, n in points]):.3f}"
    )
    require_matplotlib()
    with plot_style():
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(figsize=(5, 5))
        axes.plot([0, 1], [0, 1], linestyle="--", color="gray", linewidth=1)
        axes.plot([mean for mean, *_ in points], [rate for _, rate, _ in points], marker="o")
        for mean, rate, count in points:
            axes.annotate(str(count), (mean, rate), textcoords="offset points", xytext=(6, -10), fontsize=9)
        axes.set(xlim=(0.35, 1.01), ylim=(0.35, 1.01), xlabel="estimated probability", ylabel="fraction sensible")
        figure.savefig(image, dpi=110, bbox_inches="tight")


if __name__ == "__main__":
    main()
