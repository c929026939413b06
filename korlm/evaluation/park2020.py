"""The six strategies of Park et al. (2020), "An Empirical Study of Tokenization Strategies for Various Korean NLP Tasks".

>>> [(strategy.name, strategy.tokenizer, strategy.vocab_size) for strategy in STRATEGIES][-2:]
[('Morpheme-aware Subword', 'mecab+bpe', 32000), ('Word', 'word', 64000)]

Vocabularies are trained on training lines only and measured on others. The paper's vocabulary sizes include no byte
fallback; korlm adds 260 ids to each (4 special tokens, 256 bytes), so that nothing becomes ``<unk>``. Our figures differ
from the paper's for three reasons: its text was Wikipedia (vocabularies) and news (test), its morpheme strategies wrote
each space as a token, and its OOV rate is that of tokens that become ``<unk>``, where ours is that of segments missing
from the vocabulary before the fallback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from korlm.errors import InputError
from korlm.evaluation.metrics import METRICS
from korlm.evaluation.result import Evaluation
from korlm.i18n import localize
from korlm.text.display import format_columns
from korlm.text.josa import quote_with_josa
from korlm.tokenizers.base import FIRST_TOKEN_ID, Tokenizer
from korlm.tokenizers.train import train_tokenizer


class ParkStrategy(NamedTuple):
    """A row of the paper's table of translation results and its tokenizer in korlm."""

    name: str  # the paper's name
    ko: str  # the name in Korean
    tokenizer: str  # the tokenizer in korlm
    vocab_size: int  # the paper's vocabulary size, without korlm's 260 further ids
    paper_oov: float  # percentage of test tokens that are ``<unk>`` in the paper
    paper_length: float  # tokens per sentence of the paper's test set


# Figures: the table of Korean-English translation in https://github.com/kakaobrain/kortok (news of AI Hub).
STRATEGIES = (
    ParkStrategy("Consonant and Vowel", "자모", "jamo", 166, 0.02, 142.75),
    ParkStrategy("Syllable", "음절", "syllable", 2_000, 0.06, 69.20),
    ParkStrategy("Morpheme", "형태소", "mecab", 32_000, 2.72, 49.19),
    ParkStrategy("Subword", "서브워드", "bpe", 32_000, 0.11, 30.21),
    ParkStrategy("Morpheme-aware Subword", "형태소 다음 서브워드", "mecab+bpe", 32_000, 0.07, 51.38),
    ParkStrategy("Word", "어절", "word", 64_000, 26.2, 18.96),
)


def train_strategies(
    train_lines: Sequence[str],
    vocab_sizes: Mapping[str, int] | None = None,
    *,
    analyzer: str = "mecab",
    max_vocab_size: int | None = None,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[Tokenizer]:
    """Train the tokenizers of the six strategies, in the paper's order.

    Args:
        train_lines: lines of the training split, never those of the evaluation.
        vocab_sizes: vocabulary sizes by the paper's names, without 260 ids for special tokens and bytes; by default the
            paper's.
        analyzer: the morphological analyzer; ``kiwi`` where MeCab-ko is not installed.
        max_vocab_size: upper limit of the vocabulary sizes, for small corpora (without the 260 ids).
        workers: number of analyzer or training threads.
        progress: called with the number of strategies done and in all.

    Raises:
        InputError: a size for a strategy that is not one of the six.
        CorpusError: too little text for a subword vocabulary of that size.
        MissingDependencyError: the analyzer is not installed.

    Example:
        >>> from korlm.corpora.registry import load_corpus
        >>> lines = load_corpus("kolaw").train
        >>> [tokenizer.name for tokenizer in train_strategies(lines, analyzer="kiwi", max_vocab_size=1000)]
        ['jamo', 'syllable', 'kiwi', 'bpe', 'kiwi+bpe', 'word']
    """
    sizes = dict(vocab_sizes or {})
    if unknown := sorted(set(sizes) - {strategy.name for strategy in STRATEGIES}):
        names = ", ".join(strategy.name for strategy in STRATEGIES)
        raise InputError(
            f"{quote_with_josa(unknown[0], '이라는/라는')} 전략은 없습니다. 있는 것: {names}.",
            f"There is no strategy '{unknown[0]}'. There are: {names}.",
        )
    tokenizers: list[Tokenizer] = []
    for done, strategy in enumerate(STRATEGIES, 1):
        size = sizes.get(strategy.name, strategy.vocab_size)
        size = min(size, max_vocab_size) if max_vocab_size else size
        name = strategy.tokenizer.replace("mecab", analyzer)
        tokenizers.append(train_tokenizer(name, train_lines, vocab_size=size + FIRST_TOKEN_ID, workers=workers))
        if progress:
            progress(done, len(STRATEGIES))
    return tokenizers


def compare_with_paper(evaluation: Evaluation, *, language: str | None = None) -> str:
    """Return a table of the paper's vocabulary sizes, OOV rates and average lengths next to ours.

    Args:
        evaluation: the evaluation of `train_strategies`, in that order.
        language: ``"ko"`` or ``"en"``; by default the user's.
    """
    heads = localize(
        "전략|토크나이저|논문 어휘|논문 OOV|논문 길이|우리 어휘|우리 OOV|우리 길이",
        "strategy|tokenizer|paper vocab|paper OOV|paper length|our vocab|our OOV|our length",
        language=language,
    ).split("|")
    lines = [heads]
    for strategy, row in zip(STRATEGIES, evaluation.rows, strict=True):
        name = localize(f"{strategy.ko} ({strategy.name})", strategy.name, language=language)
        paper = [f"{strategy.vocab_size:,}", f"{strategy.paper_oov:.2f}%", f"{strategy.paper_length:.2f}"]
        ours = [_format_metric(row.values[key].value, key) for key in ("vocab_size", "oov", "ids_per_line")]
        lines.append([name, row.name, *paper, *ours])
    note = localize(
        "논문: Park 외(2020), 뉴스, <unk>가 된 토큰의 비율. 우리: 이 말뭉치, 폴백 전에 어휘에 없는 조각의 비율; 어휘에 특수 토큰과 바이트 260개가 더 있음",
        "paper: Park et al. (2020), news, tokens that became <unk>. Ours: this corpus, pieces that the vocabulary lacks "
        "before the fallback; 260 ids more, for special tokens and bytes",
        language=language,
    )
    return f"{format_columns(lines)}\n{note}"


def _format_metric(value: float | None, key: str) -> str:
    return "–" if value is None else METRICS[key].format(value)
