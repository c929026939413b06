"""Measure the structure of korlm: modules, imports, layers, cycles, names, docstrings, lengths.

    python dev/measure_house.py                     # the tree this file is in
    python dev/measure_house.py korlm --verbose     # with the lists behind the counts
    python dev/measure_house.py --ref HEAD~20 --json

Only the standard library is used, and the code that is measured is parsed, never imported.

>>> longest_path({"cli": {"text"}, "text": {"errors"}, "errors": set()})
3
>>> strongly_connected({"a": {"b"}, "b": {"a"}, "c": {"a"}})
[['a', 'b']]
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from layers import LAYERS, RANKS, is_upward

REPOSITORY = Path(__file__).resolve().parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Measurements:
    """What `measure_package` returns. Lists are sorted; counts are over all Python files of the package."""

    package: str
    files: int
    top_level: int  # modules and packages directly under the package
    import_edges: int  # between top-level names
    layers: int  # modules on the longest chain of imports, a cycle counted as one
    upward_edges: list[str] | None  # "importer -> imported" against dev/layers.py; None: another layout
    cycles: list[list[str]]  # strongly connected top-level names, two or more
    file_cycles: list[list[str]]  # the same between single modules
    total_lines: int
    median_lines: float
    longest_file: str
    longest_lines: int
    functions: int  # functions and methods at any depth, without dunders
    one_word_functions: int
    one_word_share: float
    functions_without_properties: int
    one_word_functions_without_properties: int
    one_word_share_without_properties: float
    duplicate_names: dict[str, list[str]]  # public top-level function or class -> the files that define it
    public_definitions: int  # public functions, classes and methods
    documented: int
    docstring_coverage: float


def top_level_name(module: str) -> str:
    """Return the part below the package: ``korlm.text.spans`` gives ``text``, ``korlm`` gives ``__init__``.

    >>> top_level_name("korlm.text.spans"), top_level_name("korlm")
    ('text', '__init__')
    """
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_name(path: Path, package: Path) -> str:
    """Return the dotted name of a file: ``korlm/text/__init__.py`` gives ``korlm.text``."""
    parts = [package.name, *path.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(tree: ast.Module, module: str, is_package: bool, modules: set[str]) -> set[str]:
    """Return the modules of the package that a file imports, anywhere in it: in functions and TYPE_CHECKING too."""
    found: set[str] = set()
    package = module.split(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            found |= {name for name in names if name.split(".")[0] == package}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".") if is_package else module.split(".")[:-1]
                parts = parts[: len(parts) - (node.level - 1)]
                base = ".".join([*parts, base] if base else parts)
            if base.split(".")[0] == package:
                # `from korlm.text import spans` imports a module, `from korlm.text.spans import Span` a name
                submodules = {f"{base}.{alias.name}" for alias in node.names if f"{base}.{alias.name}" in modules}
                found |= submodules
                if len(submodules) < len(node.names):
                    found.add(base)
    return {name if name in modules else name.rpartition(".")[0] for name in found} - {module}


def strongly_connected(graph: Graph) -> list[list[str]]:
    """Return the groups of two or more nodes that reach each other (Tarjan, 1972)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    groups: list[list[str]] = []

    def visit_node(node: str) -> None:
        index[node] = lowest[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                visit_node(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in stack:
                lowest[node] = min(lowest[node], index[target])
        if lowest[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                groups.append(sorted(group))

    sys.setrecursionlimit(max(sys.getrecursionlimit(), 10 * len(graph) + 1000))
    for node in sorted(graph):
        if node not in index:
            visit_node(node)
    return sorted(groups)


def longest_path(graph: Graph) -> int:
    """Return the number of nodes on the longest chain of imports, each cycle being one node."""
    group_of = {node: group[0] for group in strongly_connected(graph) for node in group}
    condensed: Graph = defaultdict(set)
    for node, targets in graph.items():
        condensed[group_of.get(node, node)] |= {group_of.get(target, target) for target in targets}
    depths: dict[str, int] = {}

    def depth_of(node: str) -> int:
        if node not in depths:
            depths[node] = 1 + max((depth_of(target) for target in condensed.get(node, set()) - {node}), default=0)
        return depths[node]

    return max((depth_of(node) for node in list(condensed)), default=0)


def import_graphs(trees: dict[Path, ast.Module], package: Path) -> tuple[Graph, Graph]:
    """Return who imports whom, between the modules of a package and between its top-level names."""
    modules = {module_name(path, package): path for path in trees}
    by_module: Graph = {}
    by_top_level: Graph = defaultdict(set)
    for module, path in modules.items():
        imported = imported_modules(trees[path], module, path.name == "__init__.py", set(modules))
        by_module[module] = {name for name in imported if name in modules}
        importer = top_level_name(module)
        by_top_level[importer] |= {top_level_name(name) for name in by_module[module]} - {importer}
    return by_module, dict(by_top_level)


def is_one_word(name: str) -> bool:
    """Tell whether a name has one word: no underscore but at its ends, and no inner capital.

    >>> is_one_word("_load"), is_one_word("load_model"), is_one_word("setUp")
    (True, False, False)
    """
    name = name.strip("_")
    return "_" not in name and not any(character.isupper() for character in name[1:])


def is_dunder(name: str) -> bool:
    """Tell whether a name is one of Python's own, such as ``__init__``."""
    return name.startswith("__") and name.endswith("__")


def is_property(node: Function) -> bool:
    """Tell whether a method is read as an attribute: ``@property``, ``@cached_property``, ``@x.setter``."""
    for decorator in node.decorator_list:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
        if name in ("property", "cached_property", "setter", "deleter", "abstractproperty"):
            return True
    return False


def public_definitions(tree: ast.Module) -> Iterator[Definition]:
    """Yield the public functions and classes of a module, and the public methods of its public classes."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.If | ast.Try):  # definitions may depend on what is installed
            pending += node.body
        elif isinstance(node, Definition) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                pending += node.body


def measure_package(package: Path) -> Measurements:
    """Measure a package that lies on disk.

    Raises:
        SystemExit: the folder has no Python files.
    """
    sources = {path: path.read_text("utf-8") for path in sorted(package.rglob("*.py"))}
    if not sources:
        raise SystemExit(f"{package}: no Python files")
    trees = {path: ast.parse(source, str(path)) for path, source in sources.items()}
    lines = {str(path.relative_to(package)): len(source.splitlines()) for path, source in sources.items()}
    by_module, by_top_level = import_graphs(trees, package)
    edges = sorted((importer, imported) for importer, targets in by_top_level.items() for imported in targets)

    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, Function)]
    functions = [node for node in functions if not is_dunder(node.name)]
    plain = [node for node in functions if not is_property(node)]
    one_word, plain_one_word = ([f for f in group if is_one_word(f.name)] for group in (functions, plain))

    homes: dict[str, list[str]] = defaultdict(list)
    for path, tree in trees.items():
        names = {node.name for node in tree.body if isinstance(node, Definition) and not node.name.startswith("_")}
        for name in names:
            homes[name].append(str(path.relative_to(package)))
    public = [node for tree in trees.values() for node in public_definitions(tree)]
    documented = sum(ast.get_docstring(node) is not None for node in public)
    longest = max(lines, key=lambda name: lines[name])
    return Measurements(
        package=str(package),
        files=len(sources),
        top_level=len(by_top_level),
        import_edges=len(edges),
        layers=longest_path(by_top_level),
        upward_edges=upward_edges(edges, set(by_top_level)),
        cycles=strongly_connected(by_top_level),
        file_cycles=strongly_connected(by_module),
        total_lines=sum(lines.values()),
        median_lines=statistics.median(lines.values()),
        longest_file=longest,
        longest_lines=lines[longest],
        functions=len(functions),
        one_word_functions=len(one_word),
        one_word_share=len(one_word) / max(len(functions), 1),
        functions_without_properties=len(plain),
        one_word_functions_without_properties=len(plain_one_word),
        one_word_share_without_properties=len(plain_one_word) / max(len(plain), 1),
        duplicate_names={name: files for name, files in sorted(homes.items()) if len(files) > 1},
        public_definitions=len(public),
        documented=documented,
        docstring_coverage=documented / max(len(public), 1),
    )


def upward_edges(edges: list[tuple[str, str]], top_level: set[str]) -> list[str] | None:
    """Return the imports against the layer order; None if the package has another layout than dev/layers.py."""
    if top_level - set(RANKS):
        return None
    return [f"{importer} -> {imported}" for importer, imported in edges if is_upward(importer, imported)]


def extract_revision(revision: str, package: str, folder: Path) -> Path:
    """Write a package of another Git revision below a folder and return its path."""
    archive = subprocess.run(
        ["git", "-C", str(REPOSITORY), "archive", "--format=tar", revision, package], check=True, capture_output=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder / package


def format_report(measured: Measurements, *, verbose: bool = False) -> str:
    """Return the measurements as aligned lines; verbose adds the lists behind the counts."""
    if measured.upward_edges is None:
        upward = "n/a (some top-level names are not in dev/layers.py)"
    else:
        upward = str(len(measured.upward_edges))
    rows = [
        ("Python files", f"{measured.files:,}"),
        ("top-level modules and packages", str(measured.top_level)),
        ("import edges between them", str(measured.import_edges)),
        ("layers (longest chain of imports)", str(measured.layers)),
        ("upward edges", upward),
        ("import cycles between them", str(len(measured.cycles))),
        ("import cycles between files", str(len(measured.file_cycles))),
        ("lines", f"{measured.total_lines:,}"),
        ("median lines per file", f"{measured.median_lines:g}"),
        ("longest file", f"{measured.longest_file} ({measured.longest_lines})"),
        (
            "one-word function names",
            f"{measured.one_word_share:.1%} ({measured.one_word_functions:,} of {measured.functions:,})",
        ),
        (
            "  without properties",
            f"{measured.one_word_share_without_properties:.1%} "
            f"({measured.one_word_functions_without_properties:,} of {measured.functions_without_properties:,})",
        ),
        ("public names defined in several files", str(len(measured.duplicate_names))),
        (
            "public definitions with a docstring",
            f"{measured.docstring_coverage:.1%} ({measured.documented:,} of {measured.public_definitions:,})",
        ),
    ]
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:<{width}}  {value}" for label, value in rows]
    lines += [f"cycle: {', '.join(group)}" for group in measured.cycles]
    lines += [f"cycle between files: {', '.join(group)}" for group in measured.file_cycles]
    if verbose:
        lines += [f"upward: {edge}" for edge in measured.upward_edges or ()]
        lines += [f"in several files: {name}: {', '.join(files)}" for name, files in measured.duplicate_names.items()]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("package", nargs="?", help="folder of the package; default: korlm of this repository")
    parser.add_argument("--ref", metavar="GIT_REV", help="measure the package as it is in another Git revision")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--verbose", action="store_true", help="list upward edges and names defined in several files")
    options = parser.parse_args(arguments)
    if options.ref:
        with tempfile.TemporaryDirectory() as folder:
            measured = measure_package(extract_revision(options.ref, options.package or "korlm", Path(folder)))
    else:
        measured = measure_package(Path(options.package) if options.package else REPOSITORY / "korlm")
    if options.json:
        layers = [list(layer) for layer in LAYERS]
        print(json.dumps(asdict(measured) | {"layer_order": layers}, ensure_ascii=False, indent=2))
    else:
        print(format_report(measured, verbose=options.verbose))


if __name__ == "__main__":
    main()
