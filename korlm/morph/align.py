"""Puts spans on an analysis that comes without offsets.

KoNLPy's analyzers give forms and tags only, and most restore forms (했 comes back as 하 and 았). The walk keeps a
cursor in the text: a form that stands there as it is written takes its place at once; where one does not, the letters
of the next few forms are aligned with those of the rest of the eojeol.

    >>> for morpheme in align("나는 했다", [("나", "NP"), ("는", "JX"), ("하", "VV"), ("았", "EP"), ("다", "EF")]):
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
from korlm.text.hangul import is_syllable, letters_of, shown

_SPACES = re.compile(r"\s*")
_EOJEOL = re.compile(r"\S{0,64}\s*")
_REPAIR = 16  # characters of an eojeol, from the cursor, that one repair looks at
_FORMS = 16  # forms that one repair looks at
_WINDOW = 64  # characters searched for a form that the analyzer found further on

# Compound letters apart, so that contractions are plain concatenations: 그려 = 그리 + 어, 봐 = 보 + 아, 게 = 거 + 이.
_PARTS = {
    "ㅐ": "ㅏㅣ", "ㅑ": "ㅣㅏ", "ㅒ": "ㅣㅏㅣ", "ㅔ": "ㅓㅣ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅓㅣ",
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅏㅣ", "ㅚ": "ㅗㅣ", "ㅛ": "ㅣㅗ", "ㅝ": "ㅜㅓ",
    "ㅞ": "ㅜㅓㅣ", "ㅟ": "ㅜㅣ", "ㅠ": "ㅣㅜ", "ㅢ": "ㅡㅣ",
    "ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄶ": "ㄴㅎ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄽ": "ㄹㅅ", "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ", "ㅀ": "ㄹㅎ", "ㅄ": "ㅂㅅ",
}  # fmt: skip


def align(text: str, pairs: Sequence[tuple[str, str]]) -> list[Morpheme]:
    """Return the morphemes of an analysis with their spans in ``text``.

    Time is linear in ``text`` and ``pairs``: whatever is not found at the cursor is looked for in a bounded window.

    Args:
        text: the string that was analyzed.
        pairs: forms and tags in the order of the text; forms may be restored, normalized or invented.

    Returns:
        Morphemes in order of start, inside the text, no whitespace at their ends; they overlap only where consecutive
        ones share a syllable. A form that cannot be found is left out; nothing is raised.

        >>> align("가다", [("나", "V")])
        []
    """
    forms = [(form.strip(), tag) for form, tag in pairs]
    forms = [(form, tag) for form, tag in forms if form]
    found: list[Morpheme] = []
    cursor = index = 0
    placed = False  # whether the form before has its place
    while index < len(forms):
        cursor = _skip(text, cursor)
        form, tag = forms[index]
        at = cursor if text.startswith(form, cursor) else -1
        if at < 0:
            taken, after = _repair(text, cursor, forms, index, found)
            if not taken and (at := _search(text, cursor, forms, index)) < 0:
                taken, after = _repair_later(text, cursor, forms, index, found)
            if taken:
                index, cursor, placed = index + taken, after, True
                continue
        if at >= 0:
            found.append(Morpheme(form, tag, at, at + len(form)))
            cursor = at + len(form)
        placed = at >= 0 or (placed and _share(form, tag, text, found))
        index += 1
    return found


@lru_cache(maxsize=4096)
def letters(form: str) -> str:
    """Return the Hangul letters of ``form`` in their simplest parts, silent ㅇ left out; other characters as they are.

    >>> letters("했어"), letters("ㄴ다"), letters("Go")
    ('ㅎㅏㅣㅆㅓ', 'ㄴㄷㅏ', 'go')
    """
    parts = []
    for character in form:
        if is_syllable(character):
            names = [shown(letter) for letter in letters_of(character)]
            if names[0] == "ㅇ":
                del names[0]
        else:
            names = [shown(character).lower()]
        parts += [_PARTS.get(name, name) for name in names]
    return "".join(parts)


def _skip(text: str, position: int) -> int:
    """Return the first position at or after ``position`` that is no whitespace."""
    return _SPACES.match(text, position).end()  # type: ignore[union-attr]  # \s* always matches


def _search(text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int) -> int:
    """Return where the form stands further on, or -1: the analyzer has left a stretch out.

    The next form must follow it there, for a restored form often stands elsewhere by chance.
    """
    form = forms[index][0]
    stop = cursor + _WINDOW + len(form)
    at = text.find(form, cursor, stop)
    for _ in range(4):
        if at < 0:
            break
        after = _skip(text, at + len(form))
        if after == len(text) or index + 1 == len(forms) or text.startswith(forms[index + 1][0], after):
            return at
        at = text.find(form, at + 1, stop)
    return -1


def _share(form: str, tag: str, text: str, found: list[Morpheme]) -> bool:
    """Give a form that left no letter of its own the syllable before it (학교다 is 학교, 이 and 다), if it can be so.

    Only one syllable with a silent or no initial can vanish so; anything else was not found.
    """
    if found and len(form) == 1 and "ㅏ" <= letters(form)[0] <= "ㅣ" and is_syllable(text[found[-1].end - 1]):
        end = found[-1].end
        found.append(Morpheme(form, tag, end - 1, end))
        return True
    return False


def _repair_later(
    text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int, found: list[Morpheme]
) -> tuple[int, int]:
    """Try `_repair` at the two eojeol after this one: the analyzer left one out and restored what follows."""
    for _ in range(2):
        cursor = _EOJEOL.match(text, cursor).end()  # type: ignore[union-attr]  # may match nothing
        taken, after = _repair(text, cursor, forms, index, found)
        if taken:
            return taken, after
    return 0, cursor


def _repair(
    text: str, cursor: int, forms: Sequence[tuple[str, str]], index: int, found: list[Morpheme]
) -> tuple[int, int]:
    """Align the next forms with the rest of the eojeol at ``cursor`` by their letters, and append them to ``found``.

    Returns:
        How many forms were used up (0 where the letters do not agree) and the new cursor.
    """
    stop = cursor
    while stop < len(text) and stop - cursor < _REPAIR and not text[stop].isspace():
        stop += 1
    owners = [i for i in range(cursor, stop) for _ in letters(text[i])]
    target = "".join(map(letters, text[cursor:stop]))
    groups: list[str] = []
    size = 0
    for form, _ in forms[index : index + _FORMS]:
        if size > len(target) + 4:
            break
        groups.append(letters(form)[: 4 * _REPAIR])
        size += len(groups[-1])
    whole = stop == len(text) or text[stop].isspace()
    matches = _match(groups, target, whole)
    used = [match for match in matches if match]
    if 2 * sum(map(len, used)) <= max(len(target) if whole else 0, sum(len(group) for group in groups[: len(matches)])):
        return 0, cursor
    if not whole:
        matches = matches[: _settled(matches, owners)]
    last = cursor
    for (form, tag), match in zip(forms[index:], matches, strict=False):
        if match:
            start = max(owners[match[0]], found[-1].start if found else 0)
            last = max(owners[match[-1]] + 1, last)
            found.append(Morpheme(form, tag, start, last))
        else:
            _share(form, tag, text, found)
    return len(matches), stop if whole else last


def _settled(matches: Sequence[Sequence[int]], owners: Sequence[int]) -> int:
    """Return how many forms to keep of a window that ends inside an eojeol: to the last one that ends a syllable."""
    for count in range(len(matches) - 1, 0, -1):
        match, after = matches[count - 1], matches[count]
        if match and after and owners[match[-1]] < owners[after[0]]:
            return count
    return len(matches)


def _match(groups: Sequence[str], target: str, whole: bool) -> list[list[int]]:
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
    columns = range(len(target), len(target) + 1) if whole else range(len(target) // 2, len(target) + 1)
    _, more, j = min((table[ends[k]][j] - (0 if whole else j), -k, j) for k in range(1, len(ends)) for j in columns)
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
