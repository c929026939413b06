"""Gold morphemes out of CoNLL-U: UD Korean Kaist and GSD, whose LEMMA and XPOS are morphemes joined by ``+``.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "a.conllu"
>>> row = "1\\t했다\\t하+었+다\\tVERB\\tpvg+ep+ef\\t_\\t0\\troot\\t_\\t_\\n\\n"
>>> _ = path.write_text("# sent_id = a\\n# text = 했다\\n" + row, encoding="utf-8")
>>> [(m.form, m.start, m.end) for m in read_gold(path)[0].eojeol[0].morphemes]
[('하', 0, 1), ('었', 0, 1), ('다', 1, 2)]

The treebanks say of a token which morphemes it has, not where: the places are found by `korlm.morph.alignment.align`.
Chun et al. (2018), "Building Universal Dependency Treebanks in Korean".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from korlm.errors import CorpusError
from korlm.evaluation.gold.treebank import FormTag, Sentence, Word, iter_surface_words, parse_conllu, read_conllu_text
from korlm.morph.alignment import align_morphemes
from korlm.morph.base import Morpheme
from korlm.text.spans import eojeol_spans

_ALLOMORPHS = {"ㄴ": "은", "ㄹ": "을", "ㅁ": "음"}


class GoldEojeol(NamedTuple):
    """One eojeol of a gold sentence.

    Attributes:
        start: first code point in the sentence's text.
        end: one past the last.
        morphemes: in order, with spans in the text; several where a syllable is shared (했 = 하 + 었).
        fully_aligned: whether all its morphemes are known and placed; scores leave the others out.
    """

    start: int
    end: int
    morphemes: tuple[Morpheme, ...]
    fully_aligned: bool


@dataclass(frozen=True)
class GoldSentence:
    """A sentence with its gold morphemes.

    Attributes:
        name: its ``sent_id``, or its number in the file.
        text: its text.
        eojeol: the stretches between whitespace, in order.
        num_tokens: how many tokens of the treebank it has (punctuation is one of its own).
        num_unaligned: tokens whose morphemes are not all given (있어서 with the lemma 있) or could not be placed.
    """

    name: str
    text: str
    eojeol: tuple[GoldEojeol, ...]
    num_tokens: int
    num_unaligned: int

    @cached_property
    def morphemes(self) -> tuple[Morpheme, ...]:
        """All morphemes that could be placed."""
        return tuple(morpheme for eojeol in self.eojeol for morpheme in eojeol.morphemes)


def read_gold(path: str | Path) -> list[GoldSentence]:
    """Read gold morphemes from a ``.conllu`` or ``.conllu.gz`` file.

    Args:
        path: a treebank in CoNLL-U, UTF-8, whose LEMMA column joins morphemes by ``+``. Of a multiword token (``1-2``)
            the surface is its own FORM and the morphemes are those of its words; empty nodes (``1.1``) are skipped.

    Raises:
        CorpusError: no such file, not UTF-8, a row that is none of CoNLL-U, forms that do not join to the sentence's
            ``# text``, no sentences, or no lemmas with ``+``. It names the line.
    """
    path = Path(path)
    sentences: list[GoldSentence] = []
    joined = False
    for block in parse_conllu(path, read_conllu_text(path)):
        sentences.append(_align_sentence(path, block, number=len(sentences) + 1))
        joined = joined or any("+" in row.lemma and "+" not in row.form for row in block.words)
    if not sentences:
        raise CorpusError(
            f"{path}에 문장이 없습니다. 낱말이 줄마다 있는 CoNLL-U 파일(.conllu)을 쓰세요.",
            f"{path} has no sentences. Use a CoNLL-U file (.conllu), one word a line.",
        )
    if not joined:
        raise CorpusError(
            f"{path}의 LEMMA 칸에 +로 이은 형태소가 없습니다. UD Korean Kaist나 GSD처럼 형태소가 달린 파일을 쓰세요.",
            f"No LEMMA of {path} joins morphemes by +. Use a treebank with morphemes, as UD Korean Kaist or GSD.",
        )
    return sentences


def _align_sentence(path: Path, sentence: Sentence, *, number: int) -> GoldSentence:
    tokens = list(iter_surface_words(sentence.words))
    name = sentence.sent_id or str(number)
    text = sentence.text
    if text is None:
        text = "".join(row.form + ("" if row.no_space_after else " ") for row, _ in tokens).rstrip()
    placed: list[Morpheme] = []
    doubtful: list[tuple[int, int]] = []
    for row, start, pairs in _locate_words(path, name, text, tokens):
        found = _align_word(row.form, pairs)
        placed += [m._replace(start=m.start + start, end=m.end + start) for m in found]
        if not pairs or not _covers_form(found, pairs, row.form):
            doubtful.append((start, start + len(row.form)))
    eojeol = tuple(
        GoldEojeol(
            start,
            end,
            tuple(morpheme for morpheme in placed if start <= morpheme.start and morpheme.end <= end),
            not any(first < end and start < last for first, last in doubtful),
        )
        for start, end in eojeol_spans(text)
    )
    return GoldSentence(name, text, eojeol, len(tokens), len(doubtful))


def _locate_words(
    path: Path, name: str, text: str, tokens: Sequence[tuple[Word, list[FormTag]]]
) -> Iterator[tuple[Word, int, list[FormTag]]]:
    """Yield the tokens with where each begins in the text."""
    position = 0
    for row, pairs in tokens:
        stop = position + len(row.form)
        if not text.startswith(row.form, position) or not (
            row.no_space_after or stop == len(text) or text[stop].isspace()
        ):
            raise _form_mismatch_error(path, name, row)
        yield row, position, pairs
        position = stop
        while not row.no_space_after and position < len(text) and text[position].isspace():
            position += 1
    if text[position:].strip():
        raise _form_mismatch_error(path, name, tokens[-1][0])


def _form_mismatch_error(path: Path, name: str, row: Word) -> CorpusError:
    return CorpusError(
        f"{path}의 {row.line_number}번째 줄(문장 {name}): '{row.form}'이(가) # text와 이어지지 않습니다. "
        "FORM과 SpaceAfter=No가 # text와 맞는지 보고 고치세요.",
        f"Line {row.line_number} of {path} (sentence {name}): '{row.form}' does not join to # text. "
        "Make FORM and SpaceAfter=No agree with # text.",
    )


def _align_word(form: str, pairs: Sequence[FormTag]) -> list[Morpheme]:
    """Return a token's morphemes with their places in its form; some may be missing.

    The treebanks write ㄴ and ㄹ for 은 and 을 as well (많은 is 많 + ㄴ) and 어 for 여 (하여 is 하 + 어): where the
    given forms do not fill the token, those are tried, and the given ones kept.

    >>> [(m.form, m.start, m.end) for m in _align_word("많은", [("많", "paa"), ("ㄴ", "etm")])]
    [('많', 0, 1), ('ㄴ', 1, 2)]
    """
    found = align_morphemes(form, pairs)
    if _covers_form(found, pairs, form):
        return found
    written = [(_surface_form(pairs, index), tag) for index, (_, tag) in enumerate(pairs)]
    other = align_morphemes(form, written)
    if not _covers_form(other, pairs, form):
        return found
    return [morpheme._replace(form=given) for morpheme, (given, _) in zip(other, pairs, strict=True)]


def _surface_form(pairs: Sequence[FormTag], index: int) -> str:
    form = pairs[index][0]
    before = pairs[index - 1][0] if index else ""
    if before and form[:1] in _ALLOMORPHS:
        return _ALLOMORPHS[form[0]] + form[1:]
    return "여" + form[1:] if before.endswith("하") and form.startswith(("어", "아")) else form


def _covers_form(morphemes: Sequence[Morpheme], pairs: Sequence[FormTag], form: str) -> bool:
    """Return whether every morpheme has its place and no character is left out."""
    end = 0
    for morpheme in morphemes:
        if morpheme.start > end:
            return False
        end = max(end, morpheme.end)
    return end == len(form) and len(morphemes) == len(pairs)
