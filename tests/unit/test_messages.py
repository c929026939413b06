"""The wording of messages, over the whole source."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest
from support import ROOT

# A particle in one form behind an inserted value, whose final sound is unknown (behind a parenthesis it belongs to the
# word before): use korlm.text.josa, or 을(를), (이)라는.
_FIXED_PARTICLE = re.compile(r"['’\"]*(이라는|라는|이라고|라고|은|는|이|가|을|를|과|와|으로|로)(?=[ .,]|$)")
_SOURCES = sorted((ROOT / "korlm").rglob("*.py"))


def fixed_particles(source: str) -> list[str]:
    """Return the particles in one form that follow an inserted value in the f-strings of a module.

    >>> fixed_particles("f'{name}을 {size}로 {x}을(를)'")
    ['을', '로']
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            for value, text in pairwise(node.values):
                if isinstance(value, ast.FormattedValue) and isinstance(text, ast.Constant):
                    match = _FIXED_PARTICLE.match(str(text.value))
                    found += [match[1]] if match else []
    return found


@pytest.mark.parametrize("path", _SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_particle_is_fixed_behind_an_inserted_value(path: Path) -> None:
    assert not fixed_particles(path.read_text("utf-8"))


def test_a_fixed_particle_is_found() -> None:
    assert fixed_particles("f'{name}을 {size}로 {x}을(를) {y}(이)라는'") == ["을", "로"]


# Words of the glossary in Korean and English that messages used to have others for. The app's own texts are apart.
_REPLACED_WORDS = re.compile(
    r"씨앗|걸음|글머리(?!표)|가르친다|가르칠|난수 씨 |조각/초|조각당|토큰 조각|"
    r"\bno number\b|start(s|ed)? anew|Start anew|at (most|least) so many|what is no |a piece\b|\bpieces/"
)


@pytest.mark.parametrize(
    "path",
    [path for path in _SOURCES if not {"app", "safety"} & set(path.parts)]
    + sorted((ROOT / "korlm").glob("[eh]*/templates/*.jinja")),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_messages_use_the_words_of_the_glossary(path: Path) -> None:
    assert not _REPLACED_WORDS.findall(path.read_text("utf-8"))
