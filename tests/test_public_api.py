"""The public interface that users rely on; a change of it must be deliberate.

`python tests/test_public_api.py` writes the help pages of ``tests/golden/help`` again.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from korlm.cli.main import COMMANDS, main

GOLDEN = Path(__file__).parent / "golden" / "help"
PAGES = [(language, page) for language in ("ko", "en") for page in ("korlm", *COMMANDS)]


def help_page(page: str, language: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return ``korlm --help``, or that of a command, 100 columns wide."""
    monkeypatch.setenv("KORLM_LANG", language)
    monkeypatch.setenv("COLUMNS", "100")
    with redirect_stdout(io.StringIO()) as output, pytest.raises(SystemExit):
        main(["--help"] if page == "korlm" else [page, "--help"])
    return output.getvalue()


def normalize_help(text: str) -> str:
    """Remove what depends on Python's version: line breaks, and ``-n N, --n N`` instead of ``-n, --n N``."""
    return re.sub(r"(-\w) (\S+), (--[\w-]+ \2)", r"\1, \3", " ".join(text.split()))


@pytest.mark.parametrize(("language", "page"), PAGES)
def test_help_is_unchanged(language: str, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = (GOLDEN / language / f"{page}.txt").read_text("utf-8")
    assert normalize_help(help_page(page, language, monkeypatch)) == normalize_help(expected)


def test_every_golden_help_page_belongs_to_a_command() -> None:
    files = {path.relative_to(GOLDEN).with_suffix("").as_posix() for path in GOLDEN.rglob("*.txt")}
    assert files == {f"{language}/{page}" for language, page in PAGES}


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["experiment", "--help"], ["chat", "--help"]])
def test_help_loads_no_heavy_library(arguments: list[str]) -> None:
    code = (
        f"import sys; from korlm.cli.main import main\ntry: main({arguments})\nexcept SystemExit: print(*sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "kiwipiepy", "sentencepiece", "gradio"} & set(output.splitlines()[-1].split())


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        for language, page in PAGES:
            (GOLDEN / language / f"{page}.txt").write_text(help_page(page, language, patch), "utf-8")
