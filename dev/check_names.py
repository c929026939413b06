"""Check the naming rules of CONTRIBUTING that a machine can check; `make lint` runs it.

    python dev/check_names.py                  # korlm/ of this repository
    python dev/check_names.py path/to/korlm
    python dev/check_names.py --unused-allowlist

1. The name of a public top-level function or class is defined in one file only.
2. A function or method has a name of two words or more (``load_model``), unless the word is a standard term listed here.
3. A file has at most 450 lines.
4. An attribute with a leading underscore is only used in the file that defines it.

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

from measure_house import Function, is_dunder, is_one_word, is_property

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
    abbreviate message classify translate attend analyze nll send receive find union difference discard decoder build head to index
    """.split()  # noqa: SIM905
)

# "Class.method" with the current class name: the method overrides or implements one whose name a library decides.
LIBRARY_OVERRIDES = frozenset(
    {
        "BilingualArgumentParser.error",  # argparse.ArgumentParser
        "JoinLines.preprocess",  # jinja2.ext.Extension
    }
)


NAMED_TUPLE_METHODS = {"_replace", "_asdict", "_fields", "_make"}
# Private names of libraries that have no public equivalent.
LIBRARY_PRIVATE = frozenset(
    {
        "_exit",  # os
        "_tagger",  # python-mecab-ko
        "_is_avx512_bf16_supported", "_reorder_linear_weight", "_linear_pointwise",  # torch, bf16 kernels
        "_parameters", "_version", "_foreach_lerp_", "_foreach_norm", "_indices", "_values",  # torch, tensors and modules
    }
)  # fmt: skip


# Folder: functions that each of its modules defines, since they follow a protocol (korlm/cli/__init__.py).
MODULE_PROTOCOLS = {"cli": {"add_arguments", "run"}}


def one_word_functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function with a name of one word and its qualified name, at any depth."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            qualified = f"{prefix}{node.name}"
            if (
                isinstance(node, Function)
                and is_one_word(node.name)
                and not (is_dunder(node.name) or is_property(node))
            ):
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


def foreign_private_attributes(tree: ast.Module) -> list[tuple[str, int]]:
    """Return the private attributes that a file uses but does not define, each with its line.

    >>> foreign_private_attributes(ast.parse("self._x = 1; other._x; bot._given; pair._replace(a=1)"))
    [('_given', 1)]
    """
    defined = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    defined |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    defined |= {node.name for node in ast.walk(tree) if isinstance(node, Function | ast.ClassDef)}
    defined |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return [
        (node.attr, node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not is_dunder(node.attr)
        and node.attr not in defined | NAMED_TUPLE_METHODS | LIBRARY_PRIVATE
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
        and not (isinstance(node.value, ast.Call) and getattr(node.value.func, "id", "") == "super")
    ]


def find_offences(package: Path) -> list[str]:
    """Return ``file:line: what`` for each offence against the rules, sorted by file and line."""
    offences: list[tuple[Path, int, str]] = []
    definitions: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    for path in sorted(package.rglob("*.py")):
        source = path.read_text("utf-8")
        for name, line in check_source(source):
            offences.append((path, line, f"one-word function name: {name}"))
        for name, line in foreign_private_attributes(ast.parse(source)):
            offences.append((path, line, f"private attribute of another module: {name}"))
        if (count := len(source.splitlines())) > MAX_LINES:
            offences.append((path, MAX_LINES + 1, f"the file has {count} lines; at most {MAX_LINES}"))
        names: dict[str, int] = {}
        for node in ast.parse(source).body:
            is_protocol = isinstance(node, Function) and node.name in MODULE_PROTOCOLS.get(path.parent.name, ())
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_") and not is_protocol:
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
