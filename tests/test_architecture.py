"""The architecture: layer order, import cycles, names, and what importing korlm must not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from check_names import find_offences
from layers import RANKS, is_upward
from measure_house import import_graphs, measure_package
from support import ROOT

PACKAGE = ROOT / "korlm"
FILES = sorted(PACKAGE.rglob("*.py"))
HEAVY = ("torch", "gradio", "jpype", "konlpy", "kiwipiepy", "sentencepiece", "numpy", "huggingface_hub", "jinja2")


def imported_names(path: Path) -> set[str]:
    """Return the top-level packages that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def run_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def test_imports_follow_the_layer_order() -> None:
    """Imports inside functions and under TYPE_CHECKING count, too."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in FILES}
    by_module, _ = import_graphs(trees, PACKAGE)
    layer = {module: [*module.split("."), "__init__"][1] for module in by_module}
    assert not {layer[module] for module in by_module} - set(RANKS)
    upward = [
        f"{module} imports {imported}"
        for module, targets in by_module.items()
        for imported in targets
        if is_upward(layer[module], layer[imported])
    ]
    assert not upward


def test_there_are_no_import_cycles() -> None:
    measured = measure_package(PACKAGE)
    assert not measured.cycles
    assert not measured.file_cycles


def test_names_and_file_lengths_follow_the_rules() -> None:
    assert not find_offences(PACKAGE)


@pytest.mark.parametrize("package", ["app", "evaluation", "text", "tokenizers", "corpora", "reporting", "cli"])
def test_packages_below_and_beside_the_networks_do_not_import_torch(package: str) -> None:
    assert not [str(path) for path in PACKAGE.joinpath(package).rglob("*.py") if "torch" in imported_names(path)]


def test_importing_korlm_loads_no_heavy_library() -> None:
    assert run_python(f"import sys, korlm; print([name for name in {HEAVY} if name in sys.modules])") == "[]"


def test_importing_the_app_loads_no_torch() -> None:
    assert run_python("import sys, korlm.app.main; print('torch' in sys.modules)") == "False"


def test_tokenizing_by_syllable_loads_no_heavy_library() -> None:
    code = f"korlm.load_tokenizer('syllable').encode('가'); print([name for name in {HEAVY} if name in sys.modules])"
    assert run_python(f"import sys, korlm; {code}") == "[]"


def test_submodules_do_not_hide_public_functions() -> None:
    """`korlm.compare` stays the function after every module of the package has been imported."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES]
    modules = [module for module in modules if module not in ("korlm.__main__", "korlm.morph.konlpy.worker")]
    code = f"import {', '.join(modules)}; print([n for n in korlm.__all__ if type(getattr(korlm, n)) is type(korlm)])"
    assert run_python(code) == "[]"
