"""Fixtures of the browser tests, as a plugin: one app and one browser for all of their files."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import ROOT
from support.browser import FLAGS, answers, open_page, playwright


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
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("app") / "log"
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "PYTHONUNBUFFERED": "1"}
    environment.pop("SPACE_ID", None)
    begun = time.monotonic()
    with open(log, "wb") as out:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=out, stderr=out)
    url = f"http://127.0.0.1:{port}/"
    try:
        while not answers(url):
            assert process.poll() is None and time.monotonic() - begun < 600, log.read_text()
            time.sleep(0.1)
        print(f"first page after {time.monotonic() - begun:.1f} s")
        yield url
    finally:
        process.terminate()
        process.wait(300)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def page(browser: playwright.Browser, address: str) -> Iterator[playwright.Page]:
    yield from open_page(browser, address, width=1440)
