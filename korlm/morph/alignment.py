"""Align the morphemes of an analysis without offsets to the text.

KoNLPy's analyzers return forms and tags only, and most restore forms (했 becomes 하 and 았). A cursor moves through the
text. A form that occurs at the cursor is placed there; otherwise the jamo of the next few forms are aligned with those
of the rest of the eojeol.

    >>> for morpheme in align_morphemes("나는 했다", [("나", "NP"), ("는", "JX"), ("하", "VV"), ("았", "EP"), ("다", "EF")]):
    ...     print(morpheme.form, morpheme.start, morpheme.end)
    나 0 1
    는 1 2
    하 3 4
    았 3 4
    다 4 5
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from korlm.morph.base import Morpheme
from korlm.text.hangul import decompose_syllable, is_syllable, to_compatibility_jamo

_SPACES = re.compile(r"\s*")
_EOJEOL = re.compile(r"\S{0,64}\s*")
_MAX_EOJEOL_CHARACTERS = 16  # of an eojeol, from the cursor, aligned at once
_MAX_FORMS = 16  # aligned at once
_SEARCH_WINDOW = 64  # characters searched for a form after the cursor

# Compound jamo in parts, so that contractions are plain concatenations: 그려 = 그리 + 어, 봐 = 보 + 아, 게 = 거 + 이.
_JAMO_PARTS = {
    "ㅐ": "ㅏㅣ", "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅏㅣ", "ㅔ": "ㅓㅣ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅓㅣ",
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅏㅣ", "ㅚ": "ㅗㅣ", "ㅛ": "ㅣㅗ", "ㅝ": "ㅜㅓ",
    "ㅞ": "ㅜㅓㅣ", "ㅟ": "ㅜㅣ", "ㅠ": "ㅣㅜ", "ㅢ": "ㅡㅣ",
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip


def align_morphemes(text: str, tagged_forms: Sequence[tuple[str, str]]) -> list[Morpheme]:
    """Return the morphemes of an analysis with their spans in ``text``.

    Time is linear in ``text`` and ``tagged_forms``: a form that is not at the cursor is searched in a bounded window.

    Args:
        text: the analyzed string.
        tagged_forms: forms and tags in the order of the text; forms may be restored, normalized or invented.

    Returns:
        Morphemes in order of start, without whitespace at their ends. They overlap only where consecutive ones share a
        syllable. A form that cannot be found is left out.

        >>> align_morphemes("가다", [("나", "V")])
        []
    """
    forms = [(form.strip(), tag) for form, tag in tagged_forms]
    forms = [(form, tag) for form, tag in forms if form]
    aligned: list[Morpheme] = []
    cursor = index = 0
    is_previous_placed = False
    while index < len(forms):
        cursor = _skip_whitespace(text, cursor)
        form, tag = forms[index]
        start = cursor if text.startswith(form, cursor) else -1
        if start < 0:
            num_aligned, next_cursor = _align_eojeol(text, cursor, forms, index, aligned)
            if not num_aligned and (start := _find_ahead(text, cursor, forms, index)) < 0:
                num_aligned, next_cursor = _align_later_eojeol(text, cursor, forms, index, aligned)
            if num_aligned:
                index, cursor, is_previous_placed = index + num_aligned, next_cursor, True
                continue
        if start >= 0:
            cursor = start + len(form)
            aligned.append(Morpheme(form, tag, start, cursor))
        is_previous_placed = start >= 0 or (is_previous_placed and _share_previous_syllable(form, tag, text, aligned))
        index += 1
    return aligned


@lru_cache(maxsize=4096)
def to_basic_jamo(form: str) -> str:
    """Decompose Hangul to basic jamo without the silent ㅇ; other characters only become lower case.

    >>> to_basic_jamo("했어"), to_basic_jamo("ㄴ다"), to_basic_jamo("Go")
    ('ㅎㅏㅣㅆㅓ', 'ㄴㄷㅏ', 'go')
    """
    parts = []
    for character in form:
        if is_syllable(character):
            jamo = list(to_compatibility_jamo(decompose_syllable(character)))
            if jamo[0] == "ㅇ":
                del jamo[0]
        else:
            jamo = [to_compatibility_jamo(character).lower()]
        parts += [_JAMO_PARTS.get(letter, letter) for letter in jamo]
    return "".join(parts)


def _skip_whitespace(text: str, position: int) -> int:
    """Return the first position from ``position`` on that is not whitespace."""
    return _SPACES.match(text, position).end()  # type: ignore[union-attr]  # \s* always matches


def _find_ahead(text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int) -> int:
    """Return the position of a form after the cursor, where the analyzer skipped a part of the text; -1 if not found.

    The next form must follow it, since a restored form often occurs elsewhere by chance.
    """
    form = forms[index][0]
    stop = cursor + _SEARCH_WINDOW + len(form)
    start = text.find(form, cursor, stop)
    for _ in range(4):
        if start < 0:
            break
        end = _skip_whitespace(text, start + len(form))
        if end == len(text) or index + 1 == len(forms) or text.startswith(forms[index + 1][0], end):
            return start
        start = text.find(form, start + 1, stop)
    return -1


def _share_previous_syllable(form: str, tag: str, text: str, aligned: list[Morpheme]) -> bool:
    """Append a form without jamo of its own at the syllable before it (학교다 is 학교, 이 and 다), if that is possible.

    Only a single syllable that begins with a vowel can be contracted in this way; any other form was not found.
    """
    if aligned and len(form) == 1 and "ㅏ" <= to_basic_jamo(form)[0] <= "ㅣ" and is_syllable(text[aligned[-1].end - 1]):
        end = aligned[-1].end
        aligned.append(Morpheme(form, tag, end - 1, end))
        return True
    return False


def _align_later_eojeol(
    text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int, aligned: list[Morpheme]
) -> tuple[int, int]:
    """Try `_align_eojeol` at the next two eojeol: the analyzer skipped an eojeol and restored a form in a later one."""
    for _ in range(2):
        cursor = _EOJEOL.match(text, cursor).end()  # type: ignore[union-attr]  # always matches
        num_aligned, next_cursor = _align_eojeol(text, cursor, forms, index, aligned)
        if num_aligned:
            return num_aligned, next_cursor
    return 0, cursor


def _align_eojeol(
    text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int, aligned: list[Morpheme]
) -> tuple[int, int]:
    """Align the next forms with the rest of the eojeol at ``cursor`` by their jamo, and append them to ``aligned``.

    Returns:
        The number of forms consumed (0 if the jamo do not agree) and the new cursor.
    """
    stop = cursor
    while stop < len(text) and stop - cursor < _MAX_EOJEOL_CHARACTERS and not text[stop].isspace():
        stop += 1
    character_indices = [i for i in range(cursor, stop) for _ in to_basic_jamo(text[i])]  # of each jamo of the target
    target = "".join(map(to_basic_jamo, text[cursor:stop]))
    groups: list[str] = []
    size = 0
    for form, _ in forms[index : index + _MAX_FORMS]:
        if size > len(target) + 4:
            break
        groups.append(to_basic_jamo(form)[: 4 * _MAX_EOJEOL_CHARACTERS])
        size += len(groups[-1])
    is_whole_eojeol = stop == len(text) or text[stop].isspace()
    matches = _match_jamo(groups, target, is_whole_eojeol)
    num_jamo = max(len(target) if is_whole_eojeol else 0, sum(map(len, groups[: len(matches)])))
    if 2 * sum(map(len, matches)) <= num_jamo:
        return 0, cursor
    if not is_whole_eojeol:
        matches = matches[: _count_settled_forms(matches, character_indices)]
    end = cursor
    for (form, tag), match in zip(forms[index:], matches, strict=False):
        if match:
            start = max(character_indices[match[0]], aligned[-1].start if aligned else 0)
            end = max(character_indices[match[-1]] + 1, end)
            aligned.append(Morpheme(form, tag, start, end))
        else:
            _share_previous_syllable(form, tag, text, aligned)
    return len(matches), stop if is_whole_eojeol else end


def _count_settled_forms(matches: Sequence[Sequence[int]], character_indices: Sequence[int]) -> int:
    """Return the number of forms to keep of a window that ends inside an eojeol: up to the last that ends a syllable."""
    for count in range(len(matches) - 1, 0, -1):
        match, after = matches[count - 1], matches[count]
        if match and after and character_indices[match[-1]] < character_indices[after[0]]:
            return count
    return len(matches)


def _match_jamo(groups: Sequence[str], target: str, is_whole_eojeol: bool) -> list[list[int]]:
    """Return the positions in ``target`` of the jamo of each form that belongs to it, as a longest common subsequence.

    The number of forms is the one that leaves the fewest jamo unmatched on both sides. The table has at most about
    60 × 70 entries, most often 8 × 10.

    Args:
        groups: the jamo of each form.
        target: the jamo of the eojeol.
        is_whole_eojeol: whether ``target`` extends to the end of the eojeol.
    """
    source = "".join(groups)
    table = [list(range(len(target) + 1))]  # table[i][j]: unmatched jamo of source[:i] and target[:j]
    for i, letter in enumerate(source):
        previous_row, row = table[-1], [i + 1]
        for j, other in enumerate(target):
            row.append(previous_row[j] if letter == other else min(previous_row[j + 1], row[j]) + 1)
        table.append(row)
    ends = [0]
    for group in groups:
        ends.append(ends[-1] + len(group))
    columns = range(len(target) if is_whole_eojeol else len(target) // 2, len(target) + 1)
    _, negative_count, j = min(  # on a tie, as many forms as possible
        (table[ends[k]][j] - (0 if is_whole_eojeol else j), -k, j) for k in range(1, len(ends)) for j in columns
    )
    matches: list[list[int]] = [[] for _ in range(-negative_count)]
    i, form_index = ends[-negative_count], len(matches) - 1
    while i and j:
        while i <= ends[form_index]:
            form_index -= 1
        if source[i - 1] == target[j - 1]:
            i, j = i - 1, j - 1
            matches[form_index].append(j)
        elif table[i - 1][j] <= table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return [sorted(match) for match in matches]
