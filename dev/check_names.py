"""Check the naming rules of CONTRIBUTING that a machine can check; `make lint` runs it.

    python dev/check_names.py                  # korlm/ of this repository
    python dev/check_names.py path/to/korlm
    python dev/check_names.py --unused-allowlist

1. The name of a public top-level function or class is defined in one file only.
2. A function or method has a name of two words or more (``load_model``), unless the word is a standard term listed here.
3. A file has at most 450 lines.

Each offence is printed as ``file:line: what``; the exit status is 1 if there is one.

>>> offences = check_source("def found():\\n    def main(): ...\\n    def best(): ...\\nclass A:\\n    def __init__(self): ...")
>>> [(name, line) for name, line in offences]
[('found', 1), ('found.best', 3)]
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
MAX_LINES = 450

# Standard terms of the field (Hugging Face, torch, sacrebleu) and of Python's own containers, files and threads. The
# leading underscore of a private name does not count. Add a word only if it says enough wherever it stands.
STANDARD_TERMS = frozenset(
    """
    encode decode tokenize forward backward step score generate stream reply load save read write close open fetch push
    pull copy append extend pop get put add remove update clear reset start stop run main launch submit cancel wait poll
    flush finish validate parse format render plot softmax align compare evaluate train resume sample mask split join
    merge sort filter search match segment quantize dequantize prefill localize setting t detach export register embed
    classify translate attend
    """.split()  # noqa: SIM905
)

# "Class.method" with the current class name: the method overrides or implements one whose name a library decides.
LIBRARY_OVERRIDES = frozenset(
    {
        "_Parser.error",  # argparse.ArgumentParser
    }
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
PROPERTY_DECORATORS = ("property", "cached_property", "setter", "deleter")


def is_one_word(name: str) -> bool:
    """Tell whether a name has one word: no underscore but at its ends, and no inner capital."""
    name = name.strip("_")
    return "_" not in name and not any(character.isupper() for character in name[1:])


def is_exempt(node: Function) -> bool:
    """Tell whether a function's name is not chosen freely or is a noun: dunders and properties."""
    if node.name.startswith("__") and node.name.endswith("__"):
        return True
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")) in PROPERTY_DECORATORS:
            return True
    return False


def one_word_functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function with a name of one word and its qualified name, at any depth."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            qualified = f"{prefix}{node.name}"
            if isinstance(node, Function) and is_one_word(node.name) and not is_exempt(node):
                yield qualified, node
            yield from one_word_functions(node, f"{qualified}.")
        else:
            yield from one_word_functions(node, prefix)


def is_allowed(qualified: str) -> bool:
    """Tell whether a one-word name is a standard term or given by a library."""
    name = qualified.rpartition(".")[2]
    return name.strip("_") in STANDARD_TERMS or ".".join(qualified.split(".")[-2:]) in LIBRARY_OVERRIDES


def check_source(source: str) -> list[tuple[str, int]]:
    """Return the one-word functions of a file that are not allowed, each with its line."""
    return [(name, node.lineno) for name, node in one_word_functions(ast.parse(source)) if not is_allowed(name)]


def find_offences(package: Path) -> list[str]:
    """Return ``file:line: what`` for each offence against the rules, sorted by file and line."""
    offences: list[tuple[Path, int, str]] = []
    definitions: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        source = path.read_text("utf-8")
        for name, line in check_source(source):
            offences.append((path, line, f"one-word function name: {name}"))
        if (count := len(source.splitlines())) > MAX_LINES:
            offences.append((path, MAX_LINES + 1, f"the file has {count} lines; at most {MAX_LINES}"))
        names: dict[str, int] = {}
        for node in ast.parse(source).body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                names.setdefault(node.name, node.lineno)  # overloads repeat a name in one file
        for name, line in names.items():
            definitions[name].append((path, line))
    for name, places in definitions.items():
        for path, line in places if len(places) > 1 else ():
            others = ", ".join(str(other) for other, _ in places if other != path)
            offences.append((path, line, f"public name {name} is also defined in {others}"))
    return [f"{path}:{line}: {what}" for path, line, what in sorted(offences)]


def unused_entries(package: Path) -> list[str]:
    """Return the standard terms and overrides of the lists above that no function of the package needs."""
    used_terms: set[str] = set()
    used_overrides: set[str] = set()
    for path in package.rglob("*.py"):
        for qualified, _ in one_word_functions(ast.parse(path.read_text("utf-8"))):
            used_terms.add(qualified.rpartition(".")[2].strip("_"))
            used_overrides.add(".".join(qualified.split(".")[-2:]))
    return sorted(STANDARD_TERMS - used_terms) + sorted(LIBRARY_OVERRIDES - used_overrides)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("root", nargs="?", type=Path, help="folder of the package; default: korlm of this repository")
    parser.add_argument("--unused-allowlist", action="store_true", help="list the allowed names that nothing uses")
    options = parser.parse_args(arguments)
    package = options.root or REPOSITORY / "korlm"
    if package.is_absolute() and package.is_relative_to(Path.cwd()):
        package = package.relative_to(Path.cwd())
    if not any(package.rglob("*.py")):
        parser.error(f"{package}: no Python files")
    lines = unused_entries(package) if options.unused_allowlist else find_offences(package)
    for line in lines:
        print(line)
    if not options.unused_allowlist:
        print(f"{len(lines)} offences against the naming rules", file=sys.stderr)
    return int(bool(lines) and not options.unused_allowlist)


if __name__ == "__main__":
    sys.exit(main())
