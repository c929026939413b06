"""Fixtures of the browser tests, as a plugin: one app and one browser for all files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from support import ROOT
from support.browser import FLAGS, answers, open_page, playwright

HoldModels = Callable[[], AbstractContextManager[Callable[[int], None]]]


@pytest.fixture(scope="session")
def browser() -> Iterator[playwright.Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    with playwright.sync_playwright() as running:
        if path is None and not Path(running.chromium.executable_path).exists():
            pytest.skip(f"no browser: install one of {', '.join(names)}, or run `playwright install chromium`")
        opened = running.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def app_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app")


@pytest.fixture(scope="session")
def address(app_folder: Path) -> Iterator[str]:
    """Run the app in a process and return its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = app_folder / "log"
    environment = os.environ | {
        "GRADIO_SERVER_PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]),
        "KORLM_HOLD_FILE": str(app_folder / "hold"),
    }
    environment.pop("SPACE_ID", None)
    started = time.monotonic()
    command = [sys.executable, "-m", "support.held_app"]
    with open(log, "wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}/"
    try:
        while not answers(url):
            assert process.poll() is None and time.monotonic() - started < 600, log.read_text()
            time.sleep(0.1)
        print(f"first page after {time.monotonic() - started:.1f} s")
        yield url
    finally:
        process.terminate()
        process.wait(300)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def hold_models(app_folder: Path) -> HoldModels:
    """Return a context manager in which no model writes more than four tokens of a text, or as many as it is told."""

    @contextmanager
    def hold() -> Iterator[Callable[[int], None]]:
        hold_file = app_folder / "hold"

        def set_max_steps(count: int) -> None:
            (app_folder / "next").write_text(str(count))
            (app_folder / "next").replace(hold_file)

        set_max_steps(4)
        try:
            yield set_max_steps
        finally:
            hold_file.unlink()

    return hold


@pytest.fixture
def page(browser: playwright.Browser, address: str) -> Iterator[playwright.Page]:
    yield from open_page(browser, address, width=1440)
