"""Measure retrieval of questions in other words: baselines, a question encoder, and both combined.

    KORLM_CORPORA=... python -m korlm.chat.encoder.evaluation [NAME OR FOLDER]

Three tasks, each with the accuracy at rank 1: the known Songys question that a new question paraphrases, among all of them;
the intent of a held-out question of the MS chit-chat; the intent of a held-out phrasing of the project's own.
The weight of TF-IDF in the combination is chosen by two-fold cross-validation: each half of the queries is ranked with the
weight that is best for the other half.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from korlm.chat.encoder.model import QuestionEncoder, load_question_encoder
from korlm.chat.encoder.units import analyze_morphemes
from korlm.chat.question_index import extract_features
from korlm.chat.tfidf import TfidfIndex
from korlm.corpora.near_duplicates import normalize_for_matching
from korlm.corpora.paraphrases import load_paraphrase_sets, load_question_pairs, load_songys_questions
from korlm.errors import KorlmError, MissingDependencyError
from korlm.reporting.markdown import format_pipe_table

COMBINATION_WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0)
Scorer = Callable[[Sequence[str], Sequence[str]], np.ndarray]  # queries and documents to scores, [n, N]


@dataclass(frozen=True)
class RankingTask:
    """Queries with the label of the right document.

    Attributes:
        name: a short name.
        documents: the texts that are searched.
        labels: the label of each document, ``[N]``.
        queries: the texts to search for.
        targets: the right label of each query, ``[n]``.
    """

    name: str
    documents: list[str]
    labels: np.ndarray
    queries: list[str]
    targets: np.ndarray

    def find_hits(self, scores: np.ndarray) -> np.ndarray:
        """Return whether the best document of each query has the right label, ``[n]``, given scores ``[n, N]``."""
        hits: np.ndarray = self.labels[scores.argmax(axis=1)] == self.targets
        return hits


def load_ranking_tasks(split: str = "test") -> list[RankingTask]:
    """Load the tasks.

    Args:
        split: ``test``, or ``valid`` for the pairs of known Songys questions in place of the new questions.

    Raises:
        CorpusError: a corpus is not there.
    """
    songys = load_songys_questions()
    rows = {question: row for row, question in enumerate(songys)}
    pairs = load_question_pairs()
    queries = [pair for pair in (pairs.test if split == "test" else pairs.valid) if pair.known_question in rows]
    tasks = [
        RankingTask(
            "question_pair", songys, np.arange(len(songys)), [pair.text for pair in queries],
            np.array([rows[pair.known_question] for pair in queries]),
        )
    ]  # fmt: skip
    for name in ("ms_chitchat_ko", "intents"):
        corpus = load_paraphrase_sets(name)
        documents = [(text, label) for label, group in enumerate(corpus.groups) for text in group]
        tasks.append(
            RankingTask(
                name, [text for text, _ in documents], np.array([label for _, label in documents]),
                [text for text, _ in corpus.held_out], np.array([label for _, label in corpus.held_out]),
            )
        )  # fmt: skip
    return tasks


def score_by_tfidf(extract: Callable[[Sequence[str]], list[list[str]]]) -> Scorer:
    """Return a scorer by the cosine of TF-IDF vectors over the terms that ``extract`` returns."""

    def score(queries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
        index = TfidfIndex(extract(documents), offset=1.0, counts_unseen=True)
        return np.array([index.compute_cosines(terms) for terms in extract(queries)], np.float32)

    return score


def score_by_bm25(queries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
    """Score by BM25 (Lucene's variant) over morphemes with bm25s.

    Raises:
        MissingDependencyError: bm25s is not installed.
    """
    try:
        import bm25s
    except ImportError as error:
        raise MissingDependencyError(
            "bm25s가 설치되어 있지 않습니다. pip install bm25s==0.3.16 하세요.",
            "bm25s is not installed. Run: pip install bm25s==0.3.16",
        ) from error
    retriever = bm25s.BM25()
    retriever.index(extract_morphemes(documents), show_progress=False)
    return np.array([retriever.get_scores(terms) for terms in extract_morphemes(queries)], np.float32)


def score_by_encoder(encoder: QuestionEncoder) -> Scorer:
    """Return a scorer by the cosine of an encoder's vectors."""
    return lambda queries, documents: encoder.encode(queries) @ encoder.encode(documents).T


def extract_morphemes(texts: Sequence[str]) -> list[list[str]]:
    """Return the morphemes of each text, with their tags."""
    return [["/".join(morpheme) for morpheme in morphemes] for morphemes in analyze_morphemes(texts)]


def extract_character_ngrams(texts: Sequence[str]) -> list[list[str]]:
    """Return the character 2-grams and 3-grams of each text, without spaces and punctuation."""
    padded = [f" {normalize_for_matching(text)} " for text in texts]
    return [[text[i : i + n] for n in (2, 3) for i in range(len(text) - n + 1)] for text in padded]


def combine_in_two_folds(task: RankingTask, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Return the hits of ``first + w second``, with ``w`` chosen for each half of the queries on the other half.

    Args:
        task: the task.
        first: scores, ``[n, N]``.
        second: scores, ``[n, N]``.

    Returns:
        The hits ``[n]``, and the two weights.
    """
    hits = {weight: task.find_hits(first + weight * second) for weight in COMBINATION_WEIGHTS}
    combined = np.zeros(len(task.queries), bool)
    weights = []
    for half in (0, 1):
        best = max(COMBINATION_WEIGHTS, key=lambda weight: hits[weight][1 - half :: 2].mean())
        combined[half::2] = hits[best][half::2]
        weights.append(best)
    return combined, weights


def measure_rankings(encoder: QuestionEncoder, tasks: Sequence[RankingTask], *, baselines: bool = True) -> str:
    """Return a Markdown table of the accuracies at rank 1."""
    features = score_by_tfidf(lambda texts: list(map(extract_features, texts)))
    scorers: dict[str, Scorer] = {}
    if baselines:
        scorers = {
            "TF-IDF, 글자 2-3그램 · character 2-3-grams": score_by_tfidf(extract_character_ngrams),
            "TF-IDF, 형태소 · morphemes": score_by_tfidf(extract_morphemes),
            "BM25, 형태소 · morphemes (bm25s)": score_by_bm25,
        }
    scorers["TF-IDF, 글자 1-2그램, 어미 없이 · character 1-2-grams without endings"] = features
    table: dict[str, list[str]] = {name: [] for name in scorers}
    encoder_name, combined_name = "물음 인코더 · question encoder", "둘을 합침 · combined"
    table[encoder_name], table[combined_name] = [], []
    for task in tasks:
        scores = {name: scorer(task.queries, task.documents) for name, scorer in scorers.items()}
        for name, values in scores.items():
            table[name].append(f"{task.find_hits(values).mean():.3f}")
        neural = score_by_encoder(encoder)(task.queries, task.documents)
        table[encoder_name].append(f"{task.find_hits(neural).mean():.3f}")
        hits, weights = combine_in_two_folds(task, neural, list(scores.values())[-1])
        table[combined_name].append(f"{hits.mean():.3f} (w {weights[0]:g}, {weights[1]:g})")
    header = ["", *(f"`{task.name}` ({len(task.queries)} / {len(task.documents)})" for task in tasks)]
    return format_pipe_table([header, *([name, *cells] for name, cells in table.items())])


def print_rankings() -> None:
    """Print the table of the encoder that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m korlm.chat.encoder.evaluation", description="Measure retrieval of questions in other words."
    )
    parser.add_argument("encoder", nargs="?", help="a folder or a name [the bundled one]")
    name = parser.parse_args().encoder
    try:
        print(measure_rankings(load_question_encoder(name), load_ranking_tasks()))
    except KorlmError as error:
        sys.exit(f"korlm: {error}")


if __name__ == "__main__":
    print_rankings()
