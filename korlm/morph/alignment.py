"""Puts spans on an analysis that comes without offsets.

KoNLPy's analyzers give forms and tags only, and most restore forms (했 comes back as 하 and 았). The walk keeps a
cursor in the text: a form that stands there as it is written takes its place at once; where one does not, the letters
of the next few forms are aligned with those of the rest of the eojeol.

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
_MAX_EOJEOL_CHARACTERS = 16  # characters of an eojeol, from the cursor, that one repair looks at
_MAX_FORMS = 16  # forms that one repair looks at
_SEARCH_WINDOW = 64  # characters searched for a form that the analyzer found further on

# Compound letters apart, so that contractions are plain concatenations: 그려 = 그리 + 어, 봐 = 보 + 아, 게 = 거 + 이.
_JAMO_PARTS = {
    "ㅐ": "ㅏㅣ", "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅏㅣ", "ㅔ": "ㅓㅣ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅓㅣ",
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅏㅣ", "ㅚ": "ㅗㅣ", "ㅛ": "ㅣㅗ", "ㅝ": "ㅜㅓ",
    "ㅞ": "ㅜㅓㅣ", "ㅟ": "ㅜㅣ", "ㅠ": "ㅣㅜ", "ㅢ": "ㅡㅣ",
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip


def align_morphemes(text: str, tagged_forms: Sequence[tuple[str, str]]) -> list[Morpheme]:
    """Return the morphemes of an analysis with their spans in ``text``.

    Time is linear in ``text`` and ``tagged_forms``: whatever is not found at the cursor is looked for in a bounded window.

    Args:
        text: the string that was analyzed.
        tagged_forms: forms and tags in the order of the text; forms may be restored, normalized or invented.

    Returns:
        Morphemes in order of start, inside the text, no whitespace at their ends; they overlap only where consecutive
        ones share a syllable. A form that cannot be found is left out; nothing is raised.

        >>> align_morphemes("가다", [("나", "V")])
        []
    """
    forms = [(form.strip(), tag) for form, tag in tagged_forms]
    forms = [(form, tag) for form, tag in forms if form]
    found: list[Morpheme] = []
    cursor = index = 0
    placed = False  # whether the form before has its place
    while index < len(forms):
        cursor = _skip_whitespace(text, cursor)
        form, tag = forms[index]
        at = cursor if text.startswith(form, cursor) else -1
        if at < 0:
            taken, after = _align_eojeol(text, cursor, forms, index, found)
            if not taken and (at := _find_ahead(text, cursor, forms, index)) < 0:
                taken, after = _align_later_eojeol(text, cursor, forms, index, found)
            if taken:
                index, cursor, placed = index + taken, after, True
                continue
        if at >= 0:
            found.append(Morpheme(form, tag, at, at + len(form)))
            cursor = at + len(form)
        placed = at >= 0 or (placed and _share_previous_syllable(form, tag, text, found))
        index += 1
    return found


@lru_cache(maxsize=4096)
def to_basic_jamo(form: str) -> str:
    """Return the Hangul letters of ``form`` in their simplest parts, silent ㅇ left out; other characters as they are.

    >>> to_basic_jamo("했어"), to_basic_jamo("ㄴ다"), to_basic_jamo("Go")
    ('ㅎㅏㅣㅆㅓ', 'ㄴㄷㅏ', 'go')
    """
    parts = []
    for character in form:
        if is_syllable(character):
            names = [to_compatibility_jamo(letter) for letter in decompose_syllable(character)]
            if names[0] == "ㅇ":
                del names[0]
        else:
            names = [to_compatibility_jamo(character).lower()]
        parts += [_JAMO_PARTS.get(name, name) for name in names]
    return "".join(parts)


def _skip_whitespace(text: str, position: int) -> int:
    """Return the first position at or after ``position`` that is no whitespace."""
    return _SPACES.match(text, position).end()  # type: ignore[union-attr]  # \s* always matches


def _find_ahead(text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int) -> int:
    """Return where the form stands further on, or -1: the analyzer has left a stretch out.

    The next form must follow it there, for a restored form often stands elsewhere by chance.
    """
    form = forms[index][0]
    stop = cursor + _SEARCH_WINDOW + len(form)
    at = text.find(form, cursor, stop)
    for _ in range(4):
        if at < 0:
            break
        after = _skip_whitespace(text, at + len(form))
        if after == len(text) or index + 1 == len(forms) or text.startswith(forms[index + 1][0], after):
            return at
        at = text.find(form, at + 1, stop)
    return -1


def _share_previous_syllable(form: str, tag: str, text: str, aligned: list[Morpheme]) -> bool:
    """Give a form that left no letter of its own the syllable before it (학교다 is 학교, 이 and 다), if it can be so.

    Only one syllable with a silent or no initial can vanish so; anything else was not found.
    """
    if aligned and len(form) == 1 and "ㅏ" <= to_basic_jamo(form)[0] <= "ㅣ" and is_syllable(text[aligned[-1].end - 1]):
        end = aligned[-1].end
        aligned.append(Morpheme(form, tag, end - 1, end))
        return True
    return False


def _align_later_eojeol(
    text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int, aligned: list[Morpheme]
) -> tuple[int, int]:
    """Try `_align_eojeol` at the two eojeol after this one: the analyzer left one out and restored what follows."""
    for _ in range(2):
        cursor = _EOJEOL.match(text, cursor).end()  # type: ignore[union-attr]  # may match nothing
        taken, after = _align_eojeol(text, cursor, forms, index, aligned)
        if taken:
            return taken, after
    return 0, cursor


def _align_eojeol(
    text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int, aligned: list[Morpheme]
) -> tuple[int, int]:
    """Align the next forms with the rest of the eojeol at ``cursor`` by their letters, and append them to ``aligned``.

    Returns:
        How many forms were used up (0 where the letters do not agree) and the new cursor.
    """
    stop = cursor
    while stop < len(text) and stop - cursor < _MAX_EOJEOL_CHARACTERS and not text[stop].isspace():
        stop += 1
    owners = [i for i in range(cursor, stop) for _ in to_basic_jamo(text[i])]
    target = "".join(map(to_basic_jamo, text[cursor:stop]))
    groups: list[str] = []
    size = 0
    for form, _ in forms[index : index + _MAX_FORMS]:
        if size > len(target) + 4:
            break
        groups.append(to_basic_jamo(form)[: 4 * _MAX_EOJEOL_CHARACTERS])
        size += len(groups[-1])
    whole = stop == len(text) or text[stop].isspace()
    matches = _match_jamo(groups, target, whole)
    used = [match for match in matches if match]
    if 2 * sum(map(len, used)) <= max(len(target) if whole else 0, sum(len(group) for group in groups[: len(matches)])):
        return 0, cursor
    if not whole:
        matches = matches[: _count_settled_forms(matches, owners)]
    last = cursor
    for (form, tag), match in zip(forms[index:], matches, strict=False):
        if match:
            start = max(owners[match[0]], aligned[-1].start if aligned else 0)
            last = max(owners[match[-1]] + 1, last)
            aligned.append(Morpheme(form, tag, start, last))
        else:
            _share_previous_syllable(form, tag, text, aligned)
    return len(matches), stop if whole else last


def _count_settled_forms(matches: Sequence[Sequence[int]], character_indices: Sequence[int]) -> int:
    """Return how many forms to keep of a window that ends inside an eojeol: to the last one that ends a syllable."""
    for count in range(len(matches) - 1, 0, -1):
        match, after = matches[count - 1], matches[count]
        if match and after and character_indices[match[-1]] < character_indices[after[0]]:
            return count
    return len(matches)


def _match_jamo(groups: Sequence[str], target: str, is_whole_eojeol: bool) -> list[list[int]]:
    """Return, for each form that the target uses up, the positions in ``target`` of the letters that it shares.

    A longest common subsequence; the number of forms is the one that leaves the fewest letters unmatched on both
    sides. Cells are at most about 60 × 70, most often 8 × 10.
    """
    source = "".join(groups)
    table = [list(range(len(target) + 1))]  # table[i][j]: unmatched letters of source[:i] and target[:j]
    for i, letter in enumerate(source):
        before, row = table[-1], [i + 1]
        for j, other in enumerate(target):
            row.append(before[j] if letter == other else min(before[j + 1], row[j]) + 1)
        table.append(row)
    ends = [0]
    for group in groups:
        ends.append(ends[-1] + len(group))
    columns = range(len(target), len(target) + 1) if is_whole_eojeol else range(len(target) // 2, len(target) + 1)
    _, more, j = min(
        (table[ends[k]][j] - (0 if is_whole_eojeol else j), -k, j) for k in range(1, len(ends)) for j in columns
    )
    count = -more
    matches: list[list[int]] = [[] for _ in range(count)]
    row_at, form_at = ends[count], count - 1
    while row_at and j:
        while row_at <= ends[form_at]:
            form_at -= 1
        if source[row_at - 1] == target[j - 1]:
            row_at, j = row_at - 1, j - 1
            matches[form_at].append(j)
        elif table[row_at - 1][j] <= table[row_at][j - 1]:
            row_at -= 1
        else:
            j -= 1
    return [sorted(match) for match in matches]
