"""Train question encoders at one budget and compare units, seeds and parts of the method.

    KORLM_CORPORA=... OMP_NUM_THREADS=1 python benchmarks/compare_question_encoders.py [--steps 600] [--seeds 3]

Prints one row per run as it finishes, then the mean and standard deviation over seeds. Accuracy at rank 1 as in
`korlm.chat.encoder.evaluation`, of the encoder alone; ``intents`` are held-out validation phrasings, ``question_pair``
the validation pairs.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np

from korlm.chat.encoder.evaluation import load_ranking_tasks, score_by_encoder
from korlm.chat.encoder.training import EncoderTrainingConfig, TrainingTexts, train_question_encoder
from korlm.reporting.markdown import format_pipe_table

# Changes to the default configuration; those of the first three are run with each seed, the others with one.
VARIANTS: dict[str, dict[str, object]] = {
    "kiwi": {},
    "unigram": {"units": "unigram", "vocab_size": 8000},
    "syllable": {"units": "syllable"},
    "kiwi, LSTM": {"cell": "lstm"},
    "kiwi, mean of embeddings alone": {"mean_steps": 10**9},
    "kiwi, random initial embeddings": {"kiwi_embeddings": False},
    "kiwi, half of the intents' batches from neighbors": {"hard_negatives": 0.5},
    "kiwi, without CC BY-SA corpora": {"share_alike": False},
}
NUM_SEEDED = 3


def main() -> None:
    """Run all variants."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    tasks = load_ranking_tasks("valid")
    texts = {shared: TrainingTexts.load(share_alike=shared) for shared in (True, False)}
    results: dict[str, list[list[float]]] = defaultdict(list)
    for number, (name, changes) in enumerate(VARIANTS.items()):
        for seed in range(1, (options.seeds if number < NUM_SEEDED else 1) + 1):
            values = {"steps": options.steps, "mean_steps": options.steps * 2 // 3, "seed": seed, **changes}
            config = EncoderTrainingConfig(**values)  # type: ignore[arg-type]
            encoder = train_question_encoder(config, texts=texts[config.share_alike], report=lambda line: None)
            score = score_by_encoder(encoder)
            accuracies = []
            for task in tasks:
                scores = score(task.queries, task.documents)
                if task.name == "question_pair":  # these queries are documents themselves
                    rows = {document: row for row, document in enumerate(task.documents)}
                    for row, query in enumerate(task.queries):
                        scores[row, rows.get(query, slice(0))] = -np.inf
                accuracies.append(float(task.find_hits(scores).mean()))
            results[name].append([*accuracies, encoder.info["seconds"]])
            print(name, seed, *(f"{value:.3f}" for value in results[name][-1]), sep="\t", flush=True)
    header = ["", *(f"`{task.name}`" for task in tasks), "s"]
    rows = []
    for name, runs in results.items():
        means, deviations = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1) if len(runs) > 1 else None
        cells = [
            f"{mean:.3f}" + (f" ± {deviations[column]:.3f}" if deviations is not None else "")
            for column, mean in enumerate(means[:-1])
        ]
        rows.append([name, *cells, f"{means[-1]:.0f}"])
    print(format_pipe_table([header, *rows]))


if __name__ == "__main__":
    main()
