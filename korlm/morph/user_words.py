"""User words for Kiwi's dictionary: their type, and parsing and validation of lists of them.

A line is ``form<TAB>tag<TAB>score`` (Kiwi's dictionary format; the score is optional), ``form/tag``, or a form alone,
which is a proper noun. Blank lines and lines that begin with ``#`` are skipped.

    >>> parse_user_words("# 신조어\\n갓생\\tNNG\\t1.5\\n뇌절/NNG\\n코엘")
    (UserWord(form='갓생', tag='NNG', score=1.5), UserWord(form='뇌절', tag='NNG', score=0.0), \
UserWord(form='코엘', tag='NNP', score=0.0))
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from korlm.errors import InputError
from korlm.text.display import abbreviate

MAX_USER_WORDS = 10_000
_KIWI_TAGS = (
    "NNG NNP NNB NR NP VV VV-R VV-I VA VA-R VA-I VX VX-R VX-I VCP VCN MM MAG MAJ IC JKS JKC JKG JKO JKB JKV JKQ JX JC "
    "EP EF EC ETN ETM XPN XSN XSV XSA XSA-R XSA-I XSM XR SF SP SS SSO SSC SE SO SW SB SL SH SN UN NA NF NV "
    "W_URL W_EMAIL W_HASHTAG W_MENTION W_SERIAL W_EMOJI Z_CODA Z_SIOT USER0 USER1 USER2 USER3 USER4"
)
KIWI_TAGS = tuple(_KIWI_TAGS.split())  # accepted by `Kiwi.add_user_word` of kiwipiepy 0.24.1


class UserWord(NamedTuple):
    """A word to add to Kiwi's dictionary.

    Attributes:
        form: the word as written; spaces inside are allowed.
        tag: one of `KIWI_TAGS`, Kiwi's part-of-speech tags.
        score: added to the word's score; a higher one makes Kiwi prefer the word.
    """

    form: str
    tag: str = "NNP"
    score: float = 0.0


def parse_user_words(text: str) -> tuple[UserWord, ...]:
    """Parse a text with one word per line.

    Raises:
        InputError: an invalid line, a duplicate, or more than 10,000 words; the message names the line.
    """
    return validate_user_words(_parse_user_words(text.removeprefix("\ufeff").split("\n")))


def read_user_words(source: str | Path | Iterable[str | Sequence[Any]]) -> tuple[UserWord, ...]:
    """Read the words of a UTF-8 file (a path), of lines, or of ``(form, tag)`` or ``(form, tag, score)`` tuples.

    >>> read_user_words([("갓생", "NNG"), "코엘"])
    (UserWord(form='갓생', tag='NNG', score=0.0), UserWord(form='코엘', tag='NNP', score=0.0))

    Raises:
        InputError: as `parse_user_words`, or the file is unreadable or not UTF-8.
    """
    if not isinstance(source, str | Path):
        return validate_user_words(_parse_user_words(source))
    try:
        text = Path(source).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(
            f"사용자 사전 '{source}'을(를) 읽지 못했습니다({error}). UTF-8 글 파일의 경로를 넣으세요.",
            f"The user dictionary '{source}' cannot be read ({error}). Give the path of a UTF-8 text file.",
        ) from error
    return parse_user_words(text)


def validate_user_words(numbered_words: Iterable[tuple[int, UserWord]]) -> tuple[UserWord, ...]:
    """Return words, given with line numbers from 1, as Kiwi stores them, with spaces trimmed and collapsed.

    Raises:
        InputError: as `parse_user_words`.
    """
    lines: dict[tuple[str, str], int] = {}
    words: list[UserWord] = []
    for line, word in numbered_words:
        form = " ".join(word.form.split())
        problem = _find_problem(form, word.tag, word.score)
        if not problem and (form, word.tag) in lines:
            first = lines[form, word.tag]
            ko = f"'{abbreviate(form, 20)}/{word.tag}'이(가) {first}번째 줄에 이미 있습니다"
            problem = ko, f"the word is already in line {first}"
        if not problem and len(words) == MAX_USER_WORDS:
            ko = f"단어는 {MAX_USER_WORDS:,}개까지 넣을 수 있습니다"
            problem = ko, f"at most {MAX_USER_WORDS:,} words are allowed"
        if problem:
            raise _line_error(line, *problem)
        lines[form, word.tag] = line
        words.append(UserWord(form, word.tag, float(word.score)))
    return tuple(words)


def _parse_user_words(items: Iterable[str | Sequence[Any]]) -> Iterator[tuple[int, UserWord]]:
    """Yield line number and word for each line or tuple that is neither blank nor a comment."""
    for line_number, item in enumerate(items, 1):
        if isinstance(item, str):
            line = item.strip("\r\n")
            if line.strip() and not line.startswith("#"):
                yield line_number, _parse_line(line_number, line)
        else:
            yield line_number, make_user_word(line_number, item)


def make_user_word(line_number: int, parts: Any) -> UserWord:
    """Return the word of ``(form,)``, ``(form, tag)`` or ``(form, tag, score)``, or raise `InputError`."""
    has_length = isinstance(parts, Sequence) and not isinstance(parts, str) and 1 <= len(parts) <= 3
    if has_length and all(isinstance(part, str) for part in parts[:2]):
        score = parts[2] if len(parts) == 3 else 0.0
        if isinstance(score, int | float) and not isinstance(score, bool):
            return UserWord(parts[0], parts[1] if len(parts) > 1 else "NNP", float(score))
    shown = abbreviate(repr(parts), 20)
    raise _line_error(line_number, f"{shown}은(는) 단어가 아닙니다", f"{shown} is not a word")


def _parse_line(line_number: int, line: str) -> UserWord:
    if "\t" in line:
        form, tag, *rest = line.split("\t")
        score = rest[0].strip() if rest else ""
        try:
            return UserWord(form, tag.strip(), float(score or 0))
        except ValueError:
            shown = abbreviate(score, 20)
            ko, en = f"점수 '{shown}'이(가) 수가 아닙니다", f"the score '{shown}' is not a number"
            raise _line_error(line_number, ko, en) from None
    form, slash, tag = line.strip().rpartition("/")
    if slash:
        return UserWord(form, tag.strip())
    form = line.strip()
    last = form.split()[-1]
    if last in KIWI_TAGS and last != form:  # 아이폰 SE, or 갓생 NNG with a space instead of the tab
        raise _line_error(
            line_number,
            f"'{last}'이(가) 품사인지 단어의 끝인지 알 수 없습니다. '단어<탭>품사'로 쓰세요",
            f"'{last}' may be a tag or the word's end: write the word, a tab and its tag",
        )
    return UserWord(form)


def _find_problem(form: str, tag: str, score: float) -> tuple[str, str] | None:
    """Return a description of what is invalid about a word, in Korean and English; None if it is valid."""
    if not form:
        return "단어가 비었습니다", "the form is empty"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in form):
        return f"'{form!a}'에 제어 문자가 있습니다", f"the form {form!a} holds a control character"
    if tag not in KIWI_TAGS:
        return f"'{abbreviate(tag, 20)}'은(는) 품사가 아닙니다", f"'{abbreviate(tag, 20)}' is not a tag"
    if not math.isfinite(score):
        return f"점수 '{score}'이(가) 유한한 수가 아닙니다", f"the score '{score}' is not finite"
    return None


def _line_error(line_number: int, ko: str, en: str) -> InputError:
    tags = " ".join(KIWI_TAGS)
    return InputError(
        f"사용자 사전 {line_number}번째 줄: {ko}. 한 줄에 '단어<탭>품사<탭>점수', '단어/품사' 또는 단어만 쓰세요. 품사: {tags}",
        f"User dictionary, line {line_number}: {en}. Write form<TAB>tag<TAB>score, form/tag or a form alone. Tags: {tags}",
    )
