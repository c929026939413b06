"""README and documentation: their examples print what they show, their links lead somewhere."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

from korlm.cli.main import COMMANDS

README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WITH_PYTHON = [page for page in PAGES if ">>> " in page.read_text("utf-8")]
WITH_CONSOLE = [page for page in PAGES if "```console" in page.read_text("utf-8")]


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", WITH_PYTHON, ids=page_id)
def test_python_examples_print_what_they_show(page: Path) -> None:
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert (failed, tried > 0) == (0, True)


def console_commands(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page's console blocks, each with the output shown below it."""
    commands: list[tuple[str, str]] = []
    for block in re.findall(r"```console\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
        commands += zip(parts[::2], parts[1::2], strict=True)
    return commands


def same_word(shown: str, printed: str) -> bool:
    """Tell whether two words agree; a trained model's figures differ a little from processor to processor.

    A page may show them rounded to two decimals.
    """
    if re.fullmatch(r"\d+\.\d\d(\d\d)?", shown) and re.fullmatch(r"\d+\.\d{4}", printed):
        return float(printed) == pytest.approx(float(shown), rel=0.03)
    return shown == printed


@pytest.mark.parametrize("page", WITH_CONSOLE, ids=page_id)
def test_commands_print_what_they_show(page: Path, tmp_path: Path) -> None:
    program = f"{shlex.quote(sys.executable)} -m korlm"
    for command, output in console_commands(page):
        shell = re.sub(r"(^|\| )korlm ", rf"\1{program} ", command)
        done = subprocess.run(shell, shell=True, capture_output=True, text=True, encoding="utf-8", cwd=tmp_path)
        printed, shown = done.stdout.split(), output.split()
        assert len(printed) == len(shown) and all(map(same_word, shown, printed)), (
            f"{command}\n{done.stdout}{done.stderr}"
        )


def test_readme_is_short_and_fits_the_installed_packages() -> None:
    assert len(README.encode()) <= 6 * 1024
    header = README.split("---")[1]
    pins = (ROOT / "requirements.txt").read_text()
    version = re.search(r"sdk_version: (.*)", header)
    assert version and f"gradio=={version.group(1)}" in pins
    description = re.search(r"short_description: (.*)", header)
    assert description and len(description.group(1)) <= 60
    assert (ROOT / "app.py").is_file() and "app_file: app.py" in header


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_documentation_names_only_existing_modules() -> None:
    """Dotted names such as ``korlm.nn.cells`` in the pages are modules, or names in them."""
    for page in PAGES:
        if page.name in ("CHANGELOG.md", "LOG.md"):
            continue
        for dotted in re.findall(r"`(korlm(?:\.[a-z_]+)+)", page.read_text("utf-8")):
            path = ROOT.joinpath(*dotted.split("."))
            parent = path.parent
            known = path.is_dir() or path.with_suffix(".py").is_file() or parent.with_suffix(".py").is_file()
            assert known or parent == ROOT / "korlm", f"{page_id(page)}: {dotted}"


def test_command_reference_has_every_command() -> None:
    page = (ROOT / "docs/reference/cli.md").read_text("utf-8")
    assert re.findall(r"^## korlm (.*)$", page, re.MULTILINE) == list(COMMANDS)
