"""A server of its own on a free port, with runs and data in a temporary folder, and a real Chromium to look at it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.names import HOSTILE

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
# Opened at a page's own address, Streamlit's script asks there for its server first, and then at the root.
EXPECTED_404 = re.compile(r"/(train|compare|layers|forgetting|explain|demo|data|runs|start)/_stcore/(health|host-config)$")

expect.set_options(timeout=30_000)  # a machine that does other things meanwhile


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.slow)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no chromium on the PATH: install Debian's package chromium"))


@dataclass
class Server:
    url: str
    runs: Path
    data: Path

    def events(self, run_id: str) -> dict:
        with urllib.request.urlopen(f"{self.url}/api/runs/{run_id}/events", timeout=10) as answer:
            return json.load(answer)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _hostile_folder(root: Path) -> Path:
    """Twelve small pictures in each of two classes whose names try to be markup."""
    folder = root / "pictures"
    rng = np.random.default_rng(0)
    for label, name in enumerate(HOSTILE):
        (folder / name).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 128, (32, 32, 3), dtype=np.uint8) + np.uint8(100 * label)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The product as a person starts it, from another folder than its own."""
    base = tmp_path_factory.mktemp("thaw")
    data = _hostile_folder(base / "data")
    port = _free_port()
    served = Server(f"http://127.0.0.1:{port}", base / "runs", data)
    environment = os.environ | {
        "THAW_RUNS_DIR": str(served.runs),
        "THAW_CACHE_DIR": str(base / "cache"),
        "THAW_DATA_ROOTS": str(base / "data"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.port", str(port)]
    with open(base / "server.log", "wb") as log:
        process = subprocess.Popen(
            [*command, "--server.headless", "true"], cwd=base, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        _wait_until(lambda: _healthy(served.url), seconds=60, what=f"the server (see {base / 'server.log'})")
        yield served
    finally:
        process.terminate()
        process.wait(timeout=20)
        _end_worker(served.runs)


def _healthy(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as answer:
        return answer.read() == b"ok"
    return False


def _end_worker(runs: Path) -> None:
    """The worker outlives its server by design; this one's folder goes away."""
    about = runs / ".worker" / "about.json"
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(json.loads(about.read_bytes())["pid"], signal.SIGTERM)


def _wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(0.1)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return _wait_until


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visitor:
    """A browser of its own, and everything in it that should not happen."""

    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Callable[..., Visitor]]:
    """Make a visitor: `visit()` or `visit(width=360, height=740, color_scheme="dark")`. None may meet a problem."""
    visitors: list[Visitor] = []

    def make(*, width: int = 1280, height: int = 900, color_scheme: str = "light") -> Visitor:
        context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=color_scheme)
        context.set_default_timeout(30_000)
        visitor = Visitor(context, context.new_page())
        page = visitor.page
        page.on("console", lambda m: _console(visitor, m.type, m.text, m.location.get("url", "")))
        page.on("pageerror", lambda error: visitor.problems.append(f"page error: {error}"))
        page.on("dialog", lambda dialog: (visitor.problems.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: _request(visitor, server, request.url))
        visitors.append(visitor)
        return visitor

    yield make
    for visitor in visitors:
        visitor.context.close()
        assert visitor.problems == []
        assert visitor.foreign == []


def _console(visitor: Visitor, kind: str, text: str, url: str) -> None:
    if kind == "error" and not ("404" in text and EXPECTED_404.search(url)):
        visitor.problems.append(f"console: {text} ({url})")


def _request(visitor: Visitor, server: Server, url: str) -> None:
    visitor.asked.append(url)
    if not url.startswith((server.url, server.url.replace("http", "ws", 1), "data:", "blob:")):
        visitor.foreign.append(url)
