"""Training examples of the retrieve-and-refine model: what the decoder reads and what it should write.

Each question is looked up in an index without its own phrasing (`retrieve_other_phrasings`), so that the retrieved answers
are as good and as bad as those for a user's question. In some examples the right answer is put among them, in some only one
or none is given; so the decoder learns to copy what fits and to write what is missing.

>>> example = RefineExample("배고파", "국수는 어때요?", ("안녕", "반가워요."), ("푹 주무세요.", "국수는 어때요?"))
>>> example.answer in example.retrieved
True
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from korlm.chat.question_index import QuestionIndex
from korlm.corpora.dialogues import DialoguePair, dialogue_pairs
from korlm.corpora.intents import Intent, iter_multi_turn_dialogues, load_intents
from korlm.corpora.memmap import lines_sha256

NUM_RETRIEVED = 3  # answers that the decoder reads
_NUM_FOLDS = 4  # of the phrasings: each is looked up among the other three quarters
# Of the examples with a single question: what is done to the retrieved answers. The others keep them.
_RIGHT_ANSWER_ADDED = 0.25
_ONE_ANSWER = 0.06
_NO_ANSWER = 0.05
_STRANGE_HISTORY = 0.15  # of those examples get turns of another dialogue before them
_REVERSED = 0.2  # questions to be guessed from their answer, per question
_DIALOGUE_REPEATS = 2  # of the pairs in longer dialogues, as they are few


class RefineExample(NamedTuple):
    """An answer and what the decoder reads to write it."""

    question: str  # the message; empty if the message itself is to be guessed from the answer
    answer: str  # the text to write
    history: tuple[str, ...] = ()  # the last two turns
    retrieved: tuple[str, ...] = ()  # retrieved answers, the best first; of a reversed example the answer


@dataclass(frozen=True)
class RefineCorpus:
    """Examples in splits, as `korlm.training.train.make_trainer` takes them.

    Attributes:
        train: training examples, several per question.
        valid: validation questions with their natural retrieval results.
        test: empty; the model is judged by readers.
    """

    name: str
    train: list[RefineExample] = field(repr=False)
    valid: list[RefineExample] = field(repr=False)
    test: list[RefineExample] = field(repr=False, default_factory=list)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all examples."""
        return lines_sha256(
            "\0".join((split, example.question, example.answer, *example.history, "", *example.retrieved))
            for split in ("train", "valid")
            for example in getattr(self, split)
        )


def load_refine_corpus(*, passes: int = 4, seed: int = 7) -> RefineCorpus:
    """Build the examples from the bundled intents and dialogues.

    Args:
        passes: how often each training question occurs, each time with other choices.
        seed: of these choices.
    """
    intents = load_intents()
    train_intents = [intent for intent in intents if intent.split == "train"]
    dialogues = list(iter_multi_turn_dialogues())
    index = QuestionIndex(train_intents)
    rng = random.Random(seed)
    questions = retrieve_other_phrasings(train_intents)
    later_pairs = {
        split: [
            _retrieve_for_pair(index, pair)
            for name, turns in dialogues
            if name == split
            for pair in dialogue_pairs(turns)
        ]
        for split in ("train", "valid")
    }
    train = [example for _ in range(passes) for example in _iter_training_pass(questions, later_pairs["train"], rng)]
    held_out = [
        DialoguePair(question, intent.answer) for intent in train_intents for question in intent.valid_questions
    ]
    valid = [_retrieve_for_pair(index, pair) for pair in held_out[::3]] + later_pairs["valid"]
    return RefineCorpus("intents", train, valid)


def retrieve_other_phrasings(intents: Sequence[Intent], *, k: int = NUM_RETRIEVED) -> list[RefineExample]:
    """Return each question of the intents with the answers retrieved for it, where the index lacks the question itself."""
    examples = []
    for fold in range(_NUM_FOLDS):
        others = [
            replace(intent, questions=_select_fold(intent.questions, fold, inverted=True))
            for intent in intents
            if len(intent.questions) > 1
        ]
        index = QuestionIndex([intent for intent in others if intent.questions])
        for intent in intents:
            for question in _select_fold(intent.questions, fold):
                matches = index.search(question, k)
                answers = tuple(match.intent.answer for match in matches)
                examples.append(RefineExample(question, intent.answer, (), answers))
    return examples


def _select_fold(questions: Sequence[str], fold: int, *, inverted: bool = False) -> tuple[str, ...]:
    return tuple(question for number, question in enumerate(questions) if (number % _NUM_FOLDS == fold) is not inverted)


def _retrieve_for_pair(index: QuestionIndex, pair: DialoguePair) -> RefineExample:
    matches = index.search(pair.question, NUM_RETRIEVED)
    return RefineExample(pair.question, pair.answer, pair.history[-2:], tuple(match.intent.answer for match in matches))


def _iter_training_pass(
    questions: Sequence[RefineExample], dialogues: Sequence[RefineExample], rng: random.Random
) -> Iterator[RefineExample]:
    """Yield each question once, some answers to be reversed, and the pairs of longer dialogues."""
    histories = [example.history for example in dialogues if example.history]
    for example in questions:
        retrieved = _vary_retrieved(example, rng)
        history = rng.choice(histories) if rng.random() < _STRANGE_HISTORY else ()
        yield example._replace(retrieved=retrieved, history=history)
        if rng.random() < _REVERSED:
            yield RefineExample("", example.question, (), (example.answer,))
    yield from list(dialogues) * _DIALOGUE_REPEATS


def _vary_retrieved(example: RefineExample, rng: random.Random) -> tuple[str, ...]:
    draw = rng.random()
    if draw < _RIGHT_ANSWER_ADDED:
        wrong = [answer for answer in example.retrieved if answer != example.answer][: NUM_RETRIEVED - 1]
        wrong.insert(rng.choice((0, 0, 1, 2)), example.answer)
        return tuple(wrong)
    if draw < _RIGHT_ANSWER_ADDED + _ONE_ANSWER:
        return example.retrieved[:1]
    if draw < _RIGHT_ANSWER_ADDED + _ONE_ANSWER + _NO_ANSWER:
        return ()
    return example.retrieved
