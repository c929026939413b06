"""The plan of the house: which room may import which, and what `import korlm` must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "korlm"
ROOT_ROOMS = {"errors", "language", "artifacts"}  # used by every room; they import no room
ALLOWED = {
    "text": set(),
    "morph": {"text"},
    "remote": set(),
    "tokenizers": {"text", "morph", "remote"},
    "corpora": {"text", "tokenizers"},
    "comparison": {"text", "morph", "tokenizers", "corpora"},
    "nn": set(),
    "training": {"options", "nn", "corpora", "tokenizers"},
    "generation": {"text", "nn", "tokenizers"},
    "saved": {"tokenizers", "nn"},
    "lm": {"saved", "text", "tokenizers", "corpora", "nn", "training", "generation"},
    "models": {"text", "remote", "tokenizers", "corpora", "nn", "training", "generation", "lm"},
    "runs": {"tokenizers", "corpora", "nn", "training", "lm", "models"},
    "soup": {"corpora", "nn", "training", "lm", "models", "runs"},
    "marginal": {"tokenizers", "training", "lm"},
    "mixture": {"lm", "marginal"},
    "bots": {"text", "morph", "corpora"},
    "options": {"corpora"},
    "chat": {
        "options",
        "saved",
        "text",
        "morph",
        "tokenizers",
        "corpora",
        "nn",
        "training",
        "generation",
        "lm",
        "models",
        "runs",
        "bots",
    },
    "experiment": {"text", "tokenizers", "corpora", "comparison", "nn", "training", "lm", "models", "runs", "marginal"},
    "hub": {"remote", "tokenizers", "corpora", "comparison", "nn", "lm", "saved", "chat"},
    "commands": {
        "options",
        "text",
        "morph",
        "tokenizers",
        "corpora",
        "comparison",
        "nn",
        "training",
        "generation",
        "lm",
        "models",
        "runs",
        "soup",
        "marginal",
        "mixture",
        "experiment",
        "hub",
    },
    "cli": {"options", "commands", "nn", "training", "experiment", "generation", "chat"},
    "__main__": {"cli"},
}
UI = {  # the files of ui that reach the rooms above
    "service.py": {"tokenizers", "corpora", "lm", "models", "marginal"},
    "lanes.py": {"comparison", "tokenizers", "morph"},
    "scoring.py": {"mixture"},
    "talk.py": {"tokenizers", "corpora", "chat", "bots"},
}
HEAVY = ("torch", "gradio", "jpype", "konlpy", "kiwipiepy", "sentencepiece", "numpy", "huggingface_hub")
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("korlm.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_the_rooms_above_it(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ("__init__", *ROOT_ROOMS):
        return
    own = {room, "__version__"} | ROOT_ROOMS
    if room == "ui":
        allowed = UI.get(path.name, {"text"})
    elif room == "commands":  # one of them opens the app, and knows nothing else of it
        allowed = ALLOWED[room] | {"ui"}
    else:
        allowed = ALLOWED[room]
    assert rooms(path) - own <= allowed


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "ui"], ids=lambda path: path.name)
def test_the_app_knows_no_torch(path: Path) -> None:
    assert not any(name.split(".")[0] == "torch" for name in imports(path))


@pytest.mark.parametrize("path", [p for p in FILES if p.parent.name == "comparison"], ids=lambda path: path.name)
def test_comparing_needs_no_torch(path: Path) -> None:
    assert "torch" not in {name.split(".")[0] for name in imports(path)}


def fresh(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=PACKAGE.parent
    ).stdout


def test_import_korlm_loads_nothing_heavy() -> None:
    loaded = fresh(f"import sys, korlm; print([name for name in {HEAVY} if name in sys.modules])")
    assert loaded.strip() == "[]"


def test_tokenizing_syllables_loads_neither_torch_nor_kiwi() -> None:
    code = f"import sys, korlm; korlm.load_tokenizer('syllable').encode('가'); print([n for n in {HEAVY} if n in sys.modules])"
    assert fresh(code).strip() == "[]"


def test_the_functions_are_not_hidden_by_modules_of_their_name() -> None:
    modules = ", ".join(".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in FILES[1:])
    modules = modules.replace(".__init__", "").replace(", korlm.__main__", "")
    code = f"import {modules}; print([n for n in korlm.__all__ if type(getattr(korlm, n)) is type(korlm)])"
    assert fresh(code).strip() == "[]"


def test_import_korlm_loads_one_module_of_ours_and_few_of_python() -> None:
    code = "import sys; before = set(sys.modules); import korlm; print(*(set(sys.modules) - before))"
    loaded = fresh(code).split()
    others = {name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names}
    assert others == {"korlm", "korlm._version"} and len(loaded) < 60


def test_no_module_is_longer_than_a_room() -> None:
    long = {}
    for path in FILES:
        tree = ast.parse(path.read_text("utf-8"))
        docs = sum(
            node.body[0].end_lineno - node.body[0].lineno + 1
            for node in ast.walk(tree)
            if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node)
        )
        if (lines := len(path.read_text("utf-8").splitlines()) - docs) > 260:
            long[path.name] = lines
    assert not long
