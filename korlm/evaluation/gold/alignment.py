"""Gold morphemes from CoNLL-U: UD Korean Kaist and GSD, whose LEMMA and XPOS are morphemes joined by ``+``.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp()) / "a.conllu"
>>> row = "1\\t했다\\t하+었+다\\tVERB\\tpvg+ep+ef\\t_\\t0\\troot\\t_\\t_\\n\\n"
>>> _ = path.write_text("# sent_id = a\\n# text = 했다\\n" + row, encoding="utf-8")
>>> [(m.form, m.start, m.end) for m in read_gold(path)[0].eojeol[0].morphemes]
[('하', 0, 1), ('었', 0, 1), ('다', 1, 2)]

The treebanks give the morphemes of a token without positions; `korlm.morph.alignment.align_morphemes` finds them.
Chun et al. (2018), "Building Universal Dependency Treebanks in Korean".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from korlm.errors import CorpusError
from korlm.evaluation.gold.treebank import FormTag, has_space_after, parse_conllu, read_conllu_text, surface_tokens
from korlm.morph.alignment import align_morphemes
from korlm.morph.base import Morpheme
from korlm.text.spans import eojeol_spans

if TYPE_CHECKING:
    from conllu import Token, TokenList

_ALLOMORPHS = {"ㄴ": "은", "ㄹ": "을", "ㅁ": "음"}


class GoldEojeol(NamedTuple):
    """One eojeol of a gold sentence."""

    start: int  # offset of its first character in the sentence's text
    end: int  # offset after its last character
    # in order, with spans in the text; spans overlap in a shared syllable (했 = 하 + 었)
    morphemes: tuple[Morpheme, ...]
    fully_aligned: bool  # whether all its morphemes are known and aligned; scores ignore the other eojeol


@dataclass(frozen=True)
class GoldSentence:
    """A sentence with its gold morphemes."""

    name: str  # its ``sent_id``, or its number in the file
    text: str  # its text
    eojeol: tuple[GoldEojeol, ...]  # the eojeol of the text, in order
    num_tokens: int  # number of surface tokens; punctuation marks are tokens of their own
    num_unaligned: int  # number of tokens with missing (있어서 with the lemma 있) or unaligned morphemes

    @cached_property
    def morphemes(self) -> tuple[Morpheme, ...]:
        """All aligned morphemes."""
        return tuple(morpheme for eojeol in self.eojeol for morpheme in eojeol.morphemes)


def read_gold(path: str | Path) -> list[GoldSentence]:
    """Read gold morphemes from a ``.conllu`` or ``.conllu.gz`` file.

    Args:
        path: a treebank in CoNLL-U, UTF-8, whose LEMMA column joins morphemes by ``+``. A multiword token (``1-2``) has
            its own FORM and the morphemes of its words; empty nodes (``1.1``) are skipped.

    Raises:
        CorpusError: no such file, not UTF-8, a row that is not CoNLL-U, forms that do not add up to the sentence's
            ``# text``, no sentences, or no lemmas with ``+``. The message names the line.
        MissingDependencyError: the package conllu is not installed.
    """
    path = Path(path)
    sentences: list[GoldSentence] = []
    has_morphemes = False
    for number, rows in enumerate(parse_conllu(path, read_conllu_text(path)), 1):
        sentences.append(_align_sentence(path, rows, number))
        has_morphemes = has_morphemes or any("+" in row["lemma"] and "+" not in row["form"] for row in rows)
    if not sentences:
        raise CorpusError(
            f"{path}에 문장이 없습니다. 낱말이 줄마다 있는 CoNLL-U 파일(.conllu)을 쓰세요.",
            f"{path} has no sentences. Use a CoNLL-U file (.conllu), one word a line.",
        )
    if not has_morphemes:
        raise CorpusError(
            f"{path}의 LEMMA 열에 +로 이은 형태소가 없습니다. UD Korean Kaist나 GSD처럼 형태소가 달린 파일을 쓰세요.",
            f"No LEMMA of {path} joins morphemes by +. Use a treebank with morphemes, as UD Korean Kaist or GSD.",
        )
    return sentences


def _align_sentence(path: Path, rows: TokenList, number: int) -> GoldSentence:
    tokens = list(surface_tokens(rows))
    name = rows.metadata.get("sent_id") or str(number)
    text = rows.metadata.get("text")
    if text is None:
        text = "".join(token["form"] + (" " if has_space_after(token) else "") for token, _ in tokens).rstrip()
    aligned: list[Morpheme] = []
    unaligned_spans: list[tuple[int, int]] = []
    for token, start, pairs in _locate_tokens(path, name, text, tokens):
        form = token["form"]
        morphemes = _align_word(form, pairs)
        aligned += [m._replace(start=m.start + start, end=m.end + start) for m in morphemes]
        if not pairs or not _covers_form(morphemes, pairs, form):
            unaligned_spans.append((start, start + len(form)))
    eojeol = tuple(
        GoldEojeol(
            start,
            end,
            tuple(morpheme for morpheme in aligned if start <= morpheme.start and morpheme.end <= end),
            not any(first < end and start < last for first, last in unaligned_spans),
        )
        for start, end in eojeol_spans(text)
    )
    return GoldSentence(name, text, eojeol, len(tokens), len(unaligned_spans))


def _locate_tokens(
    path: Path, name: str, text: str, tokens: Sequence[tuple[Token, list[FormTag]]]
) -> Iterator[tuple[Token, int, list[FormTag]]]:
    """Yield the tokens with their offset in the text."""
    position = 0
    for token, pairs in tokens:
        form, spaced = token["form"], has_space_after(token)
        end = position + len(form)
        if not text.startswith(form, position) or (spaced and end < len(text) and not text[end].isspace()):
            raise _form_mismatch_error(path, name, token)
        yield token, position, pairs
        position = end
        while spaced and position < len(text) and text[position].isspace():
            position += 1
    if text[position:].strip():
        raise _form_mismatch_error(path, name, tokens[-1][0])


def _form_mismatch_error(path: Path, name: str, token: Token) -> CorpusError:
    line, form = token["line"], token["form"]
    return CorpusError(
        f"{path}의 {line}번째 줄(문장 {name}): '{form}'이(가) # text와 이어지지 않습니다. "
        "FORM과 SpaceAfter=No가 # text와 맞는지 보고 고치세요.",
        f"Line {line} of {path} (sentence {name}): '{form}' does not join to # text. "
        "Make FORM and SpaceAfter=No agree with # text.",
    )


def _align_word(form: str, pairs: Sequence[FormTag]) -> list[Morpheme]:
    """Return the morphemes of a token with their spans in its form; some may be missing.

    The treebanks also write ㄴ and ㄹ for 은 and 을 (많은 is 많 + ㄴ) and 어 for 여 (하여 is 하 + 어). If the given forms do
    not cover the token, their surface allomorphs are aligned instead; the result keeps the given forms.

    >>> [(m.form, m.start, m.end) for m in _align_word("많은", [("많", "paa"), ("ㄴ", "etm")])]
    [('많', 0, 1), ('ㄴ', 1, 2)]
    """
    morphemes = align_morphemes(form, pairs)
    if _covers_form(morphemes, pairs, form):
        return morphemes
    allomorphs = align_morphemes(form, [(_surface_form(pairs, index), tag) for index, (_, tag) in enumerate(pairs)])
    if not _covers_form(allomorphs, pairs, form):
        return morphemes
    return [morpheme._replace(form=given) for morpheme, (given, _) in zip(allomorphs, pairs, strict=True)]


def _surface_form(pairs: Sequence[FormTag], index: int) -> str:
    form = pairs[index][0]
    previous = pairs[index - 1][0] if index else ""
    if previous and form[:1] in _ALLOMORPHS:
        return _ALLOMORPHS[form[0]] + form[1:]
    return "여" + form[1:] if previous.endswith("하") and form.startswith(("어", "아")) else form


def _covers_form(morphemes: Sequence[Morpheme], pairs: Sequence[FormTag], form: str) -> bool:
    """Return whether every morpheme is aligned and together they cover the form."""
    end = 0
    for morpheme in morphemes:
        if morpheme.start > end:
            return False
        end = max(end, morpheme.end)
    return end == len(form) and len(morphemes) == len(pairs)
