"""What the README prints is what a reader gets."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

README = (ROOT / "README.md").read_text("utf-8")


def test_the_python_session_prints_what_it_says() -> None:
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False, encoding="utf-8")
    assert (failed, tried > 8) == (0, True)


def commands() -> list[tuple[str, str]]:
    session = re.search(r"```console\n(.*?)```", README, re.DOTALL)
    assert session
    parts = re.split(r"^\$ (.*)\n", session.group(1), flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def same(shown: str, got: str) -> bool:
    """Whether two words agree; a trained model's figures differ a little from processor to processor."""
    if re.fullmatch(r"\d+\.\d{4}", shown) and re.fullmatch(r"\d+\.\d{4}", got):
        return float(got) == pytest.approx(float(shown), rel=0.03)
    return shown == got


def test_the_command_line_session_prints_what_it_says(tmp_path: Path) -> None:
    assert len(commands()) >= 4
    program = f"{shlex.quote(sys.executable)} -m korlm"
    for command, output in commands():
        shell = re.sub(r"(^|\| )korlm ", rf"\1{program} ", command)
        done = subprocess.run(shell, shell=True, capture_output=True, text=True, encoding="utf-8", cwd=tmp_path)
        got, shown = done.stdout.split(), output.split()
        assert len(got) == len(shown) and all(map(same, shown, got)), f"{command}\n{done.stdout}{done.stderr}"


def test_the_space_header_fits_what_is_installed() -> None:
    header = README.split("---")[1]
    pins = (ROOT / "requirements.txt").read_text()
    version = re.search(r"sdk_version: (.*)", header)
    assert version and f"gradio=={version.group(1)}" in pins
    description = re.search(r"short_description: (.*)", header)
    assert description and len(description.group(1)) <= 60
    assert (ROOT / "app.py").is_file() and "app_file: app.py" in header


@pytest.mark.parametrize("path", re.findall(r"\]\((docs/[^)]+)\)", README))
def test_linked_files_exist(path: str) -> None:
    assert (ROOT / path).is_file()


def test_the_file_tree_names_what_there_is() -> None:
    tree = re.search(r"## 집의 구조\n\n```\n(.*?)```", README, re.DOTALL)
    assert tree
    for name in re.findall(r"^  (\w+)/", tree.group(1), re.MULTILINE):
        assert (ROOT / "korlm" / name).is_dir()
    rooms = {path.name for path in (ROOT / "korlm").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms <= set(re.findall(r"^  (\w+)/", tree.group(1), re.MULTILINE))
