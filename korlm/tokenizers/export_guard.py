"""Regular expressions of an exported tokenizer: korlm's cut at spaces, and guards for special names that somebody typed.

In a ``tokenizer.json`` the special tokens and the bytes are keys of the same vocabulary as the pieces, so that a typed
``</s>`` or ``<0x41>`` would be taken for one. A guard cuts such a text where no learnt piece can cross the cut.

    >>> name_splitting_pattern(["</s>"], ["<", "/s", "s>"])
    '(?:<(?=/s>))'
    >>> import re
    >>> re.findall(EOJEOL_PATTERN, "나랑  쇼핑\\t하자")
    ['나랑', ' ', ' 쇼핑', '\\t', '하자']
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from korlm.errors import InputError

_OTHER_SPACES = "\\x09-\\x0D\\x1C-\\x1F\\u0085\\u00A0\\u1680\\u2000-\\u200A\\u2028\\u2029\\u202F\\u205F\\u3000"
# What `str.isspace` calls whitespace: Oniguruma's \s is another set, and \x85 is a byte to it.
_SPACES = "\\x20" + _OTHER_SPACES
_MATCH_NOTHING = "(?!)"
EOJEOL_PATTERN = f"\\x20?[^{_SPACES}]+|[{_SPACES}]"


def name_splitting_pattern(names: Iterable[str], tokens: Iterable[str], *, fuse_unknown: bool = False) -> str:
    """Return a pattern of one character after which to cut, so that no typed name stays whole.

    Args:
        names: of special tokens and bytes.
        tokens: what the vocabulary learnt; none of them can cross a cut.
        fuse_unknown: whether neighbouring unknown characters become one ``<unk>``; a cut between two of them would make two.

    Raises:
        InputError: a name has no place that no learnt piece can cross.
    """
    tokens = set(tokens)
    crossing: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for piece in tokens:
        for at in range(1, len(piece)):
            crossing[piece[at - 1 : at + 1]].append((piece, at))
    options = []
    for name in names:
        free = [
            at
            for at in range(1, len(name))
            if not any(_crosses_boundary(piece, where, name, at) for piece, where in crossing[name[at - 1 : at + 1]])
            and not (fuse_unknown and tokens.isdisjoint(name[at - 1 : at + 1]))
        ]
        if not free:
            raise InputError(
                f"어휘가 배운 조각이 특수 이름 '{name}'과 겹쳐서, 사람이 친 '{name}'을 보통 글자로 둘 수 없습니다. "
                "그 글자가 없는 글로 다시 가르치거나 특수 토큰의 이름을 바꾸세요.",
                f"Learnt pieces overlap the special name '{name}', so a typed '{name}' could not stay ordinary text. "
                "Train on text without it, or rename the special token.",
            )
        at = free[0]
        before = f"(?<={re.escape(name[: at - 1])})" if at > 1 else ""
        options.append(f"{before}{re.escape(name[at - 1])}(?={re.escape(name[at:])})")
    return f"(?:{'|'.join(options) or _MATCH_NOTHING})"


def alternation_pattern(names: Iterable[str]) -> str:
    """Return a pattern of any of ``names``.

    >>> alternation_pattern(["<s>", "[끝]"])
    '(?:<s>|\\\\[끝\\\\])'
    """
    return f"(?:{'|'.join(map(re.escape, names)) or _MATCH_NOTHING})"


def _crosses_boundary(token: str, token_offset: int, name: str, name_offset: int) -> bool:
    """Whether a piece can stand in a text over the cut of a name, the piece's offset ``token_offset`` on the name's ``name_offset``."""
    left, right = min(token_offset, name_offset), min(len(token) - token_offset, len(name) - name_offset)
    return token[token_offset - left : token_offset + right] == name[name_offset - left : name_offset + right]


def character_splitting_pattern(names: Iterable[str]) -> str:
    """Return a pattern of each character of a word that is a byte's name or one of ``names``, and nothing else.

    >>> character_splitting_pattern(["<s>"])  # doctest: +ELLIPSIS
    '(?:(?<=\\\\A)<(?=s>\\\\z)|(?<=\\\\A<)s(?=>\\\\z)|(?<=\\\\A<s)>(?=\\\\z)|...)'
    """
    words = [[*map(re.escape, name)] for name in names if not any(map(str.isspace, name))]
    options = [
        f"(?<=\\A{''.join(word[:at])}){word[at]}(?={''.join(word[at + 1 :])}\\z)"
        for word in [*words, ["<", "0", "x", "[0-9A-F]", "[0-9A-F]", ">"]]  # 256 names spelt out take 20 times as long
        for at in range(len(word))
    ]
    return f"(?:{'|'.join(options)})"


def whole_word_pattern(names: Sequence[str]) -> str:
    """Return a pattern of a word that is one of ``names``, with no space before it to join.

    >>> whole_word_pattern(["<s>"]).startswith("(?<![^") and "(?:<s>)" in whole_word_pattern(["<s>"])
    True
    """
    words = alternation_pattern(name for name in names if not any(map(str.isspace, name)))
    return f"(?<![^{_OTHER_SPACES}]){words}(?![^{_SPACES}])"
